//! An MCP server for one HTTP request at a time, without I/O: it says what a request needs and
//! builds the response.
//!
//! MCP 2026-07-28 is stateless. Of the versions before it, in which clients begin with
//! `initialize`, the server uses nothing that needs a session; streamable HTTP permits a server to
//! assign none (MCP 2025-11-25, basic/transports, "Session Management"). So an instance of its own
//! can handle each request, as edge and serverless hosts do it. Responses are single JSON bodies;
//! the server never sends anything else.

mod http;
mod jsonrpc;
mod negotiation;
mod results;
mod version;

use alloc::vec;

use serde::Serialize;

pub use http::{HttpBody, HttpResponse, RequestHead};
pub use jsonrpc::{check_message, not_json};

use super::auth::CallerPolicy;
use super::delivery::Attachment;
use super::tools::{
    self, CallWindow, InvalidCall, ReadCall, ToolCall, ToolConfig, ToolFailure, ToolResult,
};
use super::uri::{self, ResourceRequest};
use super::{CACHE_CAPTURES, CACHE_DEFINITIONS, INSTRUCTIONS, prompts, server_details};
use crate::query::Level;
use crate::reader::Found;
use crate::search::{CallFilterFields, FoundCalls};
use crate::{CaptureReport, ExportError};
use jsonrpc::{JsonRpcError, JsonRpcMessage, JsonRpcRequest};
use results::{
    Block, CallToolResult, Capabilities, Contents, DiscoverResult, EmptyObject, Envelope,
    InitializeResult, Prompts, ReadResourceResult, ResourceTemplates, Resources, Tools,
    with_capture,
};
use version::Protocol;

/// The server: its configuration.
///
/// # Examples
/// ```
/// use homer_export::CallerPolicy;
/// # use homer_export::mcp::delivery::ResultMode;
/// use homer_export::mcp::protocol::{HttpBody, McpServer, RequestHead, RequestOutcome};
/// # use homer_export::mcp::tools::ToolConfig;
///
/// # let tools = ToolConfig {
/// #     max_window_hours: 24, mode: ResultMode::Auto, inline_bytes: 1000, read_bytes: 1000,
/// #     output_dir: false, stateless: true,
/// # };
/// let callers = CallerPolicy::new(None, Some("1"), None)?;
/// let server = McpServer { callers, tools };
/// let json = ("content-type".to_string(), b"application/json".to_vec());
/// let head = RequestHead { method: "POST".to_string(), fields: vec![json] };
/// assert_eq!(server.authorize(&head), Ok(()));
///
/// let ping = br#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#;
/// let RequestOutcome::Response(response) = server.handle(&head, ping, 1_795_168_800_000) else {
///     panic!("ping needs no capture");
/// };
/// let pong = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
/// assert_eq!(response.body, HttpBody::Text(pong.to_string()));
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, Debug)]
pub struct McpServer {
    /// Which callers may use it.
    pub callers: CallerPolicy,
    /// The settings of the tools.
    pub tools: ToolConfig,
}

/// What a request needs.
#[derive(Debug)]
pub enum RequestOutcome {
    /// Nothing more: this is the response.
    Response(HttpResponse),
    /// A capture.
    Capture(PendingCapture),
    /// A part of a capture, or of two.
    Reading(PendingReading),
    /// A search.
    Search(PendingSearch),
}

/// A request that waits for a capture.
#[derive(Debug)]
pub struct PendingCapture {
    request: JsonRpcRequest,
    operation: Operation,
}

/// What the capture is for.
#[derive(Debug)]
enum Operation {
    /// The tool `homer_export_pcap`.
    ExportPcap(CallWindow),
    /// `resources/read`.
    ReadResource(ResourceRequest),
}

/// A request that waits for a part of a capture: the tools `homer_read_message`,
/// `homer_read_ladder` and `homer_compare_calls`.
#[derive(Debug)]
pub struct PendingReading {
    request: JsonRpcRequest,
    /// What to read.
    pub call: ReadCall,
}

