//! The tools' arguments.

use homer_export::ExportError;
use homer_export::tool::message::Format;
use homer_export::tool::{MessageArguments, WindowArguments};
use serde_json::{Value, json};

fn parse(arguments: &Value) -> Result<WindowArguments, ExportError> {
    WindowArguments::parse(arguments.as_object())
}

#[test]
fn arguments_accept_integers_however_written() {
    for from_ts in [
        json!(1_795_168_800_000_i64),
        json!(1_795_168_800_000.0),
        json!("1795168800000"),
    ] {
        let arguments = parse(&json!({"callid": "a@b", "from_ts": from_ts, "to_ts": 5}));
        assert_eq!(
            arguments,
            Ok(WindowArguments {
                callid: "a@b".into(),
                from_ts: 1_795_168_800_000,
                to_ts: 5
            })
        );
    }
}

#[test]
fn arguments_refuse_with_the_name_and_the_form() {
    for (arguments, why) in [
        (
            json!({}),
            "callid is missing; pass the value of the SIP Call-ID header",
        ),
        (
            json!({"callid": ["a"]}),
            "callid is not a string; pass one Call-ID as a string",
        ),
        (
            json!({"callid": "a"}),
            "from_ts is missing; pass Unix time in milliseconds, UTC",
        ),
        (
            json!({"callid": "a", "from_ts": 1.5}),
            "from_ts is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000",
        ),
        (
            json!({"callid": "a", "from_ts": 1, "to_ts": "soon"}),
            "to_ts is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000",
        ),
        (
            json!({"callid": "a", "from_ts": 1, "to_ts": 2, "url": "http://x"}),
            "there is no argument \"url\"; the arguments are callid, from_ts, to_ts",
        ),
    ] {
        assert_eq!(
            parse(&arguments),
            Err(ExportError::InvalidRequest(why.to_string()))
        );
    }
}

#[test]
fn arguments_of_a_message_have_defaults() {
    let parse = |more: &str| {
        let text = format!(r#"{{"callid": "a", "from_ts": 1, "to_ts": 2 {more}}}"#);
        MessageArguments::parse(
            serde_json::from_str::<Value>(&text)
                .unwrap_or_default()
                .as_object(),
        )
    };
    let window = || WindowArguments {
        callid: "a".into(),
        from_ts: 1,
        to_ts: 2,
    };
    let default = MessageArguments {
        window: window(),
        packet: 3,
        format: Format::Text,
        offset: 0,
    };
    assert_eq!(parse(r#", "packet": "3""#), Ok(default));
    let all = MessageArguments {
        window: window(),
        packet: 3,
        format: Format::Hex,
        offset: 40,
    };
    assert_eq!(
        parse(r#", "packet": 3.0, "format": "hex", "offset": 40"#),
        Ok(all)
    );
    for (more, why) in [
        (
            "",
            "packet is missing; pass the number of a packet, counted from 1",
        ),
        (
            r#", "packet": 0"#,
            "packet is not a number from 1 on; packets are counted from 1",
        ),
        (
            r#", "packet": 1, "format": "xml""#,
            "format is neither text nor hex",
        ),
        (
            r#", "packet": 1, "offset": -1"#,
            "offset is not a number of bytes from 0 on",
        ),
    ] {
        assert_eq!(
            parse(more),
            Err(ExportError::InvalidRequest(why.to_string()))
        );
    }
}
