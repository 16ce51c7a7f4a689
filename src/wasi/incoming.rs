//! A request that the host hands in, and the answer to it: `wasi:http/incoming-handler`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasi::io::streams::{OutputStream, StreamError};

use crate::mcp::{Body, Head, Reply};
use crate::tool::Base64;

/// Bytes asked for at a time.
const READ_BYTES: u64 = 64 * 1024;

/// The head of a request.
pub fn head(request: &IncomingRequest) -> Head {
    let method = match request.method() {
        Method::Post => "POST".to_string(),
        Method::Options => "OPTIONS".to_string(),
        Method::Other(name) => name,
        // Which of the others does not matter: none is served.
        _ => String::new(),
    };
    Head {
        method,
        fields: request.headers().entries(),
    }
}

/// The body of a request.
///
/// # Errors
/// The refusal of one that is longer than `max` bytes or breaks off.
pub fn body(request: IncomingRequest, max: usize) -> Result<Vec<u8>, Reply> {
    let broken = || Reply::refusal(400, "the request broke off");
    let body: IncomingBody = request.consume().map_err(|()| broken())?;
    let stream = body.stream().map_err(|()| broken())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(broken()),
        }
        if bytes.len() > max {
            return Err(Reply::refusal(413, "a request here has at most 256 KiB"));
        }
    }
}

/// Answers, with the bytes of `capture` where the reply wants them. A client that has left is no
/// news.
pub fn send(out: ResponseOutparam, reply: Reply, capture: Vec<Vec<u8>>) {
    let fields = Fields::new();
    let length = match &reply.body {
        Body::Empty => 0,
        Body::Text(text) => text.len() as u64,
        Body::Capture { head, tail } => {
            let bytes: usize = capture.iter().map(Vec::len).sum();
            (head.len() + tail.len()) as u64 + Base64::length(bytes as u64)
        }
    };
    // A host that sets these by itself refuses ours, which is as well.
    let set = |name: &str, value: &str| {
        let _ = fields.append(name, value.as_bytes());
    };
    // RFC 9110 §8.6: none with 204.
    if reply.status != 204 {
        set("content-length", &length.to_string());
    }
    for (name, value) in &reply.fields {
        set(name, value);
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(reply.status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    let Ok(stream) = body.write() else { return };
    let written = write_body(&stream, reply.body, capture);
    drop(stream);
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}

fn write_body(stream: &OutputStream, body: Body, capture: Vec<Vec<u8>>) -> Result<(), StreamError> {
    match body {
        Body::Empty => {}
        Body::Text(text) => write(stream, text.as_bytes())?,
        Body::Capture { head, tail } => {
            write(stream, head.as_bytes())?;
            let mut encoder = Base64::default();
            let mut text = String::new();
            // Each piece is freed once it is written.
            for piece in capture {
                text.clear();
                encoder.encode(&piece, &mut text);
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

/// All of `bytes`, as the stream takes them.
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
