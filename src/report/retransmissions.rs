//! Tells messages that were sent again from messages that were captured twice.
//!
//! Both have the same bytes between the same addresses. Less than 50 ms after the previous copy:
//! duplicate. 50 ms to 40 s after it: retransmission. SIP retransmits after T1 at the earliest (RFC
//! 3261 §17.1.1.1), while a second capture agent sees a message within milliseconds (recording
//! `export-two-probes`).

use alloc::vec::Vec;
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

/// Most distances between two copies remembered. They are a sample: a capture that two agents saw
/// has the same distance everywhere.
const MAX_DISTANCES: usize = 256;

/// Fewest messages that must appear twice before their distance says anything about agents.
const MIN_TWICE: u64 = 3;

/// The same, if the distance is about T1: a request that was sent twice because its response was
/// lost causes a second response at the same distance.
const MIN_TWICE_AT_T1: u64 = 6;

/// Distances in microseconds that T1 (500 ms, RFC 3261 §17.1.1.1) explains as well.
const AROUND_T1_US: core::ops::RangeInclusive<u64> = 400_000..=600_000;

/// How far a distance may be from the common one, in microseconds: both agents' clocks are steady
/// for the duration of a call, but packets wait in queues.
const DISTANCE_TOLERANCE_US: u64 = 30_000;

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
    /// Number of different messages.
    messages: u64,
    /// Number of messages with exactly two copies.
    twice: u64,
    /// Times between the first two copies, in microseconds.
    distances: Vec<u64>,
    /// The sender of the first message with two copies.
    sender: Option<IpAddr>,
    /// Whether messages of different senders have two copies.
    several_senders: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    /// The packet that was the first.
    packet: u64,
    /// Time of the latest copy.
    time_us: u64,
    /// Number of copies after the first.
    copies: u32,
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
            let before_us = seen.time_us;
            let repetition = seen.again(packet, time_us);
            match (repetition, seen.copies) {
                (None, _) => self.messages += 1,
                // It does not count as a copy, since its distance is unknown.
                (Some(Repetition::Undated(_)), _) => {}
                (Some(_), 1) => self.count_twice(time_us.abs_diff(before_us), route.source.ip()),
                (Some(_), 2) => self.twice = self.twice.saturating_sub(1),
                _ => {}
            }
            return repetition;
        }
        self.messages += 1;
        if self.recent.len() >= MAX_REMEMBERED {
            self.start_table(time_us);
        }
        let seen = Seen {
            hash,
            packet,
            time_us,
            copies: 0,
        };
        self.recent.insert_unique(hash, seen, |seen| seen.hash);
        None
    }

    /// Counts a message whose second copy came `distance_us` after the first.
    fn count_twice(&mut self, distance_us: u64, sender: IpAddr) {
        self.twice += 1;
        self.several_senders |= self.sender.is_some_and(|first| first != sender);
        self.sender = self.sender.or(Some(sender));
        if self.distances.len() < MAX_DISTANCES {
            self.distances.push(distance_us);
        }
    }

    /// Whether two capture agents saw everything: nearly every message, of both sides, appears
    /// exactly twice, at one distance.
    ///
    /// A ratio of repeated messages would not do. A request without response is repeated at
    /// doubling intervals (timers A and E, RFC 3261 §17.1), and so is a 200 without ACK
    /// (§13.3.1.4): these are most of the messages if the peer is dead (recording
    /// `sample-cancel-unanswered`).
    pub(super) fn seen_by_two_agents(&self) -> bool {
        // A few messages may have been lost on one way, or really sent again.
        let nearly_all = |part: u64, all: u64| 5 * part >= 4 * all;
        if self.twice < MIN_TWICE || !self.several_senders || !nearly_all(self.twice, self.messages)
        {
            return false;
        }
        let near = |distance: u64| {
            let is_near = |other: &&u64| other.abs_diff(distance) <= DISTANCE_TOLERANCE_US;
            self.distances.iter().filter(is_near).count() as u64
        };
        let all = self.distances.len() as u64;
        self.distances.iter().any(|distance| {
            let enough = !AROUND_T1_US.contains(distance) || self.twice >= MIN_TWICE_AT_T1;
            enough && nearly_all(near(*distance), all)
        })
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
            (self.packet, self.copies) = (packet, 0);
            return None;
        }
        self.copies = self.copies.saturating_add(1);
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
