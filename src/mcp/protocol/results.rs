//! The results of the methods, as they are written: JSON through serde.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::http::HttpBody;
use super::jsonrpc::{self, JsonRpcRequest};
use super::version::Protocol;
use crate::MEDIA_TYPE;
use crate::mcp::prompts::PromptDefinition;
use crate::mcp::tools::ToolDefinition;
use crate::mcp::uri::ResourceTemplate;
use crate::mcp::{CacheHint, ServerDetails, ServerInfo, server_details, server_info};

/// A result with what every result has.
///
/// The members of the result itself come last: [`with_capture`] relies on it.
#[derive(Serialize)]
pub(super) struct Envelope<T> {
    /// "complete" in the stateless protocol (2026-07-28, basic/index, "Result"); absent before.
    #[serde(rename = "resultType", skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    #[serde(rename = "_meta")]
    meta: Meta,
    /// Present in the stateless protocol, in results that have it.
    #[serde(flatten)]
    cache: Option<CacheHint>,
    #[serde(flatten)]
    result: T,
}

#[derive(Serialize)]
struct Meta {
    // [`crate::mcp::SERVER_INFO_KEY`]; an attribute cannot name the constant.
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server_info: MetaServerInfo,
}

/// All that a client may show is in the results that begin a conversation; the others identify the
/// server.
#[derive(Serialize)]
#[serde(untagged)]
enum MetaServerInfo {
    Short(ServerInfo),
    Full(ServerDetails),
}

impl<T> Envelope<T> {
    pub(super) fn new(request: &JsonRpcRequest, cache: Option<CacheHint>, result: T) -> Self {
        let stateless = request.protocol == Protocol::Stateless;
        Self {
            result_type: stateless.then_some("complete"),
            meta: Meta {
                server_info: match request.method.as_str() {
                    "server/discover" => MetaServerInfo::Full(server_details()),
                    _ => MetaServerInfo::Short(server_info()),
                },
            },
            cache: cache.filter(|_| stateless),
            result,
        }
    }
}

/// What the server offers: tools, resources and prompts. No list ever changes, so no notifications.
#[derive(Default, Serialize)]
pub(super) struct Capabilities {
    tools: EmptyObject,
    resources: EmptyObject,
    prompts: EmptyObject,
}

/// `{}`: a capability without options, or the result of `ping`.
#[derive(Default, Serialize)]
pub(super) struct EmptyObject {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitializeResult {
    pub(super) protocol_version: &'static str,
    pub(super) capabilities: Capabilities,
    pub(super) server_info: ServerDetails,
    pub(super) instructions: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscoverResult {
    pub(super) supported_versions: &'static [&'static str],
    pub(super) capabilities: Capabilities,
    pub(super) instructions: &'static str,
}

/// The result of `tools/list`.
#[derive(Serialize)]
pub(super) struct Tools {
    pub(super) tools: [ToolDefinition; 5],
}

/// The result of `prompts/list`.
#[derive(Serialize)]
pub(super) struct Prompts {
    pub(super) prompts: [PromptDefinition; 1],
}

/// The result of `resources/list`.
#[derive(Serialize)]
pub(super) struct Resources {
    pub(super) resources: [(); 0],
}

/// The result of `resources/templates/list`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceTemplates {
    pub(super) resource_templates: [ResourceTemplate; 1],
}

/// The result of `tools/call`. The content comes last, and in it the capture.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallToolResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_error: Option<bool>,
    pub(super) content: Vec<Block<'a>>,
}

/// A content block.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
    },
    Resource {
        annotations: Annotations,
        // It comes last: see `with_capture`.
        resource: Contents<'a>,
    },
    ResourceLink {
        uri: &'a str,
        name: &'a str,
        #[serde(rename = "mimeType")]
        mime_type: &'static str,
        size: u64,
        annotations: Annotations,
    },
}

/// For whom a block is (MCP, schema, "Annotations"): a capture is for the user, since no model can
/// read one.
#[derive(Serialize)]
pub(super) struct Annotations {
    audience: [&'static str; 1],
}

impl Annotations {
    const FOR_USER: Self = Self { audience: ["user"] };
}

impl<'a> Block<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text { text }
    }

    pub(super) fn link(uri: &'a str, name: &'a str, size: u64) -> Self {
        Self::ResourceLink {
            uri,
            name,
            mime_type: MEDIA_TYPE,
            size,
            annotations: Annotations::FOR_USER,
        }
    }

    /// For [`with_capture`].
    pub(super) fn capture(uri: &'a str) -> Self {
        Self::Resource {
            annotations: Annotations::FOR_USER,
            resource: Contents::of_capture(uri),
        }
    }

    /// For [`with_capture`].
    pub(super) fn capture_as_text() -> Self {
        Self::Text { text: CAPTURE }
    }
}

/// The result of `resources/read`.
#[derive(Serialize)]
pub(super) struct ReadResourceResult<'a> {
    pub(super) contents: [Contents<'a>; 1],
}

/// The contents of a resource. The blob comes last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contents<'a> {
    uri: &'a str,
    mime_type: &'static str,
    blob: &'static str,
}

impl<'a> Contents<'a> {
    /// For [`with_capture`].
    pub(super) fn of_capture(uri: &'a str) -> Self {
        Self {
            uri,
            mime_type: MEDIA_TYPE,
            blob: CAPTURE,
        }
    }
}

/// Stands for the base64 of the capture until [`with_capture`].
const CAPTURE: &str = "<capture>";

/// The body of a response whose result contains [`CAPTURE`] once: what comes before the capture,
/// and what comes behind it. So the base64 of a capture, up to 8 MiB, never exists as a whole.
///
/// Other texts in the result may contain the same characters: a Call-ID, for instance. But nothing
/// of the result comes behind the capture, only brackets; so the last occurrence is the right one.
#[expect(
    clippy::expect_used,
    reason = "only called with a result that has the placeholder"
)]
pub(super) fn with_capture(request: &JsonRpcRequest, result: &impl Serialize) -> HttpBody {
    let text = jsonrpc::response(request, result);
    let (head, tail) = text.rsplit_once(CAPTURE).expect("the placeholder");
    debug_assert!(tail.bytes().all(|byte| b"\"]}".contains(&byte)), "{tail}");
    HttpBody::Capture {
        head: String::from(head),
        tail: tail.to_string(),
    }
}
