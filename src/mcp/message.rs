//! A JSON-RPC message, and which protocol it belongs to.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::http::Head;

// JSON-RPC 2.0 §5.1, and MCP's own.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
pub(super) const INVALID_PARAMS: i32 = -32602;
pub(super) const INTERNAL_ERROR: i32 = -32603;
/// Before 2026-07-28 only.
pub(super) const RESOURCE_NOT_FOUND: i32 = -32002;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The protocol's versions, the oldest first.
pub(super) const VERSIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    STATELESS,
];

/// The first version without sessions.
const STATELESS: &str = "2026-07-28";

/// The members of a request's `_meta` that say what the client speaks, and what it can do.
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Which kind of protocol a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Up to 2025-11-25: clients that begin with `initialize`.
    Session,
    /// From 2026-07-28 on: each request says what it needs.
    Stateless,
}

/// A message of a client.
#[derive(Debug)]
pub(super) enum Incoming {
    Request(Request),
    /// A notification or a response.
    Other,
}

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    /// A string or a number.
    pub(super) id: Value,
    pub(super) method: String,
    params: Map<String, Value>,
    /// [`Protocol::Session`] until [`era`] has looked.
    pub(super) era: Protocol,
}

/// An error of the protocol.
#[derive(Debug)]
pub(super) struct RpcError {
    pub(super) code: i32,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl RpcError {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }
}

impl Incoming {
    /// # Errors
    /// The error, and the id to answer it with: null if that cannot be told.
    pub(super) fn parse(body: &[u8]) -> Result<Self, (Value, RpcError)> {
        let message: Value = serde_json::from_slice(body).map_err(|why| {
            (
                Value::Null,
                RpcError::new(PARSE_ERROR, format!("the request is not JSON: {why}")),
            )
        })?;
        let Value::Object(mut message) = message else {
            return Err((
                Value::Null,
                RpcError::new(INVALID_REQUEST, "the request is not one JSON-RPC message"),
            ));
        };
        let id = message.remove("id");
        // MCP has strings and integers; a number that we could not give back as it came is none.
        let told = id
            .clone()
            .filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let invalid = |why: &str| {
            Err((
                told.clone().unwrap_or_default(),
                RpcError::new(INVALID_REQUEST, why),
            ))
        };
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid("the request is not JSON-RPC 2.0");
        }
        let method = match message.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return invalid("the method is not a string"),
            None if message.contains_key("result") || message.contains_key("error") => {
                return Ok(Self::Other);
            }
            None => return invalid("the request has no method"),
        };
        let params = match message.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return invalid("the params are no object"),
        };
        match (id, &told) {
            (None, _) => Ok(Self::Other),
            (_, Some(id)) => Ok(Self::Request(Request {
                id: id.clone(),
                method,
                params,
                era: Protocol::Session,
            })),
            (Some(_), None) => invalid("the id is neither a string nor an integer"),
        }
    }
}

impl Request {
    /// A parameter that is a string.
    pub(super) fn text(&self, name: &str) -> Result<String, RpcError> {
        match self.params.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(RpcError::new(
                INVALID_PARAMS,
                format!("{} wants the parameter {name}, a string", self.method),
            )),
        }
    }

    /// A tool's arguments.
    pub(super) fn arguments(&self) -> Result<Option<&Map<String, Value>>, RpcError> {
        match self.params.get("arguments") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(arguments)) => Ok(Some(arguments)),
            Some(_) => Err(RpcError::new(INVALID_PARAMS, "the arguments are no object")),
        }
    }

    fn meta(&self, name: &str) -> Option<&Value> {
        self.params.get("_meta")?.get(name)
    }

    /// What `Mcp-Name` has to say (2026-07-28, basic/transports, "Standard Request Headers").
    fn name(&self) -> Option<&str> {
        let parameter = match self.method.as_str() {
            "tools/call" => "name",
            "resources/read" => "uri",
            _ => return None,
        };
        self.params.get(parameter)?.as_str()
    }
}

