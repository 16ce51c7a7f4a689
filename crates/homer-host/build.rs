//! Builds `homer-export.wasm`, which the library embeds.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    // Everything that goes into the component. The list has to be complete, because naming any path
    // turns off cargo's default of watching the whole package.
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