/// A request that waits for a search: the tool `homer_find_calls`.
#[derive(Debug)]
pub struct PendingSearch {
    request: JsonRpcRequest,
    /// Which calls.
    pub filter: CallFilterFields,
}

/// What [`McpServer::dispatch`] finds.
enum Dispatched {
    Result(HttpResponse),
    Export(Operation),
    Reading(ReadCall),
    Search(CallFilterFields),
}

impl McpServer {
    /// Whether to read the body of a request with this head.
    ///
    /// # Errors
    /// The response to send instead.
    pub fn authorize(&self, head: &RequestHead) -> Result<(), HttpResponse> {
        http::authorize(&self.callers, head)
    }

    /// The response with the CORS header fields that the page which sent the request needs, if its
    /// origin is allowed.
    pub fn with_cors(&self, head: &RequestHead, response: HttpResponse) -> HttpResponse {
        // Errors get them as well: without them, a page could not read why its request failed.
        match head.single("origin") {
            Ok(Some(origin)) if self.callers.allows_origin(Some(origin.as_bytes())) => {
                response.with_cors(origin)
            }
            _ => response,
        }
    }

    /// What an authorized request needs. `now_ms` is the current Unix time in milliseconds, which
    /// tools need for times relative to it.
    pub fn handle(&self, head: &RequestHead, body: &[u8], now_ms: i64) -> RequestOutcome {
        let mut request = match JsonRpcMessage::parse(body) {
            Ok(JsonRpcMessage::Request(request)) => *request,
            // A notification, or a response to a request that this server never sent. Both are
            // accepted and have no effect (MCP, basic/transports, "Sending Messages").
            Ok(JsonRpcMessage::Other) => {
                return RequestOutcome::Response(HttpResponse::empty(202));
            }
            Err((id, error)) => {
                return RequestOutcome::Response(HttpResponse::json_rpc_error(400, &id, &error));
            }
        };
        match negotiation::negotiate(head, &request) {
            Ok(protocol) => {
                request.protocol = protocol;
                request.version = negotiation::stated(head, &request);
            }
            Err(error) => {
                return RequestOutcome::Response(HttpResponse::json_rpc_error(
                    400,
                    &request.id,
                    &error,
                ));
            }
        }
        request.note = match request.method.as_str() {
            "tools/call" => {
                let tool = request.text("name").unwrap_or_default();
                let arguments = request.arguments().unwrap_or_default();
                tools::note_on_unknown_arguments(tool, arguments)
            }
            _ => None,
        };
        match self.dispatch(&request, now_ms) {
            Ok(Dispatched::Result(response)) => RequestOutcome::Response(response),
            Ok(Dispatched::Export(operation)) => {
                RequestOutcome::Capture(PendingCapture { request, operation })
            }
            Ok(Dispatched::Reading(call)) => {
                RequestOutcome::Reading(PendingReading { request, call })
            }
            Ok(Dispatched::Search(filter)) => {
                RequestOutcome::Search(PendingSearch { request, filter })
            }
            Err(error) => RequestOutcome::Response(failed(&request, &error)),
        }
    }

