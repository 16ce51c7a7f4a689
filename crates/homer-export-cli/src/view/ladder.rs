//! The ladder: who sent what to whom and when.

use std::fmt::Write as _;

use console::Style;
use homer_export::CaptureReport;
use homer_export::report::{Row, letter, participants, rows};

use super::Page;
use super::columns::Columns;
use super::paragraph::Paragraph;

/// Writes the participants, the calls if there are several, and a row for each message.
pub(super) fn write(report: &CaptureReport, page: Page, text: &mut String) {
    let participants = participants(&report.ladder);
    text.push('\n');
    for (at, participant) in participants.iter().enumerate() {
        let _ = writeln!(text, "  {}  {participant}", letter(at, b'A'));
    }
    let rows = rows(&report.ladder);
    let calls = Calls::of(report, &rows);
    for call in &calls.indexes {
        let id = report.call_ids.get(*call as usize);
        let id = id.map_or("", String::as_str);
        Paragraph::headed(
            page,
            &format!("call {}", calls.letter(*call)),
            calls.style(*call, page),
        )
        .text(&format!(" {id}"))
        .write(text);
    }

    let packet_width = rows.iter().map(|row| row.packet().len()).max();
    let packet_width = packet_width.unwrap_or_default().max(7);
    let mut heading = format!("{:>9}  {:>packet_width$}", "seconds", "packet");
    if calls.width() > 0 {
        let _ = write!(heading, "  {:<width$}", "call", width = calls.width());
    }
    let columns = Columns::new(
        participants.len(),
        page.width.saturating_sub(heading.len() + 1),
    );
    let _ = writeln!(text, "\n{heading} {}", columns.heading());
    // The report keeps the first and the last messages.
    let later_half = report.ladder.len().div_ceil(2);
    let mut has_gap = report.ladder_elided > 0;
    for row in &rows {
        if row.at >= later_half && std::mem::take(&mut has_gap) {
            write_gap(report, text);
        }
        let column = |end: &str| participants.iter().position(|known| *known == end);
        let line = columns.draw(
            row,
            column(&row.entry.source),
            column(&row.entry.destination),
        );
        let time = row.entry.after_us.map_or_else(|| "-".to_string(), seconds);
        let _ = write!(text, "{time:>9}  {:>packet_width$}", row.packet());
        if calls.width() > 0 {
            let call = row.entry.call;
            let name = call.map_or_else(|| "?".to_string(), |call| calls.letter(call));
            let name = format!("{name:<width$}", width = calls.width());
            let style = call.map_or_else(|| page.style(), |call| calls.style(call, page));
            let _ = write!(text, "  {}", style.apply_to(name));
        }
        let _ = writeln!(text, " {}", style_of(row, page).apply_to(line));
    }
    if has_gap {
        write_gap(report, text);
    }
    if report.transports.iter().any(|transport| transport != "UDP") {
        let transports = report.transports.join(", ");
        Paragraph::headed(page, "transport", page.style())
            .text(&format!(
                "{transports} (from the topmost Via); the file shows every packet as UDP"
            ))
            .write(text);
    }
}

fn write_gap(report: &CaptureReport, text: &mut String) {
    let _ = writeln!(
        text,
        "{:>9}  {} messages omitted here; the file has them",
        "...", report.ladder_elided
    );
}

/// The calls of the ladder, which are named only if there are several.
struct Calls {
    /// Their indexes in the report's list of Call-IDs, in the order of their first row.
    indexes: Vec<u32>,
}

impl Calls {
    fn of(report: &CaptureReport, rows: &[Row<'_>]) -> Self {
        let mut indexes: Vec<u32> = Vec::new();
        for call in rows.iter().filter_map(|row| row.entry.call) {
            if !indexes.contains(&call) {
                indexes.push(call);
            }
        }
        // A single call needs no name, unless rows without a call are beside it.
        if indexes.len() == 1 && report.call_ids.len() == 1 {
            indexes.clear();
        }
        Self { indexes }
    }

    /// Columns of a name; zero if there are no names.
    fn width(&self) -> usize {
        if self.indexes.is_empty() { 0 } else { 4 }
    }

    fn at(&self, call: u32) -> usize {
        let at = self.indexes.iter().position(|known| *known == call);
        at.unwrap_or_default()
    }

    fn letter(&self, call: u32) -> String {
        letter(self.at(call), b'a')
    }

    fn style(&self, call: u32, page: Page) -> Style {
        let style = page.style();
        match self.at(call) % 4 {
            0 => style.blue(),
            1 => style.magenta(),
            2 => style.yellow(),
            _ => style.white(),
        }
    }
}

/// Microseconds as seconds in at most nine columns. Up to a day they have three decimal places.
fn seconds(us: u64) -> String {
    match us / 1_000_000 {
        seconds if seconds < 100_000 => format!("{seconds}.{:03}", us % 1_000_000 / 1000),
        seconds => seconds.to_string(),
    }
}

/// Requests are cyan. A response has the color of its outcome.
fn style_of(row: &Row<'_>, page: Page) -> Style {
    let style = page.style();
    // The line of a response begins with its status code. Every other line is that of a request.
    match row.entry.line.as_bytes() {
        [b'1', b'0'..=b'9', b'0'..=b'9', b' ' | b'\0', ..] => style,
        [b'2', b'0'..=b'9', b'0'..=b'9', ..] => style.green(),
        [b'3'..=b'6', b'0'..=b'9', b'0'..=b'9', ..] => style.red(),
        _ => style.cyan(),
    }
}
