use std::net::{IpAddr, SocketAddr};

use homer_export::packet::{Packet, Route};
use homer_export::pcap::{MAX_PACKET_BYTES, Scanner};
use proptest::prelude::*;

use crate::capture::{ethernet, ip, ip_packet, udp};
use crate::recordings;

const ETHERNET: u16 = 1;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A datagram with `payload` on this route.
#[track_caller]
fn assert_udp(frame: &[u8], source: &str, destination: &str, payload: &[u8]) {
    let route = Route {
        source: address(source),
        destination: address(destination),
        directed: true,
    };
    assert_eq!(
        Packet::parse(ETHERNET, frame),
        Packet::Udp {
            route,
            payload,
            length_overflow: None
        }
    );
}

#[test]
fn packet_of_ipv4_and_ipv6_is_read() {
    for (from, to) in [
        ("192.0.2.10:5060", "192.0.2.20:5080"),
        ("[2001:db8::10]:5060", "[2001:db8::20]:5080"),
    ] {
        assert_udp(
            &udp(
                address(from),
                address(to),
                b"hello, here is more than a short frame",
            ),
            from,
            to,
            b"hello, here is more than a short frame",
        );
    }
}

#[test]
fn packet_payload_ends_with_the_udp_length_before_padding() {
    let frame = udp(address("192.0.2.10:1"), address("192.0.2.20:2"), b"short");
    assert_eq!(frame.len(), 60);
    assert_udp(&frame, "192.0.2.10:1", "192.0.2.20:2", b"short");
}

#[test]
fn packet_behind_vlan_tags_and_options_is_read() {
    let plain = udp(
        address("192.0.2.10:5060"),
        address("192.0.2.20:5060"),
        b"0123456789 0123456789",
    );
    for tags in [vec![0x8100_u16, 7], vec![0x88a8, 1, 0x8100, 7]] {
        let mut frame = plain[..12].to_vec();
        frame.extend(tags.iter().flat_map(|word| word.to_be_bytes()));
        frame.extend(&plain[12..]);
        assert_udp(
            &frame,
            "192.0.2.10:5060",
            "192.0.2.20:5060",
            b"0123456789 0123456789",
        );
    }
    // IPv4 with two words of options.
    let mut frame = plain.clone();
    frame[14] = 0x47;
    frame[17] += 8;
    frame.splice(34..34, [1; 8]);
    assert_udp(
        &frame,
        "192.0.2.10:5060",
        "192.0.2.20:5060",
        b"0123456789 0123456789",
    );
}

