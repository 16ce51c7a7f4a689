//! What went wrong on the network, in the words of `wasi:http`.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind;

use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectFault {
    /// The name was not found.
    Name,
    /// TCP did not connect.
    Tcp(ErrorKind),
    /// TLS failed.
    Tls,
    /// The server's certificate is not trusted, or for another name.
    Certificate,
    /// It took too long.
    Timeout,
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection: {self:?}")
    }
}

impl std::error::Error for ConnectFault {}

impl From<ConnectFault> for Error {
    fn from(fault: ConnectFault) -> Self {
        match fault {
            ConnectFault::Name => Self::DnsError {
                rcode: None,
                info_code: None,
            },
            ConnectFault::Tcp(ErrorKind::ConnectionRefused) => Self::ConnectionRefused,
            ConnectFault::Tcp(ErrorKind::TimedOut) | ConnectFault::Timeout => {
                Self::ConnectionTimeout
            }
            ConnectFault::Tcp(_) => Self::DestinationUnavailable,
            ConnectFault::Tls => Self::TlsProtocolError,
            ConnectFault::Certificate => Self::TlsCertificateError,
        }
    }
}

/// A request that got no reply.
pub(super) fn of_request(error: &hyper_util::client::legacy::Error) -> Error {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(fault) = cause.downcast_ref::<ConnectFault>() {
            return (*fault).into();
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return match error {
                e if e.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(None),
                e if e.is_parse() || e.is_parse_status() => Error::HttpProtocolError,
                // Closed or reset before the head of a reply was there.
                _ => Error::ConnectionTerminated,
            };
        }
        source = cause.source();
    }
    Error::ConnectionTerminated
}

/// A body that broke off.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    if error.is_parse() {
        Error::HttpProtocolError
    } else {
        Error::HttpResponseIncomplete
    }
}

/// What [`of_body`] and the limits of a body say, as `wasi:http/types.http-error-code` gives it to
/// the component.
pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        Error::HttpProtocolError => Some(ErrorCode::HttpProtocolError),
        Error::HttpResponseBodySize(limit) => Some(ErrorCode::HttpResponseBodySize(*limit)),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        _ => None,
    }
}
