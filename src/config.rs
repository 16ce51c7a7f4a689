//! The configuration of an export, from environment variables and flags.
//!
//! [`setting`] is the table of all settings. [`Variables`] are the values that were given, and
//! [`Config`] is what an export needs of them, parsed.

mod credential;
mod redact;
pub mod setting;
mod variables;

use alloc::format;
use alloc::string::{String, ToString};

use crate::error::ExportError;
use crate::homer::{Api, HomerServer, ProxyCredentialKind};
use crate::origin::BaseUrl;

pub use redact::RedactSettings;
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
    /// What is redacted in captures.
    pub redact: RedactSettings,
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
    /// half of one, if a credential contains a line break, if the credentials for Homer and for a
    /// proxy need the same header field, or if a value is out of its range.
    pub fn new(variables: &Variables) -> Result<Self, ExportError> {
        let api = match setting::API.choice(variables)? {
            "7" => Some(Api::V7),
            "11" => Some(Api::V11),
            _ => None,
        };
        let credential = credential::homers(variables)?;
        let credential_kind = match &credential {
            Some(credential) => credential.kind(),
            None => credential::kind(variables)?,
        };
        let proxy_credential = credential::proxys(variables, credential.as_ref())?;
        let proxy_credential_kind = match &proxy_credential {
            Some(_) => ProxyCredentialKind::Basic,
            None => credential::proxy_kind(variables)?,
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
                proxy_credential,
                proxy_credential_kind,
            },
            api,
            first_byte_timeout_ms: setting::TIMEOUT_MS.integer(variables)?,
            // The table of settings limits the value to ten years, so it always fits.
            max_window_hours: u32::try_from(hours).unwrap_or(u32::MAX),
            max_bytes: setting::MAX_BYTES.integer(variables)?,
            report: setting::REPORT.choice(variables)? == "on",
            explain_days,
            redact: RedactSettings::new(variables)?,
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

pub(crate) fn misconfigured<T>(why: &str) -> Result<T, ExportError> {
    Err(ExportError::Misconfigured(why.to_string()))
}
