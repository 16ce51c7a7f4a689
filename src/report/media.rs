//! What the causes need of a session description: where media shall go, and which streams are
//! refused (RFC 4566, RFC 3264).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use memchr::memchr_iter;

use super::printable::quoted_from_message;

/// Most streams that are looked at: a call has one or two.
const MAX_STREAMS: u32 = 16;

/// Bytes kept of the names of codecs.
const MAX_CODECS: usize = 120;

/// A session description in short.
#[derive(Clone, Debug, Default)]
pub(super) struct Media {
    /// The packet that has it.
    pub(super) packet: u64,
    /// The connection address (`c=`) of the first stream that is not refused: its own, or else that
    /// of the session (RFC 4566 §5.7).
    pub(super) address: Option<IpAddr>,
    /// Number of streams.
    streams: u32,
    /// A bit for each stream that is refused, that is, has port 0; the first stream is bit 0.
    refused: u32,
    /// Whether that stream has `a=sendonly` or `a=inactive`: a hold.
    pub(super) is_held: bool,
    /// Whether ICE finds the addresses (RFC 8839), so that those in `c=` do not matter.
    has_ice: bool,
    /// Names of the codecs, or else numbers of the formats, separated by blanks.
    codecs: Vec<u8>,
    /// Whether `codecs` has names.
    has_names: bool,
}

impl Media {
    /// Reads the description in a packet.
    pub(super) fn parse(packet: u64, body: &[u8]) -> Self {
        let mut media = Self {
            packet,
            ..Self::default()
        };
        let mut next = 0;
        let mut has_own_address = false;
        for end in memchr_iter(b'\n', body).chain([body.len()]) {
            let line = body.get(next..end).unwrap_or_default().trim_ascii_end();
            next = end + 1;
            match line {
                [b'c', b'=', value @ ..] if media.is_in_first_stream() => {
                    let is_own = media.streams > 0;
                    if media.address.is_none() || (is_own && !has_own_address) {
                        media.address = address(value).or(media.address);
                        has_own_address = is_own;
                    }
                }
                [b'm', b'=', value @ ..] if media.streams < MAX_STREAMS => {
                    let mut words = value.split(|byte| *byte == b' ').skip(1);
                    let is_refused = words.next() == Some(b"0");
                    media.refused |= u32::from(is_refused) << media.streams;
                    media.streams += 1;
                    for format in words.skip(1).filter(|_| !media.has_names) {
                        push_word(&mut media.codecs, format);
                    }
                }
                [b'a', b'=', value @ ..] => media.read_attribute(value),
                _ => {}
            }
        }
        media
    }

    /// Whether the lines that follow belong to the session, or to the first stream that is not
    /// refused.
    fn is_in_first_stream(&self) -> bool {
        let latest = 1_u32 << self.streams >> 1;
        // All streams before it are refused, and it is not.
        self.streams == 0 || self.refused == latest - 1
    }

    fn read_attribute(&mut self, value: &[u8]) {
        let starts = |name: &[u8]| value.starts_with(name);
        if starts(b"rtpmap:") {
            // `rtpmap:8 PCMA/8000`
            let codec = value.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            let name = codec.split(|byte| *byte == b'/').next().unwrap_or_default();
            if !core::mem::replace(&mut self.has_names, true) {
                self.codecs.clear();
            }
            push_word(&mut self.codecs, name);
        } else if starts(b"candidate:") || starts(b"ice-ufrag:") {
            self.has_ice = true;
        } else if starts(b"sendonly") || starts(b"inactive") {
            self.is_held |= self.is_in_first_stream();
        } else if starts(b"sendrecv") && self.streams > 0 && self.is_in_first_stream() {
            // A direction of the stream overrides that of the session (RFC 4566 §6).
            self.is_held = false;
        }
    }

    /// Whether the sender holds the call: by direction, or by the null address of RFC 2543
    /// (RFC 3264 §8.4).
    pub(super) fn is_on_hold(&self) -> bool {
        self.is_held || self.address.is_some_and(|address| address.is_unspecified())
    }

    /// The names of the codecs, such as `"PCMU PCMA"`.
    pub(super) fn codecs(&self) -> String {
        match self.codecs[..] {
            [] => String::from("no codecs"),
            _ => quoted_from_message(&self.codecs, MAX_CODECS),
        }
    }

    /// The number of the first stream that the answer refuses, although it was offered; counted
    /// from 1.
    pub(super) fn refused_by(&self, answer: &Self) -> Option<u32> {
        let common = self.streams.min(answer.streams);
        let refused = answer.refused & !self.refused & ((1 << common) - 1);
        (refused != 0).then(|| refused.trailing_zeros() + 1)
    }

    /// The connection address, if no one outside of its network can reach it.
    pub(super) fn unreachable_address(&self) -> Option<IpAddr> {
        let is_used = self.refused.count_ones() < self.streams;
        self.address.filter(|address| {
            let is_null = address.is_unspecified() && !self.is_held;
            is_used && !self.has_ice && (is_null || is_private(*address))
        })
    }
}

fn push_word(list: &mut Vec<u8>, word: &[u8]) {
    if list.len() + word.len() < MAX_CODECS && !word.is_empty() {
        if !list.is_empty() {
            list.push(b' ');
        }
        list.extend_from_slice(word);
    }
}

/// The address in `IN IP4 192.0.2.10`, which a TTL may follow.
fn address(value: &[u8]) -> Option<IpAddr> {
    let word = value.split(|byte| *byte == b' ').nth(2)?;
    let word = word.split(|byte| *byte == b'/').next()?;
    core::str::from_utf8(word).ok()?.parse().ok()
}

/// Whether an address only exists within a network: RFC 1918, RFC 6598 (carrier-grade NAT),
/// link-local, loopback, and unique local (RFC 4193).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = Ipv4Addr::new(100, 64, 0, 0).to_bits();
            address.is_private()
                || address.is_link_local()
                || address.is_loopback()
                || address.to_bits() & 0xffc0_0000 == shared
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unicast_link_local()
                || address.segments()[0] & 0xfe00 == 0xfc00
        }
    }
}
