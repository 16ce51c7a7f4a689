//! The report as JSON, in full or small enough for a model.
//!
//! Absent values are left out instead of being null: some clients reject schemas that allow null,
//! and a model has less to read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::capture_report::CaptureReport;

/// Longest report in an MCP result, in bytes of JSON, inclusive: about 3,000 tokens of a model.
pub const MAX_JSON: usize = 12 * 1024;

/// How to shorten one list of a report: the function, and the most and the fewest entries to keep.
type Truncation = (fn(&mut CaptureReport, usize), usize, usize);

impl CaptureReport {
    /// The whole report as JSON, described by [`SCHEMA`](super::SCHEMA).
    pub fn to_json(&self) -> Value {
        // Cannot fail: the report has neither maps nor values of its own serialization.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The report with lists shortened until its JSON has at most `max` bytes. What is left out is
    /// counted, in `ladder_elided`, in `findings_elided`, or in a warning.
    ///
    /// First all but ten media streams go, then the middle of the ladder, down to ten entries, then
    /// findings likewise, then the rest of both, then media streams, verdicts, Call-IDs and
    /// reasons.
    #[must_use]
    pub fn truncated_to(&self, max: usize) -> Self {
        let mut report = self.clone();
        const FEW: usize = 10;
        // One step shortens all three lists of Call-IDs to the same length.
        let call_ids = self.call_ids.len().max(self.missing_call_ids.len());
        let steps: [Truncation; 12] = [
            (Self::truncate_call_ids, call_ids, 3),
            (Self::truncate_quality, self.quality.len(), FEW),
            (Self::truncate_ladder, self.ladder.len(), FEW),
            (Self::truncate_findings, self.findings.len(), FEW),
            (Self::truncate_ladder, FEW, 0),
            (Self::truncate_findings, FEW, 0),
            (Self::truncate_quality, FEW, 2),
            (Self::truncate_verdicts, self.verdicts.len(), 3),
            (Self::truncate_reasons, self.incomplete_reasons.len(), 3),
            (Self::truncate_verdicts, 3, 0),
            (Self::truncate_call_ids, 3, 0),
            (Self::truncate_reasons, 3, 1),
        ];
        // What says least per byte goes first. Counts, outcome and warnings are always kept.
        for (truncate, most, fewest) in steps {
            if report.json_len() <= max {
                break;
            }
            // A binary search for the largest number of entries that fits.
            let (mut fits, mut too_many) = (fewest, most.max(fewest));
            while fits + 1 < too_many {
                let middle = fits.midpoint(too_many);
                let mut candidate = report.clone();
                truncate(&mut candidate, middle);
                match candidate.json_len() <= max {
                    true => fits = middle,
                    false => too_many = middle,
                }
            }
            truncate(&mut report, fits);
        }
        report
    }

    fn json_len(&self) -> usize {
        serde_json::to_string(self).map_or(0, |json| json.len())
    }

    /// Keeps the first and the last entries of the ladder: a call's start and end say most.
    fn truncate_ladder(&mut self, entries: usize) {
        if let Some(surplus) = self.ladder.len().checked_sub(entries) {
            let start = entries.div_ceil(2);
            self.ladder.drain(start..start + surplus);
            self.ladder_elided += surplus as u64;
        }
    }

    fn truncate_findings(&mut self, entries: usize) {
        let surplus = self.findings.len().saturating_sub(entries);
        self.findings.truncate(entries);
        self.findings_elided += surplus as u64;
    }

    fn truncate_quality(&mut self, entries: usize) {
        truncate_list("quality", &mut self.quality, entries, &mut self.warnings);
    }

    fn truncate_verdicts(&mut self, entries: usize) {
        truncate_list("verdicts", &mut self.verdicts, entries, &mut self.warnings);
    }

    fn truncate_call_ids(&mut self, entries: usize) {
        let warnings = &mut self.warnings;
        truncate_list("call_ids", &mut self.call_ids, entries, warnings);
        truncate_list(
            "other_call_ids",
            &mut self.other_call_ids,
            entries,
            warnings,
        );
        truncate_list(
            "missing_call_ids",
            &mut self.missing_call_ids,
            entries,
            warnings,
        );
    }

    fn truncate_reasons(&mut self, entries: usize) {
        let reasons = &mut self.incomplete_reasons;
        truncate_list("incomplete_reasons", reasons, entries, &mut self.warnings);
    }
}

/// Shortens a list, and says so in a warning.
fn truncate_list<T>(name: &str, list: &mut Vec<T>, entries: usize, warnings: &mut Vec<String>) {
    let total = list.len();
    if total > entries {
        list.truncate(entries);
        warnings.push(format!(
            "{name} has only {entries} of {total} entries, to keep the report short"
        ));
    }
}
