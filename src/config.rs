//! The configuration that a component finds in its environment (design: names are fixed).

mod credential;

use alloc::format;
use alloc::string::{String, ToString};

use crate::homer::Api;
use crate::query::quoted;
use crate::{BaseUrl, ExportError};

pub use credential::{Credential, CredentialKind};

/// Longest wait for the first byte of a reply, in milliseconds, unless `HOMER_TIMEOUT_MS` says
/// otherwise. Homer builds the whole file in memory first: 200,000 messages took it 53 to 75 s
/// (homer.md §7).
pub const DEFAULT_FIRST_BYTE_TIMEOUT_MS: u64 = 120_000;

/// Longest wait for a connection, TLS included, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;

/// Longest pause within a reply, in milliseconds.
pub const BETWEEN_BYTES_TIMEOUT_MS: u64 = 30_000;

/// Longest window in hours, inclusive, unless `HOMER_MAX_WINDOW_HOURS` says otherwise.
pub const DEFAULT_MAX_WINDOW_HOURS: u32 = 24;

/// Largest capture that `export-pcap` hands over, in bytes, inclusive, unless `HOMER_MAX_BYTES`
/// says otherwise: hosts with dynamic values trap on lists above about 2.8 MB (hosts.md §0.2).
pub const DEFAULT_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// Largest capture that `homer-export-tool.wasm` puts into its text, in bytes, inclusive, unless
/// `HOMER_MAX_INLINE_BYTES` says otherwise: gateways hand that text to a model, or cut it (hosts.md
/// §5).
pub const DEFAULT_TOOL_INLINE_BYTES: u64 = 32 * 1024;

/// Name of the header field of an API token, unless `HOMER_TOKEN_HEADER` says otherwise:
/// homer-app's `auth_settings.auth_token_header` as shipped.
pub const DEFAULT_TOKEN_HEADER: &str = "Auth-Token";

/// What a component needs to know to ask a Homer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `HOMER_URL`.
    pub homer: BaseUrl,
    /// `HOMER_API`; none to find out.
    pub api: Option<Api>,
    /// `HOMER_API_TOKEN`, `HOMER_JWT`, or `HOMER_USERNAME` and `HOMER_PASSWORD`; none if the host
    /// adds it, a proxy does, or Homer wants none.
    pub credential: Option<Credential>,
    /// `HOMER_CREDENTIAL_KIND` where the host adds the credential, else the kind of
    /// [`Self::credential`].
    pub credential_kind: CredentialKind,
    /// `HOMER_TIMEOUT_MS`: longest wait for the first byte of a reply.
    pub first_byte_timeout_ms: u64,
    /// `HOMER_MAX_WINDOW_HOURS`, inclusive.
    pub max_window_hours: u32,
    /// `HOMER_MAX_BYTES`: largest capture `export-pcap` hands over, inclusive.
    pub max_bytes: u64,
    /// `HOMER_REPORT`: whether the packets are looked into.
    pub report: bool,
}

impl Config {
    /// Reads the environment `vars`. A value counts as set if [`is_set`] says so; names that are
    /// not ours are ignored.
    ///
    /// # Errors
    /// `misconfigured` if `HOMER_URL` is missing or not a base URL, if two credentials are given,
    /// if one has a line break, or if a number is not one or out of its range.
    pub fn from_vars<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> Result<Self, ExportError>
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let mut url = None;
        let mut api: Option<String> = None;
        let mut token = None;
        let mut token_header = None;
        let mut jwt = None;
        let mut username: Option<String> = None;
        let mut password: Option<String> = None;
        let mut kind = None;
        let mut timeout = None;
        let mut hours = None;
        let mut bytes = None;
        let mut report: Option<String> = None;
        for (name, value) in vars {
            let value: String = value.into();
            if !is_set(&value) {
                continue;
            }
            let slot = match name.as_ref() {
                "HOMER_URL" => &mut url,
                "HOMER_API_TOKEN" => &mut token,
                "HOMER_TOKEN_HEADER" => &mut token_header,
                "HOMER_JWT" => &mut jwt,
                "HOMER_CREDENTIAL_KIND" => &mut kind,
                "HOMER_TIMEOUT_MS" => &mut timeout,
                "HOMER_MAX_WINDOW_HOURS" => &mut hours,
                "HOMER_MAX_BYTES" => &mut bytes,
                "HOMER_REPORT" => &mut report,
                "HOMER_API" => &mut api,
                "HOMER_USERNAME" => &mut username,
                "HOMER_PASSWORD" => &mut password,
                _ => continue,
            };
            *slot = Some(value);
        }

