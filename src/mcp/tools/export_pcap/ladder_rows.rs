//! The rows of the ladder that have room in a result, as text.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::CaptureReport;
use crate::mcp::tools::names;
use crate::report::{Legend, Row, rows};

/// Rows of the ladder that are always there, if the call has so many: half of them from its start.
const MIN_ROWS: usize = 8;

/// The rows of a ladder, all of them.
pub(super) struct LadderRows<'a> {
    rows: Vec<Row<'a>>,
    lines: Vec<String>,
    /// Messages that the report itself omits.
    elided: u64,
    /// The first half of the report's ladder ends before this index.
    later_half: usize,
}

/// Those that are shown.
pub(super) struct ShownRows {
    /// A line for each row. In the place of what is left out, one line says so.
    pub(super) lines: Vec<String>,
    /// Number of messages that are left out.
    pub(super) elided: u64,
}

impl<'a> LadderRows<'a> {
    pub(super) fn new(report: &'a CaptureReport, legend: &Legend<'_>) -> Self {
        let rows = rows(&report.ladder);
        Self {
            lines: rows.iter().map(|row| legend.row(row)).collect(),
            rows,
            elided: report.ladder_elided,
            later_half: report.ladder.len().div_ceil(2),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows that fit into `room`, by what each of them takes there: from both ends, since the
    /// healthy middle of a long call says least.
    pub(super) fn shown(&self, room: usize, cost: impl Fn(&str) -> usize) -> ShownRows {
        let total = self.lines.len();
        let whole: usize = self.lines.iter().map(|line| cost(line)).sum();
        let has_gap = self.elided > 0 || whole > room;
        let mut used = if has_gap { cost(&gap(u64::MAX)) } else { 0 };
        let mut kept = 0;
        for at in 0..total {
            let from = match at % 2 {
                0 => at / 2,
                _ => total - 1 - at / 2,
            };
            used += self.lines.get(from).map_or(0, |line| cost(line));
            if used > room && kept >= MIN_ROWS {
                break;
            }
            kept += 1;
        }
        let left_out = kept.div_ceil(2)..total - kept / 2;
        let mut elided = self.elided;
        for row in self.rows.get(left_out.clone()).unwrap_or_default() {
            elided += u64::from(row.copies);
        }
        let mut lines = Vec::new();
        let mut has_gap = elided > 0;
        for (at, (line, row)) in self.lines.iter().zip(&self.rows).enumerate() {
            let is_after = at >= left_out.start && (kept < total || row.at >= self.later_half);
            if is_after && core::mem::take(&mut has_gap) {
                lines.push(gap(elided));
            }
            if !left_out.contains(&at) {
                lines.push(line.clone());
            }
        }
        if has_gap {
            lines.push(gap(elided));
        }
        ShownRows { lines, elided }
    }
}

fn gap(messages: u64) -> String {
    let ladder = names::READ_LADDER;
    format!("... {messages} messages are left out here; {ladder} shows them")
}
