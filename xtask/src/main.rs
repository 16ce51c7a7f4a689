//! `cargo xtask dist`: the finished components in `dist/`, their sizes and imports; fails on a foreign import.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::{Artefact, artefact, binary};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match (args.next().as_deref(), args.next()) {
        (Some("dist"), None) => dist(&artefact::workspace_root().join("dist")),
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
    artefact::ALL.iter().try_for_each(|artefact| write(artefact, dir))
}

fn write(artefact: &Artefact, dir: &Path) -> Result<()> {
    let component = artefact.build()?;
    let path = dir.join(artefact.file_name());
    let partial = path.with_extension("wasm.partial");
    fs::write(&partial, &component).with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, &path).with_context(|| format!("cannot rename to {}", path.display()))?;
    let mut text = format!("{} ({} bytes)\n", path.display(), component.len());
    for import in binary::imports(&component)? {
        text.push_str(&format!("  imports {import}\n"));
    }
    for export in binary::exports(&component)? {
        text.push_str(&format!("  exports {export}\n"));
    }
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}
