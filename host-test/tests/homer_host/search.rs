//! Searches for calls, and explanations of empty exports, by the component in the sandbox.

use std::time::Duration;

use fake_homer::{API_TOKEN, Archive, FakeHomer, Row, SearchBehavior};
use homer_export::error::Suggestion;
use homer_host::{
    CallFilterFields, ExportError, ExportRequest, Exporter, Failure, FoundCalls, HostConfig,
    WaitingFor,
};

use host_test::calls::{CALL, DAY, export, homer, in_one_profile, policy};
use host_test::server::{Server, Then};

/// The start of the rows of these tests in Unix seconds: the day of [`DAY`], 10:00 UTC.
const TEN_S: i64 = 1_795_168_800;

/// All calls that begin with an INVITE on [`DAY`].
fn day() -> CallFilterFields {
    let (from_ts, to_ts) = DAY;
    CallFilterFields {
        from_ts,
        to_ts,
        ..CallFilterFields::default()
    }
}

/// A Homer with the rows, and an exporter for it.
async fn homer_with(rows: impl IntoIterator<Item = Row>) -> (FakeHomer, Exporter) {
    let mut archive = Archive::default();
    archive.add_rows(rows);
    let homer = FakeHomer::with_archive(archive).await.unwrap();
    let exporter = Exporter::new(policy(&homer.url())).unwrap();
    (homer, exporter)
}

/// This number of calls, one each second, which are answered after 20 ms.
fn calls(number: i64) -> impl Iterator<Item = Row> {
    (0..number).flat_map(|n| {
        let invite = Row::invite(&format!("call-{n:05}@h"), (TEN_S + n) * 1_000_000);
        let ok = invite.response(200, 20_000);
        [invite, ok]
    })
}

fn ids(found: &FoundCalls) -> Vec<&str> {
    found.calls.iter().map(|call| &*call.callid).collect()
}

/// The text and the suggestion of an export that found nothing, and the searches it sent.
async fn empty(
    homer: &FakeHomer,
    exporter: &Exporter,
    request: &ExportRequest,
) -> (String, Option<Suggestion>, usize) {
    let before = homer.searches();
    match exporter.open(request).await.unwrap_err() {
        Failure::Export(ExportError::NothingCaptured {
            suggestion,
            message,
        }) => (message, suggestion, homer.searches() - before),
        failure => panic!("{failure}"),
    }
}

#[tokio::test]
async fn search_finds_the_calls_of_a_day() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let found = exporter.find_calls(&day()).await.unwrap();
    assert!(found.complete && found.unsearched.is_empty(), "{found:?}");
    let busy = found.calls.iter().find(|call| call.callid == "busy@demo");
    let busy = busy.unwrap();
    assert_eq!(
        (busy.status, busy.caller.as_str(), busy.source.as_str()),
        (Some(486), "alice", "192.0.2.10:5060")
    );
    assert!(found.calls.is_sorted_by_key(|call| call.first_ts));
    let filter = CallFilterFields {
        method: Some("register".to_string()),
        ..day()
    };
    let found = exporter.find_calls(&filter).await.unwrap();
    assert!(ids(&found).contains(&"registration@demo"), "{found:?}");
}

#[tokio::test]
async fn search_compares_numbers_by_their_end() {
    let mut row = Row::invite("number@h", TEN_S * 1_000_000);
    row.from_user = "+491705550123".to_string();
    let (_homer, exporter) = homer_with([row, Row::invite("other@h", TEN_S * 1_000_000)]).await;
    for (caller, expected) in [("01705550123", vec!["number@h"]), ("5550124", vec![])] {
        let filter = CallFilterFields {
            caller: Some(caller.to_string()),
            ..day()
        };
        let found = exporter.find_calls(&filter).await.unwrap();
        assert_eq!(ids(&found), expected, "{caller}");
    }
}

#[tokio::test]
async fn search_reports_the_bound_of_5000_calls() {
    let (homer, exporter) = homer_with(calls(5000)).await;
    let found = exporter.find_calls(&day()).await.unwrap();
    assert_eq!(found.calls.len(), 1000);
    assert!(found.limit_reached && !found.complete, "{found:?}");
    assert!(!found.unsearched.is_empty());
    assert_eq!(usize::try_from(found.requests).unwrap(), homer.searches());
    assert!(found.requests <= 64);
    for part in &found.unsearched {
        assert!(
            part.why.contains("limit") && part.from_ts < part.to_ts,
            "{part:?}"
        );
    }
}

#[tokio::test]
async fn search_finds_all_of_5000_calls_in_parts_of_the_window() {
    let (_homer, exporter) = homer_with(calls(5000)).await;
    let mut found_ids = Vec::new();
    for part in 0..10 {
        let from_ts = (TEN_S + part * 500) * 1000;
        let filter = CallFilterFields {
            from_ts,
            to_ts: from_ts + 499_999,
            ..CallFilterFields::default()
        };
        let found = exporter.find_calls(&filter).await.unwrap();
        assert!(found.complete, "{:?}", found.unsearched);
        assert!(found.calls.iter().all(|call| call.status == Some(200)));
        found_ids.extend(found.calls.into_iter().map(|call| call.callid));
    }
    let expected: Vec<String> = (0..5000).map(|n| format!("call-{n:05}@h")).collect();
    assert_eq!(found_ids, expected);
}

