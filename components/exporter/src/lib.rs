//! `homer-export.wasm`: the world `exporter`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

mod convert;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use homer_export::export::PcapStream;
use homer_export::query::ParameterNames;
use homer_export::reader::CaptureReader;
use homer_export::record::Convert;
use homer_export::search::{CallFilter, CallFilterFields, FoundCalls, find_calls, open_or_explain};
use homer_export::wasi::{self as wasi_adapter, HttpTransport, WasiBody};
use homer_export::{CallId, Config, MEDIA_TYPE, Query, Window};

homer_export::component!("exporter", Exporter);

use bindings::exports::homer::capture::{
    capture_reader as reader, homer_export as flat, homer_export_stream as stream,
    homer_search as search, types,
};

struct Exporter;

impl flat::Guest for Exporter {
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
    // The environment is the only configuration that nearly every host can supply (docs/wasm.md
    // §7).
    let config = Config::new(&wasi_adapter::variables())?;
    let query = Query::of_call(
        callid,
        from_ts,
        to_ts,
        config.max_window_hours,
        &ParameterNames::WIT,
    )?
    .with_redaction(config.redact.redaction(None)?);
    let mut pcap = open_or_explain(&query, &config, &mut HttpTransport)?;
    // One list holds the whole file. Hosts with dynamic values trap on lists above about 2.8 MB, so
    // the limit is an error with a text instead (docs/wasm.md §2).
    let data = pcap.read_all(config.max_bytes)?;
    Ok(types::Capture {
        // From the Call-ID: the name in Homer's Content-Disposition is the time of the export, with
        // colons that Windows does not allow (docs/homer.md §2).
        filename: query.filename(),
        media_type: MEDIA_TYPE.to_string(),
        data,
        report: pcap.report().convert(),
    })
}

impl search::Guest for Exporter {
    fn find_calls(filter: search::CallFilter) -> Result<search::FoundCalls, types::ExportError> {
        find(filter.convert())
            .map(Convert::convert)
            .map_err(Convert::convert)
    }
}

fn find(fields: CallFilterFields) -> Result<FoundCalls, homer_export::ExportError> {
    let config = Config::new(&wasi_adapter::variables())?;
    let filter = CallFilter::parse(&fields, config.max_window_hours, &ParameterNames::WIT)?;
    find_calls(&filter, &config, &mut HttpTransport)
}

impl stream::Guest for Exporter {
    type PcapStream = OpenStream;

    fn open_pcap(query: stream::Query) -> Result<stream::PcapStream, types::ExportError> {
        // A resource, so that neither side holds the whole file. Gateways cannot pass resources;
        // they use `export-pcap` (docs/wasm.md §6).
        open(query)
            .map(|pcap| stream::PcapStream::new(OpenStream(RefCell::new(pcap))))
            .map_err(Convert::convert)
    }
}

fn open(query: stream::Query) -> Result<PcapStream<WasiBody>, homer_export::ExportError> {
    let config = Config::new(&wasi_adapter::variables())?;
    // The host has validated the same values. Other hosts pass on what their caller sends
    // (docs/architecture.md §4).
    let call_ids = query
        .call_ids
        .iter()
        .map(|id| CallId::parse(id))
        .collect::<Result<_, _>>()?;
    let (from, to) = (query.from_ts, query.to_ts);
    let window = Window::new(from, to, config.max_window_hours, &ParameterNames::WIT)?;
    let redaction = match query.redact {
        Some(redaction) => Some(redaction.convert()?),
        None => config.redact.redaction(None)?,
    };
    let query = Query::new(call_ids, window)?
        .with_profiles(&query.profiles)?
        .with_nodes(query.nodes)?
        .without_ips(query.exclude_ips)?
        .with_redaction(redaction);
    open_or_explain(&query, &config, &mut HttpTransport)
}

/// A resource's methods get it shared, and nothing else runs while one does.
struct OpenStream(RefCell<PcapStream<WasiBody>>);

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

    fn redaction(&self) -> Option<types::RedactionSummary> {
        self.0.borrow().redaction().convert()
    }
}

impl reader::Guest for Exporter {
    type Reader = OpenReader;

    fn open_reader(reading: reader::Reading) -> Result<reader::Reader, types::ExportError> {
        convert::reading(reading)
            .and_then(CaptureReader::new)
            .map(|opened| reader::Reader::new(OpenReader(RefCell::new(Some(opened)))))
            .map_err(Convert::convert)
    }
}

/// A reader, until it is finished.
struct OpenReader(RefCell<Option<CaptureReader>>);

impl OpenReader {
    fn run<T>(
        &self,
        call: impl FnOnce(&mut CaptureReader) -> Result<T, homer_export::ExportError>,
    ) -> Result<T, types::ExportError> {
        match self.0.borrow_mut().as_mut() {
            Some(reader) => call(reader).map_err(Convert::convert),
            None => Err(used_up()),
        }
    }
}

fn used_up() -> types::ExportError {
    types::ExportError::InvalidRequest("the reader is finished; open another one".to_string())
}

impl reader::GuestReader for OpenReader {
    fn feed(&self, bytes: Vec<u8>) -> Result<(), types::ExportError> {
        self.run(|reader| reader.feed(&bytes))
    }

    fn next_capture(&self) -> Result<(), types::ExportError> {
        self.run(CaptureReader::next_capture)
    }

    fn finish(&self) -> Result<reader::Found, types::ExportError> {
        let reader = self.0.borrow_mut().take().ok_or_else(used_up)?;
        reader
            .finish()
            .map(convert::found)
            .map_err(Convert::convert)
    }
}
