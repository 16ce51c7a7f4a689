//! Why an export found nothing.

use homer_export::homer::response::empty_capture;
use homer_export::query::ParameterNames;
use homer_export::search::explain;
use homer_export::transport::{Transport, TransportError};
use homer_export::{CallId, Config, ExportError, Query, Suggestion, Window};

use crate::model_homer::{ModelHomer, ModelRow};
use crate::replay::{Reaction, Replay};

/// 2026-11-20T10:00:00Z in milliseconds.
const FROM: i64 = 1_795_168_800_000;
const TO: i64 = FROM + 3_600_000;
const DAY_MS: i64 = 86_400_000;
const NOTHING: &str = "Homer returned an empty capture. Possible causes: (1) this; (2) that";

fn config(vars: &[(&str, &str)]) -> Config {
    let url = ("HOMER_URL", "http://homer:9080");
    Config::from_vars(vars.iter().copied().chain([url])).unwrap()
}

fn query(call_id: &str) -> Query {
    let window = Window::new(FROM, TO, 24, &ParameterNames::WIT).unwrap();
    Query::new(vec![CallId::parse(call_id).unwrap()], window).unwrap()
}

/// What is added to the text, and the suggestion.
#[track_caller]
fn explained(call_id: &str, homer: &mut impl Transport) -> (String, Option<Suggestion>) {
    let error = ExportError::nothing_captured(NOTHING);
    let error = explain(error, &query(call_id), &config(&[]), homer);
    assert_eq!(error.case(), "nothing-captured");
    // The possible causes stay only if the searches do not tell which one it is.
    let known = empty_capture(&query(call_id), &config(&[]).homer);
    let text = error.message();
    let text = text
        .strip_prefix(NOTHING)
        .or_else(|| text.strip_prefix(&known))
        .unwrap();
    (
        text.strip_prefix(". ").unwrap().to_string(),
        error.suggestion().cloned(),
    )
}

fn suggested(callid: &str, from_ts: i64, to_ts: i64) -> Option<Suggestion> {
    Some(Suggestion {
        callid: callid.to_string(),
        from_ts,
        to_ts,
        profile: "1_call".to_string(),
    })
}

/// A call of a minute that begins at this time.
fn call(sid: &str, at_ms: i64) -> [ModelRow; 2] {
    let invite = ModelRow::invite(sid, at_ms * 1000 + 123_456);
    [invite.clone(), invite.response(486, 60_000_000)]
}

#[test]
fn explain_replaces_the_possible_causes_by_the_one_that_is_known() {
    let text = |homer: &mut ModelHomer, explain_setting: &str| {
        let config = config(&[("HOMER_EXPLAIN", explain_setting)]);
        let error = ExportError::nothing_captured(NOTHING);
        explain(error, &query("one@192.0.2.10"), &config, homer).to_string()
    };
    let mut homer = ModelHomer::new(call("one@192.0.2.10", FROM - 2 * DAY_MS));
    assert!(!text(&mut homer, "on").contains("Possible causes"));
    assert!(text(&mut homer, "off").contains("Possible causes"));
}

#[test]
fn explain_names_the_time_of_a_call_outside_of_the_window() {
    let at = FROM - 2 * DAY_MS;
    let mut homer = ModelHomer::new(call("one@192.0.2.10", at));
    let (text, suggestion) = explained("one@192.0.2.10", &mut homer);
    assert_eq!(
        text,
        "Homer has the call \"one@192.0.2.10\" from 2026-11-18T10:00:00.123Z to \
         2026-11-18T10:01:00.123Z (profile 1_call), outside of the requested window; use from \
         1794995995000 (2026-11-18T09:59:55Z) to 1794996066000 (2026-11-18T10:01:06Z)"
    );
    assert_eq!(
        suggestion,
        suggested("one@192.0.2.10", at - 5000, at + 66_000)
    );
    assert_eq!(homer.received.len(), 1);
    assert_eq!(homer.received[0].from_ms, FROM - 7 * DAY_MS);
    assert_eq!(homer.received[0].to_ms, TO + 1000 + 7 * DAY_MS);
    // The suggestion finds the call.
    let suggestion = suggestion.unwrap();
    let names = &ParameterNames::WIT;
    let window = Window::new(suggestion.from_ts, suggestion.to_ts, 24, names).unwrap();
    for row in &homer.rows {
        assert!((window.from_ms()..=window.to_ms()).contains(&(row.time_us / 1000)));
    }
}

