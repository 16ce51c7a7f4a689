//! The WIT files in `wit/deps` are those of the `wasi` crate that the components are built with.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

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
    // `wasip2 v1.0.4+wasi-0.2.12`, whose sources lie in cargo's registry.
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
            "{} differs from {}; BLESS=1 copies it anew",
            ours.display(),
            theirs.display()
        );
    }
}

#[test]
fn wit_for_cargo_component_is_part_of_the_vendored_one() {
    let wit = xtask::artifact::workspace_root().join("wit");
    for name in ["cli.wit", "http.wit"] {
        let read = |dir: &str| fs::read_to_string(wit.join(dir).join(name)).unwrap();
        let (part, whole) = (read("cargo-component"), read("deps"));
        let part = part
            .lines()
            .skip_while(|line| line.starts_with("// "))
            .collect::<Vec<_>>()
            .join("\n");
        let (package, interfaces) = part.split_once("\n\n").unwrap();
        assert!(
            whole.contains(package) && whole.contains(interfaces.trim_end()),
            "{name}"
        );
        assert!(!interfaces.contains("world "), "{name}");
    }
}
