//! Adds the documentation of a world to a component. rustc discards what wit-bindgen has read from
//! the WIT.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use wit_parser::{PackageMetadata, Resolve, WorldItem, WorldKey};

/// The first version of the format of the section. Tools have read it since 2023. Later versions
/// only add stability.
///
/// `PackageMetadata::extract` of wit-parser cannot write this section: it uses version 1, and it
/// documents every import of the world as well. Older tools reject both. Our tests read the section
/// with `PackageMetadata::decode`.
const VERSION: u8 = 0;

/// The name and the content of a custom section that documents the exported functions of `world`.
///
/// # Errors
/// If the WIT cannot be read or has no such world.
pub fn section(wit: &Path, world: &str) -> Result<(&'static str, Vec<u8>)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let id = resolve.packages[package]
        .worlds
        .get(world)
        .with_context(|| format!("wit/ does not define the world {world}"))?;
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
    // A decoded component is a world with the name `root`.
    let mut data = vec![VERSION];
    data.extend(
        json!({ "worlds": { "root": root } })
            .to_string()
            .into_bytes(),
    );
    Ok((PackageMetadata::SECTION_NAME, data))
}
