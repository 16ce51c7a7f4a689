//! The order of the CSeq numbers within a dialog (RFC 3261 §12.2.1.1): each side counts its
//! requests upwards, except that ACK and CANCEL have the number of their INVITE.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::hash::hash;
use crate::finding::Rule;
use crate::packet::Route;
use crate::pcap::YEAR_1971_US;
use crate::sip::{Message, StartLine};

/// Most counters of one call: two sides on each of some hops. Faults in further ones are missed.
const MAX_SEQUENCES: usize = 16;

/// Shortest time in microseconds after which a lower number is certainly not a packet that was
/// overtaken on its way: that of the first retransmission (RFC 3261 §17.1.1.2, T1).
const MIN_DELAY_US: u64 = 500_000;

/// The counters of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct DialogSequences(Vec<Sequence>);

/// The latest request that one side of a dialog sent on one hop.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    source: SocketAddr,
    /// The agents on two hops may have different clocks.
    destination: SocketAddr,
    /// Hash of the From tag.
    from: u64,
    /// Hash of the To tag; `None` for requests that start a dialog. Each fork counts on from there.
    to: Option<u64>,
    number: u32,
    /// Hash of the method.
    method: u64,
    packet: u64,
    time_us: u64,
}

impl DialogSequences {
    /// Adds a message that is not a repetition. Returns the rule that it breaks.
    pub(super) fn add(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
    ) -> Option<Rule> {
        let StartLine::Request { method, .. } = message.start else {
            return None;
        };
        // REGISTER and PUBLISH have no dialog, whatever tags they have.
        if matches!(
            method,
            b"ACK" | b"CANCEL" | b"REGISTER" | b"PUBLISH" | b"OPTIONS" | b"MESSAGE"
        ) || !route.directed
            || time_us < YEAR_1971_US
        {
            return None;
        }
        let now = Sequence {
            source: route.source,
            destination: route.destination,
            from: message.from_tag.map(hash)?,
            to: message.to_tag.map(hash),
            number: message.cseq?.number,
            method: hash(method),
            packet,
            time_us,
        };
        let is_same = |known: &Sequence, to| {
            known.source == now.source
                && known.destination == now.destination
                && known.from == now.from
                && known.to == to
        };
        // The call begins again: a second agent, whose clock is far away, saw it as well.
        let begins_again = |known: &Sequence| is_same(known, None) && known.number >= now.number;
        if now.to.is_none() && self.0.iter().any(begins_again) {
            self.0.clear();
        }
        let at = self.0.iter().position(|known| is_same(known, now.to));
        let own = at.and_then(|at| self.0.get_mut(at));
        let Some(known) = own else {
            // The first request within the dialog follows the one that started it.
            let first = self.0.iter().find(|known| is_same(known, None));
            let fault = first
                .filter(|_| now.to.is_some())
                .and_then(|it| now.fault(it));
            if self.0.len() < MAX_SEQUENCES {
                self.0.push(now);
            }
            return fault;
        };
        // Outside of a dialog, some proxies go back to an earlier number for the next attempt.
        let fault = now.to.and_then(|_| now.fault(known));
        if now.to.is_none() || now.number >= known.number {
            *known = now;
        }
        fault
    }
}

impl Sequence {
    /// The rule that this request breaks after an earlier one.
    ///
    /// The same request may pass a hop twice, with another branch each time, and a proxy that
    /// responds to a challenge keeps the number: only another method proves that the number was
    /// used again.
    fn fault(&self, before: &Self) -> Option<Rule> {
        let is_used_again = self.number == before.number && self.method != before.method;
        let is_lower = self.number < before.number
            && self.time_us.saturating_sub(before.time_us) >= MIN_DELAY_US;
        (is_used_again || is_lower).then_some(Rule::CSeqNotIncreased {
            cseq: self.number,
            before: before.number,
            packet: before.packet,
        })
    }
}
