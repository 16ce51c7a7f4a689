//! The MCP server: makes the exports that calls need, and puts the results of
//! [`homer_export::mcp`] into rmcp's types.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use homer_export::config::RedactSettings;
use homer_export::mcp::delivery::Attachment;
use homer_export::mcp::tools::{
    self, CallWindow, InvalidCall, ReadCall, ToolCall, ToolConfig, ToolFailure, ToolResult,
};
use homer_export::mcp::uri::{ResourceError, ResourceRequest, resource_template};
use homer_export::mcp::{
    self, CACHE_CAPTURES, CACHE_DEFINITIONS, CacheHint, SERVER_INFO_KEY, prompts,
};
use homer_export::{ExportError, MEDIA_TYPE};
use homer_host::{CallFilterFields, CaptureReader, CompletedExport, Exporter, Failure, Manifest};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    Annotations, CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult,
    CompleteRequestParams, CompleteResult, ContentBlock, CustomRequest, CustomResult,
    DiscoverResult, EmbeddedResource, ErrorCode, ErrorData, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, MetaObject, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, Role, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call_limit::{CallLimit, CallPermit};
use crate::call_log::CallLog;
use crate::files::{CaptureFile, OutputDir};
use crate::now_ms;
use crate::progress::Progress;
use crate::shared_export::{Exported, Seen, SharedExporter};
use crate::tool_error::ToolError;

/// The server. Clones share everything; over HTTP, each session has one.
#[derive(Clone)]
pub(crate) struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    exporter: SharedExporter,
    tools: Vec<Tool>,
    /// The tools as clients without links see them.
    tools_without_links: Vec<Tool>,
    template: ResourceTemplate,
    config: ToolConfig,
    redact: RedactSettings,
    output_dir: Option<OutputDir>,
    calls: CallLimit,
    log: CallLog,
}

impl Server {
    pub(crate) fn new(
        exporter: Exporter,
        config: ToolConfig,
        redact: RedactSettings,
        output_dir: Option<OutputDir>,
        log: CallLog,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                exporter: SharedExporter::new(exporter, config.read_bytes, redact.clone()),
                tools: to_rmcp(&tools::definitions(&config)),
                tools_without_links: to_rmcp(&tools::definitions(&config.for_client(None))),
                template: to_rmcp(&resource_template(&config)),
                config,
                redact,
                output_dir,
                calls: CallLimit::new(),
                log,
            }),
        }
    }

    /// The limit of its calls.
    pub(crate) fn call_limit(&self) -> CallLimit {
        self.shared.calls.clone()
    }

    /// The log of its calls.
    pub(crate) fn log(&self) -> CallLog {
        self.shared.log.clone()
    }
}

/// Where the bytes of an export go, besides the cache.
enum Sink<'a> {
    Memory,
    File(&'a mut CaptureFile),
    Reader(&'a mut CaptureReader),
}

impl Sink<'_> {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), ToolError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(file) => file.write(bytes).map_err(ToolError::StorageFailed),
            Self::Reader(reader) => Ok(reader.feed(bytes).await?),
        }
    }
}

impl Shared {
    /// The configuration for the client of this request, by the version of MCP that it negotiated.
    fn config_for(&self, context: &RequestContext<RoleServer>) -> ToolConfig {
        let version = context
            .protocol_version()
            .map(|version| version.to_string());
        self.config.for_client(version.as_deref())
    }

    /// `config` is the configuration for the client that calls.
    async fn call(
        &self,
        call: ToolCall,
        config: ToolConfig,
        progress: &Progress,
    ) -> Result<CallToolResult, ToolError> {
        match call {
            ToolCall::ExportPcap(call) => self.export_pcap(call, config, progress).await,
            ToolCall::Read(call) => self.read(&call, progress).await,
            ToolCall::FindCalls(filter) => self.find_calls(&filter, progress).await,
        }
    }

