//! The fake Homer searches as the recorded Homer did.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fake_homer::{Archive, Row};
use serde_json::{Value, json};

/// The calls that the recorded Homer held in the windows of the recordings.
const RECORDED: [&str; 5] = [
    "ipv6-call-1@2001-db8",
    "options-1@192.0.2.10",
    "reg-1@192.0.2.10",
    "tcp-call-1@192.0.2.10",
    "udp-normal-1@192.0.2.10",
];

/// The status and the rows of a response, in an order of their own.
fn rows(status: u64, body: &str) -> (u64, Vec<String>) {
    let body: Value = serde_json::from_str(body).unwrap();
    let rows = body["data"].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<String> = rows
        .iter()
        .filter(|row| RECORDED.contains(&row["sid"].as_str().unwrap()))
        .map(|row| {
            let fields = [
                "sid",
                "create_date",
                "method",
                "cseq",
                "from_user",
                "to_user",
                "user_agent",
                "srcIp",
                "srcPort",
                "dstIp",
                "dstPort",
                "node",
            ];
            fields.map(|field| row[field].to_string()).join(" ")
        })
        .collect();
    rows.sort();
    (status, rows)
}

/// A search in the profile `1_call` from 10:00 to 12:00 UTC on 2026-11-20.
fn search(archive: &Archive, conditions: &Value, or: bool) -> (u64, Vec<Value>) {
    let body = json!({
        "param": {"search": {"1_call": conditions}, "limit": 5, "orlogic": or},
        "timestamp": {"from": 1_795_168_800_000_i64, "to": 1_795_176_000_000_i64},
    });
    let (status, body) = archive.search(body.to_string().as_bytes()).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    (status.into(), body["data"].as_array().unwrap().clone())
}

fn condition(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value, "type": "string", "hepid": 1})
}

#[test]
fn searches_are_answered_as_recorded() {
    let archive = Archive::bundled().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
    for name in [
        "find-default",
        "find-empty-list",
        "find-empty-list-nothing",
        "find-from-user",
        "find-from-user-like",
        "find-limit-1",
        "find-limit-missing",
        "find-limit-string",
        "find-method-list",
        "find-negated",
        "find-object",
        "find-orlogic",
        "find-quote",
        "find-registration",
        "find-ruri-user",
        "find-sid-like",
        "find-sid-list",
        "find-sid-other-case",
        "find-sid-wide-window",
        "find-sid-wide-window-unknown",
        "find-to-user",
        "find-unknown-field",
        "find-unknown-profile",
        "find-user-nobody",
        "search-data-callid-field",
        "search-data-ok",
        "search-data-unknown",
    ] {
        let recording = std::fs::read_to_string(format!("{data}/{name}.json")).unwrap();
        let recording: Value = serde_json::from_str(&recording).unwrap();
        let response = &recording["response"];
        let recorded = response["status"]
            .as_u64()
            .map(|status| rows(status, response["body_text"].as_str().unwrap()));
        let request = recording["request"]["body_as_sent"].as_str().unwrap();
        let answered = archive.search(request.as_bytes());
        let answered = answered.map(|(status, body)| rows(status.into(), &body));
        assert_eq!(answered, recorded, "{name}");
    }
}

#[test]
fn search_returns_200_rows_at_most() {
    let mut archive = Archive::default();
    let calls = (0..300).map(|n| Row::invite(&format!("call-{n}"), 1_795_168_800_000_000 + n));
    archive.add_rows(calls);
    let (status, rows) = search(&archive, &json!([]), false);
    assert_eq!((status, rows.len()), (201, 200));
    let few = json!([condition("sid", "call-29%")]);
    // call-29, and call-290 to call-299.
    assert_eq!(search(&archive, &few, false).1.len(), 11);
}

#[test]
fn search_joins_conditions_with_and_or_with_or() {
    let mut archive = Archive::default();
    let invite = Row::invite("a", 1_795_168_800_000_000);
    archive.add_rows([invite.response(486, 1000), invite]);
    let both = json!([
        condition("data_header.method", "486"),
        condition("data_header.ruri_user", "bob")
    ]);
    assert_eq!(search(&archive, &both, false).1.len(), 0);
    assert_eq!(search(&archive, &both, true).1.len(), 2);
    // Without a known field, OR finds everything as well.
    let unknown = json!([condition("nope", "x")]);
    assert_eq!(search(&archive, &unknown, true).1.len(), 2);
}

#[test]
fn search_crashes_on_a_row_without_a_port() {
    let mut archive = Archive::default();
    archive.add_rows([Row::invite("a", 1_795_168_800_000_000).crashing()]);
    let body = |from: i64| {
        json!({
            "param": {"search": {"1_call": []}, "limit": 200},
            "timestamp": {"from": from, "to": 1_795_168_900_000_i64},
        })
    };
    let search = |from| archive.search(body(from).to_string().as_bytes());
    assert_eq!(search(1_795_168_800_000), None);
    assert_eq!(search(1_795_168_801_000).unwrap().0, 201);
}

#[test]
fn demo_calls_are_found_in_their_profiles() {
    let archive = Archive::bundled().unwrap();
    for call in fake_homer::DEMO_CALLS {
        let body = json!({
            "param": {"search": {call.profile: [condition("sid", call.call_id)]}},
            "timestamp": {"from": 1_795_132_800_000_i64, "to": 1_795_219_200_000_i64},
        });
        let (_, body) = archive.search(body.to_string().as_bytes()).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let has_rows = body["total"].as_u64().unwrap() > 0;
        assert_eq!(has_rows, call.outcome.is_some(), "{}", call.call_id);
    }
}
