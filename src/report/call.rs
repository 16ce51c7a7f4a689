//! What is known of one call: the messages with one Call-ID.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::hash;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::query::{Timestamp, Window};
use crate::sip::{Message, Start};

/// Early responses remembered.
const MAX_EARLY: usize = 8;

/// Tags remembered: those of forked branches included, a call has a handful.
const MAX_TAGS: usize = 32;

/// The messages with one Call-ID.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The Call-ID's value.
    pub(super) id: Vec<u8>,
    /// The request that began it, or the one that took its place after a challenge, a redirection
    /// or another refusal; none if the capture has no request that begins a call.
    lead: Option<Lead>,
    /// When the first INVITE, or other first request, came; 1970 if undated.
    begin_us: u64,
    /// The packet with the first request that begins a call.
    pub(super) begin_packet: Option<u64>,
    /// When the first ringing (18x) came.
    ringing_us: Option<u64>,
    /// The first 2xx to an INVITE that begins the call, on whatever hop.
    accepted: Option<Answer>,
    /// Who cancelled.
    cancelled_by: Option<Route>,
    /// Who hung up first.
    bye: Option<Route>,
    /// Whether a BYE has a final answer.
    bye_answered: bool,
    /// Responses that came before the first request, as they do where the clocks of two capture
    /// agents differ.
    early: Vec<Response>,
    /// Hashes of all tags that a dialog may have.
    tags: Vec<u64>,
    /// Whether there was room for all tags.
    tags_complete: bool,
    /// Whether there is any request.
    pub(super) has_requests: bool,
}

/// A request without To tag, and the final response to it.
#[derive(Clone, Copy, Debug)]
struct Lead {
    is_invite: bool,
    method: u64,
    cseq: u32,
    branch: u64,
    route: Route,
    /// On the request's own hop.
    answer: Option<Answer>,
    /// The first on another hop: where the agent does not see the request's own.
    elsewhere: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    status: u16,
    time_us: u64,
    route: Route,
    /// Hash of the To tag.
    tag: Option<u64>,
}

/// A response, and what tells whose it is.
#[derive(Clone, Copy, Debug)]
struct Response {
    method: u64,
    cseq: u32,
    branch: u64,
    answer: Answer,
}

/// A call's outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) final_status: Option<u16>,
    pub(super) ringing_after_us: Option<u64>,
    pub(super) final_after_us: Option<u64>,
    pub(super) ended_with: Option<String>,
    pub(super) ended_by: Option<String>,
}

impl Call {
    pub(super) fn new(id: &[u8]) -> Self {
        Self {
            id: id.to_vec(),
            lead: None,
            begin_us: 0,
            begin_packet: None,
            ringing_us: None,
            accepted: None,
            cancelled_by: None,
            bye: None,
            bye_answered: false,
            early: Vec::new(),
            tags: Vec::new(),
            tags_complete: true,
            has_requests: false,
        }
    }

