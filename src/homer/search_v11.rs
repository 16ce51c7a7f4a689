//! The search request of HOMER 11's v3 layer, `POST /api/v3/search/call/data`, and its rows.
//!
//! This follows HOMER 11's source (`src/coordinator/handlers/search.go`; docs/homer.md §13). No
//! HOMER 11 server was available to test against. What its source does not show is not asked for:
//! User-Agent, the status of a response, a part of a Call-ID, or several Call-IDs at once.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::search::{Condition, Field, ROW_LIMIT, Row, SEARCH_PATH, failure, is_success, not_rows};
use super::{HomerServer, Request};
use crate::ExportError;
use crate::query::Profile;
use crate::transport::ResponseHead;

/// The request for the rows of one search profile that meet all conditions, with a capture time
/// between two Unix times in seconds, both inclusive.
///
/// # Errors
/// `invalid-request` if HOMER 11 cannot be asked for a condition.
pub fn search_request(
    homer: &HomerServer,
    profile: &Profile,
    conditions: &[Condition],
    from_s: i64,
    to_s: i64,
) -> Result<Request, ExportError> {
    let (proto_type, transaction_type) = profile.parts();
    let ms = |seconds: i64| seconds.saturating_mul(1000).to_string();
    let mut body = SearchBody {
        limit: ROW_LIMIT,
        // Texts: HOMER 11 rejects numbers here.
        from: ms(from_s),
        to: ms(to_s),
        proto_type,
        transaction_type,
        ..SearchBody::default()
    };
    for Condition { field, value } in conditions {
        let is_list = value.contains(';');
        let member = match field {
            Field::CallId if !is_list && !value.contains('%') => &mut body.call_id,
            Field::FromUser => &mut body.from_user,
            Field::ToUser => &mut body.to_user,
            Field::Source => &mut body.src_ip,
            Field::Destination => &mut body.dst_ip,
            Field::Method if value.bytes().all(|b| b.is_ascii_uppercase()) => &mut body.method,
            // The final responses of a call, which are then taken from all of its rows.
            Field::Method if is_list => continue,
            Field::CallId if is_list => return unsupported(homer, "for several Call-IDs at once"),
            Field::CallId => return unsupported(homer, "for a part of a Call-ID"),
            Field::UserAgent => return unsupported(homer, "by User-Agent"),
            Field::Method => return unsupported(homer, "by status"),
        };
        *member = Some(value.clone());
    }
    Ok(Request::new(homer.base_url.path(SEARCH_PATH), &body))
}

fn unsupported<T>(homer: &HomerServer, what: &str) -> Result<T, ExportError> {
    Err(ExportError::InvalidRequest(format!(
        "the server at {homer} is a HOMER 11, which cannot be searched {what}; leave this \
         condition out, or use HOMER 11's own interface"
    )))
}

#[derive(Default, Serialize)]
struct SearchBody<'a> {
    limit: usize,
    from: String,
    to: String,
    proto_type: u32,
    transaction_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst_ip: Option<String>,
}

/// Whether a body is that of a successful search in HOMER 11: `{"success":true,…}`.
///
/// It ignores the members of Homer 7's request and then returns the 50 newest rows of any time, so
/// they must not be taken for results.
pub fn is_answer(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope {
        success: bool,
    }
    serde_json::from_slice::<Envelope>(body).is_ok_and(|envelope| envelope.success)
}

/// The rows in a response whose body was read completely.
///
/// # Errors
/// As [`rows`](super::search::rows) of Homer 7.
pub fn rows(
    head: &ResponseHead,
    body: &[u8],
    homer: &HomerServer,
) -> Result<Vec<Row>, ExportError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        rows: Vec<LakeRow>,
    }
    if !is_success(head) {
        return Err(failure(head, body, homer));
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => Ok(answer.data.rows.into_iter().map(Row::from).collect()),
        Err(error) => Err(not_rows(&error, homer)),
    }
}

/// A row of the table `hep_proto_1_call` (source: `src/storage/ducklake/tables.go`), without its
/// message text. The tables for other methods have some of these columns.
#[derive(Deserialize)]
struct LakeRow {
    session_id: String,
    timestamp: String,
    #[serde(default)]
    caller: Option<String>,
    #[serde(default)]
    callee: Option<String>,
    #[serde(default)]
    src_ip: Option<String>,
    #[serde(default)]
    dst_ip: Option<String>,
    #[serde(default)]
    src_port: Option<u16>,
    #[serde(default)]
    dst_port: Option<u16>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    response_code: Option<String>,
    #[serde(default)]
    cseq_method: Option<String>,
    #[serde(default)]
    user_agent: Option<String>,
    #[serde(default)]
    node_id: Option<String>,
    #[serde(default)]
    cid: Option<String>,
}

impl From<LakeRow> for Row {
    fn from(row: LakeRow) -> Self {
        // Homer 7 has the status of a response in the place of the method.
        let response_code = row.response_code.filter(|code| !code.is_empty());
        Self {
            sid: row.session_id,
            // 0 is a row without a time, as in Homer 7.
            create_date: unix_ms(&row.timestamp).unwrap_or_default(),
            method: response_code.or(row.method).unwrap_or_default(),
            cseq: row.cseq_method.unwrap_or_default(),
            from_user: row.caller.unwrap_or_default(),
            to_user: row.callee.unwrap_or_default(),
            user_agent: row.user_agent.unwrap_or_default(),
            source_ip: row.src_ip.unwrap_or_default(),
            source_port: row.src_port.unwrap_or_default(),
            destination_ip: row.dst_ip.unwrap_or_default(),
            destination_port: row.dst_port.unwrap_or_default(),
            node: row.node_id.unwrap_or_default(),
            correlation_id: row.cid.unwrap_or_default(),
        }
    }
}

/// RFC 3339, or the same with a space and without an offset, as DuckDB prints a time in UTC.
fn unix_ms(text: &str) -> Option<i64> {
    let text = text.replacen(' ', "T", 1);
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let time = parse(&text).or_else(|| parse(&format!("{text}Z")))?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}
