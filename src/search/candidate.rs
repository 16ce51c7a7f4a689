//! Calls that may belong to the result of a search, collected from rows.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::unsearched::note;
use super::{CallFilter, UnsearchedPart};
use crate::homer::search::Row;

/// Most calls in a result, inclusive. More than a person can read, and enough for a script.
pub const MAX_CALLS: usize = 1000;

/// A call that may belong to the result.
pub(super) struct Candidate {
    pub(super) call_id: String,
    /// The request that begins it, if it has been found.
    pub(super) request: Option<Row>,
    /// The earliest and latest capture time of its rows in Unix milliseconds.
    pub(super) times_ms: Option<(i64, i64)>,
}

/// What the searches through the window have found.
#[derive(Default)]
pub(super) struct Found {
    by_call_id: BTreeMap<String, Candidate>,
    pub(super) unsearched: Vec<UnsearchedPart>,
    pub(super) limit_reached: bool,
    /// Whether Homer failed, so that it should get no further request.
    pub(super) failed: bool,
}

impl Found {
    /// Adds a row, if it belongs to a wanted call.
    pub(super) fn add(&mut self, row: Row, filter: &CallFilter) {
        // Homer may have been asked for more than the filter (`Pattern::for_homer`), and for whole
        // seconds.
        let is_request = filter.status.is_none();
        let is_wanted = match is_request {
            true => filter.matches_request(&row),
            false => filter.matches_parties(&row),
        };
        if !is_wanted {
            return;
        }
        let candidate = self
            .by_call_id
            .entry(row.sid.clone())
            .or_insert_with(|| Candidate {
                call_id: row.sid.clone(),
                request: None,
                times_ms: None,
            });
        if let Some(ms) = row.time_ms() {
            let (first, last) = candidate.times_ms.unwrap_or((ms, ms));
            candidate.times_ms = Some((first.min(ms), last.max(ms)));
        }
        let earlier = candidate.request.as_ref().map(Row::time_ms);
        if is_request && earlier.is_none_or(|earlier| is_earlier(row.time_ms(), earlier)) {
            candidate.request = Some(row);
        }
    }

    /// The calls in the order of time, at most [`MAX_CALLS`].
    pub(super) fn candidates(&mut self) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = core::mem::take(&mut self.by_call_id)
            .into_values()
            .collect();
        candidates.sort_by_key(|candidate| (candidate.times_ms.is_none(), candidate.times_ms));
        let omitted = candidates.split_off(MAX_CALLS.min(candidates.len()));
        let times = omitted.iter().filter_map(|candidate| candidate.times_ms);
        let first = times.clone().map(|(first, _)| first).min();
        let last = times.map(|(_, last)| last).max();
        if let (Some(first), Some(last)) = (first, last) {
            let why = format!(
                "{} calls of this part are left out, because the limit of {MAX_CALLS} calls was \
                 reached; search this part alone, or narrow the filter",
                omitted.len()
            );
            let (from_s, to_s) = (first.div_euclid(1000), last.div_euclid(1000) + 1);
            note(&mut self.unsearched, from_s, to_s, why);
            self.limit_reached = true;
        }
        candidates
    }
}

fn is_earlier(time_ms: Option<i64>, than_ms: Option<i64>) -> bool {
    time_ms.is_some_and(|ms| than_ms.is_none_or(|than| ms < than))
}
