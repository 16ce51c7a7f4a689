//! The transactions of one call on all hops, as its verdict needs them (RFC 3261 §17).

mod detail;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use twox_hash::XxHash64;

pub(super) use self::detail::Detail;
use super::hash::hash;
use crate::packet::Route;
use crate::sip::{Message, StartLine};

/// Transactions kept at each end of a call: the first ones say how it was set up, and the last ones
/// how it ended. A call over four hops with a challenge has about 20.
const MAX_KEPT: usize = 32;

/// Most transactions kept.
pub(super) const MAX_EXCHANGES: usize = 2 * MAX_KEPT;

/// Most To tags kept of further 2xx to one request: a proxy forwards the 2xx of every fork.
const MAX_OTHER_TAGS: usize = 4;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Register,
    Options,
    Subscribe,
    Notify,
    Message,
    Publish,
    Refer,
    Update,
    Prack,
    Info,
    Other,
}

impl Method {
    fn parse(name: &[u8]) -> Self {
        match name {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"REGISTER" => Self::Register,
            b"OPTIONS" => Self::Options,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"MESSAGE" => Self::Message,
            b"PUBLISH" => Self::Publish,
            b"REFER" => Self::Refer,
            b"UPDATE" => Self::Update,
            b"PRACK" => Self::Prack,
            b"INFO" => Self::Info,
            _ => Self::Other,
        }
    }

    /// The name, for our sentences.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Refer => "REFER",
            Self::Update => "UPDATE",
            Self::Prack => "PRACK",
            Self::Info => "INFO",
            Self::Other => "request",
        }
    }

    /// Whether a request without To tag may start a call. The others only exist within a dialog or
    /// a transaction, even if a device forgets the tag.
    pub(super) fn starts_call(self) -> bool {
        !matches!(
            self,
            Self::Ack | Self::Bye | Self::Cancel | Self::Update | Self::Prack
        )
    }
}

/// A message, and when it was sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) packet: u64,
    pub(super) time_us: u64,
    pub(super) route: Route,
    /// Number of retransmissions.
    pub(super) copies: u32,
    /// Packet and time of the last one; those of the message itself if there is none.
    pub(super) last_packet: u64,
    pub(super) last_us: u64,
    /// Microseconds from the message to the first retransmission, and from there to the second.
    pub(super) gaps_us: [u64; 2],
}

impl Sighting {
    pub(super) fn new(packet: u64, time_us: u64, route: &Route) -> Self {
        Self {
            packet,
            time_us,
            route: *route,
            copies: 0,
            last_packet: packet,
            last_us: time_us,
            gaps_us: [0; 2],
        }
    }

    fn again(&mut self, packet: u64, time_us: u64) {
        if let Some(gap) = self.gaps_us.get_mut(self.copies as usize) {
            *gap = time_us.saturating_sub(self.last_us);
        }
        self.copies = self.copies.saturating_add(1);
        (self.last_packet, self.last_us) = (packet, time_us);
    }
}

/// A response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Hash of the To tag.
    pub(super) to_tag: Option<u64>,
    pub(super) seen: Sighting,
}

/// A request on one hop, and the responses to it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) method: Method,
    /// Packet of the first message, which may be a response.
    pub(super) first: u64,
    /// `None` if CSeq is unreadable.
    pub(super) cseq: Option<u32>,
    /// Hash of the branch.
    pub(super) branch: u64,
    /// Hash of the From tag.
    pub(super) from_tag: Option<u64>,
    /// Hash of the To tag of the request.
    pub(super) to_tag: Option<u64>,
    /// `None` if only responses were captured.
    pub(super) request: Option<Sighting>,
    /// Whether the request has an Authorization or Proxy-Authorization field.
    pub(super) has_credentials: bool,
    /// The latest provisional response.
    pub(super) provisional: Option<Response>,
    /// Time of the first ringing response (180 to 189). With 183, many gateways send the ringing
    /// tone as media.
    pub(super) ringing_us: Option<u64>,
    /// The first final response; a 2xx after a rejection replaces it.
    pub(super) last: Option<Response>,
    /// To tags of further 2xx.
    pub(super) other_tags: Vec<u64>,
    /// Hash of the Request-URI of an ACK, without its parameters.
    pub(super) uri: Option<u64>,
    /// What the causes need of header fields and bodies.
    pub(super) detail: Option<Box<Detail>>,
}

impl Exchange {
    /// Whether any response was captured.
    pub(super) fn has_response(&self) -> bool {
        self.provisional.is_some() || self.last.is_some()
    }

    /// Packet of the latest response that is known.
    pub(super) fn last_response(&self) -> Option<u64> {
        self.last.or(self.provisional).map(|it| it.seen.packet)
    }

