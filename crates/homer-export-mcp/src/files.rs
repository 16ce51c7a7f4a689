//! Captures as files, in the directory that the operator configured.

use std::io;
use std::path::{Path, PathBuf};

use homer_export::mcp::tools::CallWindow;
use homer_host::PartialFile;

/// Names to try for one capture.
const MAX_TRIES: u32 = 100;

/// The directory for captures.
#[derive(Clone, Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
}

impl OutputDir {
    /// Opens an existing directory, and creates and removes a file in it. So the server reports a
    /// directory that it cannot write to when it starts, and not when the first call fails.
    ///
    /// # Errors
    /// A text for the operator.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let unusable = |why: &dyn std::fmt::Display| {
            format!("cannot use the output directory {}: {why}", path.display())
        };
        // Absolute, since the client receives paths in it.
        let path = path.canonicalize().map_err(|why| unusable(&why))?;
        if !path.is_dir() {
            return Err(unusable(&"not a directory"));
        }
        let dir = Self { path };
        dir.begin().map_err(|why| unusable(&why))?;
        Ok(dir)
    }

    /// Begins a file under a temporary name. It is removed unless [`Self::keep`] keeps it.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn begin(&self) -> io::Result<PartialFile> {
        PartialFile::create_in(&self.path)
    }

    /// Gives a file with a complete capture its name, `<Call-ID, made safe>-<from>-<to>.pcap`, with
    /// a number if the name is taken. No file is replaced and no link is followed: taking a name
    /// fails if anything has it.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn keep(&self, file: PartialFile, call: &CallWindow) -> io::Result<PathBuf> {
        // Writing to disk may take seconds; other calls must not wait for it.
        let mut file = tokio::task::spawn_blocking(move || file.complete())
            .await
            .map_err(io::Error::other)??;
        let name = call.call_id.filename();
        let (from_ts, to_ts) = (call.window.from_ms(), call.window.to_ms());
        let stem = name.strip_suffix(".pcap").unwrap_or(&name);
        for number in 1..=MAX_TRIES {
            let suffix = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            // The window is part of the name, because the same call in another window is another
            // capture.
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
            "there are {MAX_TRIES} captures of this call and window already"
        )))
    }
}
