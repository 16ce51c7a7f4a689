//! The configuration, from `wasi:cli/environment`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{DEFAULT_TOOL_INLINE_BYTES, is_set, number};
use crate::{Config, ExportError};

/// This component's environment.
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// As the host gives it.
    pub fn read() -> Self {
        Self(wasi::cli::environment::get_environment())
    }

    /// The configuration in it.
    ///
    /// # Errors
    /// As [`Config::from_vars`].
    pub fn config(&self) -> Result<Config, ExportError> {
        Config::from_vars(self.0.iter().map(|(name, value)| (name, value.as_str())))
    }

    /// A variable, if it is there, filled in or not; of two of one name the later one counts.
    pub fn as_it_is(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .rfind(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }

    /// The same, if it says something ([`is_set`]).
    pub fn variable(&self, name: &str) -> Option<String> {
        self.as_it_is(name).filter(|value| is_set(value))
    }

    /// `HOMER_MAX_INLINE_BYTES` of `homer-export-tool.wasm`, inclusive.
    ///
    /// # Errors
    /// `misconfigured` if it is none of the numbers that it may be.
    pub fn inline_bytes(&self) -> Result<u64, ExportError> {
        let name = "HOMER_MAX_INLINE_BYTES";
        number(
            name,
            self.variable(name),
            DEFAULT_TOOL_INLINE_BYTES,
            24..=crate::mcp::delivery::MAX_READ_BYTES,
        )
    }
}
