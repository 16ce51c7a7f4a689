//! All rows of a window, by halving it until every part has fewer rows than Homer's limit.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::UnsearchedPart;
use super::condition::FieldCondition;
use super::lookup::requests_for;
use super::session::{Failure, Page, Search, Session};
use super::unsearched::note;
use crate::error::ExportError;
use crate::homer::search::{ROW_LIMIT, Row};
use crate::query::Profile;
use crate::transport::Transport;

/// Crashes without a success that are accepted beyond those that a single row causes.
const SPARE_CRASHES: u32 = 8;

/// What is searched, and how far.
pub(super) struct Task<'a> {
    pub(super) profile: &'a Profile,
    pub(super) conditions: &'a [FieldCondition],
    /// Unix time in seconds, inclusive.
    pub(super) from_s: i64,
    /// Unix time in seconds, inclusive.
    pub(super) to_s: i64,
    /// The search stops once the session has sent this many requests, less those that the look-up
    /// of the calls found so far will need.
    pub(super) max_requests: u32,
    /// The search stops once the rows have this many Call-IDs.
    pub(super) max_calls: usize,
}

/// The rows of a window, and what is missing from them.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) unsearched: Vec<UnsearchedPart>,
    pub(super) limit_reached: bool,
    /// Whether Homer failed, so that it should get no further request.
    pub(super) failed: bool,
}

/// Searches a window from its start to its end.
///
/// # Errors
/// The first error, if no request succeeded; `invalid-response` if Homer returns rows that it was
/// not asked for.
pub(super) fn collect<T: Transport>(
    session: &mut Session<'_, T>,
    task: &Task<'_>,
) -> Result<Rows, ExportError> {
    let mut found = Rows::default();
    let mut calls = BTreeSet::new();
    let mut succeeded = false;
    let mut crashes = 0;
    // The parts that are left, the first one on top.
    let mut parts = Vec::from([Part::new(task.from_s, task.to_s)]);
    let mut stop = None;
    while let Some(part) = parts.pop() {
        let Part { from_s, to_s, .. } = part;
        let reserved = requests_for(calls.len());
        if session.requests + reserved >= task.max_requests {
            stop = Some(
                "the limit of requests was reached before this part; narrow the window or the \
                 filter"
                    .to_string(),
            );
        } else if calls.len() >= task.max_calls {
            stop = Some(format!(
                "the limit of {} calls was reached before this part; search this part alone, or \
                 narrow the filter",
                task.max_calls
            ));
        }
        if let Some(why) = &stop {
            found.limit_reached = true;
            note(&mut found.unsearched, from_s, to_s, why.clone());
            continue;
        }
        // Homer compares whole seconds and includes both ends, so this is the shortest window.
        let is_shortest = to_s - from_s <= 1;
        let result = session.rows(&Search {
            profile: task.profile,
            conditions: task.conditions,
            nodes: &[],
            from_s,
            to_s,
        });
        match result {
            Ok(Page { rows, is_full }) => {
                succeeded = true;
                if is_full && !is_shortest {
                    halve(&mut parts, part, None);
                    continue;
                }
                // The bad row of a part that crashed is in its second half if not in its first, so
                // that half need not be tried as a whole.
                if !is_full
                    && let Some(second) = parts.pop_if(|other| other.is_other_half_of(&part))
                {
                    halve(&mut parts, second, Some((second.from_s, second.to_s)));
                }
                if is_full {
                    let why = format!(
                        "Homer returned {} rows for this second and may hold more; it returns no \
                         more than {ROW_LIMIT} from each node, so narrow the filter",
                        rows.len()
                    );
                    note(&mut found.unsearched, from_s, to_s, why);
                }
                calls.extend(rows.iter().map(|row| row.sid.clone()));
                found.rows.extend(rows);
            }
            Err(Failure::Crashed(error)) => {
                crashes += 1;
                // One bad row crashes one request in each round of halving, and a few more rows a
                // few more. Beyond that, a row is not the reason.
                if !succeeded && crashes > rounds(task) + SPARE_CRASHES {
                    return Err(error);
                }
                if is_shortest && !succeeded && parts.is_empty() {
                    return Err(error);
                }
                match is_shortest {
                    true => note(&mut found.unsearched, from_s, to_s, crash()),
                    false => halve(&mut parts, part, Some((from_s, to_s))),
                }
            }
            Err(Failure::Failed(error)) if succeeded => {
                found.failed = true;
                let why = format!("the search stopped here: {}", error.message());
                note(&mut found.unsearched, from_s, to_s, why.clone());
                for Part { from_s, to_s, .. } in parts.drain(..).rev() {
                    note(&mut found.unsearched, from_s, to_s, why.clone());
                }
            }
            Err(failure) => return Err(failure.into_error()),
        }
    }
    Ok(found)
}

fn crash() -> String {
    "Homer closes the connection when it reads a row of this second, as it does if a row has no \
     port or address; export a call of this second by its Call-ID, or repair the row in Homer's \
     database"
        .to_string()
}

/// How often the window can be halved.
fn rounds(task: &Task<'_>) -> u32 {
    let seconds = task.to_s.abs_diff(task.from_s);
    u64::BITS - seconds.leading_zeros()
}

/// A part of the window that has not been searched yet, in Unix seconds.
#[derive(Clone, Copy)]
struct Part {
    from_s: i64,
    to_s: i64,
    /// The part that crashed Homer, if this is one half of it.
    crash: Option<(i64, i64)>,
}

impl Part {
    fn new(from_s: i64, to_s: i64) -> Self {
        Self {
            from_s,
            to_s,
            crash: None,
        }
    }

    /// Whether this is the second half of the part whose first half is `first`, and can be halved.
    fn is_other_half_of(&self, first: &Self) -> bool {
        self.crash.is_some() && self.crash == first.crash && self.to_s - self.from_s > 1
    }
}

/// Both halves include the second in the middle, which belongs to both: a row exactly on it would
/// be lost otherwise. A row that comes twice counts once, because calls are merged.
fn halve(parts: &mut Vec<Part>, part: Part, crash: Option<(i64, i64)>) {
    let Part { from_s, to_s, .. } = part;
    let middle = from_s + (to_s - from_s) / 2;
    for (from_s, to_s) in [(middle, to_s), (from_s, middle)] {
        parts.push(Part {
            from_s,
            to_s,
            crash,
        });
    }
}
