//! Finds calls in Homer (`homer:capture/homer-search`), and explains why an export found nothing.
//!
//! Homer returns at most 200 rows, one for each message, in no order and without saying whether
//! there are more (docs/homer.md §13). So the window is halved until every part has fewer. A row
//! without a port crashes Homer's handler; the window is then halved around it, and the second that
//! holds it is named. Everything is bounded, and a bound that was reached is part of the result.
//!
//! HOMER 11 has the same path with other parameters. It is searched as its source says, with fewer
//! conditions, and without having been run (`homer::search_v11`).

mod candidate;
mod condition;
mod explain;
mod export_window;
mod filter;
mod find;
mod halving;
mod lookup;
mod number;
mod pattern;
mod records;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(crate) mod schema;
mod session;
mod status;
mod unsearched;

pub use candidate::MAX_CALLS;
pub use explain::{MAX_EXPLAIN_REQUESTS, explain, open_or_explain};
pub use export_window::export_window;
pub use filter::{CallFilter, MAX_TEXT, StatusPattern};
pub use find::find_calls;
pub use number::party_pattern;
pub use pattern::Pattern;
pub use records::{CallFilterFields, FoundCall, FoundCalls, UnsearchedPart};
pub use session::MAX_REQUESTS;
