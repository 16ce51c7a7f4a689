//! The values that were given to settings, by environment variables and by flags.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The prefix that all our environment variables share.
const PREFIX: &str = "HOMER_";

/// The values that were given to settings. A flag overrides the environment, and of two values for
/// one setting the later one counts.
#[derive(Clone, Default)]
pub struct Variables {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    variable: String,
    value: String,
    /// The flag as typed, for example `--timeout-ms`. `None` if the environment gave the value.
    flag: Option<String>,
}

/// A value that was given to a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// What the reader typed to set it: `HOMER_TIMEOUT_MS` or `--timeout-ms`.
    pub name: &'a str,
    /// The value. It may be a secret.
    pub value: &'a str,
}

impl Variables {
    /// The variables of an environment, given as name and value, that begin with `HOMER_`.
    pub fn from_environment<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        // Other variables are not copied: they may hold secrets of other programs.
        let ours = vars
            .into_iter()
            .filter(|(name, _)| Self::is_ours(name.as_ref()));
        let entries = ours.map(|(name, value)| Entry {
            variable: name.as_ref().into(),
            value: value.into(),
            flag: None,
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Whether a variable of this name may be one of our settings.
    pub fn is_ours(name: &str) -> bool {
        name.starts_with(PREFIX)
    }

    /// Sets an environment variable, which overrides an earlier value.
    pub fn set(&mut self, variable: &str, value: String) {
        self.entries.push(Entry {
            variable: variable.into(),
            value,
            flag: None,
        });
    }

    /// Sets a variable by a flag, which is named as typed, for example `--timeout-ms`.
    pub fn set_by_flag(&mut self, variable: &str, flag: String, value: String) {
        self.entries.push(Entry {
            variable: variable.into(),
            value,
            flag: Some(flag),
        });
    }

    /// Removes a variable and returns its last value, if that counts as set.
    pub fn take(&mut self, variable: &str) -> Option<String> {
        // All entries are removed, so that an earlier value does not take effect instead.
        let last = self
            .entries
            .iter()
            .rfind(|entry| entry.variable == variable);
        let value = last
            .filter(|entry| is_set(&entry.value))
            .map(|entry| entry.value.clone());
        self.entries.retain(|entry| entry.variable != variable);
        value
    }

    /// The value of a variable. `None` if there is none, if it is empty, or if it is a placeholder
    /// that was never filled in.
    ///
    /// MCP clients pass on a placeholder such as `${user_config.token}` unchanged if the user left
    /// the field empty (mcpb, issue 250). Without this rule it would go to Homer as a token.
    pub fn get(&self, variable: &str) -> Option<Given<'_>> {
        self.get_raw(variable).filter(|given| is_set(given.value))
    }

    /// The value of a variable, even if it is empty or a placeholder.
    pub fn get_raw(&self, variable: &str) -> Option<Given<'_>> {
        // The last one counts: flags are added after the environment.
        let entry = self
            .entries
            .iter()
            .rfind(|entry| entry.variable == variable)?;
        Some(Given {
            name: entry.flag.as_deref().unwrap_or(&entry.variable),
            value: &entry.value,
        })
    }
}

impl fmt::Debug for Variables {
    /// Only the names, because values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| &entry.variable))
            .finish()
    }
}

fn is_set(value: &str) -> bool {
    !value.is_empty() && !is_placeholder(value)
}

/// Whether a value is a placeholder, such as `${user_config.token}`, that was never filled in.
pub(crate) fn is_placeholder(value: &str) -> bool {
    // The whole value: a password may contain such characters.
    value.starts_with("${") && value.ends_with('}')
}
