//! How calls ended and why: captures after public reports (`tests/data/public`), and made ones.

use homer_export::CaptureReport;
use homer_export::report::MAX_JSON;
use proptest::prelude::*;

use crate::capture::{BEGIN_US, CALL_ID, CALLEE, CALLER, Capture, Sent, healthy};
use crate::recordings;
use crate::report::analyze;

const TWO_AGENTS: &str = "two capture agents";

/// The report on a capture in `tests/data/public`, whose Call-ID is its name.
fn public(name: &str) -> CaptureReport {
    let call_id = format!("{name}@public.example");
    analyze(&recordings::capture(&format!("public/{name}")), &[&call_id])
}

/// Whether a warning says that two capture agents saw the call.
fn warns_of_two_agents(report: &CaptureReport) -> bool {
    let mut warnings = report.warnings.iter();
    warnings.any(|warning| warning.contains(TWO_AGENTS))
}

/// The report on these messages, sorted by time.
fn report_of(mut sent: Vec<Sent>) -> CaptureReport {
    sent.sort_by_key(|sent| sent.time_us);
    analyze(&Capture::messages(&sent), &[CALL_ID])
}

/// A message that is sent again at these times in milliseconds after the first.
fn again(sent: &Sent, after_ms: &[u64]) -> Vec<Sent> {
    let later = |ms: &u64| Sent {
        time_us: sent.time_us + ms * 1000,
        ..sent.clone()
    };
    after_ms.iter().map(later).collect()
}

/// Timer A doubles, and timer E stops doubling at 4 s (RFC 3261 §17.1.1.2, §17.1.2.2).
const TIMER_A_MS: [u64; 6] = [500, 1500, 3500, 7500, 15_500, 31_500];
const TIMER_E_MS: [u64; 10] = [
    500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
];

#[test]
fn agents_are_not_blamed_for_retransmissions() {
    for (name, messages, retransmissions) in [
        ("sample-cancel-unanswered", 18, 12),
        ("ack-cseq-wrong", 27, 18),
    ] {
        let report = public(name);
        assert_eq!(
            (report.sip_messages, report.retransmissions),
            (messages, retransmissions),
            "{name}"
        );
        assert!(!warns_of_two_agents(&report), "{name}");
    }
    let call = healthy();
    // A dead peer, for an INVITE, a BYE, and both at once: exactly two copies of each.
    let mut dead = vec![call[0].clone()];
    dead.extend(again(&call[0], &TIMER_A_MS));
    assert!(!warns_of_two_agents(&report_of(dead)));
    let mut bye = vec![call[5].clone()];
    bye.extend(again(&call[5], &TIMER_E_MS));
    assert!(!warns_of_two_agents(&report_of(bye)));
    let mut twice = vec![call[0].clone(), call[5].clone()];
    twice.extend(again(&call[0], &[500]));
    twice.extend(again(&call[5], &[500]));
    assert!(!warns_of_two_agents(&report_of(twice)));
    // A 200 without ACK (timer G, §13.3.1.4).
    let mut unacknowledged = call[..4].to_vec();
    unacknowledged.extend(again(&call[3], &TIMER_E_MS));
    assert!(!warns_of_two_agents(&report_of(unacknowledged)));
    // The responses were lost once, behind the agent.
    let mut lost = call[..3].to_vec();
    for message in &call[..3] {
        lost.extend(again(message, &[500]));
    }
    assert!(!warns_of_two_agents(&report_of(lost)));
}

#[test]
fn agents_with_different_clocks_are_noticed() {
    let report = public("two-agents-clocks-apart");
    assert_eq!((report.sip_messages, report.complete), (14, true));
    assert!(warns_of_two_agents(&report));
    let twice = public("seen-twice-at-once");
    assert_eq!((twice.duplicates, twice.retransmissions), (7, 0));
    for (apart_ms, lost) in [(120, 0), (2_000, 0), (500, 0), (30_000, 0), (800, 4)] {
        let mut sent = healthy();
        sent.extend(healthy().iter().flat_map(|sent| again(sent, &[apart_ms])));
        // The second agent missed one message.
        if lost > 0 {
            sent.remove(7 + lost);
        }
        assert!(warns_of_two_agents(&report_of(sent)), "{apart_ms} ms");
    }
}

#[test]
fn agents_and_undated_copies() {
    let mut sent = healthy();
    sent.extend(again(&sent[0], &[100, 200]));
    for _ in 0..4 {
        let mut undated = healthy()[0].clone();
        undated.time_us = 1000;
        sent.push(undated);
    }
    // In the order in which Homer writes them, with undated packets anywhere.
    let report = analyze(&Capture::messages(&sent), &[CALL_ID]);
    assert!(!warns_of_two_agents(&report));
}

#[test]
fn agents_are_not_noticed_in_a_call_that_was_seen_once() {
    assert!(!warns_of_two_agents(&report_of(healthy())));
}

/// The codes of the reasons why a capture is incomplete.
fn reasons(report: &CaptureReport) -> Vec<&str> {
    let code = |reason: &'_ String| reason.find(':').unwrap();
    let reasons = report.incomplete_reasons.iter();
    reasons.map(|reason| &reason[..code(reason)]).collect()
}

/// Final status, completeness, and how and by whom a call ended.
fn result(report: &CaptureReport) -> (Option<u16>, bool, Option<&str>, Option<&str>) {
    (
        report.final_status,
        report.complete,
        report.ended_with.as_deref(),
        report.ended_by.as_deref(),
    )
}

#[test]
fn leg_of_the_caller_decides_in_public_captures() {
    let caller = Some("192.0.2.10:5060");
    let callee = Some("203.0.113.20:5060");
    for (name, status, complete, with, by) in [
        ("sample-cancel-unanswered", 408, true, "CANCEL", caller),
        ("two-agents-clocks-apart", 200, true, "BYE", caller),
        ("seen-twice-at-once", 200, true, "BYE", caller),
        ("fork-retagged", 200, true, "BYE", caller),
        ("sbc-keeps-call-id", 200, true, "BYE", caller),
        ("same-cseq-retry-refused", 486, true, "486", callee),
        ("ack-cseq-wrong", 200, true, "BYE", callee),
        ("bye-without-from-tag", 200, true, "BYE", callee),
        ("bye-wrong-from-tag", 200, true, "BYE", callee),
        ("t38-refused", 200, true, "BYE", callee),
        ("invite-lost-486", 486, false, "486", callee),
    ] {
        let report = public(name);
        let expected = (Some(status), complete, Some(with), by);
        assert_eq!(result(&report), expected, "{name}");
    }
    for name in ["sbc-keeps-call-id", "t38-refused"] {
        assert_eq!(public(name).findings, [], "{name}");
    }
    for name in ["cseq-2e31-options", "password-guessed"] {
        let report = public(name);
        assert_eq!(result(&report), (Some(200), true, None, None), "{name}");
        assert_eq!(report.retransmissions, 0, "{name}");
    }
}

