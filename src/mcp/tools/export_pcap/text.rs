//! The result of an export as text: what a reader needs first comes first. Some clients show their
//! model this text alone, and others the structured content alone (docs/mcp-clients.md).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Delivered, ExportResult};
use crate::CaptureReport;
use crate::mcp::tools::names;
use crate::query::CallId;
use crate::report::{Cause, Row, letter, participants, rows};
use crate::text::quoted;

/// Length of the text in bytes, inclusive, up to which rows of the ladder and findings are added.
const MAX_TEXT: usize = 4500;

/// Rows of the ladder that are always there, if the call has so many: half of them from its start.
const MIN_ROWS: usize = 12;

/// Bytes of the text that findings may take together, inclusive, unless there is more room.
const MAX_FINDINGS: usize = 1200;

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

/// How each call ended and why. Never shortened.
fn verdicts(report: &CaptureReport, text: &mut String) {
    // With several Call-IDs, each has its verdict, and the first of them is that of the report.
    if report.verdicts.is_empty() {
        if let Some(outcome) = &report.outcome {
            let sentence = report.outcome_text.as_deref().unwrap_or_default();
            push(text, &format!("{outcome}: {sentence}"));
        }
        causes(&report.causes, text);
    }
    for call in &report.verdicts {
        let id = quoted(&call.call_id, CallId::MAX_CHARS);
        push(
            text,
            &format!("Call {id} {}: {}", call.outcome, call.outcome_text),
        );
        causes(&call.causes, text);
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

/// Adds a line for each message, as far as the room in bytes suffices; the healthy middle of a long
/// call gives way first.
fn ladder(report: &CaptureReport, room: usize, text: &mut String) {
    let rows = rows(&report.ladder);
    if rows.is_empty() {
        return;
    }
    let participants = participants(&report.ladder);
    let mut calls: Vec<u32> = Vec::new();
    for entry in &report.ladder {
        if let Some(call) = entry.call.filter(|call| !calls.contains(call)) {
            calls.push(call);
        }
    }
    let names: Vec<String> = participants
        .iter()
        .enumerate()
        .map(|(at, address)| format!("{} = {address}", letter(at, b'A')))
        .collect();
    let mut head = format!("Participants: {}\n", names.join(", "));
    let has_calls = calls.len() > 1 || report.call_ids.len() > 1;
    if has_calls {
        let named = calls.iter().take(FEW).enumerate().map(|(at, call)| {
            let id = report.call_ids.get(*call as usize);
            let id = quoted(id.map_or("", String::as_str), CallId::MAX_CHARS);
            format!("{} = {id}", letter(at, b'a'))
        });
        let named: Vec<String> = named.collect();
        let more = match calls.len().saturating_sub(FEW) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        head.push_str(&format!("Calls: {}{more}\n", named.join(", ")));
    }
    head.push_str("Messages (packet, seconds, from > to, message, CSeq):\n");
    let lines: Vec<String> = rows
        .iter()
        .map(|row| line(row, &participants, has_calls.then_some(&calls[..])))
        .collect();
    // The rows that fit, from both ends.
    let mut used = head.len();
    let mut kept = 0;
    for at in 0..lines.len() {
        let from = match at % 2 {
            0 => at / 2,
            _ => lines.len() - 1 - at / 2,
        };
        used += lines.get(from).map_or(0, |line| line.len() + 1);
        if used > room && kept >= MIN_ROWS {
            break;
        }
        kept += 1;
    }
    let (first, last) = (kept.div_ceil(2), kept / 2);
    text.push_str(&head);
    let left_out = lines.len() - kept;
    let of_ladder = report.ladder_elided;
    let later_half = report.ladder.len().div_ceil(2);
    let mut has_gap = left_out > 0 || of_ladder > 0;
    for (at, (line, row)) in lines.iter().zip(&rows).enumerate() {
        if (first..lines.len() - last).contains(&at) {
            continue;
        }
        let is_after = at >= first && (left_out > 0 || row.at >= later_half);
        if is_after && core::mem::take(&mut has_gap) {
            push(text, &gap(left_out as u64, of_ladder));
        }
        push(text, line);
    }
    if has_gap {
        push(text, &gap(left_out as u64, of_ladder));
    }
}

fn gap(rows: u64, elided: u64) -> String {
    let messages = match elided {
        0 => String::new(),
        elided => format!(" and {elided} messages"),
    };
    format!("... {rows} rows{messages} are left out here; the pcap has them")
}

/// One message.
fn line(row: &Row<'_>, participants: &[&str], calls: Option<&[u32]>) -> String {
    let name = |end: &str| {
        let at = participants.iter().position(|known| *known == end);
        at.map_or_else(|| "?".to_string(), |at| letter(at, b'A'))
    };
    let entry = row.entry;
    let seconds = entry.after_us.map_or_else(
        || "-".to_string(),
        |us| format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1000),
    );
    let call = match (calls, entry.call) {
        (Some(calls), Some(call)) => {
            let at = calls.iter().position(|known| *known == call);
            format!(" {}", letter(at.unwrap_or_default(), b'a'))
        }
        (Some(_), None) => " ?".to_string(),
        (None, _) => String::new(),
    };
    let arrow = if entry.directed { '>' } else { '-' };
    let cseq = match entry.cseq.as_str() {
        "" => String::new(),
        cseq => format!(" ({cseq})"),
    };
    let copies = match (row.copies, row.elided_first()) {
        (1, None) => String::new(),
        (1, Some(first)) => format!(" repeats packet {first}"),
        (copies, _) => format!(" x{copies}"),
    };
    format!(
        "{} {seconds}{call} {} {arrow} {} {}{cseq}{copies}",
        row.packet(),
        name(&entry.source),
        name(&entry.destination),
        entry.line
    )
}

/// Adds the findings, as far as they fit.
fn findings(report: &CaptureReport, text: &mut String) {
    let total = report.findings.len() as u64 + report.findings_elided;
    if total == 0 {
        if report.sip_messages > 0 {
            push(text, "No protocol violations.");
        }
        return;
    }
    push(text, &format!("Findings: {total}"));
    let mut shown = 0;
    for finding in &report.findings {
        let line = format!("{}: {}", finding.code, finding.sentence());
        if text.len() + line.len() > MAX_FINDINGS && shown > 0 {
            break;
        }
        push(text, &line);
        shown += 1;
    }
    if total > shown {
        push(text, &format!("and {} more findings", total - shown));
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
            .map(|id| quoted(id, CallId::MAX_CHARS))
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
