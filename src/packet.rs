//! The headers in front of a message: Ethernet, IP and UDP, as Homer reconstructs them from a
//! database row (docs/homer.md §6).
//!
//! Not handled: reassembly. TCP segments, SCTP chunks and IP fragments, which Homer does not write,
//! are recognized but not read.
//!
//! The headers are parsed by hand. With the header slices of the crate etherparse (0.21, without
//! its default features), 80 of these lines went, but walking a capture took 16 % longer (202 ns
//! instead of 174 ns per packet, natively). Its higher-level slices do not fit: they trust length
//! fields that overflow in Homer's long packets, and stop at IP in IP.

use alloc::string::{String, ToString};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Link type of Ethernet (draft-ietf-opsawg-pcaplinktype).
const LINK_TYPE_ETHERNET: u16 = 1;

/// Most VLAN tags, and most IP and extension headers, that are looked through in one packet. Homer
/// writes one IP header, or two between an IPv4 and an IPv6 address.
const MAX_NESTING: usize = 8;

/// Length of the longest IPv4 packet with its headers: the total length has 16 bits (RFC 791 §3.1).
const MAX_IPV4_LEN: usize = u16::MAX as usize;

/// The data of a packet record.
///
/// # Examples
/// ```
/// use homer_export::packet::Packet;
///
/// let mut frame = vec![2; 12]; // MAC addresses
/// frame.extend([0x08, 0x00]); // IPv4
/// frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 10, 192, 0, 2, 20]);
/// frame.extend([0x13, 0xc4, 0x13, 0xc4, 0, 12, 0, 0]); // UDP from port 5060 to 5060
/// frame.extend(b"\r\n\r\n");
///
/// let Packet::Udp { route, payload, .. } = Packet::parse(1, &frame) else { panic!() };
/// assert_eq!(route.source.to_string(), "192.0.2.10:5060");
/// assert_eq!(payload, b"\r\n\r\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A UDP datagram.
    Udp {
        /// Its source and destination.
        route: Route,
        /// Its payload.
        payload: &'a [u8],
        /// The length of the IPv4 packet in bytes, if it is more than the header's 16-bit length
        /// field can hold. The field has then overflowed, and programs that believe it read less.
        length_overflow: Option<usize>,
    },
    /// A TCP segment or SCTP chunk. A message may begin or end anywhere in it, so it is not read.
    TcpOrSctp,
    /// A fragment of an IP packet.
    Fragment,
    /// Another protocol, or headers that cannot be read.
    Other,
}

/// The source and destination of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The source address and port.
    pub source: SocketAddr,
    /// The destination address and port.
    pub destination: SocketAddr,
    /// False if the file does not say which of the two addresses is the source. Between an IPv4 and
    /// an IPv6 address, Homer writes IPv6 in IPv4, and each header has the same address twice. The
    /// IPv4 address is then in `source`, and both ports are 0.
    pub directed: bool,
}

/// An address as text, with its port if that is known ([`Route::directed`]).
pub(crate) fn endpoint(address: SocketAddr, has_port: bool) -> String {
    if has_port {
        address.to_string()
    } else {
        address.ip().to_string()
    }
}

impl<'a> Packet<'a> {
    /// Parses the captured data of a packet record.
    pub fn parse(link_type: u16, data: &'a [u8]) -> Self {
        match link_type {
            LINK_TYPE_ETHERNET => ethernet(data).unwrap_or(Self::Other),
            _ => Self::Other,
        }
    }
}

/// Parses an Ethernet frame; `None` if it is cut off.
fn ethernet(frame: &[u8]) -> Option<Packet<'_>> {
    let mut ether_type = u16_at(frame, 12)?;
    let mut rest = frame.get(14..)?;
    // VLAN tags (IEEE 802.1Q, 802.1ad). Homer writes none, but the file may come from elsewhere.
    for _ in 0..MAX_NESTING {
        if !matches!(ether_type, 0x8100 | 0x88a8) {
            break;
        }
        ether_type = u16_at(rest, 2)?;
        rest = rest.get(4..)?;
    }
    match ether_type {
        0x0800 => ip(IPV4, rest),
        0x86dd => ip(IPV6, rest),
        _ => Some(Packet::Other),
    }
}

// IANA protocol numbers.
const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
const SCTP: u8 = 132;

/// The source and destination address in one IP header.
type Addresses = (IpAddr, IpAddr);

