//! What is known of one call: the messages with one Call-ID.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{endpoint, hash};
use crate::packet::Route;
use crate::pcap::YEAR_1971_US;
use crate::query::{Utc, Window};
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
    /// The request that began it, or the one that took its place after a challenge or a redirection; none if the capture
    /// has no request that begins a call.
    lead: Option<Lead>,
    /// When the first INVITE, or other first request, came; 1970 if undated.
    begin_us: u64,
    /// The packet with the first request that begins a call.
    pub(super) begin_packet: Option<u64>,
    /// When the first ringing (18x) came.
    ringing_us: Option<u64>,
    /// Who cancelled.
    cancelled_by: Option<Route>,
    /// Who hung up first.
    bye: Option<Route>,
    /// Whether a BYE has a final answer.
    bye_answered: bool,
    /// Responses that came before the first request, as they do where the clocks of two capture agents differ.
    early: Vec<Response>,
    /// Hashes of all tags that a dialog may have.
    tags: Vec<u64>,
    /// Whether all tags are known: the call has begun in the capture, and there was room for each.
    tags_complete: bool,
    /// Whether there is any request.
    pub(super) has_requests: bool,
}

/// A request without To tag, and its final response.
#[derive(Clone, Debug)]
struct Lead {
    is_invite: bool,
    method: u64,
    cseq: u32,
    branch: u64,
    route: Route,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    status: u16,
    time_us: u64,
    route: Route,
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
            cancelled_by: None,
            bye: None,
            bye_answered: false,
            early: Vec::new(),
            tags: Vec::new(),
            tags_complete: true,
            has_requests: false,
        }
    }

    /// Takes note of a message that is not a repetition. Returns the field whose tag belongs to none of the call's dialogs.
    pub(super) fn message(
        &mut self,
        packet: u64,
        time_us: u64,
        route: &Route,
        message: &Message<'_>,
    ) -> Option<&'static str> {
        let branch = hash(message.via.and_then(|via| via.branch).unwrap_or_default());
        let cseq = message.cseq.map_or(0, |cseq| cseq.number);
        match message.start {
            Start::Request { method, .. } => {
                self.has_requests = true;
                match method {
                    b"ACK" => return None,
                    b"CANCEL" => {
                        let of_lead =
                            self.lead.as_ref().is_some_and(|lead| lead.branch == branch && lead.route == *route);
                        if of_lead && self.cancelled_by.is_none() {
                            self.cancelled_by = Some(*route);
                        }
                        return None;
                    }
                    b"BYE" if self.bye.is_none() => self.bye = Some(*route),
                    _ => {}
                }
                if message.to_tag.is_some() {
                    return self.stray_tag(method, message);
                }
                self.learn_tag(message.from_tag);
                self.initial(
                    packet,
                    time_us,
                    Lead {
                        is_invite: method == b"INVITE",
                        method: hash(method),
                        cseq,
                        branch,
                        route: *route,
                        answer: None,
                    },
                );
            }
            Start::Response { status, .. } => {
                self.learn_tag(message.to_tag);
                let method = message.cseq.map_or(&[][..], |cseq| cseq.method);
                self.bye_answered |= method == b"BYE" && status >= 200 && !matches!(status, 401 | 407);
                let answer = Answer { status, time_us, route: *route };
                let response = Response { method: hash(method), cseq, branch, answer };
                if self.lead.is_some() {
                    self.answer(&response);
                } else if self.early.len() < MAX_EARLY {
                    self.early.push(response);
                }
            }
            Start::Malformed => {}
        }
        None
    }

    /// A request that begins the call, or begins it anew after a challenge, a redirection or another refusal.
    fn initial(&mut self, packet: u64, time_us: u64, request: Lead) {
        match &self.lead {
            None => {
                self.begin_us = time_us;
                self.begin_packet = Some(packet);
                self.lead = Some(request);
                for response in core::mem::take(&mut self.early) {
                    self.answer(&response);
                }
            }
            Some(lead) => {
                let refused = lead.answer.is_some_and(|answer| answer.status >= 300);
                if refused && lead.method == request.method && lead.route == request.route && request.cseq > lead.cseq {
                    self.lead = Some(request);
                } else if request.is_invite && !lead.is_invite {
                    // What came before, an OPTIONS perhaps, was not the call.
                    (self.begin_us, self.ringing_us) = (time_us, None);
                    self.lead = Some(request);
                }
            }
        }
    }

    /// Takes note of a response if it is one to the lead.
    fn answer(&mut self, response: &Response) {
        let Response { method, cseq, branch, answer } = *response;
        let Some(lead) = &mut self.lead else { return };
        // A response goes back where its request came from; where the file has no directions, to the same two.
        let back = match answer.route.directed {
            true => answer.route.destination == lead.route.source,
            false => answer.route == lead.route,
        };
        if !(back && lead.cseq == cseq && lead.branch == branch && lead.method == method) {
            return;
        }
        if (180..190).contains(&answer.status) && self.ringing_us.is_none() {
            self.ringing_us = Some(answer.time_us);
        }
        if answer.status >= 200 && lead.answer.is_none() {
            lead.answer = Some(answer);
        }
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

    /// Of a request within a dialog: the field with a tag that no earlier message of the call had. Only said of a call that
    /// was set up before our eyes, and of methods that go over nothing but its dialog.
    fn stray_tag(&mut self, method: &[u8], message: &Message<'_>) -> Option<&'static str> {
        let set_up = self
            .lead
            .as_ref()
            .is_some_and(|lead| lead.is_invite && lead.answer.is_some_and(|answer| answer.status < 300));
        if !set_up || !self.tags_complete || !matches!(method, b"BYE" | b"INVITE" | b"UPDATE" | b"INFO") {
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

    /// Why the capture does not hold all of the call, in a code and a sentence; none if it does: its first request, the final
    /// answer, and of an answered INVITE the BYE and its answer.
    pub(super) fn lack(&self, window: &Window) -> Option<String> {
        let Some(lead) = &self.lead else {
            return Some(format!(
                "no-initial-request: the capture does not have the request that began the call; it came before the window, \
                 which begins {}, or was not captured: choose an earlier from_ts",
                Utc::from_ms(window.from_ms())
            ));
        };
        let Some(answer) = lead.answer else {
            return Some(format!(
                "no-final-answer: the first request has no final answer in the capture; it came after the window, which ends \
                 {}, or not at all: choose a later to_ts",
                Utc::from_ms(window.to_ms())
            ));
        };
        let end = Utc::from_ms(window.to_ms());
        match (lead.is_invite && answer.status < 300, self.bye) {
            (true, None) => Some(format!(
                "no-bye: the call was answered, and its end is not in the capture; it came after the window, which ends {end}, \
                 or was not captured: choose a later to_ts"
            )),
            (true, Some(_)) if !self.bye_answered => Some(format!(
                "bye-unanswered: the BYE has no final answer in the capture; it came after the window, which ends {end}, or \
                 not at all: choose a later to_ts"
            )),
            _ => None,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let Some(lead) = &self.lead else {
            let (ended_with, ended_by) = self.hung_up();
            return Outcome { ended_with, ended_by, ..Outcome::default() };
        };
        let after = |time_us: u64| {
            let dated = self.begin_us >= YEAR_1971_US && time_us >= YEAR_1971_US;
            dated.then(|| time_us.saturating_sub(self.begin_us))
        };
        let (mut ended_with, mut ended_by) = self.hung_up();
        if let Some(answer) = lead.answer
            && answer.status >= 300
            && lead.is_invite
            && ended_with.is_none()
        {
            (ended_with, ended_by) = match self.cancelled_by {
                Some(route) => (Some("CANCEL".into()), sender(&route)),
                None => (Some(format!("{}", answer.status)), sender(&answer.route)),
            };
        }
        Outcome {
            final_status: lead.answer.map(|answer| answer.status),
            ringing_after_us: self.ringing_us.and_then(after),
            final_after_us: lead.answer.and_then(|answer| after(answer.time_us)),
            ended_with,
            ended_by,
        }
    }

    fn hung_up(&self) -> (Option<String>, Option<String>) {
        match &self.bye {
            Some(route) => (Some("BYE".into()), sender(route)),
            None => (None, None),
        }
    }
}

fn sender(route: &Route) -> Option<String> {
    route.directed.then(|| endpoint(route.source, true))
}
