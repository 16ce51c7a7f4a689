//! A hostile component with the exports of the contract. The first word of the Call-ID is the
//! command that it executes: it computes without end, takes memory, traps, or sends what it may not
//! send.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

use homer_export::CaptureReport;
use homer_export::record::Convert as _;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingRequest,
    RequestOptions, Scheme,
};

homer_export::component!("exporter", Misbehaving);

use bindings::exports::homer::capture::{
    capture_reader as reader, homer_export as flat, homer_export_stream as stream,
    homer_search as search, types,
};

homer_export::report_to_bindings!(types);

struct Misbehaving;

/// Reports a text to the test, as an error that this component does not use otherwise.
fn report<T>(text: String) -> Result<T, types::ExportError> {
    Err(types::ExportError::NothingCaptured(types::EmptyCapture {
        suggestion: None,
        message: text,
    }))
}

impl flat::Guest for Misbehaving {
    fn export_pcap(_: String, _: i64, _: i64) -> Result<types::Capture, types::ExportError> {
        report("not implemented".into())
    }
}

impl stream::Guest for Misbehaving {
    type PcapStream = Flood;

    fn open_pcap(query: stream::Query) -> Result<stream::PcapStream, types::ExportError> {
        let command = query
            .call_ids
            .first()
            .map(String::as_str)
            .unwrap_or_default();
        let (verb, object) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "loop" => loop {
                black_box(());
            },
            "grow" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(black_box(vec![1; 1 << 20]));
                }
            }
            "trap" => core::arch::wasm32::unreachable(),
            "environment" => report(format!("{:?}", wasi::cli::environment::get_environment())),
            "arguments" => report(format!("{:?}", wasi::cli::environment::get_arguments())),
            "set" => report(format!("{:?}", Fields::new().append(object, b"smuggled"))),
            // What a terminal would obey, and what nobody would see.
            "hide" => report("a\u{1b}[31mb\u{202e}c\u{e0041}d".into()),
            "get" => report(outcome(send(&Method::Get, object))),
            "post" => report(outcome(send(&Method::Post, object))),
            "request" => {
                let (method, url) = object.split_once(' ').unwrap_or((object, ""));
                report(outcome(send(&Method::Other(method.into()), url)))
            }
            "field" => {
                let (name, url) = object.split_once(' ').unwrap_or((object, ""));
                report(with_field(name, url))
            }
            // All that can be learned from a response.
            "learn" => report(learn(object)),
            // Responses that are begun and kept, as many as the host allows.
            "keep" => {
                let mut kept = Vec::new();
                loop {
                    match response(&Method::Post, object, Fields::new()) {
                        Ok(response) => kept.push(response),
                        Err(code) => return report(format!("{} kept, then {code:?}", kept.len())),
                    }
                }
            }
            // Requests at once, without waiting for their responses.
            "burst" => {
                let start = || start(&Method::Post, object, Fields::new());
                let begun: Vec<_> = (0..60).map(|_| start()).collect();
                let mut responses = Vec::new();
                let mut errors = Vec::new();
                for future in begun {
                    match future.and_then(|future| wait(&future)) {
                        Ok(response) => responses.push(response),
                        Err(code) => errors.push(format!("{code:?}")),
                    }
                }
                errors.sort();
                errors.dedup();
                report(format!(
                    "{} responses, {}",
                    responses.len(),
                    errors.join(", ")
                ))
            }
            // Memory, while responses wait to be read.
            "grow-with-responses" => {
                let begun = || response(&Method::Post, object, Fields::new());
                let kept = [begun(), begun()];
                let bodies: Vec<_> = kept
                    .iter()
                    .flatten()
                    .map(IncomingResponse::consume)
                    .collect();
                let streams = bodies.iter().flatten().map(|body| body.stream());
                let streams: Vec<_> = streams.flatten().collect();
                // Enough for the host to receive ahead.
                for stream in &streams {
                    let mut read = 0;
                    while let Ok(bytes) = stream.blocking_read(1 << 16)
                        && read < 1 << 20
                    {
                        read += bytes.len();
                    }
                }
                let pause = wasi::clocks::monotonic_clock::subscribe_duration(300_000_000);
                pause.block();
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(black_box(vec![1; 1 << 16]));
                }
            }
            // As often as the host allows.
            "posts" => {
                let mut sent = 0;
                loop {
                    match send(&Method::Post, object) {
                        Ok(_) => sent += 1,
                        Err(code) => return report(format!("{sent} times, then {code:?}")),
                    }
                }
            }
            "hoard" => {
                let mut fields = Vec::new();
                loop {
                    fields.push(Fields::new());
                }
            }
            "flood" => Ok(stream::PcapStream::new(Flood { bytes: 16 << 20 })),
            "trickle" => Ok(stream::PcapStream::new(Flood { bytes: 100 })),
            _ => report("no such command".into()),
        }
    }
}

