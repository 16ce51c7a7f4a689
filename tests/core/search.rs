//! Finding calls, against a model of Homer.

use homer_export::homer::search::ROW_LIMIT;
use homer_export::query::ParameterNames;
use homer_export::search::{
    CallFilter, CallFilterFields, FoundCall, FoundCalls, MAX_CALLS, MAX_REQUESTS, UnsearchedPart,
    find_calls,
};
use homer_export::transport::TransportError;
use homer_export::{Config, ExportError};
use proptest::prelude::*;

use crate::model_homer::{ModelHomer, ModelRow};

/// 2026-11-20T10:00:00Z in milliseconds.
pub(crate) const FROM: i64 = 1_795_168_800_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;

pub(crate) fn fields() -> CallFilterFields {
    CallFilterFields {
        from_ts: FROM,
        to_ts: FROM + HOUR_MS,
        ..CallFilterFields::default()
    }
}

pub(crate) fn filter(fields: &CallFilterFields) -> CallFilter {
    CallFilter::parse(fields, 24, &ParameterNames::WIT).unwrap()
}

pub(crate) fn config() -> Config {
    let vars = [
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_API_TOKEN", "s3cret"),
    ];
    Config::from_vars(vars).unwrap()
}

pub(crate) fn find(fields: &CallFilterFields, homer: &mut ModelHomer) -> FoundCalls {
    find_calls(&filter(fields), &config(), homer).unwrap()
}

pub(crate) fn ids(found: &FoundCalls) -> Vec<&str> {
    found.calls.iter().map(|call| &*call.callid).collect()
}

/// Calls spread evenly over a window, each with an INVITE, a ringing response, an answer and a BYE.
pub(crate) fn calls(count: i64, window_ms: i64) -> Vec<ModelRow> {
    let mut rows = Vec::new();
    for number in 0..count {
        // In an order that is not that of time.
        let at = number * 2_654_435_761 % count;
        let invite = ModelRow::invite(
            &format!("call-{at}@192.0.2.10"),
            (FROM + at * window_ms / count) * 1000,
        );
        let mut bye = ModelRow::invite(&invite.sid, invite.time_us + 9_000_000);
        bye.method = "BYE".to_string();
        bye.cseq = "2 BYE".to_string();
        rows.extend([
            invite.response(180, 100_000),
            invite.response(200, 2_000_000),
            bye.response(200, 100_000),
            bye,
            invite,
        ]);
    }
    rows
}

#[test]
fn search_finds_each_call_once_in_the_order_of_time() {
    let mut homer = ModelHomer::new(calls(20, HOUR_MS));
    let found = find(&fields(), &mut homer);
    assert_eq!(found.calls.len(), 20);
    assert!(found.calls.is_sorted_by_key(|call| call.first_ts));
    assert_eq!(
        found.calls[0],
        FoundCall {
            callid: "call-0@192.0.2.10".to_string(),
            first_ts: Some(FROM),
            caller: "alice".to_string(),
            callee: "bob".to_string(),
            method: "INVITE".to_string(),
            status: Some(200),
            source: "192.0.2.10:5060".to_string(),
            destination: "192.0.2.20:5060".to_string(),
            node: "localnode".to_string(),
            user_agent: "Softphone/1.0".to_string(),
            correlation_id: None,
        }
    );
    assert!(found.complete && !found.limit_reached);
    // One for the calls, one for their final responses.
    assert_eq!(found.requests, 2);
    assert_eq!(homer.received.len(), 2);
    assert_eq!(homer.received[0].conditions, ["data_header.method=INVITE"]);
}

#[test]
fn search_overcomes_the_row_limit_by_halving() {
    let found = find(&fields(), &mut ModelHomer::new(calls(900, HOUR_MS)));
    assert_eq!(found.calls.len(), 900);
    assert!(found.complete, "{:?}", found.unsearched);
    assert!(found.calls.iter().all(|call| call.status == Some(200)));
    assert!(found.requests <= MAX_REQUESTS);
}

