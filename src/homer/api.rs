//! The two versions of Homer's API.

use alloc::format;

use super::{HomerServer, Request, v7, v11};
use crate::ExportError;
use crate::query::{Profile, Query};

/// A version of Homer's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Homer 7, written in Go or, before release 7.7, in Node.js.
    V7,
    /// HOMER 11.
    V11,
}

impl Api {
    /// The API version as a number: 7 or 11.
    pub fn number(self) -> u8 {
        match self {
            Self::V7 => 7,
            Self::V11 => 11,
        }
    }

    /// The API version with this number, or `None` if it is neither 7 nor 11.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::V7, Self::V11]
            .into_iter()
            .find(|api| api.number() == number)
    }

    /// The request for the capture that one search profile holds.
    ///
    /// # Errors
    /// `invalid-request` if the query restricts the database nodes of a HOMER 11, which has no such
    /// parameter, or names more Call-IDs than it searches ([`v11::MAX_CALL_IDS`]).
    pub fn export_request(
        self,
        homer: &HomerServer,
        query: &Query,
        profile: &Profile,
    ) -> Result<Request, ExportError> {
        match self {
            // The Node.js releases have the same path, and accept this body without `whitelist`
            // (docs/homer.md §9.2).
            Self::V7 => Ok(v7::export_request(&homer.base_url, query, profile)),
            // HOMER 11 would ignore the restriction and search all nodes (docs/homer.md §9.5).
            Self::V11 if !query.nodes().is_empty() => Err(ExportError::InvalidRequest(format!(
                "the server at {homer} is a HOMER 11, which cannot search selected nodes; remove \
                 the node names"
            ))),
            Self::V11 if query.call_ids().len() > v11::MAX_CALL_IDS => {
                Err(ExportError::InvalidRequest(format!(
                    "the server at {homer} is a HOMER 11, which searches at most {} Call-IDs, and \
                     the request has {}; export them in several requests",
                    v11::MAX_CALL_IDS,
                    query.call_ids().len()
                )))
            }
            Self::V11 => Ok(v11::export_request(&homer.base_url, query, profile)),
        }
    }
}
