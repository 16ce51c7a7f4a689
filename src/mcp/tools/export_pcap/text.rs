//! The result of an export as text: what a reader needs first comes first. Some clients show their
//! model this text alone, and others the structured content alone (docs/mcp-clients.md).

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::ladder_rows::LadderRows;
use super::{Delivered, ExportResult};
use crate::CaptureReport;
use crate::mcp::tools::names;
use crate::query::CallId;
use crate::report::{Cause, Legend};
use crate::text::quoted;

/// Length of the text in bytes, inclusive, up to which rows of the ladder and findings are added.
const MAX_TEXT: usize = 4500;

/// Length of the verdicts in bytes, inclusive, unless that of the first call is longer: up to 100
/// calls can be requested at once.
const MAX_VERDICTS: usize = 3000;

/// Most Call-IDs, profiles or warnings that the text names, inclusive.
const FEW: usize = 5;

/// The text of a result. `report` is the whole report, and not the shortened one of the result.
pub(super) fn of_export(
    result: &ExportResult<'_>,
    report: &CaptureReport,
    to: Delivered<'_>,
) -> String {
    let mut text = String::new();
    verdicts(report, &mut text);
    push(&mut text, &format!("Capture: {}.", report.file_summary()));
    push(&mut text, &delivery(result, to));
    if let Some(loss) = report.media_loss() {
        push(&mut text, &format!("Media: {loss}."));
    }
    for reason in report.incomplete_reasons.iter().take(FEW) {
        push(&mut text, &format!("Incomplete: {reason}"));
    }
    for warning in report.warnings.iter().take(FEW) {
        push(&mut text, &format!("Warning: {warning}"));
    }
    let mut end = String::new();
    findings(report, &mut end);
    next_steps(result, report, &mut end);
    ladder(
        report,
        MAX_TEXT.saturating_sub(text.len() + end.len()),
        &mut text,
    );
    text.push_str(&end);
    text
}

/// Adds a line.
fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// How each call ended and why. That of the first call is never shortened.
fn verdicts(report: &CaptureReport, text: &mut String) {
    // With several Call-IDs, each has its verdict, and the first of them is that of the report.
    if report.verdicts.is_empty() {
        if let Some(outcome) = &report.outcome {
            let sentence = report.outcome_text.as_deref().unwrap_or_default();
            push(text, &format!("{outcome}: {sentence}"));
        }
        causes(&report.causes, text);
    }
    let (mut shown, mut left_out) = (0, Vec::<(&str, u32)>::new());
    // Those that failed come first after the first one; a reader looks for them.
    let (first, others) = report.verdicts.split_at(report.verdicts.len().min(1));
    let (failed, well): (Vec<_>, Vec<_>) = others.iter().partition(|it| !it.causes.is_empty());
    for call in first.iter().chain(failed).chain(well) {
        let mut line = format!(
            "Call {} {}: {}\n",
            id_in_text(&call.call_id),
            call.outcome,
            call.outcome_text
        );
        causes(&call.causes, &mut line);
        if shown == 0 || text.len() + line.len() <= MAX_VERDICTS {
            text.push_str(&line);
            shown += 1;
            continue;
        }
        match left_out
            .iter_mut()
            .find(|(outcome, _)| *outcome == call.outcome)
        {
            Some((_, number)) => *number += 1,
            None => left_out.push((&call.outcome, 1)),
        }
    }
    if !left_out.is_empty() {
        let counts = left_out
            .iter()
            .map(|(outcome, number)| format!("{number} {outcome}"));
        let counts: Vec<String> = counts.collect();
        let line = format!(
            "Further requested calls: {}. Export fewer Call-IDs for their causes.",
            counts.join(", ")
        );
        push(text, &line);
    }
}

