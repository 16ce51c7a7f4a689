//! The tools' arguments.

use homer_export::mcp::tools::MessageFormat;
use homer_export::mcp::tools::{
    CallWindow, InvalidCall, MessageArguments, ReadCall, ToolCall, export_pcap, find_calls,
    note_on_unknown_arguments, read_message,
};
use homer_export::{CallId, ExportError, Window};
use serde_json::{Value, json};

use crate::tools::CONFIG;

const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;
/// The current time.
const NOW: i64 = 1_795_170_000_000;

fn parse(name: &str, arguments: &Value) -> Result<ToolCall, InvalidCall> {
    ToolCall::parse(name, arguments.as_object(), &CONFIG, NOW)
}

fn call() -> CallWindow {
    CallWindow {
        call_id: CallId::parse("a@b").unwrap(),
        window: Window::new(FROM, TO, 24, &homer_export::query::ParameterNames::MCP).unwrap(),
        also: Vec::new(),
        profiles: Vec::new(),
        redact: None,
    }
}

fn invalid(why: &str) -> Result<ToolCall, InvalidCall> {
    Err(InvalidCall::Arguments(ExportError::InvalidRequest(
        why.to_string(),
    )))
}

#[test]
fn arguments_accept_integers_however_written() {
    for from_ts in [json!(FROM), json!(FROM as f64), json!("1795168800000")] {
        let arguments = json!({"callid": "a@b", "from_ts": from_ts, "to_ts": TO});
        assert_eq!(
            parse(export_pcap::NAME, &arguments),
            Ok(ToolCall::ExportPcap(call()))
        );
    }
}

#[test]
fn arguments_accept_times_as_people_write_them() {
    for (from_ts, to_ts) in [
        (
            json!("2026-11-20T10:00:00Z"),
            json!("2026-11-20T11:05:00+01:00"),
        ),
        (json!("-20m"), json!("now-15m")),
        (json!(FROM), json!("-900s")),
    ] {
        let arguments = json!({"callid": "a@b", "from_ts": from_ts, "to_ts": to_ts});
        assert_eq!(
            parse(export_pcap::NAME, &arguments),
            Ok(ToolCall::ExportPcap(call())),
            "{arguments}"
        );
    }
    // A guess would search the wrong hours.
    let arguments = json!({"callid": "a@b", "from_ts": "2026-11-20 10:00", "to_ts": TO});
    assert_eq!(
        parse(export_pcap::NAME, &arguments),
        invalid(
            "from_ts is \"2026-11-20 10:00\", which has no time zone, so it can mean two times: \
             for UTC write 2026-11-20T10:00:00Z (1795168800000); for local time write its offset \
             from UTC, for example 2026-11-20T10:00:00+01:00 where it is one hour ahead"
        )
    );
}

#[test]
fn arguments_name_further_call_ids() {
    let parse = |also: Value| {
        let arguments =
            json!({"callid": "a@b", "from_ts": FROM, "to_ts": TO, "also_callids": also});
        parse(export_pcap::NAME, &arguments)
    };
    // One capture has one name, however it is asked for.
    for none in [json!(null), json!([]), json!(["a@b"])] {
        assert_eq!(parse(none), Ok(ToolCall::ExportPcap(call())));
    }
    for also in [json!(["c", "d", "c"]), json!(["a@b", "c", "d"])] {
        let Ok(ToolCall::ExportPcap(call)) = parse(also) else {
            panic!("not an export")
        };
        let query = call.query().unwrap();
        let ids: Vec<&str> = query.call_ids().iter().map(CallId::as_str).collect();
        assert_eq!(ids, ["a@b", "c", "d"]);
    }
    let Ok(ToolCall::ExportPcap(one)) = parse(json!("c")) else {
        panic!("not an export")
    };
    assert_eq!(one, call().with_also(["c"]).unwrap());
    let ids = |number: usize| (0..number).map(|id| format!("{id}@x")).collect::<Vec<_>>();
    assert!(parse(json!(ids(99))).is_ok());
    assert_eq!(
        parse(json!(ids(100))),
        invalid("the query has 101 Call-IDs; the maximum is 100")
    );
    assert_eq!(
        parse(json!([1])),
        invalid("also_callids must be a list of strings such as [\"b7d1@192.0.2.20\"], found [1]")
    );
    let long: Vec<String> = (0..40)
        .map(|id| format!("{id}{}", "x".repeat(500)))
        .collect();
    let Err(InvalidCall::Arguments(error)) = parse(json!(long)) else {
        panic!("accepted")
    };
    assert!(
        error
            .message()
            .starts_with("the 41 Call-IDs are too long together: ")
            && error
                .message()
                .ends_with("the maximum is 16384. Export fewer at a time"),
        "{error}"
    );
}

