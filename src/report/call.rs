//! One call: all messages with the same Call-ID, and how the call went.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::CaptureReport;
use super::hash::hash;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::query::{Timestamp, Window};
use crate::sip::{Message, StartLine};

/// Most responses remembered that came before any request.
const MAX_UNMATCHED: usize = 8;

/// Most tags remembered. A call has a handful, including those of forked branches.
const MAX_TAGS: usize = 32;

/// The messages with one Call-ID.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The value of Call-ID.
    pub(super) id: Vec<u8>,
    /// The request that started the call, or the one that replaced it after a challenge,
    /// redirection or other rejection; `None` if the capture has no such request.
    initial: Option<InitialRequest>,
    /// Time of the first request that started the call; in 1970 if undated.
    first_request_us: u64,
    /// Packet of the first request that started the call.
    first_request: Option<u64>,
    /// Time of the first ringing response (180 to 189).
    ringing_us: Option<u64>,
    /// The first 2xx to the initial INVITE, on any hop.
    accepted: Option<Response>,
    /// The route of the first CANCEL.
    cancel: Option<Route>,
    /// The route of the first BYE.
    bye: Option<Route>,
    /// Whether the BYE has a final response.
    bye_has_response: bool,
    /// Responses that came before any request, as they do if the clocks of two capture agents
    /// differ.
    unmatched_responses: Vec<Response>,
    /// Hashes of all tags that a dialog of the call may have.
    tags: Vec<u64>,
    /// Whether there was room for all tags.
    tags_complete: bool,
    /// Whether there is any request.
    has_requests: bool,
}

/// A request without To tag, which starts a call, and the final responses to it.
#[derive(Clone, Copy, Debug)]
struct InitialRequest {
    is_invite: bool,
    id: RequestId,
    route: Route,
    /// The first final response on the request's own hop.
    on_same_hop: Option<Response>,
    /// The first final response on another hop: an agent may not see the response on the first one.
    on_other_hop: Option<Response>,
}

/// What a response repeats of its request.
#[derive(Clone, Copy, Debug)]
struct RequestId {
    method: u64,
    cseq: u32,
    branch: u64,
}

/// A response.
#[derive(Clone, Copy, Debug)]
struct Response {
    request: RequestId,
    status: u16,
    time_us: u64,
    route: Route,
    /// Hash of the To tag.
    to_tag: Option<u64>,
}

impl Call {
    pub(super) fn new(id: &[u8]) -> Self {
        Self {
            id: id.to_vec(),
            initial: None,
            first_request_us: 0,
            first_request: None,
            ringing_us: None,
            accepted: None,
            cancel: None,
            bye: None,
            bye_has_response: false,
            unmatched_responses: Vec::new(),
            tags: Vec::new(),
            tags_complete: true,
            has_requests: false,
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
    /// dialog of the call, if there is one.
    pub(super) fn add(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
    ) -> Option<&'static str> {
        let method = message.method().unwrap_or_default();
        let id = RequestId {
            method: hash(method),
            cseq: message.cseq.map_or(0, |cseq| cseq.number),
            branch: hash(message.via.and_then(|via| via.branch).unwrap_or_default()),
        };
        match message.start {
            // A response repeats the method of its request in CSeq (RFC 3261 §8.2.6.2).
            StartLine::Response { status, .. } => {
                let response = Response {
                    request: id,
                    status,
                    time_us,
                    route: *route,
                    to_tag: message.to_tag.map(hash),
                };
                self.add_response(method, response, message);
                None
            }
            // A response without a readable status says nothing about the call.
            StartLine::Malformed if message.is_status_line() => None,
            // Devices respond to a request whose start line is malformed, for example by a space at
            // its end.
            StartLine::Request { .. } | StartLine::Malformed => {
                self.add_request(packet, time_us, *route, method, id, message)
            }
        }
    }

    fn add_response(&mut self, method: &[u8], response: Response, message: &Message<'_>) {
        self.learn_tag(message.to_tag);
        // A challenge does not end a BYE: it comes again with credentials.
        if method == b"BYE"
            && response.status >= 200
            && !matches!(response.status, 401 | 407)
            && self.is_of_dialog(message)
        {
            self.bye_has_response = true;
        }
        if self.initial.is_some() {
            self.match_response(&response);
        } else if self.unmatched_responses.len() < MAX_UNMATCHED {
            self.unmatched_responses.push(response);
        }
    }

    fn add_request(
        &mut self,
        packet: u64,
        time_us: u64,
        route: Route,
        method: &[u8],
        id: RequestId,
        message: &Message<'_>,
    ) -> Option<&'static str> {
        self.has_requests = true;
        match method {
            // An ACK starts nothing, and that it is missing is no reason to call a capture
            // incomplete: behind proxies it often takes another way.
            b"ACK" => return None,
            b"CANCEL" => {
                // Branch and number are those of the request that it cancels (RFC 3261 §9.1).
                let cancels_initial = self.initial.is_some_and(|initial| {
                    initial.id.branch == id.branch && initial.id.cseq == id.cseq
                });
                if cancels_initial && self.cancel.is_none() {
                    self.cancel = Some(route);
                }
                return None;
            }
            b"BYE" if self.bye.is_none() && self.is_of_dialog(message) => self.bye = Some(route),
            _ => {}
        }
        // A request with a To tag belongs to an existing dialog (RFC 3261 §12.2.1.1).
        if message.to_tag.is_some() {
            return self.unknown_tag(method, message);
        }
        self.learn_tag(message.from_tag);
        let request = InitialRequest {
            is_invite: method == b"INVITE",
            id,
            route,
            on_same_hop: None,
            on_other_hop: None,
        };
        self.add_initial(packet, time_us, request);
        None
    }

