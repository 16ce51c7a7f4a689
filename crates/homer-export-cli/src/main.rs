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

use clap::Parser as _;

use self::arguments::{Arguments, Command, SHORT_HELP, USAGE};
use self::error::Error;

/// Exit code of a usage error, as clap has it.
const USAGE_ERROR: u8 = 2;

/// Exit code of an export that a signal interrupted: 128 + SIGINT, as shells report it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        output::usage(&format!("Usage: {USAGE}\n\n{SHORT_HELP}"));
        return ExitCode::from(USAGE_ERROR);
    }
    let arguments = Arguments::parse();
    let given: Vec<&str> = arguments.flags().given().map(|(flag, _)| flag).collect();
    let is_variable = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
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
            result = run(&arguments) => match result {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    if !matches!(error, Error::NoCalls) {
                        let text = error.to_string();
                        output::error(&setting_names::with_flags(&text, &given, is_variable));
                    }
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

async fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.command {
        Some(Command::Check(arguments)) => check::run(arguments).await,
        Some(Command::Find(arguments)) => find::run(arguments).await,
        None => export::run(&arguments.export).await,
    }
}
