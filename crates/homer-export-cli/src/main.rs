//! `homer-export`: finds SIP calls in Homer and exports their packets, on the command line.
//!
//! It is a thin program on top of [`homer_host`]: arguments, a progress line, an output file, and a
//! report for people.

mod arguments;
mod check;
mod command;
#[cfg(feature = "demo")]
mod demo;
mod error;
mod export;
mod find;
#[cfg(all(test, feature = "demo"))]
mod generated;
mod homer;
mod output;
mod progress;
mod setting_names;
mod times;
mod view;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use self::arguments::{Arguments, Command, SHORT_HELP, USAGE};
use self::error::Error;

/// Exit code of a usage error, as clap has it.
const USAGE_ERROR: u8 = 2;

/// Exit code of an export that a signal interrupted: 128 + SIGINT, as shells report it.
const INTERRUPTED: u8 = 130;

/// How long an interrupted export may take to close its connection and to remove what it has
/// written. One that is blocked, because nobody reads what it prints, ends with the process.
const CLEANUP: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        output::usage(&format!("Usage: {USAGE}\n\n{SHORT_HELP}"));
        return ExitCode::from(USAGE_ERROR);
    }
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
        // A task of its own: it blocks while it writes to a pipe that nobody reads, and a signal
        // must end the program all the same.
        let mut task = tokio::spawn(run_and_report(arguments));
        tokio::select! {
            code = &mut task => code.unwrap_or(ExitCode::FAILURE),
            () = interrupted() => {
                // Dropping the export closes its connection to Homer and removes the partial file.
                task.abort();
                let _ = tokio::time::timeout(CLEANUP, task).await;
                ExitCode::from(INTERRUPTED)
            }
        }
    });
    // A name lookup runs in a thread that cannot be canceled, and may take seconds to time out.
    runtime.shutdown_background();
    code
}

/// Runs the command, and reports why it failed if it did.
async fn run_and_report(arguments: Arguments) -> ExitCode {
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, Error::NoCalls) {
                let given: Vec<&str> = arguments.flags().given().map(|(flag, _)| flag).collect();
                let is_variable =
                    |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                let text = error.to_string();
                output::error(&setting_names::with_flags(&text, &given, is_variable));
            }
            ExitCode::from(error.exit_code())
        }
    }
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

async fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.command {
        Some(Command::Check(arguments)) => check::run(arguments).await,
        Some(Command::Find(arguments)) => find::run(arguments).await,
        None => export::run(&arguments.export).await,
    }
}