    async fn export_pcap(
        &self,
        call: CallWindow,
        config: ToolConfig,
        progress: &Progress,
    ) -> Result<CallToolResult, ToolError> {
        let call = call.redacted(self.redact.level);
        let (exported, path) = match &self.output_dir {
            Some(dir) if self.config.writes_files() => {
                let (exported, path) = self.export_into(dir, &call, progress).await?;
                (exported, Some(path))
            }
            // Of a capture that is too large for a message, the report remains.
            _ => (
                self.export(&call, u64::MAX, progress, Sink::Memory).await?,
                None,
            ),
        };
        let CompletedExport { report, sha256, .. } = &*exported.finished;
        let result = ToolResult::of_export(&config, &call, sha256, report, path.as_deref());
        // The capture, and its copy in the result.
        let mut held = self.calls.hold();
        if matches!(
            result.attachment,
            Attachment::Blob { .. } | Attachment::Text
        ) {
            let size = exported.bytes.as_deref().map_or(0, <[u8]>::len);
            if !held.add(size + base64_len(size)) {
                return Err(ToolError::Full);
            }
        }
        Ok(to_call_result(
            &result,
            exported.bytes.as_deref().unwrap_or_default(),
        ))
    }

    /// Reads a part of one capture, or of two, in the sandbox. Captures may have any size: none is
    /// kept but those that the cache takes.
    async fn read(
        &self,
        call: &ReadCall,
        progress: &Progress,
    ) -> Result<CallToolResult, ToolError> {
        let redaction = self.redact.redaction(None).map_err(Failure::Export)?;
        let reading = call.reading().as_redacted(redaction.as_ref());
        // Before the export: an invalid condition should cost no request to Homer.
        let mut reader = self.exporter.open_reader(&reading).await?;
        for (at, capture) in call.captures().into_iter().enumerate() {
            // The capture that the operator allows to be seen.
            let capture = &capture.clone().redacted(self.redact.level);
            if at > 0 {
                reader.next_capture().await?;
            }
            match self.exporter.cache().get(capture) {
                Some(capture) => reader.feed(&capture).await?,
                None => {
                    let sink = Sink::Reader(&mut reader);
                    self.export(capture, u64::MAX, progress, sink).await?;
                }
            }
        }
        let found = reader.finish().await?;
        Ok(to_call_result(&ToolResult::of_reading(call, &found), &[]))
    }

    async fn find_calls(
        &self,
        filter: &CallFilterFields,
        progress: &Progress,
    ) -> Result<CallToolResult, ToolError> {
        let found = self
            .exporter
            .find_calls(filter, |waiting| progress.waiting(waiting))
            .await?;
        let result = ToolResult::of_search(&self.config, filter, &found);
        Ok(to_call_result(&result, &[]))
    }

    /// The bytes of a resource.
    async fn read_resource(
        &self,
        call: &CallWindow,
        progress: &Progress,
    ) -> Result<Bytes, ToolError> {
        let call = &call.clone().redacted(self.redact.level);
        // A client usually follows a link right after the export that returned it.
        if let Some(capture) = self.exporter.cache().get(call) {
            return Ok(capture);
        }
        let exported = self.export_into_memory(call, progress).await?;
        let size = exported.finished.report.size_bytes;
        exported
            .bytes
            .ok_or_else(|| self.config.too_large(size).into())
    }

    /// Exports a capture of any size into a new file, and returns its path.
    async fn export_into(
        &self,
        dir: &OutputDir,
        call: &CallWindow,
        progress: &Progress,
    ) -> Result<(Exported, String), ToolError> {
        let mut file = dir.begin().map_err(ToolError::StorageFailed)?;
        let sink = Sink::File(&mut file);
        let mut exported = self.export(call, u64::MAX, progress, sink).await?;
        let path = dir
            .keep(file, call)
            .await
            .map_err(ToolError::StorageFailed)?;
        if let Some(redaction) = &exported.finished.redaction {
            let manifest = Manifest::new(&path, &exported.finished.sha256, redaction);
            dir.keep_manifest(&manifest)
                .map_err(ToolError::StorageFailed)?;
            // A copy: other callers of the same export have files of their own.
            let finished = Arc::make_mut(&mut exported.finished);
            finished.report.warnings.push(format!(
                "the SHA-256 of the original, and what was redacted, are in {}",
                manifest.path().display()
            ));
        }
        Ok((exported, path.display().to_string()))
    }

