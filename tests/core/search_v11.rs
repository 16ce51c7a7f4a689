//! Finding calls in a HOMER 11, as its source says. It was never run.

use homer_export::homer::search_v11;
use homer_export::search::{CallFilterFields, MAX_REQUESTS, find_calls};
use homer_export::transport::ResponseHead;
use homer_export::{Config, ExportError};

use crate::model_homer::{ModelHomer, ModelRow};
use crate::search::{FROM, HOUR_MS, calls, config, fields, filter, find};

/// HOMER 11, as its source says. It was never run.
#[test]
fn search_recognizes_a_homer_11_and_asks_again() {
    let mut rows = calls(300, HOUR_MS);
    rows.push(ModelRow::invite("newest@x", (FROM + 30 * HOUR_MS) * 1000));
    let mut homer = ModelHomer {
        is_homer_11: true,
        ..ModelHomer::new(rows)
    };
    let caller = CallFilterFields {
        caller: Some("ali*".to_string()),
        source: Some("192.0.2.10".to_string()),
        to_ts: FROM + HOUR_MS - 1,
        ..fields()
    };
    let found = find(&caller, &mut homer);
    // Nothing of the 50 newest rows, which the request of Homer 7 brought.
    assert_eq!(found.calls.len(), 300);
    assert!(found.calls.is_sorted_by_key(|call| call.first_ts));
    assert!(found.unsearched.is_empty());
    assert_eq!(
        homer.received[1].conditions[0],
        format!(
            concat!(
                r#"{{"limit":200,"from":"{}","to":"{}","proto_type":1,"transaction_type":"call","#,
                r#""from_user":"ali%","method":"INVITE","src_ip":"192.0.2.10"}}"#
            ),
            FROM,
            FROM + HOUR_MS + 1000
        )
    );
    // One Call-ID in each request, so that some calls are not looked up.
    let known = found
        .calls
        .iter()
        .filter(|call| call.status == Some(200))
        .count();
    assert_eq!(found.unknown_statuses as usize, 300 - known);
    assert!(
        known > 20 && found.limit_reached && !found.complete,
        "{known}"
    );
    assert_eq!(found.requests, MAX_REQUESTS);
}

#[test]
fn search_of_a_homer_11_refuses_what_its_source_does_not_show() {
    let vars = [("HOMER_URL", "http://homer:9080"), ("HOMER_API", "11")];
    let config = Config::from_vars(vars).unwrap();
    let text = |text: &str| Some(text.to_string());
    for (fields, what) in [
        (
            CallFilterFields {
                user_agent: text("x"),
                ..fields()
            },
            "by User-Agent",
        ),
        (
            CallFilterFields {
                status: text("486"),
                ..fields()
            },
            "by status",
        ),
        (
            CallFilterFields {
                status: text("4xx"),
                ..fields()
            },
            "by status",
        ),
        (
            CallFilterFields {
                callid_prefix: text("a"),
                ..fields()
            },
            "for a part of a Call-ID",
        ),
    ] {
        let mut homer = ModelHomer {
            is_homer_11: true,
            ..ModelHomer::default()
        };
        assert_eq!(
            find_calls(&filter(&fields), &config, &mut homer),
            Err(ExportError::InvalidRequest(format!(
                "the server at http://homer:9080 is a HOMER 11, which cannot be searched {what}; \
                 leave this condition out, or use HOMER 11's own interface"
            )))
        );
        assert_eq!(homer.received.len(), 0);
    }
}

#[test]
fn search_of_a_homer_11_leaves_out_what_it_adds() {
    let base = ModelRow::invite("one", (FROM + 1000) * 1000);
    let leg = ModelRow::invite("one_b2b-1", (FROM + 2000) * 1000);
    let mut homer = ModelHomer {
        is_homer_11: true,
        ..ModelHomer::new([base.response(486, 10), leg.response(603, 10), base, leg])
    };
    let found = find(&fields(), &mut homer);
    let statuses: Vec<_> = found
        .calls
        .iter()
        .map(|call| (&*call.callid, call.status))
        .collect();
    assert_eq!(statuses, [("one", Some(486)), ("one_b2b-1", Some(603))]);
}

#[test]
fn search_says_if_homer_api_is_wrong() {
    let vars = [("HOMER_URL", "http://homer:9080"), ("HOMER_API", "7")];
    let mut homer = ModelHomer {
        is_homer_11: true,
        ..ModelHomer::default()
    };
    let config = Config::from_vars(vars).unwrap();
    assert_eq!(
        find_calls(&filter(&fields()), &config, &mut homer),
        Err(ExportError::Misconfigured(
            "the server at http://homer:9080 is a HOMER 11, but HOMER_API is 7; remove HOMER_API"
                .to_string()
        ))
    );
}

#[test]
fn search_reads_the_times_of_homer_11() {
    let rows = |timestamp: &str| {
        let body = format!(
            r#"{{"success":true,"data":{{"rows":[{{"session_id":"a","timestamp":{timestamp}}}]}}}}"#
        );
        search_v11::rows(
            &ResponseHead {
                status: 200,
                ..ResponseHead::default()
            },
            body.as_bytes(),
            &config().homer,
        )
    };
    for (timestamp, ms) in [
        ("\"2026-11-20T10:00:00.123456Z\"", Some(FROM + 123)),
        ("\"2026-11-20T11:00:00+01:00\"", Some(FROM)),
        ("\"2026-11-20 10:00:00.5\"", Some(FROM + 500)),
        ("\"2026-11-20 10:00:00\"", Some(FROM)),
        ("\"soon\"", None),
    ] {
        assert_eq!(rows(timestamp).unwrap()[0].time_ms(), ms, "{timestamp}");
    }
    assert_eq!(rows("5").unwrap_err().case(), "invalid-response");
    assert_eq!(rows("null").unwrap_err().case(), "invalid-response");
}
