//! The MCP server: the tools, the resources behind their links, and results shaped for clients.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homer_export::mcp::{DEFINITIONS_TTL_MS, NAME};
use homer_export::tool::export::Attachment;
use homer_export::tool::{self, MessageArguments, ToolConfig, WindowArguments};
use homer_export::{CallId, ExportError, MEDIA_TYPE};
use homer_host::{CompletedExport, ExportRequest, Exporter, Failure};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
    DiscoverResult, ErrorData, Implementation, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, MetaObject, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use crate::files::OutputDir;
use crate::progress::Progress;
use crate::recent::Recent;
use crate::turns::{MAX_CALLS, Turn, Turns};

/// What every client gets.
#[derive(Clone)]
pub(crate) struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    exporter: Exporter,
    tools: Vec<Tool>,
    terms: ToolConfig,
    output_dir: Option<OutputDir>,
    recent: Recent,
    turns: Turns,
}

impl Server {
    /// With the terms that the tools' words are to state.
    ///
    /// # Errors
    /// If a tool's definition is none, a bug.
    pub(crate) fn new(
        exporter: Exporter,
        terms: ToolConfig,
        output_dir: Option<OutputDir>,
    ) -> Result<Self, String> {
        let definitions = [
            tool::export::definition(&terms),
            tool::message::definition(&terms),
        ];
        let tools = definitions
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<_, _>>();
        let tools = tools.map_err(|why| format!("a tool's definition: {why}"))?;
        Ok(Self {
            shared: Arc::new(Shared {
                exporter,
                tools,
                terms,
                output_dir,
                recent: Recent::default(),
                turns: Turns::new(),
            }),
        })
    }

    /// The turns that its calls take.
    pub(crate) fn turns(&self) -> Turns {
        self.shared.turns.clone()
    }
}

impl Shared {
    /// The tool that exports a call.
    async fn export(
        &self,
        arguments: WindowArguments,
        progress: &Progress,
    ) -> Result<CallToolResult, Failure> {
        let call_id = CallId::parse(&arguments.callid)?;
        let (finished, capture, file) = match &self.output_dir {
            Some(dir) if self.terms.writes_files() => {
                let mut file = dir.begin().map_err(|why| unwritable(&why))?;
                let write = |bytes: &[u8]| file.write(bytes).map_err(|why| unwritable(&why));
                let (finished, capture) = self.fetch(&arguments, u64::MAX, progress, write).await?;
                let kept = dir
                    .keep(file, &call_id, arguments.from_ts, arguments.to_ts)
                    .await;
                (
                    finished,
                    capture,
                    Some(kept.map_err(|why| unwritable(&why))?.display().to_string()),
                )
            }
            _ => {
                let (finished, capture) = self.fetch_into_memory(&arguments, progress).await?;
                (finished, capture, None)
            }
        };
        let CompletedExport { report, sha256 } = &finished;
        let (structured, attachment) =
            tool::export::shape(&self.terms, &arguments, sha256, report, file.as_deref())?;
        // Clients that know no structured content read the text, and others may drop it. The bytes
        // come once, if at all.
        let mut content = vec![ContentBlock::text(structured.to_string())];
        let capture = capture.as_deref().unwrap_or_default();
        content.extend(match attachment {
            Attachment::Blob { uri } => Some(ContentBlock::resource(blob(capture, &uri))),
            Attachment::Text => Some(ContentBlock::text(BASE64_STANDARD.encode(capture))),
            Attachment::Link {
                uri,
                filename,
                size_bytes,
            } => Some(ContentBlock::resource_link(
                Resource::new(uri, filename)
                    .with_mime_type(MEDIA_TYPE)
                    .with_size(size_bytes),
            )),
            Attachment::None => None,
        });
        let mut result = CallToolResult::structured(structured);
        result.content = content;
        Ok(result)
    }