/// An attempt before a call: its INVITE, and the response to it.
fn attempt(branch: &str, status: &str, at_ms: u64) -> Vec<Sent> {
    let (mut invite, mut response) = (healthy()[0].clone(), healthy()[2].clone());
    response.replace("180 Ringing", status);
    for message in [&mut invite, &mut response] {
        message.replace("z9hG4bK1", branch);
    }
    invite.time_us = healthy()[0].time_us + at_ms * 1000;
    response.time_us = invite.time_us + 20_000;
    vec![invite, response]
}

/// The healthy call, some seconds later.
fn later(seconds: u64) -> Vec<Sent> {
    let mut sent = healthy();
    for message in &mut sent {
        message.time_us += seconds * 1_000_000;
    }
    sent
}

#[test]
fn retry_counts_whatever_its_cseq() {
    // The next carrier, a redirection and a challenge, each with the same CSeq.
    for status in [
        "503 Service Unavailable",
        "500 Server Internal Error",
        "302 Moved Temporarily",
        "407 Proxy Authentication Required",
    ] {
        let report = report_of([attempt("z9hG4bK0", status, 0), later(1)].concat());
        let expected = (Some(200), true, Some("BYE"), Some(CALLER));
        assert_eq!(result(&report), expected, "{status}");
        // The same branch too, which no one should use again.
        let report = report_of([attempt("z9hG4bK1", status, 0), later(1)].concat());
        assert_eq!(report.final_status, Some(200), "{status}");
        // The retry got no response.
        let report = report_of([attempt("z9hG4bK0", status, 0), later(1)[..1].to_vec()].concat());
        assert_eq!(report.final_status, None, "{status}");
        assert_eq!(reasons(&report), ["no-final-response"], "{status}");
    }
    // A lower CSeq.
    let mut first = attempt("z9hG4bK0", "407 Proxy Authentication Required", 0);
    for message in &mut first {
        message.replace("1 INVITE", "7 INVITE");
    }
    let report = report_of([first, later(1)].concat());
    assert_eq!((report.final_status, report.complete), (Some(200), true));
    // Two refusals: the last one decides.
    let refused = [
        attempt("z9hG4bK0", "503 Service Unavailable", 0),
        attempt("z9hG4bK1", "486 Busy Here", 900),
    ];
    assert_eq!(report_of(refused.concat()).final_status, Some(486));
    // Not a retry: a fork that was refused while another one rings and accepts.
    let fork = attempt("z9hG4bK0", "486 Busy Here", 0);
    let report = report_of([fork, healthy()].concat());
    assert_eq!((report.final_status, report.complete), (Some(200), true));
}

#[test]
fn leg_of_the_callee_does_not_end_the_call_of_the_caller() {
    let mut sent = healthy();
    // A B2BUA keeps the Call-ID on its other leg, where it sends a BYE; the caller's leg goes on.
    let other = healthy().into_iter().map(|mut message| {
        let text = String::from_utf8(message.message).unwrap();
        let text = text
            .replace("tag=aaa", "tag=sss")
            .replace("tag=bbb", "tag=ttt");
        message.message = text.replace("z9hG4bK", "z9hG4bKother").into_bytes();
        let own = |end: std::net::SocketAddr| match end.to_string() == CALLER {
            true => "192.0.2.50:5060".parse().unwrap(),
            false => "192.0.2.60:5060".parse().unwrap(),
        };
        (message.from, message.to) = (own(message.from), own(message.to));
        message.time_us += 2000;
        message
    });
    sent.truncate(5);
    sent.extend(other);
    let report = report_of(sent);
    assert_eq!(result(&report), (Some(200), false, None, None));
    assert_eq!(reasons(&report), ["no-bye"]);
    assert_eq!(report.findings, []);
}

#[test]
fn response_with_an_unreadable_cseq_is_matched_by_its_branch() {
    let change = |cseq: &str| {
        let mut sent = healthy();
        for message in sent.iter_mut().take(4) {
            message.replace("1 INVITE", cseq);
        }
        report_of(sent)
    };
    for cseq in ["2164992235 INVITE", "x INVITE", "1"] {
        let report = change(cseq);
        let found = (report.final_status, report.complete);
        assert_eq!(found, (Some(200), true), "{cseq}");
    }
    // Only in the response.
    let mut sent = healthy();
    sent[3].replace("1 INVITE", "99999999999 INVITE");
    assert_eq!(report_of(sent).final_status, Some(200));
    // A response to another branch is not one to this request.
    let mut sent = healthy();
    sent.truncate(4);
    for message in &mut sent[1..] {
        message.replace("1 INVITE", "99999999999 INVITE");
        message.replace("z9hG4bK1", "z9hG4bKother");
        message.replace("tag=aaa", "tag=zzz");
    }
    assert_eq!(report_of(sent).final_status, None);
}

#[test]
fn lost_initial_request_leaves_the_final_status() {
    let report = public("invite-lost-486");
    assert_eq!(reasons(&report), ["no-initial-request"]);
    assert!(!report.incomplete_reasons[0].contains("earlier from_ts"));
    assert!(report.incomplete_reasons[0].contains("fragmented"));
    let report = report_of(healthy()[1..].to_vec());
    let expected = (Some(200), false, Some("BYE"), Some(CALLER));
    assert_eq!(result(&report), expected);
    // Without any response to the INVITE, the window may begin too late.
    let report = report_of(healthy()[5..].to_vec());
    assert_eq!(report.final_status, None);
    assert!(report.incomplete_reasons[0].contains("use an earlier from_ts"));
    // A re-INVITE whose request is there is not the start of the call.
    let mut sent = healthy();
    sent.remove(0);
    let mut update = sent[4].clone();
    update.replace("BYE sip", "INVITE sip");
    update.replace("2 BYE", "2 INVITE");
    let report = report_of(vec![update]);
    assert!(report.incomplete_reasons[0].contains("use an earlier from_ts"));
}

