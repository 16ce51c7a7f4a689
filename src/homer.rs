//! What is asked of a Homer, and what its answers mean.

pub mod login;
pub mod reply;
pub mod v7;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{BaseUrl, ExportError, Query};

/// An HTTP request to Homer, always `POST` with a JSON body. Homer 7 insists on the content type being
/// `application/json` in lower case (recording `export-content-type-upper`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path below the origin, without query.
    pub path: String,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// Every profile was answered with an empty capture file. Homer says the same to "no such call", "wrong window",
/// "unknown node", "database down", "table missing" and "query timed out" (recordings `export-unknown-callid`,
/// `export-window-before`, `export-param-node-unknown`, `db-data-down-auth-token`, `db-table-missing`,
/// `db-statement-timeout`): nothing in the reply tells them apart.
pub fn nothing_captured(query: &Query, homer: &BaseUrl) -> ExportError {
    let profiles: Vec<&str> = query.profiles().iter().map(|profile| profile.as_str()).collect();
    let nodes = if query.nodes().is_empty() { "" } else { ", on the nodes asked for" };
    ExportError::NothingCaptured(format!(
        "Homer at {homer} returned an empty capture for {} between {} (profiles {}{nodes}). Either nothing was captured \
         for it in this window: check the Call-ID, which is case-sensitive, and widen the window. Or Homer cannot reach \
         its own database, which it answers in the same way: check that it finds other calls",
        query.call_ids_in_words(),
        query.window(),
        profiles.join(", "),
    ))
}