    /// Exports a capture that fits into a message; ends as soon as one turns out not to.
    async fn export_into_memory(
        &self,
        call: &CallWindow,
        progress: &Progress,
    ) -> Result<Exported, ToolError> {
        let max_bytes = self.config.read_bytes;
        self.export(call, max_bytes, progress, Sink::Memory).await
    }

    /// Exports a capture of at most `max_bytes`, and passes each chunk to `sink`.
    async fn export(
        &self,
        call: &CallWindow,
        max_bytes: u64,
        progress: &Progress,
        mut sink: Sink<'_>,
    ) -> Result<Exported, ToolError> {
        let mut seen = 0;
        let mut export = self.exporter.export(call);
        loop {
            match export.next().await? {
                Seen::Waiting(waiting) => progress.waiting(waiting),
                Seen::Bytes(bytes) => {
                    seen += bytes.len() as u64;
                    progress.received(seen);
                    if seen > max_bytes {
                        // If nobody else waits for the export, its request to Homer ends.
                        return Err(self.config.too_large(seen).into());
                    }
                    sink.take(&bytes).await?;
                }
                Seen::Ended(exported) => return Ok(exported),
            }
        }
    }
}

/// Puts a value of the core into rmcp's type for the same JSON.
#[expect(
    clippy::expect_used,
    reason = "both are the types of MCP's schema; the tests convert every definition"
)]
fn to_rmcp<T: DeserializeOwned>(value: &impl Serialize) -> T {
    let json = serde_json::to_value(value).expect("JSON");
    serde_json::from_value(json).expect("a value of MCP's schema")
}

/// Puts a tool's result into rmcp's type, with the bytes of the capture if it has them attached.
fn to_call_result(result: &ToolResult, capture: &[u8]) -> CallToolResult {
    let mut called = CallToolResult::success(vec![ContentBlock::text(result.text.clone())]);
    // Clients without support for structured content read the text; others may ignore it.
    called.structured_content = result.structured.as_ref().map(to_rmcp);
    called.content.extend(match &result.attachment {
        Attachment::None => None,
        Attachment::Blob { uri } => Some(ContentBlock::Resource(
            EmbeddedResource::new(blob(capture, uri)).with_annotations(for_user()),
        )),
        Attachment::Text => Some(ContentBlock::text(BASE64_STANDARD.encode(capture))),
        Attachment::Link {
            uri,
            filename,
            size_bytes,
        } => Some(ContentBlock::resource_link(
            Resource::new(uri, filename)
                .with_mime_type(MEDIA_TYPE)
                .with_size(*size_bytes)
                .with_annotations(for_user()),
        )),
    });
    called
}

/// The length of a capture in base64.
fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Bytes of what is attached to a result. The rest of it is short.
fn attached_len(result: &CallToolResult) -> usize {
    let lengths = result.content.iter().map(|block| match block {
        ContentBlock::Text(text) => text.text.len(),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::BlobResourceContents { blob, .. } => blob.len(),
            _ => 0,
        },
        _ => 0,
    });
    lengths.sum()
}

/// A capture is for the user, since no model can read one.
fn for_user() -> Annotations {
    Annotations::default().with_audience(vec![Role::User])
}

fn to_error_result(failure: &ToolFailure) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(&failure.text)]);
    if let Some(structured) = &failure.structured {
        // Also as text, for clients without support for structured content.
        let text = structured.get().to_string();
        result.content.push(ContentBlock::text(text));
        result.structured_content = Some(to_rmcp(structured));
    }
    result
}

