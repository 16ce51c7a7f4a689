//! The report for people: a ladder of who sent what to whom and when, then the findings.

use std::fmt::Write as _;

use console::{Style, measure_text_width, truncate_str};
use homer_export::CaptureReport;
use homer_export::finding::Finding;
use homer_export::report::LadderEntry;

/// Most columns of a line.
const WIDTH: usize = 100;

/// Columns of time and packet number, which come before the participants.
const MARGIN: usize = 19;

/// Fewest columns between two participants: room for an arrow and `183 Session Pr`.
const NARROWEST: usize = 18;

/// Most columns between two participants.
const WIDEST: usize = 60;

/// The short names of participants.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";

/// The ladder and the findings in lines of at most 100 columns, each preceded by a line break. The
/// ladder is left out if there is no message. `colors` must be true only for a terminal.
pub(crate) fn view(report: &CaptureReport, colors: bool) -> String {
    let mut text = String::new();
    if report.sip_messages > 0 {
        view_ladder(report, colors, &mut text);
    }
    for because in &report.incomplete_reasons {
        wrapped(&mut text, &style(colors).red(), "incomplete", because);
    }
    let total = report.findings.len() as u64 + report.findings_elided;
    if total > 0 {
        let noun = if total == 1 { "finding" } else { "findings" };
        let _ = write!(text, "\n\n{total} {noun}:");
    }
    for finding in &report.findings {
        wrapped(
            &mut text,
            &style(colors).yellow(),
            &finding.code,
            &sentence(finding),
        );
    }
    if report.findings_elided > 0 {
        // The report limits the number of findings.
        let _ = write!(text, "\n  and {} more", report.findings_elided);
    }
    text
}

fn sentence(finding: &Finding) -> String {
    let place = finding
        .offset
        .map_or_else(String::new, |offset| format!(", byte {offset}"));
    format!(
        "packet {}{place}: {} ({})",
        finding.packet, finding.text, finding.rule
    )
}

fn view_ladder(report: &CaptureReport, colors: bool, text: &mut String) {
    let participants = participants(report);
    text.push('\n');
    for (letter, participant) in LETTERS.chars().zip(&participants) {
        let _ = write!(text, "\n  {letter}  {participant}");
    }
    let rows = rows(report);
    // Columns are as wide as the line allows. With too many participants there are none, and each
    // row names its two participants by their letters.
    let gaps = participants.len().saturating_sub(1).max(1);
    let pitch = ((WIDTH - MARGIN - 2) / gaps).min(WIDEST);
    let in_columns = pitch >= NARROWEST;
    let _ = write!(text, "\n\n{:>9}   packet", "seconds");
    if in_columns {
        for (at, letter) in LETTERS.chars().take(participants.len()).enumerate() {
            let _ = write!(
                text,
                "{letter:>width$}",
                width = if at == 0 { 3 } else { pitch }
            );
        }
    }
    for (at, row) in rows.iter().enumerate() {
        // Before the first row of the second half.
        if report.ladder_elided > 0
            && row.entry.packet > middle(report)
            && (at == 0 || rows[at - 1].entry.packet <= middle(report))
        {
            let _ = write!(
                text,
                "\n{:>9}  {} messages omitted here; the file contains them",
                "...", report.ladder_elided
            );
        }
        let column = |end: &str| {
            participants
                .iter()
                .position(|participant| *participant == end)
        };
        let line = match (column(&row.entry.source), column(&row.entry.destination)) {
            (Some(from), Some(to)) if in_columns && from != to => {
                arrow(row, from, to, participants.len(), pitch)
            }
            (from, to) => sent(row, from, to),
        };
        let styled = style_of(row, colors).apply_to(line);
        let time = row.entry.after_us.map_or_else(|| "-".to_string(), seconds);
        let _ = write!(text, "\n{time:>9}  {:>7} {styled}", row.entry.packet);
    }
    if report.transports.iter().any(|transport| transport != "UDP") {
        let transports = report.transports.join(", ");
        wrapped(
            text,
            &style(colors),
            "transport",
            &format!("{transports} (from the topmost Via); the file shows every packet as UDP"),
        );
    }
}

/// Microseconds as seconds in at most nine columns. Up to a day they have three decimal places.
fn seconds(us: u64) -> String {
    match us / 1_000_000 {
        seconds if seconds < 100_000 => format!("{seconds}.{:03}", us % 1_000_000 / 1000),
        seconds => seconds.to_string(),
    }
}

/// A row of the ladder.
struct Row<'a> {
    entry: &'a LadderEntry,
    /// How often it was seen again, as a retransmission or a duplicate.
    seen_again: u32,
}

/// The rows of the ladder. A retransmission or duplicate is counted in the row of its first message
/// if that is part of the ladder, and has a row of its own otherwise.
fn rows(report: &CaptureReport) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for entry in &report.ladder {
        let first = entry
            .repeats
            .and_then(|packet| rows.iter_mut().find(|row| row.entry.packet == packet));
        match first {
            Some(row) => row.seen_again += 1,
            None => rows.push(Row {
                entry,
                seen_again: 0,
            }),
        }
    }
    rows
}

