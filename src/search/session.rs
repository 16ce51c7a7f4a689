//! The exchanges of a search with Homer: login, requests, and responses bounded in size.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::condition::{FieldCondition, check_rows};
use crate::client::{Client, read_up_to};
use crate::config::Config;
use crate::error::ExportError;
use crate::homer::search::{self, Condition, Field, MAX_RESPONSE, ROW_LIMIT, Row};
use crate::homer::{Api, HomerServer, Request, search_v11};
use crate::query::Profile;
use crate::transport::{OutboundResponse, ResponseHead, Transport, TransportError};

/// Most requests of one search, inclusive, without a login. A day is found in a few; more would be
/// a load on Homer that its operator notices.
pub const MAX_REQUESTS: u32 = 64;

/// Most bytes of all responses to one search, inclusive. 64 full responses have about 8 MB, and the
/// component's memory is 32 MiB.
const MAX_BYTES: usize = 12 * 1024 * 1024;

/// What is searched in one request.
pub(super) struct Search<'a> {
    pub(super) profile: &'a Profile,
    pub(super) conditions: &'a [FieldCondition],
    pub(super) nodes: &'a [String],
    /// Unix time in seconds, inclusive.
    pub(super) from_s: i64,
    /// Unix time in seconds, inclusive.
    pub(super) to_s: i64,
}

/// The rows of one response.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Whether Homer may have more.
    pub(super) is_full: bool,
}

/// Why a request brought no rows.
pub(super) enum Failure {
    /// Homer's handler crashed, as it does on a row without a port. Another part of the window may
    /// work.
    Crashed(ExportError),
    /// Homer did not respond, or refused. The next request would fail alike.
    Failed(ExportError),
    /// The response cannot be trusted, so nothing of it may become a result.
    Untrusted(ExportError),
}

impl Failure {
    pub(super) fn into_error(self) -> ExportError {
        match self {
            Self::Crashed(error) | Self::Failed(error) | Self::Untrusted(error) => error,
        }
    }
}

/// What a server answers to the request of Homer 7.
enum Answer {
    Rows(Vec<Row>),
    /// It is a HOMER 11, which took the request for another one.
    OtherVersion,
}

/// What a search needs to send requests.
pub(super) struct Session<'t, T> {
    client: Client<'t, T>,
    /// The version of Homer's API. Homer 7 until a response shows otherwise.
    pub(super) api: Api,
    /// Whether the version may turn out to be the other one.
    is_api_open: bool,
    /// The number of requests sent, without the login.
    pub(super) requests: u32,
    /// The number of bytes received in responses to searches.
    bytes: usize,
}

impl<'t, T: Transport> Session<'t, T> {
    /// Logs in if the credential is a user name and password.
    ///
    /// # Errors
    /// As a login.
    pub(super) fn open(config: &Config, transport: &'t mut T) -> Result<Self, ExportError> {
        Ok(Self {
            client: Client::open(&config.homer, config.first_byte_timeout_ms, transport)?,
            api: config.api.unwrap_or(Api::V7),
            is_api_open: config.api.is_none(),
            requests: 0,
            bytes: 0,
        })
    }

    /// The server that is searched.
    pub(super) fn homer(&self) -> &HomerServer {
        &self.client.server().homer
    }

    /// The rows of one request, each of which meets its conditions.
    pub(super) fn rows(&mut self, wanted: &Search<'_>) -> Result<Page, Failure> {
        let rows = match self.api {
            Api::V11 => self.v11_rows(wanted)?,
            Api::V7 => match self.v7_answer(wanted)? {
                Answer::Rows(rows) => rows,
                Answer::OtherVersion if self.is_api_open => {
                    self.api = Api::V11;
                    self.v11_rows(wanted)?
                }
                Answer::OtherVersion => {
                    return Err(Failure::Failed(ExportError::Misconfigured(format!(
                        "the server at {} is a HOMER 11, but HOMER_API is 7; remove HOMER_API",
                        self.homer()
                    ))));
                }
            },
        };
        // Counted before rows are left out.
        let is_full = rows.len() >= ROW_LIMIT;
        let rows = match self.api {
            Api::V7 => rows,
            Api::V11 => asked_for(rows, wanted.conditions),
        };
        let (from_s, to_s) = (wanted.from_s, wanted.to_s);
        check_rows(&rows, wanted.conditions, from_s, to_s, self.homer())
            .map_err(Failure::Untrusted)?;
        Ok(Page { rows, is_full })
    }

