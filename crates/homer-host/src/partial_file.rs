//! A partially written capture file, and the complete one that it becomes.
//!
//! A capture is known to be complete only after its last byte. Until then its bytes are kept under
//! a temporary name, so that no other program takes them for a capture, and nothing remains if the
//! export fails or the process ends. The command line and the MCP server both write files this way.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// A partially written capture file with a temporary name. Only its owner can read it. Dropping it
/// removes the file.
///
/// # Examples
///
/// ```
/// use homer_host::PartialFile;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("call.pcap");
/// let mut file = PartialFile::create_in(directory.path())?;
/// file.write(b"the bytes of a capture")?;
/// assert!(!path.exists());
/// // The export has ended without an error: the file gets its name.
/// file.complete()?.persist(&path, false).map_err(|(why, _)| why)?;
/// assert_eq!(std::fs::read(&path)?, b"the bytes of a capture");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PartialFile(NamedTempFile);

impl PartialFile {
    /// Creates a file in the directory where it is to stay.
    ///
    /// # Errors
    /// The error of the operating system, without the temporary name.
    pub fn create_in(directory: &Path) -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix(".homer-export-")
            .suffix(".partial")
            // `tempfile_in` would do the same, but its errors show the temporary name, which means
            // nothing to the reader.
            .make_in(directory, create_new)
            .map(Self)
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The error of the operating system, without the temporary name.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The `Write` of `NamedTempFile` adds the temporary name to errors.
        self.0.as_file_mut().write_all(bytes)
    }

    /// States that all bytes have been written. When this returns, they are on the disk, so it may
    /// block for a while.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn complete(self) -> io::Result<CompleteFile> {
        self.0.as_file().sync_all()?;
        Ok(CompleteFile(self.0))
    }
}

/// Creates a file that did not exist. Only its owner can read and write it.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A complete capture that still has its temporary name. Dropping it removes the file.
#[derive(Debug)]
pub struct CompleteFile(NamedTempFile);

impl CompleteFile {
    /// Renames the file to `path`, which must be in the directory where the file was created. An
    /// existing file is replaced only if `overwrite` is true. A link at `path` is never followed.
    ///
    /// # Errors
    /// The error of the operating system, and the file, so that the caller can try another name.
    pub fn persist(self, path: &Path, overwrite: bool) -> Result<(), (io::Error, Self)> {
        let persisted = if overwrite {
            self.0.persist(path)
        } else {
            // A check whether the file exists could be overtaken by another program.
            self.0.persist_noclobber(path)
        };
        persisted
            .map(drop)
            .map_err(|error| (error.error, Self(error.file)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use super::PartialFile;

    fn names(directory: &Path) -> usize {
        std::fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn partial_file_is_removed_unless_it_is_persisted() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = PartialFile::create_in(directory.path()).unwrap();
        file.write(b"bytes").unwrap();
        assert_eq!(names(directory.path()), 1);
        drop(file);
        assert_eq!(names(directory.path()), 0);
        let complete = PartialFile::create_in(directory.path()).unwrap().complete();
        drop(complete.unwrap());
        assert_eq!(names(directory.path()), 0);
    }

    #[test]
    fn partial_file_error_does_not_show_the_temporary_name() {
        let why = PartialFile::create_in(Path::new("/no/such/directory")).unwrap_err();
        assert!(!why.to_string().contains("partial"), "{why}");
        assert_eq!(why.kind(), std::io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn partial_file_can_be_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("call.pcap");
        let file = PartialFile::create_in(directory.path()).unwrap();
        file.complete().unwrap().persist(&path, false).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
