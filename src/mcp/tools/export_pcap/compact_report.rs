//! The report as a model reads it: `report` in the structured content of `homer_export_pcap`.
//!
//! Programs get the whole report with objects from the command line (`--json`), from
//! `homer-export-tool.wasm`, and from the records of the contract.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::ladder_rows::LadderRows;
use crate::CaptureReport;
use crate::mcp::tools::schema::{Members, to_raw_json};
use crate::report::Legend;

/// Members of the report that the result has in `summary` or beside the report, or that the ladder
/// shows.
pub(in crate::mcp::tools) const LEFT_OUT: &[&str] = &[
    "size_bytes",
    "others",
    "profile",
    "profiles",
    "api",
    "transports",
    "requests",
    "responses",
];

/// Call-IDs of a list that are left if the lists take too much room. The first ones are those of
/// the call itself; of a conference's hundreds, the number says more.
const FEW_CALL_IDS: usize = 3;

/// Warnings and reasons that are left if they take too much room.
const FEW: usize = 5;

/// Legs that the legend names, inclusive.
const MAX_LEGS: usize = 20;

/// A finding, with text and rule if no finding before it has the same.
#[derive(Clone, Debug, Serialize)]
struct CompactFinding<'a> {
    packet: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

/// The report, as far as a model needs it and there is room.
pub(super) struct CompactReport<'a> {
    whole: &'a CaptureReport,
    /// The whole report, except for what is shortened, and for the ladder.
    shortened: CaptureReport,
    legend: Legend<'a>,
    rows: Vec<String>,
}

impl<'a> CompactReport<'a> {
    /// The report as JSON of at most `room` bytes. First, the lists of Call-IDs become counts, and
    /// then the ladder loses its middle. If that is not enough, repetitions go: findings of a code
    /// that another one has, media streams, warnings and reasons after the fifth. Verdicts and
    /// causes are left out last, of the requested calls after the first one, and first of those
    /// that went well. What then remains may exceed the room if the call breaks very many rules.
    pub(super) fn fitted(report: &'a CaptureReport, room: usize) -> Box<RawValue> {
        let mut compact = Self {
            whole: report,
            shortened: CaptureReport {
                ladder: Vec::new(),
                ..report.clone()
            },
            legend: Legend::new(report),
            rows: Vec::new(),
        };
        let rows = LadderRows::new(report, &compact.legend);
        let all = rows.shown(usize::MAX, |_| 0);
        let steps: [fn(&mut Self); 4] = [
            |it| it.shorten_call_ids(FEW_CALL_IDS),
            |it| it.shorten_call_ids(0),
            Self::shorten_lists,
            Self::shorten_findings,
        ];
        compact.show(all.lines, all.elided);
        for step in steps {
            if compact.len() <= room {
                break;
            }
            step(&mut compact);
            compact.show(Vec::new(), u64::MAX);
            let left = room.saturating_sub(compact.len());
            let shown = rows.shown(left, |line| to_raw_json(&line).get().len() + 1);
            compact.show(shown.lines, shown.elided);
        }
        compact.shorten_verdicts(room);
        compact.to_json()
    }

    fn show(&mut self, rows: Vec<String>, elided: u64) {
        self.rows = rows;
        self.shortened.ladder_elided = elided;
    }

    fn len(&self) -> usize {
        self.to_json().get().len()
    }

    fn to_json(&self) -> Box<RawValue> {
        let report = to_raw_json(&self.shortened);
        let mut members = Members::of(&report);
        members.remove(LEFT_OUT);
        members.set("participants", &self.legend.participants());
        members.set("ladder", &self.rows);
        members.set("findings", &compact_findings(&self.shortened));
        let (kept, whole) = (&self.shortened, self.whole);
        for (name, kept, whole) in [
            ("verdicts", kept.verdicts.len(), whole.verdicts.len()),
            ("call_ids", kept.call_ids.len(), whole.call_ids.len()),
            (
                "missing_call_ids",
                kept.missing_call_ids.len(),
                whole.missing_call_ids.len(),
            ),
            (
                "other_call_ids",
                kept.other_call_ids.len(),
                whole.other_call_ids.len(),
            ),
        ] {
            if whole > kept {
                members.insert_after(name, &format!("{name}_elided"), &(whole - kept));
            }
        }
        let legs = self.legend.legs_in_text(MAX_LEGS);
        if !legs.is_empty() {
            members.insert_after("participants", "legs", &legs);
        }
        to_raw_json(&members)
    }

    fn shorten_call_ids(&mut self, most: usize) {
        let report = &mut self.shortened;
        report.call_ids.truncate(most);
        report.missing_call_ids.truncate(most);
        report.other_call_ids.truncate(most);
    }

    fn shorten_lists(&mut self) {
        let report = &mut self.shortened;
        report.warnings.truncate(FEW);
        report.incomplete_reasons.truncate(FEW);
        report.quality.truncate(1);
    }

    /// Keeps the first finding of each code.
    fn shorten_findings(&mut self) {
        let findings = &mut self.shortened.findings;
        let before = findings.len();
        let mut codes: Vec<String> = Vec::new();
        findings.retain(|finding| {
            let is_new = !codes.contains(&finding.code);
            codes.push(finding.code.clone());
            is_new
        });
        self.shortened.findings_elided += (before - self.shortened.findings.len()) as u64;
    }

    /// Leaves out verdicts until the report fits; never the first one, which is that of the report.
    fn shorten_verdicts(&mut self, room: usize) {
        while self.len() > room && self.shortened.verdicts.len() > 1 {
            let verdicts = &mut self.shortened.verdicts;
            let mut well = verdicts.iter().skip(1).map(|call| call.causes.is_empty());
            let well = well.rposition(|it| it);
            verdicts.remove(well.map_or(verdicts.len() - 1, |at| at + 1));
        }
    }
}

fn compact_findings(report: &CaptureReport) -> Vec<CompactFinding<'_>> {
    let findings = report.findings.iter().enumerate().map(|(at, finding)| {
        let mut before = report.findings.iter().take(at);
        let is_new = !before.any(|it| it.code == finding.code && it.text == finding.text);
        CompactFinding {
            packet: finding.packet,
            offset: finding.offset,
            code: &finding.code,
            text: is_new.then_some(finding.text.as_str()),
            rule: is_new.then_some(finding.rule.as_str()),
        }
    });
    findings.collect()
}
