//! `homer-export`: exports the packets of a SIP call from Homer, on the command line.
//!
//! It is a thin program on top of [`homer_host`]: arguments, a progress line, an output file, and a
//! report for people.

mod arguments;
#[cfg(feature = "demo")]
mod demo;
mod instant;
mod output;
mod progress;
mod view;

use std::process::ExitCode;

use clap::Parser as _;
use homer_export::mcp::tools::export_pcap::{Delivered, ExportResult};
use homer_export::query::ParameterNames;
use homer_export::{CallId, ExportError, Window};
use homer_host::{ExportRequest, Exporter, Failure, HostConfig};

use self::arguments::Arguments;
use self::output::{Destination, OutputError, Written};
use self::progress::ProgressLine;

/// Exit code of an export that a signal interrupted: 128 + SIGINT, as shells report it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(why) => {
            output::error(&format!("cannot start: {why}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        tokio::select! {
            result = run(arguments) => match result {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    output::error(&error.to_string());
                    ExitCode::from(error.exit_code())
                }
            },
            // Dropping the export closes its connection to Homer and removes the partial file.
            () = interrupted() => ExitCode::from(INTERRUPTED),
        }
    });
    // A name lookup runs in a thread that cannot be canceled, and may take seconds to time out.
    runtime.shutdown_background();
    code
}

/// Waits for a signal that asks this program to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (
            signal(SignalKind::hangup()),
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        );
        if let (Ok(mut hangup), Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    #[cfg(feature = "demo")]
    if arguments.list {
        output::print(&demo::table());
        return Ok(());
    }
    // It serves until the end of this function.
    #[cfg(feature = "demo")]
    let fake_homer = match arguments.is_demo() {
        true => Some(
            fake_homer::FakeHomer::start()
                .await
                .map_err(|why| Error::Other(format!("{why:#}")))?,
        ),
        false => None,
    };
    let (from_ts, to_ts) = arguments.window().map_err(invalid)?;
    let call_ids = arguments.call_ids();
    let first =
        CallId::parse(call_ids.first().map_or("", String::as_str)).map_err(Failure::Export)?;
    let destination = Destination::new(arguments.output.as_deref(), &first, arguments.force)?;
    let flags = &arguments.flags;
    #[cfg(feature = "demo")]
    let config = match &fake_homer {
        None => HostConfig::of_process(flags),
        // The demo ignores the environment, so that no credential of a real Homer is used.
        Some(homer) => HostConfig::isolated(flags, homer.variables()),
    };
    #[cfg(not(feature = "demo"))]
    let config = HostConfig::of_process(flags);
    let config = config.map_err(Failure::Export)?;
    // The component checks the window as well, but it does not know the names of our flags.
    let longest = config.config.max_window_hours;
    Window::new(from_ts, to_ts, longest, &ParameterNames::COMMAND_LINE).map_err(Failure::Export)?;

    let mut progress = ProgressLine::new(&config.config.homer.base_url.to_string());
    let exporter = Exporter::new(config.policy())?;
    let request = ExportRequest {
        call_ids,
        from_ts,
        to_ts,
        profiles: arguments.profile.clone(),
        nodes: arguments.node.clone(),
        exclude_ips: arguments.exclude_ip.clone(),
    };
    // Before Homer is queried, so that a directory that cannot be written to costs it no work.
    let mut output = destination.open()?;
    let mut export = exporter
        .open_with_progress(&request, |waiting| progress.waiting(waiting))
        .await?
        .hashed();
    while let Some(bytes) = export.next().await? {
        output.write(&bytes)?;
        progress.received(bytes.len());
    }
    let completed = export.finish().await?;
    drop(progress);

    let written = output.complete()?;
    let delivery = match &written {
        Written::File(path) => Delivered::File { path },
        Written::Stdout => Delivered::Stdout,
    };
    let filename = first.filename();
    let result = ExportResult::new(&filename, &completed.sha256, &completed.report, delivery);
    if arguments.json {
        output::report(&format!("{result:#}"), &written);
    } else {
        let (report, sha256) = (&completed.report, &completed.sha256);
        let text = view::view(report, written.place(), sha256, written.page());
        output::report(&text, &written);
    }
    Ok(())
}

fn invalid(why: String) -> Error {
    Error::Export(Failure::Export(ExportError::InvalidRequest(why)))
}

/// Why the program ends without a capture.
#[derive(Debug)]
enum Error {
    /// The export failed.
    Export(Failure),
    /// The command line asks for something that this program does not do.
    Usage(String),
    /// Anything else.
    Other(String),
}

impl Error {
    /// 2 for usage and `invalid-request`, 3 to 11 for the other cases of the contract in their
    /// order, and 1 for anything else. Scripts depend on these numbers.
    fn exit_code(&self) -> u8 {
        let Self::Export(Failure::Export(error)) = self else {
            return if matches!(self, Self::Usage(_)) { 2 } else { 1 };
        };
        error.exit_code()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Export(failure) => failure.fmt(f),
            Self::Usage(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Export(failure)
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Usage(why) => Self::Usage(why),
            OutputError::System(why) => Self::Other(why),
        }
    }
}