fn blob(capture: &[u8], uri: &str) -> ResourceContents {
    ResourceContents::blob(BASE64_STANDARD.encode(capture), uri).with_mime_type(MEDIA_TYPE)
}

fn to_error_data(error: ResourceError) -> ErrorData {
    match error {
        // rmcp sends the code of the client's version of the protocol.
        ResourceError::NotFound { message, data } => {
            ErrorData::resource_not_found(message, Some(to_rmcp(&data)))
        }
        ResourceError::Failed { message } => ErrorData::internal_error(message, None),
    }
}

/// The `_meta` of every result (MCP 2026-07-28, basic/index, "_meta").
fn meta() -> MetaObject {
    let mut meta = MetaObject::default();
    meta.0
        .insert(SERVER_INFO_KEY.to_string(), to_rmcp(&mcp::server_info()));
    meta
}

fn scope(hint: CacheHint) -> CacheScope {
    match hint.scope {
        mcp::CacheScope::Public => CacheScope::Public,
        mcp::CacheScope::Private => CacheScope::Private,
    }
}

/// A list result with its cache hint. (A macro, since rmcp's list types share no trait.)
macro_rules! list {
    ($result:ident, $items:expr) => {{
        let mut list = $result::with_all_items($items)
            .with_ttl_ms(CACHE_DEFINITIONS.ttl_ms)
            .with_cache_scope(scope(CACHE_DEFINITIONS));
        list.meta = Some(meta());
        Ok(list)
    }};
}

/// Adds a sentence for the model: to the summary, since some clients show a model nothing but the
/// structured content, and as a text block before what is attached.
fn add_note(result: &mut CallToolResult, note: String) {
    let structured = result.structured_content.as_mut();
    if let Some(Value::String(summary)) = structured.and_then(|it| it.get_mut("summary")) {
        summary.push(' ');
        summary.push_str(&note);
    }
    let texts = result
        .content
        .iter()
        .take_while(|it| it.as_text().is_some());
    let position = texts.count().min(1);
    result.content.insert(position, ContentBlock::text(note));
}