    /// The tool that shows one message, of a capture of any size: what is not among the recent ones
    /// passes by.
    async fn read_message(
        &self,
        arguments: MessageArguments,
        progress: &Progress,
    ) -> Result<CallToolResult, Failure> {
        let MessageArguments {
            window,
            packet,
            format,
            offset,
        } = arguments;
        CallId::parse(&window.callid)?;
        let structured = if let Some(capture) = self.recent.get(&window) {
            // Captures come from strangers: what takes long does not keep others waiting.
            let read = tokio::task::spawn_blocking(move || {
                tool::message::read(&capture, packet, format, offset)
            });
            read.await.map_err(|why| Failure::Trap(why.to_string()))??
        } else {
            let mut reader = tool::message::Reader::new(packet);
            self.fetch(&window, u64::MAX, progress, |bytes| Ok(reader.pass(bytes)?))
                .await?;
            reader.finish(format, offset)?
        };
        let mut result = CallToolResult::structured(structured.clone());
        result.content = vec![ContentBlock::text(structured.to_string())];
        Ok(result)
    }

    /// A capture that fits a message: a recent one, or exported anew.
    async fn capture(
        &self,
        arguments: &WindowArguments,
        progress: &Progress,
    ) -> Result<Arc<[u8]>, Failure> {
        CallId::parse(&arguments.callid)?;
        if let Some(capture) = self.recent.get(arguments) {
            return Ok(capture);
        }
        let (finished, capture) = self.fetch_into_memory(arguments, progress).await?;
        capture.ok_or_else(|| self.terms.too_large(finished.report.size_bytes).into())
    }

    /// Exports what fits a message, and ends when it does not.
    async fn fetch_into_memory(
        &self,
        arguments: &WindowArguments,
        progress: &Progress,
    ) -> Result<(CompletedExport, Option<Arc<[u8]>>), Failure> {
        self.fetch(arguments, self.terms.read_bytes, progress, |_| Ok(()))
            .await
    }

