//! How calls ended and why: captures after public reports (`tests/data/public`), and made ones.

use homer_export::CaptureReport;
use homer_export::report::MAX_JSON;
use proptest::prelude::*;

use crate::capture::{BEGIN_US, CALL_ID, CALLER, Capture, Sent, healthy};
use crate::made_calls::{
    TIMER_A_MS, TIMER_E_MS, again, attempt, causes, challenged, later, offer_again, outcome,
    refused, report_of, within,
};
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
        ("tcp-two-in-one", "completed", &[]),
        ("tcp-subscribe-and-register", "succeeded", &[]),
        ("to-tag-missing", "completed", &[]),
        ("content-type-twice", "refused", &["bad-request"]),
        ("invite-cut-in-header", "completed", &["message-truncated"]),
        ("tcp-first-segment", "completed", &["message-truncated"]),
        ("quoted-pair", "succeeded", &[]),
        ("question-mark-in-user", "completed", &[]),
        ("upper-case-names", "completed", &[]),
        ("keep-alive-before-message", "completed", &[]),
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