#[tokio::test]
async fn search_names_the_second_of_a_row_that_crashes_homer() {
    let crashing = Row::invite("broken@h", (TEN_S + 40) * 1_000_000 + 500_000).crashing();
    let (_homer, exporter) = homer_with(calls(100).chain([crashing])).await;
    let filter = CallFilterFields {
        from_ts: TEN_S * 1000,
        to_ts: (TEN_S + 200) * 1000,
        ..CallFilterFields::default()
    };
    let found = exporter.find_calls(&filter).await.unwrap();
    assert!(!found.complete);
    let [gap] = &found.unsearched[..] else {
        panic!("{:?}", found.unsearched)
    };
    let row_ms = (TEN_S + 40) * 1000 + 500;
    assert!(gap.from_ts <= row_ms && row_ms <= gap.to_ts, "{gap:?}");
    assert!(gap.to_ts - gap.from_ts <= 2000, "{gap:?}");
    // All but those of the same second.
    assert!(found.calls.len() >= 98, "{}", found.calls.len());
    assert!(!ids(&found).contains(&"broken@h"));
}

#[tokio::test]
async fn search_that_is_refused_is_an_error() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    homer.set_search(SearchBehavior::Forbidden);
    let failure = exporter.find_calls(&day()).await.unwrap_err();
    let Failure::Export(ExportError::Unauthorized(why)) = failure else {
        panic!("{failure}")
    };
    assert!(
        why.contains("HTTP 403") && !why.contains(API_TOKEN),
        "{why}"
    );
    homer.set_search(SearchBehavior::DatabaseDown);
    let found = exporter.find_calls(&day()).await.unwrap();
    assert!(found.complete && found.calls.is_empty());
    homer.set_search(SearchBehavior::Answers);
    assert!(exporter.find_calls(&day()).await.unwrap().complete);
}

#[tokio::test]
async fn search_ends_at_the_deadline() {
    let (homer, url) = homer().await;
    homer.set_search(SearchBehavior::Slow(60_000));
    let mut limited = policy(&url);
    limited.limits.deadline = Duration::from_millis(200);
    let exporter = Exporter::new(limited).unwrap();
    let failure = exporter.find_calls(&day()).await.unwrap_err().to_string();
    assert!(
        failure.starts_with("timed-out: the search exceeded"),
        "{failure}"
    );
}