#[test]
fn transactions_of_a_call_are_bounded() {
    // The start and the end of a call with thousands of transactions are what decides.
    let mut sent = healthy();
    for number in 0..3000_u64 {
        let mut info = healthy()[5].clone();
        info.time_us = BEGIN_US + 5_000_000 + number;
        info.replace("BYE sip", "INFO sip");
        info.replace("2 BYE", &format!("{} INFO", number + 2));
        info.replace("z9hG4bK3", &format!("z9hG4bKinfo{number}"));
        sent.push(info);
    }
    let report = report_of(sent);
    let expected = (Some(200), true, Some("BYE"), Some(CALLER));
    assert_eq!(result(&report), expected);
}

/// The codes of the causes.
fn causes(report: &CaptureReport) -> Vec<&str> {
    report
        .causes
        .iter()
        .map(|cause| cause.code.as_str())
        .collect()
}

fn outcome(report: &CaptureReport) -> &str {
    report.outcome.as_deref().unwrap_or_default()
}

#[test]
fn verdict_of_public_captures() {
    for (name, expected, codes) in [
        (
            "sample-cancel-unanswered",
            "cancelled",
            &["peer-stopped", "gateway-timeout"][..],
        ),
        ("two-agents-clocks-apart", "completed", &[]),
        ("seen-twice-at-once", "completed", &[]),
        ("fork-retagged", "completed", &[]),
        ("sbc-keeps-call-id", "completed", &[]),
        ("cseq-2e31-options", "succeeded", &[]),
        ("same-cseq-retry-refused", "refused", &["busy"]),
        ("password-guessed", "succeeded", &[]),
        ("invite-lost-486", "not-captured", &["busy", "lost-packets"]),
        ("ack-cseq-wrong", "unacknowledged", &["ack-mismatch"]),
        ("bye-without-from-tag", "completed", &["bye-unknown-dialog"]),
        ("bye-wrong-from-tag", "completed", &["bye-unknown-dialog"]),
        ("t38-refused", "completed", &[]),
    ] {
        let report = public(name);
        assert_eq!(
            (outcome(&report), &causes(&report)[..]),
            (expected, codes),
            "{name}"
        );
    }
}

#[test]
fn verdict_of_recorded_healthy_calls_has_no_causes() {
    for (name, file) in recordings::captures() {
        let ids: Vec<String> = analyze(&file, &["x"]).call_ids;
        for id in &ids {
            let report = analyze(&file, &[id]);
            assert!(report.outcome.is_some(), "{name}");
            assert_eq!(causes(&report), [] as [&str; 0], "{name} {id}");
        }
    }
}

/// The texts of the causes.
fn texts(report: &CaptureReport) -> Vec<&str> {
    report
        .causes
        .iter()
        .map(|cause| cause.text.as_str())
        .collect()
}

/// A call with this final response, which may have further header fields.
fn refused(status: &str, fields: &str) -> CaptureReport {
    let mut sent = healthy()[..3].to_vec();
    sent[2].replace("180 Ringing", status);
    sent[2].replace("Content-Length", &format!("{fields}Content-Length"));
    report_of(sent)
}

#[test]
fn cause_is_named_by_the_final_status() {
    for (status, code) in [
        ("486 Busy Here", "busy"),
        ("600 Busy Everywhere", "busy"),
        ("603 Decline", "declined"),
        ("607 Unwanted", "declined"),
        ("608 Rejected", "declined"),
        ("404 Not Found", "not-found"),
        ("410 Gone", "not-found"),
        ("484 Address Incomplete", "not-found"),
        ("604 Does Not Exist Anywhere", "not-found"),
        ("430 Flow Failed", "unavailable"),
        ("480 Temporarily Unavailable", "unavailable"),
        ("403 Forbidden", "forbidden"),
        ("415 Unsupported Media Type", "not-acceptable-media"),
        ("488 Not Acceptable Here", "not-acceptable-media"),
        ("606 Not Acceptable", "not-acceptable-media"),
        ("400 Bad Request", "bad-request"),
        ("420 Bad Extension", "bad-request"),
        ("421 Extension Required", "bad-request"),
        ("423 Interval Too Brief", "bad-request"),
        ("494 Security Agreement Required", "bad-request"),
        ("482 Loop Detected", "loop"),
        ("483 Too Many Hops", "too-many-hops"),
        ("408 Request Timeout", "gateway-timeout"),
        ("504 Server Time-out", "gateway-timeout"),
        ("500 Server Internal Error", "server-failure"),
        ("502 Bad Gateway", "server-failure"),
        ("503 Service Unavailable", "overload"),
    ] {
        let report = refused(status, "");
        assert_eq!(outcome(&report), "refused", "{status}");
        assert_eq!(causes(&report)[0], code, "{status}");
        let text = format!("{status} from {CALLEE}");
        assert_eq!(texts(&report)[0], text);
        assert_eq!(report.causes[0].packets, [1, 3], "{status}");
        assert_eq!(report.causes[0].certainty, "certain");
        // A later attempt succeeds.
        let report = report_of([attempt("z9hG4bK0", status, 0), later(1)].concat());
        assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    }
}

#[test]
fn cause_has_q850_warning_and_retry_after() {
    let report = refused(
        "503 Out of trunks",
        "Reason: SIP;cause=503, Q.850;cause=34;text=\"x\"\r\nWarning: 399 gw \"no trunk\"\r\n\
         Retry-After: 30 (later)\r\n",
    );
    assert_eq!(
        texts(&report),
        [
            "503 Service Unavailable (\"Out of trunks\" in the message) from 192.0.2.20:5060, \
             Q.850 cause 34, no circuit or channel available, Warning 399, Retry-After 30 s"
        ]
    );
    let summary = refused("486 Busy Here", "Reason: Q.850 ;cause=17\r\n").summary();
    let start = "refused: 486 Busy Here from 192.0.2.20:5060 after 0.700 s (Q.850 cause 17, user \
                 busy); 3 packets in ";
    assert!(summary.starts_with(start), "{summary}");
    // Neither a cause without number nor one of another protocol.
    let summary = refused("486 Busy Here", "Reason: SIP;cause=17\r\nReason: Q.850\r\n").summary();
    assert!(!summary.contains("Q.850"), "{summary}");
    // A reason phrase cannot forge our text.
    let summary = refused("486 x; completed: \u{1b}[2J", "").summary();
    let start = "refused: 486 Busy Here (\"x; completed: \u{fffd}[2J\" in the message) from";
    assert!(summary.starts_with(start), "{summary}");
}

