//! The headers of a packet: replaces the addresses in them, and corrects the checksums.
//!
//! A transport checksum is not computed anew but adjusted by the difference (RFC 1624): a right one
//! stays right, a wrong one stays wrong, and it can be done for packets that were cut off or whose
//! length fields have overflowed.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use super::pseudonyms::Pseudonyms;
use crate::packet::Packet;

/// Link type of Ethernet (draft-ietf-opsawg-pcaplinktype).
const LINK_TYPE_ETHERNET: u16 = 1;

/// Most VLAN tags and most IP and extension headers that are looked through, as in
/// [`Packet`](crate::packet::Packet).
const MAX_NESTING: usize = 8;

/// The parts of a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// The offset of each IP header, and whether it is of version 6.
    headers: [Option<(usize, bool)>; MAX_NESTING],
    /// The offset of the transport checksum.
    checksum: Option<usize>,
    /// What the packet carries. In a UDP datagram, padding may follow.
    pub(super) payload: Range<usize>,
    /// Why the payload may be something else than text.
    pub(super) unreadable: Option<&'static str>,
    /// Whether the checksum covers more than what is in this packet.
    is_fragment: bool,
}

impl Frame {
    /// Finds the parts of a packet. What cannot be read is payload.
    pub(super) fn parse(link_type: u16, data: &[u8]) -> Self {
        let mut frame = Self {
            payload: 0..data.len(),
            unreadable: Some("packet that is not UDP over IP"),
            ..Self::default()
        };
        if link_type == LINK_TYPE_ETHERNET {
            // Headers that are cut off end the search.
            let _ = frame.ethernet(data);
        }
        frame
    }

    fn ethernet(&mut self, data: &[u8]) -> Option<()> {
        let mut at = 12;
        let mut ether_type = u16_at(data, at)?;
        for _ in 0..MAX_NESTING {
            if !matches!(ether_type, 0x8100 | 0x88a8) {
                break;
            }
            at += 4;
            ether_type = u16_at(data, at)?;
        }
        at += 2;
        let mut protocol = match ether_type {
            0x0800 => 4,
            0x86dd => 41,
            _ => return None,
        };
        for number in 0..MAX_NESTING {
            self.payload.start = at.min(data.len());
            match protocol {
                4 => {
                    let first = *data.get(at)?;
                    let len = usize::from(first & 15) * 4;
                    if first >> 4 != 4 || len < 20 || data.len() < at + len {
                        return None;
                    }
                    *self.headers.get_mut(number)? = Some((at, false));
                    self.is_fragment |= u16_at(data, at + 6)? & 0x3fff != 0;
                    protocol = data[at + 9];
                    at += len;
                }
                41 => {
                    if data.get(at)? >> 4 != 6 || data.len() < at + 40 {
                        return None;
                    }
                    *self.headers.get_mut(number)? = Some((at, true));
                    protocol = data[at + 6];
                    at += 40;
                }
                0 | 43 | 60 => {
                    let len = 8 * (usize::from(*data.get(at + 1)?) + 1);
                    (protocol, at) = (*data.get(at)?, at + len);
                }
                44 => {
                    self.is_fragment |= u16_at(data, at + 2)? & 0xfff9 != 0;
                    (protocol, at) = (*data.get(at)?, at + 8);
                }
                _ => break,
            }
            if self.is_fragment {
                self.unreadable = Some("IP fragment");
            }
        }
        self.payload.start = at.min(data.len());
        match protocol {
            17 if !self.is_fragment => {
                u16_at(data, at + 6)?;
                self.checksum = Some(at + 6);
                // The length fields bound the payload as they do for the report.
                if let Packet::Udp { payload, .. } = Packet::parse(LINK_TYPE_ETHERNET, data) {
                    self.payload = at + 8..at + 8 + payload.len();
                    self.unreadable = None;
                }
            }
            6 | 132 if !self.is_fragment => {
                self.unreadable = Some("TCP or SCTP segment");
                if protocol == 6 {
                    let offset = usize::from(data.get(at + 12)? >> 4) * 4;
                    u16_at(data, at + 16)?;
                    self.checksum = Some(at + 16);
                    self.payload.start = (at + offset.max(20)).min(data.len());
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Replaces the addresses in all headers. Returns by how much the sum of the innermost IP
    /// header's addresses, which the transport checksum covers, has changed.
    pub(super) fn replace_addresses(&self, data: &mut [u8], pseudonyms: &mut Pseudonyms) -> Change {
        let mut change = Change::default();
        if self.headers[0].is_some() {
            for address in data.as_chunks_mut::<6>().0.iter_mut().take(2) {
                pseudonyms.mac(address);
            }
        }
        for (at, is_ipv6) in self.headers.iter().flatten() {
            let (place, len) = match is_ipv6 {
                false => (at + 12, 4),
                true => (at + 8, 16),
            };
            let Some(addresses) = data.get_mut(place..place + 2 * len) else {
                continue;
            };
            let before = sum(addresses);
            if *is_ipv6 {
                for address in addresses.as_chunks_mut::<16>().0 {
                    *address = pseudonyms.ipv6(Ipv6Addr::from(*address)).octets();
                }
            } else {
                for address in addresses.as_chunks_mut::<4>().0 {
                    *address = pseudonyms.ipv4(Ipv4Addr::from(*address)).octets();
                }
            }
            change = Change {
                before,
                after: sum(addresses),
            };
            if !is_ipv6 {
                correct_header(data, *at);
            }
        }
        change
    }

    /// Adjusts the transport checksum to a change of what it covers.
    pub(super) fn adjust_checksum(&self, data: &mut [u8], changes: [Change; 2]) {
        let place = self
            .checksum
            .and_then(|at| data.get_mut(at..))
            .and_then(<[u8]>::first_chunk_mut::<2>);
        let Some(place) = place else {
            return;
        };
        let old = u16::from_be_bytes(*place);
        // In UDP, 0 says that no checksum was computed (RFC 768).
        if old == 0 || changes.iter().all(|change| change.before == change.after) {
            return;
        }
        let delta: u64 = changes
            .iter()
            .map(|change| u64::from(!change.before) + u64::from(change.after))
            .sum();
        let new = !fold(u64::from(!old) + delta);
        // A checksum that comes out as 0 is sent as all ones.
        *place = if new == 0 { 0xffff } else { new }.to_be_bytes();
    }
}

/// The sum of a part of a packet before and after it was changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub(super) before: u16,
    pub(super) after: u16,
}

/// The ones' complement sum of the 16-bit words in `bytes` (RFC 1071).
pub(super) fn sum(bytes: &[u8]) -> u16 {
    // Four sums at once, which is what vector instructions do.
    let mut sums = [0; 4];
    let mut add = |chunk: &[u8; 16]| {
        for (sum, word) in sums.iter_mut().zip(chunk.as_chunks::<4>().0) {
            *sum += u64::from(u32::from_le_bytes(*word));
        }
    };
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().for_each(&mut add);
    let mut last = [0; 16];
    if let Some(start) = last.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    add(&last);
    let sum = sums.iter().sum();
    // The order of bytes does not matter until the end (RFC 1071 §2 B), and this one is faster.
    fold(sum).swap_bytes()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Computes the checksum of the IPv4 header at `at` (RFC 791 §3.1).
fn correct_header(data: &mut [u8], at: usize) {
    let Some(header) = data.get_mut(at..) else {
        return;
    };
    let len = header
        .first()
        .map_or(0, |first| usize::from(first & 15) * 4);
    let Some(header) = header.get_mut(..len).filter(|header| header.len() >= 20) else {
        return;
    };
    header[10..12].fill(0);
    let sum = !sum(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
