//! JSON-RPC 2.0: requests, responses and errors.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use serde::Serialize;
use serde_json::{Map, Value};

use super::http::{HttpBody, HttpResponse};
use super::version::{Protocol, UnsupportedVersion};
use crate::mcp::MAX_ECHO_CHARS;
use crate::mcp::tools::to_raw_json;
use crate::mcp::uri::{ResourceError, ResourceErrorData};
use crate::text::quoted;

// JSON-RPC 2.0 §5.1.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
// MCP's own. The first one exists before 2026-07-28 only; the others since then.
const RESOURCE_NOT_FOUND: i32 = -32002;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// A message of a client.
#[derive(Debug)]
pub(super) enum JsonRpcMessage {
    Request(Box<JsonRpcRequest>),
    /// A notification or a response.
    Other,
}

/// A request.
#[derive(Debug)]
pub(super) struct JsonRpcRequest {
    /// A string or an integer.
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
    /// [`Protocol::Handshake`] until [`super::negotiation::negotiate`] has looked.
    pub(super) protocol: Protocol,
    /// The version of MCP that the client uses, if its request states one. Clients do so since
    /// 2025-06-18 (basic/transports, "Protocol Version Header").
    pub(super) version: Option<String>,
    /// What the result of a tool says about arguments that were ignored.
    pub(super) note: Option<String>,
}

impl JsonRpcMessage {
    /// Parses the body of an HTTP request.
    ///
    /// # Errors
    /// The error, and the id of the response that carries it: null if the request has none, or none
    /// that is valid.
    pub(super) fn parse(body: &[u8]) -> Result<Self, (Value, JsonRpcError)> {
        let message: Value = serde_json::from_slice(body)
            .map_err(|why| (Value::Null, JsonRpcError::not_json(&why)))?;
        let Value::Object(mut message) = message else {
            // MCP has no batches since 2025-06-18.
            return Err((
                Value::Null,
                JsonRpcError::new(INVALID_REQUEST, "the request must be one JSON-RPC object"),
            ));
        };
        let id = message.remove("id");
        // MCP permits strings and integers. The response repeats the id, so one that serde_json
        // cannot write as it was, for instance with 30 digits, is not accepted either.
        let valid_id = id
            .clone()
            .filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let invalid = |why: &str| {
            Err((
                valid_id.clone().unwrap_or_default(),
                JsonRpcError::new(INVALID_REQUEST, why),
            ))
        };
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid("jsonrpc must be \"2.0\"");
        }
        let method = match message.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return invalid("method must be a string"),
            None if message.contains_key("result") || message.contains_key("error") => {
                return Ok(Self::Other);
            }
            None => return invalid("method is missing"),
        };
        let params = match message.remove("params") {
            // Some clients send null where there are none.
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return invalid("params must be an object"),
        };
        match (id, &valid_id) {
            (None, _) => Ok(Self::Other),
            (_, Some(id)) => Ok(Self::Request(Box::new(JsonRpcRequest {
                id: id.clone(),
                method,
                params,
                protocol: Protocol::Handshake,
                version: None,
                note: None,
            }))),
            (Some(_), None) => invalid("id must be a string or an integer"),
        }
    }
}

impl JsonRpcRequest {
    /// A parameter that must be a string.
    pub(super) fn text(&self, name: &str) -> Result<&str, JsonRpcError> {
        match self.params.get(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(JsonRpcError::invalid_params(format!(
                "{} requires the parameter {name}, a string",
                self.method
            ))),
        }
    }

    /// The arguments of a tool.
    pub(super) fn arguments(&self) -> Result<Option<&Map<String, Value>>, JsonRpcError> {
        match self.params.get("arguments") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(arguments)) => Ok(Some(arguments)),
            Some(_) => Err(JsonRpcError::invalid_params("arguments must be an object")),
        }
    }

    /// A member of the request's `_meta`.
    pub(super) fn meta(&self, name: &str) -> Option<&Value> {
        self.params.get("_meta")?.get(name)
    }
}

/// An error of the protocol.
#[derive(Debug, Serialize)]
pub(super) struct JsonRpcError {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<ErrorData>>,
}

/// More about an error, for programs.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ErrorData {
    Resource(ResourceErrorData),
    Version(UnsupportedVersion),
}

impl JsonRpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    fn not_json(why: &serde_json::Error) -> Self {
        Self::new(PARSE_ERROR, format!("the request is not JSON: {why}"))
    }

    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, crate::mcp::unknown_method(method))
    }

    pub(super) fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(HEADER_MISMATCH, message)
    }

    pub(super) fn unsupported_version(data: UnsupportedVersion) -> Self {
        let message = format!(
            "unsupported protocol version {}",
            quoted(&data.requested, MAX_ECHO_CHARS)
        );
        Self {
            data: Some(Box::new(ErrorData::Version(data))),
            ..Self::new(UNSUPPORTED_PROTOCOL_VERSION, message)
        }
    }

    pub(super) fn of_resource(protocol: Protocol, error: ResourceError) -> Self {
        match error {
            ResourceError::NotFound { message, data } => {
                // The code changed with 2026-07-28 (server/resources, "Error Handling").
                let code = match protocol {
                    Protocol::Handshake => RESOURCE_NOT_FOUND,
                    Protocol::Stateless => INVALID_PARAMS,
                };
                Self {
                    data: Some(Box::new(ErrorData::Resource(data))),
                    ..Self::new(code, message)
                }
            }
            ResourceError::Failed { message } => Self::new(INTERNAL_ERROR, message),
        }
    }

    pub(super) fn is_unknown_method(&self) -> bool {
        self.code == METHOD_NOT_FOUND
    }
}

/// The text of a successful response.
pub(super) fn response(request: &JsonRpcRequest, result: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Response<'a, T> {
        jsonrpc: &'static str,
        id: &'a Value,
        result: &'a T,
    }

    to_json(&Response {
        jsonrpc: "2.0",
        id: &request.id,
        result,
    })
}

impl HttpResponse {
    /// A successful response.
    pub(super) fn json_rpc_result(request: &JsonRpcRequest, result: &impl Serialize) -> Self {
        Self::json(200, HttpBody::Text(response(request, result)))
    }

    /// A response with an error.
    pub(super) fn json_rpc_error(status: u16, id: &Value, error: &JsonRpcError) -> Self {
        #[derive(Serialize)]
        struct ErrorResponse<'a> {
            jsonrpc: &'static str,
            id: &'a Value,
            error: &'a JsonRpcError,
        }

        let response = ErrorResponse {
            jsonrpc: "2.0",
            id,
            error,
        };
        Self::json(status, HttpBody::Text(to_json(&response)))
    }
}

/// The response to a request whose body is not JSON, and so has no id.
pub fn not_json(why: &serde_json::Error) -> HttpResponse {
    HttpResponse::json_rpc_error(400, &Value::Null, &JsonRpcError::not_json(why))
}

/// Whether the body of a request is one JSON-RPC message.
///
/// # Errors
/// The response to a body that is JSON, but no request, notification or response of JSON-RPC 2.0.
pub fn check_message(body: &[u8]) -> Result<(), HttpResponse> {
    match JsonRpcMessage::parse(body) {
        Ok(_) => Ok(()),
        Err((id, error)) => Err(HttpResponse::json_rpc_error(400, &id, &error)),
    }
}

fn to_json(value: &impl Serialize) -> String {
    to_raw_json(value).get().to_string()
}
