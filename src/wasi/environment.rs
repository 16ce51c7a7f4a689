//! The configuration, from `wasi:cli/environment`.

use crate::{ExportError, Settings};

/// The settings in this component's environment.
///
/// # Errors
/// As [`Settings::from_vars`].
pub fn settings() -> Result<Settings, ExportError> {
    Settings::from_vars(wasi::cli::environment::get_environment())
}
