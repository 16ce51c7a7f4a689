//! Pseudonyms of numbers, users and addresses.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::key::{Key, Purpose};
use super::permutation::{Digit, permute, shuffled};
use super::text_cache::{TextCache, Wanted};

/// Most addresses of each kind whose pseudonyms are remembered. Each takes some microseconds to
/// compute, and nearly all addresses occur again.
const MAX_KNOWN: usize = 2048;

/// User names that say that there is none (RFC 3323 §4.1.1.3 and common practice).
const NOBODY: [&[u8]; 4] = [b"anonymous", b"unavailable", b"restricted", b"unknown"];

/// Computes pseudonyms, and remembers the latest.
#[derive(Clone, Debug)]
pub(super) struct Pseudonyms {
    key: Key,
    texts: TextCache,
    ipv4: BTreeMap<Ipv4Addr, Ipv4Addr>,
    ipv6: BTreeMap<Ipv6Addr, Ipv6Addr>,
}

impl Pseudonyms {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            texts: TextCache::default(),
            ipv4: BTreeMap::new(),
            ipv6: BTreeMap::new(),
        }
    }

    /// Replaces a user or a word of a display name: a number if it has digits and no letters.
    pub(super) fn name(&mut self, name: &mut [u8]) {
        let is_number = name
            .iter()
            .all(|byte| !byte.is_ascii_alphabetic() && byte.is_ascii());
        if is_number {
            self.number(name);
        } else if !NOBODY
            .iter()
            .any(|nobody| name.eq_ignore_ascii_case(nobody))
        {
            self.text(name, Purpose::User);
        }
    }

    /// Replaces the digits of a number. What is between them stays.
    pub(super) fn number(&mut self, number: &mut [u8]) {
        self.text(number, Purpose::Number);
    }

    fn text(&mut self, text: &mut [u8], purpose: Purpose) {
        let wanted = Wanted::new(text, purpose);
        if let Some(wanted) = &wanted
            && self.texts.replace(wanted, text)
        {
            return;
        }
        self.compute(text, purpose);
        if let Some(wanted) = &wanted {
            self.texts.insert(wanted, text);
        }
    }

    fn compute(&self, text: &mut [u8], purpose: Purpose) {
        let mut digits = Vec::with_capacity(text.len());
        let places = |text: &[u8], digits: &mut Vec<Digit>| {
            let mut lead = 0;
            for byte in text {
                digits.extend(digit(*byte, lead, purpose).map(|(digit, _)| digit));
                lead = lead_after(*byte, lead);
            }
        };
        places(text, &mut digits);
        permute(&self.key, purpose, &[digits.len() as u8], &mut digits);
        let mut digits = digits.iter();
        let mut lead = 0;
        for byte in text.iter_mut() {
            let old = *byte;
            if let Some((_, zero)) = digit(old, lead, purpose)
                && let Some(digit) = digits.next()
            {
                *byte = zero + digit.value;
            }
            lead = lead_after(old, lead);
        }
    }

    /// The pseudonym of an IPv4 address. Each octet keeps its number of decimal digits.
    pub(super) fn ipv4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        if let Some(known) = self.ipv4.get(&address) {
            return *known;
        }
        let octets = address.octets();
        let mut new = octets;
        // This network, loopback; multicast, reserved, broadcast.
        if !matches!(octets[0], 0 | 127 | 224..) {
            for (at, place) in new.iter_mut().enumerate() {
                let prefix = &octets[..at];
                let class = octet_class(prefix, octets[at]);
                let set: Vec<u8> = (0..=255)
                    .filter(|other| octet_class(prefix, *other) == class)
                    .collect();
                let mut context = Vec::from(prefix);
                context.extend([class.0, class.1]);
                if let Some(octet) = shuffled(&self.key, Purpose::Ipv4, &context, &set, octets[at])
                {
                    *place = octet;
                }
            }
        }
        let new = Ipv4Addr::from(new);
        make_room(&mut self.ipv4);
        self.ipv4.insert(address, new);
        new
    }

    /// The pseudonym of an IPv6 address. Each group keeps its number of hexadecimal digits.
    pub(super) fn ipv6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        if let Some(known) = self.ipv6.get(&address) {
            return *known;
        }
        let groups = address.segments();
        let mut new = groups;
        let stays = address.is_multicast() || address.is_loopback() || address.is_unspecified();
        if !stays {
            let mut prefix = Vec::new();
            for (at, (place, old)) in new.iter_mut().zip(groups).enumerate() {
                let is_well_known = match at {
                    // Link-local, and what is neither global nor unique local.
                    0 => !matches!(old, 0x2000..=0x3fff | 0xfc00..=0xfdff),
                    // IPv4 in IPv6, `64:ff9b::/96` and `::ffff:0:0/96`.
                    1 => groups[0] == 0x64 && old == 0xff9b,
                    5 => groups[..5] == [0; 5] && old == 0xffff,
                    _ => false,
                };
                if !is_well_known {
                    // The range of addresses that a group belongs to stays.
                    let fixed = match (at, old) {
                        (0, 0xfc00..) => 2,
                        (0, _) => 1,
                        _ => 0,
                    };
                    *place = self.group(old, fixed, &prefix);
                }
                prefix.extend(old.to_be_bytes());
            }
        }
        let new = Ipv6Addr::from(new);
        make_room(&mut self.ipv6);
        self.ipv6.insert(address, new);
        new
    }

    /// The pseudonym of a group of an IPv6 address, of which the first `fixed` digits stay.
    fn group(&self, group: u16, fixed: usize, prefix: &[u8]) -> u16 {
        let len = 4 - group.leading_zeros() as usize / 4;
        let mut context = Vec::from(prefix);
        context.push(len as u8);
        let mut digits: Vec<Digit> = (fixed..len)
            .map(|at| {
                let value = (group >> (4 * (len - 1 - at)) & 15) as u8;
                // The first digit is not 0, or the group would become shorter.
                match at {
                    0 => Digit {
                        value: value - 1,
                        radix: 15,
                    },
                    _ => Digit { value, radix: 16 },
                }
            })
            .collect();
        permute(&self.key, Purpose::Ipv6, &context, &mut digits);
        let start = match fixed {
            0 => 0,
            _ => group >> (4 * (len - fixed)),
        };
        digits.iter().enumerate().fold(start, |group, (at, digit)| {
            let first = u16::from(at + fixed == 0);
            group << 4 | (u16::from(digit.value) + first)
        })
    }

    /// The pseudonym of a MAC address that a device has from its maker. Those that a program has
    /// chosen stay: Homer writes two of its own into every packet.
    pub(super) fn mac(&self, address: &mut [u8; 6]) {
        const LOCAL: u8 = 2;
        const GROUP: u8 = 1;
        if address[0] & (LOCAL | GROUP) != 0 || *address == [0; 6] {
            return;
        }
        let mut words = [0; 3];
        self.key.fill(Purpose::Mac, &[], address, &mut words);
        for (two, word) in address.as_chunks_mut::<2>().0.iter_mut().zip(words) {
            *two = word.to_be_bytes();
        }
        address[0] = address[0] & !GROUP | LOCAL;
    }
}