fn causes(causes: &[Cause], text: &mut String) {
    for cause in causes {
        let packets: Vec<String> = cause.packets.iter().map(u64::to_string).collect();
        let packets = match packets.as_slice() {
            [] => String::new(),
            packets => format!(" (packets {})", packets.join(", ")),
        };
        push(
            text,
            &format!(
                "Cause {} ({}): {}{packets}. Check next: {}",
                cause.code, cause.certainty, cause.text, cause.next_step
            ),
        );
    }
}

/// Where the bytes are.
fn delivery(result: &ExportResult<'_>, to: Delivered<'_>) -> String {
    let size = result.size_bytes;
    match to {
        Delivered::File { path } => format!("Saved as {path} ({size} bytes)."),
        Delivered::Embedded { .. } => format!("The pcap ({size} bytes) is attached."),
        Delivered::Linked { uri } => {
            format!("The pcap ({size} bytes) is the resource {uri}; resources/read returns it.")
        }
        Delivered::Text => format!("The pcap ({size} bytes) is attached as base64 text."),
        // The summary says what to do.
        Delivered::Stdout | Delivered::Omitted => result.summary.clone(),
    }
}

/// Adds a line for each message, as far as the room in bytes suffices.
fn ladder(report: &CaptureReport, room: usize, text: &mut String) {
    let legend = Legend::new(report);
    let rows = LadderRows::new(report, &legend);
    if rows.is_empty() {
        return;
    }
    let mut head = format!("Participants: {}\n", legend.participants().join(", "));
    let legs = legend.legs();
    if !legs.is_empty() {
        let named = legs.iter().take(FEW);
        let named = named.map(|(letter, id)| format!("{letter} = {}", id_in_text(id)));
        let named: Vec<String> = named.collect();
        let more = match legs.len().saturating_sub(FEW) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        head.push_str(&format!("Legs: {}{more}\n", named.join(", ")));
    }
    head.push_str("Messages (packet, seconds, from > to, message, CSeq):\n");
    let shown = rows.shown(room.saturating_sub(head.len()), |line| line.len() + 1);
    text.push_str(&head);
    for line in shown.lines {
        push(text, &line);
    }
}

fn id_in_text(id: &str) -> String {
    quoted(id, CallId::MAX_CHARS)
}

/// Adds the findings: a line for each code with the first of them, and the packets of the others.
fn findings(report: &CaptureReport, text: &mut String) {
    let total = report.findings.len() as u64 + report.findings_elided;
    if total == 0 {
        if report.sip_messages > 0 {
            push(text, "No protocol violations.");
        }
        return;
    }
    push(text, &format!("Findings: {total}"));
    for (at, finding) in report.findings.iter().enumerate() {
        let before = report.findings.get(..at).unwrap_or_default();
        if before.iter().any(|it| it.code == finding.code) {
            continue;
        }
        let others = report.findings.iter().skip(at + 1);
        let others = others.filter(|it| it.code == finding.code);
        let mut packets: Vec<String> = others.map(|it| it.packet.to_string()).collect();
        packets.dedup();
        let also = match packets.as_slice() {
            [] => String::new(),
            packets => format!("; also in packets {}", packets.join(", ")),
        };
        push(
            text,
            &format!("{}: {}{also}", finding.code, finding.sentence()),
        );
    }
    if report.findings_elided > 0 {
        let more = report.findings_elided;
        push(text, &format!("and {more} more findings"));
    }
}

/// What the reader can do with the result.
fn next_steps(result: &ExportResult<'_>, report: &CaptureReport, text: &mut String) {
    if report.sip_messages > 0 {
        let read = names::READ_MESSAGE;
        push(
            text,
            &format!("To read one of these messages, call {read} with its packet and this window."),
        );
    }
    if !result.suggested_also_callids.is_empty() {
        let ids: Vec<String> = result
            .suggested_also_callids
            .iter()
            .take(FEW)
            .map(|id| id_in_text(id))
            .collect();
        push(
            text,
            &format!(
                "The capture has messages of other legs. To get all of them, export again with \
                 also_callids: {}.",
                ids.join(", ")
            ),
        );
    }
}
