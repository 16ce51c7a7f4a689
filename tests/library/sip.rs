use homer_export::packet::udp_payload;
use homer_export::pcap::{MAX_SHOWN, Scanner};
use homer_export::sip::call_id;
use proptest::prelude::*;

use crate::recordings;

/// The Call-ID of each packet of a recorded capture, scanned in pieces of this size.
fn call_ids(name: &str, size: usize) -> Vec<Option<String>> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new();
    for piece in recordings::capture(name).chunks(size) {
        let mut visit = |link_type: u16, packet: &[u8]| {
            let id = udp_payload(link_type, packet).and_then(call_id);
            found.push(id.map(|id| String::from_utf8(id.to_vec()).unwrap()));
        };
        scanner.scan_packets(piece, Some(&mut visit)).unwrap();
    }
    found
}

#[test]
fn packets_of_every_kind_show_their_call_id() {
    for (name, ids) in [
        ("export-ok-auth-token", vec![("udp-normal-1@192.0.2.10", 7)]),
        ("export-ipv6", vec![("ipv6-call-1@2001-db8", 7)]),
        ("export-mixed-v4-v6", vec![("mixed-call-1@192.0.2.10", 7)]),
        ("export-tcp", vec![("tcp-call-1@192.0.2.10", 7)]),
        ("export-callid-awkward-1", vec![("quote\"back\\slash@h", 7)]),
        ("export-callid-awkward-2", vec![("Ünïcode-звонок@h", 7)]),
        ("export-b2bua-both", vec![("b2bua-leg-a@192.0.2.10", 7), ("b2bua-leg-b@192.0.2.30", 7)]),
        ("export-two-probes", vec![("two-probes@192.0.2.10", 14)]),
    ] {
        let whole = call_ids(name, usize::MAX);
        for size in [1, 7, 100, 4096] {
            assert_eq!(call_ids(name, size), whole, "{name} in pieces of {size}");
        }
        for (id, packets) in &ids {
            assert_eq!(whole.iter().filter(|found| found.as_deref() == Some(id)).count(), *packets, "{name}");
        }
        assert_eq!(whole.len(), ids.iter().map(|(_, packets)| packets).sum::<usize>(), "{name}");
    }
}

#[test]
fn packets_that_are_no_sip_have_no_call_id() {
    let ids = call_ids("export-rtcp-log", usize::MAX);
    assert_eq!(ids.iter().flatten().count(), 7);
    assert_eq!(ids.len(), 9);
}

#[test]
fn call_id_is_found_in_every_form() {
    for (message, id) in [
        ("INVITE sip:a SIP/2.0\r\nVia: x\r\nCall-ID: a@b\r\n\r\n", Some("a@b")),
        ("INVITE sip:a SIP/2.0\ni:a@b\n\n", Some("a@b")),
        ("SIP/2.0 200 OK\r\nCALL-id \t:  a@b \r\n", Some("a@b")),
        ("nonsense\r\nCall-ID:\r\n a@b\r\n", Some("a@b")),
        ("INVITE sip:a SIP/2.0\r\nno colon\r\nCall-ID: a:b\r\n", Some("a:b")),
        ("INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\nCall-ID: in-the-body\r\n", None),
        ("INVITE sip:a SIP/2.0\r\nX-Call-ID: other\r\n", None),
        ("Call-ID: start-line\r\n", None),
        ("Call-ID:\r\nCall-ID:\r\nVia: x", None),
        ("", None),
    ] {
        assert_eq!(call_id(message.as_bytes()), id.map(str::as_bytes), "{message}");
    }
}

proptest! {
    /// Any bytes in the place of a packet: never a panic, and never bytes that are not the packet's.
    #[test]
    fn packet_of_any_bytes_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), ip in prop::sample::select(vec![4_u8, 6, 0])) {
        let mut packet = bytes;
        if packet.len() > 15 && ip != 0 {
            packet[12..14].copy_from_slice(if ip == 4 { &[0x08, 0] } else { &[0x86, 0xdd] });
            packet[14] = if ip == 4 { 0x45 } else { 0x60 };
        }
        if let Some(payload) = udp_payload(1, &packet) {
            prop_assert!(payload.len() + 42 <= packet.len());
            let _ = call_id(payload);
        }
    }
}

#[test]
fn packet_in_pieces_is_kept_to_a_bound() {
    let mut file = recordings::capture("export-unknown-callid");
    file.extend([1_u32, 0, 100_000, 100_000].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(vec![7; 100_000]);
    for (size, shown) in [(usize::MAX, 100_000), (5_000, MAX_SHOWN)] {
        let mut seen = Vec::new();
        let mut scanner = Scanner::new();
        for piece in file.chunks(size) {
            scanner.scan_packets(piece, Some(&mut |_, packet: &[u8]| seen.push(packet.len()))).unwrap();
        }
        assert_eq!(seen, [shown]);
    }
}
