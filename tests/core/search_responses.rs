//! The responses to a search: recordings, errors, and what a hostile server sends.

use homer_export::homer::search::{Condition, Field, MAX_RESPONSE, search_request};
use homer_export::query::Profile;
use homer_export::search::{CallFilterFields, FoundCall, FoundCalls, find_calls};
use homer_export::transport::{ResponseHead, TransportError};
use homer_export::{Config, ExportError};
use proptest::prelude::*;
use serde_json::Value;

use crate::recordings;
use crate::replay::{Reaction, Replay};
use crate::search::{FROM, config, fields, filter};

fn found_in(reactions: impl IntoIterator<Item = Reaction>) -> Result<FoundCalls, ExportError> {
    let window = CallFilterFields {
        from_ts: FROM - 300_000,
        to_ts: FROM + 900_000 - 1000,
        ..fields()
    };
    find_calls(&filter(&window), &config(), &mut Replay::new(reactions))
}

#[test]
fn search_reads_recorded_rows() {
    let found = found_in([
        Reaction::recorded("find-limit-1"),
        Reaction::json(201, r#"{"data":[],"keys":[],"total":0}"#),
    ])
    .unwrap();
    let shown: Vec<_> = found
        .calls
        .iter()
        .map(|call| {
            (
                &*call.callid,
                call.first_ts.unwrap(),
                &*call.source,
                &*call.destination,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "udp-normal-1@192.0.2.10",
                1_795_168_800_123,
                "192.0.2.10:5060",
                "192.0.2.20:5060"
            ),
            (
                "tcp-call-1@192.0.2.10",
                1_795_169_100_123,
                "192.0.2.10:40112",
                "192.0.2.20:5060"
            ),
            (
                "ipv6-call-1@2001-db8",
                1_795_169_400_123,
                "[2001:db8::10]:5060",
                "[2001:db8::20]:5060"
            ),
        ]
    );
    assert_eq!(found.calls[0].status, None);
    assert!(found.complete);
}

/// Each recorded response of the search endpoint is read as what it is.
#[test]
fn search_reads_every_recorded_response() {
    let mut successes = 0;
    for name in recordings::names() {
        let exchange = recordings::exchange(&name);
        let path = exchange["request"]["path"].as_str().unwrap_or_default();
        if path != "/api/v3/search/call/data" || exchange["response"]["status"].is_null() {
            continue;
        }
        let (head, body) = crate::homer::recorded(&name);
        let rows = homer_export::homer::search::rows(&head, &body, &config().homer);
        if head.status != 201 {
            assert_eq!(rows.unwrap_err().case(), "rejected", "{name}");
            continue;
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        let rows = rows.unwrap();
        assert_eq!(body["total"], rows.len(), "{name}");
        for (row, recorded) in rows.iter().zip(body["data"].as_array().unwrap()) {
            assert_eq!(recorded["sid"], *row.sid);
            assert_eq!(recorded["method"], *row.method);
            assert_eq!(recorded["create_date"], row.time_ms().unwrap());
            assert_eq!(recorded["srcPort"], row.source_port);
        }
        successes += 1;
    }
    assert!(successes > 20, "only {successes} recordings");
}

#[test]
fn search_sends_the_recorded_request() {
    let recorded = &recordings::exchange("find-from-user")["request"];
    let condition = |field, value: &str| Condition {
        field,
        value: value.to_string(),
    };
    let conditions = [
        condition(Field::FromUser, "alice"),
        condition(Field::Method, "INVITE"),
    ];
    let request = search_request(
        &config().homer.base_url,
        &Profile::parse("1_call").unwrap(),
        &conditions,
        &[],
        FROM / 1000 - 300,
        FROM / 1000 + 900,
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&*request.path, &body),
        (recorded["path"].as_str().unwrap(), &recorded["body"])
    );
}

#[test]
fn search_refuses_recorded_rows_that_ignore_the_condition() {
    // All rows of the window: the condition was on a field that Homer does not know.
    let error = found_in([Reaction::recorded("find-unknown-field")]).unwrap_err();
    assert_eq!(error.case(), "invalid-response");
    assert!(
        error
            .message()
            .contains("do not meet the condition on data_header.method")
    );
    // Rows of the right form from another day.
    let error = found_in([Reaction::json(
        201,
        r#"{"data":[{"sid":"a","create_date":1795000000000,"method":"INVITE"}]}"#,
    )])
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid-response: http://homer:9080 returned rows from outside of the window that was \
         searched; check that HOMER_URL points to Homer"
    );
}