    /// Adds a request without To tag: it starts the call, or tries again after a rejection, or is
    /// the same request on another hop.
    fn add_initial(&mut self, packet: u64, time_us: u64, request: InitialRequest) {
        let Some(initial) = self.initial else {
            self.first_request_us = time_us;
            self.first_request = Some(packet);
            self.initial = Some(request);
            // The clock of the agent that saw them was behind.
            for response in core::mem::take(&mut self.unmatched_responses) {
                self.match_response(&response);
            }
            return;
        };
        if request.is_invite && !initial.is_invite {
            // The request before, for instance an OPTIONS, was not part of the call.
            (self.first_request_us, self.ringing_us) = (time_us, None);
            self.initial = Some(request);
            return;
        }
        // The caller tries again, with credentials or at the address of a redirection: with the
        // next number, from the same address, but perhaps from another port or to another
        // destination.
        let rejected = self
            .final_response()
            .is_some_and(|response| response.status >= 300);
        let same_sender = initial.route.source.ip() == request.route.source.ip();
        let same_method = initial.id.method == request.id.method;
        if rejected && same_method && same_sender && request.id.cseq > initial.id.cseq {
            self.initial = Some(request);
        }
    }

    /// Adds a response to the initial request; ignores others.
    fn match_response(&mut self, response: &Response) {
        let Some(initial) = &mut self.initial else {
            return;
        };
        let (request, id) = (response.request, initial.id);
        if id.cseq != request.cseq || id.method != request.method {
            return;
        }
        // The branch identifies the hop (RFC 3261 §17.1.3). Ports do not: a response goes to the
        // port in Via, or over an existing connection (§18.2.2).
        let is_same_hop = id.branch == request.branch;
        // 183 counts as ringing: with it, many gateways send the ringing tone as media.
        if (180..190).contains(&response.status) && self.ringing_us.is_none() {
            self.ringing_us = Some(response.time_us);
        }
        if response.status < 200 {
            return;
        }
        let slot = match is_same_hop {
            true => &mut initial.on_same_hop,
            false => &mut initial.on_other_hop,
        };
        slot.get_or_insert(*response);
        // A proxy forwards every 2xx (RFC 3261 §16.7), so one on any hop means that the call was
        // answered, whatever other branches say. The one on the caller's hop has the better time.
        let is_better = match self.accepted {
            None => true,
            Some(accepted) => is_same_hop && accepted.time_us > response.time_us,
        };
        if initial.is_invite && response.status < 300 && is_better {
            self.accepted = Some(*response);
        }
    }

