//! Captures in files, in the one directory that the operator named.

use std::io;
use std::path::{Path, PathBuf};

use homer_export::CallId;
use homer_host::PartialFile;

/// Names tried for one capture before giving up.
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
    /// A text that says why it is none.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let refused =
            |why: &dyn std::fmt::Display| format!("the output directory {}: {why}", path.display());
        let path = path.canonicalize().map_err(|why| refused(&why))?;
        if !path.is_dir() {
            return Err(refused(&"it is no directory"));
        }
        let dir = Self { path };
        dir.begin().map_err(|why| refused(&why))?;
        Ok(dir)
    }

    /// A file for bytes that are not known to be a whole capture yet.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn begin(&self) -> io::Result<PartialFile> {
        PartialFile::begin(&self.path)
    }

    /// They are a whole capture: the file gets the call's name, `<Call-ID, made
    /// safe>-<from>-<to>.pcap`, with a number if there is one already. No file and no link is ever
    /// replaced or followed: taking a name fails where anything has it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn keep(
        &self,
        file: PartialFile,
        call_id: &CallId,
        from_ts: i64,
        to_ts: i64,
    ) -> io::Result<PathBuf> {
        // Not while others wait; and a call that is cancelled meanwhile has left nothing.
        let mut file = tokio::task::spawn_blocking(move || file.finish())
            .await
            .map_err(io::Error::other)??;
        let name = call_id.filename();
        let stem = name.strip_suffix(".pcap").unwrap_or(&name);
        for number in 1..=MAX_TRIES {
            let again = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let path = self
                .path
                .join(format!("{stem}-{from_ts}-{to_ts}{again}.pcap"));
            match file.keep(&path, false) {
                Ok(()) => return Ok(path),
                Err((why, same)) if why.kind() == io::ErrorKind::AlreadyExists => file = same,
                Err((why, _)) => return Err(why),
            }
        }
        Err(io::Error::other(format!(
            "{MAX_TRIES} captures of this call and window are there already"
        )))
    }
}