#[test]
fn search_survives_hostile_responses() {
    let row = r#""create_date":1795168800123,"method":"INVITE""#;
    for body in [
        "",
        "null",
        "[]",
        "<html>",
        "{}",
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"data":[null]}"#,
        r#"{"data":[{}]}"#,
        r#"{"data":[{"sid":5,"create_date":1795168800123,"method":"INVITE"}]}"#,
        r#"{"data":[{"sid":"a","create_date":"1795168800123","method":"INVITE"}]}"#,
        r#"{"data":[{"sid":"a","create_date":1e999,"method":"INVITE"}]}"#,
        r#"{"data":[{"sid":"a","create_date":99999999999999999999,"method":"INVITE"}]}"#,
        &format!(r#"{{"data":[{{"sid":"a",{row},"srcPort":70000}}]}}"#),
        &format!(r#"{{"data":[{{"sid":"a",{row},"from_user":["a","b"]}}]}}"#),
        &format!(r#"{{"data":[{{"sid":"a",{row}}}]"#),
    ] {
        let error = found_in([Reaction::json(201, body)]).unwrap_err();
        assert_eq!(error.case(), "invalid-response", "{body}");
        assert!(
            error
                .message()
                .contains("is not a list of rows as Homer sends it"),
            "{error}"
        );
    }
}

/// Texts that would break a line of output, our credential, and a time that Homer does not have.
#[test]
fn search_makes_the_texts_of_rows_safe_to_show() {
    let body = format!(
        r#"{{"data":[{{"sid":"a","create_date":0,"method":"INVITE","from_user":"x\u001b[2Jy",
            "to_user":"{}","user_agent":"token s3cret","srcIp":"nowhere",
            "correlation_id":"b"}}]}}"#,
        "z".repeat(300)
    );
    let empty = Reaction::json(201, r#"{"data":[]}"#);
    let found = found_in([Reaction::json(201, &body), empty]).unwrap();
    assert_eq!(
        found.calls,
        [FoundCall {
            callid: "a".to_string(),
            first_ts: None,
            caller: "x [2Jy".to_string(),
            callee: format!("{}…", "z".repeat(200)),
            method: "INVITE".to_string(),
            source: "nowhere".to_string(),
            user_agent: "token [credential]".to_string(),
            correlation_id: Some("b".to_string()),
            ..FoundCall::default()
        }]
    );
}

#[test]
fn search_stops_reading_a_huge_response() {
    let endless = vec![Ok(vec![b' '; 1024 * 1024]); 8];
    let head = ResponseHead {
        status: 201,
        ..ResponseHead::default()
    };
    assert_eq!(
        found_in([Reaction::Response(head, endless)]),
        Err(ExportError::InvalidResponse(format!(
            "the response of http://homer:9080 to a search is larger than {MAX_RESPONSE} bytes, \
             the limit for searches; check that HOMER_URL points to Homer"
        )))
    );
}

