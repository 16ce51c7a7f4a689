//! Captures as files, in the directory that the operator configured or in one of the user.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use homer_export::mcp::delivery::size;
use homer_export::mcp::tools::CallWindow;
use homer_host::{Manifest, PartialFile, create_private};

/// Names to try for one capture.
const MAX_TRIES: u32 = 100;

/// The directory for captures.
#[derive(Clone, Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
    /// Most bytes in it, inclusive.
    max_bytes: u64,
    /// Bytes in it: those that were there when the last file was begun, and what was written since.
    used: Arc<AtomicU64>,
}

/// Why a capture cannot be saved.
#[derive(Debug)]
pub(crate) enum StorageError {
    /// The operating system's error.
    Io(io::Error),
    /// The directory holds as many bytes as it may.
    Full {
        /// The directory.
        path: PathBuf,
        /// Most bytes in it, inclusive.
        max_bytes: u64,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => write!(
                f,
                "the capture cannot be saved in the output directory: {why}; ask the operator to \
                 fix this"
            ),
            Self::Full { path, max_bytes } => write!(
                f,
                "the capture does not fit into {}, which may hold {}; nothing was deleted. Ask the \
                 operator to remove captures that are no longer needed, or to raise \
                 HOMER_OUTPUT_MAX_BYTES",
                path.display(),
                size(*max_bytes)
            ),
        }
    }
}

impl From<io::Error> for StorageError {
    fn from(why: io::Error) -> Self {
        Self::Io(why)
    }
}

/// A capture that is being written.
pub(crate) struct CaptureFile {
    file: PartialFile,
    dir: OutputDir,
}

impl CaptureFile {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let dir = &self.dir;
        let len = bytes.len() as u64;
        let used = dir.used.fetch_add(len, Ordering::Relaxed);
        if used.saturating_add(len) > dir.max_bytes {
            return Err(StorageError::Full {
                path: dir.path.clone(),
                max_bytes: dir.max_bytes,
            });
        }
        Ok(self.file.write(bytes)?)
    }
}

impl OutputDir {
    /// Opens an existing directory, and creates and removes a file in it. So the server reports a
    /// directory that it cannot write to when it starts, and not when the first call fails.
    ///
    /// # Errors
    /// A text for the operator.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> Result<Self, String> {
        let unusable = |why: &dyn fmt::Display| {
            format!("cannot use the output directory {}: {why}", path.display())
        };
        // Absolute, since the client receives paths in it.
        let path = path.canonicalize().map_err(|why| unusable(&why))?;
        if !path.is_dir() {
            return Err(unusable(&"not a directory"));
        }
        let dir = Self {
            path,
            max_bytes,
            used: Arc::default(),
        };
        PartialFile::create_in(&dir.path).map_err(|why| unusable(&why))?;
        Ok(dir)
    }

    /// Opens the directory of the user, which is created if it does not exist.
    ///
    /// # Errors
    /// A text for the operator: if it cannot be created, or if other users could read or replace
    /// what is in it.
    pub(crate) fn of_user(max_bytes: u64) -> Result<Self, String> {
        let path = directory_of_user().ok_or("this user has no home directory")?;
        create_private(&path).map_err(|why| format!("cannot use {}: {why}", path.display()))?;
        Self::open(&path, max_bytes)
    }

    /// Begins a file under a temporary name. It is removed unless [`Self::keep`] keeps it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn begin(&self) -> Result<CaptureFile, StorageError> {
        // Files that were removed meanwhile no longer count.
        self.used.store(self.measure()?, Ordering::Relaxed);
        Ok(CaptureFile {
            file: PartialFile::create_in(&self.path)?,
            dir: self.clone(),
        })
    }

    /// Number of bytes of the files in the directory.
    fn measure(&self) -> io::Result<u64> {
        let mut bytes: u64 = 0;
        for entry in self.path.read_dir()? {
            // A file that was removed meanwhile takes no room.
            match entry?.metadata() {
                Ok(found) if found.is_file() => bytes = bytes.saturating_add(found.len()),
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(why),
            }
        }
        Ok(bytes)
    }

    /// Gives a file with a complete capture its name, `<Call-ID, made safe>-<from>-<to>.pcap`, with
    /// a number if the name is taken. No file is replaced and no link is followed: taking a name
    /// fails if anything has it.
    ///
    /// # Errors
    /// [`StorageError::Io`].
    pub(crate) async fn keep(
        &self,
        file: CaptureFile,
        call: &CallWindow,
    ) -> Result<PathBuf, StorageError> {
        // Writing to disk may take seconds; other calls must not wait for it.
        let mut file = tokio::task::spawn_blocking(move || file.file.complete())
            .await
            .map_err(io::Error::other)??;
        let name = call.filename();
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
            // A manifest would get the same name, and may have outlived its capture.
            if call.redact.is_some() && Manifest::path_for(&path).symlink_metadata().is_ok() {
                continue;
            }
            match file.persist(&path, false) {
                Ok(()) => return Ok(path),
                Err((why, same)) if why.kind() == io::ErrorKind::AlreadyExists => file = same,
                Err((why, _)) => return Err(why.into()),
            }
        }
        Err(StorageError::Io(io::Error::other(format!(
            "there are {MAX_TRIES} captures of this call and window already"
        ))))
    }

    /// Puts the manifest of a redacted capture beside it.
    ///
    /// # Errors
    /// [`StorageError::Io`].
    pub(crate) fn keep_manifest(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let mut file = PartialFile::create_in(&self.path)?;
        file.write(manifest.text().as_bytes())?;
        let kept = file.complete()?.persist(manifest.path(), false);
        Ok(kept.map_err(|(why, _)| why)?)
    }
}

/// The user's directory for captures: `homer-export/captures` in `$XDG_STATE_HOME`, or in
/// `~/.local/state`; on Windows in `%LOCALAPPDATA%`.
fn directory_of_user() -> Option<PathBuf> {
    // The XDG base directory specification ignores relative paths.
    let variable = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let state = match cfg!(windows) {
        true => variable("LOCALAPPDATA"),
        false => variable("XDG_STATE_HOME")
            .or_else(|| std::env::home_dir().map(|home| home.join(".local/state"))),
    };
    state.map(|state| state.join("homer-export").join("captures"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{OutputDir, StorageError};

    const MIB: usize = 1024 * 1024;

    #[test]
    fn output_dir_takes_as_many_bytes_as_it_may_and_deletes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::write(parent.path().join("before.pcap"), vec![0; MIB - 10]).unwrap();
        let dir = OutputDir::open(parent.path(), MIB as u64).unwrap();
        let mut file = dir.begin().unwrap();
        file.write(&[0; 10]).unwrap();
        let why = file.write(&[0]).unwrap_err();
        assert!(matches!(why, StorageError::Full { .. }), "{why}");
        assert!(
            why.to_string()
                .contains("which may hold 1 MiB; nothing was deleted")
        );
        drop(file);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
        // What was removed by hand makes room again.
        std::fs::remove_file(parent.path().join("before.pcap")).unwrap();
        dir.begin().unwrap().write(&[0; 11]).unwrap();
    }

    #[test]
    fn output_dir_counts_what_other_calls_write_at_the_same_time() {
        let parent = tempfile::tempdir().unwrap();
        let dir = OutputDir::open(parent.path(), MIB as u64).unwrap();
        let (mut one, mut other) = (dir.begin().unwrap(), dir.begin().unwrap());
        one.write(&vec![0; MIB / 2]).unwrap();
        other.write(&vec![0; MIB / 2]).unwrap();
        assert!(one.write(&[0]).is_err());
    }
}
