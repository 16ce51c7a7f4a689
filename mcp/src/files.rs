//! Captures in files, in the one directory that the operator named.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use homer_export::CallId;
use tempfile::NamedTempFile;

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
        let refused = |why: &dyn std::fmt::Display| format!("the output directory {}: {why}", path.display());
        let path = path.canonicalize().map_err(|why| refused(&why))?;
        if !path.is_dir() {
            return Err(refused(&"it is no directory"));
        }
        let dir = Self { path };
        dir.begin().map_err(|why| refused(&why))?;
        Ok(dir)
    }

    /// A file for bytes that are not known to be a whole capture yet: under a name of its own, readable by its owner alone;
    /// dropped, it is gone.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn begin(&self) -> std::io::Result<Unfinished> {
        let file = tempfile::Builder::new().prefix(".homer-export-").suffix(".partial").tempfile_in(&self.path)?;
        Ok(Unfinished { file, dir: self.path.clone() })
    }
}

/// Bytes that are not known to be a whole capture yet.
#[derive(Debug)]
pub(crate) struct Unfinished {
    file: NamedTempFile,
    dir: PathBuf,
}

impl Unfinished {
    /// The next bytes.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)
    }

    /// They are a whole capture: the file gets the call's name, `<Call-ID, made safe>-<from>-<to>.pcap`, with a number if there
    /// is one already. No file and no link is ever replaced or followed: taking a name fails where anything has it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn keep(self, call_id: &CallId, from_ts: i64, to_ts: i64) -> std::io::Result<PathBuf> {
        let Self { file, dir } = self;
        // Not while others wait; and a call that is cancelled meanwhile has left nothing.
        let synced = tokio::task::spawn_blocking(move || file.as_file().sync_all().map(|()| file));
        let mut file = synced.await.map_err(std::io::Error::other)??;
        let name = call_id.filename();
        let stem = name.strip_suffix(".pcap").unwrap_or(&name);
        for number in 1..=MAX_TRIES {
            let again = if number == 1 { String::new() } else { format!("-{number}") };
            let path = dir.join(format!("{stem}-{from_ts}-{to_ts}{again}.pcap"));
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => file = error.file,
                Err(error) => return Err(error.error),
            }
        }
        Err(std::io::Error::other(format!("{MAX_TRIES} captures of this call and window are there already")))
    }
}
