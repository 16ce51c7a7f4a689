//! How the call ended, and why.

use console::Style;
use homer_export::CaptureReport;
use homer_export::report::{CallVerdict, Cause};

use super::Page;
use super::paragraph::Paragraph;

/// Writes the outcome and its causes.
pub(super) fn write(report: &CaptureReport, page: Page, text: &mut String) {
    let Some(outcome) = &report.outcome else {
        return;
    };
    let sentence = report.outcome_text.as_deref().unwrap_or_default();
    Paragraph::new(page)
        .styled(&format!("{outcome}:"), &style_of(outcome, page))
        .text(sentence)
        .write(text);
    for cause in &report.causes {
        write_cause(cause, page, text);
    }
    // The first verdict is the one above.
    for call in report.verdicts.iter().skip(1) {
        write_further_call(call, page, text);
    }
    text.push('\n');
}

/// Writes the verdict on another requested call.
fn write_further_call(call: &CallVerdict, page: Page, text: &mut String) {
    text.push('\n');
    Paragraph::new(page)
        .styled(
            &format!("{}:", call.outcome),
            &style_of(&call.outcome, page),
        )
        .text(&format!("{} (Call-ID {})", call.outcome_text, call.call_id))
        .write(text);
    for cause in &call.causes {
        write_cause(cause, page, text);
    }
}

/// Writes what shows the cause, and what to check next.
fn write_cause(cause: &Cause, page: Page, text: &mut String) {
    let heading = format!("{} ({})", cause.code, cause.certainty);
    let mut sentence = cause.text.clone();
    if let Some(packets) = packets(&cause.packets) {
        sentence.push_str(&format!(" [{packets}]"));
    }
    Paragraph::headed(page, &heading, page.style().red())
        .text(&sentence)
        .write(text);
    if !cause.next_step.is_empty() {
        Paragraph::indented(page, 4)
            .text(&format!("Next: {}", cause.next_step))
            .write(text);
    }
}

/// `packet 3` or `packets 3, 7`.
fn packets(numbers: &[u64]) -> Option<String> {
    let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
    match list.len() {
        0 => None,
        1 => Some(format!("packet {}", list.concat())),
        _ => Some(format!("packets {}", list.join(", "))),
    }
}

/// The color of an outcome: green if the call went well, red if something failed.
fn style_of(outcome: &str, page: Page) -> Style {
    match outcome {
        "completed" | "answered" | "succeeded" => page.style().bold().green(),
        "cancelled" | "redirected" | "not-captured" => page.style().bold(),
        _ => page.style().bold().red(),
    }
}

/// One sentence on the file: its size, times, profile, and kinds of packets.
pub(super) fn contents(report: &CaptureReport) -> String {
    let mut parts = vec![report.file_summary()];
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let messages = report.sip_messages;
    parts.push(format!("{messages} SIP message{}", plural(messages)));
    let others = report.others.iter();
    parts.extend(others.map(|kind| format!("{} {}", kind.count, kind.name)));
    if messages > 0 && report.findings.is_empty() && report.findings_elided == 0 {
        parts.push("no protocol violations".to_string());
    }
    parts.join("; ")
}