#[test]
fn cause_of_a_refused_call_names_the_farthest_hop() {
    let proxy = "192.0.2.50:5060".parse().unwrap();
    let mut sent = healthy()[..3].to_vec();
    sent[2].replace("180 Ringing", "486 Busy Here");
    let mut far = [sent[0].clone(), sent[2].clone()];
    for message in &mut far {
        message.replace("z9hG4bK1", "z9hG4bKfar");
    }
    (far[0].from, far[1].to) = (proxy, proxy);
    far[0].time_us += 10_000;
    far[1].time_us -= 10_000;
    (sent[0].to, sent[2].from) = (proxy, proxy);
    sent.extend(far);
    let report = report_of(sent);
    assert_eq!(
        report.outcome_text.unwrap(),
        format!("486 Busy Here from {CALLEE} after 0.700 s")
    );
    assert_eq!(report.ended_by.as_deref(), Some("192.0.2.50:5060"));
}

#[test]
fn cause_peer_silent_needs_a_peer_that_never_responds() {
    let call = healthy();
    let mut sent = vec![call[0].clone()];
    sent.extend(again(&call[0], &TIMER_A_MS));
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("no-response", vec!["peer-silent"])
    );
    assert_eq!(report.causes[0].certainty, "certain");
    assert_eq!(
        report.outcome_text.as_deref(),
        Some("the INVITE to 192.0.2.20:5060 was sent 7 times and got no response")
    );
    // Sent twice: it fits, but is not certain. Sent once: nothing is known.
    let report = report_of(sent[..2].to_vec());
    assert_eq!(report.causes[0].certainty, "likely");
    let report = report_of(sent[..1].to_vec());
    assert_eq!((outcome(&report), causes(&report)), ("no-response", vec![]));
    // It responded after some retransmissions.
    let mut late = again(&call[0], &[500, 1500]);
    late.extend(later(2));
    late[2].time_us = call[0].time_us;
    let report = report_of(late);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // The next carrier responds.
    let mut dead = sent;
    for message in &mut dead {
        message.replace("z9hG4bK1", "z9hG4bK0");
        message.to = "192.0.2.77:5060".parse().unwrap();
    }
    dead.extend(later(40));
    let report = report_of(dead);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // Two agents saw a request that was sent once.
    let mut twice = healthy()[..3].to_vec();
    twice.extend(healthy()[..3].iter().flat_map(|sent| again(sent, &[800])));
    assert_eq!(causes(&report_of(twice)), [] as [&str; 0]);
}

#[test]
fn cause_peer_stopped_needs_a_request_without_response() {
    let mut sent = healthy()[..6].to_vec();
    sent.extend(again(&sent[5], &TIMER_E_MS));
    let report = report_of(sent);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("answered", vec!["peer-stopped"])
    );
    assert!(
        report
            .outcome_text
            .unwrap()
            .ends_with(", which got no final response")
    );
    // It was sent again because the first response was lost.
    let mut sent = healthy();
    sent.extend(again(&sent[5], &[500]));
    sent.extend(again(&sent[6], &[500]));
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

#[test]
fn cause_of_an_unacknowledged_call() {
    let mut sent = healthy()[..4].to_vec();
    sent.extend(again(&sent[3], &TIMER_E_MS));
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("unacknowledged", vec!["ack-missing"])
    );
    let ack = healthy()[4].clone();
    for (old, new, why) in [
        ("1 ACK", "7 ACK", "has CSeq 7, while the INVITE has 1"),
        (
            "z9hG4bK2",
            "z9hG4bK1",
            "has the branch of the INVITE, as only the ACK of a refusal may",
        ),
        ("tag=bbb", "tag=zzz", "has another To tag than the response"),
    ] {
        let mut wrong = ack.clone();
        wrong.replace(old, new);
        let report = report_of([sent.clone(), vec![wrong]].concat());
        assert_eq!(
            (outcome(&report), causes(&report)),
            ("unacknowledged", vec!["ack-mismatch"])
        );
        assert!(texts(&report)[0].contains(why), "{:?}", texts(&report));
    }
    // The ACK fits; it was lost at first.
    let report = report_of([sent.clone(), vec![ack]].concat());
    assert_eq!((outcome(&report), causes(&report)), ("answered", vec![]));
    // The ACK takes another way, and the 200 was sent once.
    let mut sent = healthy();
    sent.remove(4);
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

/// An attempt that is challenged, with credentials if there is a nonce for them.
fn challenged(branch: &str, at_ms: u64, credentials: &str, challenge: &str) -> Vec<Sent> {
    let mut sent = attempt(branch, "401 Unauthorized", at_ms);
    let max = "Max-Forwards";
    if !credentials.is_empty() {
        sent[0].replace(
            max,
            &format!("Authorization: Digest {credentials}\r\n{max}"),
        );
    }
    let field = format!("WWW-Authenticate: Digest {challenge}\r\nContent-Length");
    sent[1].replace("Content-Length", &field);
    sent
}

#[test]
fn cause_of_a_failed_authentication() {
    let first = challenged("z9hG4bK0", 0, "", "realm=\"a\", nonce=\"1\"");
    let report = report_of(first.clone());
    let expected = ("auth-failed", vec!["auth-not-attempted"]);
    assert_eq!((outcome(&report), causes(&report)), expected);
    for (credentials, challenge, why) in [
        (
            "username=\"u\", realm=\"a\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\"",
            "user name or password is probably wrong",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\", stale=true",
            "calls the nonce stale",
        ),
        (
            "username=\"u\", realm=\"b\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\"",
            "for another realm",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"0\"",
            "realm=\"a\", nonce=\"2\"",
            "have another nonce",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"1\", algorithm=SHA-256",
            "realm=\"a\", nonce=\"2\"",
            "use another algorithm",
        ),
    ] {
        let second = challenged("z9hG4bK1", 500, credentials, challenge);
        let report = report_of([first.clone(), second.clone()].concat());
        let expected = ("auth-failed", vec!["auth-loop"]);
        assert_eq!((outcome(&report), causes(&report)), expected, "{why}");
        assert!(texts(&report)[0].contains(why), "{:?}", texts(&report));
        // The next attempt succeeds.
        let mut success = later(1);
        for message in &mut success[..4] {
            message.replace("z9hG4bK1", "z9hG4bK9");
        }
        let report = report_of([first.clone(), second, success].concat());
        assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    }
    // 403 after credentials, and without.
    let mut second = challenged("z9hG4bK1", 500, "realm=\"a\", nonce=\"1\"", "");
    second[1].replace("401 Unauthorized", "403 Forbidden");
    let report = report_of([first, second].concat());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("auth-failed", vec!["forbidden"])
    );
    assert_eq!(outcome(&refused("403 Forbidden", "")), "refused");
}

