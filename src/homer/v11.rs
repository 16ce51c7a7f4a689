//! HOMER 11: `POST /api/v4/transactions/export/pcap`.
//!
//! From its source (homer.md §9); it could not be run here.

use alloc::string::String;

use serde::Serialize;

use super::{Request, RequestWindow};
use crate::query::Profile;
use crate::{BaseUrl, CallId, Query};

/// The endpoint.
pub const EXPORT_PATH: &str = "/api/v4/transactions/export/pcap";

/// Most rows that HOMER 11 puts into one capture, inclusive; it does not say when it leaves some
/// out.
pub const MAX_ROWS: u64 = 10_000;

/// How HOMER 11 says that it holds nothing, with status 400; older ones send an empty capture file.
pub const NOTHING_FOUND: &str = "No exportable SIP payload in result set";

/// The request for a capture from one profile.
pub fn export_request(homer: &BaseUrl, query: &Query, profile: &Profile) -> Request {
    let (proto_type, event_type) = profile.parts();
    let body = Body {
        session_ids: query.call_ids(),
        proto_type,
        event_type,
        whitelist: query.exclude_ips(),
        timestamp: RequestWindow::of(query.window()),
    };
    Request::new(homer.path(EXPORT_PATH), &body)
}

#[derive(Serialize)]
struct Body<'a> {
    session_ids: &'a [CallId],
    proto_type: u32,
    event_type: &'a str,
    /// As in Homer 7, what is left out.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    whitelist: &'a [String],
    timestamp: RequestWindow,
}
