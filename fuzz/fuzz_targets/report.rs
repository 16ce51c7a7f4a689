//! Any datagrams, separated by bytes 0xff: no panic, and the same report within its limits,
//! whatever the chunks of the file.
#![no_main]

use homer_export::homer::Api;
use homer_export::pcap::Scanner;
use homer_export::query::ParameterNames;
use homer_export::report::{Analyzer, MAX_JSON, ProfilePackets};
use homer_export::{CallId, CaptureReport, Query, Window};
use libfuzzer_sys::fuzz_target;

/// Ethernet, IPv4 and UDP around each payload, a second between two.
fn capture(payloads: &[u8]) -> Vec<u8> {
    let mut file = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0,
    ];
    for (number, payload) in payloads.split(|byte| *byte == 0xff).enumerate() {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(((payload.len() + 28) as u16).to_be_bytes());
        // From one of two addresses to the other.
        let (from, to) = (payload.len() as u8 & 1, !(payload.len() as u8) & 1);
        frame.extend([
            0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, from, 192, 0, 2, to, 19, 196, 19, 196,
        ]);
        frame.extend(((payload.len() + 8) as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        let words = [
            1_795_168_800 + number as u32,
            0,
            frame.len() as u32,
            frame.len() as u32,
        ];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        file.extend(frame);
    }
    file
}

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
    let file = capture(payloads);
    let whole = report(&file, usize::MAX);
    assert_eq!(report(&file, usize::from(size) + 1), whole);
    // A packet may hold several messages, or none but the rest of one.
    assert!(whole.other_packets <= whole.packets);
    assert!(whole.ladder.len() <= 200 && whole.findings.len() <= 100);
    assert!(whole.truncated_to(MAX_JSON).to_json().to_string().len() <= MAX_JSON);
});
