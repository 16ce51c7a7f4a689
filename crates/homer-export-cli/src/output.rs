//! Where the capture goes: into a file, whole or not at all, or to standard output, likewise.

use std::fs::File;
use std::io::{self, IsTerminal as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use homer_export::CallId;
/// Why there is no output.
#[derive(Debug)]
pub(crate) enum OutputError {
    /// The command line asks for something that is not done.
    Refused(String),
    /// The system failed.
    Failed(String),
}

/// A place for the capture, checked before Homer is asked.
pub(crate) enum Output {
    File { path: PathBuf, force: bool },
    Stdout,
}

impl Output {
    /// `path`, where `-` stands for standard output, or a file named after the Call-ID in the
    /// current directory.
    pub(crate) fn prepare(
        path: Option<&Path>,
        call_id: &CallId,
        force: bool,
    ) -> Result<Self, OutputError> {
        if path.is_some_and(|path| path == "-") {
            if io::stdout().is_terminal() {
                return Err(OutputError::Refused(
                    "a capture is not written to a terminal; send standard output to a file or a program".to_string(),
                ));
            }
            return Ok(Self::Stdout);
        }
        let path = path.map_or_else(|| PathBuf::from(call_id.filename()), Path::to_path_buf);
        // Of a link itself, not of what it leads to: a file is put in the name's place, and would
        // replace the link.
        if let Ok(existing) = path.symlink_metadata() {
            if !existing.is_file() {
                let kind = if existing.is_dir() {
                    "a directory"
                } else {
                    "no regular file"
                };
                let place = path.display();
                return Err(OutputError::Refused(format!(
                    "{place} is {kind}; name a file, or use -o - and redirect it"
                )));
            }
            if !force {
                return Err(exists(&path));
            }
        }
        Ok(Self::File { path, force })
    }

    /// A place for bytes that are not known to be a whole capture yet.
    pub(crate) fn begin(self) -> Result<PartialFile, OutputError> {
        match self {
            Self::File { path, force } => {
                let dir = path
                    .parent()
                    .filter(|dir| !dir.as_os_str().is_empty())
                    .unwrap_or_else(|| Path::new("."));
                let file = homer_host::PartialFile::begin(dir)
                    .map_err(|why| failed("write into", dir, &why))?;
                Ok(PartialFile::File { file, path, force })
            }
            Self::Stdout => match tempfile::tempfile() {
                Ok(file) => Ok(PartialFile::Stdout(file)),
                Err(why) => Err(OutputError::Failed(format!(
                    "cannot keep the capture until it is whole: {why}"
                ))),
            },
        }
    }
}

/// Bytes that are not known to be a whole capture yet; dropped, they are gone.
pub(crate) enum PartialFile {
    File {
        file: homer_host::PartialFile,
        path: PathBuf,
        force: bool,
    },
    Stdout(File),
}

impl PartialFile {
    /// The next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        match self {
            Self::File { file, path, .. } => {
                file.write(bytes).map_err(|why| failed("write", path, &why))
            }
            Self::Stdout(file) => file.write_all(bytes).map_err(|why| {
                OutputError::Failed(format!("cannot keep the capture until it is whole: {why}"))
            }),
        }
    }

    /// They are a whole capture.
    pub(crate) fn keep(self) -> Result<Written, OutputError> {
        match self {
            Self::File { file, path, force } => {
                let file = file.finish().map_err(|why| failed("write", &path, &why))?;
                match file.keep(&path, force) {
                    Ok(()) => Ok(Written::File(path.display().to_string())),
                    Err((why, _)) if why.kind() == io::ErrorKind::AlreadyExists => {
                        Err(exists(&path))
                    }
                    Err((why, _)) => Err(failed("write", &path, &why)),
                }
            }
            Self::Stdout(mut file) => {
                let mut stdout = io::stdout().lock();
                file.rewind()
                    .and_then(|()| io::copy(&mut file, &mut stdout))
                    .and_then(|_| stdout.flush())
                    .map_err(|why| {
                        OutputError::Failed(format!("cannot write to standard output: {why}"))
                    })?;
                Ok(Written::Stdout)
            }
        }
    }
}

/// Where the capture is now.
pub(crate) enum Written {
    File(String),
    Stdout,
}

impl Written {
    /// In a sentence.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::File(path) => path,
            Self::Stdout => "standard output",
        }
    }

    /// Whether what is told of it goes to a terminal that shows colours, and nobody asked for none
    /// (<https://no-color.org>).
    pub(crate) fn is_told_on_terminal(&self) -> bool {
        let terminal = match self {
            Self::File(_) => io::stdout().is_terminal(),
            Self::Stdout => io::stderr().is_terminal(),
        };
        let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
        terminal && unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
    }
}

fn exists(path: &Path) -> OutputError {
    OutputError::Refused(format!(
        "{} exists already; use --force to overwrite it, or -o to name another file",
        path.display()
    ))
}

fn failed(what: &str, path: &Path, why: &io::Error) -> OutputError {
    OutputError::Failed(format!("cannot {what} {}: {why}", path.display()))
}

/// Tells of the capture beside it, not into it.
pub(crate) fn tell(text: &str, written: &Written) {
    match written {
        // A closed pipe is no reason to fail once the capture is kept.
        Written::File(_) => drop(writeln!(io::stdout(), "{text}")),
        Written::Stdout => drop(writeln!(io::stderr(), "{text}")),
    }
}

/// Says why there is no capture.
pub(crate) fn complain(why: &str) {
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "homer-export: {why}");
}
