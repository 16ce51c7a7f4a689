//! The configuration of an export, from environment variables and flags.
//!
//! [`setting`] is the table of all settings. [`Variables`] are the values that were given, and
//! [`Config`] is what an export needs of them, parsed.

pub mod setting;
mod variables;

use alloc::format;
use alloc::string::{String, ToString};

use crate::error::ExportError;
use crate::homer::{Api, Credential, CredentialKind, HomerServer, InvalidCredential};
use crate::origin::BaseUrl;

pub use setting::Setting;
pub(crate) use variables::is_placeholder;
pub use variables::{Given, Variables};

/// What an export needs to know to query a Homer.
///
/// # Examples
/// ```
/// use homer_export::Config;
///
/// let config = Config::from_vars([("HOMER_URL", "http://homer:9080"), ("HOMER_JWT", "a.b.c")])?;
/// assert_eq!(config.homer.to_string(), "http://homer:9080");
/// assert_eq!(config.max_window_hours, 24);
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The Homer server, from `HOMER_URL`, and the credential for it.
    pub homer: HomerServer,
    /// `HOMER_API`: the version of Homer's API. `None` to detect it.
    pub api: Option<Api>,
    /// `HOMER_TIMEOUT_MS`: longest wait for the first byte of a response, in milliseconds.
    pub first_byte_timeout_ms: u64,
    /// `HOMER_MAX_WINDOW_HOURS`: longest window in hours, inclusive.
    pub max_window_hours: u32,
    /// `HOMER_MAX_BYTES`: largest capture that `export-pcap` returns, in bytes, inclusive.
    pub max_bytes: u64,
    /// `HOMER_REPORT`: whether the packets are analyzed.
    pub report: bool,
    /// `HOMER_EXPLAIN_DAYS`: days around the window in which to look for a call that an export did
    /// not find. `None` if `HOMER_EXPLAIN` is off.
    pub explain_days: Option<u32>,
}

impl Config {
    /// Parses environment variables, given as name and value.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_vars<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> Result<Self, ExportError>
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        Self::new(&Variables::from_environment(vars))
    }

    /// Parses the settings that an export needs. It ignores all others.
    ///
    /// # Errors
    /// `misconfigured` if `HOMER_URL` is missing or not a base URL, if there are two credentials or
    /// half of one, if a credential contains a line break, or if a value is out of its range.
    pub fn new(variables: &Variables) -> Result<Self, ExportError> {
        let api = match setting::API.choice(variables)? {
            "7" => Some(Api::V7),
            "11" => Some(Api::V11),
            _ => None,
        };
        let credential = credential(variables)?;
        let credential_kind = match &credential {
            Some(credential) => credential.kind(),
            None => credential_kind(variables)?,
        };
        let explain_days = match setting::EXPLAIN.choice(variables)? {
            "on" => u32::try_from(setting::EXPLAIN_DAYS.integer(variables)?).ok(),
            _ => None,
        };
        let hours = setting::MAX_WINDOW_HOURS.integer(variables)?;
        Ok(Self {
            homer: HomerServer {
                base_url: base_url(variables)?,
                credential,
                credential_kind,
            },
            api,
            first_byte_timeout_ms: setting::TIMEOUT_MS.integer(variables)?,
            // The table of settings limits the value to ten years, so it always fits.
            max_window_hours: u32::try_from(hours).unwrap_or(u32::MAX),
            max_bytes: setting::MAX_BYTES.integer(variables)?,
            report: setting::REPORT.choice(variables)? == "on",
            explain_days,
        })
    }
}

fn base_url(variables: &Variables) -> Result<BaseUrl, ExportError> {
    let Some(given) = setting::URL.get(variables) else {
        return misconfigured(
            "HOMER_URL is not set; set it to Homer's base URL, for example http://homer:9080",
        );
    };
    // The value is not shown, because a URL may contain a password.
    BaseUrl::parse(given.value)
        .map_err(|why| ExportError::Misconfigured(format!("{} is invalid: {why}", given.name)))
}

fn credential(variables: &Variables) -> Result<Option<Credential>, ExportError> {
    let get = |setting: &Setting| setting.get(variables).map(|given| given.value);
    let token = get(&setting::API_TOKEN);
    let jwt = get(&setting::JWT);
    let username = get(&setting::USERNAME);
    let password = get(&setting::PASSWORD);
    let invalid = |setting: &Setting, why: InvalidCredential| {
        ExportError::Misconfigured(format!("{} is {why}", setting.variable))
    };
    // Two kinds are an error: Homer prefers the API token, and falls back to the other one
    // (recordings `authz-good-token-bad-jwt`, `authz-wrong-token-good-jwt`), so nobody could tell
    // which one works.
    match (token, jwt, username, password) {
        (None, None, None, None) => Ok(None),
        (Some(token), None, None, None) => {
            let header = setting::TOKEN_HEADER.get(variables);
            let name = header.map_or(setting::DEFAULT_TOKEN_HEADER, |given| given.value);
            match Credential::api_token(name, token) {
                Ok(credential) => Ok(Some(credential)),
                // Only this setting has a flag, so only here the name that was typed may be another
                // one.
                Err(InvalidCredential::HeaderName) => {
                    let given = header.map_or(setting::TOKEN_HEADER.variable, |given| given.name);
                    misconfigured(&format!("{given} is {}", InvalidCredential::HeaderName))
                }
                Err(why) => Err(invalid(&setting::API_TOKEN, why)),
            }
        }
        (None, Some(token), None, None) => match Credential::jwt(token) {
            Ok(credential) => Ok(Some(credential)),
            Err(why) => Err(invalid(&setting::JWT, why)),
        },
        (None, None, Some(username), Some(password)) => {
            match Credential::login(username, password) {
                Ok(credential) => Ok(Some(credential)),
                Err(why @ InvalidCredential::Username) => Err(invalid(&setting::USERNAME, why)),
                Err(why) => Err(invalid(&setting::PASSWORD, why)),
            }
        }
        (None, None, Some(_), None) => {
            misconfigured("HOMER_USERNAME is set without HOMER_PASSWORD; set both")
        }
        (None, None, None, Some(_)) => {
            misconfigured("HOMER_PASSWORD is set without HOMER_USERNAME; set both")
        }
        _ => misconfigured(
            "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or \
             HOMER_USERNAME with HOMER_PASSWORD",
        ),
    }
}

/// The kind of the credential that the host adds.
fn credential_kind(variables: &Variables) -> Result<CredentialKind, ExportError> {
    let Some(given) = setting::CREDENTIAL_KIND.get(variables) else {
        return Ok(CredentialKind::None);
    };
    // The value is not shown, because a credential may have been put here by mistake.
    CredentialKind::from_name(given.value).ok_or_else(|| {
        let names = CredentialKind::ALL.map(CredentialKind::name).join(", ");
        ExportError::Misconfigured(format!(
            "{} is invalid; expected one of {names}",
            given.name
        ))
    })
}

pub(crate) fn misconfigured<T>(why: &str) -> Result<T, ExportError> {
    Err(ExportError::Misconfigured(why.to_string()))
}
