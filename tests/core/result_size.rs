//! The length of an export's result over MCP, and what it contains, whatever the call is.
//!
//! `cargo test -p homer-export --test core result_size -- --nocapture` prints the table.

use homer_export::CaptureReport;
use homer_export::finding::{Finding, Rule};
use homer_export::mcp::tools::export_pcap::MAX_RESULT;
use homer_export::report::{CallVerdict, Cause};
use serde_json::Value;

use crate::capture::{CALL_ID, Sent, healthy};
use crate::export_text::result;
use crate::made_calls::{again, refused, report_of};

/// Calls between the same two participants, each with a Call-ID of its own.
fn legs(number: usize) -> CaptureReport {
    let mut sent: Vec<Sent> = Vec::new();
    for leg in 0..number {
        let mut call = healthy();
        for message in &mut call {
            if leg > 0 {
                message.replace(CALL_ID, &format!("leg-{leg}-of-a-conference@192.0.2.10"));
            }
            message.time_us += leg as u64 * 1000;
        }
        sent.extend(call);
    }
    report_of(sent)
}

/// A call with this many INFO requests in its dialog.
fn long(messages: usize) -> CaptureReport {
    let mut sent = healthy();
    for number in 0..messages {
        let mut info = healthy()[5].clone();
        info.replace("BYE", "INFO");
        info.replace("BYE", "INFO");
        let text = String::from_utf8_lossy(&info.message).into_owned();
        let at = text.find("CSeq: ").unwrap() + 6;
        let end = at + text[at..].find(' ').unwrap();
        info.message
            .splice(at..end, format!("{}", 10 + number).into_bytes());
        info.time_us = healthy()[4].time_us + number as u64 * 1000;
        sent.push(info);
    }
    report_of(sent)
}

fn repeated(copies: u64) -> CaptureReport {
    let mut sent = healthy();
    let times: Vec<u64> = (1..copies).map(|copy| copy * 100).collect();
    sent.extend(again(&healthy()[0], &times));
    report_of(sent)
}

/// A long call in which every message breaks rules: 100 findings of 20 kinds.
fn broken() -> CaptureReport {
    let mut report = long(413);
    let finding = |number: usize| Finding {
        packet: number as u64 / 2 + 1,
        offset: Some(number as u32),
        code: Rule::CODES[number % 20].to_string(),
        text: format!(
            "header field number {} is not as the rule says",
            number % 20
        ),
        rule: "RFC 3261 §20.1".to_string(),
    };
    report.findings = (0..100).map(finding).collect();
    report.findings_elided = 700;
    report.causes = refused("486 Busy Here", "").causes;
    report
}

/// A hundred requested calls, of which every second one failed.
fn many_requested() -> CaptureReport {
    let mut report = legs(100);
    let cause = |packet: u64| Cause {
        packets: vec![packet],
        ..refused("486 Busy Here", "").causes.swap_remove(0)
    };
    let verdicts = report
        .call_ids
        .iter()
        .enumerate()
        .map(|(at, id)| CallVerdict {
            call_id: id.clone(),
            outcome: ["refused", "completed"][at % 2].to_string(),
            outcome_text: ["486 Busy Here from 192.0.2.20:5060", "200 after 1 s"][at % 2]
                .to_string(),
            final_status: Some([486, 200][at % 2]),
            causes: (at % 2 == 0)
                .then(|| cause(at as u64))
                .into_iter()
                .collect(),
        });
    report.verdicts = verdicts.collect();
    report.causes = report.verdicts[0].causes.clone();
    report.outcome = Some("refused".to_string());
    report.other_call_ids.clear();
    report
}