    /// The status of the final response; 0 if there is none.
    pub(super) fn status(&self) -> u16 {
        self.last.map_or(0, |response| response.status)
    }

    /// Address of the sender of the request.
    pub(super) fn source(&self) -> Option<IpAddr> {
        let request = self.request.map(|request| request.route.source.ip());
        request.or_else(|| {
            let response = self.last.or(self.provisional)?;
            Some(response.seen.route.destination.ip())
        })
    }

    /// Address of the receiver of the request.
    pub(super) fn receiver(&self) -> Option<IpAddr> {
        let request = self.request.map(|it| it.route.destination.ip());
        request.or_else(|| {
            let response = self.last.or(self.provisional)?;
            Some(response.seen.route.source.ip())
        })
    }

    /// Packet of the request, or of the first response.
    pub(super) fn packet(&self) -> u64 {
        self.request.map_or(self.first, |request| request.packet)
    }

    /// Whether the final response is a 2xx.
    pub(super) fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// Whether the final response is a rejection, a challenge or a redirection.
    pub(super) fn is_rejected(&self) -> bool {
        self.status() >= 300
    }
}

/// The first and the last transactions of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges {
    /// The first [`MAX_KEPT`], and after them a ring of the last ones.
    list: Vec<Exchange>,
    /// Their keys, apart from them: a search reads nothing else.
    keys: Vec<u64>,
    /// Number of transactions that gave way to later ones.
    replaced: usize,
    /// Whether the CSeq of any message was unreadable.
    unreadable_cseq: bool,
}

/// What identifies the transaction of a message (RFC 3261 §17.1.3, §17.2.3).
struct Identity {
    /// `None` if neither the start line nor CSeq has one.
    method: Option<Method>,
    cseq: Option<u32>,
    branch: u64,
    key: u64,
}

impl Identity {
    fn of(message: &Message<'_>) -> Self {
        let name = message.method();
        let method = name.map(Method::parse);
        let cseq = message.cseq.map(|cseq| cseq.number);
        let branch = hash(message.via.and_then(|via| via.branch).unwrap_or_default());
        // Without the cookie, devices use a branch again; the sender's tag then tells at least the
        // two directions of a dialog apart.
        let sender = match message.via.is_some_and(|via| via.has_cookie()) {
            true => 0,
            false => message.from_tag.map(hash).unwrap_or_default(),
        };
        let method_key = match method {
            Some(Method::Other) => hash(name.unwrap_or_default()),
            Some(method) => method as u64,
            None => u64::MAX,
        };
        let parts = [method_key, branch, sender].map(u64::to_le_bytes);
        let key = XxHash64::oneshot(u64::from(cseq.unwrap_or_default()), parts.as_flattened());
        Self {
            method,
            cseq,
            branch,
            key,
        }
    }
}

impl Exchanges {
    /// The transactions in the order of their first messages.
    pub(super) fn in_order(&self) -> Vec<&Exchange> {
        let [first, older, newer] = in_order(&self.list, self.oldest());
        first.iter().chain(older).chain(newer).collect()
    }

    /// Index of the oldest transaction in the ring.
    fn oldest(&self) -> usize {
        MAX_KEPT + self.replaced % MAX_KEPT
    }

    /// Adds a message that is not a repetition. `header` is the message up to its body.
    pub(super) fn add(&mut self, seen: Sighting, message: &Message<'_>, header: &[u8]) {
        match message.start {
            StartLine::Response { status, .. } => self.add_response(status, seen, message, header),
            // A response without a readable status says nothing about the call.
            StartLine::Malformed if message.is_status_line() => {}
            // Devices answer a request whose start line is malformed.
            StartLine::Request { .. } | StartLine::Malformed => {
                self.add_request(seen, message, header);
            }
        }
    }

    /// Counts a retransmission.
    pub(super) fn repeat(&mut self, packet: u64, time_us: u64, message: &Message<'_>) {
        let known = self.position(&Identity::of(message), message);
        let Some(exchange) = known.and_then(|at| self.list.get_mut(at)) else {
            return;
        };
        match message.start {
            StartLine::Response { status, .. } => {
                // A fork responds with a tag of its own.
                let to_tag = message.to_tag.map(hash);
                let is_same = |last: &&mut Response| last.status == status && last.to_tag == to_tag;
                if let Some(last) = exchange.last.as_mut().filter(is_same) {
                    last.seen.again(packet, time_us);
                }
            }
            _ => {
                if let Some(request) = &mut exchange.request {
                    request.again(packet, time_us);
                }
            }
        }
    }

