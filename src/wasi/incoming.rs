//! HTTP requests that the host passes to the MCP component, and the responses to them:
//! `wasi:http/incoming-handler`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasi::io::streams::{OutputStream, StreamError};

use crate::mcp::protocol::{HttpBody, HttpResponse, RequestHead};
use crate::mcp::{Base64Stream, REQUEST_INCOMPLETE, request_too_large};

/// Bytes requested at a time.
const READ_BYTES: u64 = 64 * 1024;

/// The head of a request.
pub fn head(request: &IncomingRequest) -> RequestHead {
    let method = match request.method() {
        Method::Post => "POST".to_string(),
        Method::Options => "OPTIONS".to_string(),
        Method::Other(name) => name,
        // All other methods get the same response.
        _ => String::new(),
    };
    RequestHead {
        method,
        fields: request.headers().entries(),
    }
}

/// The body of a request.
///
/// # Errors
/// The response to send instead, if the body is longer than `max` bytes or ends early.
pub fn body(request: IncomingRequest, max: usize) -> Result<Vec<u8>, HttpResponse> {
    let incomplete = || HttpResponse::plain_text(400, REQUEST_INCOMPLETE);
    let body: IncomingBody = request.consume().map_err(|()| incomplete())?;
    let stream = body.stream().map_err(|()| incomplete())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(incomplete()),
        }
        if bytes.len() > max {
            return Err(HttpResponse::plain_text(413, &request_too_large()));
        }
    }
}

/// Sends a response, with the bytes of `capture` where [`HttpBody::Capture`] says. Errors are
/// ignored: the client has left.
pub fn send(out: ResponseOutparam, response: HttpResponse, capture: Vec<Vec<u8>>) {
    let fields = Fields::new();
    let length = match &response.body {
        HttpBody::Empty => 0,
        HttpBody::Text(text) => text.len() as u64,
        HttpBody::Capture { head, tail } => {
            let bytes: usize = capture.iter().map(Vec::len).sum();
            (head.len() + tail.len()) as u64 + Base64Stream::length(bytes as u64)
        }
    };
    // Some hosts set content-length themselves and refuse ours; that is fine too.
    let set = |name: &str, value: &str| {
        let _ = fields.append(name, value.as_bytes());
    };
    // A 204 must not have one (RFC 9110 §8.6).
    if response.status != 204 {
        set("content-length", &length.to_string());
    }
    for (name, value) in &response.fields {
        set(name, value);
    }
    let outgoing = OutgoingResponse::new(fields);
    let _ = outgoing.set_status_code(response.status);
    let Ok(body) = outgoing.body() else { return };
    // Before the body is written: without a response, the host does not read it.
    ResponseOutparam::set(out, Ok(outgoing));
    let Ok(stream) = body.write() else { return };
    let written = write_body(&stream, response.body, capture);
    drop(stream);
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}

fn write_body(
    stream: &OutputStream,
    body: HttpBody,
    capture: Vec<Vec<u8>>,
) -> Result<(), StreamError> {
    match body {
        HttpBody::Empty => {}
        HttpBody::Text(text) => write(stream, text.as_bytes())?,
        HttpBody::Capture { head, tail } => {
            write(stream, head.as_bytes())?;
            let mut encoder = Base64Stream::default();
            let mut text = String::new();
            // Each chunk is freed once it is written, so memory does not hold both forms.
            for chunk in capture {
                text.clear();
                encoder.encode(&chunk, &mut text);
                write(stream, text.as_bytes())?;
            }
            text.clear();
            encoder.finish(&mut text);
            text.push_str(&tail);
            write(stream, text.as_bytes())?;
        }
    }
    stream.blocking_flush()
}

/// Writes all of `bytes`, as much at a time as the stream takes.
fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    Ok(())
}