    /// Exports at most `max_bytes`, each piece to `take` as it comes. All of it is handed back as
    /// well if it fits a message.
    async fn fetch(
        &self,
        arguments: &WindowArguments,
        max_bytes: u64,
        progress: &Progress,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(CompletedExport, Option<Arc<[u8]>>), Failure> {
        let query = ExportRequest::for_call(&arguments.callid, arguments.from_ts, arguments.to_ts);
        let export = self
            .exporter
            .open_with_progress(&query, |waiting| progress.waiting(waiting))
            .await?;
        let mut export = export.hashed();
        let mut capture = Some(Vec::new());
        let mut seen = 0;
        while let Some(bytes) = export.next().await? {
            seen += bytes.len() as u64;
            progress.received(seen);
            if seen > max_bytes {
                return Err(self.terms.too_large(seen).into());
            }
            take(&bytes)?;
            // Kept for the other tool, and for who follows a link.
            capture = capture.filter(|_| seen <= self.terms.read_bytes);
            if let Some(capture) = &mut capture {
                capture.extend_from_slice(&bytes);
            }
        }
        let finished = export.finish().await?;
        let capture: Option<Arc<[u8]>> = capture.map(Arc::from);
        if let Some(capture) = &capture {
            self.recent.put(arguments.clone(), Arc::clone(capture));
        }
        Ok((finished, capture))
    }

    async fn call(
        &self,
        request: &CallToolRequestParams,
        turn: Option<Turn>,
        progress: &Progress,
    ) -> Option<Result<CallToolResult, Failure>> {
        if self.tools.iter().all(|tool| tool.name != request.name) {
            return None;
        }
        let Some(_turn) = turn else {
            return Some(Err(busy()));
        };
        let arguments = request.arguments.as_ref();
        Some(match request.name.as_ref() {
            tool::export::NAME => match WindowArguments::parse(arguments) {
                Ok(arguments) => self.export(arguments, progress).await,
                Err(error) => Err(error.into()),
            },
            tool::message::NAME => match MessageArguments::parse(arguments) {
                Ok(arguments) => self.read_message(arguments, progress).await,
                Err(error) => Err(error.into()),
            },
            _ => return None,
        })
    }

    /// The bytes behind a link, or those of an embedded resource again.
    async fn read(
        &self,
        uri: &str,
        turn: Option<Turn>,
        progress: &Progress,
    ) -> Result<ReadResourceResult, ErrorData> {
        let not_found =
            |why: String| ErrorData::resource_not_found(why, Some(tool::uri_shown(uri)));
        let Some(_turn) = turn else {
            return Err(ErrorData::internal_error(busy().to_string(), None));
        };
        let arguments = tool::query_of_uri(uri).map_err(|error| not_found(error.to_string()))?;
        let capture =
            self.capture(&arguments, progress)
                .await
                .map_err(|failure| match &failure {
                    Failure::Export(
                        ExportError::NothingCaptured(_) | ExportError::InvalidRequest(_),
                    ) => not_found(failure.to_string()),
                    _ => ErrorData::internal_error(failure.to_string(), None),
                })?;
        let mut result = ReadResourceResult::new(vec![blob(&capture, uri)])
            .with_ttl_ms(0)
            .with_cache_scope(CacheScope::Private);
        result.meta = Some(server_info());
        Ok(result)
    }
}

fn blob(capture: &[u8], uri: &str) -> ResourceContents {
    ResourceContents::blob(BASE64_STANDARD.encode(capture), uri).with_mime_type(MEDIA_TYPE)
}

fn unwritable(why: &std::io::Error) -> Failure {
    Failure::Export(ExportError::Misconfigured(format!(
        "the capture could not be written into the output directory: {why}; the operator has to mend that"
    )))
}

fn busy() -> Failure {
    Failure::Export(ExportError::TimedOut(format!(
        "{MAX_CALLS} calls are under way at this server, which is as many as it takes; try again in a moment"
    )))
}

/// The server's name in a result, which the protocol of 2026-07-28 wants in every one.
fn server_info() -> MetaObject {
    let info = Value::from_iter([("name", NAME), ("version", env!("CARGO_PKG_VERSION"))]);
    let mut meta = MetaObject::default();
    meta.0
        .insert("io.modelcontextprotocol/serverInfo".to_string(), info);
    meta
}

/// A list that anyone may keep for an hour.
macro_rules! list {
    ($result:ident, $items:expr) => {{
        let mut list = $result::with_all_items($items)
            .with_ttl_ms(DEFINITIONS_TTL_MS)
            .with_cache_scope(CacheScope::Public);
        list.meta = Some(server_info());
        Ok(list)
    }};
}

fn cancelled() -> ErrorData {
    ErrorData::internal_error("the call was cancelled", None)
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                .build(),
        )
        .with_server_info(Implementation::new(NAME, env!("CARGO_PKG_VERSION")))
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let mut discovered = DiscoverResult::from_server_info(versions, self.get_info());
        (discovered.ttl_ms, discovered.cache_scope) = (DEFINITIONS_TTL_MS, CacheScope::Public);
        Ok(discovered)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        list!(ListToolsResult, self.shared.tools.clone())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared
            .tools
            .iter()
            .find(|tool| tool.name == name)
            .cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let progress = Progress::new(&context);
        let turn = self.shared.turns.of_call(&context.extensions);
        let called = tokio::select! {
            called = self.shared.call(&request, turn, &progress) => called,
            // Dropping the export ends its request and frees its instance.
            () = context.ct.cancelled() => return Err(cancelled()),
        };
        let Some(result) = called else {
            return Err(ErrorData::invalid_params(
                tool::unknown(&request.name),
                None,
            ));
        };
        // What the model can mend, or should tell of, is a result and not a protocol error (MCP,
        // server/tools).
        let mut result = result.unwrap_or_else(|failure| {
            CallToolResult::error(vec![ContentBlock::text(failure.to_string())])
        });
        result.meta = Some(server_info());
        Ok(result.into())
    }

    /// None: what a connection has exported is not for others to see, and a list must not change
    /// with it.
    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        list!(ListResourcesResult, vec![])
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template =
            serde_json::from_value::<ResourceTemplate>(tool::resource_template(&self.shared.terms))
                .map_err(|why| ErrorData::internal_error(format!("the template: {why}"), None))?;
        list!(ListResourceTemplatesResult, vec![template])
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let progress = Progress::new(&context);
        let turn = self.shared.turns.of_call(&context.extensions);
        tokio::select! {
            read = self.shared.read(&request.uri, turn, &progress) => read.map(Into::into),
            () = context.ct.cancelled() => Err(cancelled()),
        }
    }
}