#[test]
fn outcome_of_calls_that_were_not_answered() {
    let cancelled = |status: Option<&str>| {
        let mut sent = healthy()[..3].to_vec();
        let mut cancel = sent[0].clone();
        cancel.replace("INVITE sip", "CANCEL sip");
        cancel.replace("1 INVITE", "1 CANCEL");
        cancel.time_us += 2_000_000;
        if let Some(status) = status {
            let mut response = sent[2].clone();
            response.replace("180 Ringing", status);
            response.time_us = cancel.time_us + 1000;
            sent.push(response);
        }
        sent.push(cancel);
        report_of(sent)
    };
    let report = cancelled(Some("487 Request Terminated"));
    assert_eq!((outcome(&report), causes(&report)), ("cancelled", vec![]));
    assert!(
        report
            .summary()
            .starts_with("cancelled: CANCEL from 192.0.2.10:5060;")
    );
    let report = cancelled(None);
    assert_eq!(outcome(&report), "cancelled");
    assert!(report.outcome_text.unwrap().ends_with("(487) is missing"));
    // The callee answered at the same moment.
    assert_eq!(outcome(&cancelled(Some("200 OK"))), "answered");
    assert_eq!(outcome(&refused("302 Moved Temporarily", "")), "redirected");
    assert_eq!(outcome(&refused("487 Request Terminated", "")), "refused");
    assert_eq!(
        outcome(&report_of(healthy()[..3].to_vec())),
        "no-final-response"
    );
    assert_eq!(outcome(&report_of(healthy()[..5].to_vec())), "answered");
    assert_eq!(outcome(&report_of(healthy()[5..].to_vec())), "not-captured");
    assert_eq!(report_of(vec![]).outcome, None);
}

#[test]
fn cause_media() {
    // 198.51.100.0/24 and the like stand for public addresses.
    let private = |at: usize, address: &str| {
        let mut sent = healthy();
        let own = if at == 0 { "192.0.2.10" } else { "192.0.2.20" };
        sent[at].replace(&format!("c=IN IP4 {own}"), &format!("c=IN IP4 {address}"));
        sent
    };
    for address in [
        "10.0.0.5",
        "172.16.9.9",
        "192.168.1.2",
        "100.64.0.1",
        "169.254.1.1",
        "127.0.0.1",
        "0.0.0.0",
    ] {
        for at in [0, 3] {
            let report = report_of(private(at, address));
            assert_eq!(causes(&report), ["private-media-address"], "{address}");
            assert_eq!(report.causes[0].packets, [at as u64 + 1]);
            assert_eq!(report.causes[0].certainty, "likely");
        }
    }
    for address in ["203.0.113.9", "172.32.0.1", "100.128.0.1"] {
        assert_eq!(
            causes(&report_of(private(0, address))),
            [] as [&str; 0],
            "{address}"
        );
    }
    // A device in the same private network, a hold, and ICE.
    let mut local = private(0, "10.0.0.5");
    for message in &mut local {
        message.replace("192.0.2.10:5060", "10.0.0.5:5060");
        for end in [&mut message.from, &mut message.to] {
            if end.to_string() == CALLER {
                *end = "10.0.0.5:5060".parse().unwrap();
            }
        }
    }
    assert_eq!(causes(&report_of(local)), [] as [&str; 0]);
    let mut hold = private(0, "0.0.0.0");
    hold[0].replace("a=sendrecv", "a=inactive");
    assert_eq!(causes(&report_of(hold)), [] as [&str; 0]);
    let mut ice = private(0, "10.0.0.5");
    ice[0].replace(
        "a=sendrecv",
        "a=candidate:1 1 UDP 1 203.0.113.9 4000 typ host",
    );
    assert_eq!(causes(&report_of(ice)), [] as [&str; 0]);

    let mut rejected = healthy();
    rejected[3].replace("m=audio 40000", "m=audio 0");
    let report = report_of(rejected.clone());
    assert_eq!(causes(&report), ["media-rejected"]);
    assert!(
        texts(&report)[0].ends_with("the offer has \"0 8\""),
        "{:?}",
        texts(&report)
    );
    // A stream that was not offered either.
    rejected[0].replace("m=audio 40000", "m=audio 0");
    assert_eq!(causes(&report_of(rejected)), [] as [&str; 0]);
    assert_eq!(
        causes(&refused("488 Not Acceptable Here", "")),
        ["not-acceptable-media", "no-common-codec"]
    );
}

#[test]
fn cause_early_media_only() {
    let mut sent = healthy();
    sent[3].replace("200 OK", "183 Session Progress");
    sent.truncate(4);
    assert_eq!(causes(&report_of(sent.clone())), ["early-media-only"]);
    let mut answered = healthy();
    let mut early = sent[3].clone();
    early.time_us -= 1_000_000;
    answered.push(early);
    assert_eq!(causes(&report_of(answered)), [] as [&str; 0]);
}

#[test]
fn cause_bye_unknown_dialog() {
    let mut sent = healthy();
    sent[6].replace("200 OK", "481 Call/Transaction Does Not Exist");
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["bye-unknown-dialog"])
    );
    assert!(texts(&report)[0].ends_with("; its tags are those of the dialog"));
    // Both sides hang up at once.
    let mut other = healthy()[5..].to_vec();
    for message in &mut other {
        message.replace("tag=aaa", "tag=x");
        message.replace("tag=bbb", "tag=aaa");
        message.replace("tag=x", "tag=bbb");
        message.replace("z9hG4bK3", "z9hG4bKother");
        (message.from, message.to) = (message.to, message.from);
        message.time_us -= 5000;
    }
    sent.extend(other);
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

/// The call as it is forwarded by a proxy, some milliseconds later.
fn forwarded(sent: &[Sent], after_ms: i64) -> Vec<Sent> {
    let mut sent = sent.to_vec();
    let proxy = "192.0.2.50:5060".parse().unwrap();
    for message in &mut sent {
        let end = match message.from.to_string() == CALLER {
            true => &mut message.from,
            false => &mut message.to,
        };
        *end = proxy;
        message.replace("z9hG4bK", "z9hG4bKforwarded");
        message.time_us = message.time_us.saturating_add_signed(after_ms * 1000);
    }
    sent
}

