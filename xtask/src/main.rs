//! The commands of this repository.
//!
//! * `cargo xtask dist` writes the post-processed components to `dist/` and prints their sizes,
//!   imports and exports. It fails if a component imports more than is allowed.
//! * `cargo xtask cargo-component` writes the WIT files that `cargo component build` needs.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::{Artifact, artifact, binary, cargo_component};

const USAGE: &str = "usage: cargo xtask dist | cargo-component";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let root = artifact::workspace_root();
    let result = match (args.next().as_deref(), args.next()) {
        (Some("dist"), None) => dist(&root.join("dist")),
        (Some("cargo-component"), None) => {
            cargo_component(&root.join("wit"), &root.join("target/cargo-component"))
        }
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn cargo_component(wit: &Path, dir: &Path) -> Result<()> {
    let paths = cargo_component::write(wit, dir)?;
    paths
        .iter()
        .try_for_each(|path| print(&format!("{}\n", path.display())))
}

fn dist(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    artifact::ALL
        .iter()
        .try_for_each(|artifact| write(artifact, dir))
}

fn write(artifact: &Artifact, dir: &Path) -> Result<()> {
    let component = artifact.build()?;
    let path = dir.join(artifact.file_name());
    // A rename, so that a host that runs meanwhile never loads half a file.
    let partial = path.with_extension("wasm.partial");
    fs::write(&partial, &component)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, &path).with_context(|| format!("cannot rename to {}", path.display()))?;
    let mut text = format!("{} ({} bytes)\n", path.display(), component.len());
    for import in binary::imports(&component)? {
        text.push_str(&format!("  imports {import}\n"));
    }
    for export in binary::exports(&component)? {
        text.push_str(&format!("  exports {export}\n"));
    }
    print(&text)
}

fn print(text: &str) -> Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}
