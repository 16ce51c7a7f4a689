//! Finds calls, prints them, and exports one of them.

use homer_export::query::{ParameterNames, Timestamp};
use homer_export::search::{CallFilter, export_window};
use homer_export::{CallId, Window};
use homer_host::{ExportRequest, FoundCall, FoundCalls};

use crate::arguments::FindArguments;
use crate::command;
use crate::error::Error;
use crate::export;
use crate::homer::Homer;
use crate::output;
use crate::progress::ProgressLine;
use crate::view::calls;

/// Searches for the calls that the arguments describe. Without `--export`, prints them.
pub(crate) async fn run(arguments: &FindArguments) -> Result<(), Error> {
    if arguments.export == Some(0) {
        return Err(Error::Usage(
            "--export is 0; the calls are numbered from 1".to_string(),
        ));
    }
    let ends = arguments.times.parse(arguments.is_demo())?;
    let homer = Homer::configure(&arguments.flags, arguments.is_demo()).await?;
    let max_hours = homer.max_window_hours();
    let window = ends.window(max_hours)?;
    let filter = arguments.filter(window.from_ms(), window.to_ms());
    // The component checks the filter as well. An error costs less time here.
    CallFilter::parse(&filter, max_hours, &ParameterNames::COMMAND_LINE)?;

    let progress = ProgressLine::new("search in", &homer.url());
    let exporter = homer.exporter()?;
    let found = exporter
        .find_calls_with_progress(&filter, |waiting| progress.waiting(waiting))
        .await?;
    if found.calls.is_empty() || arguments.export.is_none() {
        drop(progress);
        print(arguments, &found, window, max_hours)?;
        return match found.calls.is_empty() {
            true => Err(Error::NoCalls),
            false => Ok(()),
        };
    }
    let call = chosen(&found, arguments.export.unwrap_or(1))?;
    let redact = homer.redaction()?;
    let call_id = CallId::parse(&call.callid)?;
    let destination = export::destination(&arguments.output, &call_id, redact.as_ref())?;
    let window = export_window(call, window, max_hours);
    let request = ExportRequest {
        redact,
        ..ExportRequest::for_call(&call.callid, window.from_ms(), window.to_ms())
    };
    let json = arguments.output.json;
    export::export(&exporter, &request, destination, json, progress).await
}

/// The call with this number in the table.
fn chosen(found: &FoundCalls, number: usize) -> Result<&FoundCall, Error> {
    found.calls.get(number - 1).ok_or_else(|| {
        let calls = found.calls.len();
        let noun = if calls == 1 { "call" } else { "calls" };
        Error::Usage(format!(
            "--export is {number}, but the search found {calls} {noun}"
        ))
    })
}

fn print(
    arguments: &FindArguments,
    found: &FoundCalls,
    window: Window,
    max_hours: u32,
) -> Result<(), Error> {
    if arguments.output.json {
        // Texts and numbers can always be written as JSON.
        return Ok(output::print(
            &serde_json::to_string_pretty(found).unwrap_or_default(),
        )?);
    }
    let command = found.calls.first().and_then(|call| {
        let window = export_window(call, window, max_hours);
        let (from, to) = (window.from_ms(), window.to_ms());
        let (from, to) = (Timestamp::from_ms(from), Timestamp::from_ms(to));
        let export = command::Export::new(&call.callid, from, to);
        export.line(&arguments.flags, &arguments.output, arguments.is_demo())
    });
    let page = output::page();
    output::print(&calls::view(found, window, command.as_deref(), page))?;
    Ok(())
}
