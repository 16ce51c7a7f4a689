//! The headers around a message: Ethernet, IP and UDP, as Homer reconstructs them from a database
//! row (homer.md §6).
//!
//! Not handled: reassembly. TCP segments and IP fragments, which Homer does not write, are told
//! apart and left alone.

use alloc::string::{String, ToString};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Link type of Ethernet (draft-ietf-opsawg-pcaplinktype).
const LINK_TYPE_ETHERNET: u16 = 1;

/// Headers of the same kind that are looked through, at most: Homer writes one IP header, or two.
const MAX_NESTING: usize = 8;

/// Longest IPv4 packet, headers included: what its 16-bit total length can say (RFC 791 §3.1).
const MAX_IPV4_LEN: usize = u16::MAX as usize;

/// What a packet record's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A UDP datagram.
    Udp {
        /// Where it went from and to.
        route: Route,
        /// What it carries.
        payload: &'a [u8],
        /// The IPv4 packet is longer than its total length can say: that field has wrapped, and
        /// programs that believe it read less. Its captured length in bytes.
        wrapped: Option<usize>,
    },
    /// A segment of TCP or a chunk of SCTP: no message begins or ends with it for certain.
    Segment,
    /// A part of an IP packet.
    Fragment,
    /// No IP packet, none that can be read, or another protocol in it.
    Other,
}

/// Between whom a packet ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its source.
    pub source: SocketAddr,
    /// Its destination.
    pub destination: SocketAddr,
    /// False where Homer's file does not say which is which: it writes a packet between an IPv4 and
    /// an IPv6 address as IPv6 in IPv4, with either address on both ends of its header. The ports
    /// are then 0, and the IPv4 address stands first.
    pub directed: bool,
}

/// An address as text, with its port if that is known ([`Route::directed`]).
pub(crate) fn endpoint(end: SocketAddr, has_port: bool) -> String {
    if has_port {
        end.to_string()
    } else {
        end.ip().to_string()
    }
}

impl<'a> Packet<'a> {
    /// Reads the captured data of a packet record.
    pub fn read(link_type: u16, data: &'a [u8]) -> Self {
        match link_type {
            LINK_TYPE_ETHERNET => ethernet(data).unwrap_or(Self::Other),
            _ => Self::Other,
        }
    }
}

/// None if it is cut off.
fn ethernet(frame: &[u8]) -> Option<Packet<'_>> {
    let mut ether_type = u16_at(frame, 12)?;
    let mut rest = frame.get(14..)?;
    // VLAN tags (IEEE 802.1Q, 802.1ad).
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

// Protocol numbers of IANA.
const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
const SCTP: u8 = 132;

fn ip(mut protocol: u8, mut rest: &[u8]) -> Option<Packet<'_>> {
    // Addresses of the innermost header, and of the one around it.
    let mut ends: Option<(IpAddr, IpAddr)> = None;
    let mut around: Option<(IpAddr, IpAddr)> = None;
    let mut wrapped = None;
    for _ in 0..MAX_NESTING {
        match protocol {
            IPV4 => {
                let header = Ipv4::read(rest)?;
                if header.is_fragment {
                    return Some(Packet::Fragment);
                }
                if rest.len() > MAX_IPV4_LEN {
                    wrapped = Some(rest.len());
                }
                around = ends.replace((header.source.into(), header.destination.into()));
                (protocol, rest) = (header.protocol, header.payload);
            }
            IPV6 => {
                if rest.first()? >> 4 != 6 {
                    return None;
                }
                let address = |at: usize| {
                    Some(Ipv6Addr::from(
                        <[u8; 16]>::try_from(rest.get(at..at + 16)?).ok()?,
                    ))
                };
                around = ends.replace((address(8)?.into(), address(24)?.into()));
                let len = usize::from(u16_at(rest, 4)?);
                protocol = *rest.get(6)?;
                let payload = rest.get(40..)?;
                // 0 in a jumbogram, whose length stands in an option (RFC 2675 §3).
                rest = if len == 0 {
                    payload
                } else {
                    payload.get(..len).unwrap_or(payload)
                };
            }
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                // Extension headers of the common form (RFC 8200 §4).
                let len = 8 * (usize::from(*rest.get(1)?) + 1);
                (protocol, rest) = (*rest.first()?, rest.get(len..)?);
            }
            FRAGMENT => {
                // An atomic fragment is a whole packet (RFC 6946): offset 0, and no more to come.
                if u16_at(rest, 2)? & 0xfff9 != 0 {
                    return Some(Packet::Fragment);
                }
                (protocol, rest) = (*rest.first()?, rest.get(8..)?);
            }
            UDP => {
                let payload = udp(rest)?;
                let route = route(ends?, around, (u16_at(rest, 0)?, u16_at(rest, 2)?));
                return Some(Packet::Udp {
                    route,
                    payload,
                    wrapped,
                });
            }
            TCP | SCTP => return Some(Packet::Segment),
            _ => return Some(Packet::Other),
        }
    }
    None
}

fn route(ends: (IpAddr, IpAddr), around: Option<(IpAddr, IpAddr)>, ports: (u16, u16)) -> Route {
    // IPv6 in IPv4, each header from an address to itself (recording `export-mixed-v4-v6`).
    if let Some(around) = around
        && around.0.is_ipv4()
        && ends.0.is_ipv6()
        && around.0 == around.1
        && ends.0 == ends.1
    {
        let [source, destination] = [around.0, ends.0].map(|ip| SocketAddr::new(ip, 0));
        return Route {
            source,
            destination,
            directed: false,
        };
    }
    Route {
        source: SocketAddr::new(ends.0, ports.0),
        destination: SocketAddr::new(ends.1, ports.1),
        directed: true,
    }
}

struct Ipv4<'a> {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    is_fragment: bool,
    payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let first = *packet.first()?;
        let header_len = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_len < 20 {
            return None;
        }
        let payload = packet.get(header_len..)?;
        let total_len = usize::from(u16_at(packet, 2)?);
        // Short frames are padded to 60 bytes, so that the length bounds the payload; not where it
        // wraps, as in Homer's long packets, though all bytes are there.
        let payload = match total_len.checked_sub(header_len) {
            Some(len) if packet.len() <= MAX_IPV4_LEN => payload.get(..len).unwrap_or(payload),
            _ => payload,
        };
        // More fragments, or an offset.
        let is_fragment = u16_at(packet, 6)? & 0x3fff != 0;
        let address = |at: usize| {
            Some(Ipv4Addr::from(
                <[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?,
            ))
        };
        let (source, destination) = (address(12)?, address(16)?);
        Some(Self {
            source,
            destination,
            protocol: *packet.get(9)?,
            is_fragment,
            payload,
        })
    }
}

fn udp(packet: &[u8]) -> Option<&[u8]> {
    const HEADER_LEN: usize = 8;
    let payload = packet.get(HEADER_LEN..)?;
    let len = usize::from(u16_at(packet, 4)?);
    // The length bounds the payload; in packets that are longer than it can say, it has wrapped, or
    // is 0 (RFC 2675 §4).
    if packet.len() > usize::from(u16::MAX) {
        return Some(payload);
    }
    Some(
        len.checked_sub(HEADER_LEN)
            .and_then(|len| payload.get(..len))
            .unwrap_or(payload),
    )
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
