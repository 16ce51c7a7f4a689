//! A report in JSON, whole or small enough for a model.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::{CaptureReport, Count, LadderEntry};
use crate::finding::Finding;

/// Longest report in an MCP result, in bytes of JSON, inclusive: some 3,000 tokens, as models
/// count.
pub const MAX_JSON: usize = 12 * 1024;

/// How to cut a list of a report down, from how many entries to how few.
type Step = (fn(&mut CaptureReport, usize), usize, usize);

impl CaptureReport {
    /// The report in JSON; what is none is left out.
    pub fn to_json(&self) -> Value {
        without_nulls(json!({
            "size_bytes": self.size_bytes,
            "packets": self.packets,
            "sip_messages": self.sip_messages,
            "other_packets": self.other_packets,
            "others": counts(&self.others),
            "undated_packets": self.undated_packets,
            "first_packet_us": self.first_packet_us,
            "last_packet_us": self.last_packet_us,
            "profile": self.profile,
            "api": self.api,
            "call_ids": self.call_ids,
            "missing_call_ids": self.missing_call_ids,
            "other_call_ids": self.other_call_ids,
            "warnings": self.warnings,
            "participants": self.participants,
            "transports": self.transports,
            "requests": counts(&self.requests),
            "responses": counts(&self.responses),
            "retransmissions": self.retransmissions,
            "duplicates": self.duplicates,
            "final_status": self.final_status,
            "ringing_after_us": self.ringing_after_us,
            "final_after_us": self.final_after_us,
            "complete": self.complete,
            "incomplete_reasons": self.incomplete_reasons,
            "ended_with": self.ended_with,
            "ended_by": self.ended_by,
            "counts_truncated": self.counts_truncated,
            "ladder": self.ladder.iter().map(LadderEntry::to_json).collect::<Vec<_>>(),
            "ladder_elided": self.ladder_elided,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "findings_elided": self.findings_elided,
        }))
    }

    /// The report cut down until its JSON has at most `max` bytes: first the middle of the ladder,
    /// down to ten entries, then the findings likewise, then the rest of both, then Call-IDs, then
    /// reasons. What is left out is counted.
    #[must_use]
    pub fn fitted(&self, max: usize) -> Self {
        let mut report = self.clone();
        const FEW: usize = 10;
        let steps: [Step; 8] = [
            (Self::keep_ladder, self.ladder.len(), FEW),
            (Self::keep_findings, self.findings.len(), FEW),
            (Self::keep_ladder, FEW, 0),
            (Self::keep_findings, FEW, 0),
            (
                Self::keep_call_ids,
                self.call_ids.len().max(self.missing_call_ids.len()),
                3,
            ),
            (Self::keep_reasons, self.incomplete_reasons.len(), 3),
            (Self::keep_call_ids, 3, 0),
            (Self::keep_reasons, 3, 1),
        ];
        for (keep, most, fewest) in steps {
            if report.json_len() <= max {
                break;
            }
            // The largest number that fits, by halves.
            let (mut fits, mut too_many) = (fewest, most.max(fewest));
            while fits + 1 < too_many {
                let middle = fits.midpoint(too_many);
                let mut candidate = report.clone();
                keep(&mut candidate, middle);
                match candidate.json_len() <= max {
                    true => fits = middle,
                    false => too_many = middle,
                }
            }
            keep(&mut report, fits);
        }
        report
    }

    fn json_len(&self) -> usize {
        self.to_json().to_string().len()
    }

    fn keep_ladder(&mut self, entries: usize) {
        if let Some(surplus) = self.ladder.len().checked_sub(entries) {
            let begin = entries.div_ceil(2);
            self.ladder.drain(begin..begin + surplus);
            self.ladder_elided += surplus as u64;
        }
    }

    fn keep_findings(&mut self, entries: usize) {
        let surplus = self.findings.len().saturating_sub(entries);
        self.findings.truncate(entries);
        self.findings_elided += surplus as u64;
    }

    fn keep_call_ids(&mut self, entries: usize) {
        for (what, list) in [
            ("call_ids", &mut self.call_ids),
            ("other_call_ids", &mut self.other_call_ids),
            ("missing_call_ids", &mut self.missing_call_ids),
        ] {
            keep(list, entries, what, &mut self.warnings);
        }
    }

    fn keep_reasons(&mut self, entries: usize) {
        keep(
            &mut self.incomplete_reasons,
            entries,
            "incomplete_reasons",
            &mut self.warnings,
        );
    }
}

/// Cuts a list down, and says so in a warning.
fn keep(list: &mut Vec<String>, entries: usize, what: &str, warnings: &mut Vec<String>) {
    let surplus = list.len().saturating_sub(entries);
    if surplus > 0 {
        list.truncate(entries);
        warnings.push(format!(
            "{surplus} more of {what} are left out, to keep the report short"
        ));
    }
}

/// An object without its null members: some clients find fault with schemas that allow null, and
/// models read less.
fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    object
}

fn counts(counts: &[Count]) -> Vec<Value> {
    counts
        .iter()
        .map(|Count { name, count }| json!({ "name": name, "count": count }))
        .collect()
}

impl LadderEntry {
    fn to_json(&self) -> Value {
        without_nulls(json!({
            "packet": self.packet,
            "after_us": self.after_us,
            "source": self.source,
            "destination": self.destination,
            "directed": self.directed,
            "line": self.line,
            "cseq": self.cseq,
            "call": self.call,
            "repeats": self.repeats,
        }))
    }
}

impl Finding {
    fn to_json(&self) -> Value {
        without_nulls(json!({
            "packet": self.packet,
            "offset": self.offset,
            "code": self.code,
            "text": self.text,
            "rule": self.rule,
        }))
    }
}
