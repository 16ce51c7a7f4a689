//! The tools: definitions, results, resource URIs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homer_export::mcp::Base64Stream;
use homer_export::mcp::delivery::{self, Attachment, Delivery, ResultMode};
use homer_export::mcp::tools::export_pcap::{self, Delivered, ExportResult};
use homer_export::mcp::tools::{
    CallWindow, MessageArguments, ReadCall, ToolConfig, ToolDefinition, ToolResult,
};
use homer_export::mcp::tools::{MessageFormat, find_calls, read_message};
use homer_export::mcp::uri::{ResourceError, ResourceRequest};
use homer_export::reader::CaptureReader;
use homer_export::{CallId, CaptureReport, ExportError, Window};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{recordings, report};

pub(crate) const CONFIG: ToolConfig = ToolConfig {
    max_window_hours: 48,
    mode: ResultMode::Auto,
    inline_bytes: 256 * 1024,
    read_bytes: 6 << 20,
    output_dir: false,
    stateless: false,
};

const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;

fn json_of(definition: ToolDefinition) -> Value {
    serde_json::to_value(definition).unwrap()
}

fn definition() -> Value {
    json_of(export_pcap::definition(&CONFIG))
}

/// The result in JSON.
fn result(report: &CaptureReport, sha256: &str, delivered: Delivered<'_>) -> Value {
    serde_json::to_value(ExportResult::new("a.pcap", sha256, report, delivered)).unwrap()
}

fn call(call_id: &str) -> CallWindow {
    CallWindow {
        call_id: CallId::parse(call_id).unwrap(),
        window: Window::new(FROM, TO, 24, &homer_export::query::ParameterNames::MCP).unwrap(),
        also: Vec::new(),
        profiles: Vec::new(),
        redact: None,
    }
}

fn keys(object: &Value) -> Vec<&String> {
    object.as_object().unwrap().keys().collect()
}

#[test]
fn tool_states_the_configured_limits() {
    let definition = definition();
    assert!(definition["description"].as_str().unwrap().contains(
        "The pcap is attached as a binary resource up to 256 KiB, and linked for resources/read up \
         to 6 MiB; above that, only the report is returned."
    ));
    for definition in [definition, json_of(find_calls::definition(&CONFIG))] {
        let to_ts = &definition["inputSchema"]["properties"]["to_ts"]["description"];
        assert!(
            to_ts
                .as_str()
                .unwrap()
                .ends_with(", at most 48 hours after from_ts")
        );
    }
}

/// The structured content of `homer_export_pcap`.
fn structured(report: &CaptureReport) -> Value {
    let result = ToolResult::of_export(&CONFIG, &call("a"), &"0".repeat(64), report, None);
    serde_json::from_str(result.structured.unwrap().get()).unwrap()
}

#[test]
fn tool_result_has_what_its_schema_says() {
    let schema = &definition()["outputSchema"];
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let mut seen = BTreeSet::new();
    for (name, capture) in recordings::captures() {
        if capture.len() == 24 {
            // An empty capture is an error, and never a result.
            continue;
        }
        let report = report::analyze(
            &capture,
            &["udp-normal-1@192.0.2.10", "two-probes@192.0.2.10"],
        );
        let result = structured(&report);
        let errors: Vec<String> = validator
            .iter_errors(&result)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [] as [&str; 0], "{name}");
        seen.extend(keys(&result["report"]).into_iter().cloned());
    }
    // Every property of the report appears in some recording.
    for key in keys(&schema["properties"]["report"]["properties"]) {
        assert!(seen.contains(key), "{key}");
    }
}

/// The window of the export, and the other legs to ask for.
#[test]
fn tool_result_says_how_to_go_on() {
    let others: Vec<String> = (0..20).map(|leg| format!("leg-{leg}@x")).collect();
    let report = CaptureReport {
        size_bytes: 100,
        other_call_ids: others.clone(),
        ..CaptureReport::default()
    };
    let structured = |call: &CallWindow, report| {
        let result = ToolResult::of_export(&CONFIG, call, &"0".repeat(64), report, None);
        serde_json::from_str::<Value>(result.structured.unwrap().get()).unwrap()
    };
    let result = structured(&call("a@x"), &report);
    let schema = jsonschema::draft202012::new(&definition()["outputSchema"]).unwrap();
    assert!(schema.is_valid(&result));
    assert_eq!(
        (&result["from_ts"], &result["to_ts"]),
        (&json!(FROM), &json!(TO))
    );
    assert_eq!(result["suggested_also_callids"], json!(others[..10]));
    let summary = result["summary"].as_str().unwrap();
    assert!(
        summary.contains("suggested_also_callids as also_callids"),
        "{summary}"
    );
    // A query has room for 100 Call-IDs.
    let full = call("a@x")
        .with_also((0..97).map(|id| format!("{id}@y")))
        .unwrap();
    assert_eq!(
        structured(&full, &report)["suggested_also_callids"],
        json!(others[..2])
    );
    let alone = structured(
        &call("a@x"),
        &CaptureReport {
            other_call_ids: Vec::new(),
            ..report.clone()
        },
    );
    assert_eq!(alone["suggested_also_callids"], Value::Null);
}

