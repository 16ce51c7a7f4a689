//! Where compiled components are kept between starts. Machine code is run as it is found there, so
//! that nobody else may have a hand in it.

use std::io;
use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig};

/// Wasmtime's own cache in `$XDG_CACHE_HOME/homer-export`, by default `~/.cache/homer-export`; none
/// if that is not ours alone: components are then compiled at every start.
pub(crate) fn of_user() -> Option<Cache> {
    let user_cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let directory = user_cache
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?
        .join("homer-export");
    make_own(&directory).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).ok()
}

/// Makes a directory that no one else can write to, or finds one.
///
/// # Errors
/// If it is none, a link, another user's, or others can write to it, or could put another in its
/// place: in a directory above it, only root and we may write, save where each may rename nothing
/// but what is his (the sticky bit of `/tmp`).
#[cfg(unix)]
fn make_own(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let found = directory.symlink_metadata()?;
    // A file that is made now is ours.
    let ours = tempfile::tempfile_in(directory)?.metadata()?.uid();
    if !found.is_dir() || found.uid() != ours || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write to the cache"));
    }
    for above in directory.canonicalize()?.ancestors().skip(1) {
        let above = above.metadata()?;
        if ![0, ours].contains(&above.uid())
            || (above.mode() & 0o022 != 0 && above.mode() & 0o1000 == 0)
        {
            return Err(io::Error::other(
                "others can put another directory in the place of the cache",
            ));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_own(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::make_own;

    #[test]
    fn cache_is_made_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("a/homer-export");
        make_own(&cache).unwrap();
        assert_eq!(
            fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
            0o700
        );
        make_own(&cache).unwrap();
    }

    #[test]
    fn cache_that_others_can_write_to_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        for mode in [0o777, 0o720] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
            assert!(make_own(&open).is_err(), "{mode:o}");
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        make_own(&open).unwrap();
        let link = dir.path().join("link");
        symlink(&open, &link).unwrap();
        assert!(make_own(&link).is_err());
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(make_own(&file).is_err());
    }
    #[test]
    fn cache_below_a_directory_that_others_can_write_to_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().join("above");
        let cache = above.join("cache/homer-export");
        make_own(&cache).unwrap();
        for (mode, trusted) in [
            (0o777, false),
            (0o775, false),
            (0o1777, true),
            (0o755, true),
        ] {
            fs::set_permissions(&above, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(make_own(&cache).is_ok(), trusted, "{mode:o}");
        }
    }
}
