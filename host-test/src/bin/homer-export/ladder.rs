//! A report for a person: who sent what to whom and when, and below it what is odd.

use std::fmt::Write as _;

use console::{Style, measure_text_width, truncate_str};
use homer_export::CaptureReport;
use homer_export::finding::Finding;
use homer_export::report::LadderEntry;

/// Columns of a line, at most.
const WIDTH: usize = 100;

/// Columns of time and packet number before the participants.
const MARGIN: usize = 17;

/// Columns between two participants, at least: room for an arrow and `183 Session Pr`.
const NARROWEST: usize = 18;

/// Columns between two participants, at most.
const WIDEST: usize = 60;

/// Names of participants.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";

/// The ladder and the findings in lines of at most 100 columns, each after a line break; nothing if there is no message.
/// `colours` is to be true on a terminal alone.
pub(crate) fn view(report: &CaptureReport, colours: bool) -> String {
    let mut text = String::new();
    if report.sip_messages > 0 {
        view_ladder(report, colours, &mut text);
    }
    for because in &report.incomplete_because {
        wrapped(&mut text, &style(colours).red(), "incomplete", because);
    }
    let total = report.findings.len() as u64 + report.findings_elided;
    if total > 0 {
        let _ = write!(text, "\n\n{total} odd:");
    }
    for finding in &report.findings {
        wrapped(&mut text, &style(colours).yellow(), &finding.code, &sentence(finding));
    }
    if report.findings_elided > 0 {
        let _ = write!(text, "\n  and {} more", report.findings_elided);
    }
    text
}

fn sentence(finding: &Finding) -> String {
    let place = finding.offset.map_or_else(String::new, |offset| format!(", byte {offset}"));
    format!("packet {}{place}: {} ({})", finding.packet, finding.text, finding.rule)
}

fn view_ladder(report: &CaptureReport, colours: bool, text: &mut String) {
    let participants = participants(report);
    text.push('\n');
    for (letter, participant) in LETTERS.chars().zip(&participants) {
        let _ = write!(text, "\n  {letter}  {participant}");
    }
    let rungs = rungs(report);
    let gaps = participants.len().saturating_sub(1).max(1);
    let pitch = ((WIDTH - MARGIN - 2) / gaps).min(WIDEST);
    let in_columns = pitch >= NARROWEST;
    let _ = write!(text, "\n\n{:>8}  packet", "seconds");
    if in_columns {
        for (at, letter) in LETTERS.chars().take(participants.len()).enumerate() {
            let _ = write!(text, "{letter:>width$}", width = if at == 0 { 2 } else { pitch });
        }
    }
    for (at, rung) in rungs.iter().enumerate() {
        if report.ladder_elided > 0
            && rung.entry.packet > middle(report)
            && (at == 0 || rungs[at - 1].entry.packet <= middle(report))
        {
            let _ =
                write!(text, "\n{:>8}  {} messages are left out here; the file has them", "...", report.ladder_elided);
        }
        let column = |end: &str| participants.iter().position(|participant| *participant == end);
        let line = match (column(&rung.entry.source), column(&rung.entry.destination)) {
            (Some(from), Some(to)) if in_columns => arrow(rung, from, to, participants.len(), pitch),
            (from, to) => sent(rung, from, to),
        };
        let styled = style_of(rung, colours).apply_to(line);
        let time = rung
            .entry
            .after_us
            .map_or_else(|| "-".to_string(), |us| format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1000));
        let _ = write!(text, "\n{time:>8}  {:>6} {styled}", rung.entry.packet);
    }
    if report.transports.iter().any(|transport| transport != "UDP") {
        let transports = report.transports.join(", ");
        wrapped(
            text,
            &style(colours),
            "transport",
            &format!("{transports} by the topmost Via; the file has all as UDP"),
        );
    }
}

/// A message, and how often it was sent again.
struct Rung<'a> {
    entry: &'a LadderEntry,
    again: u32,
}

/// The messages, each with its repetitions folded into it where it is shown itself.
fn rungs(report: &CaptureReport) -> Vec<Rung<'_>> {
    let mut rungs: Vec<Rung<'_>> = Vec::new();
    for entry in &report.ladder {
        let first = entry.repeats.and_then(|packet| rungs.iter_mut().find(|rung| rung.entry.packet == packet));
        match first {
            Some(rung) => rung.again += 1,
            None => rungs.push(Rung { entry, again: 0 }),
        }
    }
    rungs
}

