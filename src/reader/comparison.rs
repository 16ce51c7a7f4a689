//! How two calls differ, as text: to find out why one of them works and the other does not.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::ReadCall;
use super::call_facts::CallFacts;
use super::difference::{Differences, Weight};
use super::message_facts::MessageFacts;
use crate::record::record;
use crate::report::{CaptureReport, printable, quoted_from_message};

/// Most bytes of the text, inclusive.
pub const MAX_COMPARISON: usize = 4000;

/// Bytes of the text that the verdicts of both calls may take.
const MAX_VERDICTS: usize = 1600;

/// Most characters shown of a Call-ID, which the reader has passed.
const MAX_CALL_ID_CHARS: usize = 80;

/// Most causes of a call that are named, inclusive.
const MAX_CAUSES: usize = 2;

/// Times in microseconds that differ by less than this, or by less than half, say nothing.
const SAME_TIME_US: u64 = 500_000;

/// Steps shown of each call after the point where the sequences part.
const STEPS_AFTER: usize = 6;

record! {
    ($, convert_call_comparison)
    /// How two calls differ.
    #[derive(Eq)]
    pub struct CallComparison {
        /// How each call ended and why, and the differences, the most telling ones first; at most
        /// 4,000 bytes. Text from messages is in quotation marks.
        pub text: String,
        /// Number of differences, including those that had no room in the text.
        pub differences: u32,
    }
}

impl CallComparison {
    pub(super) fn of(a: ReadCall, b: ReadCall) -> Self {
        let mut text = String::new();
        for (name, call) in [("A", &a), ("B", &b)] {
            verdict(name, call, &mut text);
        }
        let mut differences = Differences::default();
        if a.facts.is_captured() && b.facts.is_captured() {
            compare(&a, &b, &mut differences);
        }
        let found = differences.0.len();
        text.push_str(match found {
            0 => "No differences found in status, header fields, media, order or timing.\n",
            _ => "Differences, the most telling first:\n",
        });
        // Room for the sentence on those that are left out.
        let room = MAX_COMPARISON - 60;
        let mut shown = 0;
        for (_, difference) in &differences.0 {
            let line = format!("{}. {difference}\n", shown + 1);
            if text.len() + line.len() > room {
                break;
            }
            text.push_str(&line);
            shown += 1;
        }
        if shown < found {
            text.push_str(&format!("and {} less telling differences\n", found - shown));
        }
        Self {
            text,
            differences: u32::try_from(found).unwrap_or(u32::MAX),
        }
    }
}

/// How a call ended, and why.
fn verdict(name: &str, call: &ReadCall, text: &mut String) {
    let (facts, report) = (&call.facts, &call.report);
    let id = quoted_from_message(facts.id(), MAX_CALL_ID_CHARS);
    let mut lines = match (&report.outcome, facts.is_captured()) {
        (Some(outcome), true) => {
            let sentence = report.outcome_text.as_deref().unwrap_or_default();
            format!("Call {name} {id}: {outcome}: {sentence}\n")
        }
        _ => format!("Call {name} {id}: the capture has none of its messages\n"),
    };
    for cause in report.causes.iter().take(MAX_CAUSES) {
        let line = format!(
            "Cause {} ({}): {}\n",
            cause.code, cause.certainty, cause.text
        );
        if lines.len() + line.len() <= MAX_VERDICTS / 2 {
            lines.push_str(&line);
        }
    }
    text.push_str(&lines);
}

fn compare(a: &ReadCall, b: &ReadCall, differences: &mut Differences) {
    let (report_a, report_b) = (&a.report, &b.report);
    let status = |report: &CaptureReport| {
        let status = report.final_status.map(|status| status.to_string());
        status.unwrap_or_default()
    };
    let (status_a, status_b) = (status(report_a), status(report_b));
    let weight = Weight::Outcome;
    differences.values(weight, "Final status", &status_a, &status_b);
    let outcome = |report: &CaptureReport| report.outcome.clone().unwrap_or_default();
    let (outcome_a, outcome_b) = (outcome(report_a), outcome(report_b));
    differences.values(weight, "Outcome", &outcome_a, &outcome_b);
    let causes = |report: &CaptureReport| -> Vec<String> {
        report
            .causes
            .iter()
            .map(|cause| cause.code.clone())
            .collect()
    };
    differences.lists(weight, "Causes", &causes(report_a), &causes(report_b));
    compare_messages(a, b, differences);
    compare_order(&a.facts, &b.facts, differences);
    compare_path(&a.facts, &b.facts, differences);
    compare_times(a, b, differences);
    let rules = |report: &CaptureReport| -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        for finding in &report.findings {
            if !codes.contains(&finding.code) {
                codes.push(finding.code.clone());
            }
        }
        codes
    };
    let (rules_a, rules_b) = (rules(report_a), rules(report_b));
    differences.lists(Weight::Rules, "Broken rules", &rules_a, &rules_b);
    let (again_a, again_b) = (report_a.retransmissions, report_b.retransmissions);
    if (again_a == 0) != (again_b == 0) {
        let text = format!("Retransmissions: A {again_a}, B {again_b}");
        differences.add(Weight::Order, text);
    }
}

