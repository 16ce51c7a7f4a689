//! The commit that a program is built from, for `--version`.

use std::fs;
use std::path::{Path, PathBuf};

/// Length of the part of a commit's name that is shown. It identifies a commit in any repository.
const SHOWN: usize = 12;

/// For a build script: passes the version to the compiler as `HOMER_EXPORT_VERSION`, and has cargo
/// run the script again after each commit. In a checkout of git, the version is
/// `0.2.0 (35627c4aa1b2)`, and elsewhere `0.2.0`.
///
/// The same sources at the same commit give the same bytes. Changes that are not committed do not
/// show: only git itself could tell.
pub fn version_for_build_script(root: &Path, version: &str) -> String {
    let mut lines = String::new();
    let checkout = Checkout::open(root);
    for path in checkout.iter().flat_map(Checkout::watched) {
        lines.push_str(&format!("cargo::rerun-if-changed={}\n", path.display()));
    }
    if checkout.is_none() {
        // Naming any path turns off cargo's default of watching the whole package.
        lines.push_str("cargo::rerun-if-changed=build.rs\n");
    }
    let version = text(version, checkout.and_then(|checkout| checkout.commit()));
    lines.push_str(&format!(
        "cargo::rustc-env=HOMER_EXPORT_VERSION={version}\n"
    ));
    lines
}

fn text(version: &str, commit: Option<String>) -> String {
    match commit.as_ref().and_then(|commit| commit.get(..SHOWN)) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_string(),
    }
}

/// A directory that git has checked out.
struct Checkout {
    /// The directory with `HEAD`.
    git_dir: PathBuf,
    /// The directory with the branches. It differs from `git_dir` in a linked worktree.
    common_dir: PathBuf,
}

impl Checkout {
    /// The checkout with this root. A parent directory does not count: it may be the repository of
    /// something else.
    fn open(root: &Path) -> Option<Self> {
        let dot_git = root.join(".git");
        let git_dir = match fs::read_to_string(&dot_git) {
            // In a linked worktree, it is a file that names the directory (gitrepository-layout(5)).
            Ok(text) => root.join(text.strip_prefix("gitdir: ")?.trim_end()),
            Err(_) => dot_git,
        };
        let common_dir = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(path) => git_dir.join(path.trim_end()),
            Err(_) => git_dir.clone(),
        };
        git_dir.join("HEAD").is_file().then_some(Self {
            git_dir,
            common_dir,
        })
    }

    /// The name of the current commit in hexadecimal digits.
    fn commit(&self) -> Option<String> {
        let head = fs::read_to_string(self.git_dir.join("HEAD")).ok()?;
        let commit = match head.trim_end().strip_prefix("ref: ") {
            None => head.trim_end().to_string(),
            Some(branch) => self.branch(branch)?,
        };
        let is_name = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_name.then_some(commit)
    }

    fn branch(&self, branch: &str) -> Option<String> {
        if let Ok(commit) = fs::read_to_string(self.common_dir.join(branch)) {
            return Some(commit.trim_end().to_string());
        }
        let packed = fs::read_to_string(self.common_dir.join("packed-refs")).ok()?;
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        let (commit, _) = lines.find(|(_, name)| *name == branch)?;
        Some(commit.to_string())
    }

    /// The files that change with the current commit. A file that is missing is left out, because
    /// cargo would run the script at each build.
    fn watched(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.git_dir.join("HEAD"), self.git_dir.join("logs/HEAD")];
        let head = fs::read_to_string(self.git_dir.join("HEAD")).unwrap_or_default();
        if let Some(branch) = head.trim_end().strip_prefix("ref: ") {
            paths.push(self.common_dir.join(branch));
            paths.push(self.common_dir.join("packed-refs"));
        }
        paths.retain(|path| path.is_file());
        paths
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const COMMIT: &str = "35627c4aa1b2c3d4e5f60718293a4b5c6d7e8f90";
    const OTHER: &str = "0000000000000000000000000000000000000000";

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn version(root: &Path) -> String {
        let lines = version_for_build_script(root, "0.2.0");
        let line = lines.lines().last().unwrap();
        let version = line.strip_prefix("cargo::rustc-env=HOMER_EXPORT_VERSION=");
        version.unwrap().to_string()
    }

    #[test]
    fn version_names_the_commit_of_a_checkout() {
        let shown = "0.2.0 (35627c4aa1b2)";
        let packed = format!("# pack-refs\n{OTHER} refs/heads/old\n{COMMIT} refs/heads/main\n");
        for (files, expected) in [
            (&[][..], "0.2.0"),
            (&[(".git/HEAD", COMMIT)], shown),
            (
                &[
                    (".git/HEAD", "ref: refs/heads/main\n"),
                    (".git/refs/heads/main", COMMIT),
                    // A branch of its own overrides the list.
                    (".git/packed-refs", &packed.replace(COMMIT, OTHER)),
                ],
                shown,
            ),
            (
                &[
                    (".git/HEAD", "ref: refs/heads/main\n"),
                    (".git/packed-refs", &packed),
                ],
                shown,
            ),
            (
                &[
                    (".git", "gitdir: repository/worktrees/w\n"),
                    ("repository/worktrees/w/HEAD", "ref: refs/heads/main\n"),
                    ("repository/worktrees/w/commondir", "../..\n"),
                    ("repository/refs/heads/main", COMMIT),
                ],
                shown,
            ),
            // A branch without a commit, and a file that is not one of git.
            (&[(".git/HEAD", "ref: refs/heads/main\n")], "0.2.0"),
            (&[(".git", "else")], "0.2.0"),
        ] {
            let root = tempfile::tempdir().unwrap();
            for (path, text) in files {
                write(&root.path().join(path), text);
            }
            assert_eq!(version(root.path()), expected, "{files:?}");
        }
    }

    #[test]
    fn build_script_watches_only_files_that_exist() {
        let root = tempfile::tempdir().unwrap();
        let watched = |root: &Path| {
            let lines = version_for_build_script(root, "0.2.0");
            let paths = lines
                .lines()
                .filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="));
            paths.map(PathBuf::from).collect::<Vec<PathBuf>>()
        };
        assert_eq!(watched(root.path()), [PathBuf::from("build.rs")]);
        write(&root.path().join(".git/HEAD"), "ref: refs/heads/main\n");
        write(&root.path().join(".git/logs/HEAD"), "");
        assert_eq!(
            watched(root.path()),
            [".git/HEAD", ".git/logs/HEAD"].map(|path| root.path().join(path))
        );
    }
}