/// The packet after which messages are omitted: the report keeps the first and the last ones.
fn middle(report: &CaptureReport) -> u64 {
    let first_half = report.ladder.len().div_ceil(2);
    report
        .ladder
        .get(first_half.saturating_sub(1))
        .map_or(0, |entry| entry.packet)
}

/// The addresses in the ladder in the order of their first message.
fn participants(report: &CaptureReport) -> Vec<&str> {
    let mut participants: Vec<&str> = Vec::new();
    for end in report
        .ladder
        .iter()
        .flat_map(|entry| [&entry.source, &entry.destination])
    {
        // A linear search: a ladder has few hundred messages and seldom more than five
        // participants.
        if !participants.contains(&end.as_str()) && participants.len() < LETTERS.len() {
            participants.push(end);
        }
    }
    participants
}

/// `|--- INVITE sip:bob@example.net --->|`, an arrow between two columns.
fn arrow(row: &Row<'_>, from: usize, to: usize, columns: usize, pitch: usize) -> String {
    let (left, right) = (from.min(to), from.max(to));
    // Between the two bars. The label needs a space and a dash on both sides.
    let room = pitch * (right - left) - 1;
    let label = label(row, room.saturating_sub(4));
    let dashes = room.saturating_sub(measure_text_width(&label) + 2);
    let (mut before, mut after) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
    match (row.entry.directed, from < to) {
        // Some packets do not tell who sent them, so the line has no arrowhead.
        (false, _) => {}
        (true, true) => after.replace_range(after.len().saturating_sub(1).., ">"),
        (true, false) => before.replace_range(..before.len().min(1), "<"),
    }
    let mut line = String::from(" |");
    for column in 0..columns.saturating_sub(1) {
        if column == left {
            let _ = write!(line, "{before} {label} {after}|");
        } else if column < left || column >= right {
            let _ = write!(line, "{}|", " ".repeat(pitch - 1));
        }
    }
    line
}

/// `A -> B  INVITE sip:bob@example.net`, for a message to its own sender, and for all messages if
/// there is no room for columns.
fn sent(row: &Row<'_>, from: Option<usize>, to: Option<usize>) -> String {
    let letter = |at: Option<usize>| at.and_then(|at| LETTERS.chars().nth(at)).unwrap_or('?');
    let sign = if row.entry.directed { "->" } else { "--" };
    format!(
        " {} {sign} {}  {}",
        letter(from),
        letter(to),
        label(row, WIDTH - MARGIN - 9)
    )
}

fn label(row: &Row<'_>, room: usize) -> String {
    let again = if row.seen_again > 0 {
        format!(" (+{})", row.seen_again)
    } else {
        String::new()
    };
    let line = &row.entry.line;
    format!(
        "{}{again}",
        truncate_str(line, room.saturating_sub(again.len()), "~")
    )
}

fn style(colors: bool) -> Style {
    Style::new().force_styling(colors)
}

/// Requests are cyan. A response has the color of its outcome.
fn style_of(row: &Row<'_>, colors: bool) -> Style {
    // The line of a response begins with its status code. Every other line is that of a request.
    match row.entry.line.as_bytes() {
        [b'1', b'0'..=b'9', b'0'..=b'9', b' ' | b'\0', ..] => style(colors),
        [b'2', b'0'..=b'9', b'0'..=b'9', ..] => style(colors).green(),
        [b'3'..=b'6', b'0'..=b'9', b'0'..=b'9', ..] => style(colors).red(),
        _ => style(colors).cyan(),
    }
}

/// The place and the summary in lines of at most 100 columns, unless the place itself is longer.
pub(crate) fn headline(place: &str, summary: &str) -> String {
    let mut text = format!("{place}:");
    let used = measure_text_width(&text);
    words(&mut text, used, summary);
    text
}

/// Appends a heading and a sentence on lines of their own.
fn wrapped(text: &mut String, style: &Style, heading: &str, sentence: &str) {
    let _ = write!(text, "\n  {}", style.apply_to(heading));
    words(text, 2 + measure_text_width(heading), sentence);
}

