//! What a reply of Homer means, by its status, its header fields and its first bytes.

use alloc::format;
use alloc::string::{String, ToString};

use serde::Deserialize;

use super::v11;
use crate::config::CredentialKind;
use crate::query::fit;
use crate::{Config, ExportError};

/// Most bytes of an error's body that are read, inclusive: Homer's own stay below 1 KiB.
pub const MAX_ERROR_BODY: usize = 16 * 1024;

/// How homer-app 1.5.20 begins its message about a search profile that it does not have.
const UNKNOWN_PROFILE: &str = "invalid search profile key";

/// Longest text quoted from a reply, in characters.
const MAX_QUOTE: usize = 200;

/// The head of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// HTTP status code.
    pub status: u16,
    /// Content-Type, as sent.
    pub content_type: Option<String>,
    /// Content-Encoding, as sent.
    pub content_encoding: Option<String>,
    /// Content-Length in bytes; Homer 7 never sends it with a capture.
    pub content_length: Option<u64>,
    /// Location of a redirect, as sent.
    pub location: Option<String>,
}

impl Head {
    /// Whether the body should be a capture file, to be judged by its bytes. The content type does
    /// not decide: it is `application/octet-stream` in homer-app, `application/cap` in Homer 7.0 to
    /// 7.6, and a proxy may change it.
    pub fn announces_capture(&self) -> bool {
        self.status == 200 && !self.is_compressed()
    }

    /// Whether the body is encoded, which nobody asked for.
    fn is_compressed(&self) -> bool {
        self.content_encoding
            .as_deref()
            .is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"))
    }
}

/// What a reply without a capture means for the export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This Homer has no such search profile: the next one may be asked. homer-app 1.5.20 says so
    /// (recording `export-bad-profile`); older ones send an empty capture file.
    UnknownProfile(ExportError),
    /// This profile holds nothing, said in another way than by an empty capture file.
    Nothing,
    /// There is no such endpoint, as where another generation of Homer is asked.
    UnknownEndpoint(ExportError),
    /// The export failed.
    Failed(ExportError),
}

/// What a reply that announces no capture means. `body` is its beginning, up to [`MAX_ERROR_BODY`]
/// bytes.
pub fn refusal(head: &Head, body: &[u8], config: &Config) -> Refusal {
    let homer = &config.homer;
    let status = head.status;
    let said = message(body);
    let quoted = match &said {
        Some(text) => format!("HTTP {status}: {}", quote(text, config)),
        None => format!("HTTP {status}"),
    };
    let rejected = |message: String| Refusal::Failed(ExportError::Rejected { status, message });
    match status {
        200 => Refusal::Failed(ExportError::InvalidResponse(format!(
            "Homer at {homer} answered with a body encoded as {}, which was not asked for; a proxy before Homer compresses \
             replies, so turn that off for this path",
            head.content_encoding
                .as_deref()
                .map(|coding| quote(coding, config))
                .unwrap_or_default(),
        ))),
        201..300 => Refusal::Failed(ExportError::InvalidResponse(format!(
            "Homer at {homer} answered {quoted}, which no Homer does to an export; is HOMER_URL the address of a Homer?"
        ))),
        300..400 => rejected(format!(
            "{homer} answered with a redirect (HTTP {status}) to {}, which is not followed so that credentials do not \
             leave for another server; set HOMER_URL to Homer's own address",
            head.location.as_deref().map_or_else(
                || "nowhere".to_string(),
                |location| quote(&redirect_target(location), config)
            ),
        )),
        _ if refuses_credentials(status, said.as_deref()) => {
            Refusal::Failed(unauthorized(config, &quoted))
        }
        400 if said
            .as_deref()
            .is_some_and(|text| text.starts_with(UNKNOWN_PROFILE)) =>
        {
            // The same comes for every profile when the configuration database is down (recording
            // `db-config-down-bearer`).
            Refusal::UnknownProfile(ExportError::Rejected {
                status,
                message: format!(
                    "Homer at {homer} knows none of the search profiles asked for ({quoted}); name others, or check \
                     Homer's configuration database: while it is down, no profile is known"
                ),
            })
        }
        // Homer 7.0 to 7.6, from its source (homer.md §9).
        404 if said.as_deref() == Some("data was not found") => Refusal::Nothing,
        400 if said
            .as_deref()
            .is_some_and(|text| text.starts_with(v11::NOTHING_FOUND)) =>
        {
            Refusal::Nothing
        }
        404 => Refusal::UnknownEndpoint(ExportError::Rejected {
            status,
            message: format!(
                "{homer} has no export endpoint of Homer 7 or HOMER 11 ({quoted}); check HOMER_URL, in particular its path \
                 prefix"
            ),
        }),
        500.. => rejected(format!(
            "Homer at {homer}, or a proxy before it, failed ({quoted}); try again later, and see Homer's log"
        )),
        _ => rejected(format!("Homer at {homer} rejected the request ({quoted})")),
    }
}