/// Which protocol a request belongs to, once what it says of that in its header and in its body is
/// found to agree.
pub(super) fn era(head: &Head, request: &Request) -> Result<Protocol, RpcError> {
    let mismatch = |why: String| RpcError::new(HEADER_MISMATCH, why);
    let header = head.sole("mcp-protocol-version").map_err(mismatch)?;
    let version = request.meta(PROTOCOL_VERSION).and_then(Value::as_str);
    let modern = |version: Option<&str>| version.is_some_and(|version| version >= STATELESS);
    // With what only the stateless protocol has in its body, it is no handshake but an unknown
    // method.
    if request.method == "initialize" && !modern(version) {
        // Its version is negotiated; but who routes by the header must not be misled.
        return match head.sole("mcp-method").map_err(mismatch)? {
            Some(method) if method != "initialize" => {
                Err(mismatch(disagree("Mcp-Method", "method")))
            }
            _ => Ok(Protocol::Session),
        };
    }
    if !modern(version) && !modern(header) && request.method != "server/discover" {
        return match header.or(version) {
            Some(version) if !VERSIONS.contains(&version) => Err(unsupported(version)),
            _ => Ok(Protocol::Session),
        };
    }
    let Some(version) = version else {
        return Err(missing(PROTOCOL_VERSION));
    };
    match header {
        None => {
            return Err(mismatch(
                "the header field MCP-Protocol-Version is missing".to_string(),
            ));
        }
        Some(header) if header != version => {
            return Err(mismatch(disagree("MCP-Protocol-Version", PROTOCOL_VERSION)));
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
        return Err(missing(CLIENT_CAPABILITIES));
    }
    match head.sole("mcp-method").map_err(mismatch)? {
        None => {
            return Err(mismatch(
                "the header field Mcp-Method is missing".to_string(),
            ));
        }
        Some(method) if method != request.method => {
            return Err(mismatch(disagree("Mcp-Method", "method")));
        }
        Some(_) => {}
    }
    if let Some(name) = request.name() {
        match head.sole("mcp-name").map_err(mismatch)? {
            None => return Err(mismatch("the header field Mcp-Name is missing".to_string())),
            Some(field) if decoded(field).as_deref() != Some(name.as_bytes()) => {
                return Err(mismatch(disagree("Mcp-Name", "name or uri")));
            }
            Some(_) => {}
        }
    }
    Ok(Protocol::Stateless)
}

/// The version that `initialize` agrees on: the client's, if it is one of those.
pub(super) fn negotiated(request: &Request) -> &'static str {
    let wanted = request
        .params
        .get("protocolVersion")
        .and_then(Value::as_str);
    let [session @ .., _] = &VERSIONS;
    let newest = session.last().copied().unwrap_or_default();
    session
        .iter()
        .copied()
        .find(|known| Some(*known) == wanted)
        .unwrap_or(newest)
}

/// That a method is not known.
pub(super) fn unknown(method: &str) -> String {
    let method: String = method.chars().take(64).collect();
    format!("there is no method {method:?}")
}

fn disagree(field: &str, member: &str) -> String {
    format!("the header field {field} does not agree with {member} in the body")
}

fn missing(member: &str) -> RpcError {
    RpcError::new(
        INVALID_PARAMS,
        format!("the request's _meta lacks {member}"),
    )
}

fn unsupported(version: &str) -> RpcError {
    let requested: String = version.chars().take(64).collect();
    let data = json!({ "requested": requested, "supported": VERSIONS });
    RpcError {
        data: Some(data),
        ..RpcError::new(
            UNSUPPORTED_PROTOCOL_VERSION,
            "this version of the protocol is not spoken here",
        )
    }
}

/// The value of a header field, which may stand in base64 (2026-07-28, basic/transports, "Value
/// Encoding").
fn decoded(field: &str) -> Option<Vec<u8>> {
    match field
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    {
        Some(text) => BASE64_STANDARD.decode(text).ok(),
        None => Some(field.as_bytes().to_vec()),
    }
}