/// Makes room for one more.
fn make_room<K: Ord, V>(known: &mut BTreeMap<K, V>) {
    // A capture that has more of them loses time, not correctness.
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
}

/// The digit that a byte of a text is, and the byte that stands for zero; `None` if the byte stays.
fn digit(byte: u8, lead: u8, purpose: Purpose) -> Option<(Digit, u8)> {
    let (zero, radix) = match byte {
        b'0'..=b'9' => (b'0', 10),
        _ if purpose == Purpose::Number => return None,
        b'a'..=b'z' => (b'a', 26),
        b'A'..=b'Z' => (b'A', 26),
        // Of a character with two or three bytes of UTF-8, the first byte stays, so that the
        // alphabet does. In the other ranges, not all followers are letters, or even valid.
        0x80..=0xbf if matches!(lead, 0xc3..=0xdf | 0xe3..=0xe9) => (0x80, 64),
        _ => return None,
    };
    let value = byte - zero;
    Some((Digit { value, radix }, zero))
}

/// The first byte of the character that a byte belongs to.
fn lead_after(byte: u8, lead: u8) -> u8 {
    match byte {
        0x80..=0xbf => lead,
        _ => byte,
    }
}

/// What an octet after the given ones keeps: the number of its digits, and whether the address is
/// private. The second part tells apart what has no other member.
fn octet_class(prefix: &[u8], octet: u8) -> (u8, u8) {
    let digits = match octet {
        0..10 => 1,
        10..100 => 2,
        100.. => 3,
    };
    let special = match (prefix, octet) {
        // Private, shared or link-local as a whole or in part, or outside of this table.
        ([], 0 | 10 | 100 | 127 | 169 | 172 | 192 | 224..) => octet,
        ([100], 64..=127) | ([172], 16..=31) | ([169], 254) | ([192], 168) => 1,
        _ => 0,
    };
    (digits, special)
}
