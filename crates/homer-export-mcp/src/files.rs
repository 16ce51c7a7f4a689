//! Captures as files, in the directory that the operator configured or in one of the user.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use homer_export::mcp::delivery::size;
use homer_export::mcp::tools::CallWindow;
use homer_host::{Manifest, PartialFile, create_private, writable_by_others};

/// Names to try for one capture.
const MAX_TRIES: u32 = 100;

/// The directory for captures.
#[derive(Clone, Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
    /// Which directory that was when the server started.
    identity: Identity,
    /// Most bytes in it, inclusive.
    max_bytes: u64,
    /// Bytes of complete files in it when the last file was begun, and of those completed since.
    used: Arc<AtomicU64>,
    /// Bytes of the files that are being written. Such files may have no name yet.
    unfinished: Arc<AtomicU64>,
}

/// What tells a directory from another one with the same path: device and file number. Windows does
/// not tell them; there, only a link in its place is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    /// The directory at this path, which must not be a link.
    fn of(path: &Path) -> io::Result<Self> {
        let found = path.symlink_metadata()?;
        if !found.is_dir() {
            return Err(io::Error::other("it is not a directory"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Ok(Self(found.dev(), found.ino()))
        }
        #[cfg(not(unix))]
        Ok(Self(0, 0))
    }
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
    written: WrittenBytes,
}

/// The bytes of an unfinished file. They no longer count when this is dropped.
struct WrittenBytes {
    dir: OutputDir,
    bytes: u64,
}

impl Drop for WrittenBytes {
    fn drop(&mut self) {
        self.dir.unfinished.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl CaptureFile {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let len = bytes.len() as u64;
        self.written.bytes += len;
        let dir = &self.written.dir;
        let unfinished = dir.unfinished.fetch_add(len, Ordering::Relaxed) + len;
        let used = dir.used.load(Ordering::Relaxed);
        if used.saturating_add(unfinished) > dir.max_bytes {
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
            identity: Identity::of(&path).map_err(|why| unusable(&why))?,
            path,
            max_bytes,
            used: Arc::default(),
            unfinished: Arc::default(),
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
        let path = state_directory().ok_or("this user has no home directory")?;
        let path = path.join("captures");
        create_private(&path).map_err(|why| format!("cannot use {}: {why}", path.display()))?;
        Self::open(&path, max_bytes)
    }

    /// Begins a file under a temporary name. It is removed unless [`Self::keep`] keeps it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn begin(&self) -> Result<CaptureFile, StorageError> {
        self.check()?;
        // Files that were removed meanwhile no longer count.
        self.used.store(self.measure()?, Ordering::Relaxed);
        Ok(CaptureFile {
            file: PartialFile::create_in(&self.path)?,
            written: WrittenBytes {
                dir: self.clone(),
                bytes: 0,
            },
        })
    }

    /// Whether the directory is still the one that was opened. Somebody may have put a link in its
    /// place.
    ///
    /// # Errors
    /// If it is not.
    fn check(&self) -> io::Result<()> {
        match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            Ok(_) => Err(io::Error::other(
                "another directory or a link has been put in its place since the server started",
            )),
            Err(why) => Err(why),
        }
    }

    /// What the operator should know about who can write to the directory.
    pub(crate) fn warning(&self) -> Option<String> {
        let why = writable_by_others(&self.path)?;
        Some(format!(
            "warning: {why}; they can remove or replace captures. Use an output directory that \
             only you can write to"
        ))
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
        self.check()?;
        let CaptureFile { file, written } = file;
        // Writing to disk may take seconds; other calls must not wait for it.
        let mut file = tokio::task::spawn_blocking(move || file.complete())
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
                Ok(()) => {
                    self.used.fetch_add(written.bytes, Ordering::Relaxed);
                    return Ok(path);
                }
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

/// The user's directory for what the server keeps: `homer-export` in `$XDG_STATE_HOME`, or in
/// `~/.local/state`; on Windows in `%LOCALAPPDATA%`.
pub(crate) fn state_directory() -> Option<PathBuf> {
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
    state.map(|state| state.join("homer-export"))
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

    #[test]
    fn output_dir_counts_files_without_a_name() {
        let parent = tempfile::tempdir().unwrap();
        let dir = OutputDir::open(parent.path(), MIB as u64).unwrap();
        let mut one = dir.begin().unwrap();
        one.write(&vec![0; MIB / 2]).unwrap();
        let mut other = dir.begin().unwrap();
        assert!(other.write(&vec![0; MIB / 2 + 1]).is_err());
        drop((one, other));
        dir.begin().unwrap().write(&vec![0; MIB]).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn output_dir_that_was_replaced_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let (output, moved) = (parent.path().join("output"), parent.path().join("moved"));
        std::fs::create_dir(&output).unwrap();
        let dir = OutputDir::open(&output, MIB as u64).unwrap();
        dir.begin().unwrap();
        std::fs::rename(&output, &moved).unwrap();
        std::os::unix::fs::symlink(parent.path(), &output).unwrap();
        let why = dir.begin().err().unwrap();
        assert!(why.to_string().contains("it is not a directory"), "{why}");
        std::fs::remove_file(&output).unwrap();
        std::fs::create_dir(&output).unwrap();
        let why = dir.begin().err().unwrap();
        assert!(why.to_string().contains("put in its place"), "{why}");
        std::fs::remove_dir(&output).unwrap();
        std::fs::rename(&moved, &output).unwrap();
        dir.begin().unwrap();
    }
}
