//! The finished components are what the contract and the sandbox say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wasm_encoder::{Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType};
use xtask::artefact::{ALLOWED_IMPORTS, PLUGIN};
use xtask::binary;

#[test]
fn plugin_imports_what_the_contract_says_and_nothing_else() {
    let component = PLUGIN.build().unwrap();
    let imports = binary::imports(&component).unwrap();
    assert_eq!(imports, ALLOWED_IMPORTS.map(|name| format!("{name}@0.2.12")));
    let exports = binary::exports(&component).unwrap();
    assert_eq!(
        exports,
        ["homer-export-stream", "homer-export", "types"].map(|name| format!("homer:capture/{name}@0.1.0"))
    );
}

#[test]
fn plugin_is_named_and_carries_metadata_alone() {
    let sections = binary::custom_sections(&PLUGIN.build().unwrap()).unwrap();
    let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["component-name", "description", "licenses", "version"]);
    // Subsection 0, its length, the name's length, the name.
    assert_eq!(sections[0].1, b"\x00\x0d\x0chomer-export");
    assert_eq!(sections[2].1, b"MIT OR Apache-2.0");
}

#[test]
fn plugin_holds_no_path_of_this_machine() {
    let component = PLUGIN.build().unwrap();
    let home = std::env::home_dir().unwrap();
    for path in [xtask::artefact::workspace_root(), home.join(".cargo")] {
        let path = path.to_str().unwrap().as_bytes();
        assert!(!component.windows(path.len()).any(|bytes| bytes == path));
    }
}

#[test]
fn foreign_import_is_refused_and_an_allowed_one_is_not() {
    let importing = |name: &str| {
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut imports = ComponentImportSection::new();
        imports.import(name, ComponentTypeRef::Instance(0));
        let mut component = Component::new();
        component.section(&types).section(&imports);
        component.finish()
    };
    PLUGIN.refuse_foreign_imports(&importing("wasi:io/poll@0.2.0")).unwrap();
    let error = PLUGIN.refuse_foreign_imports(&importing("wasi:filesystem/preopens@0.2.12")).unwrap_err();
    let why = "homer-export.wasm imports wasi:filesystem/preopens@0.2.12, which no component of ours may";
    assert_eq!(error.to_string(), why);
}
