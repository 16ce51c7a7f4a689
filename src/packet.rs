//! The headers around a message: Ethernet, IP and UDP, as Homer reconstructs them from a database row (homer.md §6).
//!
//! Not handled: TCP and IP fragments, which Homer does not write.

/// Link type of Ethernet.
const LINK_TYPE_ETHERNET: u16 = 1;

/// Headers of the same kind that are looked through, at most: Homer writes one IP header, or two.
const MAX_NESTING: usize = 8;

/// The payload of a UDP packet, or none if it is anything else or is cut off before its payload.
pub fn udp_payload(link_type: u16, packet: &[u8]) -> Option<&[u8]> {
    if link_type != LINK_TYPE_ETHERNET {
        return None;
    }
    let mut ether_type = u16_at(packet, 12)?;
    let mut rest = packet.get(14..)?;
    // VLAN tags (IEEE 802.1Q, 802.1ad).
    for _ in 0..MAX_NESTING {
        if !matches!(ether_type, 0x8100 | 0x88a8) {
            break;
        }
        ether_type = u16_at(rest, 2)?;
        rest = rest.get(4..)?;
    }
    let mut protocol = match ether_type {
        0x0800 => IPV4,
        0x86dd => IPV6,
        _ => return None,
    };
    for _ in 0..MAX_NESTING {
        (protocol, rest) = match protocol {
            IPV4 => ipv4(rest)?,
            IPV6 => ipv6(rest)?,
            // IPv6 extension headers of the common form (RFC 8200 §4).
            0 | 43 | 60 => {
                let len = 8 * (usize::from(*rest.get(1)?) + 1);
                (*rest.first()?, rest.get(len..)?)
            }
            UDP => return udp(rest),
            _ => return None,
        };
    }
    None
}

// Protocol numbers of IANA; IP in IP is how Homer writes a message between an IPv4 and an IPv6 address.
const IPV4: u8 = 4;
const UDP: u8 = 17;
const IPV6: u8 = 41;

fn ipv4(packet: &[u8]) -> Option<(u8, &[u8])> {
    let first = *packet.first()?;
    let header_len = usize::from(first & 0x0f) * 4;
    // The total length is not looked at: it wraps in Homer's long packets, though all bytes are there.
    if first >> 4 != 4 || header_len < 20 {
        return None;
    }
    let fragment_offset = u16_at(packet, 6)? & 0x1fff;
    if fragment_offset != 0 {
        return None;
    }
    Some((*packet.get(9)?, packet.get(header_len..)?))
}

fn ipv6(packet: &[u8]) -> Option<(u8, &[u8])> {
    if packet.first()? >> 4 != 6 {
        return None;
    }
    Some((*packet.get(6)?, packet.get(40..)?))
}

fn udp(packet: &[u8]) -> Option<&[u8]> {
    const HEADER_LEN: usize = 8;
    let payload = packet.get(HEADER_LEN..)?;
    let len = usize::from(u16_at(packet, 4)?);
    // The length bounds the payload, since short frames are padded to 60 bytes; in packets that are longer than it can say,
    // it has wrapped, or is 0 (RFC 2675 §4).
    if packet.len() > usize::from(u16::MAX) {
        return Some(payload);
    }
    Some(len.checked_sub(HEADER_LEN).and_then(|len| payload.get(..len)).unwrap_or(payload))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
