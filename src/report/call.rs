//! One call: all messages with the same Call-ID, and how the call went.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::CaptureReport;
use super::dialog_sequence::DialogSequences;
use super::exchange::{Exchanges, Sighting};
use super::faults::Faults;
use super::hash::hash;
use super::leg::{End, Leg};
use crate::finding::Rule;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::query::{Timestamp, Window};
use crate::sip::{Message, StartLine};

/// Most tags remembered. A call has a handful, including those of forked branches.
const MAX_TAGS: usize = 32;

/// The messages with one Call-ID.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The value of Call-ID.
    pub(super) id: Vec<u8>,
    /// The transactions; `None` unless the call was requested, since no one asks how others went.
    exchanges: Option<Exchanges>,
    /// Packet of the first request that started the call.
    first_request: Option<u64>,
    /// CSeq of the latest INVITE that started the call.
    invite_cseq: Option<u32>,
    /// Whether that INVITE got a 2xx, on any hop.
    accepted: bool,
    /// Hashes of all tags that a dialog of the call may have.
    tags: Vec<u64>,
    /// Hashes of further From tags in ACKs: they name the other side if its INVITE was not
    /// captured.
    ack_tags: Vec<u64>,
    /// Whether there was room for all tags.
    tags_complete: bool,
    /// Whether there is any request.
    has_requests: bool,
    /// The latest CSeq numbers in each dialog.
    sequences: DialogSequences,
    /// Faults of its messages that are also causes.
    pub(super) faults: Faults,
}

impl Call {
    pub(super) fn new(id: &[u8], is_requested: bool) -> Self {
        Self {
            id: id.to_vec(),
            exchanges: is_requested.then(Exchanges::default),
            first_request: None,
            invite_cseq: None,
            accepted: false,
            tags: Vec::new(),
            ack_tags: Vec::new(),
            tags_complete: true,
            has_requests: false,
            sequences: DialogSequences::default(),
            faults: Faults::default(),
        }
    }

    /// The packet of the first request that started the call.
    pub(super) fn first_request(&self) -> Option<u64> {
        self.first_request
    }

    /// Whether the capture has any request of the call.
    pub(super) fn has_requests(&self) -> bool {
        self.has_requests
    }