#[test]
fn tool_schema_rejects_what_is_not_a_result() {
    let good = structured(&CaptureReport::default());
    let validator = jsonschema::draft202012::new(&definition()["outputSchema"]).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, bad) in [
        ("/report/ladder", json!([{}])),
        ("/report/findings", json!([{"packet": 1}])),
        ("/report/complete", json!("yes")),
        ("/report", json!({})),
        ("/delivery", json!("mail")),
    ] {
        let mut result = good.clone();
        *result.pointer_mut(pointer).unwrap() = bad;
        assert!(!validator.is_valid(&result), "{pointer}");
    }
    // Programs must not depend on the members that are not described: there may be more of them.
    let mut more = good.clone();
    more["report"]["more"] = json!(1);
    assert!(validator.is_valid(&more));
}

#[test]
fn tool_delivery_says_where_the_bytes_are() {
    let result = |delivered| result(&CaptureReport::default(), "", delivered);
    let file = result(Delivered::File {
        path: "/tmp/a.pcap",
    });
    assert_eq!(
        (&file["delivery"], &file["file_path"]),
        (&json!("file"), &json!("/tmp/a.pcap"))
    );
    assert_eq!(result(Delivered::Stdout)["delivery"], json!("stdout"));
}

#[test]
fn resource_uri_escapes_the_call_id() {
    let uri = |id| call(id).resource_uri();
    assert_eq!(
        uri("a-b.c_d~1@h"),
        "homer-pcap:///a-b.c_d~1%40h?from_ts=1795168800000&to_ts=1795169100000"
    );
    assert_eq!(
        uri("../x?y=1&z#ü"),
        "homer-pcap:///..%2Fx%3Fy%3D1%26z%23%C3%BC?from_ts=1795168800000&to_ts=1795169100000"
    );
}

#[test]
fn size_is_shown_in_the_unit_that_fits() {
    for (bytes, text) in [
        (23, "23 bytes"),
        (1024, "1 KiB"),
        (1025, "1025 bytes"),
        (262_144, "256 KiB"),
        (2 << 20, "2 MiB"),
    ] {
        assert_eq!(delivery::size(bytes), text);
    }
}

fn parse_uri(uri: &str) -> Result<CallWindow, ExportError> {
    CallWindow::from_resource_uri(uri, 24)
}

#[test]
fn resource_uri_gives_its_query_back() {
    for id in [
        "a-b.c_d~1@h",
        "../x?y=1&z#ü",
        "o'brien-100%@h;x=1",
        "<a&b>|c d@h",
        "звонок",
        "%41",
    ] {
        let call = call(id);
        assert_eq!(parse_uri(&call.resource_uri()), Ok(call.clone()));
        let elsewhere = call.with_profiles(["1_default", "1_call"]).unwrap();
        assert_eq!(parse_uri(&elsewhere.resource_uri()), Ok(elsewhere.clone()));
        let legs = elsewhere.with_also(["b,c@h", "d@h"]).unwrap();
        assert_eq!(parse_uri(&legs.resource_uri()), Ok(legs));
    }
    let uri = call("a")
        .with_also(["b,c", "a", "d", "d"])
        .unwrap()
        .resource_uri();
    assert!(uri.ends_with("&also_callids=b%2Cc,d"), "{uri}");
    let swapped = format!("homer-pcap:///a?to_ts={TO}&from_ts={FROM}");
    assert_eq!(parse_uri(&swapped), Ok(call("a")));
    // The commas may be escaped, and an empty list is that of the default profiles.
    let escaped = format!("homer-pcap:///a?profiles=1_default%2C1_call&to_ts={TO}&from_ts={FROM}");
    let elsewhere = call("a").with_profiles(["1_default", "1_call"]).unwrap();
    assert_eq!(parse_uri(&escaped), Ok(elsewhere));
    assert_eq!(parse_uri(&format!("{swapped}&profiles=")), Ok(call("a")));
    assert!(parse_uri(&format!("{swapped}&profiles=1_call%0d")).is_err());
    assert!(parse_uri(&format!("{swapped}&profiles=%ff")).is_err());
    assert_eq!(
        parse_uri(&format!("{swapped}&also_callids=")),
        Ok(call("a"))
    );
    assert!(parse_uri(&format!("{swapped}&also_callids=%ff")).is_err());
    assert!(parse_uri(&format!("{swapped}&also_callids=b%0d")).is_err());
}