#[test]
fn explain_suggests_no_longer_window_than_is_allowed() {
    let mut rows = call("one@x", FROM + DAY_MS).to_vec();
    rows.extend(call("one@x", FROM + 4 * DAY_MS));
    let (_, suggestion) = explained("one@x", &mut ModelHomer::new(rows));
    let from = FROM + DAY_MS - 5000;
    assert_eq!(suggestion, suggested("one@x", from, from + DAY_MS));
}

#[test]
fn explain_says_if_the_call_is_in_the_window_after_all() {
    let mut homer = ModelHomer::new(call("one@x", FROM + 60_000));
    let (text, suggestion) = explained("one@x", &mut homer);
    assert_eq!(
        text,
        "Homer's search finds the call \"one@x\" in this window, from 2026-11-20T10:01:00.123Z to \
         2026-11-20T10:02:00.123Z (profile 1_call), although its export is empty: check the nodes \
         and excluded addresses of the request, and whether the rows have valid addresses"
    );
    assert_eq!(
        suggestion,
        suggested("one@x", FROM + 55_000, FROM + 126_000)
    );
}

#[test]
fn explain_says_if_only_this_call_is_missing() {
    let mut homer = ModelHomer::new(call("other@x", FROM + 1000));
    let (text, suggestion) = explained("a84b4c76@x", &mut homer);
    assert_eq!(
        text,
        "Homer holds other messages in this window (profile 1_call), so its database works, but \
         none of this Call-ID within 7 days of it: the call was not captured, or its Call-ID is \
         spelled differently (Call-IDs are case-sensitive). The Call-ID was not looked up in \
         1_registration and 1_default"
    );
    assert_eq!(suggestion, None);
    let conditions: Vec<_> = homer
        .received
        .iter()
        .map(|search| &search.conditions[..])
        .collect();
    let [sid, prefix] = ["sid=a84b4c76@x", "sid=a84b4c76%"].map(|text| [text.to_string()]);
    assert_eq!(conditions, [&sid[..], &[], &prefix[..]]);
    // A short beginning would find anything, so there is a request left for the next profile.
    let mut homer = ModelHomer::new(call("other@x", FROM + 1000));
    explained("a84b4@x", &mut homer);
    let [.., last] = homer.received.as_slice() else {
        panic!("no request")
    };
    assert_eq!(homer.received.len(), 3);
    assert_eq!(last.conditions, ["sid=a84b4@x"]);
    assert_eq!(last.profile, "1_registration");
}

#[test]
fn explain_offers_a_call_id_that_begins_alike() {
    let mut rows = call("a84b4c76@192.0.2.20", FROM + 1000).to_vec();
    rows.extend(call("a84b4c76@192.0.2.10", FROM + 9000));
    let (text, suggestion) = explained("a84b4c76", &mut ModelHomer::new(rows));
    assert!(
        text.contains(
            ". Did you mean \"a84b4c76@192.0.2.10\" or \"a84b4c76@192.0.2.20\"? The Call-ID was \
             not looked up in 1_registration"
        ),
        "{text}"
    );
    assert_eq!(suggestion, suggested("a84b4c76@192.0.2.10", FROM, TO));
}

#[test]
fn explain_says_if_there_is_nothing_at_all() {
    let nothing = "Homer returned no messages at all between 2026-11-20T10:00:00Z and \
                   2026-11-20T11:00:00Z in profile 1_call, and none of this Call-ID within 7 days \
                   of it: the window is outside of its retention period, nothing was captured \
                   then, or its database is down. No client can tell these apart; export a call \
                   that you know exists to check the database. Profile 1_registration holds no \
                   message of this Call-ID within 7 days of the window either. The Call-ID was not \
                   looked up in 1_default";
    let mut homer = ModelHomer::new(call("other@x", TO + 3_600_000));
    assert_eq!(explained("one@x", &mut homer), (nothing.to_string(), None));
    assert_eq!(homer.received.len(), 3);
    homer.rows = call("one@x", FROM).to_vec();
    homer.database_down = true;
    assert_eq!(explained("one@x", &mut homer), (nothing.to_string(), None));
    // As recorded, with the database down.
    let mut replay = Replay::new([1, 2, 3].map(|_| Reaction::recorded("db-data-down-search")));
    assert_eq!(explained("one@x", &mut replay).0, nothing);
}