#[tokio::test]
async fn search_counts_as_one_concurrent_export() {
    let (homer, url) = homer().await;
    homer.set_search(SearchBehavior::Slow(60_000));
    let mut limited = policy(&url);
    limited.limits.concurrent_exports = 1;
    let exporter = Exporter::new(limited).unwrap();
    let (filter, request) = (day(), in_one_profile(CALL));
    let mut search = Box::pin(exporter.find_calls(&filter));
    while homer.searches() == 0 {
        tokio::select! {
            found = &mut search => panic!("{found:?}"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    let mut waits = Vec::new();
    let export = exporter.open_with_progress(&request, |waiting| waits.push(waiting));
    tokio::select! {
        found = &mut search => panic!("{found:?}"),
        opened = export => panic!("{opened:?}"),
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    assert!(
        matches!(waits[..], [WaitingFor::Turn { at_once: 1 }]),
        "{waits:?}"
    );
    // A search that is given up returns its permit.
    drop(search);
    assert!(exporter.open(&request).await.is_ok());
}

#[tokio::test]
async fn search_response_is_redacted_and_limited() {
    let row = |size: usize| {
        let body = format!(
            "{{\"data\":[{{\"sid\":\"{API_TOKEN}\",\"method\":\"INVITE\",\"create_date\":{},\
             \"padding\":\"{}\"}}]}}",
            TEN_S * 1000,
            "x".repeat(size)
        );
        let head = format!(
            "HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        head + &body
    };
    let none = "HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{\"data\":[]}";
    let server = Server::with_responses(vec![
        (row(1_000_000).into(), Then::Serve),
        (none.into(), Then::Serve),
    ])
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    let found = exporter.find_calls(&day()).await.unwrap();
    assert_eq!(ids(&found), ["[credential]"]);
    let server = Server::start(row(5_000_000), Then::Serve).await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    let failure = exporter.find_calls(&day()).await.unwrap_err();
    assert!(
        failure.to_string().contains("is larger than 4194304 bytes"),
        "{failure}"
    );
}

#[tokio::test]
async fn empty_export_says_when_homer_has_the_call() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let (from_ts, to_ts) = (DAY.0 - 86_400_000, DAY.0 - 3_600_000);
    let request = ExportRequest::for_call(CALL, from_ts, to_ts);
    let (text, suggestion, searches) = empty(&homer, &exporter, &request).await;
    let sentence = format!(
        "Homer has the call \"{CALL}\" from 2026-11-20T10:00:00.123Z to 2026-11-20T10:01:37.394Z \
         (profile 1_call), outside of the requested window; use from 1795168795000 \
         (2026-11-20T09:59:55Z) to 1795168903000 (2026-11-20T10:01:43Z)"
    );
    assert!(text.contains(&sentence), "{text}");
    assert_eq!(searches, 1);
    let suggestion = suggestion.unwrap();
    assert_eq!(
        (suggestion.callid.as_str(), suggestion.profile.as_str()),
        (CALL, "1_call")
    );
    // The suggested window works.
    let request = ExportRequest::for_call(CALL, suggestion.from_ts, suggestion.to_ts);
    let (_, completed) = export(&exporter, &request).await.unwrap();
    assert_eq!(completed.report.packets, 7);
}

#[tokio::test]
async fn empty_export_names_similar_call_ids() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let request = ExportRequest::for_call("udp-normal-1@other", DAY.0, DAY.1);
    let (text, suggestion, searches) = empty(&homer, &exporter, &request).await;
    assert!(
        text.contains("Homer holds other messages in this window")
            && text.contains(&format!("Did you mean \"{CALL}\"?")),
        "{text}"
    );
    assert_eq!(suggestion.unwrap().callid, CALL);
    assert_eq!(searches, 3);
    let request = ExportRequest::for_call("UDP-NORMAL-1@192.0.2.10", DAY.0, DAY.1);
    let (text, suggestion, searches) = empty(&homer, &exporter, &request).await;
    assert!(text.contains("Call-IDs are case-sensitive"), "{text}");
    assert_eq!((suggestion, searches), (None, 3));
}

#[tokio::test]
async fn empty_export_says_that_homer_returns_nothing_at_all() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let (from_ts, to_ts) = (DAY.0 - 30 * 86_400_000, DAY.0 - 29 * 86_400_000);
    let request = ExportRequest::for_call(CALL, from_ts, to_ts);
    let (text, suggestion, searches) = empty(&homer, &exporter, &request).await;
    assert!(
        text.contains("Homer returned no messages at all between 2026-10-21T00:00:00Z and"),
        "{text}"
    );
    assert_eq!(suggestion, None);
    assert!((2..=3).contains(&searches), "{searches}");
}

#[tokio::test]
async fn empty_export_says_what_could_not_be_checked() {
    let (homer, url) = homer().await;
    let mut hasty = policy(&url);
    hasty.limits.first_byte = Duration::from_secs(2);
    let exporter = Exporter::new(hasty).unwrap();
    let request = ExportRequest::for_call("nobody@nowhere", DAY.0, DAY.1);
    for (behavior, why) in [
        (SearchBehavior::Forbidden, "HTTP 403"),
        (SearchBehavior::Slow(10_000), "did not start its response"),
    ] {
        homer.set_search(behavior);
        let (text, suggestion, searches) = empty(&homer, &exporter, &request).await;
        assert!(
            text.contains(
                "Could not check whether Homer holds the call within 7 days of the window: "
            ) && text.contains(why),
            "{text}"
        );
        assert_eq!((suggestion, searches), (None, 1), "{behavior:?}");
    }
}

#[tokio::test]
async fn export_sends_no_search_if_it_finds_packets_or_may_not_explain() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    export(&exporter, &in_one_profile(CALL)).await.unwrap();
    assert_eq!((homer.exports(), homer.searches()), (1, 0));
    let vars = [
        ("HOMER_URL", url.as_str()),
        ("HOMER_API_TOKEN", API_TOKEN),
        ("HOMER_EXPLAIN", "off"),
    ];
    let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
    let exporter = Exporter::new(HostConfig::from_vars(vars).unwrap().policy()).unwrap();
    let request = in_one_profile("nobody@nowhere");
    let (_, suggestion, searches) = empty(&homer, &exporter, &request).await;
    assert_eq!((suggestion, searches), (None, 0));
}

#[tokio::test]
async fn explanation_looks_as_many_days_around_the_window_as_configured() {
    let (homer, url) = homer().await;
    let days_before = DAY.0 - 10 * 86_400_000;
    let request = ExportRequest::for_call(CALL, days_before, days_before + 1000);
    for (days, is_found) in [("9", false), ("11", true)] {
        let vars = [
            ("HOMER_URL", url.as_str()),
            ("HOMER_API_TOKEN", API_TOKEN),
            ("HOMER_EXPLAIN_DAYS", days),
        ];
        let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
        let exporter = Exporter::new(HostConfig::from_vars(vars).unwrap().policy()).unwrap();
        let (_, suggestion, _) = empty(&homer, &exporter, &request).await;
        assert_eq!(suggestion.is_some(), is_found, "{days}");
    }
}
