//! Finding calls, against a model of Homer and against recordings.

use homer_export::homer::search::{Condition, Field, MAX_RESPONSE, ROW_LIMIT, search_request};
use homer_export::homer::search_v11;
use homer_export::query::{ParameterNames, Profile};
use homer_export::search::{
    CallFilter, CallFilterFields, FoundCall, FoundCalls, MAX_CALLS, MAX_REQUESTS, Pattern,
    StatusPattern, UnsearchedPart, find_calls, party_pattern,
};
use homer_export::transport::{ResponseHead, TransportError};
use homer_export::{Config, ExportError};
use proptest::prelude::*;
use serde_json::Value;

use crate::model_homer::{ModelHomer, ModelRow, like};
use crate::recordings;
use crate::replay::{Reaction, Replay};

/// 2026-11-20T10:00:00Z in milliseconds.
const FROM: i64 = 1_795_168_800_000;
const HOUR_MS: i64 = 3_600_000;

fn fields() -> CallFilterFields {
    CallFilterFields {
        from_ts: FROM,
        to_ts: FROM + HOUR_MS,
        ..CallFilterFields::default()
    }
}

fn filter(fields: &CallFilterFields) -> CallFilter {
    CallFilter::parse(fields, 24, &ParameterNames::WIT).unwrap()
}

fn config() -> Config {
    let vars = [
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_API_TOKEN", "s3cret"),
    ];
    Config::from_vars(vars).unwrap()
}

fn find(fields: &CallFilterFields, homer: &mut ModelHomer) -> FoundCalls {
    find_calls(&filter(fields), &config(), homer).unwrap()
}

fn ids(found: &FoundCalls) -> Vec<&str> {
    found.calls.iter().map(|call| &*call.callid).collect()
}

#[track_caller]
fn refused(fields: &CallFilterFields, why: &str) {
    assert_eq!(
        CallFilter::parse(fields, 24, &ParameterNames::WIT),
        Err(ExportError::InvalidRequest(why.to_string()))
    );
}

