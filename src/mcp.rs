//! The MCP server, without I/O: who may call, what the tools are, how captures are delivered, and
//! the protocol of one HTTP request.
//!
//! There are two front ends. `homer-export-mcp.wasm` handles one HTTP request at a time and uses
//! all of it, including [`protocol`]. The native program `homer-export-mcp` uses the crate rmcp for
//! the protocol, and takes from here what a client can see: tools, results, errors, and texts. So
//! both servers send the same results, and each front end only moves them into its own types.
//!
//! | module | contents |
//! |---|---|
//! | [`auth`] | which callers may use an MCP server over HTTP: [`auth::CallerPolicy`] |
//! | [`tools`] | the tools: definitions, arguments, results |
//! | [`prompts`] | the prompts: definitions and texts |
//! | [`delivery`] | how the bytes of a capture reach the client: [`delivery::Delivery`] |
//! | [`uri`] | the resource URI of a capture, and reading it: [`uri::ResourceRequest`] |
//! | [`protocol`] | JSON-RPC over HTTP without sessions: [`protocol::McpServer`] |

pub mod auth;
mod base64_stream;
pub mod delivery;
pub mod prompts;
pub mod protocol;
pub mod tools;
pub mod uri;

use alloc::format;
use alloc::string::String;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::text::quoted;

pub use base64_stream::Base64Stream;

/// The server's name, as clients see it.
pub const SERVER_NAME: &str = "homer-export-mcp";

/// The `_meta` member that names the server in every result (MCP 2026-07-28, basic/index, "_meta").
pub const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// Longest request in bytes, inclusive; over standard input, the longest line.
///
/// The longest useful request, a Call-ID of 512 characters with everything else, has a few KiB. A
/// request's id goes back with the response, so a limit on requests also limits responses.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// Most characters of an unknown name or of a wrong value that an error repeats.
const MAX_ECHO_CHARS: usize = 64;

/// The server's name and version, which every result has.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerInfo {
    /// [`SERVER_NAME`].
    pub name: &'static str,
    /// The version of this package.
    pub version: &'static str,
}

/// This server's name and version.
pub fn server_info() -> ServerInfo {
    ServerInfo {
        name: SERVER_NAME,
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// What a client may show of the server (MCP 2025-11-25, schema, "Implementation"). Only the
/// results of `initialize` and `server/discover` have all of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerDetails {
    /// [`SERVER_NAME`].
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The version of this package.
    pub version: &'static str,
    /// What the server is for, in one sentence.
    pub description: &'static str,
    /// Where to read more: the repository.
    pub website_url: &'static str,
    /// Pictures for the name.
    pub icons: [Icon; 1],
}

/// A picture for a name (MCP 2025-11-25, schema, "Icon").
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Icon {
    /// The picture as a `data:` URI, so that showing it needs no request.
    pub src: String,
    /// The media type.
    pub mime_type: &'static str,
    /// The sizes for which it is meant.
    pub sizes: [&'static str; 1],
}

/// What a client may show of this server.
pub fn server_details() -> ServerDetails {
    let ServerInfo { name, version } = server_info();
    let icon = BASE64_STANDARD.encode(include_str!("mcp/icon.svg").trim_end());
    ServerDetails {
        name,
        title: "Homer call export",
        version,
        description: "Finds SIP calls in a Homer capture server, exports their packets as a pcap \
                      file, and says how each call ended and why.",
        website_url: env!("CARGO_PKG_REPOSITORY"),
        icons: [Icon {
            src: format!("data:image/svg+xml;base64,{icon}"),
            mime_type: "image/svg+xml",
            sizes: ["any"],
        }],
    }
}

/// What a client may tell its model about the server (MCP, schema, "InitializeResult"). Clients put
/// it into the system prompt, or search it for tools.
pub const INSTRUCTIONS: &str = "\
To find out why a SIP call failed, or to get its packets, export it with homer_export_pcap, which \
needs the exact Call-ID and a time window. If you do not know both, find the call with \
homer_find_calls first, and pass the arguments that it returns for the call. To look closer at \
the exported call, use homer_read_message for one message, homer_read_ladder for any part of its \
ladder, and homer_compare_calls to see how it differs from a call that works.";

/// How long, and by whom, a result may be cached (MCP 2026-07-28, server/utilities/caching).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CacheHint {
    /// How long, in milliseconds.
    #[serde(rename = "ttlMs")]
    pub ttl_ms: u64,
    /// Who may share the cached result.
    #[serde(rename = "cacheScope")]
    pub scope: CacheScope,
}

/// Who may share a cached result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// All users.
    Public,
    /// One user.
    Private,
}

/// For lists of tools and resources: they depend on the configuration alone, and a new
/// configuration needs a restart.
pub const CACHE_DEFINITIONS: CacheHint = CacheHint {
    ttl_ms: 3_600_000,
    scope: CacheScope::Public,
};

/// For captures: packets of a call may still arrive, and they are one user's business.
pub const CACHE_CAPTURES: CacheHint = CacheHint {
    ttl_ms: 0,
    scope: CacheScope::Private,
};

/// The text of the error about a method that the server does not have.
pub fn unknown_method(method: &str) -> String {
    format!(
        "unknown method {}; this server offers tools, resources and prompts: tools/list, \
         tools/call, resources/list, resources/templates/list, resources/read, prompts/list and \
         prompts/get",
        quoted(method, MAX_ECHO_CHARS)
    )
}

/// The text of the HTTP response to a request over [`MAX_REQUEST_BYTES`].
pub fn request_too_large() -> String {
    let limit = delivery::size(MAX_REQUEST_BYTES as u64);
    format!("the request is too large; the maximum is {limit}")
}

/// The text of the HTTP response to a request that breaks off.
pub const REQUEST_INCOMPLETE: &str = "the request body ended early; send it again";
