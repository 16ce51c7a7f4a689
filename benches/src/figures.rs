//! Rewrites the sections of docs/benchmarks.md.

use std::fs;
use std::path::Path;

/// Columns of a line of prose.
const WIDTH: usize = 100;

/// Replaces the section with this title, or appends it. `text` is Markdown. Its paragraphs are
/// wrapped; tables are not changed.
pub fn write(title: &str, command: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let old = fs::read_to_string(&path).unwrap();
    let heading = format!("## {title}\n");
    let section = format!("{heading}\n`{command}`\n\n{}\n", wrap(text.trim_end()));
    let new = match old.find(&heading) {
        None => format!("{}\n\n{section}", old.trim_end()),
        Some(begin) => {
            let after = &old[begin + heading.len()..];
            let rest = after.find("\n## ").map_or("", |next| &after[next..]);
            format!("{}{section}{rest}", &old[..begin])
        }
    };
    fs::write(&path, new).unwrap();
}

/// The text with its paragraphs wrapped at [`WIDTH`] columns.
fn wrap(text: &str) -> String {
    let mut wrapped = String::new();
    for (at, line) in text.lines().enumerate() {
        if at > 0 {
            wrapped.push('\n');
        }
        if line.starts_with('|') {
            wrapped.push_str(line);
            continue;
        }
        let mut used = 0;
        for word in line.split_whitespace() {
            let width = word.chars().count();
            if used > 0 && used + 1 + width > WIDTH {
                wrapped.push('\n');
                used = 0;
            } else if used > 0 {
                wrapped.push(' ');
                used += 1;
            }
            wrapped.push_str(word);
            used += width;
        }
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn section_is_wrapped_but_for_its_tables() {
        let row = format!("| {} |", "column | ".repeat(20));
        let text = format!("{}\n\n{row}", "word ".repeat(40).trim_end());
        let wrapped = wrap(&text);
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines.len(), 4, "{wrapped}");
        assert_eq!(lines[0].len(), 99);
        assert_eq!(lines[3], row);
    }
}