/// 5,000 calls are more than a result holds: what is there, is right, and what is not, is named.
#[test]
fn search_names_the_part_beyond_its_bound() {
    let mut homer = ModelHomer::new(calls(5000, HOUR_MS));
    let found = find(&fields(), &mut homer);
    assert_eq!(found.calls.len(), MAX_CALLS);
    assert!(found.limit_reached && !found.complete);
    assert!(found.requests <= MAX_REQUESTS, "{}", found.requests);
    assert_eq!(found.requests as usize, homer.received.len());
    // The calls found are the first ones without a gap, and the rest of the window is named.
    for (number, call) in found.calls.iter().enumerate() {
        assert_eq!(call.callid, format!("call-{number}@192.0.2.10"));
    }
    let last = found.calls.last().unwrap().first_ts.unwrap();
    let first_part = found.unsearched.first().unwrap();
    assert!(first_part.from_ts <= last + 1000, "{first_part:?}");
    let mut end = first_part.from_ts;
    for part in &found.unsearched {
        assert!(part.from_ts <= end, "a hole before {part:?}");
        end = end.max(part.to_ts);
        assert!(part.why.contains("the limit of 1000 calls was reached"));
    }
    assert!(end >= FROM + HOUR_MS);
}

/// With the parts that it names, a caller can get all 5,000 calls.
#[test]
fn search_of_the_named_parts_finds_the_rest() {
    let mut homer = ModelHomer::new(calls(5000, HOUR_MS));
    let mut all = std::collections::BTreeSet::new();
    let (mut from, end) = (FROM, FROM + HOUR_MS);
    for _ in 0..12 {
        let found = find(
            &CallFilterFields {
                from_ts: from,
                ..fields()
            },
            &mut homer,
        );
        all.extend(found.calls.into_iter().map(|call| call.callid));
        match found.unsearched.first() {
            Some(part) => from = part.from_ts,
            None => break,
        }
        assert!(from < end);
    }
    assert_eq!(all.len(), 5000);
}

#[test]
fn search_finds_the_rest_around_a_row_that_crashes_homer() {
    let mut rows = calls(1000, 24 * HOUR_MS);
    let mut bad = ModelRow::invite("bad@192.0.2.10", (FROM + 5 * HOUR_MS + 1500) * 1000);
    bad.crashes = true;
    rows.insert(700, bad);
    let day = CallFilterFields {
        to_ts: FROM + 24 * HOUR_MS,
        ..fields()
    };
    let found = find(&day, &mut ModelHomer::new(rows));
    let second = FROM + 5 * HOUR_MS + 1000;
    assert_eq!(found.unsearched.len(), 1, "{:?}", found.unsearched);
    assert_eq!(
        found.unsearched[0],
        UnsearchedPart {
            from_ts: second,
            to_ts: second + 1000,
            why: "Homer closes the connection when it reads a row of this second, as it does if a \
                  row has no port or address; export a call of this second by its Call-ID, or \
                  repair the row in Homer's database"
                .to_string(),
        }
    );
    assert!(!found.complete && !found.limit_reached);
    assert!(found.requests <= MAX_REQUESTS, "{}", found.requests);
    assert_eq!(found.calls.len(), 1000);
}

#[test]
fn search_of_a_homer_that_always_crashes_is_an_error() {
    let mut homer = ModelHomer {
        fails_from: Some((1, TransportError::ConnectionClosed)),
        ..ModelHomer::default()
    };
    let error = find_calls(&filter(&fields()), &config(), &mut homer).unwrap_err();
    assert_eq!(error.case(), "invalid-response");
    assert!(
        error
            .message()
            .contains("closed the connection without a response")
    );
    assert!(homer.received.len() <= 21, "{}", homer.received.len());
}

#[test]
fn search_of_an_empty_window_costs_one_request() {
    let mut homer = ModelHomer::new(calls(10, HOUR_MS));
    homer.database_down = true;
    let found = find(&fields(), &mut homer);
    assert_eq!(
        found,
        FoundCalls {
            complete: true,
            requests: 1,
            ..FoundCalls::default()
        }
    );
}

#[test]
fn search_says_if_one_second_holds_too_many_rows() {
    let rows = (0..500).map(|n| ModelRow::invite(&format!("same-{n}@x"), FROM * 1000 + n));
    let found = find(&fields(), &mut ModelHomer::new(rows));
    assert_eq!(found.calls.len(), ROW_LIMIT);
    assert_eq!(found.unsearched.len(), 1);
    let part = &found.unsearched[0];
    assert_eq!((part.from_ts, part.to_ts), (FROM, FROM + 1000));
    assert_eq!(
        part.why,
        "Homer returned 200 rows for this second and may hold more; it returns no more than 200 \
         from each node, so narrow the filter"
    );
}

