//! What the host tells this component: the settings, from `wasi:cli/environment`, and the time.

use crate::config::Variables;

/// The environment variables of this component.
pub fn variables() -> Variables {
    Variables::from_environment(wasi::cli::environment::get_environment())
}

/// The current Unix time in milliseconds, from `wasi:clocks/wall-clock`.
pub fn now_ms() -> i64 {
    let now = wasi::clocks::wall_clock::now();
    let seconds = i64::try_from(now.seconds).unwrap_or(i64::MAX);
    (seconds.saturating_mul(1000)).saturating_add(i64::from(now.nanoseconds / 1_000_000))
}
