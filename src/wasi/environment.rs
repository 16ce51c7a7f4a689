//! The settings that the host gives to this component, from `wasi:cli/environment`.

use crate::config::Variables;

/// The environment variables of this component.
pub fn variables() -> Variables {
    Variables::from_environment(wasi::cli::environment::get_environment())
}
