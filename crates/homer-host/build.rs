//! Builds `homer-export.wasm` and hands it to the library to be embedded.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    for path in [
        "src",
        "wit",
        "components/exporter",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed=../../{path}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let component = xtask::artifact::EXPORTER.build()?;
    std::fs::write(out.join(xtask::artifact::EXPORTER.file_name()), component)?;
    Ok(())
}
