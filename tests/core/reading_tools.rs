//! The tools that read a part of a capture: definitions, arguments and results.

use homer_export::mcp::tools::{
    InvalidCall, ReadCall, ToolCall, ToolResult, compare_calls, definitions,
    note_on_unknown_arguments, read_ladder,
};
use homer_export::reader::CaptureReader;
use homer_export::{ExportError, Query};
use serde_json::{Value, json};

use crate::capture::{BEGIN_US, CALL_ID, Capture, Sent, healthy};
use crate::made_calls::refused_call;
use crate::tools::CONFIG;

const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;
/// The current time.
const NOW: i64 = 1_795_170_000_000;

fn parse(name: &str, arguments: &Value) -> Result<ReadCall, ExportError> {
    match ToolCall::parse(name, arguments.as_object(), &CONFIG, NOW) {
        Ok(ToolCall::Read(call)) => Ok(call),
        Err(InvalidCall::Arguments(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn refusal(name: &str, arguments: &Value) -> String {
    match parse(name, arguments) {
        Err(ExportError::InvalidRequest(why)) => why,
        other => panic!("{arguments}: {other:?}"),
    }
}

/// The text of a tool's result for these captures, one after the other.
fn read(name: &str, arguments: &Value, captures: &[Vec<u8>]) -> Result<String, ExportError> {
    let call = parse(name, arguments)?;
    assert_eq!(call.captures().len(), captures.len());
    let mut reader = CaptureReader::new(call.reading())?;
    for (at, capture) in captures.iter().enumerate() {
        if at > 0 {
            reader.next_capture()?;
        }
        reader.feed(capture)?;
    }
    let result = ToolResult::of_reading(&call, &reader.finish()?);
    // All of it is text: a client shows a model either that or the structured content.
    assert!(result.structured.is_none());
    Ok(result.text)
}

#[test]
fn reading_tools_have_short_definitions_that_name_every_argument() {
    for (name, required) in [
        (read_ladder::NAME, json!(["callid", "from_ts", "to_ts"])),
        (
            compare_calls::NAME,
            json!(["callid_a", "callid_b", "from_ts", "to_ts"]),
        ),
    ] {
        let definitions = definitions(&CONFIG);
        let definition = definitions.iter().find(|it| it.name == name).unwrap();
        let text = serde_json::to_string(definition).unwrap();
        assert!(text.chars().count() <= 1000, "{}: {text}", text.len());
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["inputSchema"]["required"], required);
        assert_eq!(json["annotations"]["readOnlyHint"], true);
        assert_eq!(json["annotations"]["openWorldHint"], false);
        assert_eq!(json.get("outputSchema"), None);
        // The arguments of the schema are those that the parser knows.
        let properties = json["inputSchema"]["properties"].as_object().unwrap();
        let mut arguments = json!({ "unknown": 1 });
        for property in properties.keys() {
            arguments[property] = json!(1);
        }
        let note = note_on_unknown_arguments(name, arguments.as_object()).unwrap();
        assert!(
            note.starts_with(&format!(
                "Note: the unknown argument \"unknown\" was ignored; {name} takes callid"
            )),
            "{note}"
        );
        let (_, known) = note.split_once(" takes ").unwrap();
        let known: Vec<&str> = known.trim_end_matches('.').split(", ").collect();
        let only_known: Vec<_> = (known.iter())
            .filter(|argument| !properties.contains_key(**argument))
            .collect();
        match name {
            read_ladder::NAME => assert_eq!(only_known, [&"profiles", &"from_part"]),
            _ => assert!(only_known.is_empty(), "{only_known:?}"),
        }
    }
}

#[test]
fn read_ladder_takes_conditions_as_models_write_them() {
    let arguments = json!({
        "callid": CALL_ID, "from_ts": "2026-11-20T10:00:00Z", "to_ts": "now", "profiles": null,
        "from_packet": "2", "from_part": 1.0, "to_packet": 6, "method": null, "status": 200,
        "only_callid": CALL_ID, "findings_only": "false",
    });
    let Ok(ReadCall::Ladder(ladder)) = parse(read_ladder::NAME, &arguments) else {
        panic!("{arguments}");
    };
    assert_eq!(ladder.call.window.from_ms(), FROM);
    assert_eq!(ladder.call.window.to_ms(), NOW);
    let query = ladder.query;
    assert_eq!((query.from_packet, query.to_packet), (2, Some(6)));
    assert_eq!(query.status.as_deref(), Some("200"));
    assert_eq!((query.method, query.findings_only), (None, false));
    assert_eq!(query.call_ids, [CALL_ID]);
}

#[test]
fn read_ladder_refuses_other_values() {
    let with = |name: &str, value: Value| {
        let mut arguments = json!({ "callid": "a", "from_ts": FROM, "to_ts": TO });
        arguments[name] = value;
        refusal(read_ladder::NAME, &arguments)
    };
    assert_eq!(
        with("from_packet", json!(0)),
        "from_packet must be a whole number of at least 1, found 0"
    );
    assert_eq!(
        with("to_packet", json!("last")),
        "to_packet must be a whole number of at least 1, found \"last\""
    );
    assert_eq!(
        with("findings_only", json!("yes")),
        "findings_only must be true or false, found \"yes\""
    );
    assert_eq!(
        with("method", json!(["INVITE"])),
        "method must be a string such as INVITE, found [\"INVITE\"]"
    );
    assert_eq!(
        with("callid", Value::Null),
        "callid is missing; pass the value of the SIP Call-ID header"
    );
}

#[test]
fn read_ladder_says_which_rows_these_are_and_where_the_next_page_begins() {
    let mut sent: Vec<Sent> = Vec::new();
    for number in 0..40 {
        for mut message in healthy() {
            message.replace("z9hG4bK", &format!("z9hG4bK{number}"));
            message.time_us = BEGIN_US + number * 100_000_000;
            sent.push(message);
        }
    }
    let capture = [Capture::messages(&sent)];
    let mut arguments = json!({ "callid": CALL_ID, "from_ts": FROM, "to_ts": TO });
    let first = read(read_ladder::NAME, &arguments, &capture).unwrap();
    assert!(first.len() <= 8000, "{}", first.len());
    let (head, rest) = first.split_once('\n').unwrap();
    assert!(head.starts_with("Rows 1 to "), "{head}");
    let of = " of 280; the capture has 280 packets. xN: the message is there N times. [code]: a \
              finding.";
    assert!(head.ends_with(of), "{head}");
    assert!(rest.starts_with("Participants: A = "), "{rest}");
    let next = first.lines().last().unwrap();
    let next = next.strip_prefix("Next page: from_packet ").unwrap();
    let next: u64 = next.trim_end_matches('.').parse().unwrap();
    arguments["from_packet"] = json!(next);
    let second = read(read_ladder::NAME, &arguments, &capture).unwrap();
    assert!(second.starts_with(&format!("Rows {next} to ")), "{second}");
    arguments["from_packet"] = json!(274);
    let last = read(read_ladder::NAME, &arguments, &capture).unwrap();
    assert!(last.starts_with("Rows 274 to 280 of 280; "), "{last}");
    assert!(last.ends_with("\nThis is the last page.\n"), "{last}");
    arguments["method"] = json!("REGISTER");
    assert_eq!(
        read(read_ladder::NAME, &arguments, &capture).unwrap(),
        "No message of this part of the ladder meets the conditions. The capture has 280 packets.\n"
    );
}

#[test]
fn compare_calls_has_one_window_or_two() {
    let mut arguments = json!({
        "callid_a": "a", "callid_b": "b", "from_ts": FROM, "to_ts": TO, "from_ts_b": null,
    });
    let windows = |arguments: &Value| {
        let Ok(ReadCall::Comparison(calls)) = parse(compare_calls::NAME, arguments) else {
            panic!("{arguments}");
        };
        [calls.a, calls.b].map(|call| {
            let query: Query = call.query().unwrap();
            let window = query.window();
            (
                query.call_ids()[0].as_str().to_string(),
                window.from_ms(),
                window.to_ms(),
            )
        })
    };
    let (a, b) = (("a".to_string(), FROM, TO), "b".to_string());
    assert_eq!(windows(&arguments), [a.clone(), (b.clone(), FROM, TO)]);
    arguments["from_ts_b"] = json!("2026-11-20T09:00:00Z");
    assert_eq!(
        windows(&arguments),
        [a.clone(), (b.clone(), FROM - 3_600_000, TO)]
    );
    arguments["to_ts_b"] = json!(FROM);
    assert_eq!(windows(&arguments), [a, (b, FROM - 3_600_000, FROM)]);
    // Errors name the argument.
    arguments["to_ts_b"] = json!(1_795_168);
    let why = refusal(compare_calls::NAME, &arguments);
    assert!(
        why.starts_with("to_ts_b is 1795168, which is not "),
        "{why}"
    );
    arguments["to_ts_b"] = json!(FROM - 7_200_000);
    let why = refusal(compare_calls::NAME, &arguments);
    assert!(why.contains("from_ts_b"), "{why}");
    arguments["callid_b"] = Value::Null;
    assert_eq!(
        refusal(compare_calls::NAME, &arguments),
        "callid_b is missing; pass the value of the SIP Call-ID header"
    );
}

#[test]
fn compare_calls_returns_verdicts_and_differences_as_text() {
    let arguments = json!({
        "callid_a": CALL_ID, "callid_b": CALL_ID, "from_ts": FROM, "to_ts": TO,
    });
    let captures = [refused_call("486 Busy Here", ""), healthy()];
    let captures = captures.map(|sent| Capture::messages(&sent));
    let text = read(compare_calls::NAME, &arguments, &captures).unwrap();
    assert!(
        text.contains("\n1. Final status: A \"486\", B \"200\"\n"),
        "{text}"
    );
    let same = [captures[1].clone(), captures[1].clone()];
    let text = read(compare_calls::NAME, &arguments, &same).unwrap();
    assert!(
        text.ends_with("No differences found in status, header fields, media, order or timing.\n"),
        "{text}"
    );
}
