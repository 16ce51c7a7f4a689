//! The export request of Homer 7: `POST /api/v3/export/call/messages/pcap`.

use alloc::string::String;

use serde::{Serialize, Serializer};

use super::request::{Request, RequestWindow};
use crate::origin::BaseUrl;
use crate::query::{CallId, Profile, Query};

/// The path of the export endpoint.
pub const EXPORT_PATH: &str = "/api/v3/export/call/messages/pcap";

/// The request for the capture that one search profile holds.
///
/// Each request names one profile. If a request names two, homer-app searches only the one that
/// Go's random map order puts last (docs/homer.md §1.9). `callid` is always an array, because
/// Homer closes the connection on a string (recording `export-callid-string`). Optional members
/// are omitted instead of sent empty, because Homer 7.0 to 7.6 rejects members that it does not
/// know (docs/homer.md §9.2).
pub fn export_request(base_url: &BaseUrl, query: &Query, profile: &Profile) -> Request {
    // `limit`, `timezone`, `orlogic` and `transaction` are left out: Homer ignores them
    // (docs/homer.md §1.12).
    let body = ExportBody {
        param: Param {
            search: Search {
                profile,
                callid: query.call_ids(),
            },
            // Homer expects configuration keys, such as `localnode`, and not display names
            // (docs/homer.md §4).
            location: Some(Location {
                node: query.nodes(),
            })
            .filter(|location| !location.node.is_empty()),
            whitelist: query.exclude_ips(),
        },
        timestamp: RequestWindow::of(query.window()),
    };
    Request::new(base_url.path(EXPORT_PATH), &body)
}

#[derive(Serialize)]
struct ExportBody<'a> {
    param: Param<'a>,
    timestamp: RequestWindow,
}

#[derive(Serialize)]
struct Param<'a> {
    search: Search<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location<'a>>,
    /// Homer's name means the opposite of what the member does: messages from or to these
    /// addresses are left out (recording `export-param-whitelist-src`).
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
        // The profile is the name of the member, which a derived implementation cannot express.
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