#[test]
fn search_reports_errors_of_homer_as_an_export_does() {
    for (recording, case) in [
        ("authz-none", "unauthorized"),
        ("v1_5_10-authz-none", "unauthorized"),
        ("authz-garbage-bearer", "unauthorized"),
        ("find-limit-string", "rejected"),
        ("transport-refused", "unreachable"),
        ("find-row-crashes", "invalid-response"),
        ("find-object", "invalid-response"),
        ("cfg-debug-panic", "rejected"),
    ] {
        let error = found_in([Reaction::recorded(recording)]).unwrap_err();
        assert_eq!(error.case(), case, "{recording}: {error}");
    }
    let error = found_in([Reaction::recorded("cfg-api-prefix-unprefixed")]).unwrap_err();
    assert_eq!(
        error.message(),
        "http://homer:9080 has no search endpoint of Homer 7 or HOMER 11 (HTTP 404); check \
         HOMER_URL, especially its path"
    );
    let error = found_in([Reaction::json(204, "")]).unwrap_err();
    assert_eq!(
        error.message(),
        "http://homer:9080 returned HTTP 204, which Homer never returns for a search; check that \
         HOMER_URL points to Homer"
    );
}

#[test]
fn search_logs_in_first() {
    let vars = [
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_USERNAME", "u"),
        ("HOMER_PASSWORD", "p"),
    ];
    let mut replay = Replay::new([
        Reaction::recorded("auth-ok"),
        Reaction::json(201, r#"{"data":[]}"#),
    ]);
    let config = Config::from_vars(vars).unwrap();
    let found = find_calls(&filter(&fields()), &config, &mut replay).unwrap();
    assert_eq!(
        (found.requests, replay.requests),
        (1, vec!["login".to_string(), "search 1_call".to_string()])
    );
    assert!(
        replay
            .fields
            .iter()
            .any(|(name, _)| name == "Authorization")
    );
    let mut replay = Replay::new([Reaction::recorded("auth-wrong-password")]);
    let error = find_calls(&filter(&fields()), &config, &mut replay).unwrap_err();
    assert_eq!(error.case(), "unauthorized");
}

/// Where the host cannot add it, the component sends the credential for a proxy itself.
#[test]
fn search_sends_the_credential_for_a_proxy() {
    let vars = [
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_API_TOKEN", "s3cret"),
        ("HOMER_PROXY_USERNAME", "u"),
        ("HOMER_PROXY_PASSWORD", "p"),
    ];
    let mut replay = Replay::new([Reaction::json(201, r#"{"data":[]}"#)]);
    find_calls(
        &filter(&fields()),
        &Config::from_vars(vars).unwrap(),
        &mut replay,
    )
    .unwrap();
    for (name, value) in [("Auth-Token", "s3cret"), ("Authorization", "Basic dTpw")] {
        let field = (name.to_string(), value.to_string());
        assert!(replay.fields.contains(&field), "{:?}", replay.fields);
    }
}

/// A request that cannot be sent is no crash of Homer's handler, and is not repeated.
#[test]
fn search_reports_a_request_that_cannot_be_sent() {
    let mut replay = Replay::new([Reaction::Unsent(TransportError::RequestDenied)]);
    let error = find_calls(&filter(&fields()), &config(), &mut replay).unwrap_err();
    assert_eq!((error.case(), replay.requests.len()), ("denied", 1));
}

proptest! {
    /// A recorded response with some bytes changed: rows that meet the filter, or an error.
    #[test]
    fn search_survives_a_changed_response(
        changes in prop::collection::vec((0.0..1.0, any::<u8>()), 1..5),
        cut in 0.0..2.0,
    ) {
        let (_, mut body) = crate::homer::recorded("find-limit-1");
        let length = body.len() as f64;
        for (at, byte) in changes {
            body[(length * at) as usize] = byte;
        }
        body.truncate((length * cut) as usize);
        let head = ResponseHead { status: 201, ..ResponseHead::default() };
        match found_in([Reaction::new(head, body)]) {
            Ok(found) => {
                prop_assert!(found.calls.len() <= 3);
                prop_assert!(found.calls.iter().all(|call| call.method == "INVITE"));
            }
            Err(error) => {
                prop_assert_eq!(error.case(), "invalid-response");
                prop_assert!(error.message().len() < 500);
            }
        }
    }
}
