//! The settings that the host gives to this component, from `wasi:cli/environment`.

use alloc::string::String;

use crate::config::{Config, Variables, setting};
use crate::error::ExportError;

/// This component's environment.
pub struct Environment(Variables);

impl Environment {
    /// Reads the environment.
    pub fn read() -> Self {
        Self(Variables::from_environment(
            wasi::cli::environment::get_environment(),
        ))
    }

    /// The settings of an export.
    ///
    /// # Errors
    /// As [`Config::new`].
    pub fn config(&self) -> Result<Config, ExportError> {
        Config::new(&self.0)
    }

    /// A variable, even if it is empty or a placeholder.
    pub fn as_it_is(&self, name: &str) -> Option<String> {
        self.0.raw_by_name(name)
    }

    /// A variable, if it counts as set.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.0.by_name(name)
    }

    /// `HOMER_MAX_INLINE_BYTES` of `homer-export-tool.wasm`, inclusive.
    ///
    /// # Errors
    /// `misconfigured` if the value is out of range.
    pub fn inline_bytes(&self) -> Result<u64, ExportError> {
        setting::MAX_INLINE_BYTES.integer_or(&self.0, setting::DEFAULT_TEXT_INLINE_BYTES)
    }
}