        let api = match api.as_deref() {
            None | Some("auto") => None,
            Some("7") => Some(Api::V7),
            Some("11") => Some(Api::V11),
            Some(_) => return misconfigured("HOMER_API is none of auto, 7, 11"),
        };
        let report = match report.as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => return misconfigured("HOMER_REPORT is neither on nor off"),
        };
        let Some(url) = url else {
            return misconfigured(
                "HOMER_URL is not set; it is Homer's base URL, for example http://homer:9080",
            );
        };
        let homer = BaseUrl::parse(&url)
            .map_err(|why| ExportError::Misconfigured(format!("HOMER_URL: {why}")))?;
        let credential = match (token, jwt, username, password) {
            (None, None, None, None) => None,
            (Some(value), None, None, None) => {
                let header = token_header.unwrap_or_else(|| DEFAULT_TOKEN_HEADER.to_string());
                Some(Credential::api_token(&header, &value)?)
            }
            (None, Some(value), None, None) => Some(Credential::jwt(&value)?),
            (None, None, Some(username), Some(password)) => {
                Some(Credential::login(&username, &password)?)
            }
            (None, None, Some(_), None) => {
                return misconfigured("HOMER_USERNAME is set without HOMER_PASSWORD");
            }
            (None, None, None, Some(_)) => {
                return misconfigured("HOMER_PASSWORD is set without HOMER_USERNAME");
            }
            _ => {
                return misconfigured(
                    "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME with \
                     HOMER_PASSWORD",
                );
            }
        };
        let credential_kind = match (&credential, kind) {
            (Some(credential), _) => credential.kind(),
            (None, Some(name)) => CredentialKind::from_name(&name)?,
            (None, None) => CredentialKind::None,
        };
        Ok(Self {
            homer,
            api,
            credential,
            credential_kind,
            first_byte_timeout_ms: number(
                "HOMER_TIMEOUT_MS",
                timeout,
                DEFAULT_FIRST_BYTE_TIMEOUT_MS,
                1..=3_600_000,
            )?,
            max_window_hours: number(
                "HOMER_MAX_WINDOW_HOURS",
                hours,
                DEFAULT_MAX_WINDOW_HOURS.into(),
                1..=87_600,
            )?
            .try_into()
            .unwrap_or(u32::MAX),
            max_bytes: number(
                "HOMER_MAX_BYTES",
                bytes,
                DEFAULT_MAX_BYTES,
                24..=0xffff_ffff,
            )?,
            report,
        })
    }
}

impl Config {
    /// `text` from outside without our credential, should someone have sent that back to us.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.credential
            .as_ref()
            .map_or_else(|| text.to_string(), |credential| credential.redacted(text))
    }
}

/// Whether a value counts as set. An empty one does not, and neither does a placeholder such as
/// `${user_config.token}`, which MCP clients pass on as it stands where their user left the field
/// empty (mcpb, issue 250): it would go to Homer as a token.
pub fn is_set(value: &str) -> bool {
    !value.is_empty() && !is_placeholder(value)
}

/// Whether a value is a placeholder that nobody has filled in.
pub(crate) fn is_placeholder(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}')
}

pub(crate) fn misconfigured<T>(why: &str) -> Result<T, ExportError> {
    Err(ExportError::Misconfigured(why.to_string()))
}

/// The number in `value`, or `default` where there is none.
///
/// # Errors
/// `misconfigured` if it is not a decimal number within `range`.
pub fn number(
    name: &str,
    value: Option<String>,
    default: u64,
    range: core::ops::RangeInclusive<u64>,
) -> Result<u64, ExportError> {
    let Some(text) = value else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| {
            ExportError::Misconfigured(format!(
                "{name} is {}, not a whole number from {} to {}",
                quoted(&text, 20),
                range.start(),
                range.end()
            ))
        })
}