fn compare_messages(a: &ReadCall, b: &ReadCall, differences: &mut Differences) {
    let (of_a, of_b) = (&a.facts, &b.facts);
    let method = printable(&of_a.method);
    let name = match of_a.method == of_b.method {
        true => format!("Initial {method}"),
        false => {
            let (a, b) = (&method, printable(&of_b.method));
            differences.values(Weight::Outcome, "Method", a, &b);
            "Initial request".to_string()
        }
    };
    let (status_a, status_b) = (a.report.final_status, b.report.final_status);
    let pairs: [(&str, Option<MessageFacts>, Option<MessageFacts>); 4] = [
        (&name, of_a.request(), of_b.request()),
        ("Ringing response", of_a.ringing(), of_b.ringing()),
        (
            "Final response",
            of_a.final_response(status_a),
            of_b.final_response(status_b),
        ),
        ("BYE or CANCEL", of_a.end(), of_b.end()),
    ];
    for (what, a, b) in pairs {
        match (a, b) {
            (Some(a), Some(b)) => {
                if what == "Final response" && status_a == status_b {
                    let (a, b) = (&a.start_line, &b.start_line);
                    differences.values(Weight::Value, "Reason phrase", a, b);
                }
                differences.messages(what, &a, &b);
            }
            (Some(_), None) => one_sided(what, "A", differences),
            (None, Some(_)) => one_sided(what, "B", differences),
            (None, None) => {}
        }
    }
}

fn one_sided(what: &str, name: &str, differences: &mut Differences) {
    differences.add(Weight::Order, format!("{what}: only {name} has one"));
}

/// Compares the order of messages on the link of the caller.
fn compare_order(a: &CallFacts, b: &CallFacts, differences: &mut Differences) {
    let (a, b) = (&a.steps, &b.steps);
    if a == b {
        return;
    }
    let mut both = a.iter().zip(b);
    let same = both
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let rest = |steps: &[String]| -> String {
        let rest = steps.get(same..).unwrap_or_default();
        let mut shown: Vec<&str> = rest.iter().take(STEPS_AFTER).map(String::as_str).collect();
        match rest.len() {
            0 => "nothing".to_string(),
            len if len > STEPS_AFTER => {
                shown.push("…");
                shown.join(", ")
            }
            _ => shown.join(", "),
        }
    };
    let until = match same.checked_sub(1).and_then(|last| a.get(last)) {
        Some(last) => format!("the same {same} messages up to {last}, then"),
        None => "from the first message on,".to_string(),
    };
    differences.add(
        Weight::Order,
        format!(
            "Messages on the caller's hop: {until} A {}; B {}",
            rest(a),
            rest(b)
        ),
    );
}

fn compare_path(a: &CallFacts, b: &CallFacts, differences: &mut Differences) {
    let (a, b) = (a.hops(), b.hops());
    if a.len() != b.len() {
        let text = format!(
            "Hops of the initial request: A {} ({}), B {} ({})",
            a.len(),
            a.join(", "),
            b.len(),
            b.join(", ")
        );
        differences.add(Weight::Path, text);
    } else if a != b {
        let (a, b) = (a.join(", "), b.join(", "));
        let text = format!("Path of the initial request: A {a}; B {b}");
        differences.add(Weight::Path, text);
    }
}

fn compare_times(a: &ReadCall, b: &ReadCall, differences: &mut Differences) {
    let times = [
        (
            "Time to ringing",
            a.report.ringing_after_us,
            b.report.ringing_after_us,
        ),
        (
            "Time to the final response",
            a.report.final_after_us,
            b.report.final_after_us,
        ),
        (
            "Time from the first message to the last",
            a.facts.duration_us(),
            b.facts.duration_us(),
        ),
    ];
    for (what, a, b) in times {
        let differ = match (a, b) {
            (Some(a), Some(b)) => {
                let difference = a.abs_diff(b);
                difference >= SAME_TIME_US && difference >= a.max(b) / 2
            }
            // That one has no such message is told by the order.
            _ => false,
        };
        if differ {
            let text = format!("{what}: A {}, B {}", seconds(a), seconds(b));
            differences.add(Weight::Timing, text);
        }
    }
}

fn seconds(us: Option<u64>) -> String {
    us.map_or_else(
        || "unknown".to_string(),
        |us| format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1000),
    )
}