#[test]
fn arguments_are_rejected_with_their_name_and_the_expected_form() {
    for (arguments, why) in [
        (
            json!({}),
            "callid is missing; pass the value of the SIP Call-ID header",
        ),
        (
            json!({"callid": null, "from_ts": 1, "to_ts": 2}),
            "callid is missing; pass the value of the SIP Call-ID header",
        ),
        (
            json!({"callid": "a", "from_ts": null, "to_ts": 2}),
            "from_ts is missing; pass Unix time in milliseconds, UTC (1795168800000), RFC 3339 \
             with an offset (2026-11-20T10:00:00Z), or a time relative to now (-2h, now)",
        ),
        (
            json!({"callid": ["a"]}),
            "callid must be one Call-ID as a string, found [\"a\"]",
        ),
        (
            json!({"callid": "a"}),
            "from_ts is missing; pass Unix time in milliseconds, UTC (1795168800000), RFC 3339 \
             with an offset (2026-11-20T10:00:00Z), or a time relative to now (-2h, now)",
        ),
        (
            json!({"callid": "a", "from_ts": 1.5}),
            "from_ts must be an integer or a string, found 1.5; pass Unix time in milliseconds, \
             UTC (1795168800000), RFC 3339 with an offset (2026-11-20T10:00:00Z), or a time \
             relative to now (-2h, now)",
        ),
        (
            json!({"callid": "a", "from_ts": 1, "to_ts": "soon"}),
            "to_ts is \"soon\", which is not a time; use Unix milliseconds (1795168800000), RFC \
             3339 with an offset (2026-11-20T10:00:00Z), or a time relative to now (now, -2h, \
             -1d12h; units d, h, m, s)",
        ),
    ] {
        assert_eq!(parse(export_pcap::NAME, &arguments), invalid(why));
    }
    // A long value is cut.
    let long = json!({"callid": "a", "from_ts": "x".repeat(1000)});
    let why = format!(
        "from_ts is \"{}…\", which is not a time; use Unix milliseconds (1795168800000), RFC 3339 \
         with an offset (2026-11-20T10:00:00Z), or a time relative to now (now, -2h, -1d12h; \
         units d, h, m, s)",
        "x".repeat(64)
    );
    assert_eq!(parse(export_pcap::NAME, &long), invalid(&why));
}

#[test]
fn arguments_that_a_tool_does_not_have_are_ignored_and_named() {
    let known = json!({"callid": "a@b", "from_ts": FROM, "to_ts": TO, "packet": 1});
    for (tool, takes) in [
        (
            export_pcap::NAME,
            "callid, also_callids, from_ts, to_ts, profiles, redact.",
        ),
        (
            read_message::NAME,
            "callid, also_callids, from_ts, to_ts, profiles, packet, format, offset.",
        ),
        (find_calls::NAME, "from_ts, to_ts, caller, callee, party, "),
    ] {
        let mut arguments = known.clone();
        match tool {
            export_pcap::NAME => arguments["packet"].take(),
            find_calls::NAME => {
                arguments = json!({"from_ts": FROM, "to_ts": TO});
                Value::Null
            }
            _ => Value::Null,
        };
        arguments
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let expected = parse(tool, &arguments);
        assert!(expected.is_ok(), "{expected:?}");
        assert_eq!(note_on_unknown_arguments(tool, arguments.as_object()), None);
        arguments["u\nrl"] = json!("http://x");
        assert_eq!(parse(tool, &arguments), expected);
        let note = note_on_unknown_arguments(tool, arguments.as_object()).unwrap();
        let start =
            format!("Note: the unknown argument \"u rl\" was ignored; {tool} takes {takes}");
        assert!(note.starts_with(&start), "{note}");
    }
    let many: serde_json::Map<_, _> = (1..=7).map(|n| (format!("a{n}"), json!(n))).collect();
    let note = note_on_unknown_arguments(export_pcap::NAME, Some(&many)).unwrap();
    let start =
        "Note: the unknown arguments \"a1\", \"a2\", \"a3\", \"a4\", \"a5\" and 2 more were";
    assert!(note.starts_with(start), "{note}");
    assert_eq!(note_on_unknown_arguments("no_tool", Some(&many)), None);
    assert_eq!(note_on_unknown_arguments(export_pcap::NAME, None), None);
}

