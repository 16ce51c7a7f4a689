//! The program over standard input and output, as the tests start it.

use fake_homer::{API_TOKEN, FakeHomer};
use tokio::process::Command;

/// The program with this Homer and nothing else in its environment.
pub(crate) fn command(homer: &FakeHomer) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export-mcp"));
    command
        .env_clear()
        .env("HOMER_URL", homer.url())
        .env("HOMER_API_TOKEN", API_TOKEN)
        // All tests share the cache of compiled components.
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        // A file, so that there is no directory for captures: they are attached to the results.
        .env("XDG_STATE_HOME", env!("CARGO_BIN_EXE_homer-export-mcp"))
        .kill_on_drop(true);
    command
}
