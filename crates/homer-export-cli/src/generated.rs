//! The shell completions and the man pages in `packaging/shell`, which these tests generate from
//! the arguments: `BLESS=1 cargo test -p homer-export-cli generated` writes them. The program does
//! not contain the generators.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/shell");

const SHELLS: [Shell; 4] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell];

/// The arguments, with a version without a commit: files in the repository cannot name the commit
/// that they are in.
fn command() -> Command {
    Arguments::command().version(env!("CARGO_PKG_VERSION"))
}

fn texts(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let text = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(text).collect()
}

/// The names of the files and their texts.
fn generated() -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command(), "homer-export", dir.path()).unwrap();
    }
    clap_mangen::generate_to(command(), dir.path()).unwrap();
    texts(dir.path())
}

/// The long flags of a command.
fn flags(command: &Command) -> Vec<&str> {
    command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .collect()
}

#[test]
fn generated_files_are_current() {
    let generated = generated();
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(DIR).unwrap();
        for (name, text) in &generated {
            fs::write(Path::new(DIR).join(name), text).unwrap();
        }
    }
    let committed = texts(Path::new(DIR));
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        generated.keys().collect::<Vec<_>>()
    );
    for (name, text) in &generated {
        assert!(
            committed[name] == *text,
            "packaging/shell/{name} is stale; run BLESS=1 cargo test -p homer-export-cli generated"
        );
    }
}

#[test]
fn generated_files_have_all_flags() {
    let files = generated();
    let command = command();
    let subcommands = command.get_subcommands();
    let pages = subcommands.map(|sub| (format!("homer-export-{}.1", sub.get_name()), sub));
    for (page, command) in pages.chain([("homer-export.1".to_string(), &command)]) {
        for flag in flags(command) {
            // roff writes a hyphen that is one as `\\-`.
            let in_page = files[&page].replace("\\-", "-");
            assert!(
                in_page.contains(&format!("--{flag}")),
                "{page} lacks --{flag}"
            );
            for (name, text) in files.iter().filter(|(name, _)| !name.ends_with(".1")) {
                let is_fish = name.ends_with(".fish");
                let form = if is_fish {
                    format!("-l {flag}")
                } else {
                    format!("--{flag}")
                };
                assert!(text.contains(&form), "{name} lacks {form}");
            }
        }
    }
}

/// Whoever sees a command line would see a secret in it, and completions would ask for one.
#[test]
fn generated_files_offer_no_flag_for_a_secret() {
    use homer_export::config::setting::{ALL, Value};
    let secrets = ALL
        .iter()
        .filter(|setting| matches!(setting.value, Value::Secret));
    let names: Vec<String> = secrets
        .map(|setting| setting.variable.trim_start_matches("HOMER_"))
        .map(|name| name.to_lowercase().replace('_', "-"))
        .collect();
    assert!(names.iter().any(|name| name == "api-token"), "{names:?}");
    for (file, text) in generated() {
        let text = text.replace("\\-", "-");
        for name in &names {
            let has_flag = [format!("--{name}"), format!("-l {name}")]
                .iter()
                .any(|form| {
                    text.split(form.as_str()).skip(1).any(|rest| {
                        // `--password-file` would be another flag.
                        !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
                    })
                });
            assert!(!has_flag, "{file} offers --{name}");
        }
    }
}
