//! The search request of Homer 7, `POST /api/v3/search/call/data`, and the rows it returns
//! (docs/homer.md §13).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use super::HomerServer;
use super::request::{Request, RequestWindow};
use super::response::{self, NoCapture};
use crate::ExportError;
use crate::origin::BaseUrl;
use crate::query::Profile;
use crate::transport::ResponseHead;

/// The path of the search endpoint.
pub const SEARCH_PATH: &str = "/api/v3/search/call/data";

/// Most rows that each database node of Homer 7 returns, inclusive, whatever `limit` says
/// (recording `find-limit-1`). There is no order, so a client that gets as many must split its
/// window.
pub const ROW_LIMIT: usize = 200;

/// Largest response to a search that is read, in bytes, inclusive. 200 rows have about 130 KB
/// (recording `find-empty-list`), and several nodes may answer at once.
pub const MAX_RESPONSE: usize = 4 * 1024 * 1024;

/// A row below this time, in Unix milliseconds, is one without a time: Homer dates it 1970.
const UNDATED_MS: i64 = 31_536_000_000;

/// A field of a row that a condition can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The Call-ID.
    CallId,
    /// The user in From.
    FromUser,
    /// The user in To.
    ToUser,
    /// The method of a request, or the status of a response.
    Method,
    /// User-Agent.
    UserAgent,
    /// The sender's IP address.
    Source,
    /// The receiver's IP address.
    Destination,
}

impl Field {
    /// What Homer 7 calls the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::CallId => "sid",
            Self::FromUser => "data_header.from_user",
            Self::ToUser => "data_header.to_user",
            Self::Method => "data_header.method",
            Self::UserAgent => "data_header.user_agent",
            Self::Source => "protocol_header.srcIp",
            Self::Destination => "protocol_header.dstIp",
        }
    }

    /// The value of the field in a row.
    pub fn of(self, row: &Row) -> &str {
        match self {
            Self::CallId => &row.sid,
            Self::FromUser => &row.from_user,
            Self::ToUser => &row.to_user,
            Self::Method => &row.method,
            Self::UserAgent => &row.user_agent,
            Self::Source => &row.source_ip,
            Self::Destination => &row.destination_ip,
        }
    }
}

/// A condition that each row must meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: Field,
    /// The value: alternatives are separated by `;`, and `%` in it is a wildcard.
    pub value: String,
}

/// The request for the rows of one search profile that meet all conditions, with a capture time
/// between two Unix times in seconds, both inclusive.
pub fn search_request(
    base_url: &BaseUrl,
    profile: &Profile,
    conditions: &[Condition],
    nodes: &[String],
    from_s: i64,
    to_s: i64,
) -> Request {
    // All of these members were sent in the recordings `find-*`. `limit` must be a number
    // (recording `find-limit-string`), and the conditions a list (recording `find-object`).
    let body = SearchBody {
        param: Param {
            search: Search {
                profile,
                conditions,
            },
            limit: ROW_LIMIT,
            transaction: Empty {},
            orlogic: false,
            location: Location { node: nodes },
            timezone: Timezone {
                value: 0,
                name: "UTC",
            },
        },
        timestamp: RequestWindow::of_seconds(from_s, to_s),
    };
    Request::new(base_url.path(SEARCH_PATH), &body)
}

#[derive(Serialize)]
struct SearchBody<'a> {
    param: Param<'a>,
    timestamp: RequestWindow,
}

#[derive(Serialize)]
struct Param<'a> {
    search: Search<'a>,
    limit: usize,
    transaction: Empty,
    orlogic: bool,
    location: Location<'a>,
    timezone: Timezone,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Location<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    node: &'a [String],
}

#[derive(Serialize)]
struct Timezone {
    value: i32,
    name: &'static str,
}

/// `{"1_call": [{"name": …, "value": …, "type": "string", "hepid": 1}, …]}`.
struct Search<'a> {
    profile: &'a Profile,
    conditions: &'a [Condition],
}

impl Serialize for Search<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Element<'a> {
            name: &'static str,
            value: &'a str,
            r#type: &'static str,
            hepid: u32,
        }
        let (hepid, _) = self.profile.parts();
        let elements: Vec<Element<'_>> = self
            .conditions
            .iter()
            .map(|condition| Element {
                name: condition.field.name(),
                value: &condition.value,
                r#type: "string",
                hepid,
            })
            .collect();
        // The profile is the name of the member, which a derived implementation cannot express.
        serializer.collect_map([(self.profile.as_str(), elements)])
    }
}