    fn dispatch(&self, request: &JsonRpcRequest, now_ms: i64) -> Result<Dispatched, JsonRpcError> {
        let definitions = CACHE_DEFINITIONS;
        let response = match (request.method.as_str(), request.protocol) {
            ("initialize", Protocol::Handshake) => success(
                request,
                None,
                InitializeResult {
                    protocol_version: negotiation::agreed(request),
                    capabilities: Capabilities::default(),
                    server_info: server_details(),
                    instructions: INSTRUCTIONS,
                },
            ),
            // An empty object to the letter, without `_meta` (2025-11-25, basic/utilities/ping).
            ("ping", Protocol::Handshake) => {
                HttpResponse::json_rpc_result(request, &EmptyObject {})
            }
            ("server/discover", Protocol::Stateless) => success(
                request,
                Some(definitions),
                DiscoverResult {
                    supported_versions: &version::VERSIONS,
                    capabilities: Capabilities::default(),
                    instructions: INSTRUCTIONS,
                },
            ),
            ("tools/list", _) => {
                let config = self.tools.for_client(request.version.as_deref());
                let tools = tools::definitions(&config);
                success(request, Some(definitions), Tools { tools })
            }
            // Always empty: others must not see what somebody exported, and the list must not
            // change as a side effect of other requests (server/resources, "Listing Resources").
            ("resources/list", _) => {
                success(request, Some(definitions), Resources { resources: [] })
            }
            ("resources/templates/list", _) => {
                let resource_templates = [uri::resource_template(&self.tools)];
                success(
                    request,
                    Some(definitions),
                    ResourceTemplates { resource_templates },
                )
            }
            ("resources/read", _) => {
                let read = ResourceRequest::parse(request.text("uri")?, &self.tools)
                    .map_err(|error| JsonRpcError::of_resource(request.protocol, error))?;
                return Ok(Dispatched::Export(Operation::ReadResource(read)));
            }
            ("tools/call", _) => {
                let (name, arguments) = (request.text("name")?, request.arguments()?);
                match ToolCall::parse(name, arguments, &self.tools, now_ms) {
                    Ok(ToolCall::ExportPcap(call)) => {
                        return Ok(Dispatched::Export(Operation::ExportPcap(call)));
                    }
                    Ok(ToolCall::FindCalls(filter)) => return Ok(Dispatched::Search(filter)),
                    Ok(ToolCall::Read(call)) => return Ok(Dispatched::Reading(call)),
                    Err(InvalidCall::Arguments(error)) => tool_error(request, &(&error).into()),
                    Err(InvalidCall::UnknownTool { message }) => {
                        return Err(JsonRpcError::invalid_params(message));
                    }
                }
            }
            ("prompts/list", _) => {
                let prompts = prompts::definitions();
                success(request, Some(definitions), Prompts { prompts })
            }
            ("prompts/get", _) => {
                let (name, arguments) = (request.text("name")?, request.arguments()?);
                let prompt = prompts::get(name, arguments, &self.tools, now_ms)
                    .map_err(JsonRpcError::invalid_params)?;
                success(request, None, prompt)
            }
            (method, _) => return Err(JsonRpcError::unknown_method(method)),
        };
        Ok(Dispatched::Result(response))
    }
}

impl PendingCapture {
    /// The same request, for a capture that is redacted at least this much.
    #[must_use]
    pub fn redacted(mut self, level: Option<Level>) -> Self {
        let call = match &mut self.operation {
            Operation::ExportPcap(call) => call,
            Operation::ReadResource(read) => &mut read.call,
        };
        call.redact = call.redact.max(level);
        self
    }

    /// Which capture.
    pub fn call(&self) -> &CallWindow {
        match &self.operation {
            Operation::ExportPcap(call) => call,
            Operation::ReadResource(read) => &read.call,
        }
    }

    /// The response with the capture. Its bytes go where [`HttpBody::Capture`] says.
    pub fn respond(
        &self,
        config: &ToolConfig,
        sha256: &str,
        report: &CaptureReport,
    ) -> HttpResponse {
        match &self.operation {
            Operation::ExportPcap(call) => {
                let config = config.for_client(self.request.version.as_deref());
                let result = ToolResult::of_export(&config, call, sha256, report, None);
                tool_result(&self.request, &result)
            }
            Operation::ReadResource(read) => {
                let contents = [Contents::of_capture(&read.uri)];
                let result = ReadResourceResult { contents };
                let envelope = Envelope::new(&self.request, Some(CACHE_CAPTURES), result);
                HttpResponse::json(200, with_capture(&self.request, &envelope))
            }
        }
    }

    /// Whether to go on if the capture is too large for a message, of which `seen` bytes have
    /// arrived: a tool still returns the report.
    ///
    /// # Errors
    /// `too-large` for `resources/read`, which returns nothing but the bytes.
    pub fn without_bytes(&self, config: &ToolConfig, seen: u64) -> Result<(), ExportError> {
        match &self.operation {
            Operation::ExportPcap(_) => Ok(()),
            Operation::ReadResource(_) => Err(config.too_large(seen)),
        }
    }

