//! Captures as files, in the one directory that the operator configured.

use std::io;
use std::path::{Path, PathBuf};

use homer_export::CallId;
use homer_host::PartialFile;

/// How many names are tried for one capture.
const MAX_TRIES: u32 = 100;

/// The directory for captures.
#[derive(Clone, Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
}

impl OutputDir {
    /// An existing directory that can be written to.
    ///
    /// # Errors
    /// A text that states why it cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let unusable =
            |why: &dyn std::fmt::Display| format!("the output directory {}: {why}", path.display());
        let path = path.canonicalize().map_err(|why| unusable(&why))?;
        if !path.is_dir() {
            return Err(unusable(&"not a directory"));
        }
        let dir = Self { path };
        // Permissions are not checked by hand: a file tells at once whether one can be created.
        dir.begin().map_err(|why| unusable(&why))?;
        Ok(dir)
    }

    /// A file for the bytes of a capture that is not complete yet.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(crate) fn begin(&self) -> io::Result<PartialFile> {
        PartialFile::create_in(&self.path)
    }

    /// Completes the file and names it after the call: `<safe Call-ID>-<from>-<to>.pcap`, with a
    /// number if that name exists. No file and no link is ever replaced or followed.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(crate) async fn keep(
        &self,
        file: PartialFile,
        call_id: &CallId,
        from_ts: i64,
        to_ts: i64,
    ) -> io::Result<PathBuf> {
        // Writing to the disk blocks, so it has a thread of its own. If the call is cancelled
        // meanwhile, the file is dropped and leaves nothing behind.
        let mut file = tokio::task::spawn_blocking(move || file.complete())
            .await
            .map_err(io::Error::other)??;
        let name = call_id.filename();
        let stem = name.strip_suffix(".pcap").unwrap_or(&name);
        for number in 1..=MAX_TRIES {
            let suffix = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let path = self
                .path
                .join(format!("{stem}-{from_ts}-{to_ts}{suffix}.pcap"));
            match file.persist(&path, false) {
                Ok(()) => return Ok(path),
                Err((why, same)) if why.kind() == io::ErrorKind::AlreadyExists => file = same,
                Err((why, _)) => return Err(why),
            }
        }
        Err(io::Error::other(format!(
            "{MAX_TRIES} captures of this call and window already exist"
        )))
    }
}