/// A row of Homer's search: one message, without its text.
// Only what a search needs. `capturePass`, the password of the capture agents, may be in a row as
// well (docs/homer.md §3), and is never read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// The Call-ID.
    pub sid: String,
    /// The capture time in Unix milliseconds; see [`Self::time_ms`].
    pub(super) create_date: i64,
    /// The method of a request, or the status of a response.
    pub method: String,
    /// CSeq: number and method.
    #[serde(default)]
    pub cseq: String,
    /// User in From.
    #[serde(default)]
    pub from_user: String,
    /// User in To.
    #[serde(default)]
    pub to_user: String,
    /// User-Agent.
    #[serde(default)]
    pub user_agent: String,
    /// Sender's IP address.
    #[serde(default, rename = "srcIp")]
    pub source_ip: String,
    /// Sender's port.
    #[serde(default, rename = "srcPort")]
    pub source_port: u16,
    /// Receiver's IP address.
    #[serde(default, rename = "dstIp")]
    pub destination_ip: String,
    /// Receiver's port.
    #[serde(default, rename = "dstPort")]
    pub destination_port: u16,
    /// The database node.
    #[serde(default)]
    pub node: String,
    /// What Homer correlates the call by.
    #[serde(default)]
    pub correlation_id: String,
}

impl Row {
    /// The capture time in Unix milliseconds, or `None` if Homer has none for this row.
    pub fn time_ms(&self) -> Option<i64> {
        (self.create_date >= UNDATED_MS).then_some(self.create_date)
    }

    /// The status code, if the row is a response.
    pub fn status(&self) -> Option<u16> {
        let is_code = self.method.len() == 3 && self.method.bytes().all(|b| b.is_ascii_digit());
        self.method.parse().ok().filter(|_| is_code)
    }
}

/// The rows in a response whose body was read completely.
///
/// # Errors
/// `invalid-response` if the body has another form; the error of its status if it is not a
/// success.
pub fn rows(
    head: &ResponseHead,
    body: &[u8],
    homer: &HomerServer,
) -> Result<Vec<Row>, ExportError> {
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Row>,
    }
    if !is_success(head) {
        return Err(failure(head, body, homer));
    }
    match serde_json::from_slice::<Found>(body) {
        Ok(found) => Ok(found.data),
        Err(error) => Err(not_rows(&error, homer)),
    }
}

/// Whether the body of a response may hold rows.
pub fn is_success(head: &ResponseHead) -> bool {
    let coding = head.content_encoding.as_deref();
    let is_coded = coding.is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"));
    !is_coded && matches!(head.status, 200 | 201)
}

/// The error for a body that is not what the search returns.
pub(super) fn not_rows(error: &serde_json::Error, homer: &HomerServer) -> ExportError {
    // Its text may quote a value, so only the position is shown.
    ExportError::InvalidResponse(format!(
        "the response of {homer} to a search is not a list of rows as Homer sends it (line {}, \
         column {}); check that HOMER_URL points to Homer",
        error.line(),
        error.column()
    ))
}

/// The error for a response that is not a success.
pub(super) fn failure(head: &ResponseHead, body: &[u8], homer: &HomerServer) -> ExportError {
    let body = body.get(..response::MAX_ERROR_BODY).unwrap_or(body);
    match response::no_capture(head, body, homer) {
        NoCapture::UnknownEndpoint(_) => ExportError::Rejected {
            status: head.status,
            message: format!(
                "{homer} has no search endpoint of Homer 7 or HOMER 11 (HTTP {}); check HOMER_URL, \
                 especially its path",
                head.status
            ),
        },
        NoCapture::Failed(ExportError::InvalidResponse(_)) if head.status != 200 => {
            ExportError::InvalidResponse(format!(
                "{homer} returned HTTP {}, which Homer never returns for a search; check that \
                 HOMER_URL points to Homer",
                head.status
            ))
        }
        NoCapture::Failed(error) | NoCapture::UnknownProfile(error) => error,
        // These responses mean "nothing found" to an export. The search says it otherwise.
        NoCapture::Empty => ExportError::Rejected {
            status: head.status,
            message: format!(
                "Homer at {homer} rejected the search (HTTP {})",
                head.status
            ),
        },
    }
}

/// The error if a response to a search is larger than [`MAX_RESPONSE`].
pub fn too_large(homer: &HomerServer) -> ExportError {
    ExportError::InvalidResponse(format!(
        "the response of {homer} to a search is larger than {MAX_RESPONSE} bytes, the limit for \
         searches; check that HOMER_URL points to Homer"
    ))
}
