//! The configuration, from `wasi:cli/environment`.

use alloc::string::String;

use crate::settings::{DEFAULT_TOOL_INLINE_BYTES, is_set, number};
use crate::{ExportError, Settings};

/// The settings in this component's environment.
///
/// # Errors
/// As [`Settings::from_vars`].
pub fn settings() -> Result<Settings, ExportError> {
    Settings::from_vars(wasi::cli::environment::get_environment())
}

/// A variable of this component's environment, if it is there, filled in or not; of two of one name the later one counts.
pub fn as_it_is(name: &str) -> Option<String> {
    let vars = wasi::cli::environment::get_environment();
    vars.into_iter().rfind(|(known, _)| known == name).map(|(_, value)| value)
}

/// The same, if it says something ([`is_set`]).
pub fn variable(name: &str) -> Option<String> {
    as_it_is(name).filter(|value| is_set(value))
}

/// `HOMER_MAX_INLINE_BYTES` of `homer-export-tool.wasm`, inclusive.
///
/// # Errors
/// `misconfigured` if it is none of the numbers that it may be.
pub fn inline_bytes() -> Result<u64, ExportError> {
    let name = "HOMER_MAX_INLINE_BYTES";
    number(name, variable(name), DEFAULT_TOOL_INLINE_BYTES, 24..=crate::tool::MAX_READ_BYTES)
}