    /// The final response to the initial request.
    fn final_response(&self) -> Option<Response> {
        let initial = self.initial.as_ref()?;
        // The one on the caller's hop says when it reached the caller. It does not count if it
        // rejects the call on one fork while another fork accepts it.
        let on_same_hop = initial
            .on_same_hop
            .filter(|response| self.accepted.is_none() || response.status < 300);
        on_same_hop.or(self.accepted).or(initial.on_other_hop)
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

    /// Whether a BYE, or a response to it, belongs to the dialog of the first 2xx, and not to
    /// another fork, which the caller hangs up at once (RFC 3261 §13.2.2.4).
    fn is_of_dialog(&self, message: &Message<'_>) -> bool {
        let Some(tag) = self.accepted.and_then(|accepted| accepted.to_tag) else {
            return true;
        };
        [message.from_tag, message.to_tag]
            .into_iter()
            .flatten()
            .any(|found| hash(found) == tag)
    }

    /// The field of a request within a dialog whose tag no earlier message of the call had.
    fn unknown_tag(&mut self, method: &[u8], message: &Message<'_>) -> Option<&'static str> {
        // Certain only if the capture shows how the dialog was set up, and for methods that are
        // not used outside of it.
        if self.accepted.is_none()
            || !self.tags_complete
            || !matches!(method, b"BYE" | b"INVITE" | b"UPDATE" | b"INFO")
        {
            return None;
        }
        let unknown = [("From", message.from_tag), ("To", message.to_tag)]
            .into_iter()
            .find(|(_, tag)| tag.is_some_and(|tag| !self.tags.contains(&hash(tag))));
        // One finding for each tag, and not for each message with it.
        unknown.map(|(field, tag)| {
            self.learn_tag(tag);
            field
        })
    }

    /// Why the capture does not contain the whole call, as "code: sentence"; `None` if it does. A
    /// call is whole with its initial request, a final response to it and, after an answered
    /// INVITE, a BYE with its final response.
    pub(super) fn missing_part(&self, window: &Window) -> Option<String> {
        let Some(initial) = &self.initial else {
            let start = Timestamp::from_ms(window.from_ms());
            return Some(format!(
                "no-initial-request: the capture does not contain the request that started the \
                 call: it was sent before the window (which starts {start}) or was not captured. \
                 To rule out the first, use an earlier from_ts"
            ));
        };
        let (code, missing) = match (self.final_response(), self.bye) {
            (None, _) => (
                "no-final-response",
                "the capture does not contain a final response to the initial request",
            ),
            // Nothing follows the final response of a REGISTER or of a rejected INVITE.
            (Some(response), _) if !initial.is_invite || response.status >= 300 => return None,
            (Some(_), None) => (
                "no-bye",
                "the call was answered, but the capture does not contain its BYE",
            ),
            (Some(_), Some(_)) if self.bye_has_response => return None,
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
    pub(super) fn report_outcome(&self, report: &mut CaptureReport) {
        // The difference to a date in 1970 would be half a century.
        let since_first_request = |time_us: u64| {
            let dated = self.first_request_us >= YEAR_1971_US && time_us >= YEAR_1971_US;
            dated.then(|| time_us.saturating_sub(self.first_request_us))
        };
        let response = self.final_response();
        report.final_status = response.map(|response| response.status);
        report.ringing_after_us = self.ringing_us.and_then(since_first_request);
        report.final_after_us = response.and_then(|it| since_first_request(it.time_us));

        let is_invite = self.initial.is_some_and(|initial| initial.is_invite);
        let rejection = response.filter(|response| is_invite && response.status >= 300);
        // A BYE counts even in a capture without the start of the call. A canceled call also ends
        // with a status, 487, which is not the cause.
        let end = match (self.bye, rejection, self.cancel) {
            (Some(route), ..) => Some(("BYE".to_string(), route)),
            (None, Some(_), Some(route)) => Some(("CANCEL".to_string(), route)),
            (None, Some(rejection), None) => Some((rejection.status.to_string(), rejection.route)),
            (None, None, _) => None,
        };
        report.ended_by = end.as_ref().and_then(|(_, route)| sender(route));
        report.ended_with = end.map(|(with, _)| with);
    }
}

/// The sender's address as text, if the file says who it is.
fn sender(route: &Route) -> Option<String> {
    route.directed.then(|| endpoint(route.source, true))
}
