//! The release artifacts have the imports, exports and metadata that they should have.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType,
};
use xtask::artifact::{ALL, ALLOWED_IMPORTS, EXPORTER, EXPORTER_TEXT, MCP_SERVER};
use xtask::{Artifact, binary};

#[test]
fn components_import_the_allowed_interfaces_only() {
    for artifact in ALL {
        let imports = binary::imports(&artifact.build().unwrap()).unwrap();
        let allowed = ALLOWED_IMPORTS.iter().chain(artifact.more_imports);
        let mut allowed: Vec<String> = allowed.map(|name| format!("{name}@0.2.12")).collect();
        allowed.sort_unstable();
        assert_eq!(imports, allowed, "{}", artifact.name);
    }
}

#[test]
fn components_export_their_own_world_only() {
    for (artifact, exports) in [
        (
            EXPORTER,
            &[
                "capture-reader",
                "homer-export-stream",
                "homer-export",
                "homer-search",
                "types",
            ]
            .map(|name| format!("homer:capture/{name}@0.2.0"))[..],
        ),
        (
            EXPORTER_TEXT,
            &["homer-export-pcap", "homer-find-calls"].map(str::to_string),
        ),
        (
            MCP_SERVER,
            &["wasi:http/incoming-handler@0.2.12".to_string()],
        ),
    ] {
        assert_eq!(
            binary::exports(&artifact.build().unwrap()).unwrap(),
            exports
        );
    }
}

#[test]
fn components_have_a_name_and_metadata_only() {
    for artifact in ALL {
        let sections = binary::custom_sections(&artifact.build().unwrap()).unwrap();
        let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
        let metadata = [
            "component-name",
            "description",
            "licenses",
            "source",
            "version",
        ];
        let documentation: &[&str] = if artifact.documented_world.is_some() {
            &["package-docs"]
        } else {
            &[]
        };
        assert_eq!(names, [&metadata[..], documentation].concat());
        // Subsection 0, its length, the name's length, the name.
        let length = u8::try_from(artifact.name.len()).unwrap();
        let name = [&[0, length + 1, length], artifact.name.as_bytes()].concat();
        assert_eq!(sections[0].1, name);
        assert_eq!(
            (&*sections[1].1, &*sections[2].1),
            (artifact.description.as_bytes(), &b"MIT OR Apache-2.0"[..])
        );
        assert!(
            sections[3].1.starts_with(b"https://")
                && sections[4].1 == env!("CARGO_PKG_VERSION").as_bytes()
        );
    }
}

#[test]
fn exporter_text_has_the_documentation_of_its_world() {
    let sections = binary::custom_sections(&EXPORTER_TEXT.build().unwrap()).unwrap();
    let (_, documentation) = sections
        .into_iter()
        .find(|(name, _)| name == "package-docs")
        .unwrap();
    wit_parser::PackageMetadata::decode(&documentation).unwrap();
    let (version, json) = documentation.split_first().unwrap();
    let json: Value = serde_json::from_slice(json).unwrap();
    let function = json["worlds"]["root"]["func_exports"]["homer-export-pcap"]["docs"]
        .as_str()
        .unwrap();
    assert!(
        *version == 0
            && function.starts_with("Export the captured SIP messages of one call from Homer"),
        "{function}"
    );
    assert!(
        words(function).contains("HOMER_MAX_INLINE_BYTES (32 KiB unless set)"),
        "{function}"
    );
    let find = json["worlds"]["root"]["func_exports"]["homer-find-calls"]["docs"].as_str();
    assert!(find.unwrap().starts_with("Find calls that Homer captured"));
    // Only the world is documented: tools cannot read a file with documentation of an interface.
    assert_eq!(json.as_object().unwrap().len(), 1);
}

#[test]
fn components_contain_no_path_of_this_machine() {
    let home = std::env::home_dir().unwrap();
    for component in ALL.map(|artifact| artifact.build().unwrap()) {
        for path in [xtask::artifact::workspace_root(), home.join(".cargo")] {
            let path = path.to_str().unwrap().as_bytes();
            assert!(!component.windows(path.len()).any(|bytes| bytes == path));
        }
    }
}

#[test]
fn component_with_other_exports_or_size_is_rejected() {
    EXPORTER.check(&EXPORTER.build().unwrap()).unwrap();
    let grown = Artifact {
        max_bytes: 1000,
        ..EXPORTER
    }
    .build()
    .unwrap_err()
    .to_string();
    assert!(
        grown.starts_with("homer-export.wasm has ")
            && grown.ends_with(" bytes; the limit is 1000 bytes"),
        "{grown}"
    );
    let other = Artifact {
        exports: EXPORTER_TEXT.exports,
        ..EXPORTER
    }
    .build()
    .unwrap_err()
    .to_string();
    assert!(
        other.starts_with("homer-export.wasm exports homer:capture/capture-reader@0.2.0, "),
        "{other}"
    );
}

#[test]
fn import_is_rejected_unless_it_is_allowed() {
    let importing = |name: &str| {
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut imports = ComponentImportSection::new();
        imports.import(name, ComponentTypeRef::Instance(0));
        let mut component = Component::new();
        component.section(&types).section(&imports);
        component.finish()
    };
    let empty = Artifact {
        exports: &[],
        ..EXPORTER
    };
    empty.check(&importing("wasi:io/poll@0.2.0")).unwrap();
    let error = empty
        .check(&importing("wasi:filesystem/preopens@0.2.12"))
        .unwrap_err();
    let why = "homer-export.wasm imports wasi:filesystem/preopens@0.2.12, which is not allowed";
    assert_eq!(error.to_string(), why);
    // Only components that read relative times have a clock.
    let clock = importing("wasi:clocks/wall-clock@0.2.12");
    assert!(empty.check(&clock).is_err());
    let with_clock = Artifact {
        exports: &[],
        ..MCP_SERVER
    };
    with_clock.check(&clock).unwrap();
}

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
