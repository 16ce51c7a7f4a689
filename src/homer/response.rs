//! What a response of Homer means, by its status, its header fields and its first bytes.
//!
//! Homer's own error messages are unreliable (docs/homer.md §2): a wrong token may be a 400, a
//! missing call is a 200. This module turns each response into the error that a person can act on.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;

use super::web_page::WebPage;
use super::{Api, CredentialKind, HomerServer, proxy, v11};
use crate::ExportError;
use crate::query::Query;
use crate::transport::ResponseHead;

/// Most bytes of an error response's body that are read, inclusive. Homer's own stay below 1 KiB;
/// the rest of a proxy's error page says nothing new.
pub const MAX_ERROR_BODY: usize = 16 * 1024;

/// The beginning of homer-app 1.5.20's message about a search profile that it does not have.
const UNKNOWN_PROFILE: &str = "invalid search profile key";

/// Most characters of a media type or content coding in an error.
const MAX_CONTENT_TYPE: usize = 100;

/// Bytes of an unrecognized body that an error shows in hexadecimal.
const SHOWN_BYTES: usize = 8;

/// Whether the body of a response may be a capture file, which its bytes then have to show.
///
/// The content type does not decide: homer-app sends `application/octet-stream`, Homer 7.0 to 7.6
/// sends `application/cap`, and a proxy may change either.
pub fn is_capture(head: &ResponseHead) -> bool {
    // A content coding was not requested, so it is a proxy's work and hides the capture.
    let coding = head.content_encoding.as_deref();
    let compressed = coding.is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"));
    // No Homer sends a capture with another status (docs/homer.md §2, §9.5).
    head.status == 200 && !compressed
}

/// What a response without a capture means for the export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCapture {
    /// Homer does not have the search profile, so another one may be queried. Only homer-app 1.5.20
    /// says so (recording `export-bad-profile`); older releases send an empty capture file.
    UnknownProfile(ExportError),
    /// The profile holds nothing, and Homer says so other than by an empty capture file.
    Empty,
    /// The endpoint does not exist, as when the server has the other API version.
    UnknownEndpoint(ExportError),
    /// The export failed.
    Failed(ExportError),
}

/// What a response means that contains no capture ([`is_capture`] is false). `body` is the
/// beginning of its body, up to [`MAX_ERROR_BODY`] bytes.
pub fn no_capture(head: &ResponseHead, body: &[u8], homer: &HomerServer) -> NoCapture {
    let status = head.status;
    let message = message(body);
    // First, because a proxy uses the same statuses as Homer.
    if status >= 400
        && let Some(error) = proxy::refusal(head, body, message.as_deref(), homer)
    {
        // A proxy may pass on the paths of the other API version alone.
        return match status {
            404 => NoCapture::UnknownEndpoint(error),
            _ => NoCapture::Failed(error),
        };
    }
    let quoted = match &message {
        Some(text) => format!("HTTP {status}: {}", homer.quote(text)),
        None => format!("HTTP {status}"),
    };
    let message = message.as_deref().unwrap_or_default();
    let rejected = |message: String| ExportError::Rejected { status, message };
    match status {
        // The body is compressed, or this would be a capture.
        200 => NoCapture::Failed(ExportError::InvalidResponse(format!(
            "the response of {homer} has the content coding {}, which was not requested; turn off \
             compression for this path in the proxy in front of Homer",
            homer.quote_unless_token(
                head.content_encoding.as_deref().unwrap_or_default(),
                MAX_CONTENT_TYPE
            ),
        ))),
        201..300 => NoCapture::Failed(ExportError::InvalidResponse(format!(
            "{homer} returned {quoted}, which Homer never returns for an export; check that \
             HOMER_URL points to Homer"
        ))),
        300..400 => NoCapture::Failed(proxy::redirect(head, homer)),
        _ if refuses_credential(status, message) => {
            NoCapture::Failed(unauthorized(homer, message, &quoted))
        }
        // Homer gives this response for every profile while its configuration database is down
        // (recording `db-config-down-bearer`).
        400 if message.starts_with(UNKNOWN_PROFILE) => {
            NoCapture::UnknownProfile(rejected(format!(
                "Homer at {homer} has none of the requested search profiles ({quoted}); request \
                 other profiles, or check Homer's configuration database: while it is down, Homer \
                 knows no profile"
            )))
        }
        // Homer 7.0 to 7.6, from its source (docs/homer.md §9.2).
        404 if message == "data was not found" => NoCapture::Empty,
        400 if message.starts_with(v11::NOTHING_FOUND) => NoCapture::Empty,
        // Not about the credential: homer-app checks that before the route (docs/homer.md §2).
        404 => NoCapture::UnknownEndpoint(rejected(format!(
            "{homer} has no export endpoint of Homer 7 or HOMER 11 ({quoted}); check HOMER_URL, \
             especially its path"
        ))),
        // With `http_settings.debug`, a request that crashes the handler is a 500 as well
        // (recording `cfg-debug-panic`).
        500.. => NoCapture::Failed(rejected(format!(
            "Homer at {homer}, or a proxy in front of it, failed ({quoted}); try again later and \
             check Homer's log"
        ))),
        _ => NoCapture::Failed(rejected(format!(
            "Homer at {homer} rejected the request ({quoted})"
        ))),
    }
}

