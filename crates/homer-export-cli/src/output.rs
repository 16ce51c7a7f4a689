//! The output: a file or standard output, which gets the complete capture or nothing.

use std::fs::File;
use std::io::{self, IsTerminal as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use console::Term;
use homer_export::CallId;
use homer_host::{Manifest, PartialFile};

use crate::view::Page;

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum OutputError {
    /// The command line asks for something that this program does not do.
    Usage(String),
    /// The operating system reported an error.
    System(String),
}

/// A place for the capture. It is checked before Homer is queried.
pub(crate) enum Destination {
    File { path: PathBuf, force: bool },
    Stdout,
}

impl Destination {
    /// The destination `path`, where `-` means standard output. Without a path it is a file in the
    /// current directory that is named after the Call-ID.
    pub(crate) fn new(
        path: Option<&Path>,
        call_id: &CallId,
        force: bool,
    ) -> Result<Self, OutputError> {
        if path.is_some_and(|path| path == "-") {
            if io::stdout().is_terminal() {
                return Err(OutputError::Usage(
                    "a capture is binary and is not written to a terminal; redirect standard \
                     output to a file or a program"
                        .to_string(),
                ));
            }
            return Ok(Self::Stdout);
        }
        let path = path.map_or_else(|| PathBuf::from(call_id.filename()), Path::to_path_buf);
        // The metadata of a link and not of its target: a rename to this name would replace the
        // link, and the user did not ask for that.
        if let Ok(existing) = path.symlink_metadata() {
            if !existing.is_file() {
                let kind = if existing.is_dir() {
                    "a directory"
                } else {
                    "not a regular file"
                };
                let place = path.display();
                return Err(OutputError::Usage(format!(
                    "{place} is {kind}; name a file, or use -o - and redirect standard output"
                )));
            }
            if !force {
                return Err(exists(&path));
            }
        }
        Ok(Self::File { path, force })
    }

    /// Whether existing files are overwritten.
    pub(crate) fn force(&self) -> bool {
        matches!(self, Self::File { force: true, .. })
    }

    /// Checks that a manifest can be put beside the capture.
    pub(crate) fn check_manifest(&self) -> Result<(), OutputError> {
        match self {
            Self::File { path, force: false } => {
                let manifest = Manifest::path_for(path);
                match manifest.symlink_metadata() {
                    Ok(_) => Err(exists(&manifest)),
                    Err(_) => Ok(()),
                }
            }
            Self::File { .. } | Self::Stdout => Ok(()),
        }
    }

    /// Opens the destination for the bytes of a capture that is not complete yet.
    pub(crate) fn open(self) -> Result<PendingOutput, OutputError> {
        match self {
            Self::File { path, force } => {
                let dir = path
                    .parent()
                    .filter(|dir| !dir.as_os_str().is_empty())
                    .unwrap_or_else(|| Path::new("."));
                let file =
                    PartialFile::create_in(dir).map_err(|why| failed("write to", dir, &why))?;
                Ok(PendingOutput::File { file, path, force })
            }
            // A reader of standard output cannot take bytes back, so they are held until the
            // capture is complete. An unnamed file is gone even if this process is killed.
            Self::Stdout => tempfile::tempfile()
                .map(PendingOutput::Stdout)
                .map_err(|why| temporary(&why)),
        }
    }
}

/// The bytes of a capture that is not complete yet. Dropping it discards them.
pub(crate) enum PendingOutput {
    File {
        file: PartialFile,
        path: PathBuf,
        force: bool,
    },
    Stdout(File),
}

impl PendingOutput {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        match self {
            Self::File { file, path, .. } => {
                file.write(bytes).map_err(|why| failed("write", path, &why))
            }
            Self::Stdout(file) => file.write_all(bytes).map_err(|why| temporary(&why)),
        }
    }

    /// States that the capture is complete, and writes it to its destination.
    pub(crate) fn complete(self) -> Result<Written, OutputError> {
        match self {
            Self::File { file, path, force } => {
                let file = file
                    .complete()
                    .map_err(|why| failed("write", &path, &why))?;
                match file.persist(&path, force) {
                    Ok(()) => Ok(Written::File(path.display().to_string())),
                    // It was created while the export ran.
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
                        OutputError::System(format!("cannot write to standard output: {why}"))
                    })?;
                Ok(Written::Stdout)
            }
        }
    }
}

