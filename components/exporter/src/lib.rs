//! `homer-export.wasm`: the world `exporter`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

mod convert;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use homer_export::record::Convert;
use homer_export::wasi::{Environment, PcapStream};
use homer_export::{CallId, MEDIA_TYPE, Query, Window};

mod bindings {
    wit_bindgen::generate!({
        world: "exporter",
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

    super::bindings::export!(Plugin with_types_in self);

    use super::Plugin;
}

use bindings::exports::homer::capture::{
    homer_export as flat, homer_export_stream as stream, types,
};

struct Plugin;

impl flat::Guest for Plugin {
    fn export_pcap(
        callid: String,
        from_ts: i64,
        to_ts: i64,
    ) -> Result<types::Capture, types::ExportError> {
        export(&callid, from_ts, to_ts).map_err(Convert::convert)
    }
}

fn export(
    callid: &str,
    from_ts: i64,
    to_ts: i64,
) -> Result<types::Capture, homer_export::ExportError> {
    let config = Environment::read().config()?;
    let max_bytes = config.max_bytes;
    let call_id = CallId::parse(callid)?;
    let filename = call_id.filename();
    let query = Query::new(
        [call_id].into(),
        Window::new(from_ts, to_ts, config.max_window_hours)?,
    )?;
    let mut pcap = PcapStream::open(&query, config)?;
    let data = pcap.read_all(max_bytes)?;
    Ok(types::Capture {
        filename,
        media_type: MEDIA_TYPE.to_string(),
        data,
        report: pcap.report().convert(),
    })
}

impl stream::Guest for Plugin {
    type PcapStream = OpenStream;

    fn open_pcap(query: stream::Query) -> Result<stream::PcapStream, types::ExportError> {
        open(query)
            .map(|pcap| stream::PcapStream::new(OpenStream(RefCell::new(pcap))))
            .map_err(Convert::convert)
    }
}

fn open(query: stream::Query) -> Result<PcapStream, homer_export::ExportError> {
    let config = Environment::read().config()?;
    let call_ids = query
        .call_ids
        .iter()
        .map(|id| CallId::parse(id))
        .collect::<Result<_, _>>()?;
    let query = Query::new(
        call_ids,
        Window::new(query.from_ts, query.to_ts, config.max_window_hours)?,
    )?
    .with_profiles(&query.profiles)?
    .with_nodes(query.nodes)?
    .without_ips(query.exclude_ips)?;
    PcapStream::open(&query, config)
}

/// A resource's methods get it shared, and nothing else runs while one does.
struct OpenStream(RefCell<PcapStream>);

impl stream::GuestPcapStream for OpenStream {
    fn read(&self, max_bytes: u32) -> Result<Vec<u8>, types::ExportError> {
        self.0
            .borrow_mut()
            .read(max_bytes)
            .map_err(Convert::convert)
    }

    fn report(&self) -> types::CaptureReport {
        self.0.borrow().report().convert()
    }
}