#[test]
fn explain_reads_recorded_rows() {
    let mut replay = Replay::new([
        Reaction::recorded("search-data-unknown"),
        Reaction::recorded("find-empty-list"),
        Reaction::recorded("find-sid-like"),
    ]);
    let window = Window::new(FROM - 300_000, FROM + 900_000, 24, &ParameterNames::WIT).unwrap();
    let query = Query::new(vec![CallId::parse("udp-normal-1").unwrap()], window).unwrap();
    let error = ExportError::nothing_captured(NOTHING);
    let error = explain(error, &query, &config(&[]), &mut replay);
    assert!(
        error
            .message()
            .contains(". Did you mean \"udp-normal-1@192.0.2.10\"?"),
        "{error}"
    );
    assert_eq!(
        error.suggestion().unwrap().callid,
        "udp-normal-1@192.0.2.10"
    );
    assert_eq!(replay.requests.len(), 3);
    // A Call-ID over 30 days.
    let mut replay = Replay::new([Reaction::recorded("find-sid-wide-window")]);
    let window = Window::new(FROM - 7_200_000, FROM - 3_600_000, 24, &ParameterNames::WIT).unwrap();
    let query = Query::new(
        vec![CallId::parse("udp-normal-1@192.0.2.10").unwrap()],
        window,
    )
    .unwrap();
    let error = ExportError::nothing_captured(NOTHING);
    let error = explain(error, &query, &config(&[]), &mut replay);
    assert_eq!(
        error.suggestion().cloned(),
        suggested("udp-normal-1@192.0.2.10", FROM - 5000, FROM + 103_000)
    );
}

#[test]
fn explain_names_the_profile_that_holds_the_call() {
    let mut rows = call("reg@192.0.2.10", FROM - DAY_MS);
    for row in &mut rows {
        row.profile = "1_registration";
    }
    let mut homer = ModelHomer::new(rows);
    let (text, suggestion) = explained("reg@192.0.2.10", &mut homer);
    assert!(
        text.contains("(profile 1_registration), outside of the requested window; use from "),
        "{text}"
    );
    assert_eq!(suggestion.unwrap().profile, "1_registration");
    assert_eq!(homer.received.len(), 3);
    // If that is all that the query asks for, it is the only one that is searched.
    homer.received.clear();
    let query = query("reg@192.0.2.10")
        .with_profiles(&["1_registration".to_string()])
        .unwrap();
    let nothing = ExportError::nothing_captured(NOTHING);
    let error = explain(nothing, &query, &config(&[]), &mut homer);
    assert_eq!(error.suggestion().unwrap().profile, "1_registration");
    assert_eq!(homer.received.len(), 1);
    // A profile that cannot be searched is said, and ends the explanation.
    let mut homer = ModelHomer {
        fails_from: Some((3, TransportError::ReadTimeout)),
        ..ModelHomer::default()
    };
    let (text, suggestion) = explained("reg@192.0.2.10", &mut homer);
    assert!(
        text.contains("Could not check whether profile 1_registration holds the call: Homer at"),
        "{text}"
    );
    assert!(
        text.ends_with(". The Call-ID was not looked up in 1_default") && suggestion.is_none(),
        "{text}"
    );
}

