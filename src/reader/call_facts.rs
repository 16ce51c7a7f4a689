//! What the comparison of a call needs of its messages.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::message_facts::{MAX_BYTES, MessageFacts};
use crate::packet::endpoint;
use crate::pcap::YEAR_1971_US;
use crate::query::CallId;
use crate::report::{Watch, WatchedMessage, printable};
use crate::sip::{CSeq, StartLine};

/// Most messages on the caller's hop whose order is compared, inclusive.
const MAX_STEPS: usize = 64;

/// Most hops that are kept, inclusive.
const MAX_HOPS: usize = 16;

/// Most different final status codes of which a message is kept, inclusive.
const MAX_FINALS: usize = 6;

/// Bytes shown of a method.
const MAX_METHOD: usize = 32;

/// A link between two participants.
type Link = (SocketAddr, SocketAddr);

/// The facts about one call.
#[derive(Debug)]
pub(super) struct CallFacts {
    id: Vec<u8>,
    /// Method of the request that starts the call.
    pub(super) method: Vec<u8>,
    /// The link on which the first request was captured.
    link: Option<Link>,
    /// The links that the first request took, in order of appearance.
    hops: Vec<(Link, bool)>,
    /// CSeq of the first request, and of the last attempt.
    first_cseq: Option<u32>,
    last_cseq: Option<u32>,
    /// The last attempt of the request, on the link of the first.
    request: Vec<u8>,
    ringing: Vec<u8>,
    /// The first final response for each status code.
    finals: Vec<(u16, Vec<u8>)>,
    /// The first BYE or CANCEL.
    end: Vec<u8>,
    /// The messages on the link of the first request, without repetitions.
    pub(super) steps: Vec<String>,
    /// Time of the first and the last message.
    first_us: u64,
    last_us: u64,
}

impl CallFacts {
    pub(super) fn new(id: &CallId) -> Self {
        Self {
            id: id.as_str().as_bytes().to_vec(),
            method: Vec::new(),
            link: None,
            hops: Vec::new(),
            first_cseq: None,
            last_cseq: None,
            request: Vec::new(),
            ringing: Vec::new(),
            finals: Vec::new(),
            end: Vec::new(),
            steps: Vec::new(),
            first_us: u64::MAX,
            last_us: 0,
        }
    }

    /// The Call-ID.
    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether the capture has any message of the call.
    pub(super) fn is_captured(&self) -> bool {
        self.link.is_some()
    }

    /// The initial request of the last attempt.
    pub(super) fn request(&self) -> Option<MessageFacts> {
        facts(&self.request)
    }

    /// The first ringing response.
    pub(super) fn ringing(&self) -> Option<MessageFacts> {
        facts(&self.ringing)
    }

    /// The first final response with this status.
    pub(super) fn final_response(&self, status: Option<u16>) -> Option<MessageFacts> {
        let status = status?;
        let (_, bytes) = self.finals.iter().find(|(known, _)| *known == status)?;
        facts(bytes)
    }

    /// The first BYE or CANCEL.
    pub(super) fn end(&self) -> Option<MessageFacts> {
        facts(&self.end)
    }

    /// The links of the initial request as text: `192.0.2.10:5060 > 198.51.100.1:5060`.
    pub(super) fn hops(&self) -> Vec<String> {
        let text = |(link, has_port): &(Link, bool)| {
            let (from, to) = (endpoint(link.0, *has_port), endpoint(link.1, *has_port));
            format!("{from} > {to}")
        };
        self.hops.iter().map(text).collect()
    }

    /// Microseconds from the first to the last message; `None` if they have no time.
    pub(super) fn duration_us(&self) -> Option<u64> {
        self.last_us.checked_sub(self.first_us)
    }

    fn add_request(&mut self, watched: &WatchedMessage<'_>, method: &[u8]) {
        let (message, route) = (watched.message, &watched.route);
        if matches!(method, b"BYE" | b"CANCEL") {
            keep(&mut self.end, watched.bytes);
        }
        if matches!(method, b"ACK" | b"CANCEL") || message.to_tag.is_some() {
            return;
        }
        if self.method.is_empty() {
            self.method = method.get(..MAX_METHOD).unwrap_or(method).to_vec();
        }
        if method != self.method {
            return;
        }
        let number = message.cseq.map(|CSeq { number, .. }| number);
        let link = (route.source, route.destination);
        self.first_cseq = self.first_cseq.or(number);
        let hop = (link, route.directed);
        if number == self.first_cseq && self.hops.len() < MAX_HOPS && !self.hops.contains(&hop) {
            self.hops.push(hop);
        }
        // A later attempt, with credentials, replaces the earlier one.
        let is_later = self.request.is_empty() || number > self.last_cseq;
        if is_later && self.link.is_none_or(|first| first.0.ip() == link.0.ip()) {
            self.last_cseq = number;
            self.request.clear();
            keep(&mut self.request, watched.bytes);
        }
    }

    fn add_response(&mut self, watched: &WatchedMessage<'_>, status: u16) {
        let method = watched.message.cseq.map_or(&[][..], |cseq| cseq.method);
        // Without its request, any response tells the method.
        if method != self.method && !self.method.is_empty() {
            return;
        }
        match status {
            180..=189 => keep(&mut self.ringing, watched.bytes),
            200.. => {
                let is_known = self.finals.iter().any(|(known, _)| *known == status);
                if !is_known && self.finals.len() < MAX_FINALS {
                    let mut bytes = Vec::new();
                    keep(&mut bytes, watched.bytes);
                    self.finals.push((status, bytes));
                }
            }
            _ => {}
        }
    }

    fn add_step(&mut self, watched: &WatchedMessage<'_>) {
        let route = &watched.route;
        let link = *self.link.get_or_insert((route.source, route.destination));
        let is_there = link == (route.source, route.destination);
        let is_back = link == (route.destination, route.source);
        if self.steps.len() >= MAX_STEPS || !(is_there || is_back) {
            return;
        }
        self.steps.push(match watched.message.start {
            StartLine::Request { method, .. } => {
                printable(method.get(..MAX_METHOD).unwrap_or(method))
            }
            StartLine::Response { status, .. } => status.to_string(),
            StartLine::Malformed => "malformed".to_string(),
        });
    }
}

impl Watch for CallFacts {
    fn message(&mut self, watched: &WatchedMessage<'_>) {
        if watched.message.call_id != Some(self.id.as_slice()) {
            return;
        }
        if watched.time_us >= YEAR_1971_US {
            self.first_us = self.first_us.min(watched.time_us);
            self.last_us = self.last_us.max(watched.time_us);
        }
        if watched.repeats.is_some() {
            return;
        }
        match watched.message.start {
            StartLine::Request { method, .. } => self.add_request(watched, method),
            StartLine::Response { status, .. } => self.add_response(watched, status),
            StartLine::Malformed => {}
        }
        self.add_step(watched);
    }
}

/// Keeps a message, unless there is one already.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    if kept.is_empty() {
        kept.extend_from_slice(bytes.get(..MAX_BYTES).unwrap_or(bytes));
    }
}

fn facts(bytes: &[u8]) -> Option<MessageFacts> {
    (!bytes.is_empty()).then(|| MessageFacts::of(bytes))
}
