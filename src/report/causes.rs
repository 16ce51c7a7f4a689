//! Why a call ended as it did: the causes that its messages prove or fit.
//!
//! A cause is only reported if the messages show it. A call that went well has none.

mod capture;
mod delivery;
mod dialog;
mod response;
mod session;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::capture_report::Cause;
use super::faults::Faults;
use super::outcome::Verdict;

/// Most causes in a report, inclusive.
const MAX_CAUSES: usize = 8;

/// Most packets that a cause names, inclusive.
const MAX_PACKETS: usize = 10;

/// The codes of all causes. They never change.
///
/// # Examples
/// ```
/// use homer_export::report::CAUSE_CODES;
///
/// assert!(CAUSE_CODES.contains(&"busy"));
/// ```
pub const CODES: &[&str] = &[
    "peer-silent",
    "peer-stopped",
    "ack-missing",
    "ack-mismatch",
    "auth-loop",
    "auth-not-attempted",
    "busy",
    "declined",
    "not-found",
    "unavailable",
    "forbidden",
    "not-acceptable-media",
    "bad-request",
    "loop",
    "too-many-hops",
    "gateway-timeout",
    "server-failure",
    "overload",
    "private-media-address",
    "nat-contact",
    "media-rejected",
    "no-common-codec",
    "media-address-changed",
    "hold",
    "resume",
    "early-media-only",
    "bye-unknown-dialog",
    "bye-missing",
    "session-timer-expired",
    "glare",
    "transfer-failed",
    "transfer-succeeded",
    "registration-expired",
    "registration-removed",
    "message-truncated",
    "not-sip",
    "encoding",
    "lost-packets",
];

/// How certain a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    /// The messages prove it.
    Certain,
    /// The messages fit it.
    Likely,
}

/// The causes of a call, the most likely one first. `faults` are those of its messages; `not_sip`
/// has the first packets of the capture that do not belong into a profile of SIP.
pub(super) fn causes(verdict: &Verdict<'_>, faults: &Faults, not_sip: &[u64]) -> Vec<Cause> {
    let mut list = List(Vec::new());
    // The order is that of the report: what explains the outcome comes first, what is merely worth
    // knowing comes last.
    verdict.silent_peers(&mut list);
    verdict.ack(&mut list);
    verdict.authentication(&mut list);
    verdict.final_status(&mut list);
    verdict.unknown_dialog(&mut list);
    verdict.media(&mut list);
    verdict.unnoticed_end(&mut list);
    verdict.contact(&mut list);
    verdict.registration(&mut list);
    verdict.registration_gap(&mut list);
    verdict.transfer(&mut list);
    verdict.glare(&mut list);
    verdict.lost_packets(&mut list);
    capture::truncated(faults, &mut list);
    capture::encoding(faults, &mut list);
    capture::not_sip(not_sip, &mut list);
    verdict.media_changes(&mut list);
    list.0.truncate(MAX_CAUSES);
    list.0
}

struct List(Vec<Cause>);

impl List {
    /// Adds a cause, unless there is one with this code: what several transactions show is said
    /// once.
    fn push(
        &mut self,
        code: &str,
        certainty: Certainty,
        packets: &[u64],
        text: String,
        next_step: &str,
    ) {
        debug_assert!(CODES.contains(&code), "{code} is not in the list of codes");
        if self.0.iter().any(|cause| cause.code == code) {
            return;
        }
        let mut kept: Vec<u64> = Vec::new();
        for packet in packets.iter().filter(|packet| **packet > 0) {
            if !kept.contains(packet) && kept.len() < MAX_PACKETS {
                kept.push(*packet);
            }
        }
        let certainty = match certainty {
            Certainty::Certain => "certain",
            Certainty::Likely => "likely",
        };
        self.0.push(Cause {
            code: code.to_owned(),
            text,
            packets: kept,
            certainty: certainty.to_owned(),
            next_step: next_step.to_owned(),
        });
    }
}