fn cases() -> [(&'static str, CaptureReport); 7] {
    [
        ("healthy call, 7 messages", report_of(healthy())),
        ("busy callee", refused("486 Busy Here", "")),
        ("305 legs, 2,135 messages", legs(305)),
        ("420 messages", long(413)),
        ("10,000 retransmissions", repeated(10_000)),
        ("420 messages, 800 findings", broken()),
        ("100 requested calls", many_requested()),
    ]
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for the reader")]
fn result_size_is_bounded_whatever_the_call() {
    println!("| call | text | structured | together | rows | causes | findings | Call-IDs |");
    println!("|---|---|---|---|---|---|---|---|");
    for (what, report) in cases() {
        let (text, structured) = result(&report);
        let [texts, structures] = [&text, &structured].map(|it| it.chars().count());
        let json: Value = serde_json::from_str(&structured).unwrap();
        let shown = &json["report"];
        let count = |name: &str| shown[name].as_array().unwrap().len();
        println!(
            "| {what} | {texts} | {structures} | {} | {} of {} messages | {} | {} of {} | {} of {} |",
            texts + structures,
            count("ladder"),
            report.sip_messages,
            count("causes"),
            count("findings"),
            report.findings.len() as u64 + report.findings_elided,
            count("call_ids"),
            report.call_ids.len(),
        );
        assert!(text.len() + structured.len() <= MAX_RESULT, "{what}");
        // The verdict with all its causes, and at least one finding of each kind, are in both.
        let outcome = report.outcome.as_deref().unwrap();
        assert_eq!(shown["outcome"], outcome, "{what}");
        assert!(text.lines().next().unwrap().contains(outcome), "{what}");
        for cause in &report.causes {
            let line = format!("Cause {} ({}): {}", cause.code, cause.certainty, cause.text);
            assert!(
                text.contains(&line) && text.contains(&cause.next_step),
                "{what}"
            );
        }
        assert_eq!(
            shown["causes"],
            serde_json::to_value(&report.causes).unwrap()
        );
        for finding in &report.findings {
            let is_it = |it: &Value| it["code"] == finding.code.as_str() && it["rule"].is_string();
            let shown = shown["findings"].as_array().unwrap();
            assert!(shown.iter().any(is_it), "{what}: {}", finding.code);
            assert!(text.contains(&format!("\n{}: ", finding.code)), "{what}");
        }
        // What is left out is counted.
        let elided = |name: &str| shown[name].as_u64().unwrap_or_default();
        let call_ids = count("call_ids") as u64 + elided("call_ids_elided");
        assert_eq!(call_ids, report.call_ids.len() as u64, "{what}");
        let findings = count("findings") as u64 + elided("findings_elided");
        let total = report.findings.len() as u64 + report.findings_elided;
        assert_eq!(findings, total, "{what}");
        let verdicts = shown["verdicts"].as_array().map_or(0, Vec::len) as u64;
        let verdicts = verdicts + elided("verdicts_elided");
        assert_eq!(verdicts, report.verdicts.len() as u64, "{what}");
    }
}

/// Rows have no line breaks, and the first and the last one are always there.
#[test]
fn result_rows_are_the_same_in_text_and_structured_content() {
    for (what, report) in cases() {
        let (text, structured) = result(&report);
        let json: Value = serde_json::from_str(&structured).unwrap();
        let ladder = json["report"]["ladder"].as_array().unwrap();
        let rows: Vec<&str> = ladder.iter().map(|row| row.as_str().unwrap()).collect();
        for row in [rows[0], rows[rows.len() - 1]] {
            assert!(text.contains(&format!("\n{row}\n")), "{what}: {row}");
        }
        for participant in json["report"]["participants"].as_array().unwrap() {
            assert!(text.contains(participant.as_str().unwrap()), "{what}");
        }
        // The messages of the rows and those that are left out are all messages.
        let gap = |row: &&&str| row.starts_with("... ");
        let mut messages = json["report"]["ladder_elided"].as_u64().unwrap();
        for row in rows.iter().filter(|row| !gap(row)) {
            let copies = row
                .rsplit_once(" x")
                .and_then(|(_, copies)| copies.parse().ok());
            messages += copies.unwrap_or(1);
        }
        assert_eq!(messages, report.sip_messages, "{what}");
        assert_eq!(
            rows.iter().filter(gap).count(),
            usize::from(json["report"]["ladder_elided"] != 0),
            "{what}"
        );
    }
}

/// A client may show its model the beginning alone, so what matters most comes first.
#[test]
fn result_members_have_the_order_of_importance() {
    let (_, structured) = result(&refused("486 Busy Here", ""));
    let at = |name: &str| structured.find(&format!("\"{name}\":")).unwrap();
    let names = [
        "summary", "delivery", "report", "outcome", "causes", "complete", "ladder", "findings",
    ];
    assert!(names.map(at).is_sorted(), "{structured}");
    assert!(structured.starts_with("{\"summary\":"));
}