    /// Takes note of a message that is not a repetition. Returns the field whose tag belongs to
    /// none of the call's dialogs.
    pub(super) fn message(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
    ) -> Option<&'static str> {
        let branch = hash(message.via.and_then(|via| via.branch).unwrap_or_default());
        let cseq = message.cseq.map_or(0, |cseq| cseq.number);
        let method = message.method().unwrap_or_default();
        match message.start {
            Start::Response { status, .. } => {
                self.learn_tag(message.to_tag);
                if method == b"BYE"
                    && status >= 200
                    && !matches!(status, 401 | 407)
                    && self.is_of_dialog(message)
                {
                    self.bye_answered = true;
                }
                let answer = Answer {
                    status,
                    time_us,
                    route: *route,
                    tag: message.to_tag.map(hash),
                };
                let response = Response {
                    method: hash(method),
                    cseq,
                    branch,
                    answer,
                };
                if self.lead.is_some() {
                    self.answer(&response);
                } else if self.early.len() < MAX_EARLY {
                    self.early.push(response);
                }
                return None;
            }
            // A malformed request is one all the same, and may be answered.
            Start::Malformed if message.is_status_line() => return None,
            Start::Request { .. } | Start::Malformed => {}
        }
        self.has_requests = true;
        match method {
            b"ACK" => return None,
            b"CANCEL" => {
                if self
                    .lead
                    .is_some_and(|lead| lead.branch == branch && lead.cseq == cseq)
                    && self.cancelled_by.is_none()
                {
                    self.cancelled_by = Some(*route);
                }
                return None;
            }
            b"BYE" if self.bye.is_none() && self.is_of_dialog(message) => self.bye = Some(*route),
            _ => {}
        }
        if message.to_tag.is_some() {
            return self.stray_tag(method, message);
        }
        self.learn_tag(message.from_tag);
        let (method, is_invite) = (hash(method), method == b"INVITE");
        let request = Lead {
            is_invite,
            method,
            cseq,
            branch,
            route: *route,
            answer: None,
            elsewhere: None,
        };
        self.initial(packet, time_us, request);
        None
    }

    /// A request that begins the call, or begins it anew after a refusal.
    fn initial(&mut self, packet: u64, time_us: u64, request: Lead) {
        let Some(lead) = self.lead else {
            self.begin_us = time_us;
            self.begin_packet = Some(packet);
            self.lead = Some(request);
            for response in core::mem::take(&mut self.early) {
                self.answer(&response);
            }
            return;
        };
        if request.is_invite && !lead.is_invite {
            // What came before, an OPTIONS perhaps, was not the call.
            (self.begin_us, self.ringing_us) = (time_us, None);
            self.lead = Some(request);
            return;
        }
        // Sent again with an answer to the challenge, or to where the redirection points: another
        // port or destination, perhaps.
        let refused = self
            .final_answer()
            .is_some_and(|answer| answer.status >= 300);
        let same_sender = lead.route.source.ip() == request.route.source.ip();
        if refused && lead.method == request.method && same_sender && request.cseq > lead.cseq {
            self.lead = Some(request);
        }
    }

    /// Takes note of a response if it is one to a request that begins the call.
    fn answer(&mut self, response: &Response) {
        let Response {
            method,
            cseq,
            branch,
            answer,
        } = *response;
        let Some(lead) = &mut self.lead else { return };
        if lead.cseq != cseq || lead.method != method {
            return;
        }
        // The branch tells the hop (RFC 3261 §17.1.3). Ports do not: a response goes to the port in
        // Via, or over whatever connection there is.
        let own = lead.branch == branch;
        if (180..190).contains(&answer.status) && self.ringing_us.is_none() {
            self.ringing_us = Some(answer.time_us);
        }
        if answer.status < 200 {
            return;
        }
        let slot = if own {
            &mut lead.answer
        } else {
            &mut lead.elsewhere
        };
        if slot.is_none() {
            *slot = Some(answer);
        }
        // A proxy passes on every 2xx (§16.7): the call is answered, whatever other branches say.
        let better = match self.accepted {
            None => true,
            Some(accepted) => own && accepted.time_us > answer.time_us,
        };
        if lead.is_invite && answer.status < 300 && better {
            self.accepted = Some(answer);
        }
    }

    fn final_answer(&self) -> Option<Answer> {
        let lead = self.lead.as_ref()?;
        // The caller's own hop tells when the answer came to it.
        let own = lead
            .answer
            .filter(|answer| self.accepted.is_none() || answer.status < 300);
        own.or(self.accepted).or(lead.elsewhere)
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

    /// Whether a BYE, or the response to it, belongs to the dialog that the first 2xx set up, and
    /// not to a fork of the call.
    fn is_of_dialog(&self, message: &Message<'_>) -> bool {
        let Some(tag) = self.accepted.and_then(|accepted| accepted.tag) else {
            return true;
        };
        [message.from_tag, message.to_tag]
            .into_iter()
            .flatten()
            .any(|found| hash(found) == tag)
    }

    /// Of a request within a dialog: the field with a tag that no earlier message of the call had.
    /// Only said of a call that was set up before our eyes, and of methods that go over nothing but
    /// its dialog.
    fn stray_tag(&mut self, method: &[u8], message: &Message<'_>) -> Option<&'static str> {
        if self.accepted.is_none()
            || !self.tags_complete
            || !matches!(method, b"BYE" | b"INVITE" | b"UPDATE" | b"INFO")
        {
            return None;
        }
        let stray = [("From", message.from_tag), ("To", message.to_tag)]
            .into_iter()
            .find(|(_, tag)| tag.is_some_and(|tag| !self.tags.contains(&hash(tag))));
        // Said once of each tag.
        stray.map(|(field, tag)| {
            self.learn_tag(tag);
            field
        })
    }

    /// Why the capture does not hold all of the call, in a code and a sentence; none if it does:
    /// its first request, the final answer, and of an answered INVITE the BYE and its answer.
    pub(super) fn lack(&self, window: &Window) -> Option<String> {
        let Some(lead) = &self.lead else {
            return Some(format!(
                "no-initial-request: the capture does not have the request that began the call; it came before the window, \
                 which begins {}, or was not captured: choose an earlier from_ts",
                Timestamp::from_ms(window.from_ms())
            ));
        };
        let (code, what) = match (self.final_answer(), self.bye) {
            (None, _) => (
                "no-final-response",
                "the first request has no final answer in the capture; it",
            ),
            (Some(answer), _) if !lead.is_invite || answer.status >= 300 => return None,
            (Some(_), None) => (
                "no-bye",
                "the call was answered, and its end is not in the capture; it",
            ),
            (Some(_), Some(_)) if self.bye_answered => return None,
            (Some(_), Some(_)) => (
                "no-bye-response",
                "the BYE has no final answer in the capture; it",
            ),
        };
        let end = Timestamp::from_ms(window.to_ms());
        Some(format!(
            "{code}: {what} came after the window, which ends {end}, or was not captured, or did not come at all: choose a later \
             to_ts"
        ))
    }

    pub(super) fn outcome(&self) -> Outcome {
        let after = |time_us: u64| {
            let dated = self.begin_us >= YEAR_1971_US && time_us >= YEAR_1971_US;
            dated.then(|| time_us.saturating_sub(self.begin_us))
        };
        let is_invite = self.lead.is_some_and(|lead| lead.is_invite);
        let answer = self.final_answer();
        let (ended_with, ended_by) = match (self.bye, answer) {
            (Some(route), _) => (Some("BYE".to_string()), sender(&route)),
            (None, Some(answer)) if is_invite && answer.status >= 300 => match self.cancelled_by {
                Some(route) => (Some("CANCEL".to_string()), sender(&route)),
                None => (Some(answer.status.to_string()), sender(&answer.route)),
            },
            _ => (None, None),
        };
        Outcome {
            final_status: answer.map(|answer| answer.status),
            ringing_after_us: self.ringing_us.and_then(after),
            final_after_us: answer.and_then(|answer| after(answer.time_us)),
            ended_with,
            ended_by,
        }
    }
}

fn sender(route: &Route) -> Option<String> {
    route.directed.then(|| endpoint(route.source, true))
}
