//! The configuration of a native program, converted to a policy.

mod extra_headers;
mod file;
mod flags;
mod secret_command;
mod secret_file;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use homer_export::config::{Variables, setting};
use homer_export::homer::{HomerServer, ProxyCredentialKind};
use homer_export::origin::Scheme;
use homer_export::redact::{Level, Redaction};
use homer_export::{Config, ExportError};

use crate::environment::ComponentEnvironment;
use crate::extra_fields::ExtraFields;
use crate::policy::{AllowedOrigin, Limits, Policy};
use crate::secret_token::secret_token;
use secret_file::FILE_SUFFIX;

pub use flags::{Flags, McpFlags, SettingFlags};
pub use secret_file::{read_secret, readable_by_others, shown_path};

/// What a native program is configured with.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The settings of an export, including the credential, which the component does not get.
    pub config: Config,
    /// The header fields for a proxy in front of Homer: `HOMER_PROXY_USERNAME` and
    /// `HOMER_PROXY_PASSWORD`, and the file `HOMER_EXTRA_HEADERS_FILE`.
    pub extra_fields: ExtraFields,
    /// `HOMER_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// `HOMER_EXPORT_MAX_BYTES`: largest capture in bytes, inclusive.
    pub export_max_bytes: u64,
    /// `HOMER_EXPORT_DEADLINE_MS`: longest duration of an export.
    pub export_deadline: Duration,
    /// `HOMER_MAX_CONCURRENT`: number of concurrent exports, and more while they prove small.
    pub max_concurrent: usize,
    /// What the operator should know: files of secrets that others can read, and a credential that
    /// crosses a network unencrypted. Sentences without a credential.
    pub warnings: Vec<String>,
}

impl HostConfig {
    /// The configuration of this process: its environment, overridden by the Homer that the flags
    /// choose in the configuration file, overridden by `flags`.
    ///
    /// # Errors
    /// As [`Self::new`] and [`Flags::variables`].
    pub fn of_process(flags: &Flags) -> Result<Self, ExportError> {
        Self::new(flags.variables()?)
    }

    /// A configuration that does not depend on this process's environment: `flags`, overridden by
    /// the environment variables `vars`. The demo uses it, so that it sends requests to the fake
    /// Homer only.
    ///
    /// # Errors
    /// As [`Self::new`], and if the flags choose a Homer in a configuration file.
    pub fn isolated(
        flags: &Flags,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ExportError> {
        if let Some(flag) = flags.file_flag() {
            return misconfigured(format!("{flag} and --demo both choose a Homer; keep one"));
        }
        let mut variables = Variables::default();
        flags.apply(&mut variables);
        for (name, value) in vars {
            variables.set(&name, value);
        }
        Self::new(variables)
    }

    /// Parses environment variables, given as name and value.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ExportError> {
        Self::new(Variables::from_environment(vars))
    }

    /// Parses the settings of a native program.
    ///
    /// # Errors
    /// `misconfigured` as [`Config::new`], and if the file of a secret cannot be read or is empty,
    /// or if a secret is given twice, and if the file of header fields is invalid.
    pub fn new(mut variables: Variables) -> Result<Self, ExportError> {
        let mut warnings = Vec::new();
        for secret in [
            &setting::REDACT_KEY,
            &setting::API_TOKEN,
            &setting::JWT,
            &setting::PASSWORD,
            &setting::PROXY_PASSWORD,
        ] {
            warnings.extend(read_secret(&mut variables, secret)?);
        }
        if setting::REDACT_KEY.get(&variables).is_none() {
            // The captures of one process have the same pseudonyms, and nobody can compute them.
            let key = secret_token().map_err(|why| {
                ExportError::Misconfigured(format!("{why}, and HOMER_REDACT_KEY is not set"))
            })?;
            variables.set(setting::REDACT_KEY.variable, key);
        }
        let extra_headers = setting::EXTRA_HEADERS_FILE.get(&variables);
        warnings
            .extend(extra_headers.and_then(|given| readable_by_others(given.name, given.value)));
        // The host itself knows which kinds of credentials it adds.
        variables.take(setting::CREDENTIAL_KIND.variable);
        variables.take(setting::PROXY_CREDENTIAL_KIND.variable);
        let mut config = Config::new(&variables)?;
        let extra_fields = extra_headers::read(&variables, &config.homer)?;
        let homer = &mut config.homer;
        if homer.proxy_credential.is_none() && !extra_fields.is_empty() {
            homer.proxy_credential_kind = ProxyCredentialKind::Fields;
        }
        warnings.extend(unencrypted(homer, &extra_fields));
        let concurrent = setting::MAX_CONCURRENT.integer(&variables)?;
        let deadline_ms = setting::EXPORT_DEADLINE_MS.integer(&variables)?;
        Ok(Self {
            config,
            extra_fields,
            ca_file: setting::CA_FILE
                .get(&variables)
                .map(|given| given.value.into()),
            export_max_bytes: setting::EXPORT_MAX_BYTES.integer(&variables)?,
            export_deadline: Duration::from_millis(deadline_ms),
            max_concurrent: usize::try_from(concurrent).unwrap_or(usize::MAX),
            warnings,
        })
    }

