//! What a capture shows about the tags of a call, so that only certain faults are reported.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::packet::Route;
use crate::sip::{Message, StartLine, Truncation};

/// Most directions remembered for one call: four legs of two directions. With more of them, faults
/// of tags are not certain and not reported.
const MAX_DIRECTIONS: usize = 8;

/// What is known about each call, by its index.
#[derive(Clone, Debug, Default)]
pub(super) struct TagEvidence(Vec<CallEvidence>);

#[derive(Clone, Debug, Default)]
struct CallEvidence {
    /// Source and destination of the messages that name the tag of their sender: requests outside
    /// of a dialog name it in From, 2xx to an INVITE in To.
    directions: Vec<(IpAddr, IpAddr)>,
    /// Whether a 2xx response to an INVITE has a To tag.
    has_tag: bool,
    /// Whether any response lacks its To tag. If the callee has no tag, requests to it must have
    /// none either (RFC 3261 §12.2.1.1).
    lacks_tag: bool,
}

impl TagEvidence {
    /// Adds a message.
    pub(super) fn add(&mut self, call: u32, route: &Route, message: &Message<'_>) {
        let call = call as usize;
        if call >= self.0.len() {
            self.0.resize(call + 1, CallEvidence::default());
        }
        let Some(call) = self.0.get_mut(call) else {
            return;
        };
        match message.start {
            StartLine::Response { status, .. } if status > 100 => {
                let is_accepted = status < 300 && message.method() == Some(b"INVITE");
                call.has_tag |= status >= 200 && is_accepted && message.to_tag.is_some();
                call.lacks_tag |= message.to_tag.is_none();
                // The tag in another response may be that of another fork, or of no dialog.
                if status < 200 || !is_accepted {
                    return;
                }
            }
            StartLine::Request { .. } if message.to_tag.is_none() => {}
            _ => return,
        }
        let direction = (route.source.ip(), route.destination.ip());
        if call.directions.len() < MAX_DIRECTIONS && !call.directions.contains(&direction) {
            call.directions.push(direction);
        }
    }

    /// Whether a request lacks the To tag that its dialog certainly has. A BYE, PRACK or UPDATE is
    /// always part of a dialog (RFC 3261 §15, RFC 3262 §3, RFC 3311 §5).
    pub(super) fn lacks_to_tag(&self, call: u32, message: &Message<'_>) -> bool {
        let StartLine::Request { method, .. } = message.start else {
            return false;
        };
        matches!(method, b"BYE" | b"PRACK" | b"UPDATE")
            && message.to_tag.is_none()
            && message.truncated != Some(Truncation::Header)
            && self
                .0
                .get(call as usize)
                .is_some_and(|call| call.has_tag && !call.lacks_tag)
    }

    /// Whether the capture would show a tag that belongs to a dialog of the call. It does not if
    /// only one direction of the leg was captured: From has the tag of the sender, and To that of
    /// the receiver, who names it in messages of its own.
    pub(super) fn shows(&self, field: &str, call: u32, route: &Route) -> bool {
        let (source, destination) = (route.source.ip(), route.destination.ip());
        let direction = match field {
            "From" => (source, destination),
            _ => (destination, source),
        };
        let call = self.0.get(call as usize);
        call.is_some_and(|call| {
            call.directions.len() < MAX_DIRECTIONS && call.directions.contains(&direction)
        })
    }
}