/// Whether a response with this status and message refuses the credential.
///
/// homer-app before 1.4.30, and again from 1.5.13 on, responds with 400 to a missing, wrong or
/// expired credential (docs/homer.md §3). The message must not be that of an unknown profile,
/// because a profile may be called `1_jwt`.
pub fn refuses_credential(status: u16, message: &str) -> bool {
    let mentions_jwt = message.contains("jwt") && !message.starts_with(UNKNOWN_PROFILE);
    // HOMER 11 returns 403 if the user still has the default password (docs/homer.md §9.5).
    matches!(status, 401 | 403) || (status == 400 && mentions_jwt)
}

/// The error for a response of status 200 whose body is not a capture file. `opening` is the
/// beginning of the body.
pub fn not_a_capture(head: &ResponseHead, opening: &[u8], homer: &HomerServer) -> ExportError {
    // The first character decides and not the content type, which a proxy may set to anything.
    let text = opening.trim_ascii_start();
    let content_type = match head.content_type.as_deref() {
        Some(content_type) => homer.quote_unless_token(content_type, MAX_CONTENT_TYPE),
        None => "no content type".to_string(),
    };
    if let Some(page) = WebPage::of(text) {
        let why = proxy::page_instead_of_capture(head, &page, &content_type, homer);
        return ExportError::InvalidResponse(why);
    }
    ExportError::InvalidResponse(match text.first() {
        None => format!(
            "Homer at {homer} returned HTTP 200 with an empty body ({content_type}); expected a \
             capture file"
        ),
        Some(b'{' | b'[') => format!(
            "Homer at {homer} returned HTTP 200 with JSON ({}); expected a capture file",
            message(text).map_or(content_type, |message| homer.quote(&message)),
        ),
        Some(_) => format!(
            "{homer} returned HTTP 200 with unknown content ({content_type}, first bytes {}); \
             expected a capture file. Check that HOMER_URL points to Homer",
            hexadecimal(opening),
        ),
    })
}

/// The error if every search profile returned an empty capture file.
///
/// Homer says the same to "no such call", "wrong window", "unknown node", "database down", "table
/// missing" and "query timed out" (recordings `export-unknown-callid`, `export-window-before`,
/// `export-param-node-unknown`, `db-data-down-auth-token`, `db-table-missing`,
/// `db-statement-timeout`). Nothing in the response tells them apart.
pub fn nothing_captured(query: &Query, homer: &HomerServer, api: Api) -> ExportError {
    let down = match api {
        Api::V7 => "Homer's database is down",
        // It skips a node that is not connected, without notice (docs/homer.md §9.5).
        Api::V11 => "none of HOMER 11's nodes is connected, or its database is down",
    };
    ExportError::nothing_captured(format!(
        "{}. Possible causes: (1) the Call-ID, which is case-sensitive, or the window is wrong: \
         check both and widen the window; (2) {down}, which looks the same: export a call that you \
         know exists",
        empty_capture(query, homer)
    ))
}