/// The healthy call between the caller and that proxy.
fn to_the_proxy() -> Vec<Sent> {
    let mut sent = healthy();
    let proxy = "192.0.2.50:5060".parse().unwrap();
    for message in &mut sent {
        let end = match message.from.to_string() == CALLER {
            true => &mut message.to,
            false => &mut message.from,
        };
        *end = proxy;
    }
    sent
}

// Shrunk failures of tests/core/random_calls.rs.

#[test]
fn random_call_whose_2xx_was_not_captured_was_answered() {
    let mut sent = healthy();
    sent.remove(3);
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), result(&report)),
        ("completed", (None, false, Some("BYE"), Some(CALLER)))
    );
    let report = report_of(sent[..4].to_vec());
    assert_eq!(outcome(&report), "answered");
    // The ACK of a rejection has the branch of the INVITE.
    sent.truncate(4);
    sent[3].replace("z9hG4bK2", "z9hG4bK1");
    assert_eq!(outcome(&report_of(sent)), "no-final-response");
}

#[test]
fn random_call_repeats_the_2xx_of_another_fork() {
    let mut sent = healthy();
    sent.remove(4);
    let mut other = sent[3].clone();
    other.replace("tag=bbb", "tag=ccc");
    other.time_us += 1000;
    sent.push(other.clone());
    sent.extend(again(&other, &[500, 1500]));
    assert_eq!(outcome(&report_of(sent)), "completed");
}

#[test]
fn random_call_whose_first_hop_has_a_late_clock() {
    let far = forwarded(&healthy(), -2000);
    let report = report_of([to_the_proxy(), far].concat());
    let expected = (Some(200), true, Some("BYE"), Some(CALLER));
    assert_eq!(result(&report), expected);
}

#[test]
fn random_call_whose_invite_was_captured_behind_the_proxy_only() {
    let mut near = to_the_proxy()[1..3].to_vec();
    near[1].replace("180 Ringing", "486 Busy Here");
    let mut far = forwarded(&healthy()[..3], 2);
    far[2].replace("180 Ringing", "404 Not Found");
    far[2].time_us -= 10_000;
    let report = report_of([near, far].concat());
    let expected = (Some(486), true, Some("486"), Some("192.0.2.50:5060"));
    assert_eq!((outcome(&report), result(&report)), ("refused", expected));
}

#[test]
fn random_call_whose_second_invite_was_not_captured() {
    let challenged = attempt("z9hG4bK0", "407 Proxy Authentication Required", 0);
    let mut second = later(1)[1..].to_vec();
    for message in &mut second[..3] {
        message.replace("1 INVITE", "2 INVITE");
    }
    second[3].replace("1 ACK", "2 ACK");
    let report = report_of([challenged, second].concat());
    assert_eq!(
        (outcome(&report), report.final_status),
        ("completed", Some(200))
    );
}

/// A transaction within the call, after its start.
fn within(method: &str, status: &str, fields: &str, body: &str, at_ms: u64) -> Vec<Sent> {
    let (mut request, mut response) = (healthy()[5].clone(), healthy()[6].clone());
    request.replace("BYE sip", &format!("{method} sip"));
    let length = format!("{fields}Content-Length: {}\r\n\r\n{body}", body.len());
    request.replace("Content-Length: 0\r\n\r\n", &length);
    response.replace("200 OK", status);
    for message in [&mut request, &mut response] {
        message.replace("2 BYE", &format!("{at_ms} {method}"));
        message.replace("z9hG4bK3", &format!("z9hG4bK{method}{at_ms}"));
    }
    request.time_us = BEGIN_US + at_ms * 1000;
    response.time_us = request.time_us + 1000;
    vec![request, response]
}