    /// The response if the export failed.
    pub fn fail(&self, error: &ExportError) -> HttpResponse {
        match &self.operation {
            Operation::ExportPcap(_) => tool_error(&self.request, &ToolFailure::of_export(error)),
            // `resources/read` has no result with `isError`, so this is a protocol error.
            Operation::ReadResource(read) => {
                let error = JsonRpcError::of_resource(self.request.protocol, read.failed(error));
                failed(&self.request, &error)
            }
        }
    }
}

impl PendingReading {
    /// The response with what was found.
    pub fn respond(&self, found: &Found) -> HttpResponse {
        tool_result(&self.request, &ToolResult::of_reading(&self.call, found))
    }

    /// The response if an export failed, or the capture has no such part.
    pub fn fail(&self, error: &ExportError) -> HttpResponse {
        tool_error(&self.request, &error.into())
    }
}

impl PendingSearch {
    /// The response with what was found.
    pub fn respond(&self, config: &ToolConfig, found: &FoundCalls) -> HttpResponse {
        let result = ToolResult::of_search(config, &self.filter, found);
        tool_result(&self.request, &result)
    }

    /// The response if the search failed.
    pub fn fail(&self, error: &ExportError) -> HttpResponse {
        tool_error(&self.request, &error.into())
    }
}

/// The response with the result of a tool.
fn tool_result(request: &JsonRpcRequest, result: &ToolResult) -> HttpResponse {
    let note = request.note.as_deref();
    let noted = (result.structured.as_deref().zip(note))
        .map(|(structured, note)| tools::with_note(structured, note));
    let structured = noted.as_deref().or(result.structured.as_deref());
    let mut content = vec![Block::text(&result.text)];
    // Before the capture, which comes last.
    content.extend(note.map(Block::text));
    content.extend(match &result.attachment {
        Attachment::None => None,
        Attachment::Blob { uri } => Some(Block::capture(uri)),
        Attachment::Text => Some(Block::capture_as_text()),
        Attachment::Link {
            uri,
            filename,
            size_bytes,
        } => Some(Block::link(uri, filename, *size_bytes)),
    });
    let has_capture = matches!(
        result.attachment,
        Attachment::Blob { .. } | Attachment::Text
    );
    let result = CallToolResult {
        structured_content: structured,
        is_error: None,
        content,
    };
    let envelope = Envelope::new(request, None, result);
    match has_capture {
        true => HttpResponse::json(200, with_capture(request, &envelope)),
        false => HttpResponse::json_rpc_result(request, &envelope),
    }
}

/// The response with the result of a tool that failed. A model can act on it, so it is a result and
/// not a protocol error (MCP, server/tools, "Error Handling").
fn tool_error(request: &JsonRpcRequest, failure: &ToolFailure) -> HttpResponse {
    let structured = failure.structured.as_deref();
    let mut content = vec![Block::text(&failure.text)];
    content.extend(structured.map(|structured| Block::text(structured.get())));
    content.extend(request.note.as_deref().map(Block::text));
    let result = CallToolResult {
        structured_content: structured,
        is_error: Some(true),
        content,
    };
    success(request, None, result)
}

fn success(
    request: &JsonRpcRequest,
    cache: Option<super::CacheHint>,
    result: impl Serialize,
) -> HttpResponse {
    HttpResponse::json_rpc_result(request, &Envelope::new(request, cache, result))
}

fn failed(request: &JsonRpcRequest, error: &JsonRpcError) -> HttpResponse {
    // Since 2026-07-28, an unknown method is a 404 (basic/transports/streamable-http, "Error
    // Responses"). Before, an HTTP status other than 200 means that there is no JSON-RPC response.
    let status = match request.protocol {
        Protocol::Stateless if error.is_unknown_method() => 404,
        _ => 200,
    };
    HttpResponse::json_rpc_error(status, &request.id, error)
}