#[test]
fn resource_uri_of_another_form_is_rejected() {
    for (uri, why) in [
        ("file:///etc/passwd", "does not begin with homer-pcap:///"),
        (
            "homer-pcap://host/a?from_ts=1&to_ts=2",
            "does not begin with homer-pcap:///",
        ),
        ("homer-pcap:///a", "has no query part"),
        (
            "homer-pcap:///a%4?from_ts=1&to_ts=2",
            "has a Call-ID that is not percent-encoded UTF-8",
        ),
        (
            "homer-pcap:///a%+4?from_ts=1&to_ts=2",
            "has a Call-ID that is not percent-encoded UTF-8",
        ),
        (
            "homer-pcap:///%ff?from_ts=1&to_ts=2",
            "has a Call-ID that is not percent-encoded UTF-8",
        ),
        ("homer-pcap:///a?from_ts=1", "lacks from_ts or to_ts"),
        (
            "homer-pcap:///a?from_ts=1&from_ts=2&to_ts=3",
            "has the same parameter twice",
        ),
        (
            "homer-pcap:///a?from_ts=1.5&to_ts=2",
            "has a time that is not a whole number",
        ),
        (
            "homer-pcap:///a?from_ts=1&to_ts=2&url=x",
            "has a parameter other than from_ts, to_ts, profiles, also_callids and redact",
        ),
    ] {
        let error = parse_uri(uri).unwrap_err();
        let form = "expected homer-pcap:///<Call-ID, percent-encoded>?from_ts=<Unix ms>&to_ts=<Unix ms>, \
             and optionally &profiles=<profile>,<profile>, &also_callids=<Call-ID>,<Call-ID> and \
             &redact=<level>";
        assert_eq!(
            error.to_string(),
            format!("invalid-request: the resource URI {why}; {form}")
        );
    }
    assert!(parse_uri(&format!("homer-pcap:///a%0d?from_ts={FROM}&to_ts={TO}")).is_err());
    let error = parse_uri("homer-pcap:///a?from_ts=1&to_ts=2").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid-request: from_ts is 1, which is not"),
        "{error}"
    );
    let long = format!("homer-pcap:///{}?from_ts=1&to_ts=2", "a".repeat(16 * 1024));
    let error = parse_uri(&long).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid-request: the resource URI is 16416 bytes long; the maximum is 16384"
    );
    let Err(ResourceError::NotFound { message, data }) = ResourceRequest::parse(&long, &CONFIG)
    else {
        panic!("{long}")
    };
    assert_eq!((message, data.uri.len()), (error.to_string(), 4096));
}

proptest! {
    /// Any URI either names a call whose own URI names the same call, or is rejected.
    #[test]
    fn resource_uri_of_any_text_is_parsed_or_rejected(
        text in "\\PC{0,40}",
        from in any::<i64>(),
        to in any::<i64>(),
    ) {
        for uri in [
            text.clone(),
            format!("homer-pcap:///{text}"),
            format!("homer-pcap:///{text}?from_ts={from}&to_ts={to}"),
            format!("homer-pcap:///{text}?from_ts={FROM}&to_ts={TO}"),
        ] {
            if let Ok(call) = parse_uri(&uri) {
                prop_assert_eq!(parse_uri(&call.resource_uri()), Ok(call));
            }
        }
        if CallId::parse(&text).is_ok() {
            let call = call(&text);
            prop_assert_eq!(parse_uri(&call.resource_uri()), Ok(call));
        }
    }
}