#[test]
fn search_keeps_to_the_milliseconds_of_its_window() {
    let at = |ms: i64| ModelRow::invite(&format!("at{ms}@x"), (FROM + ms) * 1000 + 400);
    let mut homer = ModelHomer::new([0, 499, 500, 1500, 1501, 2000].map(at));
    let window = CallFilterFields {
        from_ts: FROM + 500,
        to_ts: FROM + 1500,
        ..fields()
    };
    assert_eq!(ids(&find(&window, &mut homer)), ["at500@x", "at1500@x"]);
}

#[test]
fn search_applies_every_condition() {
    let mut rows = Vec::new();
    for (sid, change) in [
        ("plain", None),
        ("caller", Some(("caller", "carol"))),
        ("callee", Some(("callee", "carol"))),
        ("source", Some(("source", "2001:db8::1"))),
        ("destination", Some(("destination", "192.0.2.99"))),
        ("agent", Some(("user_agent", "Asterisk PBX 20.1"))),
        ("method", Some(("method", "MESSAGE"))),
    ] {
        let mut row = ModelRow::invite(sid, (FROM + 1000) * 1000);
        match change {
            Some(("caller", value)) => row.from_user = value.to_string(),
            Some(("callee", value)) => row.to_user = value.to_string(),
            Some(("source", value)) => row.source = value.to_string(),
            Some(("destination", value)) => row.destination = value.to_string(),
            Some(("user_agent", value)) => row.user_agent = value.to_string(),
            Some((_, value)) => {
                row.method = value.to_string();
                row.profile = "1_default";
            }
            None => {}
        }
        rows.push(row);
    }
    let mut homer = ModelHomer::new(rows);
    let text = |text: &str| Some(text.to_string());
    for (fields, expected) in [
        (
            CallFilterFields {
                caller: text("carol"),
                ..fields()
            },
            &["caller"][..],
        ),
        (
            CallFilterFields {
                callee: text("carol"),
                ..fields()
            },
            &["callee"],
        ),
        (
            CallFilterFields {
                party: text("carol"),
                ..fields()
            },
            &["callee", "caller"],
        ),
        (
            CallFilterFields {
                party: text("car*"),
                ..fields()
            },
            &["callee", "caller"],
        ),
        (
            CallFilterFields {
                source: text("2001:DB8:0::1"),
                ..fields()
            },
            &["source"],
        ),
        (
            CallFilterFields {
                destination: text("192.0.2.99"),
                ..fields()
            },
            &["destination"],
        ),
        (
            CallFilterFields {
                user_agent: text("Asterisk*"),
                ..fields()
            },
            &["agent"],
        ),
        (
            CallFilterFields {
                user_agent: text("Asterisk"),
                ..fields()
            },
            &[],
        ),
        (
            CallFilterFields {
                method: text("message"),
                ..fields()
            },
            &["method"],
        ),
        (
            CallFilterFields {
                callid_prefix: text("dest"),
                ..fields()
            },
            &["destination"],
        ),
        (
            CallFilterFields {
                callid_prefix: text("Dest"),
                ..fields()
            },
            &[],
        ),
        (
            CallFilterFields {
                caller: text("carol"),
                callee: text("carol"),
                ..fields()
            },
            &[],
        ),
    ] {
        assert_eq!(ids(&find(&fields, &mut homer)), expected, "{fields:?}");
    }
}

