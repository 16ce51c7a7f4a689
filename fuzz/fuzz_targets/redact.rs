//! Any datagrams, with secrets, numbers and addresses planted in them: the redacted file has the
//! same structure, whatever the chunks, and nothing planted survives.
//!
//! The input is a list of payloads, separated by bytes 0xff. In each, a byte 0xfe stands for a
//! planted header line or body line.
#![no_main]

use homer_export::homer::Api;
use homer_export::packet::Packet;
use homer_export::pcap::Scanner;
use homer_export::query::ParameterNames;
use homer_export::redact::{Key, Redactor, Scope};
use homer_export::report::{Analyzer, ProfilePackets};
use homer_export::sip::{Content, Parser};
use homer_export::{CallId, CaptureReport, Query, Window};
use libfuzzer_sys::fuzz_target;

/// Each has a secret, a number or an address that the fuzzer's bytes around it cannot hide: it
/// stands on a line of its own.
const PLANTED: [&str; 12] = [
    "Authorization: Digest username=\"x\", response=\"sEcReTvAlUe\"",
    "X-Auth-Token: sEcReTvAlUe",
    "Refer-To: <sip:x@h?Authorization=sEcReTvAlUe>",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:sEcReTvAlUe",
    "X-J: {\"password\":\"sEcReTvAlUe\"}",
    "X-A: %50assword%3DsEcReTvAlUe",
    "Set-Cookie: a=sEcReTvAlUe",
    "P-Asserted-Identity: <tel:+4915739284756>",
    "X-N: sip%3A4915739284756%40h",
    "Record-Route: <sip:143.187.165.194:5060;lr>",
    "c=IN IP6 2001:db8a:9f3e::7c4d:8e1b",
    "X-J: {\"ip\":\"143.187.165.194\"}",
];

/// The texts that must be gone, and the scope from which on they must.
const GONE: [(&[u8], usize); 4] = [
    (b"sEcReTvAlUe", 0),
    (b"4915739284756", 1),
    (b"143.187.165.194", 2),
    (b"2001:db8a:9f3e::7c4d:8e1b", 2),
];

/// Ethernet, IPv4 and UDP with a right checksum around each payload.
fn capture(input: &[u8]) -> Vec<u8> {
    let mut file = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0,
    ];
    let mut planted = PLANTED.iter().cycle();
    for (number, text) in input.split(|byte| *byte == 0xff).enumerate() {
        let mut payload = Vec::new();
        for byte in text {
            match byte {
                0xfe => {
                    // A folded line, a PEM block or a text of MESSAGE would be secret as well.
                    payload.extend(b"\r\n");
                    payload.extend(planted.next().unwrap().as_bytes());
                    payload.extend(b"\r\n");
                }
                byte => payload.push(*byte),
            }
        }
        let mut datagram = vec![19, 196, 19, 196];
        datagram.extend(((payload.len() + 8) as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(&payload);
        let addresses = [143, 187, 165, 194, 192, 0, 2, 20];
        let checksum = checksum(&addresses, &datagram);
        // 0 would say that there is no checksum (RFC 768).
        let checksum = if checksum == 0 { 0xffff } else { checksum };
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(((datagram.len() + 20) as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(addresses);
        frame.extend(datagram);
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

/// The UDP checksum of a datagram whose checksum is 0; 0 if it has a right one.
fn checksum(addresses: &[u8], datagram: &[u8]) -> u16 {
    let mut sum = 17 + datagram.len() as u64;
    for pair in addresses.chunks(2).chain(datagram.chunks(2)) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn report(file: &[u8]) -> CaptureReport {
    let (from, to) = (1_795_132_800_000, 1_795_219_200_000);
    let window = Window::new(from, to, 24, &ParameterNames::WIT).unwrap();
    let query = Query::new(vec![CallId::parse("any").unwrap()], window).unwrap();
    let mut analyzer = Analyzer::new(&query);
    let mut scanner = Scanner::new();
    scanner
        .scan_packets(file, Some(&mut |record| analyzer.record(record)))
        .unwrap();
    let stats = scanner.finish().unwrap();
    let profiles = [ProfilePackets::new("1_call", stats.packets)];
    analyzer.report(&stats, &profiles, Api::V7)
}

/// The structure of each packet: lengths, and those of the message in it.
fn structure(file: &[u8]) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    let mut structure = Vec::new();
    let mut parser = Parser::default();
    let mut scanner = Scanner::new();
    let mut record = |record: &homer_export::pcap::Record<'_>| {
        let Packet::Udp { payload, .. } = Packet::parse(1, record.data) else {
            panic!("a datagram")
        };
        let datagram = &record.data[34..];
        assert_eq!(checksum(&record.data[26..34], datagram), 0);
        let message = parser.parse(payload, true, &mut |_, _| {});
        // Not where the message ends: on a stream, any token begins the next one, and asterisks are
        // a token. Content-Length may cut a secret in two.
        let message = message.map(|message| {
            let cseq = message.cseq.map(|cseq| cseq.number);
            (message.body_offset, cseq, message.content_length)
        });
        structure.push((record.time_us, payload.len(), message));
    };
    scanner.scan_packets(file, Some(&mut record)).unwrap();
    structure
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, input) = input;
    // What the fuzzer itself plants has no name, and need not be recognized.
    if GONE.iter().any(|(text, _)| contains(input, text)) {
        return;
    }
    let file = capture(input);
    // The planted lines can make a payload too long for the length fields.
    if file.len() > 60_000 {
        return;
    }
    let key = || Key::new(&[7; 32]).unwrap();
    // One scope for each input, since each takes a third of the time.
    let (level, scope) = match size % 3 {
        0 => (0, Scope::Secrets),
        1 => (1, Scope::Numbers(key())),
        _ => (2, Scope::Addresses(key())),
    };
    let mut redactor = Redactor::new(&scope, Content::Redact);
    let mut redacted = Vec::new();
    for chunk in file.chunks(usize::from(size) * 16 + 1) {
        redactor.push(chunk, &mut redacted).unwrap();
    }
    assert_eq!(redacted.len(), file.len());
    assert_eq!(structure(&redacted), structure(&file));
    for (text, from) in GONE {
        let survives = from <= level && contains(&redacted, text);
        assert!(!survives, "{}", String::from_utf8_lossy(text));
    }
    if size % 16 == 2 {
        let (before, after) = (report(&file), report(&redacted));
        assert_eq!(before.packets, after.packets);
    }
});
