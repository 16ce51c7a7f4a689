//! The window in which to export a call that a search has found.

use super::FoundCall;

const SECOND_MS: i64 = 1000;
const HOUR_MS: i64 = 3_600_000;

/// How much earlier than the call its window begins, in milliseconds: capture agents' clocks differ.
const BEFORE_MS: i64 = 60_000;

/// How long the window is in milliseconds, if windows may be so long. A search shows how a call
/// begins and not how long it is. Few calls are longer than four hours, and the report of an export
/// says if the end of a call is missing.
const LENGTH_MS: i64 = 4 * HOUR_MS;

impl FoundCall {
    /// The window in which to export this call, from and to in Unix milliseconds: from a minute
    /// before its first message, four hours long, or `max_hours` if that is less. A call without a
    /// time gets the window that was searched.
    pub fn export_window(&self, searched: (i64, i64), max_hours: u32) -> (i64, i64) {
        let Some(first) = self.first_ts else {
            return searched;
        };
        // A whole second, which Homer compares.
        let from = first.saturating_sub(BEFORE_MS);
        let from = from.saturating_sub(from.rem_euclid(SECOND_MS));
        let length = LENGTH_MS.min(i64::from(max_hours) * HOUR_MS);
        (from, from.saturating_add(length))
    }
}