#[test]
fn search_by_status_finds_the_calls_that_ended_so() {
    let mut rows = Vec::new();
    let mut add = |sid: &str, at_s: i64, statuses: &[(u16, i64)]| {
        let invite = ModelRow::invite(sid, (FROM + at_s * 1000) * 1000);
        rows.extend(
            statuses
                .iter()
                .map(|(status, after_s)| invite.response(*status, after_s * 1_000_000)),
        );
        rows.push(invite);
    };
    add("busy", 10, &[(100, 0), (486, 2)]);
    add("answered", 20, &[(180, 1), (200, 5)]);
    add("challenged", 30, &[(407, 0), (404, 1)]);
    add("only-challenged", 40, &[(401, 0)]);
    add("forked", 50, &[(486, 1), (200, 2)]);
    // Its response comes after the end of the window.
    add("late", 3599, &[(480, 120)]);
    add("unfinished", 60, &[(180, 1)]);
    let mut homer = ModelHomer::new(rows);
    let mut by_status = |status: &str| {
        let fields = CallFilterFields {
            status: Some(status.to_string()),
            ..fields()
        };
        let found = find(&fields, &mut homer);
        assert!(found.complete, "{found:?}");
        found
            .calls
            .into_iter()
            .map(|call| (call.callid, call.status))
            .collect::<Vec<_>>()
    };
    let call = |id: &str, status| (id.to_string(), Some(status));
    assert_eq!(by_status("486"), [call("busy", 486)]);
    assert_eq!(
        by_status("200"),
        [call("answered", 200), call("forked", 200)]
    );
    assert_eq!(
        by_status("4xx"),
        [
            call("busy", 486),
            call("challenged", 404),
            call("only-challenged", 401),
            call("late", 480),
        ]
    );
    assert_eq!(by_status("6xx"), []);
}

#[test]
fn search_by_status_compares_the_request_and_not_the_response() {
    let invite = ModelRow::invite("one", (FROM + 1000) * 1000);
    let mut homer = ModelHomer::new([invite.response(486, 1000), invite]);
    let with = |source: &str| CallFilterFields {
        status: Some("486".to_string()),
        source: Some(source.to_string()),
        user_agent: Some("Softphone*".to_string()),
        ..fields()
    };
    assert_eq!(ids(&find(&with("192.0.2.10"), &mut homer)), ["one"]);
    assert_eq!(ids(&find(&with("192.0.2.20"), &mut homer)), [""; 0]);
}

#[test]
fn search_merges_the_copies_of_a_request_from_several_hops_and_nodes() {
    let first = ModelRow::invite("one", (FROM + 1000) * 1000);
    let mut second = ModelRow::invite("one", (FROM + 1000) * 1000 + 800);
    second.source = "192.0.2.20".to_string();
    second.destination = "192.0.2.30".to_string();
    second.node = "remotenode";
    let mut homer = ModelHomer::new([
        second.response(486, 300_000),
        second.clone(),
        first.response(503, 400_000),
        first,
    ]);
    let found = find(&fields(), &mut homer);
    assert_eq!(ids(&found), ["one"]);
    assert_eq!(found.calls[0].source, "192.0.2.10:5060");
    // The response to the sender of the first request counts.
    assert_eq!(found.calls[0].status, Some(503));
}

#[test]
fn search_asks_for_call_ids_that_a_list_cannot_hold_one_by_one() {
    let awkward = ["o'brien;x=1%@h", "a&b", "plain", "isNull", "||x"];
    let rows = awkward.iter().zip(0..).flat_map(|(sid, n)| {
        let invite = ModelRow::invite(sid, (FROM + n * 1000) * 1000);
        [invite.response(486, 1000), invite]
    });
    // The decoy is what a relaxed condition matches as well.
    let decoy = ModelRow::invite("aXb", (FROM + 9000) * 1000);
    let mut homer = ModelHomer::new(rows.chain([decoy.response(603, 1), decoy]));
    let found = find(&fields(), &mut homer);
    let statuses: Vec<_> = found
        .calls
        .iter()
        .map(|call| (&*call.callid, call.status))
        .collect();
    assert_eq!(
        statuses,
        [
            ("o'brien;x=1%@h", Some(486)),
            ("a&b", Some(486)),
            ("plain", Some(486)),
            ("isNull", Some(486)),
            ("||x", Some(486)),
            ("aXb", Some(603)),
        ]
    );
    for search in &homer.received {
        for condition in &search.conditions {
            assert!(!condition.contains(['\'', '&']), "{condition}");
        }
    }
}

#[test]
fn search_refuses_rows_that_ignore_a_condition() {
    let mut homer = ModelHomer::new(calls(3, HOUR_MS));
    homer.ignored_field = Some("data_header.from_user");
    let fields = CallFilterFields {
        caller: Some("nobody".to_string()),
        ..fields()
    };
    assert_eq!(
        find_calls(&filter(&fields), &config(), &mut homer),
        Err(ExportError::InvalidResponse(
            "http://homer:9080 returned rows that do not meet the condition on \
             data_header.from_user, so it ignores that condition; leave it out of the filter, or \
             check Homer's mapping of the profile"
                .to_string()
        ))
    );
}