    fn v7_answer(&mut self, wanted: &Search<'_>) -> Result<Answer, Failure> {
        let request = search::search_request(
            &self.homer().base_url,
            wanted.profile,
            &for_homer(wanted.conditions),
            wanted.nodes,
            wanted.from_s,
            wanted.to_s,
        );
        let (head, body) = self.exchange(&request)?;
        if search::is_success(&head) && search_v11::is_answer(&body) {
            return Ok(Answer::OtherVersion);
        }
        let rows = search::rows(&head, &body, self.homer());
        rows.map(Answer::Rows).map_err(|error| match error {
            // With `http_settings.debug`, a crash of the handler (recording `cfg-debug-panic`).
            ExportError::Rejected { status: 500, .. } => Failure::Crashed(error),
            ExportError::InvalidResponse(_) => Failure::Untrusted(error),
            error => Failure::Failed(error),
        })
    }

    fn v11_rows(&mut self, wanted: &Search<'_>) -> Result<Vec<Row>, Failure> {
        if !wanted.nodes.is_empty() {
            return Err(Failure::Failed(ExportError::InvalidRequest(format!(
                "the server at {} is a HOMER 11, which cannot search selected nodes; remove the \
                 node names",
                self.homer()
            ))));
        }
        let request = search_v11::search_request(
            self.homer(),
            wanted.profile,
            &for_homer(wanted.conditions),
            wanted.from_s,
            wanted.to_s,
        )
        .map_err(Failure::Failed)?;
        let (head, body) = self.exchange(&request)?;
        search_v11::rows(&head, &body, self.homer()).map_err(|error| match error {
            ExportError::InvalidResponse(_) => Failure::Untrusted(error),
            error => Failure::Failed(error),
        })
    }

    /// Sends a search and reads its response to the end.
    fn exchange(&mut self, request: &Request) -> Result<(ResponseHead, Vec<u8>), Failure> {
        self.requests = self.requests.saturating_add(1);
        let response = self.client.send(request).map_err(|error| {
            let crashed = is_crash(&error);
            let error = self.client.server().failed_before(error);
            match crashed {
                true => Failure::Crashed(error),
                false => Failure::Failed(error),
            }
        })?;
        let OutboundResponse { head, mut body } = response;
        let (bytes, failure) = read_up_to(&mut body, MAX_RESPONSE + 1);
        if bytes.len() > MAX_RESPONSE {
            return Err(Failure::Untrusted(search::too_large(self.homer())));
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > MAX_BYTES {
            return Err(Failure::Failed(ExportError::InvalidResponse(format!(
                "the responses of {} to this search are larger than {MAX_BYTES} bytes together; \
                 narrow the filter or the window",
                self.homer()
            ))));
        }
        if let Some(error) = failure {
            return Err(Failure::Failed(self.client.server().failed_within(error)));
        }
        Ok((head, bytes))
    }
}

fn for_homer(conditions: &[FieldCondition]) -> Vec<Condition> {
    conditions.iter().map(FieldCondition::for_homer).collect()
}

/// The rows of HOMER 11 that were asked for. Its source shows that it adds rows: those of the
/// Call-ID without `_b2b-N`, and maybe responses, whose method may be that of their request.
fn asked_for(mut rows: Vec<Row>, conditions: &[FieldCondition]) -> Vec<Row> {
    for condition in conditions {
        if matches!(condition.field(), Field::CallId | Field::Method) {
            rows.retain(|row| condition.holds_for(row));
        }
    }
    rows
}

/// Whether the failure may be a crash of Homer's handler: the connection closed without a response
/// (recording `find-row-crashes`), in any of the ways in which hosts report it.
fn is_crash(error: &TransportError) -> bool {
    matches!(
        error,
        TransportError::ConnectionClosed | TransportError::NotHttp | TransportError::Unknown
    )
}