    /// The redaction of an export whose caller asks for `requested`: the higher of this level and
    /// `HOMER_REDACT`. The key is `HOMER_REDACT_KEY`, or one that this process has made.
    ///
    /// # Errors
    /// None in practice, because there is a key.
    pub fn redaction(&self, requested: Option<Level>) -> Result<Option<Redaction>, ExportError> {
        self.config.redact.redaction(requested)
    }

    /// The policy: requests go to Homer's origin only, and the host adds the credential.
    pub fn policy(&self) -> Policy {
        let config = &self.config;
        let homer = &config.homer;
        Policy {
            allowed: vec![AllowedOrigin {
                base: homer.base_url.clone(),
                credential: homer.credential.clone(),
                extra_fields: self.extra_fields.clone(),
            }],
            // The host adds the credential, so the component has no reason to set these header
            // fields.
            own_credentials: false,
            environment: ComponentEnvironment {
                homer: Some(homer.base_url.clone()),
                api: config.api,
                credential_kind: Some(homer.credential_kind),
                // None is the component's default.
                proxy_credential_kind: Some(homer.proxy_credential_kind)
                    .filter(|kind| *kind != ProxyCredentialKind::None),
                first_byte_timeout: Some(Duration::from_millis(config.first_byte_timeout_ms)),
                max_window_hours: Some(config.max_window_hours),
                max_bytes: Some(config.max_bytes),
                report: Some(config.report),
                explain: Some(config.explain_days.is_some()),
                explain_days: config.explain_days,
                other: vec![],
            },
            ca_file: self.ca_file.clone(),
            limits: Limits {
                concurrent_exports: self.max_concurrent,
                deadline: self.export_deadline,
                response_bytes: self.export_max_bytes,
                first_byte: Duration::from_millis(config.first_byte_timeout_ms),
                ..Limits::default()
            },
        }
    }
}

impl Flags {
    /// The settings of this process: its environment, overridden by the Homer that `--homer`
    /// chooses in the configuration file, overridden by the other flags.
    ///
    /// # Errors
    /// `misconfigured` if a variable that begins with `HOMER_` is not Unicode, or if the
    /// configuration file or a Homer in it cannot be used.
    pub fn variables(&self) -> Result<Variables, ExportError> {
        let mut variables = process_variables()?;
        self.choice().apply(&mut variables)?;
        self.apply(&mut variables);
        Ok(variables)
    }
}

/// The environment variables of this process that begin with `HOMER_`.
///
/// # Errors
/// `misconfigured` if one of them is not Unicode.
pub fn process_variables() -> Result<Variables, ExportError> {
    let mut ours = Vec::new();
    // `std::env::vars` would panic on a variable of another program that is not Unicode.
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| Variables::is_ours(name)) else {
            continue;
        };
        let Ok(value) = value.into_string() else {
            return misconfigured(format!("{name} is not Unicode text"));
        };
        ours.push((name.to_string(), value));
    }
    Ok(Variables::from_environment(ours))
}

/// The warning about a credential that crosses a network unencrypted.
fn unencrypted(homer: &HomerServer, extra_fields: &ExtraFields) -> Option<String> {
    let origin = homer.base_url.origin();
    let has_credential = homer.credential.is_some() || !extra_fields.is_empty();
    let is_local = is_loopback(origin.host());
    (has_credential && origin.scheme() == Scheme::Http && !is_local).then(|| {
        format!(
            "warning: the credential for {origin} is sent over plain http, so whoever can read the \
             network traffic learns it; use https beyond a trusted network"
        )
    })
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn misconfigured<T>(why: String) -> Result<T, ExportError> {
    Err(ExportError::Misconfigured(why))
}
