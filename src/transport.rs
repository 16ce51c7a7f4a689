//! The HTTP transport trait and its error type.
//!
//! The core decides what to send and what a response means. A [`Transport`] only moves bytes:
//! `wasi:http` in the components, recorded exchanges in the tests.

use alloc::string::String;
use alloc::vec::Vec;

use crate::origin::Origin;

/// Longest wait for a connection including TLS, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;

/// Longest pause within a response, in milliseconds.
// Homer builds the whole file before it sends the first byte (docs/homer.md §1.6). A pause within a
// response is therefore a fault of the network or of a proxy.
pub const BETWEEN_BYTES_TIMEOUT_MS: u64 = 30_000;

/// A `POST` request with a JSON body, complete but for the framing.
#[derive(Clone, Copy, Debug)]
pub struct OutboundRequest<'a> {
    /// Where the request goes.
    pub origin: &'a Origin,
    /// The path below the origin, without a query.
    pub path: &'a str,
    /// Header fields: name and value. They include the content type and length.
    pub fields: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// Longest wait for the first byte of the response, in milliseconds.
    // Not a constant like the other two: the time grows with the size of the capture, to more than
    // a minute for 200,000 messages (docs/homer.md §7).
    pub first_byte_timeout_ms: u64,
}

/// The status and the relevant header fields of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// HTTP status code.
    pub status: u16,
    /// Content-Type, as sent.
    pub content_type: Option<String>,
    /// Content-Encoding, as sent.
    // Homer never compresses (recording `http-accept-gzip`), so a value shows that a proxy did.
    pub content_encoding: Option<String>,
    /// Content-Length in bytes. Homer 7 never sends it with a capture.
    pub content_length: Option<u64>,
    /// Location of a redirect, as sent.
    pub location: Option<String>,
    /// WWW-Authenticate: all challenges, separated by commas.
    // Homer sends none (docs/homer.md §2), so a value shows that a proxy did.
    pub www_authenticate: Option<String>,
    /// Server, as sent.
    pub server: Option<String>,
    /// Retry-After, as sent.
    pub retry_after: Option<String>,
}

/// Longest value of a header field that is kept, in bytes, inclusive. A longer one is cut off.
const MAX_FIELD_VALUE: usize = 1024;

impl ResponseHead {
    /// The head of a response. `values` returns the values of all header fields of a name, which is
    /// in lower case.
    pub fn from_fields(status: u16, values: impl Fn(&str) -> Vec<Vec<u8>>) -> Self {
        let text = |value: &[u8]| {
            let value = value.get(..MAX_FIELD_VALUE).unwrap_or(value);
            String::from_utf8_lossy(value).into_owned()
        };
        let first = |name: &str| values(name).first().map(|value| text(value));
        // A server may send each challenge in a field of its own (RFC 9110 §11.6.1).
        let challenges = values("www-authenticate").join(&b", "[..]);
        Self {
            status,
            content_type: first("content-type"),
            content_encoding: first("content-encoding"),
            content_length: first("content-length").and_then(|length| length.parse().ok()),
            location: first("location"),
            www_authenticate: Some(text(&challenges)).filter(|text| !text.is_empty()),
            server: first("server"),
            retry_after: first("retry-after"),
        }
    }
}

/// A response whose head has arrived and whose body has not been read.
#[derive(Debug)]
pub struct OutboundResponse<B> {
    /// Status and header fields.
    pub head: ResponseHead,
    /// The body.
    pub body: B,
}

/// Sends requests. Several may be under way at the same time.
pub trait Transport {
    /// The body of a response.
    type Body: ResponseBody;

    /// A request whose response has not been received. Dropping it cancels the request.
    type Pending;

    /// Sends `request` without waiting for the response.
    ///
    /// # Errors
    /// [`TransportError`] if the request cannot be sent.
    fn start(&mut self, request: &OutboundRequest<'_>) -> Result<Self::Pending, TransportError>;

    /// Waits for the head of the response to a request that was started.
    ///
    /// # Errors
    /// [`TransportError`] if no response arrives.
    fn receive(
        &mut self,
        pending: Self::Pending,
    ) -> Result<OutboundResponse<Self::Body>, TransportError>;
}

/// The body of a response, read chunk by chunk.
pub trait ResponseBody {
    /// The next bytes: 1 to `max` of them, or none at the end of the body.
    ///
    /// # Errors
    /// [`TransportError`] if the transfer fails.
    fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError>;
}

/// Why an HTTP exchange failed. [`crate::homer::transport_failure`] turns this into an
/// [`ExportError`](crate::ExportError).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host does not let this component set a header field.
    // Distinct from `RequestUnsupported`, because only the name tells an operator what to allow.
    FieldForbidden {
        /// The field's name.
        name: String,
    },
    /// The host cannot express the request.
    RequestUnsupported,
    /// The host gave up on the exchange without saying why.
    Abandoned,
    /// The host's policy denied the request.
    RequestDenied,
    /// The host's policy denied the IP address of the server.
    AddressDenied,
    /// The server's name could not be resolved.
    NameNotFound,
    /// The server refused the connection.
    ConnectionRefused,
    /// No connection within [`CONNECT_TIMEOUT_MS`].
    ConnectTimeout,
    /// There is no route to the server.
    NoRoute,
    /// The server's certificate is not trusted, or is for another name.
    UntrustedCertificate,
    /// TLS failed for another reason.
    TlsFailed,
    /// No byte arrived in time.
    ReadTimeout,
    /// The server closed the connection too early.
    ConnectionClosed,
    /// What arrived is not HTTP.
    NotHttp,
    /// The response's header section is larger than the host accepts.
    HeaderTooLarge,
    /// The response's body is larger than the host accepts.
    BodyTooLarge {
        /// The host's limit in bytes, inclusive.
        limit: u64,
    },
    /// The host failed, and says why.
    HostFailed {
        /// The host's reason.
        reason: String,
    },
    /// The connection failed in a way that the host does not describe.
    Unknown,
}
