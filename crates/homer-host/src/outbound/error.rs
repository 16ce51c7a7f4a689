//! Network errors, translated to the error codes of `wasi:http`.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind;

use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectError {
    /// The name was not found.
    Name,
    /// TCP did not connect.
    Tcp(ErrorKind),
    /// The TLS handshake failed.
    Tls,
    /// The certificate of the server is not trusted, or it is for another name.
    Certificate,
    /// The time limit was reached.
    Timeout,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection: {self:?}")
    }
}

impl std::error::Error for ConnectError {}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            // The resolver of the system does not report the code of the DNS response.
            ConnectError::Name => Self::DnsError {
                rcode: None,
                info_code: None,
            },
            ConnectError::Tcp(ErrorKind::ConnectionRefused) => Self::ConnectionRefused,
            ConnectError::Tcp(ErrorKind::TimedOut) | ConnectError::Timeout => {
                Self::ConnectionTimeout
            }
            ConnectError::Tcp(_) => Self::DestinationUnavailable,
            ConnectError::Tls => Self::TlsProtocolError,
            ConnectError::Certificate => Self::TlsCertificateError,
        }
    }
}

/// The error of a request that got no response.
pub(super) fn of_request(error: &hyper_util::client::legacy::Error) -> Error {
    // hyper-util wraps the error of our connector and that of hyper; neither is public in its type.
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<ConnectError>() {
            return (*error).into();
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return match error {
                e if e.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(None),
                e if e.is_parse() || e.is_parse_status() => Error::HttpProtocolError,
                // The connection was closed or reset before the head of a response was complete.
                _ => Error::ConnectionTerminated,
            };
        }
        source = cause.source();
    }
    Error::ConnectionTerminated
}

/// The error of a response body that ended early.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    if error.is_parse() {
        Error::HttpProtocolError
    } else {
        Error::HttpResponseIncomplete
    }
}

/// The error of a response body as `wasi:http/types.http-error-code` returns it to the component.
/// These are the errors of [`of_body`] and of the limits of a body.
pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        Error::HttpProtocolError => Some(ErrorCode::HttpProtocolError),
        Error::HttpResponseBodySize(limit) => Some(ErrorCode::HttpResponseBodySize(*limit)),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        _ => None,
    }
}
