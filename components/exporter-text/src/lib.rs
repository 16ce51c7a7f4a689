//! `homer-export-tool.wasm`: the world `exporter-text`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::string::{String, ToString};

use homer_export::config::setting;
use homer_export::mcp::Base64Stream;
use homer_export::mcp::tools::{export_pcap, find_calls};
use homer_export::query::{ParameterNames, parse_window};
use homer_export::search::{self, CallFilter, CallFilterFields, open_or_explain};
use homer_export::wasi::{self as wasi_adapter, HttpTransport};
use homer_export::{Config, ExportError, Query};

homer_export::component!(
    "exporter-text", ExporterText,
    with "wasi:clocks/wall-clock@0.2.12": wasi::clocks::wall_clock
);

struct ExporterText;

impl bindings::Guest for ExporterText {
    fn homer_export_pcap(callid: String, from_ts: i64, to_ts: i64) -> Result<String, String> {
        // Gateways pass an error on as ordinary text, so the text has to name the case as well
        // (docs/wasm.md §4).
        export(&callid, from_ts, to_ts).map_err(|error| error.to_string())
    }

    fn homer_find_calls(
        from_ts: String,
        to_ts: String,
        caller: String,
        callee: String,
        party: String,
        method: String,
        status: String,
        source: String,
        destination: String,
        user_agent: String,
        callid_prefix: String,
    ) -> Result<String, String> {
        // Gateways cannot pass options (docs/wasm.md §2), so an empty text is no condition.
        let given = |text: String| Some(text).filter(|text| !text.trim().is_empty());
        let fields = CallFilterFields {
            caller: given(caller),
            callee: given(callee),
            party: given(party),
            method: given(method),
            status: given(status),
            source: given(source),
            destination: given(destination),
            user_agent: given(user_agent),
            callid_prefix: given(callid_prefix),
            ..CallFilterFields::default()
        };
        find(&from_ts, &to_ts, fields).map_err(|error| error.to_string())
    }
}

fn find(from: &str, to: &str, mut fields: CallFilterFields) -> Result<String, ExportError> {
    let config = Config::new(&wasi_adapter::variables())?;
    let (max_hours, names) = (config.max_window_hours, &ParameterNames::WIT);
    let window = parse_window(from, to, wasi_adapter::now_ms(), max_hours, names)?;
    (fields.from_ts, fields.to_ts) = (window.from_ms(), window.to_ms());
    let filter = CallFilter::parse(&fields, max_hours, names)?;
    let found = search::find_calls(&filter, &config, &mut HttpTransport)?;
    Ok(find_calls::text_result(&fields, &found, max_hours))
}

fn export(callid: &str, from_ts: i64, to_ts: i64) -> Result<String, ExportError> {
    let variables = wasi_adapter::variables();
    let config = Config::new(&variables)?;
    // The text goes to a model, or a gateway cuts it, so the default is smaller than that of the
    // MCP servers (docs/wasm.md §4).
    let inline_bytes = setting::MAX_INLINE_BYTES.integer_up_to(
        &variables,
        setting::DEFAULT_TEXT_INLINE_BYTES,
        setting::MAX_MESSAGE_BYTES,
    )?;
    let query = Query::of_call(
        callid,
        from_ts,
        to_ts,
        config.max_window_hours,
        &ParameterNames::WIT,
    )?
    .with_redaction(config.redact.redaction(None)?);
    let filename = query.filename();
    // The capture is read to its end in any case, because the report of a call that is too large
    // for the text is worth having.
    let capture =
        open_or_explain(&query, &config, &mut HttpTransport)?.buffer(inline_bytes, |_| Ok(()))?;
    // A string: as `list<u8>`, a capture of 4.8 MB became 12.4 MB of JSON in wassette, and 6.4 MB
    // as base64 (docs/wasm.md §2).
    let base64 = capture.chunks.map(|chunks| {
        let mut text = String::new();
        let mut encoder = Base64Stream::default();
        chunks
            .iter()
            .for_each(|chunk| encoder.encode(chunk, &mut text));
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
