//! The export request of HOMER 11: `POST /api/v4/transactions/export/pcap`.
//!
//! This follows HOMER 11's source (docs/homer.md §9.5). No HOMER 11 server was available to test
//! against.

use alloc::string::String;

use serde::Serialize;

use super::request::{Request, RequestWindow};
use crate::origin::BaseUrl;
use crate::query::{CallId, Profile, Query};

/// The path of the export endpoint.
pub const EXPORT_PATH: &str = "/api/v4/transactions/export/pcap";

/// Most rows that HOMER 11 puts into one capture, inclusive. It does not say when it leaves rows
/// out.
pub const MAX_ROWS: u64 = 10_000;

/// The beginning of HOMER 11's message, with status 400, if it finds nothing. Earlier builds send
/// an empty capture file.
pub const NOTHING_FOUND: &str = "No exportable SIP payload in result set";

/// The request for the capture that one search profile holds.
pub fn export_request(base_url: &BaseUrl, query: &Query, profile: &Profile) -> Request {
    let (proto_type, event_type) = profile.parts();
    let body = TransactionsBody {
        // HOMER 11 uses only the first 50, without notice (docs/homer.md §9.5). The report then
        // lists the others as missing.
        session_ids: query.call_ids(),
        proto_type,
        event_type,
        whitelist: query.exclude_ips(),
        timestamp: RequestWindow::of(query.window()),
    };
    Request::new(base_url.path(EXPORT_PATH), &body)
}

#[derive(Serialize)]
struct TransactionsBody<'a> {
    session_ids: &'a [CallId],
    proto_type: u32,
    event_type: &'a str,
    /// As in Homer 7: messages from or to these addresses are left out.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    whitelist: &'a [String],
    timestamp: RequestWindow,
}
