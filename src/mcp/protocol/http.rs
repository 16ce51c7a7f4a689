//! HTTP as streamable HTTP uses it: request heads, responses, and which requests are read at all
//! (MCP, basic/transports, "Streamable HTTP").

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::CallerPolicy;
use crate::mcp::auth::{Rejection, cors_headers};

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method, for instance `POST`.
    pub method: String,
    /// Header fields; their names may be in any case.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl RequestHead {
    /// The values of a field.
    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a field that may appear only once: of two, a proxy between the client and this
    /// server may have used the other one.
    ///
    /// # Errors
    /// A text, if the field appears more than once, or has bytes beyond ASCII.
    pub(super) fn single(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(format!("the header field {name} appears more than once"));
        }
        let Some(value) = value else { return Ok(None) };
        match core::str::from_utf8(value) {
            Ok(text) if text.is_ascii() => Ok(Some(text.trim())),
            _ => Err(format!(
                "the header field {name} contains characters beyond ASCII"
            )),
        }
    }

    /// Whether a field that lists media types, such as `Accept`, lists one of these. Parameters,
    /// including weights, are ignored.
    fn accepts(&self, name: &str, types: &[&str]) -> bool {
        let values = self
            .all(name)
            .filter_map(|value| core::str::from_utf8(value).ok());
        values.flat_map(|value| value.split(',')).any(|entry| {
            let media_type = entry.split(';').next().unwrap_or_default().trim();
            types
                .iter()
                .any(|known| media_type.eq_ignore_ascii_case(known))
        })
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// Header fields; their names are in lower case.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: HttpBody,
}

/// The body of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpBody {
    /// No body.
    Empty,
    /// The whole body.
    Text(String),
    /// A body with a capture in it, as base64 ([`crate::mcp::Base64Stream`]).
    Capture {
        /// The part before the capture.
        head: String,
        /// The part behind the capture.
        tail: String,
    },
}

impl HttpResponse {
    /// A response without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            fields: vec![],
            body: HttpBody::Empty,
        }
    }

    /// A response in JSON.
    pub(super) fn json(status: u16, body: HttpBody) -> Self {
        let fields = [
            ("content-type", "application/json"),
            // A cache on the way must not keep captures.
            ("cache-control", "no-store"),
        ];
        Self {
            status,
            fields: fields.map(|(name, value)| (name, value.to_string())).into(),
            body,
        }
    }

    /// A response in plain text, to a request that is not even read as JSON-RPC; without a body if
    /// the text is empty.
    pub fn plain_text(status: u16, text: &str) -> Self {
        if text.is_empty() {
            return Self::empty(status);
        }
        Self {
            status,
            fields: vec![("content-type", "text/plain; charset=utf-8".to_string())],
            body: HttpBody::Text(format!("{text}\n")),
        }
    }

    /// With the header fields that let the page of this origin read the response.
    pub(super) fn with_cors(mut self, origin: &str) -> Self {
        self.fields.extend(cors_headers(origin));
        self
    }
}

impl From<Rejection> for HttpResponse {
    fn from(rejection: Rejection) -> Self {
        let mut response = Self::plain_text(rejection.status, rejection.text);
        let fields = rejection.fields.iter();
        response
            .fields
            .extend(fields.map(|(name, value)| (*name, (*value).to_string())));
        response
    }
}

/// Whether to read the body of a request with this head.
///
/// # Errors
/// The response to send instead.
pub(super) fn authorize(callers: &CallerPolicy, head: &RequestHead) -> Result<(), HttpResponse> {
    // Who may call comes first: a stranger learns nothing else about the server.
    // No token expires here: those with an expiry come from a file, which a component cannot read.
    callers.authorize(&head.method, |name| head.all(name).collect::<Vec<_>>(), 0)?;
    if head.method != "POST" {
        let text = "this server accepts only POST; it has no sessions and no event streams";
        let mut response = HttpResponse::plain_text(405, text);
        // RFC 9110 §15.5.6 requires this field.
        response.fields.push(("allow", "POST".to_string()));
        return Err(response);
    }
    if !head.accepts("content-type", &["application/json"]) {
        let text = "the request must be JSON; set Content-Type to application/json";
        return Err(HttpResponse::plain_text(415, text));
    }
    // A request without Accept accepts everything (RFC 9110 §12.5.1).
    if head.all("accept").next().is_some()
        && !head.accepts("accept", &["application/json", "application/*", "*/*"])
    {
        let text = "the response is JSON; Accept must include application/json";
        return Err(HttpResponse::plain_text(406, text));
    }
    Ok(())
}
