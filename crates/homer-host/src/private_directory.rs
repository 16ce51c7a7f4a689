//! Directories of one user: for compiled components, which Wasmtime runs without checking them, and
//! for captures, which contain telephone numbers and possibly credentials.

use std::io;
use std::path::Path;

/// Creates a directory that only its owner can write to, or checks an existing one.
///
/// # Errors
/// If it is not a directory, or is a link, or belongs to another user, or if others can write to
/// it. Also if others could replace it: only root and we may write to the directories above it. A
/// directory with the sticky bit, such as `/tmp`, is allowed, because there users can rename only
/// their own files.
#[cfg(unix)]
pub fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let found = directory.symlink_metadata()?;
    // The owner of a new file is the effective user, which the standard library does not tell.
    let ours = tempfile::tempfile_in(directory)?.metadata()?.uid();
    if !found.is_dir() || found.uid() != ours || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("other users can write to it"));
    }
    for above in directory.canonicalize()?.ancestors().skip(1) {
        let above = above.metadata()?;
        if ![0, ours].contains(&above.uid())
            || (above.mode() & 0o022 != 0 && above.mode() & 0o1000 == 0)
        {
            return Err(io::Error::other("other users can replace it"));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn create_private(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::create_private;

    #[test]
    fn private_directory_is_created_for_its_owner_only() {
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
    fn private_directory_writable_by_others_is_not_trusted() {
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
    fn private_directory_below_a_directory_writable_by_others_is_not_trusted() {
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
