//! The MCP server: one tool, its results shaped for clients.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homer_export::report::MAX_JSON;
use homer_export::tool::{self, Delivery, Limits};
use homer_export::{CallId, ExportError, MEDIA_TYPE};
use homer_host::{Exporter, Failure, Query};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ResourceContents, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};

use crate::arguments::ToolArguments;
use crate::progress::Progress;

/// What every client gets.
pub(crate) struct Server {
    exporter: Exporter,
    tool: Tool,
    inline_bytes: u64,
}

impl Server {
    /// With the limits that the tool's words are to state.
    ///
    /// # Errors
    /// If the tool's definition is none, a bug.
    pub(crate) fn new(exporter: Exporter, max_window_hours: u32, inline_bytes: u64) -> Result<Self, String> {
        let definition = tool::definition(Limits { max_window_hours, inline_bytes });
        let tool = serde_json::from_value(definition).map_err(|why| format!("the tool's definition: {why}"))?;
        Ok(Self { exporter, tool, inline_bytes })
    }

    /// The capture, attached to a result.
    async fn export(&self, arguments: ToolArguments, progress: &Progress) -> Result<CallToolResult, Failure> {
        let ToolArguments { callid, from_ts, to_ts } = arguments;
        let call_id = CallId::parse(&callid)?;
        let query =
            Query { call_ids: vec![callid], from_ts, to_ts, profiles: vec![], nodes: vec![], exclude_ips: vec![] };
        let mut export = self.exporter.open_telling(&query, |waiting| progress.waiting(waiting)).await?;
        let mut capture = Vec::new();
        while let Some(bytes) = export.next().await? {
            capture.extend_from_slice(&bytes);
            if capture.len() as u64 > self.inline_bytes {
                return Err(self.too_large(capture.len() as u64).into());
            }
        }
        let finished = export.finish().await?;

        let uri = tool::resource_uri(&call_id, from_ts, to_ts);
        let delivery = Delivery::Embedded { uri: &uri };
        let report = finished.report.fitted(MAX_JSON);
        let structured = tool::result(&call_id.filename(), &finished.sha256, &report, delivery);
        let blob = ResourceContents::blob(BASE64_STANDARD.encode(&capture), uri).with_mime_type(MEDIA_TYPE);
        let mut result = CallToolResult::structured(structured.clone());
        // Clients that know no structured content read the text, and others may drop it.
        result.content = vec![ContentBlock::text(structured.to_string()), ContentBlock::resource(blob)];
        Ok(result)
    }

    fn too_large(&self, seen: u64) -> ExportError {
        let limit = self.inline_bytes;
        ExportError::TooLarge {
            limit,
            seen,
            message: format!(
                "the capture is larger than the {} that this server attaches to a result. Narrow from_ts and to_ts to the \
                 part of the call that matters; or ask the operator to raise HOMER_MAX_INLINE_BYTES, or to save the capture \
                 with the command line homer-export, which has no such limit",
                tool::size(limit)
            ),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("homer-export-mcp", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![self.tool.clone()]))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == tool::NAME).then(|| self.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != tool::NAME {
            let why = format!("there is no tool {:?}; the only one is {}", request.name, tool::NAME);
            return Err(ErrorData::invalid_params(why, None));
        }
        let progress = Progress::new(&context);
        let result = match ToolArguments::parse(request.arguments.as_ref()) {
            Err(why) => Err(Failure::Export(ExportError::InvalidRequest(why))),
            Ok(arguments) => tokio::select! {
                result = self.export(arguments, &progress) => result,
                // Dropping the export ends its request and frees its instance.
                () = context.ct.cancelled() => return Err(ErrorData::internal_error("the call was cancelled", None)),
            },
        };
        // What the model can mend, or should tell of, is a result and not a protocol error (MCP, server/tools).
        Ok(result.unwrap_or_else(|failure| CallToolResult::error(vec![ContentBlock::text(failure.to_string())])).into())
    }
}