/// Appends a sentence, with line breaks between words. `used` columns of the line are taken.
fn words(text: &mut String, mut used: usize, sentence: &str) {
    const INDENT: &str = "      ";
    for word in sentence.split(' ') {
        // A word that is longer than a line is truncated.
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

#[cfg(test)]
mod tests {
    use homer_export::CaptureReport;
    use homer_export::finding::Finding;
    use homer_export::report::LadderEntry;

    use super::{headline, view};

    fn entry(packet: u64, ends: (&str, &str), line: &str) -> LadderEntry {
        LadderEntry {
            packet,
            after_us: Some(packet * 1_500_000),
            source: ends.0.to_string(),
            destination: ends.1.to_string(),
            directed: true,
            line: line.to_string(),
            ..LadderEntry::default()
        }
    }

    fn report(ladder: Vec<LadderEntry>) -> CaptureReport {
        CaptureReport {
            sip_messages: ladder.len() as u64,
            ladder,
            ..CaptureReport::default()
        }
    }

    #[track_caller]
    fn assert_fits(text: &str) {
        for line in text.lines() {
            let width = console::measure_text_width(line);
            assert!(width <= super::WIDTH, "{width} columns: {line}");
        }
    }

    #[test]
    fn ladder_draws_arrows_between_participants() {
        let report = report(vec![
            entry(1, ("a:1", "b:2"), "INVITE sip:bob@h"),
            entry(2, ("b:2", "c:3"), "INVITE sip:bob@h"),
            entry(3, ("c:3", "a:1"), "200 OK"),
        ]);
        let expected = "

  A  a:1
  B  b:2
  C  c:3

  seconds   packet  A                                      B                                      C
    1.500        1  |---------- INVITE sip:bob@h --------->|                                      |
    3.000        2  |                                      |---------- INVITE sip:bob@h --------->|
    4.500        3  |<--------------------------------- 200 OK -----------------------------------|
";
        assert_eq!(view(&report, false) + "\n", expected);
    }

    #[test]
    fn ladder_folds_retransmissions() {
        let again = LadderEntry {
            repeats: Some(1),
            ..entry(2, ("a:1", "b:2"), "INVITE sip:bob@h")
        };
        let other = LadderEntry {
            repeats: Some(1),
            ..entry(3, ("a:1", "b:2"), "INVITE sip:bob@h")
        };
        let text = view(
            &report(vec![
                entry(1, ("a:1", "b:2"), "INVITE sip:bob@h"),
                again,
                other,
            ]),
            false,
        );
        assert_eq!(
            (
                text.matches("INVITE").count(),
                text.matches(" INVITE sip:bob@h (+2) ").count()
            ),
            (1, 1),
            "{text}"
        );
    }

    #[test]
    fn ladder_states_what_is_omitted_in_the_middle() {
        let mut report = report(vec![
            entry(1, ("a:1", "b:2"), "1"),
            entry(2, ("a:1", "b:2"), "2"),
            entry(9, ("a:1", "b:2"), "9"),
        ]);
        report.ladder_elided = 6;
        let text = view(&report, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[lines.len() - 2].contains("6 messages omitted here; the file contains them"),
            "{text}"
        );
    }

    #[test]
    fn ladder_without_direction_has_no_arrowheads() {
        let entry = LadderEntry {
            directed: false,
            ..entry(1, ("192.0.2.1", "2001:db8::1"), "200 OK")
        };
        let text = view(&report(vec![entry]), false);
        assert!(
            !text.contains(['<', '>']) && text.contains("- 200 OK -"),
            "{text}"
        );
    }

    #[test]
    fn ladder_fits_its_columns_whatever_the_messages() {
        let long = format!("INVITE sip:{}", "ü試".repeat(80));
        for participants in 1..40 {
            let name = |number: usize| {
                format!(
                    "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:{number:04x}]:50{:02}",
                    number % 60
                )
            };
            let ladder = (0..80)
                .map(|at| {
                    entry(
                        if at < 40 {
                            at as u64
                        } else {
                            9_999_900 + at as u64
                        },
                        (&name(at % participants), &name((at * 7 + 3) % participants)),
                        &long,
                    )
                })
                .collect();
            let mut report = report(ladder);
            report.ladder_elided = 1_000_000;
            report.incomplete_reasons = vec![format!(
                "no-bye: {} {}",
                "word ".repeat(50),
                "x".repeat(300)
            )];
            report.findings = vec![Finding {
                packet: 1,
                offset: Some(7),
                code: "control-byte".into(),
                text: "the header has a control byte ".repeat(9),
                rule: "RFC 3261 §25.1".into(),
            }];
            report.transports = vec!["TLS".into(); 30];
            for colors in [false, true] {
                assert_fits(&view(&report, colors));
            }
            assert_fits(&headline("call.pcap", &"a long summary; ".repeat(20)));
        }
    }

    #[test]
    fn ladder_has_colors_only_on_request() {
        let mut report = report(vec![
            entry(1, ("a:1", "b:2"), "INVITE sip:b@h"),
            entry(2, ("b:2", "a:1"), "486 Busy Here"),
        ]);
        report.incomplete_reasons = vec!["no-bye: x".into()];
        assert!(!view(&report, false).contains('\x1b'));
        assert_eq!(view(&report, true).matches("\x1b[31m").count(), 2);
        assert_eq!(
            console::strip_ansi_codes(&view(&report, true)),
            view(&report, false)
        );
    }

    #[test]
    fn ladder_lists_findings_with_their_rule() {
        let mut report = report(vec![entry(1, ("a:1", "b:2"), "200 OK")]);
        report.findings.push(Finding {
            packet: 1,
            offset: Some(7),
            code: "bare-lf".into(),
            text: "a line".into(),
            rule: "RFC".into(),
        });
        report.findings_elided = 4;
        let text = view(&report, false);
        assert!(
            text.ends_with(
                "\n\n5 findings:\n  bare-lf packet 1, byte 7: a line (RFC)\n  and 4 more"
            ),
            "{text}"
        );
    }

    #[test]
    fn ladder_of_a_capture_without_messages_is_empty() {
        assert_eq!(view(&CaptureReport::default(), false), "");
    }
}
