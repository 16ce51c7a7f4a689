//! `homer-export`: the packets of a SIP call out of a Homer, from the shell.

mod arguments;
mod instant;
mod ladder;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;
use fake_homer::FakeHomer;
use homer_export::mcp::tools::export_pcap::{Delivered, ExportResult};
use homer_export::{CallId, ExportError};
use homer_host::{Exporter, Failure, HostConfig, Query};

use self::arguments::Arguments;
use self::output::{Output, OutputError, Written};
use self::progress::ProgressLine;

/// Exit code of an export that the user broke off, as shells number an interrupt.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(why) => {
            output::complain(&format!("cannot start: {why}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        tokio::select! {
            result = run(arguments) => match result {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    output::complain(&error.to_string());
                    ExitCode::from(error.exit_code())
                }
            },
            // Dropping the export ends its request and removes the partial file.
            () = interrupted() => ExitCode::from(INTERRUPTED),
        }
    });
    // A name lookup that hangs is not worth waiting for.
    runtime.shutdown_background();
    code
}

/// Waits for the user to break off, or for whoever runs this to end it.
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
    let fake_homer = match arguments.demo {
        true => Some(
            FakeHomer::start()
                .await
                .map_err(|why| Error::Other(format!("{why:#}")))?,
        ),
        false => None,
    };
    let (from_ts, to_ts) = arguments.window().map_err(invalid)?;
    let call_ids = arguments.call_ids();
    let first =
        CallId::parse(call_ids.first().map_or("", String::as_str)).map_err(Failure::Export)?;
    let output = Output::prepare(arguments.output.as_deref(), &first, arguments.force)?;
    let configuration = match &fake_homer {
        None => HostConfig::of_process(&arguments.flags),
        // The demonstration ignores the environment, so that it sends nothing anywhere but to the
        // fake Homer.
        Some(fake_homer) => {
            HostConfig::from_vars(arguments.flags.variables().chain(fake_homer.variables()))
        }
    }
    .map_err(Failure::Export)?;

    let mut progress = ProgressLine::new(&configuration.config.homer.to_string());
    let exporter = Exporter::new(configuration.policy())?;
    let query = Query {
        call_ids,
        from_ts,
        to_ts,
        profiles: arguments.profile.clone(),
        nodes: arguments.node.clone(),
        exclude_ips: arguments.exclude_ip.clone(),
    };
    // Before Homer works: a place that cannot be written to is known now.
    let mut file = output.begin()?;
    let mut running = exporter
        .open_with_progress(&query, |waiting| progress.waiting(waiting))
        .await?
        .hashed();
    while let Some(bytes) = running.next().await? {
        file.write(&bytes)?;
        progress.received(bytes.len());
    }
    let finished = running.finish().await?;
    drop(progress);

    let written = file.keep()?;
    let delivery = match &written {
        Written::File(path) => Delivered::File { path },
        Written::Stdout => Delivered::Stdout,
    };
    let result = ExportResult::new(
        &first.filename(),
        &finished.sha256,
        &finished.report,
        delivery,
    );
    if arguments.json {
        output::tell(&format!("{result:#}"), &written);
    } else {
        let (summary, sha256) = (finished.report.summary(), &finished.sha256);
        let headline = ladder::headline(written.place(), &summary);
        let ladder = ladder::view(&finished.report, written.is_told_on_terminal());
        output::tell(&format!("{headline}\nsha256 {sha256}{ladder}"), &written);
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
    /// The command line asks for something that cannot be done.
    Usage(String),
    /// Anything else.
    Other(String),
}

impl Error {
    /// 1 for anything else, 2 for usage and `invalid-request`, then 3 to 11 for the contract's
    /// other cases in their order.
    fn exit_code(&self) -> u8 {
        let Self::Export(Failure::Export(error)) = self else {
            return if matches!(self, Self::Usage(_)) { 2 } else { 1 };
        };
        match error {
            ExportError::InvalidRequest(_) => 2,
            ExportError::Misconfigured(_) => 3,
            ExportError::Denied(_) => 4,
            ExportError::Unauthorized(_) => 5,
            ExportError::Unreachable(_) => 6,
            ExportError::TimedOut(_) => 7,
            ExportError::NothingCaptured(_) => 8,
            ExportError::Rejected { .. } => 9,
            ExportError::InvalidResponse(_) => 10,
            ExportError::TooLarge { .. } => 11,
        }
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
            OutputError::Refused(why) => Self::Usage(why),
            OutputError::Failed(why) => Self::Other(why),
        }
    }
}