/// Writes the manifest of a redacted capture.
pub(crate) fn write_manifest(manifest: &Manifest, force: bool) -> Result<(), OutputError> {
    let path = manifest.path();
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let written = PartialFile::create_in(dir).and_then(|mut file| {
        file.write(manifest.text().as_bytes())?;
        let file = file.complete()?;
        file.persist(path, force).map_err(|(why, _)| why)
    });
    written.map_err(|why| failed("write the manifest", path, &why))
}

/// Where the capture is now.
pub(crate) enum Written {
    File(String),
    Stdout,
}

impl Written {
    /// The place, for use in a sentence.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::File(path) => path,
            Self::Stdout => "standard output",
        }
    }

    /// The page that the report is written on.
    pub(crate) fn page(&self) -> Page {
        let terminal = match self {
            Self::File(_) => Term::stdout(),
            Self::Stdout => Term::stderr(),
        };
        page_of(&terminal).unwrap_or(Page::new(columns_variable(), false))
    }
}

/// The page on standard output, if that is a terminal.
pub(crate) fn page() -> Option<Page> {
    page_of(&Term::stdout())
}

/// A page as wide as a terminal, with colors unless the user has turned them off
/// (<https://no-color.org>). `None` if it is no terminal.
fn page_of(terminal: &Term) -> Option<Page> {
    if !terminal.is_term() {
        return None;
    }
    let size = || terminal.size_checked().map(|(_, columns)| columns);
    let columns = columns_variable().or_else(size);
    // An empty NO_COLOR counts as unset.
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    Some(Page::new(columns, unset("NO_COLOR") && !is_dumb))
}

/// The columns that the user wants: the variable `COLUMNS`, if it is exported and a positive number
/// (POSIX, "Environment Variables"). Shells export it only if the user says so.
fn columns_variable() -> Option<u16> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    Some(columns).filter(|columns| *columns > 0)
}

fn exists(path: &Path) -> OutputError {
    OutputError::Usage(format!(
        "{} already exists; use --force to overwrite it, or -o to name another file",
        path.display()
    ))
}

fn failed(what: &str, path: &Path, why: &io::Error) -> OutputError {
    OutputError::System(format!("cannot {what} {}: {why}", path.display()))
}

fn temporary(why: &io::Error) -> OutputError {
    OutputError::System(format!(
        "cannot store the capture in a temporary file until it is complete: {why}"
    ))
}

/// Prints a text to standard output.
pub(crate) fn print(text: &str) -> Result<(), OutputError> {
    written(writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()))
}

/// Prints the report: to standard output, or to standard error if standard output is the capture.
pub(crate) fn report(text: &str, place: &Written) -> Result<(), OutputError> {
    match place {
        Written::File(path) => print(text).map_err(|why| match why {
            OutputError::System(why) => {
                OutputError::System(format!("{why}; the capture is complete in {path}"))
            }
            usage => usage,
        }),
        Written::Stdout => {
            let _ = writeln!(io::stderr(), "{text}");
            Ok(())
        }
    }
}

/// The result of a write to standard output. A reader that closed the pipe early is not an error;
/// a full disk is one.
fn written(result: io::Result<()>) -> Result<(), OutputError> {
    match result {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(OutputError::System(format!(
            "cannot write to standard output: {why}"
        ))),
        _ => Ok(()),
    }
}

/// Prints what the user should know about the configuration.
pub(crate) fn warning(text: &str) {
    let _ = writeln!(io::stderr(), "homer-export: {text}");
}

/// Prints how the program is used.
pub(crate) fn usage(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints why there is no result.
pub(crate) fn error(why: &str) {
    // If standard error is closed, the exit code still shows that there was an error.
    let _ = writeln!(io::stderr(), "homer-export: {why}");
}
