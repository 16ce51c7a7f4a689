//! `homer-export.wasm`: the world `exporter`, exported on top of the library.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]

extern crate alloc;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use homer_export::export::PcapStream;
use homer_export::query::ParameterNames;
use homer_export::wasi::{Environment, HttpBody, HttpTransport};
use homer_export::{CallId, MEDIA_TYPE, Query, Window, report};

homer_export::component!("exporter", Exporter);

use bindings::exports::homer::capture::{
    homer_export as flat, homer_export_stream as stream, types,
};

struct Exporter;

impl flat::Guest for Exporter {
    fn export_pcap(
        callid: String,
        from_ts: i64,
        to_ts: i64,
    ) -> Result<types::Capture, types::ExportError> {
        export(&callid, from_ts, to_ts).map_err(to_wit_error)
    }
}

fn export(
    callid: &str,
    from_ts: i64,
    to_ts: i64,
) -> Result<types::Capture, homer_export::ExportError> {
    let config = Environment::read().config()?;
    let query = Query::of_call(
        callid,
        from_ts,
        to_ts,
        config.max_window_hours,
        &ParameterNames::WIT,
    )?;
    let mut pcap = PcapStream::open(&query, &config, &mut HttpTransport)?;
    let data = pcap.read_all(config.max_bytes)?;
    Ok(types::Capture {
        filename: query
            .call_ids()
            .first()
            .map(CallId::filename)
            .unwrap_or_default(),
        media_type: MEDIA_TYPE.to_string(),
        data,
        report: to_wit_report(pcap.report()),
    })
}

impl stream::Guest for Exporter {
    type PcapStream = OpenStream;

    fn open_pcap(query: stream::Query) -> Result<stream::PcapStream, types::ExportError> {
        open(query)
            .map(|pcap| stream::PcapStream::new(OpenStream(RefCell::new(pcap))))
            .map_err(to_wit_error)
    }
}

fn open(query: stream::Query) -> Result<PcapStream<HttpBody>, homer_export::ExportError> {
    let config = Environment::read().config()?;
    let call_ids = query
        .call_ids
        .iter()
        .map(|id| CallId::parse(id))
        .collect::<Result<_, _>>()?;
    let (from, to) = (query.from_ts, query.to_ts);
    let window = Window::new(from, to, config.max_window_hours, &ParameterNames::WIT)?;
    let query = Query::new(call_ids, window)?
        .with_profiles(&query.profiles)?
        .with_nodes(query.nodes)?
        .without_ips(query.exclude_ips)?;
    PcapStream::open(&query, &config, &mut HttpTransport)
}

/// A resource's methods get it shared, and nothing else runs while one does.
struct OpenStream(RefCell<PcapStream<HttpBody>>);

impl stream::GuestPcapStream for OpenStream {
    fn read(&self, max_bytes: u32) -> Result<Vec<u8>, types::ExportError> {
        self.0.borrow_mut().read(max_bytes).map_err(to_wit_error)
    }

    fn report(&self) -> types::CaptureReport {
        to_wit_report(self.0.borrow().report())
    }
}

fn to_wit_report(report: homer_export::CaptureReport) -> types::CaptureReport {
    types::CaptureReport {
        size_bytes: report.size_bytes,
        packets: report.packets,
        sip_messages: report.sip_messages,
        other_packets: report.other_packets,
        others: counts(report.others),
        undated_packets: report.undated_packets,
        first_packet_us: report.first_packet_us,
        last_packet_us: report.last_packet_us,
        profile: report.profile,
        api: report.api,
        call_ids: report.call_ids,
        missing_call_ids: report.missing_call_ids,
        other_call_ids: report.other_call_ids,
        warnings: report.warnings,
        participants: report.participants,
        transports: report.transports,
        requests: counts(report.requests),
        responses: counts(report.responses),
        retransmissions: report.retransmissions,
        duplicates: report.duplicates,
        final_status: report.final_status,
        ringing_after_us: report.ringing_after_us,
        final_after_us: report.final_after_us,
        complete: report.complete,
        incomplete_reasons: report.incomplete_reasons,
        ended_with: report.ended_with,
        ended_by: report.ended_by,
        counts_truncated: report.counts_truncated,
        ladder: report.ladder.into_iter().map(to_wit_entry).collect(),
        ladder_elided: report.ladder_elided,
        findings: report.findings.into_iter().map(to_wit_finding).collect(),
        findings_elided: report.findings_elided,
    }
}

fn counts(counts: Vec<report::Count>) -> Vec<types::Count> {
    counts
        .into_iter()
        .map(|report::Count { name, count }| types::Count { name, count })
        .collect()
}

fn to_wit_entry(entry: report::LadderEntry) -> types::LadderEntry {
    let report::LadderEntry {
        packet,
        after_us,
        source,
        destination,
        directed,
        line,
        cseq,
        call,
        repeats,
    } = entry;
    types::LadderEntry {
        packet,
        after_us,
        source,
        destination,
        directed,
        line,
        cseq,
        call,
        repeats,
    }
}

fn to_wit_finding(finding: homer_export::finding::Finding) -> types::Finding {
    let homer_export::finding::Finding {
        packet,
        offset,
        code,
        text,
        rule,
    } = finding;
    types::Finding {
        packet,
        offset,
        code,
        text,
        rule,
    }
}

fn to_wit_error(error: homer_export::ExportError) -> types::ExportError {
    use homer_export::ExportError as E;
    use types::ExportError as W;
    match error {
        E::InvalidRequest(text) => W::InvalidRequest(text),
        E::Misconfigured(text) => W::Misconfigured(text),
        E::Denied(text) => W::Denied(text),
        E::Unauthorized(text) => W::Unauthorized(text),
        E::Unreachable(text) => W::Unreachable(text),
        E::TimedOut(text) => W::TimedOut(text),
        E::NothingCaptured(text) => W::NothingCaptured(text),
        E::Rejected { status, message } => W::Rejected(types::Rejection { status, message }),
        E::InvalidResponse(text) => W::InvalidResponse(text),
        E::TooLarge {
            limit,
            seen,
            message,
        } => W::TooLarge(types::SizeLimit {
            limit,
            seen,
            message,
        }),
    }
}
