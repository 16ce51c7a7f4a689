//! The configuration, from `wasi:cli/environment`.

use alloc::string::String;

use crate::settings::{DEFAULT_TOOL_INLINE_BYTES, number};
use crate::{ExportError, Settings};

/// The settings in this component's environment.
///
/// # Errors
/// As [`Settings::from_vars`].
pub fn settings() -> Result<Settings, ExportError> {
    Settings::from_vars(wasi::cli::environment::get_environment())
}

/// A variable of this component's environment; an empty one counts as not set.
pub fn variable(name: &str) -> Option<String> {
    let vars = wasi::cli::environment::get_environment();
    vars.into_iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
}

/// `HOMER_MAX_INLINE_BYTES` of `homer-export-tool.wasm`, inclusive.
///
/// # Errors
/// `misconfigured` if it is none of the numbers that it may be.
pub fn inline_bytes() -> Result<u64, ExportError> {
    let name = "HOMER_MAX_INLINE_BYTES";
    number(name, variable(name), DEFAULT_TOOL_INLINE_BYTES, 24..=crate::tool::MAX_READ_BYTES)
}
