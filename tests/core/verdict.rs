//! How calls ended and why: captures after public reports (`tests/data/public`), and made ones.

use homer_export::CaptureReport;

use crate::capture::{BEGIN_US, CALL_ID, CALLER, Capture, Sent, healthy};
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
            &["gateway-timeout"][..],
        ),
        ("two-agents-clocks-apart", "completed", &[]),
        ("seen-twice-at-once", "completed", &[]),
        ("fork-retagged", "completed", &[]),
        ("sbc-keeps-call-id", "completed", &[]),
        ("cseq-2e31-options", "succeeded", &[]),
        ("same-cseq-retry-refused", "refused", &["busy"]),
        ("password-guessed", "succeeded", &[]),
        ("invite-lost-486", "not-captured", &["busy"]),
        ("ack-cseq-wrong", "unacknowledged", &["ack-mismatch"]),
        ("bye-without-from-tag", "completed", &["bye-unknown-dialog"]),
        ("bye-wrong-from-tag", "completed", &["bye-unknown-dialog"]),
        ("t38-refused", "completed", &[]),
    ] {
        let report = public(name);
        println!("{name}: {}", report.summary());
        for cause in &report.causes {
            println!("    {cause:?}");
        }
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
            println!("{name} {id}: {}", report.summary());
            assert!(report.outcome.is_some(), "{name}");
            assert_eq!(causes(&report), [] as [&str; 0], "{name} {id}");
        }
    }
}