/// The packet behind which messages are left out.
fn middle(report: &CaptureReport) -> u64 {
    let first_half = report.ladder.len().div_ceil(2);
    report.ladder.get(first_half.saturating_sub(1)).map_or(0, |entry| entry.packet)
}

/// Those who sent or got a message that is shown, in the order in which they appear.
fn participants(report: &CaptureReport) -> Vec<&str> {
    let mut participants: Vec<&str> = Vec::new();
    for end in report.ladder.iter().flat_map(|entry| [&entry.source, &entry.destination]) {
        if !participants.contains(&end.as_str()) && participants.len() < LETTERS.len() {
            participants.push(end);
        }
    }
    participants
}

/// `|--- INVITE sip:bob@example.net ---->|` between two of the columns.
fn arrow(rung: &Rung<'_>, from: usize, to: usize, columns: usize, pitch: usize) -> String {
    let mut line = String::from(" ");
    let (left, right) = (from.min(to), from.max(to));
    for column in 0..columns {
        line.push('|');
        if column + 1 == columns {
            break;
        }
        match column {
            column if column == left && left != right => {
                let room = pitch * (right - left) - 1;
                let label = label(rung, room.saturating_sub(5));
                let dashes = room.saturating_sub(measure_text_width(&label) + 5);
                let (before, after) = (dashes / 2, dashes - dashes / 2);
                let (tail, head) = match (rung.entry.directed, from < to) {
                    (false, _) => ("-", "-"),
                    (true, true) => ("-", ">"),
                    (true, false) => ("<", "-"),
                };
                let _ = write!(line, "{tail}-{} {label} {}{head}", "-".repeat(before), "-".repeat(after));
            }
            column if column > left && column < right => {
                // Under the arrow.
                line.pop();
            }
            _ => line.push_str(&" ".repeat(pitch - 1)),
        }
    }
    if left == right {
        // To itself, as behind one address.
        let room = WIDTH - MARGIN - measure_text_width(&line) - 1;
        let _ = write!(line, " {}", label(rung, room));
    }
    line
}

/// `A -> B  INVITE sip:bob@example.net`, where there is no room for columns.
fn sent(rung: &Rung<'_>, from: Option<usize>, to: Option<usize>) -> String {
    let letter = |at: Option<usize>| at.and_then(|at| LETTERS.chars().nth(at)).unwrap_or('?');
    let sign = if rung.entry.directed { "->" } else { "--" };
    format!(" {} {sign} {}  {}", letter(from), letter(to), label(rung, WIDTH - MARGIN - 9))
}

fn label(rung: &Rung<'_>, room: usize) -> String {
    let again = if rung.again > 0 { format!(" (+{})", rung.again) } else { String::new() };
    let line = &rung.entry.line;
    format!("{}{again}", truncate_str(line, room.saturating_sub(again.len()), "~"))
}

fn style(colours: bool) -> Style {
    Style::new().force_styling(colours)
}

/// Requests stand out; a response has the colour of its outcome.
fn style_of(rung: &Rung<'_>, colours: bool) -> Style {
    match rung.entry.line.as_bytes() {
        [b'1', b'0'..=b'9', b'0'..=b'9', b' ' | b'\0', ..] => style(colours),
        [b'2', b'0'..=b'9', b'0'..=b'9', ..] => style(colours).green(),
        [b'3'..=b'6', b'0'..=b'9', b'0'..=b'9', ..] => style(colours).red(),
        _ => style(colours).cyan(),
    }
}

/// A heading and a sentence, broken between words.
fn wrapped(text: &mut String, style: &Style, heading: &str, sentence: &str) {
    const INDENT: &str = "      ";
    let _ = write!(text, "\n  {}", style.apply_to(heading));
    let mut used = 2 + heading.len();
    for word in sentence.split(' ') {
        // A word longer than a line is cut.
        let word = truncate_str(word, WIDTH - INDENT.len(), "~");
        let width = measure_text_width(&word);
        if used + 1 + width > WIDTH {
            let _ = write!(text, "\n{INDENT}{word}");
            used = INDENT.len() + width;
        } else {
            let _ = write!(text, " {word}");
            used += 1 + width;
        }
    }
}
