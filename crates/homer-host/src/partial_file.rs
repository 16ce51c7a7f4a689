//! A partially written capture file, and the complete one that it becomes.
//!
//! A capture is known to be complete only after its last byte. Until then its bytes are in a file
//! without a name where the system has such files (Linux), and otherwise in one with a temporary
//! name, so that no other program takes them for a capture. Nothing remains if the export fails or
//! the process ends; without a name, not even if it is killed. The command line and the MCP server
//! both write files this way.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

#[cfg(target_os = "linux")]
mod unnamed;

#[cfg(target_os = "linux")]
use unnamed::UnnamedFile;

/// A partially written capture file. Only its owner can read it. Dropping it removes the file.
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
pub struct PartialFile(Temporary);

/// A file that is removed when it is dropped.
#[derive(Debug)]
enum Temporary {
    #[cfg(target_os = "linux")]
    Unnamed(UnnamedFile),
    Named(NamedTempFile),
}

impl Temporary {
    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(unnamed) => unnamed.file(),
            Self::Named(named) => named.as_file(),
        }
    }
}

impl PartialFile {
    /// Creates a file in the directory where it is to stay.
    ///
    /// # Errors
    /// The error of the operating system, without a temporary name.
    pub fn create_in(directory: &Path) -> io::Result<Self> {
        // Not every file system has files without a name. Any other error occurs again below.
        #[cfg(target_os = "linux")]
        if let Ok(unnamed) = UnnamedFile::create_in(directory) {
            return Ok(Self(Temporary::Unnamed(unnamed)));
        }
        named_builder()
            // `tempfile_in` would do the same, but its errors show the temporary name, which means
            // nothing to the reader.
            .make_in(directory, create_new)
            .map(|named| Self(Temporary::Named(named)))
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The error of the operating system, without a temporary name.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The `Write` of `NamedTempFile` adds the temporary name to errors.
        self.0.file().write_all(bytes)
    }

    /// States that all bytes have been written. When this returns, they are on the disk, so it may
    /// block for a while.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn complete(self) -> io::Result<CompleteFile> {
        self.0.file().sync_all()?;
        Ok(CompleteFile(self.0))
    }
}

/// How temporary names begin.
const PREFIX: &str = ".homer-export-";

/// How temporary names end.
const SUFFIX: &str = ".partial";

/// Names of temporary files.
fn named_builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Creates a file that did not exist. Only its owner can read and write it.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A complete capture that does not have its name yet. Dropping it removes the file.
#[derive(Debug)]
pub struct CompleteFile(Temporary);

impl CompleteFile {
    /// Names the file `path`, which must be in the directory where the file was created. An
    /// existing file is replaced only if `overwrite` is true. A link at `path` is never followed.
    ///
    /// # Errors
    /// The error of the operating system, and the file, so that the caller can try another name.
    pub fn persist(self, path: &Path, overwrite: bool) -> Result<(), (io::Error, Self)> {
        match self.0 {
            #[cfg(target_os = "linux")]
            Temporary::Unnamed(unnamed) => match unnamed.link(path, overwrite) {
                Ok(()) => Ok(()),
                Err(why) => Err((why, Self(Temporary::Unnamed(unnamed)))),
            },
            Temporary::Named(named) => {
                let persisted = if overwrite {
                    named.persist(path)
                } else {
                    // A check whether the file exists could be overtaken by another program.
                    named.persist_noclobber(path)
                };
                persisted
                    .map(drop)
                    .map_err(|error| (error.error, Self(Temporary::Named(error.file))))
            }
        }
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
        // On Linux, it has no name: nothing would remain if this process were killed.
        #[cfg(target_os = "linux")]
        assert_eq!(names(directory.path()), 0);
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

    #[test]
    fn partial_file_replaces_another_one_only_on_request() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("call.pcap");
        std::fs::write(&path, "old").unwrap();
        let mut file = PartialFile::create_in(directory.path()).unwrap();
        file.write(b"new").unwrap();
        let (why, file) = file.complete().unwrap().persist(&path, false).unwrap_err();
        assert_eq!(why.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        file.persist(&path, true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), 1);
    }

    #[test]
    fn partial_file_with_a_temporary_name_works_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("call.pcap");
        let named = super::named_builder().make_in(directory.path(), super::create_new);
        let mut file = PartialFile(super::Temporary::Named(named.unwrap()));
        file.write(b"bytes").unwrap();
        assert_eq!(names(directory.path()), 1);
        let complete = file.complete().unwrap();
        complete.persist(&path, false).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn partial_file_stays_in_the_directory_that_was_opened() {
        let parent = tempfile::tempdir().unwrap();
        let (output, moved) = (parent.path().join("output"), parent.path().join("moved"));
        let victim = parent.path().join("victim");
        std::fs::create_dir(&output).unwrap();
        std::fs::create_dir(&victim).unwrap();
        let file = PartialFile::create_in(&output).unwrap();
        std::fs::rename(&output, &moved).unwrap();
        std::os::unix::fs::symlink(&victim, &output).unwrap();
        let path = output.join("call.pcap");
        file.complete().unwrap().persist(&path, false).unwrap();
        assert_eq!((names(&moved), names(&victim)), (1, 0));
    }
}