/// Parses IP headers until the transport protocol; `None` if they are cut off or nested too deeply.
fn ip(mut protocol: u8, mut rest: &[u8]) -> Option<Packet<'_>> {
    // The addresses of the innermost header so far, and of the header around it.
    let mut inner: Option<Addresses> = None;
    let mut outer: Option<Addresses> = None;
    let mut length_overflow = None;
    for _ in 0..MAX_NESTING {
        match protocol {
            IPV4 => {
                let header = Ipv4::parse(rest)?;
                if header.is_fragment {
                    return Some(Packet::Fragment);
                }
                if rest.len() > MAX_IPV4_LEN {
                    length_overflow = Some(rest.len());
                }
                outer = inner.replace((header.source.into(), header.destination.into()));
                (protocol, rest) = (header.protocol, header.payload);
            }
            IPV6 => {
                let header = Ipv6::parse(rest)?;
                outer = inner.replace((header.source.into(), header.destination.into()));
                (protocol, rest) = (header.protocol, header.payload);
            }
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                // Extension headers in the common form: next header, length in units of 8 bytes
                // without the first 8 (RFC 8200 §4).
                let len = 8 * (usize::from(*rest.get(1)?) + 1);
                (protocol, rest) = (*rest.first()?, rest.get(len..)?);
            }
            FRAGMENT => {
                // A fragment with offset 0 that none follows is a whole packet (RFC 6946).
                if u16_at(rest, 2)? & 0xfff9 != 0 {
                    return Some(Packet::Fragment);
                }
                (protocol, rest) = (*rest.first()?, rest.get(8..)?);
            }
            UDP => {
                let payload = udp_payload(rest)?;
                let route = route(inner?, outer, (u16_at(rest, 0)?, u16_at(rest, 2)?));
                return Some(Packet::Udp {
                    route,
                    payload,
                    length_overflow,
                });
            }
            TCP | SCTP => return Some(Packet::TcpOrSctp),
            _ => return Some(Packet::Other),
        }
    }
    None
}

fn route(inner: Addresses, outer: Option<Addresses>, ports: (u16, u16)) -> Route {
    // Homer's IPv6 in IPv4, each header from an address to itself (recording
    // `export-mixed-v4-v6`). A real tunnel has different addresses; its inner ones count.
    if let Some(outer) = outer
        && outer.0.is_ipv4()
        && inner.0.is_ipv6()
        && outer.0 == outer.1
        && inner.0 == inner.1
    {
        return Route {
            source: SocketAddr::new(outer.0, 0),
            destination: SocketAddr::new(inner.0, 0),
            directed: false,
        };
    }
    Route {
        source: SocketAddr::new(inner.0, ports.0),
        destination: SocketAddr::new(inner.1, ports.1),
        directed: true,
    }
}

/// An IPv4 header and the data after it (RFC 791 §3.1).
struct Ipv4<'a> {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    is_fragment: bool,
    payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let first = *packet.first()?;
        let header_len = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_len < 20 {
            return None;
        }
        let payload = packet.get(header_len..)?;
        let total_len = usize::from(u16_at(packet, 2)?);
        // Short frames are padded to 60 bytes, so the total length bounds the payload. It does not
        // where it has overflowed: in Homer's long packets all bytes are there (docs/homer.md §6).
        let payload = match total_len.checked_sub(header_len) {
            Some(len) if packet.len() <= MAX_IPV4_LEN => payload.get(..len).unwrap_or(payload),
            _ => payload,
        };
        // "More fragments" is set, or the fragment offset is not 0.
        let is_fragment = u16_at(packet, 6)? & 0x3fff != 0;
        let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
        Some(Self {
            source: address(12)?,
            destination: address(16)?,
            protocol: *packet.get(9)?,
            is_fragment,
            payload,
        })
    }
}

/// An IPv6 header and the data after it (RFC 8200 §3).
struct Ipv6<'a> {
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: u8,
    payload: &'a [u8],
}

impl<'a> Ipv6<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        if packet.first()? >> 4 != 6 {
            return None;
        }
        let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?));
        let len = usize::from(u16_at(packet, 4)?);
        let payload = packet.get(40..)?;
        // The length is 0 in a jumbogram, whose real length is in an option (RFC 2675 §3). Homer
        // writes one for messages above 65,527 bytes (docs/homer.md §6).
        let payload = match len {
            0 => payload,
            _ => payload.get(..len).unwrap_or(payload),
        };
        Some(Self {
            source: address(8)?,
            destination: address(24)?,
            protocol: *packet.get(6)?,
            payload,
        })
    }
}

/// The payload of a UDP datagram (RFC 768).
fn udp_payload(datagram: &[u8]) -> Option<&[u8]> {
    const HEADER_LEN: usize = 8;
    let payload = datagram.get(HEADER_LEN..)?;
    let len = usize::from(u16_at(datagram, 4)?);
    // In a datagram that is too long for the length field, the field has overflowed, or is 0
    // (RFC 2675 §4).
    if datagram.len() > usize::from(u16::MAX) {
        return Some(payload);
    }
    // Otherwise it ends the payload: padding may follow (packet 4 of `v1_5_10-odd-fields`). A
    // length above the captured bytes means that the capture cut the packet off.
    let bounded = len
        .checked_sub(HEADER_LEN)
        .and_then(|len| payload.get(..len));
    Some(bounded.unwrap_or(payload))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
