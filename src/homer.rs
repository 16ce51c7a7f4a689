//! What is asked of a Homer, and what its answers mean.

pub mod login;
pub mod reply;
pub mod v11;
pub mod v7;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::query::Profile;
use crate::{BaseUrl, ExportError, Query, Window};

/// An HTTP request to Homer, always `POST` with a JSON body. Homer 7 insists on the content type
/// being `application/json` in lower case (recording `export-content-type-upper`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path below the origin, without query.
    pub path: String,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Request {
    fn new(path: String, body: &impl Serialize) -> Self {
        // Writing strings and numbers to memory cannot fail.
        Self {
            path,
            body: serde_json::to_vec(body).unwrap_or_default(),
        }
    }
}

/// The generations of Homer's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Homer 7, in Go or Node.
    V7,
    /// HOMER 11.
    V11,
}

impl Api {
    /// 7 or 11.
    pub fn number(self) -> u8 {
        match self {
            Self::V7 => 7,
            Self::V11 => 11,
        }
    }

    /// The request for a capture from one profile.
    ///
    /// # Errors
    /// `invalid-request` if the query asks for what this Homer cannot do.
    pub fn export_request(
        self,
        homer: &BaseUrl,
        query: &Query,
        profile: &Profile,
    ) -> Result<Request, ExportError> {
        match self {
            Self::V7 => Ok(v7::export_request(homer, query, profile)),
            // It would ask all nodes, in silence.
            Self::V11 if !query.nodes().is_empty() => Err(ExportError::InvalidRequest(format!(
                "Homer at {homer} is a HOMER 11, which cannot be asked for some of its nodes alone; leave them out"
            ))),
            Self::V11 => Ok(v11::export_request(homer, query, profile)),
        }
    }
}

/// The window as Homer takes it, in Unix milliseconds.
#[derive(Serialize)]
struct RequestWindow {
    from: i64,
    to: i64,
}

impl RequestWindow {
    fn of(window: Window) -> Self {
        let (from, to) = window.for_homer();
        Self { from, to }
    }
}

/// Every profile was answered with an empty capture file. Homer says the same to "no such call",
/// "wrong window", "unknown node", "database down", "table missing" and "query timed out"
/// (recordings `export-unknown-callid`, `export-window-before`, `export-param-node-unknown`,
/// `db-data-down-auth-token`, `db-table-missing`, `db-statement-timeout`): nothing in the reply
/// tells them apart.
pub fn nothing_captured(query: &Query, homer: &BaseUrl) -> ExportError {
    let profiles: Vec<&str> = query
        .profiles()
        .iter()
        .map(|profile| profile.as_str())
        .collect();
    let nodes = if query.nodes().is_empty() {
        ""
    } else {
        ", on the nodes asked for"
    };
    ExportError::NothingCaptured(format!(
        "Homer at {homer} returned an empty capture for {} between {} (profiles {}{nodes}). Either nothing was captured \
         for it in this window: check the Call-ID, which is case-sensitive, and widen the window. Or Homer cannot reach \
         its own database, which it answers in the same way: check that it finds other calls",
        query.call_ids_in_words(),
        query.window(),
        profiles.join(", "),
    ))
}