#[test]
fn tool_definition_follows_where_captures_go() {
    let of = |mode, output_dir| {
        json_of(export_pcap::definition(&ToolConfig {
            mode,
            output_dir,
            ..CONFIG
        }))
    };
    let says =
        |definition: &Value, text: &str| definition["description"].as_str().unwrap().contains(text);
    for (mode, output_dir, delivery, words) in [
        (
            ResultMode::Auto,
            false,
            json!(["embedded", "link", "withheld"]),
            "linked for resources/read up to 6 MiB",
        ),
        (
            ResultMode::Auto,
            true,
            json!(["file"]),
            "saved as a new file",
        ),
        (
            ResultMode::File,
            true,
            json!(["file"]),
            "saved as a new file",
        ),
        (
            ResultMode::Embed,
            true,
            json!(["embedded", "withheld"]),
            "The pcap is attached as a binary resource up to 6 MiB",
        ),
        (
            ResultMode::Link,
            false,
            json!(["link", "withheld"]),
            "The pcap is linked for resources/read up to 6 MiB",
        ),
        (
            ResultMode::Base64,
            false,
            json!(["base64", "withheld"]),
            "base64 text",
        ),
    ] {
        let definition = of(mode, output_dir);
        assert_eq!(
            definition["outputSchema"]["properties"]["delivery"]["enum"], delivery,
            "{mode:?}"
        );
        assert!(says(&definition, words), "{mode:?}");
        // A tool that writes files is not read-only.
        let writes = delivery == json!(["file"]);
        assert_eq!(
            definition["annotations"]["readOnlyHint"],
            json!(!writes),
            "{mode:?}"
        );
        // Nothing is said about the other modes.
        assert_eq!(says(&definition, "saved"), writes, "{mode:?}");
        assert_eq!(
            says(&definition, "attached"),
            delivery[0] != "link" && !writes
        );
    }
}

#[test]
fn tool_delivery_depends_on_mode_and_size() {
    let delivery = |mode, output_dir, bytes| {
        ToolConfig {
            mode,
            output_dir,
            ..CONFIG
        }
        .delivery(bytes)
    };
    let (inline, read) = (CONFIG.inline_bytes, CONFIG.read_bytes);
    for (mode, output_dir, bytes, expected) in [
        (ResultMode::Auto, false, inline, Delivery::Embed),
        (ResultMode::Auto, false, inline + 1, Delivery::Link),
        (ResultMode::Auto, false, read, Delivery::Link),
        (ResultMode::Auto, false, read + 1, Delivery::Withheld),
        (ResultMode::Auto, true, 1, Delivery::File),
        (ResultMode::Auto, true, u64::MAX, Delivery::File),
        (ResultMode::Embed, true, read, Delivery::Embed),
        (ResultMode::Embed, false, read + 1, Delivery::Withheld),
        (ResultMode::Link, false, 1, Delivery::Link),
        (ResultMode::Base64, false, read, Delivery::Text),
        (ResultMode::Base64, false, read + 1, Delivery::Withheld),
        (ResultMode::File, false, 1, Delivery::Withheld),
        (ResultMode::File, true, u64::MAX, Delivery::File),
    ] {
        assert_eq!(
            delivery(mode, output_dir, bytes),
            expected,
            "{mode:?} {output_dir} {bytes}"
        );
    }
}

#[test]
fn tool_returns_the_report_of_a_capture_that_is_too_large() {
    let of = |config: &ToolConfig, size_bytes| {
        let report = CaptureReport {
            size_bytes,
            ..CaptureReport::default()
        };
        let result = ToolResult::of_export(config, &call("a@x"), &"0".repeat(64), &report, None);
        let json = serde_json::from_str::<Value>(result.structured.unwrap().get()).unwrap();
        (json, result.attachment)
    };
    let schema = jsonschema::draft202012::new(&definition()["outputSchema"]).unwrap();
    let (largest, _) = of(&CONFIG, CONFIG.read_bytes);
    assert_eq!(largest["delivery"], "link");
    let (beyond, attachment) = of(&CONFIG, CONFIG.read_bytes + 1);
    assert_eq!(beyond["delivery"], "withheld");
    assert_eq!(attachment, Attachment::None);
    assert!(schema.is_valid(&beyond), "{beyond}");
    let summary = beyond["summary"].as_str().unwrap();
    assert!(
        summary.contains("the maximum for one message of this server"),
        "{summary}"
    );
    assert!(summary.contains("narrow from_ts and to_ts"), "{summary}");
    assert_eq!(beyond["size_bytes"], CONFIG.read_bytes + 1);
}

#[test]
fn tool_result_names_the_file_as_it_is_on_disk() {
    let config = ToolConfig {
        output_dir: true,
        ..CONFIG
    };
    let report = CaptureReport {
        size_bytes: 100,
        ..CaptureReport::default()
    };
    for path in ["/captures/a_x-1-2-3.pcap", r"C:\captures\a_x-1-2-3.pcap"] {
        let call = call("a@x");
        let result = ToolResult::of_export(&config, &call, &"0".repeat(64), &report, Some(path));
        let result = serde_json::from_str::<Value>(result.structured.unwrap().get()).unwrap();
        assert_eq!(result["filename"], "a_x-1-2-3.pcap");
        assert_eq!(result["file_path"], path);
    }
}

