//! The calls that a search found, as a table, and what the search could not do.

use std::fmt::Write as _;

use console::{measure_text_width, pad_str, truncate_str};
use homer_export::Window;
use homer_export::query::Timestamp;
use homer_host::{FoundCall, FoundCalls};

use super::Page;
use super::paragraph::Paragraph;
use crate::command::printable;

/// Columns between two cells.
const GAP: usize = 2;

/// Fewest columns to which a cell is shortened, inclusive.
const NARROWEST: usize = 8;

const HEADING: [&str; 9] = [
    "#",
    "TIME",
    "CALLER",
    "CALLEE",
    "METHOD",
    "STATUS",
    "SOURCE",
    "DESTINATION",
    "CALL-ID",
];

/// The table, the completeness of the search in `window`, and the command that exports the first
/// call. `None` for a command that cannot be typed.
pub(crate) fn view(
    found: &FoundCalls,
    window: Window,
    command: Option<&str>,
    page: Option<Page>,
) -> String {
    let mut text = String::new();
    if !found.calls.is_empty() {
        table(&found.calls, page, &mut text);
        text.push('\n');
    }
    let page = page.unwrap_or(Page::new(None, false));
    let calls = match found.calls.len() {
        0 => "No calls found".to_string(),
        1 => "1 call".to_string(),
        calls => format!("{calls} calls"),
    };
    let searched = match (found.unsearched.is_empty(), found.calls.is_empty()) {
        (false, _) => "a part of the window could not be searched:",
        (true, false) => "the whole window was searched.",
        (true, true) => {
            "the whole window was searched. Homer returns the same if its database is down: leave \
             out conditions or widen the window to see whether it returns any calls."
        }
    };
    Paragraph::new(page)
        .text(&format!("{calls} between {window}; {searched}"))
        .write(&mut text);
    for part in &found.unsearched {
        let (from, to) = (
            Timestamp::from_ms(part.from_ts),
            Timestamp::from_ms(part.to_ts),
        );
        Paragraph::headed(page, "not searched", page.style().red())
            .text(&format!("{from} to {to}: {}", printable(&part.why)))
            .write(&mut text);
    }
    if found.unknown_statuses > 0 {
        let calls = found.unknown_statuses;
        Paragraph::headed(page, "unknown status", page.style().yellow())
            .text(&format!(
                "the final status of {calls} of the calls could not be looked up; with --status, \
                 they are left out"
            ))
            .write(&mut text);
    }
    if let Some(command) = command {
        text.push_str("\nTo export call 1 (for call N, repeat this search with --export N):\n");
        let _ = writeln!(text, "  {command}");
    } else if !found.calls.is_empty() {
        text.push_str("\nTo export call N, repeat this search with --export N.\n");
    }
    // The caller ends the last line.
    text.truncate(text.trim_end().len());
    text
}

/// The columns that a narrow page leaves out, in this order: destination, source, method, Call-ID.
/// The number in the first column is enough to export a call.
const LEFT_OUT: [usize; 4] = [7, 6, 4, 8];

/// The calls, each on a line. On a page, the widest columns are shortened until the lines fit, and
/// if that is not enough, the columns in [`LEFT_OUT`] are left out. Elsewhere, all texts are
/// complete, so that programs can read them.
fn table(calls: &[FoundCall], page: Option<Page>, text: &mut String) {
    let numbered = calls.iter().enumerate();
    let rows = numbered.map(|(at, call)| cells(at + 1, call));
    let rows: Vec<[String; 9]> = std::iter::once(HEADING.map(str::to_string))
        .chain(rows)
        .collect();
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(cell));
        }
    }
    if let Some(page) = page {
        fit(&mut widths, page.width);
    }
    for row in &rows {
        let shown = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let cells = shown.map(|(cell, width)| {
            let cell = truncate_str(cell, width, "~");
            pad_str(&cell, width, console::Alignment::Left, None).into_owned()
        });
        let line = cells.collect::<Vec<String>>().join(&" ".repeat(GAP));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Shortens the widest columns until a line has at most `room` columns, and leaves out columns if
/// they are still too wide. The width of a column that is left out becomes 0.
fn fit(widths: &mut [usize; 9], room: usize) {
    let mut left_out = LEFT_OUT.iter();
    loop {
        let shown = widths.iter().filter(|width| **width > 0);
        if shown.map(|width| width + GAP).sum::<usize>() <= room + GAP {
            return;
        }
        // Time, method and status say nothing if they are cut, and are short.
        let widest = [2, 3, 6, 7, 8]
            .into_iter()
            .max_by_key(|at| widths.get(*at).copied());
        match widest.and_then(|at| widths.get_mut(at)) {
            Some(width) if *width > NARROWEST => *width -= 1,
            _ => match left_out.next().and_then(|at| widths.get_mut(*at)) {
                Some(width) => *width = 0,
                None => return,
            },
        }
    }
}

fn cells(number: usize, call: &FoundCall) -> [String; 9] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_string());
    [
        number.to_string(),
        or_dash(call.first_ts.map(|ms| Timestamp::from_ms(ms).to_string())),
        printable(&call.caller),
        printable(&call.callee),
        printable(&call.method),
        or_dash(call.status.map(|status| status.to_string())),
        printable(&call.source),
        printable(&call.destination),
        printable(&call.callid),
    ]
}
