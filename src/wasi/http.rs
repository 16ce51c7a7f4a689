//! One request through `wasi:http`, and its reply read piece by piece.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, http_error_code,
};
use wasi::io::streams::{InputStream, StreamError};

use crate::config::{BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS};
use crate::homer::reply::{Head, MAX_ERROR_BODY};
use crate::homer::{Request, login};
use crate::origin::Scheme;
use crate::query::fit;
use crate::{BaseUrl, Config, Credential, ExportError};

/// Most bytes that one write to an output stream takes (`wasi:io/streams`,
/// `blocking-write-and-flush`).
const MAX_WRITE: usize = 4096;

/// A reply, its body not yet read.
pub(super) struct Reply {
    pub(super) head: Head,
    pub(super) body: Body,
}

/// Sends `request` and waits for the head of the reply.
pub(super) fn send(request: &Request, config: &Config) -> Result<Reply, ExportError> {
    let homer = &config.homer;
    let fields = Fields::new();
    let set = |name: &str, value: &str| {
        fields.append(name, value.as_bytes()).map_err(|_| {
            ExportError::Misconfigured(format!(
                "this host does not let the component send the header field {name}"
            ))
        })
    };
    set("content-type", "application/json")?;
    set("content-length", &request.body.len().to_string())?;
    if let Some((name, value)) = config.credential.as_ref().and_then(Credential::header) {
        set(&name, &value)?;
    }

    let outgoing = OutgoingRequest::new(fields);
    let scheme = match homer.origin().scheme() {
        Scheme::Http => wasi::http::types::Scheme::Http,
        Scheme::Https => wasi::http::types::Scheme::Https,
    };
    outgoing
        .set_method(&Method::Post)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&homer.origin().authority())))
        .and_then(|()| outgoing.set_path_with_query(Some(&request.path)))
        .map_err(|()| {
            ExportError::Misconfigured(format!("this host takes no request to {homer}"))
        })?;

    let options = RequestOptions::new();
    // A host without one of these timeouts says so; it then has its own, and the request is worth
    // trying all the same.
    let ns = |ms: u64| Some(ms.saturating_mul(1_000_000));
    let _ = options.set_connect_timeout(ns(CONNECT_TIMEOUT_MS));
    let _ = options.set_first_byte_timeout(ns(config.first_byte_timeout_ms));
    let _ = options.set_between_bytes_timeout(ns(BETWEEN_BYTES_TIMEOUT_MS));

    let broken_host =
        || ExportError::InvalidResponse(format!("this host broke off the request to {homer}"));
    let body = outgoing.body().map_err(|()| broken_host())?;
    let future =
        outgoing_handler::handle(outgoing, Some(options)).map_err(|code| failure(&code, config))?;
    let sent = write(body, &request.body);
    future.subscribe().block();
    let response = future
        .get()
        .and_then(Result::ok)
        .ok_or_else(broken_host)?
        .map_err(|code| failure(&code, config))?;
    if response.status() == 200 {
        sent.map_err(|code| code.map_or_else(broken_host, |code| failure(&code, config)))?;
    }
    // Any other answer may well have come before all of the request was read, and says why.

    let head = head(&response);
    let body = response.consume().map_err(|()| broken_host())?;
    let stream = body.stream().map_err(|()| broken_host())?;
    Ok(Reply {
        head,
        body: Body {
            stream,
            _body: body,
        },
    })
}

/// The configuration with a token in the place of user name and password, if they have these.
pub(super) fn logged_in(mut config: Config) -> Result<Config, ExportError> {
    let Some(Credential::Login { username, password }) = &config.credential else {
        return Ok(config);
    };
    let Reply { head, mut body } = send(
        &login::login_request(&config.homer, username, password),
        &config,
    )?;
    let said = body.beginning(MAX_ERROR_BODY, &config);
    match login::token(&head, &said) {
        // The kind stays: texts name the causes that fit a login.
        Some(token) => config.credential = Some(Credential::Jwt(token)),
        None => return Err(login::failure(&head, &said, &config)),
    }
    Ok(config)
}

/// The whole of `bytes` into the request's body.
fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Option<ErrorCode>> {
    {
        let stream = body.write().map_err(|()| None)?;
        for piece in bytes.chunks(MAX_WRITE) {
            stream
                .blocking_write_and_flush(piece)
                .map_err(|error| match error {
                    StreamError::LastOperationFailed(error) => http_error_code(&error),
                    StreamError::Closed => None,
                })?;
        }
    }
    OutgoingBody::finish(body, None).map_err(Some)
}

fn head(response: &IncomingResponse) -> Head {
    let fields = response.headers();
    let field = |name: &str| {
        let value = fields.get(name).into_iter().next()?;
        Some(String::from_utf8_lossy(&value).into_owned())
    };
    Head {
        status: response.status(),
        content_type: field("content-type"),
        content_encoding: field("content-encoding"),
        content_length: field("content-length").and_then(|length| length.parse().ok()),
        location: field("location"),
    }
}

/// The body of a reply.
pub(super) struct Body {
    // In this order: the stream is a child of the body, and dropping the parent first traps.
    stream: InputStream,
    _body: IncomingBody,
}

