//! Which version of the protocol a request belongs to, by its header fields and its body.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::http::RequestHead;
use super::jsonrpc::{JsonRpcError, JsonRpcRequest};
use super::version::{FIRST_STATELESS, Protocol, UnsupportedVersion, VERSIONS};
use crate::mcp::MAX_ECHO_CHARS;
use crate::text::truncate_for_display;

// Members of a request's `_meta` (2026-07-28, basic/index, "_meta").
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Which protocol a request belongs to; `initialize` and everything without a version belong to the
/// older one.
///
/// In the stateless protocol, header fields repeat parts of the body, so that proxies can route a
/// request without parsing it. A server must reject a request whose two parts differ: the proxy
/// would have decided about another request (2026-07-28, basic/transports/streamable-http,
/// "Standard Request Headers").
///
/// # Errors
/// The error to send if the version is not supported, a required member is missing, or the header
/// fields do not match the body.
pub(super) fn negotiate(
    head: &RequestHead,
    request: &JsonRpcRequest,
) -> Result<Protocol, JsonRpcError> {
    let header = head
        .single("mcp-protocol-version")
        .map_err(JsonRpcError::header_mismatch)?;
    let version = request.meta(PROTOCOL_VERSION).and_then(Value::as_str);
    let stateless = |version: Option<&str>| version.is_some_and(|v| v >= FIRST_STATELESS);
    // `initialize` negotiates the version in its own parameters. But with the `_meta` of the
    // stateless protocol it is an unknown method of that protocol.
    if request.method == "initialize" && !stateless(version) {
        return match head
            .single("mcp-method")
            .map_err(JsonRpcError::header_mismatch)?
        {
            Some(method) if method != "initialize" => Err(mismatch("Mcp-Method", "method")),
            _ => Ok(Protocol::Handshake),
        };
    }
    // `server/discover` exists in the stateless protocol only, whatever the version says.
    if !stateless(version) && !stateless(header) && request.method != "server/discover" {
        return match header.or(version) {
            Some(version) if !VERSIONS.contains(&version) => Err(unsupported(version)),
            _ => Ok(Protocol::Handshake),
        };
    }
    let version = version.ok_or_else(|| missing_meta(PROTOCOL_VERSION))?;
    match header {
        None => return Err(missing_field("MCP-Protocol-Version")),
        Some(header) if header != version => {
            return Err(mismatch("MCP-Protocol-Version", PROTOCOL_VERSION));
        }
        Some(_) => {}
    }
    if !VERSIONS.contains(&version) {
        return Err(unsupported(version));
    }
    if !request
        .meta(CLIENT_CAPABILITIES)
        .is_some_and(Value::is_object)
    {
        return Err(missing_meta(CLIENT_CAPABILITIES));
    }
    match head
        .single("mcp-method")
        .map_err(JsonRpcError::header_mismatch)?
    {
        None => return Err(missing_field("Mcp-Method")),
        Some(method) if method != request.method => return Err(mismatch("Mcp-Method", "method")),
        Some(_) => {}
    }
    if let Some((member, name)) = name(request) {
        match head
            .single("mcp-name")
            .map_err(JsonRpcError::header_mismatch)?
        {
            None => return Err(missing_field("Mcp-Name")),
            Some(field) if decoded(field).as_deref() != Some(name.as_bytes()) => {
                return Err(mismatch("Mcp-Name", member));
            }
            Some(_) => {}
        }
    }
    Ok(Protocol::Stateless)
}

/// The version that a request states, in its header field or, for a proxy that drops it, in its
/// body.
pub(super) fn stated(head: &RequestHead, request: &JsonRpcRequest) -> Option<String> {
    let header = head.single("mcp-protocol-version").ok().flatten();
    let meta = || request.meta(PROTOCOL_VERSION).and_then(Value::as_str);
    header.or_else(meta).map(ToString::to_string)
}

/// The version that `initialize` agrees on: the client's, if it is supported and has a handshake;
/// otherwise the newest that has one.
pub(super) fn agreed(request: &JsonRpcRequest) -> &'static str {
    let requested = request
        .params
        .get("protocolVersion")
        .and_then(Value::as_str);
    let [handshake @ .., _] = &VERSIONS;
    let newest = handshake.last().copied().unwrap_or_default();
    handshake
        .iter()
        .copied()
        .find(|known| Some(*known) == requested)
        .unwrap_or(newest)
}

/// The parameter that `Mcp-Name` repeats, and its value.
fn name(request: &JsonRpcRequest) -> Option<(&'static str, &str)> {
    let member = match request.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return None,
    };
    let value = request.params.get(member).and_then(Value::as_str)?;
    Some((member, value))
}

fn mismatch(field: &str, member: &str) -> JsonRpcError {
    JsonRpcError::header_mismatch(format!(
        "the header field {field} does not match {member} in the body"
    ))
}

fn missing_field(field: &str) -> JsonRpcError {
    JsonRpcError::header_mismatch(format!("the header field {field} is missing"))
}

fn missing_meta(member: &str) -> JsonRpcError {
    JsonRpcError::invalid_params(format!("{member} is missing in the request's _meta"))
}

fn unsupported(version: &str) -> JsonRpcError {
    JsonRpcError::unsupported_version(UnsupportedVersion {
        requested: truncate_for_display(version, MAX_ECHO_CHARS),
        supported: &VERSIONS,
    })
}

/// The value of a header field. Values that are not plain ASCII are sent in base64 (2026-07-28,
/// basic/transports/streamable-http, "Value Encoding").
fn decoded(field: &str) -> Option<Vec<u8>> {
    match field
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    {
        Some(text) => BASE64_STANDARD.decode(text).ok(),
        None => Some(field.to_string().into_bytes()),
    }
}