impl search::Guest for Misbehaving {
    fn find_calls(filter: search::CallFilter) -> Result<search::FoundCalls, types::ExportError> {
        match filter.caller.as_deref() {
            Some("loop") => loop {
                black_box(());
            },
            _ => report("no such command".into()),
        }
    }
}

impl reader::Guest for Misbehaving {
    type Reader = Endless;

    fn open_reader(_: reader::Reading) -> Result<reader::Reader, types::ExportError> {
        Ok(reader::Reader::new(Endless))
    }
}

/// A reader that computes without end.
struct Endless;

impl reader::GuestReader for Endless {
    fn feed(&self, _: Vec<u8>) -> Result<(), types::ExportError> {
        loop {
            black_box(());
        }
    }

    fn next_capture(&self) -> Result<(), types::ExportError> {
        report("not implemented".into())
    }

    fn finish(&self) -> Result<reader::Found, types::ExportError> {
        report("not implemented".into())
    }
}

fn outcome(sent: Result<u16, ErrorCode>) -> String {
    match sent {
        Ok(status) => format!("status {status}"),
        Err(code) => format!("{code:?}"),
    }
}

/// Sends a request with a header field.
fn with_field(name: &str, url: &str) -> String {
    let fields = Fields::new();
    match fields.append(name, b"x") {
        Err(error) => format!("{error:?}"),
        Ok(()) => outcome(response(&Method::Post, url, fields).map(|response| response.status())),
    }
}

/// The status, the header fields and the body of a response.
fn learn(url: &str) -> String {
    let response = match response(&Method::Post, url, Fields::new()) {
        Ok(response) => response,
        Err(code) => return format!("{code:?}"),
    };
    let mut learned = format!("{}", response.status());
    for (name, value) in response.headers().entries() {
        learned += &format!(" {name}={}", String::from_utf8_lossy(&value));
    }
    let mut bytes = Vec::new();
    if let Ok(body) = response.consume()
        && let Ok(stream) = body.stream()
    {
        while let Ok(more) = stream.blocking_read(1 << 16) {
            bytes.extend(more);
        }
    }
    learned + " " + &String::from_utf8_lossy(&bytes)
}

fn send(method: &Method, url: &str) -> Result<u16, ErrorCode> {
    response(method, url, Fields::new()).map(|response| response.status())
}

fn response(method: &Method, url: &str, fields: Fields) -> Result<IncomingResponse, ErrorCode> {
    wait(&start(method, url, fields)?)
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    future.subscribe().block();
    match future.get() {
        Some(Ok(response)) => response,
        _ => Err(ErrorCode::InternalError(None)),
    }
}

/// A request with longer timeouts than any policy allows.
fn start(method: &Method, url: &str, fields: Fields) -> Result<FutureIncomingResponse, ErrorCode> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(fields);
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let set = request
        .set_method(method)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })));
    if set.is_err() {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    let options = RequestOptions::new();
    const HOUR_NS: u64 = 3_600_000_000_000;
    let _ = options.set_connect_timeout(Some(HOUR_NS));
    let _ = options.set_first_byte_timeout(Some(HOUR_NS));
    let _ = options.set_between_bytes_timeout(Some(HOUR_NS));
    outgoing_handler::handle(request, Some(options))
}

/// A stream that returns bytes of its own without end.
struct Flood {
    bytes: usize,
}

impl stream::GuestPcapStream for Flood {
    fn read(&self, _: u32) -> Result<Vec<u8>, types::ExportError> {
        Ok(vec![0; self.bytes])
    }

    fn report(&self) -> types::CaptureReport {
        CaptureReport::default().convert()
    }

    fn redaction(&self) -> Option<types::RedactionSummary> {
        None
    }
}
