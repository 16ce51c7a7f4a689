//! `cargo xtask dist`: the finished components in `dist/`, their sizes and imports; fails on a foreign import.
#![expect(clippy::print_stdout, reason = "this is its result")]

use std::fs;
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
            println!("xtask: {error:#}");
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
    println!("{} ({} bytes)", path.display(), component.len());
    for import in binary::imports(&component)? {
        println!("  imports {import}");
    }
    for export in binary::exports(&component)? {
        println!("  exports {export}");
    }
    Ok(())
}
