//! How calls ended and why: captures after public reports (`tests/data/public`), and made ones.

use homer_export::CaptureReport;

use crate::capture::{CALL_ID, Capture, Sent, healthy};
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
