//! `homer-export`: the packets of a SIP call out of a Homer, from the shell.

mod arguments;
mod instant;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;
use homer_export::{CallId, ExportError, tool};
use homer_host::stand_in::{API_TOKEN, StandIn};
use homer_host::{Configuration, Exporter, Failure, Query};

use self::arguments::Arguments;
use self::output::{Output, OutputError, Written};
use self::progress::Progress;

/// Exit code of an export that the user broke off, as shells number an interrupt.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = tokio::select! {
        result = run(arguments) => result,
        // Dropping the export ends its request and removes the unfinished file.
        _ = tokio::signal::ctrl_c() => return ExitCode::from(INTERRUPTED),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    let mut vars: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let _stand_in = if arguments.demo {
        let stand_in = StandIn::start().await.map_err(|why| Error::Other(format!("{why:#}")))?;
        // The demonstration is not to depend on what is configured, nor to send it anywhere.
        vars.retain(|(name, _)| !name.starts_with("HOMER_"));
        vars.extend(arguments.variables());
        vars.push(("HOMER_URL".to_string(), stand_in.url()));
        vars.push(("HOMER_API_TOKEN".to_string(), API_TOKEN.to_string()));
        Some(stand_in)
    } else {
        vars.extend(arguments.variables());
        None
    };
    let (from_ts, to_ts) = arguments.window().map_err(invalid)?;
    let call_ids = arguments.call_ids();
    let first = CallId::parse(call_ids.first().map_or("", String::as_str)).map_err(Failure::Export)?;
    let output = Output::prepare(arguments.output.as_deref(), &first, arguments.force)?;
    let configuration = Configuration::from_vars(vars).map_err(Failure::Export)?;

    let mut progress = Progress::waiting(&configuration.settings.homer.to_string());
    let exporter = Exporter::new(configuration.policy()).map_err(|why| Error::Other(format!("{why:#}")))?;
    let query = Query {
        call_ids,
        from_ts,
        to_ts,
        profiles: arguments.profile.clone(),
        nodes: arguments.node.clone(),
        exclude_ips: arguments.exclude_ip.clone(),
    };
    let mut export = exporter.open(&query).await?;
    let mut file = output.begin()?;
    while let Some(bytes) = export.next().await? {
        file.write(&bytes)?;
        progress.received(bytes.len());
    }
    let finished = export.finish().await?;
    progress.end();

    let written = file.keep()?;
    let delivery = match &written {
        Written::File(path) => tool::Delivery::File { path },
        Written::Stdout => tool::Delivery::Stdout,
    };
    let result = tool::result(&first.filename(), &finished.sha256, &finished.report, delivery);
    output::report(&result, &written, arguments.json);
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
    /// 1 for anything else, 2 for usage and `invalid-request`, then 3 to 11 for the contract's other cases in their order.
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
            ExportError::BrokenReply(_) => 10,
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