#[test]
fn search_keeps_what_it_found_before_homer_fails() {
    let mut homer = ModelHomer::new(calls(900, HOUR_MS));
    homer.fails_from = Some((9, TransportError::ReadTimeout));
    let found = find(&fields(), &mut homer);
    assert!(!found.calls.is_empty() && !found.complete);
    assert_eq!(found.unknown_statuses as usize, found.calls.len());
    let part = found.unsearched.last().unwrap();
    assert_eq!(part.to_ts, FROM + HOUR_MS + 1000);
    assert!(
        part.why
            .starts_with("the search stopped here: Homer at http://homer:9080 did not start"),
        "{}",
        part.why
    );
    // Nothing was sent after the failure.
    assert_eq!(homer.received.len(), 9);

    // Nor by the second of two searches.
    let party = CallFilterFields {
        party: Some("alice".to_string()),
        ..fields()
    };
    let mut homer = ModelHomer::new(calls(900, HOUR_MS));
    homer.fails_from = Some((9, TransportError::ReadTimeout));
    let found = find(&party, &mut homer);
    assert_eq!(homer.received.len(), 9);
    assert!(found.unsearched.iter().any(|part| {
        part.why == "the search stopped before this part, because Homer failed"
            && (part.from_ts, part.to_ts) == (FROM, FROM + HOUR_MS + 1000)
    }));

    homer.received.clear();
    homer.fails_from = Some((1, TransportError::ReadTimeout));
    let error = find_calls(&filter(&fields()), &config(), &mut homer).unwrap_err();
    assert_eq!(error.case(), "timed-out");
}

#[test]
fn search_says_which_statuses_are_unknown() {
    // The second request is the first look-up.
    let mut homer = ModelHomer::new(calls(150, HOUR_MS));
    homer.fails_from = Some((2, TransportError::ReadTimeout));
    let found = find(&fields(), &mut homer);
    assert_eq!((found.calls.len(), found.unknown_statuses), (150, 150));
    assert!(found.unsearched.is_empty() && !found.complete && !found.limit_reached);
    assert_eq!(homer.received.len(), 2);
    // A row that crashes Homer costs only the status of its own call.
    let mut rows = calls(150, HOUR_MS);
    let response = rows
        .iter_mut()
        .find(|row| row.sid.starts_with("call-7@") && row.method == "200");
    response.unwrap().crashes = true;
    let found = find(&fields(), &mut ModelHomer::new(rows));
    assert_eq!((found.calls.len(), found.unknown_statuses), (150, 1));
    let unknown = found
        .calls
        .iter()
        .find(|call| call.status.is_none())
        .unwrap();
    assert_eq!(unknown.callid, "call-7@192.0.2.10");
}

proptest! {
    // A case sends up to 64 requests.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the calls are, each is found once, or its second is named.
    #[test]
    fn search_loses_no_call(
        seconds in prop::collection::vec((0_i64..40, any::<bool>()), 1..300),
        crowded in 0_i64..300,
    ) {
        let mut rows = Vec::new();
        for (number, (second, crashes)) in seconds.iter().enumerate() {
            let mut row = ModelRow::invite(&format!("c{number}"), FROM * 1000 + second * 1_000_000);
            row.crashes = *crashes && number % 37 == 0;
            rows.push(row);
        }
        let crowd = |n| ModelRow::invite(&format!("x{n}"), (FROM + 7000) * 1000 + n);
        rows.extend((0..crowded).map(crowd));
        let fields = CallFilterFields { to_ts: FROM + 40_000, ..fields() };
        let Ok(found) = find_calls(&filter(&fields), &config(), &mut ModelHomer::new(rows.clone()))
        else {
            // Only if every request crashed.
            prop_assert!(rows.iter().any(|row| row.crashes));
            return Ok(());
        };
        let found_ids = ids(&found);
        let mut distinct = found_ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), found_ids.len());
        for row in &rows {
            let ms = row.time_us / 1000;
            let named = found.unsearched.iter().any(|p| (p.from_ts..=p.to_ts).contains(&ms));
            prop_assert!(named || found_ids.contains(&&*row.sid), "{} is lost", row.sid);
        }
        prop_assert!(found.requests <= MAX_REQUESTS);
    }
}
