//! A capture in a file that nobody takes for one yet.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Bytes that are not known to be a whole capture yet: under a name of their own, readable by their
/// owner alone; dropped, they are gone.
#[derive(Debug)]
pub struct PartialFile(NamedTempFile);

impl PartialFile {
    /// Begins one in the directory where it is to stay.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix(".homer-export-")
            .suffix(".partial")
            .tempfile_in(directory)
            .map(Self)
    }

    /// The next bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// All bytes have come, and are on the disk when this returns, which takes its time.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> io::Result<Finished> {
        self.0.as_file().sync_all().map(|()| Finished(self.0))
    }
}

/// A whole capture that has no name yet; dropped, it is gone.
#[derive(Debug)]
pub struct Finished(NamedTempFile);

impl Finished {
    /// Gives it this name, in the directory where it was begun. What has the name is replaced only
    /// if `replace` says so; no link is ever followed.
    ///
    /// # Errors
    /// What the system says, and the capture, for another name.
    pub fn keep(self, path: &Path, replace: bool) -> Result<(), (io::Error, Self)> {
        let kept = if replace {
            self.0.persist(path)
        } else {
            self.0.persist_noclobber(path)
        };
        kept.map(drop)
            .map_err(|error| (error.error, Self(error.file)))
    }
}
