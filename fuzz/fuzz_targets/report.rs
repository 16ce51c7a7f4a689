//! Any datagrams, separated by bytes 0xff: no panic, and the same report within its limits,
//! whatever the chunks of the file.
#![no_main]

use homer_export::homer::Api;
use homer_export::pcap::Scanner;
use homer_export::query::ParameterNames;
use homer_export::report::{Analyzer, MAX_JSON, ProfilePackets};
use homer_export::{CallId, CaptureReport, Query, Window};
use libfuzzer_sys::fuzz_target;

#[path = "datagrams.rs"]
mod datagrams;

fn report(file: &[u8], size: usize) -> CaptureReport {
    let window = Window::new(
        1_795_132_800_000,
        1_795_219_200_000,
        24,
        &ParameterNames::WIT,
    )
    .unwrap();
    let mut analyzer =
        Analyzer::new(&Query::new(vec![CallId::parse("a").unwrap()], window).unwrap());
    let mut scanner = Scanner::new();
    for chunk in file.chunks(size) {
        scanner
            .scan_packets(chunk, Some(&mut |record| analyzer.record(record)))
            .unwrap();
    }
    let stats = scanner.finish().unwrap();
    let profiles = [ProfilePackets::new("1_call", stats.packets)];
    analyzer.report(&stats, &profiles, Api::V7)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, payloads) = input;
    let file = datagrams::capture(payloads);
    let whole = report(&file, usize::MAX);
    assert_eq!(report(&file, usize::from(size) + 1), whole);
    // A packet may hold several messages, or none but the rest of one.
    assert!(whole.other_packets <= whole.packets);
    assert!(whole.ladder.len() <= 200 && whole.findings.len() <= 100);
    assert!(whole.truncated_to(MAX_JSON).to_json().to_string().len() <= MAX_JSON);
});