#[test]
fn cause_transfer() {
    let transfer = |refer: &str, fragments: &[&str]| {
        let mut sent = healthy();
        sent.extend(within("REFER", refer, "", "", 10_000));
        for (number, fragment) in fragments.iter().enumerate() {
            let fields = "Event: refer\r\nContent-Type: message/sipfrag;version=2.0\r\n";
            let at_ms = 11_000 + number as u64 * 1000;
            sent.extend(within("NOTIFY", "200 OK", fields, fragment, at_ms));
        }
        report_of(sent)
    };
    let trying = "SIP/2.0 100 Trying\r\n";
    let report = transfer("202 Accepted", &[trying, "SIP/2.0 200 OK\r\n"]);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["transfer-succeeded"])
    );
    let report = transfer("202 Accepted", &[trying, "SIP/2.0 486 Busy Here\r\n"]);
    assert_eq!(causes(&report), ["transfer-failed"]);
    assert!(
        texts(&report)[0].ends_with("says 486 Busy Here"),
        "{:?}",
        texts(&report)
    );
    let report = transfer("603 Decline", &[]);
    assert_eq!(causes(&report), ["transfer-failed"]);
    // Its result is not known.
    assert_eq!(
        causes(&transfer("202 Accepted", &[trying])),
        [] as [&str; 0]
    );
    // A NOTIFY of something else.
    let mut sent = healthy();
    sent.extend(within("NOTIFY", "200 OK", "Event: dialog\r\n", "", 11_000));
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_glare() {
    let mut sent = healthy();
    sent.extend(within("UPDATE", "491 Request Pending", "", "", 10_000));
    assert_eq!(causes(&report_of(sent.clone())), ["glare"]);
    sent.extend(within("UPDATE", "200 OK", "", "", 12_000));
    let report = report_of(sent);
    assert!(texts(&report)[0].ends_with("it was sent again and succeeded"));
    let mut sent = healthy();
    sent.extend(within("UPDATE", "200 OK", "", "", 10_000));
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_registration_removed() {
    let register = |fields: &str| {
        let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
        sent[0].replace("INVITE sip", "REGISTER sip");
        sent[0].replace("Max-Forwards", &format!("{fields}\r\nMax-Forwards"));
        for message in &mut sent {
            message.replace("1 INVITE", "1 REGISTER");
        }
        report_of(sent)
    };
    for fields in [
        "Contact: *\r\nExpires: 0",
        "Contact: <sip:a@192.0.2.10>;expires=0",
        "Contact: <sip:a@192.0.2.10>\r\nExpires: 0",
    ] {
        let report = register(fields);
        assert_eq!(outcome(&report), "succeeded", "{fields}");
        assert_eq!(causes(&report), ["registration-removed"], "{fields}");
    }
    for fields in [
        "Expires: 0",
        "Contact: <sip:a@192.0.2.10>",
        "Contact: <sip:a@192.0.2.10>;expires=60",
        "Contact: <sip:a@192.0.2.10>;expires=60\r\nExpires: 0",
        "Contact: <sip:b@192.0.2.10>;expires=0, <sip:a@192.0.2.10>\r\nExpires: 3600",
    ] {
        let report = register(fields);
        assert_eq!(
            (outcome(&report), causes(&report)),
            ("succeeded", vec![]),
            "{fields}"
        );
    }
}

#[test]
fn cause_nat_contact() {
    let contact = |at: usize, contact: &str| {
        let mut sent = healthy();
        let field = format!("Contact: {contact}\r\nContent-Type");
        sent[at].replace("Content-Type", &field);
        sent
    };
    for uri in [
        "<sip:a@10.0.0.5:5060;transport=udp>",
        "sip:192.168.1.2;x=y",
        "<sip:a@[fd00::1]>",
    ] {
        assert_eq!(
            causes(&report_of(contact(0, uri))),
            ["nat-contact"],
            "{uri}"
        );
    }
    for uri in [
        "<sip:a@192.0.2.10>",
        "<sip:10.0.0.5@example.net>",
        "\"10.0.0.5\" <sip:a@h>",
    ] {
        assert_eq!(
            causes(&report_of(contact(0, uri))),
            [] as [&str; 0],
            "{uri}"
        );
    }
    // Requests to the callee are answered in spite of its Contact.
    let report = report_of(contact(3, "<sip:b@10.0.0.6>"));
    assert_eq!(causes(&report), [] as [&str; 0]);
    // They do not arrive.
    let report = report_of(contact(3, "<sip:b@10.0.0.6>")[..5].to_vec());
    assert_eq!(causes(&report), ["nat-contact"]);
}

/// A re-INVITE of the caller with this SDP, which the callee accepts.
fn offer_again(sdp: &[(&str, &str)], status: &str, at_ms: u64) -> Vec<Sent> {
    let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
    sent[1].replace("200 OK", status);
    sent[0].replace(
        "To: <sip:bob@example.net>",
        "To: <sip:bob@example.net>;tag=bbb",
    );
    for (number, message) in sent.iter_mut().enumerate() {
        message.replace("z9hG4bK1", &format!("z9hG4bKre{at_ms}"));
        message.replace("1 INVITE", &format!("{at_ms} INVITE"));
        message.time_us = BEGIN_US + (at_ms + number as u64) * 1000;
    }
    for (old, new) in sdp {
        sent[0].replace(old, new);
    }
    sent
}

#[test]
fn cause_hold_resume_and_moved_media() {
    let with = |changes: &[Vec<Sent>]| report_of([healthy(), changes.concat()].concat());
    let same = offer_again(&[], "200 OK", 10_000);
    assert_eq!(causes(&with(&[same])), [] as [&str; 0]);
    let hold = offer_again(&[("a=sendrecv", "a=sendonly")], "200 OK", 10_000);
    assert_eq!(causes(&with(std::slice::from_ref(&hold))), ["hold"]);
    let resume = offer_again(&[], "200 OK", 20_000);
    let report = with(&[hold, resume]);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["hold", "resume"])
    );
    let old_hold = offer_again(
        &[("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0")],
        "200 OK",
        10_000,
    );
    assert_eq!(causes(&with(&[old_hold])), ["hold"]);
    let moved = [("c=IN IP4 192.0.2.10", "c=IN IP4 203.0.113.7")];
    let report = with(&[offer_again(&moved, "200 OK", 10_000)]);
    assert_eq!(causes(&report), ["media-address-changed"]);
    assert!(texts(&report)[0].contains("from 192.0.2.10 to 203.0.113.7"));
    // It was refused, so that nothing changed.
    let refused = offer_again(&moved, "488 Not Acceptable Here", 10_000);
    assert_eq!(causes(&with(&[refused])), [] as [&str; 0]);
}

#[test]
fn cause_of_an_end_without_bye() {
    let lost = |session: &str, at_ms: u64, status: &str| {
        let mut sent = healthy()[..5].to_vec();
        sent[3].replace("Content-Type", &format!("{session}Content-Type"));
        sent.extend(within("INFO", status, "", "", at_ms));
        report_of(sent)
    };
    let unknown = "481 Call/Transaction Does Not Exist";
    let report = lost("", 200_000, unknown);
    assert_eq!(outcome(&report), "answered");
    assert_eq!(causes(&report), ["bye-unknown-dialog", "bye-missing"]);
    let report = lost("Session-Expires: 90;refresher=uas\r\n", 200_000, unknown);
    assert_eq!(
        causes(&report),
        ["bye-unknown-dialog", "session-timer-expired"]
    );
    let report = lost("x: 1800\r\n", 200_000, unknown);
    assert_eq!(causes(&report), ["bye-unknown-dialog", "bye-missing"]);
    let report = lost("Session-Expires: 90\r\n", 200_000, "200 OK");
    assert_eq!(causes(&report), [] as [&str; 0]);
}

#[test]
fn cause_registration_expired() {
    let register = |number: u64, after_s: u64, granted: &str| {
        let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
        sent[0].replace("INVITE sip", "REGISTER sip");
        sent[1].replace("Content-Type", &format!("{granted}\r\nContent-Type"));
        for message in &mut sent {
            message.replace("1 INVITE", &format!("{number} REGISTER"));
            message.replace("z9hG4bK1", &format!("z9hG4bKr{number}"));
            message.time_us += after_s * 1_000_000;
        }
        sent[1].time_us = sent[0].time_us + 1000;
        sent
    };
    for (granted, after_s, expected) in [
        ("Expires: 60", 90, &["registration-expired"][..]),
        (
            "Contact: <sip:a@h>;expires=60",
            90,
            &["registration-expired"],
        ),
        ("Expires: 60", 55, &[]),
        (
            "Contact: <sip:a@h>;expires=60, <sip:b@h>;expires=600",
            90,
            &[],
        ),
        ("X: y", 90, &[]),
    ] {
        let sent = [register(1, 0, granted), register(2, after_s, granted)].concat();
        let report = report_of(sent);
        assert_eq!(outcome(&report), "succeeded");
        assert_eq!(causes(&report), expected, "{granted} {after_s}");
        let text = report.outcome_text.unwrap();
        assert!(text.ends_with("after 1 earlier request"), "{text}");
    }
}

