//! What the benchmarks share: the sections of docs/benchmarks.md that they rewrite, the goals, and
//! the programs that they run. `cargo bench -p benches --bench NAME` runs one of them.
#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails by panicking, and its names are its documentation"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

pub mod figures;
pub mod goals;

/// The request of the native client: the fake Homer returns the capture of the profile that it
/// names. The same as in client.py.
pub const EXPORT_REQUEST: &[u8] = br#"{"param":{"search":{"1_call":{"callid":["000000000000@192.0.2.10"]}}},"timestamp":{"from":1795168800000,"to":1795169100000}}"#;

/// Builds a program of this workspace with the release profile and returns its path.
pub fn program(package: &str, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            package,
            "--bin",
            name,
        ])
        .status()
        .unwrap();
    assert!(built.success(), "cannot build {name}");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target
        .join("release")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
