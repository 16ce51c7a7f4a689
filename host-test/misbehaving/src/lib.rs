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
use wasi::http::types::{ErrorCode, Fields, Method, OutgoingRequest, RequestOptions, Scheme};

homer_export::component!("exporter", Misbehaving);

use bindings::exports::homer::capture::{
    homer_export as flat, homer_export_stream as stream, homer_search as search, types,
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

fn outcome(sent: Result<u16, ErrorCode>) -> String {
    match sent {
        Ok(status) => format!("status {status}"),
        Err(code) => format!("{code:?}"),
    }
}

/// A request with longer timeouts than any policy allows.
fn send(method: &Method, url: &str) -> Result<u16, ErrorCode> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
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
    let future = outgoing_handler::handle(request, Some(options))?;
    future.subscribe().block();
    match future.get() {
        Some(Ok(response)) => response.map(|response| response.status()),
        _ => Err(ErrorCode::InternalError(None)),
    }
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