/// Calls spread evenly over a window, each with an INVITE, a ringing response, an answer and a BYE.
fn calls(count: i64, window_ms: i64) -> Vec<ModelRow> {
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

#[test]
fn search_filter_refuses_what_homer_cannot_compare() {
    let text = |text: &str| Some(text.to_string());
    refused(
        &CallFilterFields {
            party: text("a"),
            caller: text("b"),
            ..fields()
        },
        "party matches the caller or the callee, so it cannot be combined with either; give party \
         alone, or caller and callee",
    );
    refused(
        &CallFilterFields {
            caller: text(" "),
            ..fields()
        },
        "caller is empty; leave it out, or give a value",
    );
    refused(
        &CallFilterFields {
            user_agent: Some("x".repeat(257)),
            ..fields()
        },
        "user_agent has 257 characters; the maximum is 256",
    );
    refused(
        &CallFilterFields {
            callid_prefix: text("a\nb"),
            ..fields()
        },
        "callid_prefix contains a control character",
    );
    refused(
        &CallFilterFields {
            method: text("IN VITE"),
            ..fields()
        },
        "method is \"IN VITE\"; expected a SIP method, for example INVITE",
    );
    refused(
        &CallFilterFields {
            source: text("192.0.2.1:5060"),
            ..fields()
        },
        "source is \"192.0.2.1:5060\"; expected an IPv4 or IPv6 address without a port",
    );
    for status in [
        "180", "1xx", "7xx", "700", "4x", "xx", "busy", "+486", "é86",
    ] {
        refused(
            &CallFilterFields {
                status: text(status),
                ..fields()
            },
            &format!(
                "status is \"{status}\"; expected a final status from 200 to 699 (486) or a class \
                 (4xx)"
            ),
        );
    }
    let reversed = CallFilterFields {
        to_ts: FROM - 1,
        ..fields()
    };
    assert_eq!(
        CallFilter::parse(&reversed, 24, &ParameterNames::WIT)
            .unwrap_err()
            .case(),
        "invalid-request"
    );
    assert_eq!(StatusPattern::parse("5XX"), Ok(StatusPattern::Class(5)));
}

#[test]
fn number_matches_in_its_usual_forms() {
    for (wanted, found) in [
        ("+491701234567", "491701234567"),
        ("+491701234567", "00491701234567"),
        ("00491701234567", "+491701234567"),
        ("01701234567", "+491701234567"),
        ("01701234567", "1701234567"),
        ("+49 170 / 123-4567", "+491701234567"),
        ("(0170) 1234567", "01701234567"),
        ("123456", "+49123456"),
        ("1001", "1001"),
        ("alice", "alice"),
        ("+49170*", "+491701234567"),
        ("*4567", "+491701234567"),
        ("a*c*e", "abcde"),
        ("*", "anything"),
    ] {
        assert!(party_pattern(wanted).matches(found), "{wanted} {found}");
    }
    for (wanted, found) in [
        // Nothing says how long the country code is.
        ("+491701234567", "01701234567"),
        // Extensions are exact.
        ("12345", "9912345"),
        ("01001", "1001"),
        ("alice", "Alice"),
        ("alice", "alice2"),
        ("+49170*", "0049170123"),
        ("1701234567", "17012345678"),
    ] {
        assert!(!party_pattern(wanted).matches(found), "{wanted} {found}");
    }
}

#[test]
fn pattern_asks_homer_only_for_what_it_can_compare() {
    for (pattern, value) in [
        (Pattern::parse("alice"), "alice"),
        (Pattern::parse("a_b\\c"), "a_b\\c"),
        (Pattern::parse("ali*"), "ali%"),
        (Pattern::parse("a_b*"), "a_b%"),
        (Pattern::parse("100%"), "100_%"),
        (Pattern::parse("a;b"), "a_b%"),
        (Pattern::parse("o'brien&co\""), "o_brien_co_%"),
        (Pattern::parse("isNull"), "isNull%"),
        (Pattern::parse("isEmpty"), "isEmpty%"),
        (Pattern::parse("||x"), "||x%"),
        (Pattern::parse("!=x"), "!=x%"),
        (Pattern::prefix("a%"), "a_%"),
        (Pattern::exact("a*b"), "a*b"),
        (Pattern::suffix("123456"), "%123456"),
    ] {
        assert_eq!(pattern.for_homer().value(), value);
    }
}

proptest! {
    /// Homer, asked for a pattern, returns at least all texts that match it.
    #[test]
    fn pattern_for_homer_matches_at_least_the_same(
        pattern in "[ab%_*;'\\\\&|!=]{0,6}",
        text in "[ab%_*;'\\\\&|!=]{0,8}",
    ) {
        let pattern = Pattern::parse(&pattern);
        let asked = pattern.for_homer();
        if pattern.matches(&text) {
            prop_assert!(asked.matches(&text));
        }
        let value = asked.value();
        let is_like = value.contains('%');
        prop_assert_eq!(
            asked.matches(&text),
            if is_like { like(value.as_bytes(), text.as_bytes()) } else { value == text }
        );
        // A list would be taken apart, and these are rewritten.
        prop_assert!(!value.contains([';', '\'', '&', '"']), "{}", value);
    }

    /// The matching agrees with LIKE, in which a star is `%`.
    #[test]
    fn pattern_matches_as_like_does(pattern in "[abc*]{0,8}", text in "[abc]{0,10}") {
        let expected = like(pattern.replace('*', "%").as_bytes(), text.as_bytes());
        prop_assert_eq!(Pattern::parse(&pattern).matches(&text), expected);
    }

    /// A number of six digits or more finds itself behind every prefix, with every grouping.
    #[test]
    fn number_finds_itself_in_every_form(
        digits in "[1-9][0-9]{5,12}",
        wanted in prop::sample::select(vec!["", "+", "00", "0"]),
        stored in prop::sample::select(vec!["", "+", "00", "0", "+49", "0049"]),
        group in 1_usize..5,
    ) {
        let grouped: Vec<String> = digits
            .as_bytes()
            .chunks(group)
            .map(|part| String::from_utf8(part.to_vec()).unwrap())
            .collect();
        let pattern = party_pattern(&format!("{wanted}{}", grouped.join(" ")));
        let found = format!("{stored}{digits}");
        prop_assert!(pattern.matches(&found));
        let other = format!("{stored}{digits}0");
        prop_assert!(!pattern.matches(&other) || other.ends_with(&digits));
    }

    #[test]
    fn number_and_filter_never_panic(text in "\\PC{0,300}") {
        let _ = party_pattern(&text).matches(&text);
        let some = || Some(text.clone());
        let _ = CallFilter::parse(
            &CallFilterFields {
                party: some(), method: some(), status: some(), source: some(),
                user_agent: some(), callid_prefix: some(), ..fields()
            },
            24,
            &ParameterNames::WIT,
        );
    }
}

proptest! {
    // A case sends up to 64 requests.
    #![proptest_config(ProptestConfig::with_cases(24))]

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
            "to_user":"{}","user_agent":"token s3cret","srcIp":"nowhere","correlation_id":"b"}}]}}"#,
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
