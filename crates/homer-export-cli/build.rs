//! Passes the version, with the commit in a checkout of git, to the program.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let root = xtask::artifact::workspace_root();
    let version = env!("CARGO_PKG_VERSION");
    let lines = xtask::commit::version_for_build_script(&root, version);
    io::stdout().write_all(lines.as_bytes())
}
