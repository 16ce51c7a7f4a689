//! The WIT files: `wit/deps` are those of the `wasi` crate that the components are built with, and
//! the files for cargo-component follow from them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wit_parser::Resolve;
use xtask::artifact::ALL;
use xtask::cargo_component;

#[test]
fn vendored_wit_is_that_of_the_wasi_crate() {
    let root = xtask::artifact::workspace_root();
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "wasi@0.14.7",
            "--depth",
            "1",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
        ])
        .args(["--target", "wasm32-wasip2"])
        .current_dir(&root)
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    // `wasip2 v1.0.4+wasi-0.2.12`, whose sources are in cargo's registry directory.
    let version = tree
        .lines()
        .find_map(|line| line.strip_prefix("wasip2 v"))
        .unwrap()
        .trim();
    let home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cargo"), Into::into);
    let crates = fs::read_dir(home.join("registry/src"))
        .unwrap()
        .map(|registry| registry.unwrap().path());
    let theirs = crates
        .map(|registry| registry.join(format!("wasip2-{version}/wit/deps")))
        .find(|deps| deps.is_dir())
        .unwrap();
    let ours = root.join("wit/deps");

    let wit = |dir: &Path| {
        let names = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".wit")).collect();
        names.sort();
        names
    };
    assert_eq!(wit(&ours), wit(&theirs));
    for name in wit(&theirs) {
        let (ours, theirs) = (ours.join(&name), theirs.join(&name));
        if std::env::var_os("BLESS").is_some() {
            fs::copy(&theirs, &ours).unwrap();
        }
        let same = fs::read(&ours).unwrap() == fs::read(&theirs).unwrap();
        assert!(
            same,
            "{} differs from {}; BLESS=1 copies it",
            ours.display(),
            theirs.display()
        );
    }
}

#[test]
fn wit_for_cargo_component_resolves_the_worlds_without_the_other_packages() {
    let root = xtask::artifact::workspace_root();
    let wit = root.join("wit");
    // What the manifests of the components name: ours, two generated and two vendored files.
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cargo-component");
    let deps = directory.join("deps");
    let generated = cargo_component::write(&wit, &deps).unwrap();
    for name in ["clocks.wit", "io.wit"] {
        fs::copy(wit.join("deps").join(name), deps.join(name)).unwrap();
    }
    let ours = directory.join("homer-capture.wit");
    fs::copy(wit.join("homer-capture.wit"), ours).unwrap();

    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&directory).unwrap();
    for artifact in ALL {
        let worlds = &resolve.packages[package].worlds;
        assert!(
            worlds.contains_key(artifact.package),
            "{}",
            artifact.package
        );
    }

    // Every interface is unchanged, and there are no worlds.
    for path in generated {
        let text = fs::read_to_string(&path).unwrap();
        let whole = wit.join("deps").join(path.file_name().unwrap());
        let whole = fs::read_to_string(whole).unwrap();
        for interface in text.split_inclusive("\n}\n").skip(1) {
            assert!(whole.contains(interface), "{}", path.display());
        }
        assert!(!text.contains("\nworld "), "{}", path.display());
    }
}