impl Body {
    /// Its beginning, up to `max` bytes; what a failing connection left of it is enough to judge it
    /// by.
    pub(super) fn beginning(&mut self, max: usize, config: &Config) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < max {
            match self.read((max - bytes.len()) as u64, config) {
                Ok(more) if !more.is_empty() => bytes.extend_from_slice(&more),
                _ => break,
            }
        }
        bytes
    }

    /// The next bytes, one to `max` of them; empty at the end, which HTTP's framing has then
    /// confirmed where it can.
    pub(super) fn read(&mut self, max: u64, config: &Config) -> Result<Vec<u8>, ExportError> {
        loop {
            match self.stream.blocking_read(max) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(bytes),
                Err(StreamError::Closed) => return Ok(vec![]),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(match http_error_code(&error) {
                        Some(code) => failure_within_body(&code, config),
                        None => cut_off(&config.homer, "the connection failed"),
                    });
                }
            }
        }
    }
}

fn cut_off(homer: &BaseUrl, how: &str) -> ExportError {
    ExportError::InvalidResponse(format!(
        "the reply of Homer at {homer} was cut off: {how}; what came of the capture is not whole and was thrown away. Try \
         again"
    ))
}

/// What a `wasi:http` error in the middle of a reply means.
fn failure_within_body(code: &ErrorCode, config: &Config) -> ExportError {
    let homer = &config.homer;
    match code {
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            ExportError::TimedOut(format!(
                "Homer at {homer} paused in its reply for more than {BETWEEN_BYTES_TIMEOUT_MS} ms; what came of the capture is \
             not whole and was thrown away"
            ))
        }
        ErrorCode::ConnectionTerminated
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::HttpProtocolError => {
            cut_off(homer, "the connection was closed before its end")
        }
        code => failure(code, config),
    }
}

/// What a `wasi:http` error before the reply's body means.
fn failure(code: &ErrorCode, config: &Config) -> ExportError {
    let homer = &config.homer;
    let origin = homer.origin();
    match code {
        ErrorCode::HttpRequestDenied => ExportError::Denied(format!(
            "the host's policy refused the request to {origin}; allow this origin in the host, or correct HOMER_URL"
        )),
        ErrorCode::DestinationIpProhibited => ExportError::Denied(format!(
            "the host's policy refused the address that the name of {origin} stands for; allow it in the host, or correct \
             HOMER_URL"
        )),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            ExportError::Unreachable(format!(
                "the name \"{}\" was not found; check HOMER_URL and the name service",
                origin.host()
            ))
        }
        ErrorCode::ConnectionRefused => ExportError::Unreachable(format!(
            "{origin} refused the connection; check that Homer runs there and that HOMER_URL has the right port"
        )),
        ErrorCode::ConnectionTimeout => ExportError::Unreachable(format!(
            "no connection to {origin} within {CONNECT_TIMEOUT_MS} ms; check the address, the route and firewalls"
        )),
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => ExportError::Unreachable(format!(
            "there is no way to {origin} from here; check the address, the route and firewalls"
        )),
        ErrorCode::TlsCertificateError => ExportError::Unreachable(format!(
            "the certificate of {origin} is not trusted, or is for another name; have the host trust its authority \
             (HOMER_CA_FILE), or use the name in the certificate"
        )),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            ExportError::Unreachable(format!(
                "TLS with {origin} failed; check that its port speaks HTTPS and that HOMER_URL has the right scheme"
            ))
        }
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout
        | ErrorCode::ConnectionWriteTimeout => ExportError::TimedOut(format!(
            "Homer at {homer} did not begin its answer within {} ms. It goes on working on this request, so do not \
                 repeat it at once; narrow the window, or raise HOMER_TIMEOUT_MS",
            config.first_byte_timeout_ms
        )),
        ErrorCode::HttpResponseBodySize(limit) => {
            let limit = limit.unwrap_or_default();
            ExportError::TooLarge {
                limit,
                seen: limit.saturating_add(1),
                message: format!(
                    "the capture is larger than the host's limit of {limit} bytes; narrow the window, or let the operator \
                     raise HOMER_EXPORT_MAX_BYTES"
                ),
            }
        }
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            ExportError::InvalidResponse(format!(
                "Homer at {homer} closed the connection without a reply, as it does when a request crashes it; it is not \
             repeated. See Homer's log, and check that HOMER_URL is the address of a Homer"
            ))
        }
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            ExportError::InvalidResponse(format!(
                "the header of the reply from {homer} is larger than the host accepts"
            ))
        }
        ErrorCode::InternalError(Some(why)) => ExportError::InvalidResponse(format!(
            "the host failed in the exchange with {homer}: {}",
            fit(&config.redacted(why), 200)
        )),
        // Some hosts say the same of a connection that was closed without a word.
        _ => ExportError::InvalidResponse(format!(
            "{homer} sent no HTTP reply that could be read, or closed the connection without one, as Homer does when a request \
             crashes it; check that its port speaks HTTP, that HOMER_URL has the right scheme, and Homer's log"
        )),
    }
}