/// What could not be checked is said, and nothing else is claimed.
#[test]
fn explain_says_what_could_not_be_checked() {
    let rows = || {
        let mut rows = call("other@x", FROM + 1000);
        rows[0].crashes = true;
        rows
    };
    let failing = |number, error| ModelHomer {
        fails_from: Some((number, error)),
        ..ModelHomer::new(call("other@x", FROM + 1000))
    };
    let around = "Could not check whether Homer holds the call within 7 days of the window: ";
    let any = "Homer holds no message of this Call-ID within 7 days of the window (profile \
               1_call). Could not check whether Homer holds any other message in this window: ";
    let similar = "Homer holds other messages in this window (profile 1_call), so its database \
                   works, but none of this Call-ID within 7 days of it: the call was not captured, \
                   or its Call-ID is spelled differently (Call-IDs are case-sensitive). Could not \
                   check for similar Call-IDs: ";
    let denied = "the host's policy denied the request to http://homer:9080; ";
    let timeout = "Homer at http://homer:9080 did not start its response within 120000 ms";
    let closed = "Homer at http://homer:9080 closed the connection without a response";
    for (mut homer, requests, expected) in [
        (
            failing(1, TransportError::RequestDenied),
            1,
            format!("{around}{denied}"),
        ),
        (
            failing(1, TransportError::ReadTimeout),
            1,
            format!("{around}{timeout}"),
        ),
        (
            failing(1, TransportError::ConnectionClosed),
            1,
            format!("{around}{closed}"),
        ),
        (
            failing(2, TransportError::ReadTimeout),
            2,
            format!("{any}{timeout}"),
        ),
        (ModelHomer::new(rows()), 2, format!("{any}{closed}")),
        (
            failing(3, TransportError::ReadTimeout),
            3,
            format!("{similar}{timeout}"),
        ),
    ] {
        let (text, suggestion) = explained("a84b4c76@x", &mut homer);
        assert!(text.starts_with(&expected), "{text}");
        assert_eq!((suggestion, homer.received.len()), (None, requests));
    }
    for recording in ["authz-none", "cfg-api-prefix-unprefixed", "cfg-debug-panic"] {
        let mut replay = Replay::new([Reaction::recorded(recording)]);
        let (text, _) = explained("a84b4c76@x", &mut replay);
        assert!(text.starts_with(around), "{recording}: {text}");
        assert_eq!(replay.requests.len(), 1);
    }
    // Rows of another Call-ID are not taken for the call.
    let mut replay = Replay::new([Reaction::recorded("find-empty-list")]);
    let (text, suggestion) = explained("a84b4c76@x", &mut replay);
    assert!(text.starts_with(around) && suggestion.is_none(), "{text}");
}

#[test]
fn explain_sends_nothing_unless_it_is_asked_for() {
    let mut homer = ModelHomer::new(call("one@x", FROM - DAY_MS));
    let nothing = ExportError::nothing_captured(NOTHING);
    let off = config(&[("HOMER_EXPLAIN", "off")]);
    assert_eq!(
        explain(nothing.clone(), &query("one@x"), &off, &mut homer),
        nothing
    );
    let other = ExportError::TimedOut("too slow".to_string());
    assert_eq!(
        explain(other.clone(), &query("one@x"), &config(&[]), &mut homer),
        other
    );
    assert_eq!(homer.received.len(), 0);
    // And in fewer days, if so configured.
    let days = config(&[("HOMER_EXPLAIN_DAYS", "1")]);
    explain(nothing, &query("one@x"), &days, &mut homer);
    assert_eq!(homer.received[0].from_ms, FROM - DAY_MS);
}

#[test]
fn explain_looks_for_every_requested_call_id() {
    let mut homer = ModelHomer::new(call("b@x", FROM - DAY_MS));
    let window = Window::new(FROM, TO, 24, &ParameterNames::WIT).unwrap();
    let ids = ["a@x", "b@x", "c;d@x"].map(|id| CallId::parse(id).unwrap());
    let query = Query::new(ids.to_vec(), window)
        .unwrap()
        .with_profiles(&["1_call".to_string(), "1_default".to_string()])
        .unwrap();
    let error = ExportError::nothing_captured(NOTHING);
    let error = explain(error, &query, &config(&[]), &mut homer);
    assert_eq!(homer.received[0].conditions, ["sid=a@x;b@x"]);
    assert_eq!(error.suggestion().unwrap().callid, "b@x");
}

#[test]
fn explain_of_a_homer_11_says_what_it_cannot_ask() {
    let mut homer = ModelHomer {
        is_homer_11: true,
        ..ModelHomer::new(call("other@x", FROM + 1000))
    };
    let (text, _) = explained("a84b4c76@x", &mut homer);
    assert!(
        text.contains(
            "(Call-IDs are case-sensitive). Could not check for similar Call-IDs: the server at \
             http://homer:9080 is a HOMER 11, which cannot be searched for a part of a Call-ID; \
             leave this condition out, or use HOMER 11's own interface"
        ),
        "{text}"
    );
    // The first request was the one that showed the version.
    assert_eq!(homer.received.len(), 3);
    homer.rows = call("a84b4c76@x", FROM - DAY_MS).to_vec();
    let (_, suggestion) = explained("a84b4c76@x", &mut homer);
    assert_eq!(
        suggestion,
        suggested("a84b4c76@x", FROM - DAY_MS - 5000, FROM - DAY_MS + 66_000)
    );
}
