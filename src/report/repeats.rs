//! Which messages come again byte for byte.

use core::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;
use twox_hash::XxHash64;

use crate::packet::Route;
use crate::pcap::YEAR_1971_US;

/// Messages remembered in each of two generations.
const MAX_REMEMBERED: usize = 2048;

/// How long after a message its last retransmission may come: timers B, F and H are 64 × T1 = 32 s
/// (RFC 3261 appendix A).
const LAST_RETRANSMISSION_US: u64 = 40_000_000;

/// A message that comes again sooner than this was captured twice and not sent twice: T1 is 500 ms,
/// or an estimate of the round trip, which no one retransmits faster than (RFC 3261 §17.1.1.1).
const CAPTURED_TWICE_US: u64 = 50_000;

/// What a message is to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Sent again; the packet that had it first.
    Retransmission(u64),
    /// Captured by another agent as well; the packet that had it first.
    Duplicate(u64),
    /// One or the other, since one of them has no time; the packet that had it first.
    Unknown(u64),
}

impl Repeat {
    pub(super) fn first(self) -> u64 {
        let (Self::Retransmission(packet) | Self::Duplicate(packet) | Self::Unknown(packet)) = self;
        packet
    }
}

/// The latest messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    young: HashTable<Seen>,
    old: HashTable<Seen>,
    /// The youngest of `old`.
    old_until_us: u64,
    /// Whether a message was forgotten whose retransmissions might have followed.
    pub(super) forgot: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    packet: u64,
    /// When it came last.
    time_us: u64,
}

impl Repeats {
    /// Takes note of a message; tells if it came before.
    pub(super) fn of(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        payload: &[u8],
    ) -> Option<Repeat> {
        let hash = XxHash64::oneshot(seed(route), payload);
        let known = |seen: &Seen| seen.hash == hash;
        let seen = match self.young.find_mut(hash, known) {
            Some(seen) => Some(seen),
            None => self.old.find_mut(hash, known),
        };
        if let Some(seen) = seen {
            if time_us < YEAR_1971_US || seen.time_us < YEAR_1971_US {
                // Nobody knows which of the two it is.
                return Some(Repeat::Unknown(seen.packet));
            }
            let after = time_us.abs_diff(seen.time_us);
            seen.time_us = time_us;
            if after <= LAST_RETRANSMISSION_US {
                return Some(match after < CAPTURED_TWICE_US {
                    true => Repeat::Duplicate(seen.packet),
                    false => Repeat::Retransmission(seen.packet),
                });
            }
            // A keep-alive, perhaps: the same again, but later than any retransmission.
            seen.packet = packet;
            return None;
        }
        if self.young.len() >= MAX_REMEMBERED {
            self.forgot |= !self.old.is_empty()
                && time_us.abs_diff(self.old_until_us) < LAST_RETRANSMISSION_US;
            core::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.old_until_us = time_us;
        }
        self.young.insert_unique(
            hash,
            Seen {
                hash,
                packet,
                time_us,
            },
            |seen| seen.hash,
        );
        None
    }
}

/// Of a route, in 64 bits.
fn seed(route: &Route) -> u64 {
    let end = |end: SocketAddr| {
        let address = match end.ip() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                ((bits >> 64) as u64).rotate_left(17) ^ bits as u64
            }
        };
        address
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(u64::from(end.port()))
    };
    end(route.source).rotate_left(32) ^ end(route.destination).wrapping_mul(3)
}
