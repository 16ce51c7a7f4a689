//! docs/benchmarks.md, a section for each command that measures.

use std::fs;
use std::path::Path;

/// Puts a section in its place, or at the end.
pub fn write(title: &str, command: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../FIGURES.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let heading = format!("## {title}\n");
    let section = format!("{heading}\n`{command}`\n\n{}\n", text.trim_end());
    let new = match old.find(&heading) {
        None => format!("{}\n\n{section}", old.trim_end()),
        Some(begin) => {
            let behind = &old[begin + heading.len()..];
            let rest = behind.find("\n## ").map_or("", |next| &behind[next..]);
            format!("{}{section}{rest}", &old[..begin])
        }
    };
    fs::write(&path, new.trim_start()).unwrap();
}