/// rmcp sends no response to a canceled request; the error only ends its handler.
fn cancelled() -> ErrorData {
    ErrorData::internal_error("the call was cancelled", None)
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                .enable_prompts()
                .build(),
        )
        .with_server_info(to_rmcp(&mcp::server_details()))
        .with_instructions(mcp::INSTRUCTIONS)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let mut discovered = DiscoverResult::from_server_info(versions, self.get_info());
        discovered.ttl_ms = CACHE_DEFINITIONS.ttl_ms;
        discovered.cache_scope = scope(CACHE_DEFINITIONS);
        Ok(discovered)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let shared = &self.shared;
        let tools = match shared.config_for(&context) == shared.config {
            true => &shared.tools,
            false => &shared.tools_without_links,
        };
        list!(ListToolsResult, tools.clone())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let mut tools = self.shared.tools.iter();
        tools.find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let shared = &self.shared;
        let arguments = request.arguments.as_ref();
        let mut logged = shared
            .log
            .begin(&context, "tools/call", Some(&request.name));
        let progress = Progress::new(&context, logged.bytes());
        let parsed = ToolCall::parse(&request.name, arguments, &shared.config, now_ms());
        match &parsed {
            Ok(call) => logged.asks_for(call),
            Err(InvalidCall::Arguments(_)) => {}
            Err(InvalidCall::UnknownTool { message }) => {
                logged.failed("unknown-tool");
                return Err(ErrorData::invalid_params(message.clone(), None));
            }
        }
        let call = async {
            let call = match parsed {
                Ok(call) => call,
                Err(InvalidCall::Arguments(error)) => return Err(error.into()),
                // Not here: see above.
                Err(InvalidCall::UnknownTool { message }) => {
                    return Err(ExportError::InvalidRequest(message).into());
                }
            };
            // After the arguments have been parsed, because an invalid call needs no permit.
            let permit: Option<CallPermit> = shared.calls.permit_of(&context.extensions);
            match permit {
                Some(permit) => {
                    let config = shared.config_for(&context);
                    let result = shared.call(call, config, &progress).await?;
                    match permit.reserve(attached_len(&result)) {
                        true => Ok(result),
                        false => Err(ToolError::Full),
                    }
                }
                None => Err(ToolError::Busy),
            }
        };
        let called = tokio::select! {
            called = call => called,
            // Dropping the export ends its request to Homer, unless another call waits for it.
            () = context.ct.cancelled() => return Err(cancelled()),
        };
        let mut result = match called {
            Ok(result) => {
                logged.succeeded();
                result
            }
            Err(error) => {
                logged.failed(error.code());
                to_error_result(&error.failure(&request.name))
            }
        };
        if let Some(note) = tools::note_on_unknown_arguments(&request.name, arguments) {
            add_note(&mut result, note);
        }
        result.meta = Some(meta());
        Ok(result.into())
    }

    /// Always empty: see `resources/list` in [`homer_export::mcp::protocol`].
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
        list!(
            ListResourceTemplatesResult,
            vec![self.shared.template.clone()]
        )
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let shared = &self.shared;
        let mut logged = shared.log.begin(&context, "resources/read", None);
        let progress = Progress::new(&context, logged.bytes());
        let resource = match ResourceRequest::parse(&request.uri, &shared.config) {
            Ok(resource) => resource,
            Err(error) => {
                logged.failed("invalid-request");
                return Err(to_error_data(error));
            }
        };
        logged.asks_for(&ToolCall::ExportPcap(resource.call.clone()));
        let read = async {
            match shared.calls.permit_of(&context.extensions) {
                Some(permit) => {
                    let capture = shared.read_resource(&resource.call, &progress).await?;
                    match permit.reserve(base64_len(capture.len())) {
                        true => Ok(capture),
                        false => Err(ToolError::Full),
                    }
                }
                None => Err(ToolError::Busy),
            }
        };
        let read = tokio::select! {
            read = read => read,
            () = context.ct.cancelled() => return Err(cancelled()),
        };
        let capture = match read {
            Ok(capture) => capture,
            Err(error) => {
                logged.failed(error.code());
                return Err(match &error {
                    ToolError::Export(Failure::Export(error)) => {
                        to_error_data(resource.failed(error))
                    }
                    other => ErrorData::internal_error(other.to_string(), None),
                });
            }
        };
        logged.succeeded();
        let mut result = ReadResourceResult::new(vec![blob(&capture, &resource.uri)])
            .with_ttl_ms(CACHE_CAPTURES.ttl_ms)
            .with_cache_scope(scope(CACHE_CAPTURES));
        result.meta = Some(meta());
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        list!(ListPromptsResult, to_rmcp(&prompts::definitions()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let (arguments, config) = (request.arguments.as_ref(), &self.shared.config);
        let prompt = prompts::get(&request.name, arguments, config, now_ms())
            .map_err(|why| ErrorData::invalid_params(why, None))?;
        let mut result: GetPromptResult = to_rmcp(&prompt);
        // Not in the JSON of the core, which says it in the envelope.
        result.result_type = GetPromptResult::default().result_type;
        result.meta = Some(meta());
        Ok(result.into())
    }

    // rmcp's errors about methods that a server does not have are their bare names.

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(unknown_method("completion/complete"))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unknown_method(&request.method))
    }

    #[expect(deprecated, reason = "clients of older versions of MCP send it")]
    async fn set_level(
        &self,
        _: rmcp::model::SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Err(unknown_method("logging/setLevel"))
    }
}

fn unknown_method(method: &str) -> ErrorData {
    ErrorData::new(
        ErrorCode::METHOD_NOT_FOUND,
        mcp::unknown_method(method),
        None,
    )
}
