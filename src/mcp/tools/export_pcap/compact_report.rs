//! The report as a model reads it: `report` in the structured content of `homer_export_pcap`.
//!
//! Programs get the whole report with objects from the command line (`--json`), from
//! `homer-export-tool.wasm`, and from the records of the contract.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::ladder_rows::LadderRows;
use crate::CaptureReport;
use crate::mcp::tools::schema::to_raw_json;
use crate::report::{CallVerdict, Cause, Legend, MediaQuality};

/// Call-IDs of a list that are left if the lists take too much room. The first ones are those of
/// the call itself; of a conference's hundreds, the number says more.
const FEW_CALL_IDS: usize = 3;

/// Warnings and reasons that are left if they take too much room.
const FEW: usize = 5;

/// Legs that the legend names, inclusive.
const MAX_LEGS: usize = 20;

/// The report, as far as a model needs it. What it reads first comes first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::mcp::tools) struct CompactReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    outcome_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_status: Option<u16>,
    causes: &'a [Cause],
    /// If several Call-IDs were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(with = "Vec<serde_json::Value>"))]
    verdicts: Vec<&'a CallVerdict>,
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(skip))]
    verdicts_elided: usize,
    complete: bool,
    incomplete_reasons: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_with: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<&'a str>,
    packets: u64,
    sip_messages: u64,
    other_packets: u64,
    undated_packets: u64,
    retransmissions: u64,
    duplicates: u64,
    warnings: &'a [String],
    call_ids: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(skip))]
    call_ids_elided: usize,
    missing_call_ids: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(skip))]
    missing_call_ids_elided: usize,
    other_call_ids: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(skip))]
    other_call_ids_elided: usize,
    participants: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(skip))]
    legs: Vec<String>,
    ladder: Vec<String>,
    ladder_elided: u64,
    findings: Vec<CompactFinding<'a>>,
    findings_elided: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(test, schemars(skip))]
    quality: &'a [MediaQuality],
}

/// A finding, with text and rule if no finding before has the same.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CompactFinding<'a> {
    packet: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    offset: Option<u32>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    rule: Option<&'a str>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl<'a> CompactReport<'a> {
    /// The report as JSON of at most `room` bytes. First, the lists of Call-IDs become counts, and
    /// then the ladder loses its middle. If that is not enough, repetitions go: findings of a code
    /// that another one has, media streams, warnings and reasons after the fifth. Verdicts and
    /// causes are left out last, of the requested calls after the first one, and first of those that
    /// went well. What then remains may exceed the room if the call breaks very many rules.
    pub(super) fn fitted(report: &'a CaptureReport, room: usize) -> Box<RawValue> {
        let legend = Legend::new(report);
        let rows = LadderRows::new(report, &legend);
        let mut compact = Self::without_ladder(report, &legend);
        let all = rows.shown(usize::MAX, |_| 0);
        let steps: [fn(&mut Self); 4] = [
            |it| it.shorten_call_ids(FEW_CALL_IDS),
            |it| it.shorten_call_ids(0),
            Self::shorten_lists,
            Self::shorten_findings,
        ];
        compact.show(&all.lines, all.elided, &legend);
        for step in steps {
            if compact.len() <= room {
                break;
            }
            step(&mut compact);
            compact.show(&[], u64::MAX, &legend);
            let left = room.saturating_sub(compact.len());
            let shown = rows.shown(left, |line| to_raw_json(&line).get().len() + 1);
            compact.show(&shown.lines, shown.elided, &legend);
        }
        compact.shorten_verdicts(room);
        to_raw_json(&compact)
    }

    fn without_ladder(report: &'a CaptureReport, legend: &Legend<'a>) -> Self {
        Self {
            outcome: report.outcome.as_deref(),
            outcome_text: report.outcome_text.as_deref(),
            final_status: report.final_status,
            causes: &report.causes,
            verdicts: report.verdicts.iter().collect(),
            verdicts_elided: 0,
            complete: report.complete,
            incomplete_reasons: &report.incomplete_reasons,
            ended_with: report.ended_with.as_deref(),
            ended_by: report.ended_by.as_deref(),
            packets: report.packets,
            sip_messages: report.sip_messages,
            other_packets: report.other_packets,
            undated_packets: report.undated_packets,
            retransmissions: report.retransmissions,
            duplicates: report.duplicates,
            warnings: &report.warnings,
            call_ids: &report.call_ids,
            call_ids_elided: 0,
            missing_call_ids: &report.missing_call_ids,
            missing_call_ids_elided: 0,
            other_call_ids: &report.other_call_ids,
            other_call_ids_elided: 0,
            participants: legend.participants(),
            legs: Vec::new(),
            ladder: Vec::new(),
            ladder_elided: 0,
            findings: compact_findings(report),
            findings_elided: report.findings_elided,
            quality: &report.quality,
        }
    }

    fn len(&self) -> usize {
        to_raw_json(self).get().len()
    }

    fn show(&mut self, lines: &[String], elided: u64, legend: &Legend<'_>) {
        self.ladder = lines.to_vec();
        self.ladder_elided = elided;
        self.legs = legend.legs_in_text(MAX_LEGS);
    }

    fn shorten_call_ids(&mut self, most: usize) {
        for (list, elided) in [
            (&mut self.call_ids, &mut self.call_ids_elided),
            (
                &mut self.missing_call_ids,
                &mut self.missing_call_ids_elided,
            ),
            (&mut self.other_call_ids, &mut self.other_call_ids_elided),
        ] {
            let kept = list.get(..most).unwrap_or(list);
            *elided += list.len() - kept.len();
            *list = kept;
        }
    }

    fn shorten_lists(&mut self) {
        self.warnings = self.warnings.get(..FEW).unwrap_or(self.warnings);
        let reasons = self.incomplete_reasons;
        self.incomplete_reasons = reasons.get(..FEW).unwrap_or(reasons);
        self.quality = self.quality.get(..1).unwrap_or(self.quality);
    }

    /// Keeps the first finding of each code.
    fn shorten_findings(&mut self) {
        let before = self.findings.len();
        let mut codes: Vec<&str> = Vec::new();
        self.findings.retain(|finding| {
            let is_new = !codes.contains(&finding.code);
            codes.push(finding.code);
            is_new
        });
        self.findings_elided += (before - self.findings.len()) as u64;
    }

    /// Leaves out verdicts until the report fits; never the first one, which is that of the report.
    fn shorten_verdicts(&mut self, room: usize) {
        while self.len() > room && self.verdicts.len() > 1 {
            let well = self.verdicts.iter().skip(1);
            let well = well.map(|call| call.causes.is_empty()).rposition(|it| it);
            let at = well.map_or(self.verdicts.len() - 1, |at| at + 1);
            self.verdicts.remove(at);
            self.verdicts_elided += 1;
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