#[test]
fn packet_behind_extension_headers_is_read() {
    let [from, to]: [IpAddr; 2] = ["2001:db8::10", "2001:db8::20"].map(|ip| ip.parse().unwrap());
    let datagram = &udp(
        SocketAddr::new(from, 5060),
        SocketAddr::new(to, 5061),
        b"payload",
    )[54..][..15];
    // Hop-by-hop options of 8 bytes, destination options of 16 bytes, an atomic fragment.
    let mut chain = vec![60, 0, 1, 4, 0, 0, 0, 0];
    chain.extend([44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chain.extend([17, 0, 0, 0, 0, 0, 0, 9]);
    chain.extend(datagram);
    assert_udp(
        &ip(from, to, 0, &chain),
        "[2001:db8::10]:5060",
        "[2001:db8::20]:5061",
        b"payload",
    );
}

#[test]
fn packet_in_a_tunnel_has_the_inner_addresses() {
    let [from, to]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
    let inner = &udp(
        address("[2001:db8::10]:5060"),
        address("[2001:db8::20]:5061"),
        b"payload",
    )[14..];
    assert_udp(
        &ip(from, to, 41, inner),
        "[2001:db8::10]:5060",
        "[2001:db8::20]:5061",
        b"payload",
    );
}

#[test]
fn packet_between_ipv4_and_ipv6_has_no_direction() {
    let [v4, v6]: [IpAddr; 2] = ["192.0.2.20", "2001:db8::10"].map(|ip| ip.parse().unwrap());
    let inner = &udp(
        SocketAddr::new(v6, 5060),
        SocketAddr::new(v6, 5061),
        b"payload",
    )[14..];
    let route = Route {
        source: SocketAddr::new(v4, 0),
        destination: SocketAddr::new(v6, 0),
        directed: false,
    };
    let frame = ip(v4, v4, 41, inner);
    assert_eq!(
        Packet::parse(ETHERNET, &frame),
        Packet::Udp {
            route,
            payload: b"payload",
            length_overflow: None
        }
    );
}

#[test]
fn packet_longer_than_its_length_field_is_read_whole() {
    let payload = vec![b'x'; 70_000];
    let frame = udp(address("192.0.2.10:1"), address("192.0.2.20:2"), &payload);
    let Packet::Udp {
        payload: read,
        length_overflow,
        ..
    } = Packet::parse(ETHERNET, &frame)
    else {
        panic!("no datagram")
    };
    assert_eq!((read.len(), length_overflow), (70_000, Some(70_028)));
    let frame = udp(address("[::1]:1"), address("[::2]:2"), &payload);
    let Packet::Udp {
        payload: read,
        length_overflow,
        ..
    } = Packet::parse(ETHERNET, &frame)
    else {
        panic!("no datagram")
    };
    assert_eq!((read.len(), length_overflow), (70_000, None));
}

#[test]
fn packet_without_udp_is_recognized() {
    let [from, to]: [IpAddr; 2] = ["192.0.2.10", "192.0.2.20"].map(|ip| ip.parse().unwrap());
    let [from6, to6]: [IpAddr; 2] = ["2001:db8::10", "2001:db8::20"].map(|ip| ip.parse().unwrap());
    let mut first_fragment = ip_packet(from, to, 17, &[0; 30]);
    first_fragment[6] = 0x20;
    let mut later_fragment = ip_packet(from, to, 17, &[0; 30]);
    later_fragment[7] = 185;
    for (frame, packet) in [
        (ip(from, to, 6, &[0; 20]), Packet::TcpOrSctp),
        (ip(from6, to6, 6, &[0; 20]), Packet::TcpOrSctp),
        (ip(from, to, 132, &[0; 20]), Packet::TcpOrSctp),
        (ethernet(0x0800, &first_fragment), Packet::Fragment),
        (ethernet(0x0800, &later_fragment), Packet::Fragment),
        (
            ip(from6, to6, 44, &[17, 0, 0, 1, 0, 0, 0, 0]),
            Packet::Fragment,
        ),
        (ip(from, to, 1, &[0; 20]), Packet::Other),
        (ethernet(0x0806, &[0; 28]), Packet::Other),
        (vec![0; 13], Packet::Other),
        (
            udp(address("192.0.2.10:1"), address("192.0.2.20:2"), b"x")[..30].to_vec(),
            Packet::Other,
        ),
    ] {
        assert_eq!(Packet::parse(ETHERNET, &frame), packet, "{frame:?}");
    }
    // Other link types are not parsed.
    assert_eq!(
        Packet::parse(
            113,
            &udp(address("192.0.2.10:1"), address("192.0.2.20:2"), b"x")
        ),
        Packet::Other
    );
}

#[test]
fn packet_in_pieces_is_kept_up_to_a_limit() {
    let mut file = recordings::capture("export-unknown-callid");
    file.extend(
        [1_u32, 0, 300_000, 300_000]
            .iter()
            .flat_map(|word| word.to_le_bytes()),
    );
    file.extend(vec![7; 300_000]);
    for size in [usize::MAX, 5_000] {
        let mut seen = Vec::new();
        let mut scanner = Scanner::new();
        for chunk in file.chunks(size) {
            scanner
                .scan_packets(
                    chunk,
                    Some(&mut |record| seen.push((record.data.len(), record.is_whole()))),
                )
                .unwrap();
        }
        assert_eq!(seen, [(MAX_PACKET_BYTES, false)]);
    }
}

proptest! {
    /// Any bytes in the place of a packet: never a panic, and never bytes that are not the
    /// packet's.
    #[test]
    fn packet_of_any_bytes_does_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        ip in prop::sample::select(vec![4_u8, 6, 0]),
    ) {
        let mut packet = bytes;
        if packet.len() > 15 && ip != 0 {
            packet[12..14].copy_from_slice(if ip == 4 { &[0x08, 0] } else { &[0x86, 0xdd] });
            packet[14] = if ip == 4 { 0x45 } else { 0x60 };
        }
        if let Packet::Udp { payload, .. } = Packet::parse(ETHERNET, &packet) {
            prop_assert!(payload.len() + 42 <= packet.len());
        }
    }
}
