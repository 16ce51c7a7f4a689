//! A file without a name (`O_TMPFILE`, open(2)), which the system removes with the process.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, renameat, unlinkat};

use super::{PREFIX, SUFFIX};
use crate::secret_token::secret_token;

/// A file without a name, and the directory in which it may get one.
#[derive(Debug)]
pub(super) struct UnnamedFile {
    file: File,
    /// Open, so that nobody can put another directory in its place.
    directory: OwnedFd,
}

impl UnnamedFile {
    /// Creates a file in a directory. Only its owner can read and write it.
    ///
    /// # Errors
    /// The error of the operating system. Also if `/proc`, through which the file gets its name,
    /// does not exist.
    pub(super) fn create_in(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, directory, OFlags::PATH | flags, Mode::empty())?;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(openat(&directory, ".", flags, Mode::RUSR | Mode::WUSR)?);
        let unnamed = Self { file, directory };
        Path::new(&unnamed.descriptor()).symlink_metadata()?;
        Ok(unnamed)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file the name of `path`, in the directory where it was created. An existing file
    /// is replaced only if `overwrite` is true.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(super) fn link(&self, path: &Path, overwrite: bool) -> io::Result<()> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        if !overwrite {
            return self.link_as(name.as_ref());
        }
        // A link never replaces a file, so it gets a temporary name first, for an instant.
        let temporary = format!("{PREFIX}{}{SUFFIX}", secret_token()?);
        self.link_as(temporary.as_ref())?;
        let renamed = renameat(&self.directory, &temporary, &self.directory, name);
        if renamed.is_err() {
            let _ = unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        Ok(renamed?)
    }

    fn link_as(&self, name: &Path) -> io::Result<()> {
        let descriptor = self.descriptor();
        let flags = AtFlags::SYMLINK_FOLLOW;
        Ok(linkat(CWD, &descriptor, &self.directory, name, flags)?)
    }

    /// The link to the file in `/proc` (open(2), `O_TMPFILE`).
    fn descriptor(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }
}
