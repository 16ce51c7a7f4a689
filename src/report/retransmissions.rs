//! Tells messages that were sent again from messages that were captured twice.
//!
//! Both have the same bytes between the same addresses. Less than 50 ms after the previous copy:
//! duplicate. 50 ms to 40 s after it: retransmission. SIP retransmits after T1 at the earliest (RFC
//! 3261 §17.1.1.1), while a second capture agent sees a message within milliseconds (recording
//! `export-two-probes`).

use core::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;
use twox_hash::XxHash64;

use crate::packet::Route;
use crate::pcap::YEAR_1971_US;

/// Messages remembered in each of the two tables, so at least the last 2048 are known.
const MAX_REMEMBERED: usize = 2048;

/// Longest time between a message and its retransmission, in microseconds, inclusive. Timers B, F
/// and H end retransmission after 64 × T1 = 32 s (RFC 3261 appendix A); the rest allows for clocks.
const LAST_RETRANSMISSION_US: u64 = 40_000_000;

/// Time between two copies of a message, in microseconds, below which they are duplicates. T1 is
/// 500 ms by default. It may be set to the round-trip time (RFC 3261 §17.1.1.1), but no one
/// retransmits faster than 50 ms in practice.
const DUPLICATE_WINDOW_US: u64 = 50_000;

/// How a message repeats an earlier one. Each case has the packet that was the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// The sender sent it again.
    Retransmission(u64),
    /// Another capture agent saw it as well.
    Duplicate(u64),
    /// Either of the two: a packet is dated 1970.
    Undated(u64),
}

impl Repetition {
    /// The packet that was the first.
    pub(super) fn first(self) -> u64 {
        let (Self::Retransmission(packet) | Self::Duplicate(packet) | Self::Undated(packet)) = self;
        packet
    }
}

/// The latest messages of a capture.
///
/// Two tables bound the memory: once `recent` is full, it becomes `previous`, and what was
/// `previous` is evicted.
#[derive(Clone, Debug, Default)]
pub(super) struct Retransmissions {
    recent: HashTable<Seen>,
    previous: HashTable<Seen>,
    /// Time of the latest message when `recent` became `previous`.
    previous_until_us: u64,
    /// Whether a message was evicted before its last possible retransmission, so that counts are
    /// lower bounds.
    pub(super) evicted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    /// The packet that was the first.
    packet: u64,
    /// Time of the latest copy.
    time_us: u64,
}

impl Retransmissions {
    /// Adds a message. Returns how it repeats an earlier one, if it does.
    pub(super) fn add(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        payload: &[u8],
    ) -> Option<Repetition> {
        // A hash of all bytes instead of the bytes: 2 MB less. That two different messages of a
        // call agree in 64 bits by chance does not happen.
        let hash = XxHash64::oneshot(seed(route), payload);
        let is_same = |seen: &Seen| seen.hash == hash;
        let seen = match self.recent.find_mut(hash, is_same) {
            Some(seen) => Some(seen),
            None => self.previous.find_mut(hash, is_same),
        };
        if let Some(seen) = seen {
            return seen.again(packet, time_us);
        }
        if self.recent.len() >= MAX_REMEMBERED {
            self.start_table(time_us);
        }
        let seen = Seen {
            hash,
            packet,
            time_us,
        };
        self.recent.insert_unique(hash, seen, |seen| seen.hash);
        None
    }

    /// Makes `recent` the `previous` table, and starts an empty one.
    fn start_table(&mut self, time_us: u64) {
        let previous_may_come_again =
            time_us.abs_diff(self.previous_until_us) < LAST_RETRANSMISSION_US;
        self.evicted |= !self.previous.is_empty() && previous_may_come_again;
        core::mem::swap(&mut self.recent, &mut self.previous);
        self.recent.clear();
        self.previous_until_us = time_us;
    }
}

impl Seen {
    /// Compares the next copy of this message with the one before.
    fn again(&mut self, packet: u64, time_us: u64) -> Option<Repetition> {
        if time_us < YEAR_1971_US || self.time_us < YEAR_1971_US {
            return Some(Repetition::Undated(self.packet));
        }
        // Clocks of two agents may differ, so that the second copy may seem to be the earlier one.
        let after_us = time_us.abs_diff(self.time_us);
        self.time_us = time_us;
        if after_us > LAST_RETRANSMISSION_US {
            // The same bytes again, such as an OPTIONS that a device sends every minute without
            // changing its branch.
            self.packet = packet;
            return None;
        }
        Some(match after_us < DUPLICATE_WINDOW_US {
            true => Repetition::Duplicate(self.packet),
            false => Repetition::Retransmission(self.packet),
        })
    }
}

/// A route in 64 bits, the seed of the messages' hash: the same bytes on another hop are another
/// message.
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
    // Not symmetric: a message back is another message than the one there.
    end(route.source).rotate_left(32) ^ end(route.destination).wrapping_mul(3)
}
