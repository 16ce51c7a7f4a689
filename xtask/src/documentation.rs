//! The documentation of a world, put back into a component: it gets lost on the way from WIT
//! through rustc.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use wit_parser::{Resolve, WorldItem, WorldKey};

/// The section's name, as wit-parser has it (`PackageMetadata::SECTION_NAME`).
const SECTION: &str = "package-docs";

/// The first version of the section's format, which tools read since 2023; what has come since is
/// about stability alone.
const VERSION: u8 = 0;

/// Name and content of the custom section that documents the functions which `world` of the package
/// in `wit` exports.
///
/// # Errors
/// If there is no such world, or the WIT cannot be read.
pub fn section(wit: &Path, world: &str) -> Result<(&'static str, Vec<u8>)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let id = resolve.packages[package]
        .worlds
        .get(world)
        .with_context(|| format!("wit/ has no world {world}"))?;
    let world = &resolve.worlds[*id];
    let functions: Map<String, Value> = world
        .exports
        .iter()
        .filter_map(|(key, item)| match (key, item) {
            (WorldKey::Name(name), WorldItem::Function(function)) => Some((
                name.clone(),
                json!({ "docs": function.docs.contents.as_deref()? }),
            )),
            _ => None,
        })
        .collect();
    let mut root = json!({ "func_exports": functions });
    if let Some(docs) = world.docs.contents.as_deref() {
        root["docs"] = docs.into();
    }
    // A component that is decoded is a world called root.
    let mut data = vec![VERSION];
    data.extend(
        json!({ "worlds": { "root": root } })
            .to_string()
            .into_bytes(),
    );
    Ok((SECTION, data))
}
