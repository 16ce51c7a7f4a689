//! `cargo xtask dist`: the finished components in `dist/`, their sizes and imports; fails on a
//! foreign import.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::{Artifact, artifact, binary};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match (args.next().as_deref(), args.next()) {
        (Some("dist"), None) => dist(&artifact::workspace_root().join("dist")),
        _ => Err(anyhow::anyhow!("usage: cargo xtask dist")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
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
    io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}
