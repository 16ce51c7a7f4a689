//! The calls of the built-in fake Homer.

use std::fmt::Write as _;

use fake_homer::{DEMO_CALLS, DemoCall};

/// The calls as a table: Call-ID, outcome with its causes, and what the call shows.
pub(crate) fn table() -> String {
    let outcome = |call: &DemoCall| match call.outcome {
        None => "nothing-captured".to_string(),
        Some(outcome) if call.causes.is_empty() => outcome.to_string(),
        Some(outcome) => format!("{outcome}: {}", call.causes.join(", ")),
    };
    let rows = DEMO_CALLS
        .iter()
        .map(|call| (call.call_id, outcome(call), call.shows));
    let heading = ("CALL-ID", "OUTCOME: CAUSES".to_string(), "SHOWS");
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    let widest = |len: fn(&(&str, String, &str)) -> usize| rows.iter().map(len).max();
    let id_width = widest(|row| row.0.len()).unwrap_or_default();
    let outcome_width = widest(|row| row.1.len()).unwrap_or_default();
    let mut text = String::new();
    for (call_id, outcome, shows) in &rows {
        let _ = writeln!(
            text,
            "{call_id:id_width$}  {outcome:outcome_width$}  {shows}"
        );
    }
    text.truncate(text.trim_end().len());
    text
}
