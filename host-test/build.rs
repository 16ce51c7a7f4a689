//! Builds `homer-export.wasm` and hands it to the library to be embedded.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    for path in ["src", "wit", "components/plugin", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed=../{path}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let component = xtask::artefact::PLUGIN.build()?;
    std::fs::write(out.join(xtask::artefact::PLUGIN.file_name()), component)?;
    Ok(())
}
