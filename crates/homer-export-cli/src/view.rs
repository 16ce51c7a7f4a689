//! The report for people: the verdict, the file, a ladder of who sent what to whom and when, and
//! everything else that the report states.

pub(crate) mod calls;
mod columns;
mod ladder;
mod paragraph;
mod quality;
#[cfg(test)]
#[expect(clippy::panic, reason = "a test fails by panicking")]
mod tests;
mod verdict;

use std::fmt::Write as _;

use console::Style;
use homer_export::CaptureReport;

use self::paragraph::Paragraph;

/// Columns of a line if the output is not a terminal.
const DEFAULT_WIDTH: usize = 100;

/// Fewest columns of a line, inclusive: a narrower terminal breaks the lines.
const MIN_WIDTH: usize = 60;

/// The page that the report is written on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Columns of a line.
    width: usize,
    /// Whether there are colors.
    has_colors: bool,
}

impl Page {
    /// A page with this number of columns, or with 100 if nothing says how many there are.
    /// `has_colors` must be true only for a terminal.
    pub(crate) fn new(columns: Option<u16>, has_colors: bool) -> Self {
        let width = columns.map_or(DEFAULT_WIDTH, |columns| usize::from(columns).max(MIN_WIDTH));
        Self { width, has_colors }
    }

    fn style(self) -> Style {
        Style::new().force_styling(self.has_colors)
    }
}

/// The report in lines that are at most as wide as the page. `place` says where the capture is.
pub(crate) fn view(report: &CaptureReport, place: &str, sha256: &str, page: Page) -> String {
    let mut text = String::new();
    verdict::write(report, page, &mut text);
    Paragraph::after(page, format!("{place}:"))
        .text(&verdict::contents(report))
        .write(&mut text);
    let _ = writeln!(text, "sha256 {sha256}");
    if report.sip_messages > 0 {
        ladder::write(report, page, &mut text);
    }
    for reason in &report.incomplete_reasons {
        Paragraph::headed(page, "incomplete", page.style().red())
            .text(reason)
            .write(&mut text);
    }
    for call_id in &report.missing_call_ids {
        Paragraph::headed(page, "missing", page.style().red())
            .text(call_id)
            .write(&mut text);
    }
    findings(report, page, &mut text);
    for warning in &report.warnings {
        Paragraph::headed(page, "warning", page.style().yellow())
            .text(warning)
            .write(&mut text);
    }
    quality::write(report, page, &mut text);
    // The caller ends the last line.
    text.truncate(text.trim_end().len());
    text
}

fn findings(report: &CaptureReport, page: Page, text: &mut String) {
    let total = report.findings.len() as u64 + report.findings_elided;
    if total > 0 {
        let noun = if total == 1 { "finding" } else { "findings" };
        let _ = writeln!(text, "\n{total} {noun}:");
    }
    for finding in &report.findings {
        Paragraph::headed(page, &finding.code, page.style().yellow())
            .text(&finding.sentence())
            .write(text);
    }
    if report.findings_elided > 0 {
        // The report limits the number of findings.
        let _ = writeln!(text, "  and {} more", report.findings_elided);
    }
}
