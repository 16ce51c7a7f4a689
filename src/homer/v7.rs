//! Homer 7: `POST /api/v3/export/call/messages/pcap`.

use alloc::string::String;

use serde::{Serialize, Serializer};

use super::{Request, RequestWindow};
use crate::query::Profile;
use crate::{BaseUrl, CallId, Query};

/// The endpoint.
pub const EXPORT_PATH: &str = "/api/v3/export/call/messages/pcap";

/// The request for a capture from one profile.
///
/// One profile per request: of two in one body homer-app takes whichever Go's random map order puts
/// last (recording `_two_profiles_random`). `callid` is always an array: a string makes it close
/// the connection (recording `export-callid-string`). Optional parts are left out rather than sent
/// empty, since Homer 7.0 to 7.6 accepts few fields (homer.md §9).
pub fn export_request(homer: &BaseUrl, query: &Query, profile: &Profile) -> Request {
    let body = Body {
        param: Param {
            search: Search {
                profile,
                callid: query.call_ids(),
            },
            location: Some(Location {
                node: query.nodes(),
            })
            .filter(|location| !location.node.is_empty()),
            whitelist: query.exclude_ips(),
        },
        timestamp: RequestWindow::of(query.window()),
    };
    Request::new(homer.path(EXPORT_PATH), &body)
}

#[derive(Serialize)]
struct Body<'a> {
    param: Param<'a>,
    timestamp: RequestWindow,
}

#[derive(Serialize)]
struct Param<'a> {
    search: Search<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location<'a>>,
    /// Homer's word, and the opposite of what it does: rows from or to these addresses are left out
    /// (recording `export-param-whitelist-src`).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    whitelist: &'a [String],
}

/// `{"1_call": {"callid": […]}}`.
struct Search<'a> {
    profile: &'a Profile,
    callid: &'a [CallId],
}

impl Serialize for Search<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Ids<'a> {
            callid: &'a [CallId],
        }
        serializer.collect_map([(
            self.profile.as_str(),
            Ids {
                callid: self.callid,
            },
        )])
    }
}

#[derive(Serialize)]
struct Location<'a> {
    node: &'a [String],
}