#[test]
fn cause_lost_packets() {
    let mut sent = healthy();
    sent.remove(5);
    let report = report_of(sent);
    assert_eq!(causes(&report), ["lost-packets"]);
    assert_eq!(report.causes[0].packets, [6]);
    assert!(
        texts(&report)[0].contains("within 59.910 s before it"),
        "{:?}",
        texts(&report)
    );
    // An agent that sees one direction only.
    let mut sent = healthy();
    sent.retain(|sent| sent.from.to_string() == CALLEE);
    let report = report_of(sent);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("not-captured", vec![])
    );
}

#[test]
fn cause_of_a_challenge_on_another_hop_names_its_packet() {
    let mut sent = attempt("z9hG4bK1", "401 Unauthorized", 0);
    sent[1].replace("z9hG4bK1", "z9hG4bKother");
    let report = report_of(sent.clone());
    assert_eq!(causes(&report)[0], "auth-not-attempted");
    assert_eq!(report.causes[0].packets, [2]);
    // The credentials are there, but the capture does not show the challenge to them in full.
    sent[0].replace(
        "Max-Forwards",
        "Authorization: Digest realm=\"a\"\r\nMax-Forwards",
    );
    let report = report_of(sent);
    assert_eq!(outcome(&report), "auth-failed");
    assert!(!causes(&report).iter().any(|code| code.starts_with("auth-")));
}

#[test]
fn cause_of_a_challenged_refresh_is_not_that_of_the_ones_before() {
    let register = |mut sent: Vec<Sent>, number: u64| {
        sent[0].replace("INVITE sip", "REGISTER sip");
        for message in &mut sent {
            message.replace("1 INVITE", &format!("{number} REGISTER"));
        }
        sent
    };
    let (credentials, challenge) = ("realm=\"a\", nonce=\"1\"", "realm=\"a\", nonce=\"1\"");
    let first = register(challenged("z9hG4bKr1", 0, "", challenge), 1);
    let mut second = register(challenged("z9hG4bKr2", 100, credentials, challenge), 2);
    second[1].replace("401 Unauthorized", "200 OK");
    let last = register(challenged("z9hG4bKr3", 50_000, "", challenge), 3);
    let report = report_of([first.clone(), second.clone(), last].concat());
    let expected = ("auth-failed", vec!["auth-not-attempted"]);
    assert_eq!((outcome(&report), causes(&report)), expected);
    assert_eq!(report.causes[0].packets, [5, 6]);
    let report = report_of([first, second].concat());
    assert_eq!((outcome(&report), causes(&report)), ("succeeded", vec![]));
    assert_eq!(report.final_status, Some(200));
}

#[test]
fn request_seen_behind_a_nat_is_no_second_attempt() {
    let mut sent = healthy()[..3].to_vec();
    sent[2].replace("180 Ringing", "486 Busy Here");
    // The agent behind the NAT has a clock that is late.
    let mut behind = sent[0].clone();
    behind.from = "192.0.2.99:5060".parse().unwrap();
    behind.time_us += 2_000_000;
    sent.push(behind);
    let report = report_of(sent);
    assert_eq!(
        (outcome(&report), report.final_status),
        ("refused", Some(486))
    );
}

#[test]
fn cause_names_the_offered_codecs() {
    let mut sent = healthy();
    let attribute = "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv";
    sent[0].replace("a=sendrecv", attribute);
    sent[3].replace("m=audio 40000", "m=audio 0");
    for message in &mut sent[..1] {
        let body = message.message.len() - message.find("v=0");
        let old = message.find("Content-Length: ");
        let end = old
            + message.message[old..]
                .iter()
                .position(|byte| *byte == b'\r')
                .unwrap();
        let length = format!("Content-Length: {body}");
        message.message.splice(old..end, length.into_bytes());
    }
    let report = report_of(sent);
    assert_eq!(causes(&report), ["media-rejected"]);
    assert!(
        texts(&report)[0].ends_with("\"PCMU PCMA\""),
        "{:?}",
        texts(&report)
    );
}

/// Messages of all kinds that the causes read, in any order and with any mistakes.
fn any_call() -> impl Strategy<Value = Vec<Sent>> {
    let mut pool = healthy();
    pool.extend(attempt("z9hG4bK0", "503 Service Unavailable", 0));
    pool.extend(challenged(
        "z9hG4bK8",
        100,
        "realm=\"a\", nonce=\"1\"",
        "realm=\"a\"",
    ));
    pool.extend(within("REFER", "202 Accepted", "", "", 10_000));
    pool.extend(within(
        "INFO",
        "481 Gone",
        "Reason: Q.850;cause=16\r\n",
        "",
        20_000,
    ));
    pool.extend(offer_again(
        &[("a=sendrecv", "a=sendonly")],
        "491 Request Pending",
        30_000,
    ));
    let len = pool.len();
    let change = (
        0..len,
        0..40_000_000_u64,
        any::<bool>(),
        any::<prop::sample::Index>(),
        prop::option::weighted(0.2, any::<u8>()),
    );
    prop::collection::vec(change, 0..60).prop_map(move |changes| {
        let mut sent = Vec::new();
        for (which, after_us, reversed, at, byte) in changes {
            let mut message = pool[which].clone();
            message.time_us += after_us;
            if reversed {
                (message.from, message.to) = (message.to, message.from);
            }
            if let Some(byte) = byte {
                let at = at.index(message.message.len());
                message.message[at] = byte;
            }
            sent.push(message);
        }
        sent
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// There is always one outcome, and its causes are within their limits.
    #[test]
    fn verdict_of_any_messages_is_bounded(sent in any_call(), sorted in any::<bool>()) {
        let mut sent = sent;
        if sorted {
            sent.sort_by_key(|sent| sent.time_us);
        }
        let report = analyze(&Capture::messages(&sent), &[CALL_ID]);
        let has_call = report.call_ids.iter().any(|id| id == CALL_ID);
        prop_assert_eq!(report.outcome.is_some(), has_call);
        prop_assert_eq!(report.outcome_text.is_some(), has_call);
        prop_assert!(report.causes.len() <= 8);
        for cause in &report.causes {
            prop_assert!((1..=10).contains(&cause.packets.len()), "{cause:?}");
            prop_assert!(cause.packets.iter().all(|packet| *packet <= report.packets));
            prop_assert!(matches!(cause.certainty.as_str(), "certain" | "likely"));
            prop_assert!(!cause.text.is_empty() && !cause.next_step.is_empty());
        }
        prop_assert!(report.truncated_to(MAX_JSON).to_json().to_string().len() <= MAX_JSON);
        let is_one_line = !report.summary().contains(char::is_control);
        prop_assert!(is_one_line);
    }
}
