//! Reads and edits the binary format of components.
//!
//! wasm-metadata could write the metadata, but its feature `oci` brings URL, SPDX and compression
//! crates into every build of `homer-host`, and it cannot strip a component. The little that we
//! need is written here with wasm-encoder.

use anyhow::{Context, Result, bail};
use wasm_encoder::{
    ComponentNameSection, ComponentSection as _, ComponentSectionId, CustomSection, Encode as _,
    RawSection, Section as _,
};
use wasmparser::{Encoding, Parser, Payload};

/// The names of the imports of the root component, with versions, sorted.
///
/// # Errors
/// If `component` is not a component.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for payload in root_payloads(component) {
        if let Payload::ComponentImportSection(section) = payload? {
            for import in section {
                names.push(import?.name.name.to_string());
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The names of the exports of the root component, with versions, sorted.
///
/// # Errors
/// If `component` is not a component.
pub fn exports(component: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for payload in root_payloads(component) {
        if let Payload::ComponentExportSection(section) = payload? {
            for export in section {
                names.push(export?.name.name.to_string());
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The custom sections of the root component as names and contents.
///
/// # Errors
/// If `component` is not a component.
pub fn custom_sections(component: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut sections = Vec::new();
    for payload in root_payloads(component) {
        if let Payload::CustomSection(section) = payload? {
            sections.push((section.name().to_string(), section.data().to_vec()));
        }
    }
    Ok(sections)
}

/// Removes the custom sections at every depth, then adds the name of the root component and the
/// given custom sections. Metadata are custom sections (the OCI annotations that wasm tools show).
///
/// # Errors
/// If `component` is not a valid component.
pub fn finish(component: &[u8], name: &str, sections: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut output = strip(component)?;
    let mut names = ComponentNameSection::new();
    names.component(name);
    names.append_to_component(&mut output);
    for (name, data) in sections {
        CustomSection {
            name: (*name).into(),
            data: data.into(),
        }
        .append_to(&mut output);
    }
    wasmparser::validate(&output).context("the post-processed component is not valid")?;
    Ok(output)
}

/// Removes the custom sections at every depth: names and debug information.
fn strip(component: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    // The outer modules and components of `output`, which are continued when it ends: a nested one
    // is a section with a length, which is known only then.
    let mut parents = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => output.extend_from_slice(match encoding {
                Encoding::Component => &wasm_encoder::Component::HEADER,
                Encoding::Module => &wasm_encoder::Module::HEADER,
            }),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                parents.push(std::mem::take(&mut output));
                continue;
            }
            Payload::End(_) => {
                let Some(mut parent) = parents.pop() else {
                    break;
                };
                let id = if output.starts_with(&wasm_encoder::Component::HEADER) {
                    ComponentSectionId::Component
                } else {
                    ComponentSectionId::CoreModule
                };
                parent.push(id as u8);
                output.encode(&mut parent);
                output = parent;
            }
            Payload::CustomSection(_) => continue,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            RawSection {
                id,
                data: &component[range],
            }
            .append_to(&mut output);
        }
    }
    Ok(output)
}

/// The payloads of the root component only. Nested modules and components have imports and exports
/// of their own.
fn root_payloads(component: &[u8]) -> impl Iterator<Item = Result<Payload<'_>>> {
    let mut depth = 0_u32;
    Parser::new(0)
        .parse_all(component)
        .filter_map(move |payload| match payload {
            Err(error) => Some(Err(error.into())),
            Ok(Payload::Version {
                encoding: Encoding::Module,
                ..
            }) if depth == 0 => Some(not_a_component()),
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                depth += 1;
                None
            }
            Ok(Payload::End(_)) if depth > 0 => {
                depth -= 1;
                None
            }
            Ok(payload) => (depth == 0).then_some(Ok(payload)),
        })
}

fn not_a_component<'a>() -> Result<Payload<'a>> {
    bail!("this is a core module, not a component")
}
