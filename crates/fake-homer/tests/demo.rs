//! The calls of the demo show what they say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fake_homer::{Archive, DEMO_CALL_ID, DEMO_CALLS, DemoCall};
use homer_export::homer::Api;
use homer_export::pcap::Scanner;
use homer_export::query::ParameterNames;
use homer_export::report::{Analyzer, ProfilePackets};
use homer_export::{CallId, CaptureReport, Query, Window};

/// The day of the demo in Unix seconds, both ends inclusive.
const DAY_S: (i64, i64) = (1_795_132_800, 1_795_219_200);

/// The report on what Homer has of a call; none if it has nothing.
fn report(call: &DemoCall) -> Option<CaptureReport> {
    let archive = Archive::bundled().unwrap();
    let capture = archive.capture(call.profile, &[call.call_id], DAY_S.0, DAY_S.1)?;
    let names = &ParameterNames::WIT;
    let window = Window::new(DAY_S.0 * 1000, DAY_S.1 * 1000, 24, names).unwrap();
    let query = Query::new(vec![CallId::parse(call.call_id).unwrap()], window).unwrap();
    let (mut scanner, mut analyzer) = (Scanner::new(), Analyzer::new(&query));
    scanner
        .scan_packets(&capture, Some(&mut |record| analyzer.record(record)))
        .unwrap();
    let stats = scanner.finish().unwrap();
    let profiles = [ProfilePackets::new(call.profile, stats.packets)];
    Some(analyzer.report(&stats, &profiles, Api::V7))
}

#[test]
fn demo_calls_end_as_they_say() {
    for call in &DEMO_CALLS {
        let report = report(call);
        let outcome = report.as_ref().and_then(|report| report.outcome.clone());
        assert_eq!(outcome.as_deref(), call.outcome, "{}", call.call_id);
        let causes = report.iter().flat_map(|report| &report.causes);
        let codes: Vec<&str> = causes.map(|cause| cause.code.as_str()).collect();
        assert_eq!(codes, call.causes, "{}", call.call_id);
        let findings = report.map(|report| report.findings).unwrap_or_default();
        assert_eq!(findings, [], "{}", call.call_id);
    }
}

#[test]
fn demo_begins_with_a_healthy_call() {
    let first = &DEMO_CALLS[0];
    assert_eq!(first.call_id, DEMO_CALL_ID);
    let report = report(first).unwrap();
    assert!(report.complete && report.causes.is_empty());
}

#[test]
fn demo_has_an_incomplete_call_a_packet_with_two_messages_and_media_quality() {
    let of = |call_id: &str| {
        let call = DEMO_CALLS.iter().find(|call| call.call_id == call_id);
        report(call.unwrap()).unwrap()
    };
    let cut = of("cut-by-window@demo");
    assert!(cut.incomplete_reasons[0].starts_with("no-bye: "), "{cut:?}");
    let parts: Vec<_> = of("two-in-one@demo")
        .ladder
        .iter()
        .map(|row| row.part)
        .collect();
    assert_eq!(parts[2..4], [Some(1), Some(2)]);
    let lossy = of("lossy-media@demo");
    let [stream] = &lossy.quality[..] else {
        unreachable!("{:?}", lossy.quality);
    };
    assert_eq!((stream.reports, stream.max_loss_percent), (4, Some(12.89)));
    assert_eq!(stream.round_trip_ms, Some(70));
    assert!(stream.mos_estimated.is_some());
}
