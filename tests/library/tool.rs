use std::collections::BTreeSet;

use homer_export::tool::{self, Delivery, Limits};
use homer_export::{CallId, CaptureReport};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{recordings, report};

fn definition() -> Value {
    tool::definition(Limits { max_window_hours: 48, inline_bytes: 256 * 1024 })
}

fn keys(object: &Value) -> Vec<&String> {
    object.as_object().unwrap().keys().collect()
}

#[test]
fn tool_states_the_configured_limits() {
    let definition = definition();
    assert!(definition["description"].as_str().unwrap().contains("Captures up to 256 KiB are attached"));
    let to_ts = &definition["inputSchema"]["properties"]["to_ts"]["description"];
    assert!(to_ts.as_str().unwrap().contains("no more than 48 hours later"));
}

#[test]
fn tool_result_has_what_its_schema_says_and_nothing_else() {
    let uri = "homer-pcap:///a?from_ts=1&to_ts=2";
    let schema = &definition()["outputSchema"];
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let mut seen = BTreeSet::new();
    for (name, capture) in recordings::captures() {
        if capture.len() == 24 {
            // Never a result.
            continue;
        }
        let report = report::examine(&capture, &["udp-normal-1@192.0.2.10", "two-probes@192.0.2.10"]);
        let result = tool::result("a.pcap", &"0".repeat(64), &report, Delivery::Embedded { uri });
        let errors: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
        assert_eq!(errors, [] as [&str; 0], "{name}");
        assert_eq!(keys(&result), keys(&schema["properties"]));
        seen.extend(keys(&result["report"]).into_iter().cloned());
    }
    // No property of the report but one that some recording has.
    assert_eq!(seen.iter().collect::<Vec<_>>(), keys(&schema["properties"]["report"]["properties"]));
}

#[test]
fn tool_schema_refuses_what_no_result_is() {
    let uri = "homer-pcap:///a?from_ts=1&to_ts=2";
    let report = CaptureReport { size_bytes: 40, ..CaptureReport::default() };
    let good = tool::result("a.pcap", &"0".repeat(64), &report, Delivery::Embedded { uri });
    let validator = jsonschema::draft202012::new(&definition()["outputSchema"]).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, bad) in [
        ("/report/ladder", json!([{}])),
        ("/report/findings", json!([{"packet": 1}])),
        ("/report/complete", json!("yes")),
        ("/report/packets", json!(-1)),
        ("/sha256", json!("ABC")),
        ("/delivery", json!("mail")),
    ] {
        let mut result = good.clone();
        *result.pointer_mut(pointer).unwrap() = bad;
        assert!(!validator.is_valid(&result), "{pointer}");
    }
    let mut more = good.clone();
    more["report"]["more"] = json!(1);
    assert!(!validator.is_valid(&more));
}

#[test]
fn tool_delivery_says_where_the_bytes_are() {
    let result = |delivery| tool::result("a.pcap", "", &CaptureReport::default(), delivery);
    let file = result(Delivery::File { path: "/tmp/a.pcap" });
    assert_eq!((&file["delivery"], &file["file_path"]), (&json!("file"), &json!("/tmp/a.pcap")));
    assert_eq!(result(Delivery::Stdout)["delivery"], json!("stdout"));
}

#[test]
fn resource_uri_escapes_the_call_id() {
    let uri = |id| tool::resource_uri(&CallId::parse(id).unwrap(), 1, 2);
    assert_eq!(uri("a-b.c_d~1@h"), "homer-pcap:///a-b.c_d~1%40h?from_ts=1&to_ts=2");
    assert_eq!(uri("../x?y=1&z#ü"), "homer-pcap:///..%2Fx%3Fy%3D1%26z%23%C3%BC?from_ts=1&to_ts=2");
}

#[test]
fn size_is_told_in_the_unit_that_fits() {
    for (bytes, text) in
        [(23, "23 bytes"), (1024, "1 KiB"), (1025, "1025 bytes"), (262_144, "256 KiB"), (2 << 20, "2 MiB")]
    {
        assert_eq!(tool::size(bytes), text);
    }
}

#[test]
fn resource_uri_gives_its_query_back() {
    for id in ["a-b.c_d~1@h", "../x?y=1&z#ü", "o'brien-100%@h;x=1", "<a&b>|c d@h", "звонок", "%41"] {
        let call_id = CallId::parse(id).unwrap();
        let uri = tool::resource_uri(&call_id, -1, i64::MAX);
        assert_eq!(tool::query_of_uri(&uri), Ok((call_id, -1, i64::MAX)));
    }
    assert!(tool::query_of_uri("homer-pcap:///a?to_ts=2&from_ts=1").is_ok());
}

#[test]
fn resource_uri_of_another_form_is_refused() {
    for (uri, why) in [
        ("file:///etc/passwd", "does not begin with homer-pcap:///"),
        ("homer-pcap://host/a?from_ts=1&to_ts=2", "does not begin with homer-pcap:///"),
        ("homer-pcap:///a", "has no query"),
        ("homer-pcap:///a%4?from_ts=1&to_ts=2", "has a Call-ID that is not percent-encoded UTF-8"),
        ("homer-pcap:///a%+4?from_ts=1&to_ts=2", "has a Call-ID that is not percent-encoded UTF-8"),
        ("homer-pcap:///%ff?from_ts=1&to_ts=2", "has a Call-ID that is not percent-encoded UTF-8"),
        ("homer-pcap:///a?from_ts=1", "lacks from_ts or to_ts"),
        ("homer-pcap:///a?from_ts=1&from_ts=2&to_ts=3", "has a parameter twice"),
        ("homer-pcap:///a?from_ts=1.5&to_ts=2", "has a time that is no whole number"),
        ("homer-pcap:///a?from_ts=1&to_ts=2&url=x", "has another parameter than from_ts and to_ts"),
    ] {
        let error = tool::query_of_uri(uri).unwrap_err();
        let form = "the form is homer-pcap:///<Call-ID, percent-encoded>?from_ts=<ms>&to_ts=<ms>";
        assert_eq!(error.to_string(), format!("invalid-request: the resource URI {why}; {form}"));
    }
    assert!(tool::query_of_uri("homer-pcap:///a%0d?from_ts=1&to_ts=2").is_err());
}

proptest! {
    /// Any URI: a query that its own URI gives back, or an error.
    #[test]
    fn resource_uri_of_any_text_is_a_query_or_refused(text in "\\PC{0,40}", from in any::<i64>(), to in any::<i64>()) {
        for uri in [text.clone(), format!("homer-pcap:///{text}"), format!("homer-pcap:///{text}?from_ts={from}&to_ts={to}")] {
            if let Ok((call_id, from_ts, to_ts)) = tool::query_of_uri(&uri) {
                prop_assert_eq!(tool::query_of_uri(&tool::resource_uri(&call_id, from_ts, to_ts)), Ok((call_id, from_ts, to_ts)));
            }
        }
        if let Ok(call_id) = CallId::parse(&text) {
            prop_assert_eq!(tool::query_of_uri(&tool::resource_uri(&call_id, from, to)), Ok((call_id, from, to)));
        }
    }
}
