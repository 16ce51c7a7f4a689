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

/// On Windows, directories in the profile of a user inherit its access control list: the user, the
/// system and the administrators. So a directory outside of it is refused.
///
/// # Errors
/// As on Unix, as far as Windows shows it: if it is not a directory, or is a link, or lies outside
/// of the user's profile.
#[cfg(not(unix))]
pub fn create_private(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    if !directory.symlink_metadata()?.is_dir() {
        return Err(io::Error::other("it is not a directory"));
    }
    let profile = std::env::home_dir().ok_or_else(|| io::Error::other("no user profile"))?;
    if !directory
        .canonicalize()?
        .starts_with(profile.canonicalize()?)
    {
        let why = "it is outside of the user's profile, so other users may be able to write to it";
        return Err(io::Error::other(why));
    }
    Ok(())
}

/// Checks what is in a [private directory](create_private): other users may have put it there
/// before the directory was private.
///
/// # Errors
/// If a file or directory in it is a link or another kind of file, or belongs to another user. Also
/// if others can change it, unless nobody else can enter `directory`.
#[cfg(unix)]
pub(crate) fn check_entries(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let top = directory.symlink_metadata()?;
    let is_closed = top.mode() & 0o077 == 0;
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir()? {
            let path = entry?.path();
            let found = match path.symlink_metadata() {
                Ok(found) => found,
                // Another process has removed it.
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(why) => return Err(why),
            };
            if found.uid() != top.uid() {
                return Err(io::Error::other("a file in it belongs to another user"));
            }
            if found.mode() & 0o022 != 0 && !is_closed {
                return Err(io::Error::other("other users can change a file in it"));
            }
            if found.is_dir() {
                directories.push(path);
            } else if !found.is_file() {
                return Err(io::Error::other("it contains something else than files"));
            }
        }
    }
    Ok(())
}

/// In the profile of a user, entries inherit the access control list of their directory.
#[cfg(not(unix))]
pub(crate) fn check_entries(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Why other users may be able to change what is in an existing directory, or to put another one in
/// its place; `None` if they are not. On Windows, where the permission bits do not exist, a
/// directory outside of the user's profile counts as one that others can write to.
pub fn writable_by_others(directory: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        let found = directory.symlink_metadata().ok()?;
        if found.mode() & 0o022 != 0 {
            return Some(format!("other users can write to {}", directory.display()));
        }
        let above = directory.ancestors().skip(1).find(|above| {
            let mode = above.symlink_metadata().map_or(0, |above| above.mode());
            mode & 0o022 != 0 && mode & 0o1000 == 0
        })?;
        Some(format!(
            "other users can write to {}, and so replace {}",
            above.display(),
            directory.display()
        ))
    }
    #[cfg(not(unix))]
    {
        let why = create_private(directory).err()?;
        Some(format!("{}: {why}", directory.display()))
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::{check_entries, create_private, writable_by_others};

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

    #[test]
    fn private_directory_with_entries_of_others_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        create_private(&cache).unwrap();
        fs::create_dir(cache.join("modules")).unwrap();
        let entry = cache.join("modules/entry");
        fs::write(&entry, "").unwrap();
        let mode = |path: &std::path::Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&entry, 0o666);
        // Nobody else can enter the directory.
        check_entries(&cache).unwrap();
        mode(&cache, 0o755);
        assert!(check_entries(&cache).is_err());
        mode(&entry, 0o644);
        check_entries(&cache).unwrap();
        mode(&cache.join("modules"), 0o775);
        assert!(check_entries(&cache).is_err());
        mode(&cache.join("modules"), 0o755);
        symlink(&entry, cache.join("link")).unwrap();
        assert!(check_entries(&cache).is_err());
        fs::remove_file(cache.join("link")).unwrap();
        check_entries(&cache).unwrap();
        // Only root can give a file to another user.
        if std::os::unix::fs::chown(&entry, Some(65_534), None).is_ok() {
            assert!(check_entries(&cache).is_err());
        }
    }

    #[test]
    fn directory_that_others_can_write_to_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("output");
        fs::create_dir(&output).unwrap();
        for (mode, is_named) in [
            (0o755, false),
            (0o700, false),
            (0o777, true),
            (0o1777, true),
        ] {
            fs::set_permissions(&output, fs::Permissions::from_mode(mode)).unwrap();
            let why = writable_by_others(&output);
            assert_eq!(why.is_some(), is_named, "{mode:o}: {why:?}");
        }
        fs::set_permissions(&output, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let why = writable_by_others(&output).unwrap();
        assert!(why.contains(", and so replace "), "{why}");
    }
}
