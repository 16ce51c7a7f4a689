//! An MCP server of one HTTP request at a time, without I/O: what a request asks for, and what is
//! answered.
//!
//! MCP 2026-07-28 is stateless, and of the protocols before it, which begin with `initialize`,
//! nothing is used that would need a session: streamable HTTP allows a server to give none. So that
//! each request stands alone, and may be answered by an instance of its own, as edge and serverless
//! hosts do. Answers are single JSON bodies; nothing is ever sent unasked.

mod http;
mod message;

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::{Value, json};

pub use http::{Body, Head, Reply};

use crate::tool::export::Attachment;
use crate::tool::{self, MessageArguments, ToolConfig, WindowArguments};
use crate::{CallerPolicy, CaptureReport, ExportError, MEDIA_TYPE};
use message::{Incoming, Protocol, Request, RpcError};

/// The server's name in its answers.
pub const NAME: &str = "homer-export-mcp";

/// Longest request in bytes, inclusive: a Call-ID and two numbers. What of it goes back, its id for
/// one, makes no answer too long. Over standard input it is the longest line.
pub const MAX_REQUEST: usize = 256 * 1024;

/// How long a client may keep the definitions, in milliseconds: they change with the configuration
/// alone, which wants a new start.
pub const DEFINITIONS_TTL_MS: u64 = 3_600_000;

/// What the server is configured to do.
#[derive(Clone, Debug)]
pub struct Server {
    /// Who may call.
    pub http_auth: CallerPolicy,
    /// What the tools keep to.
    pub terms: ToolConfig,
}

/// What comes of a request.
#[derive(Debug)]
pub enum Step {
    /// The answer.
    Reply(Reply),
    /// A capture is needed first.
    Export(Export),
}

/// A request that waits for a capture.
#[derive(Debug)]
pub struct Export {
    request: Request,
    wanted: Wanted,
}

/// What a capture is wanted for.
#[derive(Debug)]
pub enum Wanted {
    /// `homer_export_pcap`.
    Capture(WindowArguments),
    /// `homer_read_message`.
    Message(MessageArguments),
    /// `resources/read`.
    Resource {
        /// The resource.
        uri: String,
        /// What it names.
        window: WindowArguments,
    },
}

impl Server {
    /// What to do about a request of which `head` has come.
    ///
    /// # Errors
    /// The reply, if no body is worth reading.
    pub fn admit(&self, head: &Head) -> Result<(), Reply> {
        http::admit(&self.http_auth, head)
    }

    /// The reply as it goes out: a page that may call is let read it.
    pub fn outgoing(&self, head: &Head, reply: Reply) -> Reply {
        match head.sole("origin") {
            Ok(Some(origin)) if self.http_auth.allows(Some(origin.as_bytes())) => {
                reply.for_page(origin)
            }
            _ => reply,
        }
    }

