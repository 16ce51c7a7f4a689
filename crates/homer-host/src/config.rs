//! The environment's configuration of the native programs, made into a policy.

mod flags;

use std::path::PathBuf;
use std::time::Duration;

use homer_export::config::{is_set, number};
use homer_export::{Config, ExportError};

use crate::environment::ComponentEnvironment;
use crate::policy::{AllowedOrigin, Limits, Policy};

pub use flags::Flags;

/// Secrets that may stand in a file instead, named by the same variable with `_FILE` behind it.
const SECRETS: [&str; 3] = ["HOMER_API_TOKEN", "HOMER_JWT", "HOMER_PASSWORD"];

/// What the native programs are configured with.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// What the component is told, and the credential it is not told.
    pub config: Config,
    /// `HOMER_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// `HOMER_EXPORT_MAX_BYTES`: largest capture in bytes, inclusive.
    pub export_max_bytes: u64,
    /// `HOMER_EXPORT_DEADLINE_MS`: longest export.
    pub export_deadline: Duration,
    /// `HOMER_MAX_CONCURRENT`: exports at once.
    pub max_concurrent: usize,
}

impl HostConfig {
    /// The configuration of this process: its environment, overridden by `flags`.
    ///
    /// # Errors
    /// As [`Self::from_vars`], and if a `HOMER_…` variable is not Unicode.
    pub fn of_process(flags: &Flags) -> Result<Self, ExportError> {
        let mut environment = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with("HOMER_")) else {
                continue;
            };
            let Some(value) = value.to_str() else {
                return Err(ExportError::Misconfigured(format!(
                    "{name} is not Unicode text"
                )));
            };
            environment.push((name.to_string(), value.to_string()));
        }
        Self::from_vars(environment.into_iter().chain(flags.variables()))
    }

    /// Reads the environment `vars`; of two variables of one name the later one counts, so that
    /// flags can follow.
    ///
    /// # Errors
    /// `misconfigured`, as [`Config::from_vars`], and if a secret's file cannot be read or a secret
    /// is given twice.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ExportError> {
        let mut vars: Vec<(String, String)> = vars
            .into_iter()
            .filter(|(_, value)| is_set(value))
            .collect();
        for name in SECRETS {
            if let Some(secret) = secret(&mut vars, name)? {
                vars.push((name.to_string(), secret));
            }
        }
        // The host itself says which kind of credential there is.
        take(&mut vars, "HOMER_CREDENTIAL_KIND");
        let ca_file = take(&mut vars, "HOMER_CA_FILE").map(PathBuf::from);
        let defaults = Limits::default();
        let export_max_bytes = number(
            "HOMER_EXPORT_MAX_BYTES",
            take(&mut vars, "HOMER_EXPORT_MAX_BYTES"),
            defaults.response_bytes,
            24..=u64::MAX,
        )?;
        let deadline_ms = number(
            "HOMER_EXPORT_DEADLINE_MS",
            take(&mut vars, "HOMER_EXPORT_DEADLINE_MS"),
            defaults.deadline.as_millis().try_into().unwrap_or(u64::MAX),
            1..=86_400_000,
        )?;
        let max_concurrent = number(
            "HOMER_MAX_CONCURRENT",
            take(&mut vars, "HOMER_MAX_CONCURRENT"),
            defaults.concurrent_exports as u64,
            1..=1000,
        )?;
        let config = Config::from_vars(vars)?;
        Ok(Self {
            config,
            ca_file,
            export_max_bytes,
            export_deadline: Duration::from_millis(deadline_ms),
            max_concurrent: usize::try_from(max_concurrent).unwrap_or(usize::MAX),
        })
    }

    /// The policy: Homer's origin alone, with the credential; an environment without it.
    pub fn policy(&self) -> Policy {
        let config = &self.config;
        Policy {
            allowed: vec![AllowedOrigin {
                base: config.homer.clone(),
                credential: config.credential.clone(),
            }],
            own_credentials: false,
            environment: ComponentEnvironment {
                homer: Some(config.homer.clone()),
                api: config.api,
                credential_kind: Some(config.credential_kind),
                first_byte_timeout: Some(Duration::from_millis(config.first_byte_timeout_ms)),
                max_window_hours: Some(config.max_window_hours),
                max_bytes: Some(config.max_bytes),
                report: Some(config.report),
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

/// A variable of this process's environment, if it is set and says something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| is_set(value))
}

/// Takes a secret out of `vars`, or out of the file that its variable with `_FILE` behind it names;
/// line ends behind it do not count. None if neither is set.
///
/// # Errors
/// `misconfigured` if both are set, or the file cannot be read or is empty.
pub fn secret(vars: &mut Vec<(String, String)>, name: &str) -> Result<Option<String>, ExportError> {
    let given = take(vars, name);
    let Some(path) = take(vars, &format!("{name}_FILE")) else {
        return Ok(given);
    };
    if given.is_some() {
        return Err(ExportError::Misconfigured(format!(
            "{name} and {name}_FILE are both set; keep one of them"
        )));
    }
    let secret = std::fs::read_to_string(&path).map_err(|why| {
        ExportError::Misconfigured(format!("{name}_FILE: cannot read {path}: {why}"))
    })?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    // An empty variable is one that is not set; an empty file is a mistake.
    if secret.is_empty() {
        return Err(ExportError::Misconfigured(format!(
            "{name}_FILE: {path} is empty"
        )));
    }
    Ok(Some(secret.to_string()))
}

/// Takes the last variable of this name out of `vars`, and all others of it.
fn take(vars: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let value = vars
        .iter()
        .rev()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value.clone());
    vars.retain(|(other, _)| other != name);
    value
}