    fn add_request(&mut self, seen: Sighting, message: &Message<'_>, header: &[u8]) {
        let id = Identity::of(message);
        self.unreadable_cseq |= id.cseq.is_none();
        let known = self.position(&id, message).filter(|at| {
            // A faulty device sends credentials with the branch of the request that was challenged.
            self.list.get(*at).is_some_and(|known| {
                // From another address, it is the same request, seen behind a NAT.
                let is_same_sender = known.source() == Some(seen.route.source.ip());
                known.request.is_none()
                    || !known.is_rejected()
                    || !is_same_sender
                    || known.method == Method::Ack
            })
        });
        let at = known.unwrap_or_else(|| self.push(seen.packet, &id, message));
        // The request may be there if the same one was seen elsewhere, for instance before and
        // after a NAT. If only its response is there, the clock of the agent that saw the response
        // was behind.
        let exchange = self.list.get_mut(at);
        let Some(exchange) = exchange.filter(|known| known.request.is_none()) else {
            return;
        };
        exchange.request = Some(seen);
        exchange.to_tag = message.to_tag.map(hash);
        exchange.detail_of_request(message, header);
    }

    fn add_response(&mut self, status: u16, seen: Sighting, message: &Message<'_>, header: &[u8]) {
        let id = Identity::of(message);
        self.unreadable_cseq |= id.cseq.is_none();
        let known = self.position(&id, message);
        let at = known.unwrap_or_else(|| self.push(seen.packet, &id, message));
        let Some(exchange) = self.list.get_mut(at) else {
            return;
        };
        let response = Response {
            status,
            to_tag: message.to_tag.map(hash),
            seen,
        };
        if status < 200 {
            exchange.provisional = Some(response);
            if (180..190).contains(&status) {
                exchange.ringing_us = exchange.ringing_us.or(Some(seen.time_us));
            }
        } else {
            match exchange.last {
                // A proxy forwards every 2xx, even after a rejection (RFC 3261 §16.7).
                Some(last) if last.status < 300 || status >= 300 => {
                    if let Some(tag) = response.to_tag
                        && status < 300
                        && response.to_tag != last.to_tag
                        && exchange.other_tags.len() < MAX_OTHER_TAGS
                    {
                        exchange.other_tags.push(tag);
                    }
                    return;
                }
                _ => exchange.last = Some(response),
            }
        }
        exchange.detail_of_response(status, seen.packet, message, header);
    }

    /// The index of the latest transaction of a message.
    fn position(&self, id: &Identity, message: &Message<'_>) -> Option<usize> {
        let at = self.latest(&self.keys, |key| *key == id.key);
        if at.is_some() || !(self.unreadable_cseq || id.cseq.is_none()) {
            return at;
        }
        // CSeq is unreadable in the request or in the response, for instance because its number is
        // above 2^31. The branch identifies the transaction nearly as well.
        let from_tag = message.from_tag.map(hash);
        self.latest(&self.list, |known| {
            known.branch == id.branch
                && known.from_tag == from_tag
                && (known.cseq.is_none() || id.cseq.is_none())
                && match id.method {
                    Some(method) => known.method == method,
                    None => !matches!(known.method, Method::Ack | Method::Cancel),
                }
        })
    }

    /// The index of the latest entry of a list that is like this.
    fn latest<T>(&self, list: &[T], is_one: impl Fn(&T) -> bool) -> Option<usize> {
        let oldest = self.oldest();
        let [first, older, newer] = in_order(list, oldest);
        let newer = newer.iter().rposition(&is_one).map(|at| MAX_KEPT + at);
        newer
            .or_else(|| older.iter().rposition(&is_one).map(|at| oldest + at))
            .or_else(|| first.iter().rposition(&is_one))
    }

    /// Adds a transaction, and returns its index. One in the middle of the call gives way.
    fn push(&mut self, first: u64, id: &Identity, message: &Message<'_>) -> usize {
        let exchange = Exchange {
            method: id.method.unwrap_or(Method::Other),
            first,
            cseq: id.cseq,
            branch: id.branch,
            from_tag: message.from_tag.map(hash),
            to_tag: None,
            request: None,
            has_credentials: false,
            provisional: None,
            ringing_us: None,
            last: None,
            other_tags: Vec::new(),
            uri: None,
            detail: None,
        };
        if self.list.len() < MAX_EXCHANGES {
            self.keys.push(id.key);
            self.list.push(exchange);
            return self.list.len() - 1;
        }
        let oldest = self.oldest();
        if let (Some(known), Some(key)) = (self.list.get_mut(oldest), self.keys.get_mut(oldest)) {
            (*known, *key) = (exchange, id.key);
        }
        self.replaced += 1;
        oldest
    }
}

/// The three parts of a list with a ring at its end, in the order in which they were added.
fn in_order<T>(list: &[T], oldest: usize) -> [&[T]; 3] {
    let (first, ring) = list.split_at(list.len().min(MAX_KEPT));
    let (newer, older) = ring.split_at(ring.len().min(oldest - MAX_KEPT));
    [first, older, newer]
}
