//! The report on a capture: what it contains, how the calls went, whether anything is missing, and
//! which rules are broken (`homer:capture/types.capture-report`).

mod analyzer;
mod call;
mod calls;
mod capture_report;
mod causes;
mod continuation;
mod dialog_sequence;
mod exchange;
mod faults;
mod finding_list;
mod hash;
mod header;
mod homer11;
mod json;
mod kinds;
mod ladder;
mod leg;
mod media;
mod messages;
mod mos;
mod outcome;
mod payload;
mod printable;
mod quality;
mod retransmissions;
mod row;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod schema;
mod status;
mod summary;
mod tag_evidence;
mod transactions;
mod unmatched_acks;
mod watch;

pub use analyzer::Analyzer;
pub use capture_report::{
    CallVerdict, CaptureReport, Cause, Count, LadderEntry, MediaQuality, ProfilePackets,
};
pub use causes::CODES as CAUSE_CODES;
pub use finding_list::{MAX_FINDINGS, MAX_FINDINGS_OF_A_KIND};
pub use json::MAX_JSON;
pub use row::{Legend, Row, letter, participants, rows};

pub(crate) use hash::hash;
pub(crate) use header::{each_field, each_value};
pub(crate) use ladder::shown_start_line;
pub(crate) use printable::{printable, quoted_from_message};
pub(crate) use watch::{Watch, WatchedMessage};

/// The JSON Schema (draft 2020-12) of [`CaptureReport::to_json`], with the fields in the order of
/// the struct. It is generated from the struct and its doc comments: `BLESS=1 cargo test schema`.
pub const SCHEMA: &str = include_str!("report/report.schema.json");