    /// What to do about a request that was admitted.
    pub fn step(&self, head: &Head, body: &[u8]) -> Step {
        let mut request = match Incoming::parse(body) {
            Ok(Incoming::Request(request)) => request,
            // A notification, or an answer to what was never asked: nothing to say.
            Ok(Incoming::Other) => return Step::Reply(Reply::empty(202)),
            Err((id, error)) => return Step::Reply(Reply::error(400, &id, &error)),
        };
        match message::era(head, &request) {
            Ok(era) => request.era = era,
            Err(error) => return Step::Reply(Reply::error(400, &request.id, &error)),
        }
        match self.answer(&request) {
            Ok(Answer::Result(result)) => Step::Reply(reply(&request, result)),
            Ok(Answer::Nothing) => {
                // To the letter an empty object (2025-11-25, basic/utilities/ping): not even the
                // server's name in it.
                let text = format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{}}}}",
                    request.id
                );
                Step::Reply(Reply::json(200, Body::Text(text)))
            }
            Ok(Answer::Export(wanted)) => Step::Export(Export { request, wanted }),
            Err(error) => {
                // Streamable HTTP of 2026-07-28: an unknown method is a 404; before, errors of
                // JSON-RPC come with 200.
                let stateless = request.era == Protocol::Stateless;
                let status = if stateless && error.code == message::METHOD_NOT_FOUND {
                    404
                } else {
                    200
                };
                Step::Reply(Reply::error(status, &request.id, &error))
            }
        }
    }

    fn answer(&self, request: &Request) -> Result<Answer, RpcError> {
        let era = request.era;
        let definitions = |name: &str, items: Value| {
            let mut list = json!({ name: items });
            keep(&mut list, era, DEFINITIONS_TTL_MS, "public");
            Ok(Answer::Result(list))
        };
        match (request.method.as_str(), era) {
            ("initialize", Protocol::Session) => Ok(Answer::Result(json!({
                "protocolVersion": message::negotiated(request),
                "capabilities": { "tools": {}, "resources": {} },
                "serverInfo": server_info(),
            }))),
            ("ping", Protocol::Session) => Ok(Answer::Nothing),
            ("server/discover", Protocol::Stateless) => {
                let mut discovered = json!({
                    "supportedVersions": message::VERSIONS,
                    "capabilities": { "tools": {}, "resources": {} },
                });
                keep(&mut discovered, era, DEFINITIONS_TTL_MS, "public");
                Ok(Answer::Result(discovered))
            }
            ("tools/list", _) => {
                let tools = [
                    tool::export::definition(&self.terms),
                    tool::message::definition(&self.terms),
                ];
                definitions("tools", tools.into_iter().collect())
            }
            // None: what was exported is not for others to see, and a list must not change with it.
            ("resources/list", _) => definitions("resources", json!([])),
            ("resources/templates/list", _) => definitions(
                "resourceTemplates",
                json!([tool::resource_template(&self.terms)]),
            ),
            ("resources/read", _) => {
                let uri = request.text("uri")?;
                match tool::query_of_uri(&uri) {
                    Ok(window) => Ok(Answer::Export(Wanted::Resource { uri, window })),
                    Err(error) => Err(not_found(era, &uri, &error)),
                }
            }
            ("tools/call", _) => {
                let name = request.text("name")?;
                let arguments = request.arguments()?;
                let wanted = match name.as_str() {
                    tool::export::NAME => WindowArguments::parse(arguments).map(Wanted::Capture),
                    tool::message::NAME => MessageArguments::parse(arguments).map(Wanted::Message),
                    _ => return Err(RpcError::new(message::INVALID_PARAMS, tool::unknown(&name))),
                };
                Ok(match wanted {
                    Ok(wanted) => Answer::Export(wanted),
                    // What the model can mend is a result and not a protocol error (MCP,
                    // server/tools).
                    Err(error) => Answer::Result(failed(&error)),
                })
            }
            (method, _) => Err(RpcError::new(
                message::METHOD_NOT_FOUND,
                message::unknown(method),
            )),
        }
    }
}

enum Answer {
    /// A result with nothing in it.
    Nothing,
    Result(Value),
    Export(Wanted),
}

impl Export {
    /// What the capture is wanted for.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Which capture.
    pub fn window(&self) -> &WindowArguments {
        match &self.wanted {
            Wanted::Capture(window) | Wanted::Resource { window, .. } => window,
            Wanted::Message(arguments) => &arguments.window,
        }
    }

