//! The report in one line of text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::CaptureReport;
use crate::query::Timestamp;
use crate::text::quoted;

/// Most calls that the summary names. A conference has hundreds.
const FEW: usize = 5;

/// Most characters of a Call-ID in the summary. The report has the whole Call-ID.
const MAX_CALL_ID_CHARS: usize = 64;

/// Most characters of the summary before its warnings. The report has them all.
const MAX_CHARS_BEFORE_WARNING: usize = 2000;

impl CaptureReport {
    /// One line for a person: how the call ended, size and time of the capture, causes, what is
    /// missing, and the warnings, separated by semicolons. About 4,000 characters at most: text
    /// from the packets is shortened, and warnings that no longer fit are counted.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        // Each part is left out if it would say nothing.
        if let Some(outcome) = &self.outcome {
            let text = self.outcome_text.as_deref().unwrap_or_default();
            parts.push(format!("{outcome}: {text}"));
        }
        parts.extend(self.other_verdicts());
        parts.push(self.file_summary());
        if self.sip_messages > 0 {
            parts.push(counted(self.sip_messages, "SIP message"));
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
            // Their Call-IDs are the words of strangers, and hundreds in a conference.
            let others = self.other_call_ids.len() as u64;
            parts.push(format!("also contains {}", counted(others, "other call")));
        }
        if !self.causes.is_empty() {
            let noun = if self.causes.len() == 1 {
                "cause"
            } else {
                "causes"
            };
            let codes = self.causes.iter().map(|cause| cause.code.clone());
            parts.push(format!("{noun}: {}", joined(codes)));
        }
        if let Some(loss) = self.media_loss() {
            parts.push(loss);
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
        let mut summary = parts.join("; ");
        for (index, warning) in self.warnings.iter().enumerate() {
            if summary.chars().count() > MAX_CHARS_BEFORE_WARNING {
                let left_out = (self.warnings.len() - index) as u64;
                summary.push_str(&format!("; {}", counted(left_out, "further warning")));
                break;
            }
            summary.push_str("; ");
            summary.push_str(warning);
        }
        summary
    }

    /// The verdicts on further requested calls: `call "b@example.net" completed: 200 after …`.
    fn other_verdicts(&self) -> impl Iterator<Item = String> {
        let further = self.verdicts.get(1..).unwrap_or_default();
        let left_out = further.len().saturating_sub(FEW);
        let few = further.iter().take(FEW).map(|call| {
            let id = quoted(&call.call_id, MAX_CALL_ID_CHARS);
            format!("call {id} {}: {}", call.outcome, call.outcome_text)
        });
        few.chain((left_out > 0).then(|| counted(left_out as u64, "further call")))
    }

    /// The highest loss of a media stream, if callers hear it.
    pub(crate) fn media_loss(&self) -> Option<String> {
        // In tenths: the formatting of floating-point numbers would make the components larger.
        let tenths = |percent: f64| (percent * 10.0 + 0.5) as u32;
        let lossy = self.quality.iter().filter_map(|stream| {
            let loss = tenths(stream.max_loss_percent?);
            (loss >= 10).then_some((loss, stream))
        });
        let (loss, stream) = lossy.max_by_key(|(loss, _)| *loss)?;
        let (percent, tenth) = (loss / 10, loss % 10);
        let (source, destination) = (&stream.source, &stream.destination);
        Some(format!(
            "RTP loss of up to {percent}.{tenth} % from {source} to {destination}"
        ))
    }

    /// The file itself: `7 packets in 3311 bytes, 2026-11-20T10:00:00Z to …, from profile 1_call`.
    pub fn file_summary(&self) -> String {
        let packets = counted(self.packets, "packet");
        let mut text = format!("{packets} in {} bytes", self.size_bytes);
        if let (Some(first), Some(last)) = (self.first_packet_us, self.last_packet_us) {
            let [first, last] = [first, last].map(Timestamp::of_packet);
            text.push_str(&format!(", {first} to {last}"));
        }
        // Those without packets are in the report. Here, they would look like sources.
        let sources = self.profiles.iter().filter(|source| source.packets > 0);
        let mut sources = sources.map(|source| source.profile.as_str());
        match (sources.next(), sources.next_back()) {
            (Some(first), Some(last)) => {
                let names = [first].into_iter().chain(sources).map(String::from);
                text.push_str(&format!(", from profiles {} and {last}", joined(names)));
            }
            _ => text.push_str(&format!(", from profile {}", self.profile)),
        }
        text
    }
}

/// Microseconds as seconds with three decimal places.
pub(super) fn seconds(us: u64) -> String {
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
    let noun = if call_ids.len() == 1 { "call" } else { "calls" };
    let few = call_ids.iter().take(FEW);
    let few = joined(few.map(|id| quoted(id, MAX_CALL_ID_CHARS)));
    match call_ids.len().saturating_sub(FEW) {
        0 => format!("{noun} {few}"),
        more => format!("{noun} {few} and {more} more"),
    }
}
