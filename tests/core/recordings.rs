//! The recorded exchanges in `tests/data`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The body of a recorded capture.
pub(crate) fn capture(name: &str) -> Vec<u8> {
    fs::read(data().join(format!("{name}.pcap"))).unwrap()
}

/// Name and body of every recorded capture.
pub(crate) fn captures() -> Vec<(String, Vec<u8>)> {
    let captures = captures_in(&data());
    assert!(
        captures.len() >= 20,
        "only {} in tests/data",
        captures.len()
    );
    captures
}

/// Name and body of every capture of a case from a public report.
pub(crate) fn public_captures() -> Vec<(String, Vec<u8>)> {
    captures_in(&data().join("public"))
}

fn captures_in(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "pcap")
    });
    names.sort();
    names
        .iter()
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_string(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

/// A recorded exchange.
pub(crate) fn exchange(name: &str) -> Value {
    json(name)
}

/// A JSON file.
pub(crate) fn json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(data().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The name of every recorded exchange.
pub(crate) fn names() -> Vec<String> {
    let files = fs::read_dir(data()).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_string()))
        .collect();
    names.sort();
    names
}
