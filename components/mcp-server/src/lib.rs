//! `homer-export-mcp.wasm`: the world `mcp-server`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::string::ToString as _;
use alloc::vec::Vec;

use homer_export::mcp::MAX_REQUEST_BYTES;
use homer_export::mcp::protocol::{
    HttpResponse, McpServer, PendingCapture, PendingReading, PendingSearch, RequestHead,
    RequestOutcome,
};
use homer_export::mcp::tools::ToolConfig;
use homer_export::query::ParameterNames;
use homer_export::reader::CaptureReader;
use homer_export::search::{CallFilter, find_calls, open_or_explain};
use homer_export::wasi::{self as wasi_adapter, HttpTransport, incoming};
use homer_export::{CallerPolicy, Config, ExportError};
use wasi::http::types::{IncomingRequest, ResponseOutparam};

homer_export::component!(
    "mcp-server", Component,
    with "wasi:clocks/wall-clock@0.2.12": wasi::clocks::wall_clock
);

struct Component;

impl bindings::exports::wasi::http::incoming_handler::Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (response, capture) = match configured() {
            Ok((server, config)) => {
                let head = incoming::head(&request);
                let (response, capture) = respond(&server, &config, &head, request);
                (server.with_cors(&head, response), capture)
            }
            // Only the operator can fix the configuration. Callers may read what is wrong: the text
            // contains no secret, and an operator sees it in the first client that is set up.
            Err(error) => no_capture(HttpResponse::plain_text(503, &error.to_string())),
        };
        incoming::send(out, response, capture);
    }
}

/// The bytes of a capture, in the chunks in which they arrived.
type Chunks = Vec<Vec<u8>>;

fn no_capture(response: HttpResponse) -> (HttpResponse, Chunks) {
    (response, Chunks::new())
}

fn configured() -> Result<(McpServer, Config), ExportError> {
    let variables = wasi_adapter::variables();
    let config = Config::new(&variables)?;
    // The host decides who can reach this component, so it is never known to be private.
    let callers = CallerPolicy::from_settings(&variables)?;
    // No files, and an instance for each request.
    let (output_dir, stateless) = (false, true);
    let tools = ToolConfig::new(&variables, config.max_window_hours, output_dir, stateless)?;
    Ok((McpServer { callers, tools }, config))
}

fn respond(
    server: &McpServer,
    config: &Config,
    head: &RequestHead,
    request: IncomingRequest,
) -> (HttpResponse, Chunks) {
    // Before the body is read: an unauthorized caller must not make this component read 256 KiB.
    if let Err(response) = server.authorize(head) {
        return no_capture(response);
    }
    let body = match incoming::body(request, MAX_REQUEST_BYTES) {
        Ok(body) => body,
        Err(response) => return no_capture(response),
    };
    match server.handle(head, &body, wasi_adapter::now_ms()) {
        RequestOutcome::Response(response) => no_capture(response),
        RequestOutcome::Capture(pending) => {
            let pending = pending.redacted(config.redact.level);
            export(&server.tools, config, &pending)
                .unwrap_or_else(|error| no_capture(pending.fail(&error)))
        }
        RequestOutcome::Reading(pending) => {
            no_capture(read(config, &pending).unwrap_or_else(|error| pending.fail(&error)))
        }
        RequestOutcome::Search(pending) => {
            let found = search(&server.tools, config, &pending);
            no_capture(found.unwrap_or_else(|error| pending.fail(&error)))
        }
    }
}

/// Holds the whole capture: only its end proves that it is complete, and the response begins with
/// the report.
fn export(
    tools: &ToolConfig,
    config: &Config,
    pending: &PendingCapture,
) -> Result<(HttpResponse, Chunks), ExportError> {
    let too_large = |seen| pending.without_bytes(tools, seen);
    let redaction = config.redact.redaction(pending.call().redact)?;
    let query = pending.call().query()?.with_redaction(redaction);
    let capture =
        open_or_explain(&query, config, &mut HttpTransport)?.buffer(tools.read_bytes, too_large)?;
    Ok((
        pending.respond(tools, &capture.sha256, &capture.report),
        capture.chunks.unwrap_or_default(),
    ))
}

fn search(
    tools: &ToolConfig,
    config: &Config,
    pending: &PendingSearch,
) -> Result<HttpResponse, ExportError> {
    let (max_hours, names) = (config.max_window_hours, &ParameterNames::MCP);
    let filter = CallFilter::parse(&pending.filter, max_hours, names)?;
    let found = find_calls(&filter, config, &mut HttpTransport)?;
    Ok(pending.respond(tools, &found))
}

/// Reads the captures as they arrive; they may have any size.
fn read(config: &Config, pending: &PendingReading) -> Result<HttpResponse, ExportError> {
    // The reader analyzes the packets, as far as it needs to.
    let config = Config {
        report: false,
        ..config.clone()
    };
    let redaction = config.redact.redaction(None)?;
    let reading = pending.call.reading().as_redacted(redaction.as_ref());
    let mut reader = CaptureReader::new(reading)?;
    for (at, capture) in pending.call.captures().into_iter().enumerate() {
        if at > 0 {
            reader.next_capture()?;
        }
        let query = capture.query()?.with_redaction(redaction.clone());
        let mut pcap = open_or_explain(&query, &config, &mut HttpTransport)?;
        loop {
            let bytes = pcap.read(u32::MAX)?;
            if bytes.is_empty() {
                break;
            }
            reader.feed(&bytes)?;
        }
    }
    Ok(pending.respond(&reader.finish()?))
}
