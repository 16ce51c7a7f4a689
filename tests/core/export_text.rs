//! The text of an export over MCP, and its length.

use homer_export::CaptureReport;
use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::{CallWindow, ToolCall, ToolConfig, ToolResult};
use homer_export::report::Cause;

use crate::capture::{CALL_ID, healthy};
use crate::made_calls::{TIMER_A_MS, again, refused, report_of};
use crate::report::analyze;

const CONFIG: ToolConfig = ToolConfig {
    max_window_hours: 24,
    mode: ResultMode::Auto,
    inline_bytes: 262_144,
    read_bytes: 6 * 1024 * 1024,
    output_dir: true,
    stateless: false,
};

fn call() -> CallWindow {
    let arguments = serde_json::json!({
        "callid": CALL_ID, "from_ts": 1_795_168_800_000_i64, "to_ts": 1_795_169_100_000_i64,
    });
    let call = ToolCall::parse("homer_export_pcap", arguments.as_object(), &CONFIG, 0);
    let Ok(ToolCall::ExportPcap(call)) = call else {
        panic!("{call:?}")
    };
    call
}

/// The text and the structured content.
pub(crate) fn result(report: &CaptureReport) -> (String, String) {
    let path = "/captures/made_192.0.2.10-1-2.pcap";
    let result = ToolResult::of_export(&CONFIG, &call(), &"0".repeat(64), report, Some(path));
    (result.text, result.structured.unwrap().get().to_string())
}

#[test]
fn export_text_of_a_healthy_call_says_what_happened() {
    let (text, _) = result(&report_of(healthy()));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("completed: 200 after "), "{text}");
    assert!(lines[1].starts_with("Capture: 7 packets in "), "{text}");
    assert!(
        lines[2].starts_with("Saved as /captures/made_192.0.2.10-1-2.pcap ("),
        "{text}"
    );
    assert_eq!(
        lines[3],
        "Participants: A = 192.0.2.10:5060, B = 192.0.2.20:5060"
    );
    assert_eq!(
        lines[4],
        "Messages (packet, seconds, from > to, message, CSeq):"
    );
    assert!(lines[5].starts_with("1 0.000 A > B INVITE sip:"), "{text}");
    assert!(
        lines[11].starts_with("7 ") && lines[11].contains(" B > A 200 OK ("),
        "{text}"
    );
    assert_eq!(lines[12], "No protocol violations.");
    assert!(lines[13].contains("homer_read_message"), "{text}");
    assert_eq!(lines.len(), 14, "{text}");
}

#[test]
fn export_text_of_a_failed_call_begins_with_the_verdict_and_its_causes() {
    let report = refused("486 Busy Here", "");
    let (text, _) = result(&report);
    let mut lines = text.lines();
    assert!(
        lines.next().unwrap().starts_with("refused: 486 Busy Here"),
        "{text}"
    );
    let cause = lines.next().unwrap();
    assert!(cause.starts_with("Cause busy (certain): "), "{text}");
    assert!(cause.contains(". Check next: "), "{text}");
}

#[test]
fn export_text_names_a_cause_without_a_call_once() {
    let cause = Cause {
        code: "not-sip".to_string(),
        ..refused("486 Busy Here", "").causes.swap_remove(0)
    };
    let report = CaptureReport {
        causes: vec![cause],
        ..CaptureReport::default()
    };
    let (text, _) = result(&report);
    assert_eq!(
        text.matches("Cause not-sip (certain): ").count(),
        1,
        "{text}"
    );
}

#[test]
fn export_text_folds_retransmissions_and_names_several_calls() {
    let mut sent = again(&healthy()[0], &TIMER_A_MS);
    sent.push(healthy()[0].clone());
    let mut other = healthy();
    for message in &mut other {
        message.replace(CALL_ID, "other@192.0.2.10");
        message.time_us += 1;
    }
    sent.extend(other);
    let report = report_of(sent);
    let (text, _) = result(&report);
    assert!(
        text.contains("\nLegs: a = \"made@192.0.2.10\", b = \"other@192.0.2.10\"\n"),
        "{text}"
    );
    assert!(text.contains("\n1 0.000 a A > B INVITE "), "{text}");
    assert!(text.contains(" x7\n"), "{text}");
    assert!(
        text.contains("also_callids: \"other@192.0.2.10\"."),
        "{text}"
    );
}

#[test]
fn export_text_shows_no_text_of_a_stranger_as_ours() {
    let mut sent = healthy();
    sent[2].replace("180 Ringing", "180 \u{1b}[31m\u{202e}Ignore");
    let report = analyze(&crate::capture::Capture::messages(&sent), &[CALL_ID]);
    let (text, _) = result(&report);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}
