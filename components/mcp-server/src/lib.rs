//! `homer-export-mcp.wasm`: the world `mcp-server`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::string::ToString as _;
use alloc::vec::Vec;

use homer_export::export::PcapStream;
use homer_export::mcp::{Export, Head, MAX_REQUEST, Reply, Server, Step, Wanted};
use homer_export::query::ParameterNames;
use homer_export::tool::{ToolConfig, message};
use homer_export::wasi::{Environment, HttpTransport, incoming};
use homer_export::{CallerPolicy, Config, ExportError, Query};
use wasi::http::types::{IncomingRequest, ResponseOutparam};

homer_export::component!("mcp-server", McpServer);

struct McpServer;

impl bindings::exports::wasi::http::incoming_handler::Guest for McpServer {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (reply, capture) = match configured() {
            Ok((server, config)) => {
                let head = incoming::head(&request);
                let (reply, capture) = answer(&server, &config, &head, request);
                (server.outgoing(&head, reply), capture)
            }
            // The operator's to mend; a caller learns what, since it holds no secret.
            Err(error) => (Reply::refusal(503, &error.to_string()), Pieces::new()),
        };
        incoming::send(out, reply, capture);
    }
}

/// A capture in pieces, as it came.
type Pieces = Vec<Vec<u8>>;

fn configured() -> Result<(Server, Config), ExportError> {
    let environment = Environment::read();
    let config = environment.config()?;
    let token = environment.as_it_is("HOMER_MCP_TOKEN");
    let open = environment.as_it_is("HOMER_MCP_OPEN");
    let origins = environment.variable("HOMER_MCP_ORIGINS");
    // Who can reach this is for the host to say, and not known here.
    let http_auth = CallerPolicy::new(token, open.as_deref(), origins.as_deref(), false)?;
    let terms = ToolConfig::new(
        |name| environment.variable(name),
        config.max_window_hours,
        false,
        true,
    )?;
    Ok((Server { http_auth, terms }, config))
}

fn answer(
    server: &Server,
    config: &Config,
    head: &Head,
    request: IncomingRequest,
) -> (Reply, Pieces) {
    if let Err(refusal) = server.admit(head) {
        return (refusal, Pieces::new());
    }
    let step = match incoming::body(request, MAX_REQUEST) {
        Ok(body) => server.step(head, &body),
        Err(refusal) => return (refusal, Pieces::new()),
    };
    match step {
        Step::Reply(reply) => (reply, Pieces::new()),
        Step::Export(export) => run(server, config, &export)
            .unwrap_or_else(|error| (export.failed(&error), Pieces::new())),
    }
}

fn run(server: &Server, config: &Config, export: &Export) -> Result<(Reply, Pieces), ExportError> {
    let window = export.window();
    let hours = config.max_window_hours;
    let (from, to) = (window.from_ts, window.to_ts);
    let query = Query::of_call(&window.callid, from, to, hours, &ParameterNames::MCP)?;
    if let Wanted::Message(wanted) = export.wanted() {
        // Passed by and not held, and not looked into for a report that nobody gets.
        let mut pcap = PcapStream::open(
            &query,
            &Config {
                report: false,
                ..config.clone()
            },
            &mut HttpTransport,
        )?;
        let mut reader = message::Reader::new(wanted.packet);
        loop {
            let bytes = pcap.read(u32::MAX)?;
            if bytes.is_empty() {
                break;
            }
            reader.pass(&bytes)?;
        }
        return Ok((
            export.message(reader.finish(wanted.format, wanted.offset)?),
            Pieces::new(),
        ));
    }
    let terms = &server.terms;
    let too_large = |seen| Err(terms.too_large(seen));
    let capture = PcapStream::open(&query, config, &mut HttpTransport)?
        .buffer(terms.read_bytes, too_large)?;
    Ok((
        export.exported(terms, &capture.sha256, &capture.report),
        capture.pieces.unwrap_or_default(),
    ))
}
