//! Exports a capture to a file or to standard output.

use homer_export::mcp::tools::export_pcap::{Delivered, ExportResult};
use homer_export::query::Timestamp;
use homer_export::{CallId, ExportError};
use homer_host::{
    CompletedExport, ExportRequest, Exporter, Failure, Manifest, Redaction, RedactionSummary,
};

use crate::arguments::{Command, ExportArguments, OutputArguments};
use crate::command;
#[cfg(feature = "demo")]
use crate::demo;
use crate::error::Error;
use crate::homer::Homer;
use crate::output::{self, Destination, Written};
use crate::progress::ProgressLine;
use crate::view;

/// Exports the calls that the arguments name.
pub(crate) async fn run(arguments: &ExportArguments) -> Result<(), Error> {
    #[cfg(feature = "demo")]
    if arguments.list {
        output::print(&demo::table())?;
        return Ok(());
    }
    let call_ids = arguments.call_ids();
    // clap takes a subcommand behind a flag for a Call-ID.
    let is_name = |id: &&String| Command::NAMES.contains(&id.as_str());
    if let Some(name) = call_ids.iter().find(is_name)
        && !std::env::args_os().any(|arg| arg == "--")
    {
        return Err(Error::Usage(format!(
            "{name} comes first, before all flags; for a call whose Call-ID is {name}, write -- \
             {name} at the end"
        )));
    }
    let ends = arguments.times.parse(arguments.is_demo())?;
    let first = CallId::parse(call_ids.first().map_or("", String::as_str))?;
    let homer = Homer::configure(&arguments.flags, arguments.is_demo()).await?;
    let redact = homer.redaction()?;
    let destination = destination(&arguments.output, &first, redact.as_ref())?;
    // The component checks the window as well, but it does not know the names of our flags.
    let window = ends.window(homer.max_window_hours())?;
    let progress = ProgressLine::new("export from", &homer.url());
    let exporter = homer.exporter()?;
    let request = ExportRequest {
        call_ids,
        from_ts: window.from_ms(),
        to_ts: window.to_ms(),
        profiles: arguments.profile.clone(),
        nodes: arguments.node.clone(),
        exclude_ips: arguments.exclude_ip.clone(),
        redact,
    };
    let exported = export(
        &exporter,
        &request,
        destination,
        arguments.output.json,
        progress,
    );
    exported
        .await
        .map_err(|error| with_command(error, arguments))
}

/// The place for the capture of a call, which is checked before Homer is queried.
pub(crate) fn destination(
    arguments: &OutputArguments,
    call_id: &CallId,
    redact: Option<&Redaction>,
) -> Result<Destination, Error> {
    let path = arguments.output.as_deref();
    // The name of a redacted file must not tell what the file hides.
    let call_id = redact.map_or_else(|| call_id.clone(), |redact| redact.call_id(call_id));
    let destination = Destination::new(path, &call_id, arguments.force)?;
    if redact.is_some() {
        destination.check_manifest()?;
    }
    Ok(destination)
}

/// Exports to a destination, and prints the report.
pub(crate) async fn export(
    exporter: &Exporter,
    request: &ExportRequest,
    destination: Destination,
    json: bool,
    mut progress: ProgressLine,
) -> Result<(), Error> {
    // Before Homer is queried, so that a directory that cannot be written to costs it no work.
    let force = destination.force();
    let mut output = destination.open()?;
    let mut export = exporter
        .open_with_progress(request, |waiting| progress.waiting(waiting))
        .await?
        .hashed();
    while let Some(bytes) = export.next().await? {
        output.write(&bytes)?;
        progress.received(bytes.len());
    }
    let completed = export.finish().await?;
    drop(progress);

    let written = output.complete()?;
    let CompletedExport {
        report,
        sha256,
        redaction,
    } = &completed;
    let manifest = match (redaction, &written) {
        (Some(redaction), Written::File(path)) => {
            let manifest = Manifest::new(path.as_ref(), sha256, redaction);
            output::write_manifest(&manifest, force)?;
            Some(manifest)
        }
        _ => None,
    };
    let text = if json {
        let delivery = match &written {
            Written::File(path) => Delivered::File { path },
            Written::Stdout => Delivered::Stdout,
        };
        let first = CallId::parse(request.call_ids.first().map_or("", String::as_str))?;
        let first = match &request.redact {
            Some(redact) => redact.call_id(&first),
            None => first,
        };
        let filename = first.filename();
        let result = ExportResult::new(&filename, sha256, report, delivery);
        match redaction {
            None => format!("{result:#}"),
            Some(redaction) => with_redaction(&result, redaction, manifest.as_ref()),
        }
    } else {
        let mut text = view::view(report, written.place(), sha256, written.page());
        if let Some(manifest) = &manifest {
            text.push_str(&format!("\nmanifest {}", manifest.path().display()));
        }
        text
    };
    output::report(&text, &written)?;
    Ok(())
}

/// The result as JSON, with what was redacted.
fn with_redaction(
    result: &ExportResult<'_>,
    redaction: &RedactionSummary,
    manifest: Option<&Manifest>,
) -> String {
    let mut json = serde_json::to_value(result).unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        let redaction = serde_json::to_value(redaction).unwrap_or_default();
        members.insert("redaction".to_string(), redaction);
        if let Some(manifest) = manifest {
            let path = manifest.path().display().to_string();
            members.insert("manifest_path".to_string(), path.into());
        }
    }
    format!("{json:#}")
}

/// The error, with the command that exports what Homer has instead, if it has a suggestion.
fn with_command(error: Error, arguments: &ExportArguments) -> Error {
    let Error::Export(failure) = error else {
        return error;
    };
    let suggestion = match &failure {
        Failure::Export(error) => ExportError::suggestion(error),
        _ => None,
    };
    let command = suggestion.and_then(|suggestion| {
        let mut export = command::Export::new(
            &suggestion.callid,
            Timestamp::from_ms(suggestion.from_ts),
            Timestamp::from_ms(suggestion.to_ts),
        );
        // The default profiles contain the suggested one, and other messages of the call.
        if !arguments.profile.is_empty() {
            export.profile = Some(&suggestion.profile);
        }
        export.line(&arguments.flags, &arguments.output, arguments.is_demo())
    });
    match command {
        Some(command) => Error::Suggestion { failure, command },
        None => Error::Export(failure),
    }
}