/// What the tool shows of a capture, in JSON.
fn read(
    capture: &[u8],
    packet: u64,
    format: MessageFormat,
    offset: u64,
) -> Result<Value, ExportError> {
    let arguments = MessageArguments {
        call: call("a"),
        packet,
        format,
        offset,
    };
    let call = ReadCall::Message(arguments);
    let mut reader = CaptureReader::new(call.reading())?;
    reader.feed(capture)?;
    let result = ToolResult::of_reading(&call, &reader.finish()?);
    Ok(serde_json::from_str(result.structured.unwrap().get()).unwrap())
}

#[test]
fn message_has_what_its_schema_says() {
    let validator =
        jsonschema::draft202012::new(&json_of(read_message::definition(&CONFIG))["outputSchema"])
            .unwrap();
    let capture = recordings::capture("export-rtcp-log");
    for (packet, kind) in [(1, "sip"), (4, "other"), (7, "other"), (9, "sip")] {
        for (_, format) in MessageFormat::ALL {
            let shown = read(&capture, packet, format, 0).unwrap();
            assert_eq!(shown["kind"], kind, "{packet}");
            assert!(validator.is_valid(&shown), "{shown}");
        }
    }
    let shown = read(&capture, 1, MessageFormat::Text, 0).unwrap();
    assert!(
        shown["text"]
            .as_str()
            .unwrap()
            .starts_with("INVITE sip:bob@192.0.2.20:5060 SIP/2.0\\r\\n\n")
    );
    assert_eq!(
        (&shown["source"], &shown["time"]),
        (
            &json!("192.0.2.10:5060"),
            &json!("2026-11-20T10:30:00.123456Z")
        )
    );
    assert_eq!(
        (&shown["packets"], shown.get("next_offset")),
        (&json!(9), None)
    );
}

#[test]
fn message_is_shown_in_parts() {
    let mut sent = crate::capture::healthy();
    sent[0].replace("Alice", &"x".repeat(5000));
    let capture = crate::capture::Capture::messages(&sent);
    let first = read(&capture, 1, MessageFormat::Hex, 0).unwrap();
    assert_eq!(
        (&first["shown_bytes"], &first["next_offset"]),
        (
            &json!(read_message::MAX_BYTES),
            &json!(read_message::MAX_BYTES)
        )
    );
    let total = first["total_bytes"].as_u64().unwrap();
    let rest = read(
        &capture,
        1,
        MessageFormat::Hex,
        read_message::MAX_BYTES as u64,
    )
    .unwrap();
    assert_eq!(
        (rest["shown_bytes"].as_u64(), rest.get("next_offset")),
        (Some(total - read_message::MAX_BYTES as u64), None)
    );
    let why = read(&capture, 1, MessageFormat::Hex, total)
        .unwrap_err()
        .to_string();
    assert_eq!(
        why,
        format!(
            "invalid-request: offset {total} is beyond the end of packet 1, which carries {total} \
             bytes"
        )
    );
}

#[test]
fn message_that_does_not_exist_is_rejected() {
    let capture = recordings::capture("export-ok-auth-token");
    let why = read(&capture, 8, MessageFormat::Text, 0)
        .unwrap_err()
        .to_string();
    assert_eq!(
        why,
        "invalid-request: packet 8 does not exist; the capture has 7 packets, counted from 1"
    );
    assert!(read(&capture[..100], 1, MessageFormat::Text, 0).is_err());
}

#[test]
fn message_is_shown_without_its_secrets() {
    let mut sent = crate::capture::healthy();
    sent[0].replace(
        "Max-Forwards",
        "Authorization: Digest response=\"s3cret\"\r\nMax-Forwards",
    );
    let capture = crate::capture::Capture::messages(&sent);
    for (_, format) in MessageFormat::ALL {
        // The second offset is in the middle of the secret.
        for offset in [0, 70] {
            let shown = read(&capture, 1, format, offset).unwrap();
            let text = shown["text"].as_str().unwrap();
            assert!(
                !text.contains("s3cret") && !text.contains("73 33 63"),
                "{text}"
            );
            assert_eq!(shown["redacted"], json!(["Authorization"]));
        }
    }
}

proptest! {
    /// The text does not depend on the chunks.
    #[test]
    fn base64_of_pieces_is_that_of_the_whole(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9),
    ) {
        let mut encoder = Base64Stream::default();
        let mut text = String::new();
        for chunk in &chunks {
            encoder.encode(chunk, &mut text);
        }
        encoder.finish(&mut text);
        let whole = chunks.concat();
        prop_assert_eq!(Base64Stream::length(whole.len() as u64), text.len() as u64);
        prop_assert_eq!(text, BASE64_STANDARD.encode(whole));
    }
}
