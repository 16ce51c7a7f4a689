//! The tool `homer_find_calls`: arguments and results.

use homer_export::ExportError;
use homer_export::mcp::tools::find_calls;
use homer_export::mcp::tools::{InvalidCall, ToolCall, ToolFailure, ToolResult, export_pcap};
use homer_export::query::ParameterNames;
use homer_export::search::{
    CallFilter, CallFilterFields, FoundCall, FoundCalls, UnsearchedPart, find_calls as search,
};
use homer_export::{Config, Suggestion};
use serde_json::{Value, json};

use crate::model_homer::{ModelHomer, ModelRow};
use crate::tools::CONFIG;

/// 2026-11-20T10:00:00Z in milliseconds.
const FROM: i64 = 1_795_168_800_000;
const TO: i64 = FROM + 3_600_000;
const NOW: i64 = TO + 3_600_000;

fn parse(arguments: &Value) -> Result<ToolCall, InvalidCall> {
    ToolCall::parse(find_calls::NAME, arguments.as_object(), &CONFIG, NOW)
}

fn filter() -> CallFilterFields {
    CallFilterFields {
        from_ts: FROM,
        to_ts: TO,
        ..CallFilterFields::default()
    }
}

fn found_call(callid: &str, first_ts: Option<i64>) -> FoundCall {
    FoundCall {
        callid: callid.to_string(),
        first_ts,
        caller: "alice".to_string(),
        callee: "bob".to_string(),
        method: "INVITE".to_string(),
        status: Some(486),
        source: "192.0.2.10:5060".to_string(),
        destination: "192.0.2.20:5060".to_string(),
        node: "localnode".to_string(),
        user_agent: "Softphone/1.0".to_string(),
        correlation_id: None,
    }
}

fn found(calls: Vec<FoundCall>) -> FoundCalls {
    FoundCalls {
        calls,
        complete: true,
        requests: 2,
        ..FoundCalls::default()
    }
}

/// The result as JSON. It meets the output schema.
#[track_caller]
fn result(filter: &CallFilterFields, found: &FoundCalls) -> Value {
    let result = ToolResult::of_search(&CONFIG, filter, found);
    let value = serde_json::from_str(result.structured.unwrap().get()).unwrap();
    let definition = serde_json::to_value(find_calls::definition(&CONFIG)).unwrap();
    let valid = jsonschema::draft202012::validate(&definition["outputSchema"], &value);
    assert!(valid.is_ok(), "{:?}", valid.map_err(|e| e.to_string()));
    value
}

#[test]
fn find_tool_takes_times_in_every_form() {
    for (from, to) in [
        (json!(FROM), json!(TO)),
        (json!(FROM as f64), json!(TO.to_string())),
        (
            json!("2026-11-20T10:00:00Z"),
            json!("2026-11-20T12:00:00+01:00"),
        ),
        (json!("-2h"), json!("now-1h")),
    ] {
        let arguments = json!({"from_ts": from, "to_ts": to});
        assert_eq!(
            parse(&arguments),
            Ok(ToolCall::FindCalls(filter())),
            "{arguments}"
        );
    }
}

#[test]
fn find_tool_takes_conditions_however_models_write_them() {
    let arguments = json!({
        "from_ts": FROM, "to_ts": TO, "caller": 5_550_123, "callee": null, "method": "",
        "status": 486, "source": "192.0.2.10", "user_agent": "Soft*", "callid_prefix": "a84b",
    });
    let expected = CallFilterFields {
        caller: Some("5550123".to_string()),
        status: Some("486".to_string()),
        source: Some("192.0.2.10".to_string()),
        user_agent: Some("Soft*".to_string()),
        callid_prefix: Some("a84b".to_string()),
        ..filter()
    };
    assert_eq!(parse(&arguments), Ok(ToolCall::FindCalls(expected)));
}