/// Whether an answer of this status and message refuses the credentials. homer-app before 1.4.30
/// and from 1.5.13 on says 400 to a missing, wrong or expired one (homer.md §3); a search profile
/// may be named after anything.
pub fn refuses_credentials(status: u16, message: Option<&str>) -> bool {
    let speaks_of_jwt = |text: &str| text.contains("jwt") && !text.starts_with(UNKNOWN_PROFILE);
    matches!(status, 401 | 403) || (status == 400 && message.is_some_and(speaks_of_jwt))
}

/// A reply of status 200 whose body is no capture file. `opening` is its beginning.
pub fn not_a_capture(head: &Head, opening: &[u8], config: &Config) -> ExportError {
    let homer = &config.homer;
    let text = opening.trim_ascii_start();
    let kind = head.content_type.as_deref().map(|kind| quote(kind, config));
    let kind = kind.as_deref().unwrap_or("no content type");
    ExportError::InvalidResponse(if text.is_empty() {
        format!(
            "Homer at {homer} answered HTTP 200 with an empty body instead of a capture file ({kind})"
        )
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        match message(text).map(|text| quote(&text, config)) {
            Some(said) => format!(
                "Homer at {homer} answered HTTP 200 with JSON instead of a capture file: {said}"
            ),
            None => format!(
                "Homer at {homer} answered HTTP 200 with JSON instead of a capture file ({kind})"
            ),
        }
    } else if text.starts_with(b"<") {
        format!(
            "{homer} answered HTTP 200 with a web page instead of a capture file ({kind}): a sign-on page or proxy stands \
             before Homer, or HOMER_URL is not the address of a Homer"
        )
    } else {
        format!(
            "{homer} answered HTTP 200 with something else than a capture file ({kind}, beginning with the bytes {}); is \
             HOMER_URL the address of a Homer?",
            hex(&opening[..opening.len().min(8)]),
        )
    })
}

/// Homer's refusal of the credentials, with the causes that fit their kind.
fn unauthorized(config: &Config, quoted: &str) -> ExportError {
    let homer = &config.homer;
    ExportError::Unauthorized(match config.credential_kind {
        CredentialKind::None => format!(
            "Homer at {homer} wants credentials ({quoted}) and none are configured; set HOMER_API_TOKEN, HOMER_JWT, or \
             HOMER_USERNAME and HOMER_PASSWORD"
        ),
        CredentialKind::ApiToken => format!(
            "Homer at {homer} refused the API token ({quoted}). Likely causes: token access is off (Homer's \
             api_settings.enable_token_access, off as shipped), the token is wrong, expired or inactive, Homer expects \
             another header field (HOMER_TOKEN_HEADER), or Homer's configuration database is down"
        ),
        CredentialKind::Login => format!(
            "Homer at {homer} refused the login ({quoted}). Likely causes: user name or password is wrong, Homer's \
             configuration database is down (it answers the same then), or the tokens it issues expire at once \
             (auth_settings.token_expire)"
        ),
        CredentialKind::Jwt => format!(
            "Homer at {homer} refused the JSON web token ({quoted}). Likely causes: it has expired (20 hours after login \
             unless configured), or another Homer issued it; log in again and set HOMER_JWT anew"
        ),
    })
}

/// The message in an error's JSON, in any of the shapes that Homers use (homer.md §2, §9), as it
/// was sent; only the first JSON value is read, since HOMER 11 may send two.
pub fn message(body: &[u8]) -> Option<String> {
    // The shapes alone: reading any JSON value would bring number parsing, which weighs more than
    // the rest, into the component.
    #[derive(Deserialize)]
    struct Flat {
        message: String,
    }
    #[derive(Deserialize)]
    struct Nested {
        error: Problem,
    }
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    first(body).map(|flat: Flat| flat.message).or_else(|| {
        first(body).and_then(|nested: Nested| nested.error.detail.or(nested.error.title))
    })
}

fn first<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::Deserializer::from_slice(body)
        .into_iter()
        .next()?
        .ok()
}

/// Foreign text made fit for one line of an error: our credential out, then control characters,
/// then its length bounded.
fn quote(text: &str, config: &Config) -> String {
    fit(config.redacted(text).trim(), MAX_QUOTE)
}

/// Where a redirect leads, without user name, query and fragment, which may hold secrets of a
/// sign-on.
fn redirect_target(location: &str) -> String {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = location.split_once("//").unwrap_or(("", location));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let slashes = if location.contains("//") { "//" } else { "" };
    format!("{scheme}{slashes}{host}{path}")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        text.push_str(if i == 0 { "" } else { " " });
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
