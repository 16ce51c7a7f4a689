//! `homer-export-tool.wasm`: the world `exporter-text`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::string::{String, ToString};

use homer_export::mcp::Base64Stream;
use homer_export::mcp::tools::export_pcap;
use homer_export::wasi::{Environment, PcapStream};
use homer_export::{CallId, ExportError, Query, Window};

mod bindings {
    wit_bindgen::generate!({
        world: "exporter-text",
        path: "../../wit",
        with: {
            "wasi:cli/environment@0.2.12": wasi::cli::environment,
            "wasi:clocks/monotonic-clock@0.2.12": wasi::clocks::monotonic_clock,
            "wasi:http/outgoing-handler@0.2.12": wasi::http::outgoing_handler,
            "wasi:http/types@0.2.12": wasi::http::types,
            "wasi:io/error@0.2.12": wasi::io::error,
            "wasi:io/poll@0.2.12": wasi::io::poll,
            "wasi:io/streams@0.2.12": wasi::io::streams,
        },
    });

    super::bindings::export!(Tool with_types_in self);

    use super::Tool;
}

struct Tool;

impl bindings::Guest for Tool {
    fn homer_export_pcap(callid: String, from_ts: i64, to_ts: i64) -> Result<String, String> {
        export(&callid, from_ts, to_ts).map_err(|error| error.to_string())
    }
}

fn export(callid: &str, from_ts: i64, to_ts: i64) -> Result<String, ExportError> {
    let environment = Environment::read();
    let config = environment.config()?;
    let inline_bytes = environment.inline_bytes()?;
    let call_id = CallId::parse(callid)?;
    let filename = call_id.filename();
    let query = Query::new(
        [call_id].into(),
        Window::new(from_ts, to_ts, config.max_window_hours)?,
    )?;
    // Read to its end in any case: the report of a call that is too large to go along is worth
    // having.
    let capture = PcapStream::open(&query, config)?.hold(inline_bytes, |_| Ok(()))?;
    let base64 = capture.pieces.map(|pieces| {
        let mut text = String::new();
        let mut encoder = Base64Stream::default();
        pieces
            .iter()
            .for_each(|piece| encoder.encode(piece, &mut text));
        encoder.finish(&mut text);
        text
    });
    Ok(export_pcap::text_result(
        &filename,
        &capture.sha256,
        &capture.report,
        base64,
        inline_bytes,
    ))
}