#[test]
fn find_tool_says_which_argument_is_wrong() {
    for (name, value, why) in [
        (
            "from_ts",
            json!("2026-11-20"),
            "from_ts is \"2026-11-20\", which has no time zone, so it can mean two times",
        ),
        ("from_ts", json!("-3d"), "the window from from_ts "),
        ("from_ts", json!(null), "from_ts is missing; pass Unix time"),
        (
            "from_ts",
            json!([1]),
            "from_ts must be an integer or a string, found [1]; ",
        ),
        (
            "caller",
            json!(["a"]),
            "caller must be a string, found [\"a\"]",
        ),
        (
            "status",
            json!("100"),
            "status is \"100\"; expected a final status",
        ),
        ("party", json!("bob"), "party"),
    ] {
        let mut arguments = json!({"from_ts": FROM, "to_ts": TO, "caller": "alice"});
        arguments[name] = value;
        let Err(InvalidCall::Arguments(ExportError::InvalidRequest(text))) = parse(&arguments)
        else {
            panic!("{arguments}")
        };
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn find_tool_returns_the_arguments_of_the_export() {
    let call = FoundCall {
        correlation_id: Some("leg-b@x".to_string()),
        ..found_call("a84b4c76@x", Some(FROM + 123_456))
    };
    let result = result(&filter(), &found(vec![call]));
    assert_eq!(
        result,
        json!({
            "summary": "1 call between 2026-11-20T10:00:00Z and 2026-11-20T11:00:00Z. To export a \
                        call, pass its export to homer_export_pcap.",
            "calls": [{
                "time": "2026-11-20T10:02:03.456Z", "caller": "alice", "callee": "bob",
                "method": "INVITE", "status": 486, "source": "192.0.2.10:5060",
                "destination": "192.0.2.20:5060", "user_agent": "Softphone/1.0",
                "correlation_id": "leg-b@x",
                "export": {
                    "callid": "a84b4c76@x", "from_ts": FROM + 118_000, "to_ts": FROM + 3_723_000,
                },
            }],
            "complete": true, "unsearched": [],
        })
    );
    // They are accepted as they are.
    let export = &result["calls"][0]["export"];
    let parsed = ToolCall::parse(export_pcap::NAME, export.as_object(), &CONFIG, NOW);
    let Ok(ToolCall::ExportPcap(call)) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(call.call_id.as_str(), "a84b4c76@x");
}

#[test]
fn find_tool_suggests_the_searched_window_for_a_call_without_a_time() {
    let result = result(&filter(), &found(vec![found_call("a@x", None)]));
    assert_eq!(result["calls"][0]["time"], Value::Null);
    let export = json!({"callid": "a@x", "from_ts": FROM, "to_ts": TO});
    assert_eq!(result["calls"][0]["export"], export);
}

#[test]
fn find_tool_omits_what_a_model_cannot_read_and_says_how_to_go_on() {
    let calls: Vec<FoundCall> = (0..1000)
        .map(|number| found_call(&format!("call-{number}@192.0.2.10"), Some(FROM + number)))
        .collect();
    let result = result(&filter(), &found(calls));
    let shown = result["calls"].as_array().unwrap().len();
    assert!((30..100).contains(&shown), "{shown}");
    assert!(result.to_string().len() < 20_000);
    assert_eq!(result["omitted"], json!(1000 - shown));
    let next = FROM + i64::try_from(shown).unwrap();
    assert_eq!(result["next_from_ts"], json!(next));
    let text = format!(
        "1000 calls between 2026-11-20T10:00:00Z and 2026-11-20T11:00:00Z, of which this result \
         has the first {shown}; to get the next ones, search again with from_ts {next}, or add \
         conditions."
    );
    assert!(
        result["summary"].as_str().unwrap().starts_with(&text),
        "{result}"
    );
}

#[test]
fn find_tool_says_what_it_did_not_find_out() {
    let nothing = result(&filter(), &found(Vec::new()));
    let summary = nothing["summary"].as_str().unwrap();
    assert!(
        summary.contains("This is no proof that there was none"),
        "{summary}"
    );
    assert_eq!(nothing["calls"], json!([]));

    let part = UnsearchedPart {
        from_ts: FROM,
        to_ts: FROM + 1000,
        why: "a row crashes Homer's search".to_string(),
    };
    let incomplete = FoundCalls {
        calls: vec![found_call("a@x", Some(FROM))],
        complete: false,
        unsearched: vec![part.clone(); 12],
        unknown_statuses: 3,
        requests: 64,
        limit_reached: true,
    };
    let refused = CallFilterFields {
        status: Some("4xx".to_string()),
        ..filter()
    };
    let result = result(&refused, &incomplete);
    assert_eq!(
        result["summary"],
        "1 call between 2026-11-20T10:00:00Z and 2026-11-20T11:00:00Z. The search is incomplete: \
         12 parts of the window could not be searched completely, of which unsearched names the \
         first 10. It stopped at a limit after 64 of at most 64 requests to Homer: choose a \
         shorter window, or add conditions. The final status of 3 calls could not be looked up, \
         so these are left out. To export a call, pass its export to homer_export_pcap."
    );
    assert_eq!(result["complete"], json!(false));
    assert_eq!(result["unsearched"].as_array().unwrap().len(), 10);
}

/// Homer holds whatever somebody sent.
#[test]
fn find_tool_offers_no_call_id_that_cannot_be_exported() {
    let result = result(&filter(), &found(vec![found_call("a\nb", Some(FROM))]));
    assert_eq!(result["calls"][0]["export"], Value::Null);
    assert_eq!(result["calls"][0]["caller"], json!("alice"));
}

#[test]
fn find_tool_shows_what_a_search_finds() {
    let invite = ModelRow::invite("one@x", FROM * 1000 + 5_000_000);
    let rows = [invite.clone(), invite.response(486, 1_000_000)];
    let mut homer = ModelHomer::new(rows);
    let config = Config::from_vars([("HOMER_URL", "http://homer:9080")]).unwrap();
    let fields = CallFilterFields {
        party: Some("bob".to_string()),
        ..filter()
    };
    let filter = CallFilter::parse(&fields, 24, &ParameterNames::MCP).unwrap();
    let found = search(&filter, &config, &mut homer).unwrap();
    let shown = result(&fields, &found);
    assert_eq!(shown["calls"][0]["export"]["callid"], "one@x");
    assert_eq!(shown["calls"][0]["status"], json!(486));
    // The function of the tool component returns the same.
    let text = find_calls::text_result(&fields, &found, 48);
    let text: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text["calls"], shown["calls"]);
    let summary = text["summary"].as_str().unwrap();
    assert!(
        summary.ends_with("pass its export to homer-export-pcap."),
        "{summary}"
    );
}

#[test]
fn suggestion_is_structured_content_that_meets_the_schema() {
    let suggestion = Suggestion {
        callid: "a@x".to_string(),
        from_ts: FROM,
        to_ts: TO,
        profile: "1_call".to_string(),
    };
    let error = ExportError::NothingCaptured {
        suggestion: Some(suggestion),
        message: "nothing".to_string(),
    };
    let failure = ToolFailure::of_export(&error);
    assert_eq!(failure.text, "nothing-captured: nothing");
    let structured: Value = serde_json::from_str(failure.structured.unwrap().get()).unwrap();
    let arguments = json!({"callid": "a@x", "from_ts": FROM, "to_ts": TO});
    assert_eq!(structured, json!({"suggestion": arguments}));
    let definition = serde_json::to_value(export_pcap::definition(&CONFIG)).unwrap();
    let schema = jsonschema::draft202012::new(&definition["outputSchema"]).unwrap();
    assert!(schema.is_valid(&structured));
    assert!(!schema.is_valid(&json!({})));
    let export = ToolCall::parse(export_pcap::NAME, arguments.as_object(), &CONFIG, NOW);
    assert!(export.is_ok());
    // Without one there is nothing to add to the text.
    let error = ExportError::nothing_captured("nothing");
    assert!(ToolFailure::of_export(&error).structured.is_none());
}
