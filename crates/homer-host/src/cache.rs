//! Where compiled components are kept between starts. Wasmtime runs the machine code that it finds
//! there without checking it, so nobody else may be able to write to this directory.

use std::io;
use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig};

/// Wasmtime's cache in `$XDG_CACHE_HOME/homer-export`, or in `~/.cache/homer-export`. `None` if
/// others can write to it. The component is then compiled at each start.
pub(crate) fn of_user() -> Option<Cache> {
    let user_cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The XDG base directory specification ignores relative paths.
        .filter(|path| path.is_absolute());
    let directory = user_cache
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?
        .join("homer-export");
    create_private(&directory).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).ok()
}

/// Creates a directory that only its owner can write to, or checks an existing one.
///
/// # Errors
/// If it is not a directory, or is a link, or belongs to another user, or if others can write to
/// it. Also if others could replace it: only root and we may write to the directories above it. A
/// directory with the sticky bit, such as `/tmp`, is allowed, because there users can rename only
/// their own files.
#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let found = directory.symlink_metadata()?;
    // The owner of a new file is the effective user, which the standard library does not tell.
    let ours = tempfile::tempfile_in(directory)?.metadata()?.uid();
    if !found.is_dir() || found.uid() != ours || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write to the cache directory"));
    }
    for above in directory.canonicalize()?.ancestors().skip(1) {
        let above = above.metadata()?;
        if ![0, ours].contains(&above.uid())
            || (above.mode() & 0o022 != 0 && above.mode() & 0o1000 == 0)
        {
            return Err(io::Error::other("others can replace the cache directory"));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::create_private;

    #[test]
    fn cache_is_created_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("a/homer-export");
        create_private(&cache).unwrap();
        assert_eq!(
            fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
            0o700
        );
        create_private(&cache).unwrap();
    }

    #[test]
    fn cache_writable_by_others_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        for mode in [0o777, 0o720] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
            assert!(create_private(&open).is_err(), "{mode:o}");
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        create_private(&open).unwrap();
        let link = dir.path().join("link");
        symlink(&open, &link).unwrap();
        assert!(create_private(&link).is_err());
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(create_private(&file).is_err());
    }

    #[test]
    fn cache_below_a_directory_writable_by_others_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().join("above");
        let cache = above.join("cache/homer-export");
        create_private(&cache).unwrap();
        for (mode, trusted) in [
            (0o777, false),
            (0o775, false),
            (0o1777, true),
            (0o755, true),
        ] {
            fs::set_permissions(&above, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(create_private(&cache).is_ok(), trusted, "{mode:o}");
        }
    }
}