#[test]
fn arguments_are_parsed_into_a_call_id_and_a_window() {
    for (callid, from_ts, to_ts, why) in [
        (" a", FROM, TO, "white space at its start or end"),
        ("a", TO, FROM, "the window is reversed"),
        ("a", FROM / 1000, TO / 1000, "looks like seconds"),
        // The limit of the configuration is 48 hours.
        ("a", FROM, FROM + 49 * 3_600_000, "is 49 h 0 min long"),
    ] {
        let arguments = json!({"callid": callid, "from_ts": from_ts, "to_ts": to_ts});
        let Err(InvalidCall::Arguments(ExportError::InvalidRequest(text))) =
            parse(export_pcap::NAME, &arguments)
        else {
            panic!("{arguments}")
        };
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn arguments_name_profiles_as_an_option() {
    let parse = |profiles: Value| {
        let mut arguments = json!({"callid": "a@b", "from_ts": FROM, "to_ts": TO});
        arguments["profiles"] = profiles;
        parse(export_pcap::NAME, &arguments)
    };
    let in_profiles = |keys: &[&str]| {
        let call = call().with_profiles(keys).unwrap();
        Ok(ToolCall::ExportPcap(call))
    };
    // The default ones have one name, so that a cached capture is found again.
    for default in [
        json!(null),
        json!([]),
        json!(["1_call", "1_registration", "1_default"]),
        json!(["1_call", "1_registration", "1_call", "1_default"]),
    ] {
        assert_eq!(parse(default), Ok(ToolCall::ExportPcap(call())));
    }
    for (profiles, expected) in [
        (json!(["1_default"]), &["1_default"][..]),
        // Some models write a list of one like this.
        (json!("1_default"), &["1_default"]),
        (json!(["1_default", "1_call"]), &["1_default", "1_call"]),
    ] {
        assert_eq!(parse(profiles), in_profiles(expected));
    }
    let nine: Vec<String> = (1..=9).map(|id| format!("{id}_call")).collect();
    for (profiles, why) in [
        (
            json!(["call"]),
            "the profile is \"call\"; expected <HEP id>_<name>, for example 1_call",
        ),
        (
            json!([1]),
            "profiles must be a list of strings such as [\"1_call\"], found [1]",
        ),
        (
            json!({"1_call": true}),
            "profiles must be a list of strings such as [\"1_call\"], found {\"1_call\":true}",
        ),
        (json!(nine), "the query has 9 profiles; the maximum is 8"),
    ] {
        assert_eq!(parse(profiles), invalid(why));
    }
    // The other tool counts the same packets, so it takes the same profiles.
    let arguments = json!({
        "callid": "a@b", "from_ts": FROM, "to_ts": TO, "packet": 1, "profiles": ["1_default"],
    });
    let Ok(ToolCall::Read(ReadCall::Message(message))) =
        ToolCall::parse(read_message::NAME, arguments.as_object(), &CONFIG, NOW)
    else {
        panic!("{arguments}")
    };
    assert_eq!(message.call, call().with_profiles(["1_default"]).unwrap());
    let query = message.call.query().unwrap();
    assert_eq!(query.profiles(), message.call.profiles);
    assert_eq!(call().query().unwrap().profiles().len(), 3);
}

#[test]
fn arguments_of_a_message_have_defaults() {
    let parse = |more: &str| {
        let text = format!(r#"{{"callid": "a@b", "from_ts": {FROM}, "to_ts": {TO} {more}}}"#);
        parse(
            read_message::NAME,
            &serde_json::from_str::<Value>(&text).unwrap_or_default(),
        )
    };
    let message = |format, offset| {
        Ok(ToolCall::Read(ReadCall::Message(MessageArguments {
            call: call(),
            packet: 3,
            format,
            offset,
        })))
    };
    assert_eq!(parse(r#", "packet": "3""#), message(MessageFormat::Text, 0));
    assert_eq!(
        parse(r#", "packet": 3.0, "format": "hex", "offset": 40"#),
        message(MessageFormat::Hex, 40)
    );
    // Clients that fill in all properties.
    assert_eq!(
        parse(r#", "packet": 3, "format": null, "offset": null"#),
        message(MessageFormat::Text, 0)
    );
    for (more, why) in [
        (
            r#", "packet": null"#,
            "packet is missing; pass the number of a packet, counted from 1",
        ),
        (
            "",
            "packet is missing; pass the number of a packet, counted from 1",
        ),
        (
            r#", "packet": 0"#,
            "packet must be a whole number of at least 1, found 0",
        ),
        (
            r#", "packet": 1, "format": "xml""#,
            "format must be text or hex, found \"xml\"",
        ),
        (
            r#", "packet": 1, "offset": -1"#,
            "offset must be a whole number of at least 0, found -1",
        ),
    ] {
        assert_eq!(parse(more), invalid(why));
    }
}

#[test]
fn call_of_an_unknown_tool_is_rejected() {
    let message = "unknown tool \"x\"; the tools are homer_export_pcap, homer_read_message, \
                 homer_find_calls, homer_read_ladder and homer_compare_calls";
    assert_eq!(
        parse("x", &json!({})),
        Err(InvalidCall::UnknownTool {
            message: message.to_string()
        })
    );
}
