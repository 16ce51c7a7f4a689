//! The report in one line of text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::CaptureReport;
use crate::query::{CallId, Timestamp};
use crate::text::quoted;

impl CaptureReport {
    /// One line for a person: size and time of the capture, how the call went, what is missing, and
    /// the warnings, separated by semicolons.
    pub fn summary(&self) -> String {
        let mut parts = [self.file_summary()].to_vec();
        // Each part is left out if it would say nothing.
        if self.sip_messages > 0 {
            let messages = counted(self.sip_messages, "SIP message");
            parts.push(format!("{messages}: {}", self.outcome()));
        }
        if self.other_packets > 0 {
            let packets = counted(self.other_packets, "other packet");
            let kinds = self
                .others
                .iter()
                .map(|kind| format!("{} {}", kind.count, kind.name));
            parts.push(format!("{packets}: {}", joined(kinds)));
        }
        if !self.other_call_ids.is_empty() {
            parts.push(format!("also contains {}", calls(&self.other_call_ids)));
        }
        if !self.incomplete_reasons.is_empty() {
            // The sentences behind the codes are too long for a summary.
            let codes = self.incomplete_reasons.iter().map(|reason| {
                let code = reason.split(':').next().unwrap_or_default();
                code.to_string()
            });
            parts.push(format!("incomplete: {}", joined(codes)));
        }
        match self.findings.len() as u64 + self.findings_elided {
            // Without SIP messages there was nothing to violate.
            0 if self.sip_messages > 0 => parts.push("no protocol violations".to_string()),
            0 => {}
            findings => parts.push(counted(findings, "finding")),
        }
        if !self.missing_call_ids.is_empty() {
            parts.push(format!(
                "does not contain {}",
                calls(&self.missing_call_ids)
            ));
        }
        parts.extend_from_slice(&self.warnings);
        parts.join("; ")
    }

    /// How the call went, for instance `final response 200 after 4.250 s, ended with BYE from
    /// 192.0.2.10:5060`.
    pub fn outcome(&self) -> String {
        let mut text = match (self.final_status, self.final_after_us) {
            (None, _) => "no final response".to_string(),
            (Some(status), None) => format!("final response {status}"),
            (Some(status), Some(after)) => {
                format!("final response {status} after {}", seconds(after))
            }
        };
        if let Some(ringing) = self.ringing_after_us {
            text.push_str(&format!(" (ringing after {})", seconds(ringing)));
        }
        if let Some(with) = &self.ended_with {
            // A method is sent by the one who wants to end the call, a status by the one who does
            // not want it to begin.
            let is_status = with.bytes().all(|byte| byte.is_ascii_digit());
            let (verb, preposition) = match is_status {
                true => ("rejected", "by"),
                false => ("ended", "from"),
            };
            text.push_str(&format!(", {verb} with {with}"));
            if let Some(by) = &self.ended_by {
                text.push_str(&format!(" {preposition} {by}"));
            }
        }
        text
    }

    /// The file itself: `7 packets in 3311 bytes, 2026-11-20T10:00:00Z to …, from profile 1_call`.
    fn file_summary(&self) -> String {
        let packets = counted(self.packets, "packet");
        let mut text = format!("{packets} in {} bytes", self.size_bytes);
        if let (Some(first), Some(last)) = (self.first_packet_us, self.last_packet_us) {
            let [first, last] = [first, last].map(Timestamp::of_packet);
            text.push_str(&format!(", {first} to {last}"));
        }
        text.push_str(&format!(", from profile {}", self.profile));
        text
    }
}

/// Microseconds as seconds with three decimal places.
fn seconds(us: u64) -> String {
    format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1000)
}

/// A number with its noun, in the plural unless it is 1.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Texts separated by commas.
fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

/// The first few calls of a list, by their Call-IDs.
fn calls(call_ids: &[String]) -> String {
    // A conference has hundreds.
    const FEW: usize = 5;
    let noun = if call_ids.len() == 1 { "call" } else { "calls" };
    let few = call_ids.iter().take(FEW);
    let few = joined(few.map(|id| quoted(id, CallId::MAX_CHARS)));
    match call_ids.len().saturating_sub(FEW) {
        0 => format!("{noun} {few}"),
        more => format!("{noun} {few} and {more} more"),
    }
}
