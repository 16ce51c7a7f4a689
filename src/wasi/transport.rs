//! HTTP requests through `wasi:http`: [`HttpTransport`].

use alloc::vec;
use alloc::vec::Vec;

use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasi::io::streams::{InputStream, StreamError};

use crate::origin;
use crate::transport::{
    BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS, OutboundRequest, OutboundResponse, ResponseBody,
    ResponseHead, Transport, TransportError,
};

/// Most bytes of one write to an output stream (`wasi:io/streams`, `blocking-write-and-flush`).
const MAX_WRITE: usize = 4096;

/// Sends requests through `wasi:http/outgoing-handler`.
#[derive(Debug)]
pub struct HttpTransport;

type Response = OutboundResponse<WasiBody>;

impl Transport for HttpTransport {
    type Body = WasiBody;
    // A response that arrived before the whole request was sent, or one to wait for.
    type Pending = Result<Response, FutureIncomingResponse>;

    fn start(&mut self, request: &OutboundRequest<'_>) -> Result<Self::Pending, TransportError> {
        let outgoing = outgoing_request(request)?;
        let options = request_options(request.first_byte_timeout_ms);
        let body = outgoing.body().map_err(|()| TransportError::Abandoned)?;
        let future = outgoing_handler::handle(outgoing, Some(options)).map_err(to_error)?;
        // Before `handle`, a host need not take bytes, so writing a long body would block forever.
        let Err(error) = write(body, request.body) else {
            return Ok(Err(future));
        };
        // The response says why, or the connection does.
        match wait(&future)? {
            response if response.head.status == 200 => Err(error),
            response => Ok(Ok(response)),
        }
    }

    fn receive(&mut self, pending: Self::Pending) -> Result<Response, TransportError> {
        pending.or_else(|future| wait(&future))
    }
}

/// Waits for the head of a response.
fn wait(future: &FutureIncomingResponse) -> Result<Response, TransportError> {
    future.subscribe().block();
    let response = future
        .get()
        .and_then(Result::ok)
        .ok_or(TransportError::Abandoned)?
        .map_err(to_error)?;
    let head = response_head(&response);
    let body = response.consume().map_err(|()| TransportError::Abandoned)?;
    let stream = body.stream().map_err(|()| TransportError::Abandoned)?;
    let body = WasiBody {
        stream,
        _body: body,
    };
    Ok(OutboundResponse { head, body })
}

fn outgoing_request(request: &OutboundRequest<'_>) -> Result<OutgoingRequest, TransportError> {
    let fields = Fields::new();
    for (name, value) in request.fields {
        fields
            .append(name, value.as_bytes())
            .map_err(|_| TransportError::FieldForbidden { name: name.clone() })?;
    }
    let outgoing = OutgoingRequest::new(fields);
    let scheme = match request.origin.scheme() {
        origin::Scheme::Http => Scheme::Http,
        origin::Scheme::Https => Scheme::Https,
    };
    outgoing
        .set_method(&Method::Post)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&request.origin.authority())))
        .and_then(|()| outgoing.set_path_with_query(Some(request.path)))
        .map_err(|()| TransportError::RequestUnsupported)?;
    Ok(outgoing)
}

fn request_options(first_byte_timeout_ms: u64) -> RequestOptions {
    let options = RequestOptions::new();
    let ns = |ms: u64| Some(ms.saturating_mul(1_000_000));
    // A host that does not support one of these timeouts reports it and applies its own. The
    // request is worth trying all the same.
    let _ = options.set_connect_timeout(ns(CONNECT_TIMEOUT_MS));
    let _ = options.set_first_byte_timeout(ns(first_byte_timeout_ms));
    let _ = options.set_between_bytes_timeout(ns(BETWEEN_BYTES_TIMEOUT_MS));
    options
}

/// Writes all of `bytes` into the request's body.
fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), TransportError> {
    // The stream is a child of the body, and must be dropped before `finish`.
    {
        let stream = body.write().map_err(|()| TransportError::Abandoned)?;
        for chunk in bytes.chunks(MAX_WRITE) {
            stream
                .blocking_write_and_flush(chunk)
                .map_err(|error| match error {
                    StreamError::LastOperationFailed(error) => {
                        http_error_code(&error).map_or(TransportError::Abandoned, to_error)
                    }
                    StreamError::Closed => TransportError::Abandoned,
                })?;
        }
    }
    OutgoingBody::finish(body, None).map_err(to_error)
}

fn response_head(response: &IncomingResponse) -> ResponseHead {
    let fields = response.headers();
    ResponseHead::from_fields(response.status(), |name| fields.get(name))
}

/// The body of a response from `wasi:http`.
#[derive(Debug)]
pub struct WasiBody {
    // In this order, which is the order of dropping: the stream is a child of the body, and
    // dropping the parent first traps.
    stream: InputStream,
    _body: IncomingBody,
}

impl ResponseBody for WasiBody {
    fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError> {
        loop {
            match self.stream.blocking_read(max) {
                // `wasi:io/streams` allows a read of no bytes before the end.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(bytes),
                Err(StreamError::Closed) => return Ok(vec![]),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(http_error_code(&error).map_or(TransportError::Unknown, to_error));
                }
            }
        }
    }
}

/// Translates a `wasi:http` error code.
fn to_error(code: ErrorCode) -> TransportError {
    match code {
        ErrorCode::HttpRequestDenied => TransportError::RequestDenied,
        ErrorCode::DestinationIpProhibited => TransportError::AddressDenied,
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            TransportError::NameNotFound
        }
        ErrorCode::ConnectionRefused => TransportError::ConnectionRefused,
        ErrorCode::ConnectionTimeout => TransportError::ConnectTimeout,
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => TransportError::NoRoute,
        ErrorCode::TlsCertificateError => TransportError::UntrustedCertificate,
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => TransportError::TlsFailed,
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout
        | ErrorCode::ConnectionWriteTimeout => TransportError::ReadTimeout,
        ErrorCode::HttpResponseBodySize(limit) => TransportError::BodyTooLarge {
            limit: limit.unwrap_or_default(),
        },
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            TransportError::ConnectionClosed
        }
        ErrorCode::HttpProtocolError => TransportError::NotHttp,
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            TransportError::HeaderTooLarge
        }
        ErrorCode::InternalError(Some(reason)) => TransportError::HostFailed { reason },
        _ => TransportError::Unknown,
    }
}
