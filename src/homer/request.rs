//! An HTTP request to Homer.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::query::Window;

/// An HTTP request to Homer. The method is always `POST` and the body is always JSON.
///
/// Homer 7 compares the content type literally with `application/json` in lower case (recording
/// `export-content-type-upper`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path below the origin, without a query.
    pub path: String,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Request {
    pub(super) fn new(path: String, body: &impl Serialize) -> Self {
        // Writing strings and numbers to memory cannot fail.
        Self {
            path,
            body: serde_json::to_vec(body).unwrap_or_default(),
        }
    }
}

/// The window as Homer takes it, in Unix milliseconds.
#[derive(Serialize)]
pub(super) struct RequestWindow {
    // Integers: Homer returns 400 for a float, even `1.0` (recording `export-float-ts`).
    from: i64,
    to: i64,
}

impl RequestWindow {
    pub(super) fn of(window: Window) -> Self {
        let (from, to) = window.for_homer();
        Self { from, to }
    }

    /// The window between two Unix times in seconds, the unit in which Homer compares.
    pub(super) fn of_seconds(from_s: i64, to_s: i64) -> Self {
        Self {
            from: from_s.saturating_mul(1000),
            to: to_s.saturating_mul(1000),
        }
    }
}