    /// Adds a message that is not a repetition. Returns the field whose tag does not belong to any
    /// dialog of the call, if there is one. `payload` begins with the message.
    pub(super) fn add(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
        payload: &[u8],
    ) -> Option<&'static str> {
        if let Some(exchanges) = &mut self.exchanges {
            let header = payload.get(..message.body_offset).unwrap_or_default();
            exchanges.add(Sighting::new(packet, time_us, route), message, header);
        }
        let method = message.method().unwrap_or_default();
        match message.start {
            StartLine::Response { status, .. } => {
                self.learn_tag(message.to_tag);
                // Its INVITE may not have been captured.
                if method == b"INVITE" {
                    self.learn_tag(message.from_tag);
                }
                let cseq = message.cseq.map(|cseq| cseq.number);
                self.accepted |= method == b"INVITE"
                    && (200..300).contains(&status)
                    && cseq.is_some()
                    && cseq == self.invite_cseq;
                None
            }
            // A response without a readable status says nothing about the call.
            StartLine::Malformed if message.is_status_line() => None,
            // Devices respond to a request whose start line is malformed, for example by a space at
            // its end.
            StartLine::Request { .. } | StartLine::Malformed => {
                self.add_request(packet, method, message)
            }
        }
    }

    /// The rule that the CSeq of a request within a dialog breaks.
    pub(super) fn sequence_fault(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
    ) -> Option<Rule> {
        self.sequences.add(packet, time_us, route, message)
    }

    /// Counts a retransmission.
    pub(super) fn repeat(&mut self, packet: u64, time_us: u64, message: &Message<'_>) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.repeat(packet, time_us, message);
        }
    }

    fn add_request(
        &mut self,
        packet: u64,
        method: &[u8],
        message: &Message<'_>,
    ) -> Option<&'static str> {
        self.has_requests = true;
        // An ACK starts nothing, and a CANCEL belongs to the transaction that it cancels.
        if matches!(method, b"ACK" | b"CANCEL") {
            if let Some(tag) = message.from_tag.map(hash)
                && self.ack_tags.len() < MAX_TAGS
                && !self.tags.contains(&tag)
                && !self.ack_tags.contains(&tag)
            {
                self.ack_tags.push(tag);
            }
            return None;
        }
        // A request with a To tag belongs to an existing dialog (RFC 3261 §12.2.1.1).
        if message.to_tag.is_some() {
            return self.unknown_tag(method, message);
        }
        self.learn_tag(message.from_tag);
        self.first_request = self.first_request.or(Some(packet));
        if method == b"INVITE" {
            self.invite_cseq = message.cseq.map(|cseq| cseq.number);
        }
        None
    }

    fn learn_tag(&mut self, tag: Option<&[u8]>) {
        let Some(tag) = tag.map(hash) else { return };
        if !self.tags.contains(&tag) {
            match self.tags.len() < MAX_TAGS {
                true => self.tags.push(tag),
                false => self.tags_complete = false,
            }
        }
    }

    /// The field of a request within a dialog whose tag no earlier message of the call had.
    fn unknown_tag(&mut self, method: &[u8], message: &Message<'_>) -> Option<&'static str> {
        // Certain only if the capture shows how the dialog was set up, and for methods that are
        // not used outside of it.
        if !self.accepted
            || !self.tags_complete
            || !matches!(method, b"BYE" | b"INVITE" | b"UPDATE" | b"INFO")
        {
            return None;
        }
        let unknown = [("From", message.from_tag), ("To", message.to_tag)]
            .into_iter()
            .find(|(field, tag)| {
                tag.map(hash).is_some_and(|tag| {
                    let is_of_ack = *field == "To" && self.ack_tags.contains(&tag);
                    !self.tags.contains(&tag) && !is_of_ack
                })
            });
        // One finding for each tag, and not for each message with it.
        unknown.map(|(field, tag)| {
            self.learn_tag(tag);
            field
        })
    }

    /// The caller's leg of a requested call.
    pub(super) fn leg(&self) -> Leg<'_> {
        Leg::of(
            self.exchanges
                .as_ref()
                .map_or_else(Vec::new, Exchanges::in_order),
        )
    }

    /// Why the capture does not contain the whole call, as "code: sentence"; `None` if it does. A
    /// call is whole with its initial request, a final response to it and, after an answered
    /// INVITE, a BYE with its final response.
    pub(super) fn missing_part(leg: &Leg<'_>, window: &Window) -> Option<String> {
        if !leg.is_captured && leg.attempt.is_some() {
            return Some(
                "no-initial-request: the capture does not contain the request that started the \
                 call, although it contains responses to it: the request was lost on its way to \
                 Homer, for instance because it was fragmented. Another from_ts does not help"
                    .to_string(),
            );
        }
        if !leg.is_captured {
            let start = Timestamp::from_ms(window.from_ms());
            return Some(format!(
                "no-initial-request: the capture does not contain the request that started the \
                 call: it was sent before the window (which starts {start}) or was not captured. \
                 To rule out the first, use an earlier from_ts"
            ));
        }
        let bye_has_response = leg
            .bye_response
            .is_some_and(|response| !matches!(response.status, 401 | 407));
        let (code, missing) = match (leg.decision, leg.bye) {
            (None, _) => (
                "no-final-response",
                "the capture does not contain a final response to the initial request",
            ),
            // Nothing follows the final response of a REGISTER or of a rejected INVITE.
            (Some(_), _) if !leg.is_answered() => return None,
            (Some(_), None) => (
                "no-bye",
                "the call was answered, but the capture does not contain its BYE",
            ),
            (Some(_), Some(_)) if bye_has_response => return None,
            (Some(_), Some(_)) => (
                "no-bye-response",
                "the capture does not contain a final response to the BYE",
            ),
        };
        let end = Timestamp::from_ms(window.to_ms());
        Some(format!(
            "{code}: {missing}: it arrived after the window (which ends {end}), was not captured, \
             or never arrived. To rule out the first, use a later to_ts"
        ))
    }

    /// Writes how the call went into the report.
    pub(super) fn report_outcome(leg: &Leg<'_>, report: &mut CaptureReport) {
        let first = leg.attempts.iter().find_map(|attempt| attempt.request);
        // The difference to a date in 1970 would be half a century.
        let since_first_request = |time_us: u64| {
            let first_us = first?.time_us;
            let dated = first_us >= YEAR_1971_US && time_us >= YEAR_1971_US;
            dated.then(|| time_us.saturating_sub(first_us))
        };
        let response = leg.decision.map(|(_, response)| response);
        report.final_status = response.map(|response| response.status);
        report.ringing_after_us = leg.ringing_us().and_then(since_first_request);
        report.final_after_us = response.and_then(|it| since_first_request(it.seen.time_us));
        let end = leg.end();
        report.ended_by = end.and_then(|(_, route)| sender(&route));
        report.ended_with = end.map(|(end, _)| match end {
            End::Bye => "BYE".to_string(),
            End::Cancel => "CANCEL".to_string(),
            End::Rejected(status) => status.to_string(),
        });
    }
}

/// The sender's address as text, if the file says who it is.
pub(super) fn sender(route: &Route) -> Option<String> {
    route.directed.then(|| endpoint(route.source, true))
}
