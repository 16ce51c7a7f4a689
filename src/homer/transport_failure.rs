//! What a failed HTTP exchange with Homer means, before the response and within it.

use alloc::format;

use super::HomerServer;
use crate::ExportError;
use crate::transport::{BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS, TransportError};

/// The error if no response arrived. `first_byte_timeout_ms` is how long the transport waited.
pub fn before_response(
    error: TransportError,
    homer: &HomerServer,
    first_byte_timeout_ms: u64,
) -> ExportError {
    let origin = homer.base_url.origin();
    match error {
        TransportError::FieldForbidden { name } => ExportError::Misconfigured(format!(
            "this host does not let the component send the header field {name}; let the host add \
             it, or allow the component to"
        )),
        TransportError::RequestUnsupported => ExportError::Misconfigured(format!(
            "this host does not accept a request to {homer}; check HOMER_URL"
        )),
        TransportError::Abandoned => ExportError::InvalidResponse(format!(
            "this host abandoned the request to {homer} without giving a reason; see its log"
        )),
        TransportError::RequestDenied => ExportError::Denied(format!(
            "the host's policy denied the request to {origin}; allow this origin in the host, or \
             correct HOMER_URL"
        )),
        TransportError::AddressDenied => ExportError::Denied(format!(
            "the host's policy denied the IP address of {origin}; allow it in the host, or correct \
             HOMER_URL"
        )),
        TransportError::NameNotFound => ExportError::Unreachable(format!(
            "the name \"{}\" cannot be resolved; check HOMER_URL and the DNS server",
            origin.host()
        )),
        TransportError::ConnectionRefused => ExportError::Unreachable(format!(
            "{origin} refused the connection; check that Homer is running and that HOMER_URL has \
             the right port"
        )),
        TransportError::ConnectTimeout => ExportError::Unreachable(format!(
            "no connection to {origin} within {CONNECT_TIMEOUT_MS} ms; check the address, the \
             route and firewalls"
        )),
        TransportError::NoRoute => ExportError::Unreachable(format!(
            "no route to {origin}; check the address, the route and firewalls"
        )),
        TransportError::UntrustedCertificate => ExportError::Unreachable(format!(
            "the certificate of {origin} is not trusted, or is for another name; make the host \
             trust its certificate authority (HOMER_CA_FILE), or use the name in the certificate"
        )),
        TransportError::TlsFailed => ExportError::Unreachable(format!(
            "TLS with {origin} failed; check that its port serves HTTPS. If it serves plain HTTP, \
             HOMER_URL must begin with http://"
        )),
        // Homer finishes the work for a client that has left, so that a retry doubles its load
        // (docs/homer.md §7).
        TransportError::ReadTimeout => ExportError::TimedOut(format!(
            "Homer at {homer} did not start its response within {first_byte_timeout_ms} ms. Homer \
             keeps working on the request, so do not repeat it immediately; narrow the window, or \
             raise HOMER_TIMEOUT_MS"
        )),
        TransportError::BodyTooLarge { limit } => too_large(limit),
        // For example for a `callid` of the wrong type (recording `export-callid-string`). The same
        // request would fail again (docs/homer.md §1.2).
        TransportError::ConnectionClosed => ExportError::InvalidResponse(format!(
            "Homer at {homer} closed the connection without a response, as it does when a request \
             crashes its handler. The request is not repeated; check Homer's log, and that \
             HOMER_URL points to Homer"
        )),
        TransportError::HeaderTooLarge => ExportError::InvalidResponse(format!(
            "the header section of the response from {homer} is larger than the host accepts; \
             check that HOMER_URL points to Homer"
        )),
        TransportError::HostFailed { reason } => ExportError::InvalidResponse(format!(
            "the host failed in the exchange with {homer}: {}",
            homer.quote(&reason)
        )),
        // Some hosts report a connection that was closed without a response in the same way.
        TransportError::NotHttp | TransportError::Unknown => ExportError::InvalidResponse(format!(
            "{homer} sent no readable HTTP response, or closed the connection without one, as \
                 Homer does when a request crashes its handler; check that its port serves HTTP, \
                 that HOMER_URL has the right scheme, and Homer's log"
        )),
    }
}

/// The error if the transfer failed within the response's body.
pub fn within_response(
    error: TransportError,
    homer: &HomerServer,
    first_byte_timeout_ms: u64,
) -> ExportError {
    match error {
        TransportError::ReadTimeout => ExportError::TimedOut(format!(
            "Homer at {homer} paused for more than {BETWEEN_BYTES_TIMEOUT_MS} ms within its \
             response; the partial capture was discarded. Try again later"
        )),
        // Within a body, invalid HTTP can only be a chunk header, so the rest of the body is lost.
        TransportError::ConnectionClosed | TransportError::NotHttp => {
            cut_off(homer, "the connection was closed before its end")
        }
        TransportError::Unknown => cut_off(homer, "the connection failed"),
        // The rest means the same at any time: a limit or a failure of the host.
        error => before_response(error, homer, first_byte_timeout_ms),
    }
}

fn cut_off(homer: &HomerServer, how: &str) -> ExportError {
    ExportError::InvalidResponse(format!(
        "the response of Homer at {homer} was cut off: {how}; the partial capture was discarded. \
         Try again"
    ))
}

fn too_large(limit: u64) -> ExportError {
    ExportError::TooLarge {
        limit,
        // The host stops at the first byte above its limit.
        seen: limit.saturating_add(1),
        message: format!(
            "the capture is larger than the host's limit of {limit} bytes; narrow the window, or \
             ask the operator to raise HOMER_EXPORT_MAX_BYTES"
        ),
    }
}