    /// The reply with the capture, for [`Wanted::Capture`] and [`Wanted::Resource`]; its bytes are
    /// to go where [`Body::Capture`] says.
    pub fn exported(&self, terms: &ToolConfig, sha256: &str, report: &CaptureReport) -> Reply {
        let (result, bytes) = match &self.wanted {
            Wanted::Resource { uri, .. } => {
                let mut result = json!({});
                keep(&mut result, self.request.era, 0, "private");
                let text = json!({ "mimeType": MEDIA_TYPE, "uri": uri });
                (
                    result,
                    Some(("contents", String::new(), hole(&text, "blob"), "}]")),
                )
            }
            Wanted::Capture(window) => {
                let (structured, attachment) =
                    match tool::export::shape(terms, window, sha256, report, None) {
                        Ok(shaped) => shaped,
                        Err(error) => return self.failed(&error),
                    };
                // Clients that know no structured content read the text, and others may drop it.
                // The bytes come once, if at all.
                let text = json!({ "type": "text", "text": structured.to_string() });
                let mut result = json!({ "structuredContent": structured });
                let bytes = match attachment {
                    Attachment::Blob { uri } => {
                        let resource = hole(&json!({ "mimeType": MEDIA_TYPE, "uri": uri }), "blob");
                        let block = format!("{{\"type\":\"resource\",\"resource\":{resource}");
                        Some(("content", format!("{text},"), block, "}}]"))
                    }
                    Attachment::Text => Some((
                        "content",
                        format!("{text},"),
                        hole(&json!({ "type": "text" }), "text"),
                        "}]",
                    )),
                    Attachment::Link {
                        uri,
                        filename,
                        size_bytes,
                    } => {
                        let link = json!({
                            "type": "resource_link", "uri": uri, "name": filename, "mimeType": MEDIA_TYPE, "size": size_bytes,
                        });
                        result["content"] = json!([text, link]);
                        None
                    }
                    Attachment::None => {
                        result["content"] = json!([text]);
                        None
                    }
                };
                (result, bytes)
            }
            Wanted::Message(_) => {
                return self.failed(&ExportError::InvalidResponse(
                    "a message was wanted".to_string(),
                ));
            }
        };
        let Some((name, before, block, behind)) = bytes else {
            return reply(&self.request, result);
        };
        // The object that is the result, less the brace that ends it, goes on with the list that
        // holds the bytes.
        let mut head = envelope(&self.request, result);
        head.truncate(head.len() - 2);
        head.push_str(&format!(",\"{name}\":[{before}{block}"));
        Reply::json(
            200,
            Body::Capture {
                head,
                tail: format!("\"{behind}}}}}"),
            },
        )
    }

    /// The reply with a message, as [`tool::message::Reader::finish`] shows it.
    pub fn message(&self, structured: Value) -> Reply {
        let content = json!([{ "type": "text", "text": structured.to_string() }]);
        reply(
            &self.request,
            json!({ "content": content, "structuredContent": structured }),
        )
    }

    /// The reply if there is no capture.
    pub fn failed(&self, error: &ExportError) -> Reply {
        let era = self.request.era;
        match &self.wanted {
            Wanted::Resource { uri, .. } => Reply::error(
                200,
                &self.request.id,
                &match error {
                    ExportError::NothingCaptured(_) | ExportError::InvalidRequest(_) => {
                        not_found(era, uri, error)
                    }
                    _ => RpcError::new(message::INTERNAL_ERROR, error.to_string()),
                },
            ),
            _ => reply(&self.request, failed(error)),
        }
    }
}

/// The result of a tool that failed.
fn failed(error: &ExportError) -> Value {
    json!({ "content": [{ "type": "text", "text": error.to_string() }], "isError": true })
}

/// A resource that is not there: another code since 2026-07-28 (server/resources, "Error
/// Handling").
fn not_found(era: Protocol, uri: &str, error: &ExportError) -> RpcError {
    let code = if era == Protocol::Stateless {
        message::INVALID_PARAMS
    } else {
        message::RESOURCE_NOT_FOUND
    };
    RpcError {
        data: Some(tool::uri_shown(uri)),
        ..RpcError::new(code, error.to_string())
    }
}

/// Says how long a result may be kept (2026-07-28, server/utilities/caching).
fn keep(result: &mut Value, era: Protocol, ttl_ms: u64, scope: &str) {
    if era == Protocol::Stateless {
        result["ttlMs"] = ttl_ms.into();
        result["cacheScope"] = scope.into();
    }
}

fn server_info() -> Value {
    json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION") })
}

fn reply(request: &Request, result: Value) -> Reply {
    Reply::json(200, Body::Text(envelope(request, result)))
}

/// A result as a JSON-RPC response; ends in the result's brace and its own.
fn envelope(request: &Request, mut result: Value) -> String {
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": server_info() });
    if request.era == Protocol::Stateless {
        result["resultType"] = "complete".into();
    }
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}",
        request.id
    )
}

/// An object up to where the text of one more member begins: `{…,"name":"`.
fn hole(object: &Value, name: &str) -> String {
    let mut text = object.to_string();
    text.pop();
    text.push_str(&format!(",\"{name}\":\""));
    text
}