/// What [`nothing_captured`] says without the possible causes, for when the cause is known.
pub fn empty_capture(query: &Query, homer: &HomerServer) -> String {
    let profiles: Vec<&str> = query
        .profiles()
        .iter()
        .map(|profile| profile.as_str())
        .collect();
    // An unknown node is a further cause, so a reader must see that nodes were selected.
    let nodes = if query.nodes().is_empty() {
        ""
    } else {
        ", only the requested nodes"
    };
    format!(
        "Homer at {homer} returned an empty capture for {} between {} (profiles {}{nodes})",
        query.describe_call_ids(),
        query.window(),
        profiles.join(", "),
    )
}

/// The error if Homer refuses the credential, with the causes that fit its kind.
fn unauthorized(homer: &HomerServer, message: &str, quoted: &str) -> ExportError {
    // The causes that HOMER 11 names (docs/homer.md §9.5).
    if message.starts_with("Password change required") {
        return ExportError::Unauthorized(format!(
            "Homer at {homer} refuses every export of a user who still has the default password \
             ({quoted}); change it in Homer's web interface, and then in HOMER_PASSWORD"
        ));
    }
    if message.starts_with("Password login is disabled") {
        return ExportError::Unauthorized(format!(
            "Homer at {homer} accepts no login with a password ({quoted}); use HOMER_API_TOKEN or \
             HOMER_JWT instead of HOMER_USERNAME and HOMER_PASSWORD"
        ));
    }
    let ldap = match message {
        "Invalid credentials" => {
            "; the user is in an LDAP directory (HOMER_LOGIN_TYPE=ldap, only for HOMER 11)"
        }
        _ => "",
    };
    ExportError::Unauthorized(match homer.credential_kind {
        CredentialKind::None => format!(
            "Homer at {homer} requires a credential ({quoted}), and none is configured; set \
             HOMER_API_TOKEN, HOMER_JWT, or HOMER_USERNAME and HOMER_PASSWORD"
        ),
        CredentialKind::ApiToken => format!(
            "Homer at {homer} refused the API token ({quoted}). Likely causes: token access is off \
             (api_settings.enable_token_access in Homer's configuration, off by default); the \
             token is wrong, expired or inactive; Homer expects another header field \
             (HOMER_TOKEN_HEADER); or Homer's configuration database is down"
        ),
        CredentialKind::Login => format!(
            "Homer at {homer} refused the login ({quoted}). Likely causes: the user name or \
             password is wrong{ldap}; Homer's configuration database is down, which looks the \
             same; or the tokens that Homer issues expire immediately (auth_settings.token_expire)"
        ),
        CredentialKind::Jwt => format!(
            "Homer at {homer} refused the JSON web token ({quoted}). Likely causes: the token has \
             expired (by default 20 hours after login), or another Homer issued it; log in again \
             and update HOMER_JWT"
        ),
    })
}

/// The message in an error response's JSON, as sent, in any of the shapes that Homers use
/// (docs/homer.md §2, §9). Only the first JSON value counts, because HOMER 11 may send two.
pub fn message(body: &[u8]) -> Option<String> {
    // Only these shapes: parsing arbitrary JSON would bring number parsing into the components,
    // which weighs more than all the rest.
    #[derive(Deserialize)]
    struct FlatError {
        message: String,
    }
    #[derive(Deserialize)]
    struct NestedError {
        error: Problem,
    }
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    // The v3 layer of HOMER 11.
    #[derive(Deserialize)]
    struct TextError {
        error: String,
    }
    let flat = || first_value(body).map(|flat: FlatError| flat.message);
    let nested = || {
        first_value(body).and_then(|nested: NestedError| nested.error.detail.or(nested.error.title))
    };
    let text = || first_value(body).map(|text: TextError| text.error);
    flat().or_else(nested).or_else(text)
}

fn first_value<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::Deserializer::from_slice(body)
        .into_iter()
        .next()?
        .ok()
}

/// The first [`SHOWN_BYTES`] bytes, for example `53 53 48 2d`.
fn hexadecimal(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes
        .iter()
        .take(SHOWN_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    digits.join(" ")
}
