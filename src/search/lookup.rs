//! The final responses of calls that were found, looked up by their Call-IDs.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::candidate::Candidate;
use super::condition::FieldCondition;
use super::session::{Failure, MAX_REQUESTS, Search, Session};
use super::status::{FINAL, RINGING_S};
use super::{CallFilter, Pattern};
use crate::error::ExportError;
use crate::homer::Api;
use crate::homer::search::{Field, Row};
use crate::query::Profile;
use crate::transport::Transport;

/// Calls in one request, inclusive. A call usually has two final responses, to INVITE and BYE, so
/// that 64 calls stay below Homer's limit of rows. If there are more, the batch is halved.
const BATCH: usize = 64;

/// The number of requests that look up so many calls, if no batch has to be halved.
pub(super) fn requests_for(calls: usize) -> u32 {
    u32::try_from(calls.div_ceil(BATCH)).unwrap_or(u32::MAX)
}

/// The rows of the calls that could be looked up.
pub(super) struct Lookup {
    /// `None` for a call that could not be looked up.
    rows: BTreeMap<String, Option<Vec<Row>>>,
    pub(super) limit_reached: bool,
}

impl Lookup {
    /// The result without any request.
    pub(super) fn none() -> Self {
        Self {
            rows: BTreeMap::new(),
            limit_reached: false,
        }
    }

    /// Looks up the final responses of all candidates, and their requests if a status is wanted.
    ///
    /// # Errors
    /// `invalid-response` if Homer returns rows that it was not asked for. A call that cannot be
    /// looked up for another reason is no error.
    pub(super) fn run<T: Transport>(
        session: &mut Session<'_, T>,
        filter: &CallFilter,
        profile: &Profile,
        candidates: &[Candidate],
    ) -> Result<Self, ExportError> {
        let mut lookup = Self::none();
        // Every code by itself, because a semicolon separates values and not patterns.
        let mut methods: Vec<String> = FINAL.map(|code| code.to_string()).collect();
        if filter.status.is_some() {
            methods.push(filter.method.clone());
        }
        let methods = FieldCondition::any_of(Field::Method, methods);
        // The first batch on top.
        let size = match session.api {
            Api::V7 => BATCH,
            // HOMER 11 takes one Call-ID at a time.
            Api::V11 => 1,
        };
        let mut batches = batches(candidates, size);
        batches.reverse();
        while let Some(batch) = batches.pop() {
            if session.requests >= MAX_REQUESTS {
                lookup.limit_reached = true;
                lookup.unknown(batch);
                continue;
            }
            let (from_s, to_s) = window_s(batch, filter);
            let result = session.rows(&Search {
                profile,
                conditions: &[call_ids(batch), methods.clone()],
                nodes: &[],
                from_s,
                to_s,
            });
            match result {
                Ok(page) if !page.is_full => lookup.add(batch, page.rows),
                Err(Failure::Untrusted(error)) => return Err(error),
                Ok(_) | Err(Failure::Crashed(_)) if batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    batches.extend([second, first]);
                }
                Ok(_) | Err(Failure::Crashed(_)) => lookup.unknown(batch),
                Err(Failure::Failed(_)) => {
                    lookup.unknown(batch);
                    for batch in batches.drain(..) {
                        lookup.unknown(batch);
                    }
                }
            }
        }
        Ok(lookup)
    }

    /// The rows of a call, or `None` if it could not be looked up.
    pub(super) fn rows(&self, call_id: &str) -> Option<Vec<&Row>> {
        let rows = self.rows.get(call_id)?.as_ref()?;
        Some(rows.iter().collect())
    }

    fn add(&mut self, batch: &[Candidate], rows: Vec<Row>) {
        for candidate in batch {
            self.rows
                .insert(candidate.call_id.clone(), Some(Vec::new()));
        }
        for row in rows {
            // A relaxed condition brings other calls as well.
            if let Some(Some(of_call)) = self.rows.get_mut(&row.sid) {
                of_call.push(row);
            }
        }
    }

    fn unknown(&mut self, batch: &[Candidate]) {
        for candidate in batch {
            self.rows.insert(candidate.call_id.clone(), None);
        }
    }
}

/// The candidates in batches. A Call-ID that cannot stand in a list is a batch of its own.
fn batches(candidates: &[Candidate], size: usize) -> Vec<&[Candidate]> {
    candidates
        .chunk_by(|a, b| is_listable(a) && is_listable(b))
        .flat_map(|listable| listable.chunks(size))
        .collect()
}

fn is_listable(candidate: &Candidate) -> bool {
    Pattern::exact(&candidate.call_id).exact_value().is_some()
}

fn call_ids(batch: &[Candidate]) -> FieldCondition {
    match batch {
        [alone] => FieldCondition::new(Field::CallId, &Pattern::exact(&alone.call_id)),
        several => {
            let ids = several.iter().map(|candidate| candidate.call_id.clone());
            FieldCondition::any_of(Field::CallId, ids.collect())
        }
    }
}

/// Where the responses of a batch can be, in Unix seconds.
fn window_s(batch: &[Candidate], filter: &CallFilter) -> (i64, i64) {
    let (from_s, to_s) = filter.window_s();
    let times = || batch.iter().map(|candidate| candidate.times_ms);
    // A call without a time may be anywhere.
    if times().any(|times| times.is_none()) {
        return (from_s, to_s + RINGING_S);
    }
    let first = times()
        .flatten()
        .map(|(first, _)| first.div_euclid(1000))
        .min();
    let last = times()
        .flatten()
        .map(|(_, last)| last.div_euclid(1000))
        .max();
    let (first, last) = (first.unwrap_or(from_s), last.unwrap_or(to_s));
    let from_s = match filter.status {
        // The candidates' times are those of responses, so the requests are before.
        Some(_) => (first - RINGING_S).max(from_s),
        None => first,
    };
    (from_s, last + 1 + RINGING_S)
}
