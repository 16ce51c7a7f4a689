//! A network that loses messages, and the timers that send them again (RFC 3261 §17, §13.3.1.4).

use super::message::{Ends, Kind, Line, Link, Message, Request, What};
use super::random::Random;

/// Microseconds from a request or response to each time that it is sent again, by the timers A, E
/// and G.
pub(super) const TIMER_A_US: [u64; 6] = [
    500_000, 1_500_000, 3_500_000, 7_500_000, 15_500_000, 31_500_000,
];
pub(super) const TIMER_E_US: [u64; 10] = [
    500_000, 1_500_000, 3_500_000, 7_500_000, 11_500_000, 15_500_000, 19_500_000, 23_500_000,
    27_500_000, 31_500_000,
];

/// After so many copies, one arrives for certain, so that calls do not fail by chance.
const MAX_LOST: usize = 3;

/// All messages that were sent, in no order.
pub(super) struct Network<'a> {
    pub(super) random: &'a mut Random,
    pub(super) sent: Vec<Message>,
    /// Percentage of messages that do not arrive.
    pub(super) loss: u64,
    pub(super) transport: &'static str,
    messages: usize,
    branches: usize,
}

impl<'a> Network<'a> {
    pub(super) fn new(random: &'a mut Random, loss: u64, transport: &'static str) -> Self {
        Self {
            random,
            sent: Vec::new(),
            loss,
            transport,
            messages: 0,
            branches: 0,
        }
    }

    pub(super) fn id(&mut self) -> usize {
        self.messages += 1;
        self.messages
    }

    /// Sends a message. Returns the time at which it arrives, unless it is lost. `copy` is the
    /// number of copies before.
    pub(super) fn send(&mut self, message: &Message, at_us: u64, copy: usize) -> Option<u64> {
        let mut message = message.clone();
        message.sent.time_us = at_us;
        self.sent.push(message);
        let is_lost = copy < MAX_LOST && self.random.percent(self.loss);
        let takes_us = self.random.from(100, 3000);
        (!is_lost).then_some(at_us + takes_us)
    }

    /// The same request on each link of a path.
    pub(super) fn requests(
        &mut self,
        path: &[Link],
        (kind, attempt): (Kind, usize),
        line: &Line<'_>,
        ends: &Ends,
    ) -> Vec<Request> {
        let mut vias = String::new();
        let mut requests = Vec::new();
        for link in path {
            vias = self.via(*link) + &vias;
            let what = What {
                kind,
                link: link.number,
                attempt,
            };
            let request = Request::new((self.id(), what), *link, line, vias.clone(), ends);
            requests.push(request);
        }
        requests
    }

    pub(super) fn via(&mut self, link: Link) -> String {
        self.branches += 1;
        let (transport, from, number) = (self.transport, link.from, self.branches);
        let branch = format!("z9hG4bK{number}x{:x}", self.random.from(0, 0xffff_ffff));
        format!("Via: SIP/2.0/{transport} {from};branch={branch}\r\n")
    }

    /// Sends a request until a response to it arrives, which the next server or user agent makes at
    /// `ready_us(arrival)`. Returns the times of arrival of the request and of the response.
    pub(super) fn transaction(
        &mut self,
        request: &Message,
        response: &Message,
        at_us: u64,
        timer: &[u64],
        ready_us: impl FnOnce(&mut Self, u64) -> u64,
    ) -> (u64, u64) {
        let mut arrived: Option<(u64, u64)> = None;
        let mut ready_us = Some(ready_us);
        let (mut answered_us, mut responses) = (u64::MAX, 0);
        for (copy, after_us) in [0].iter().chain(timer).enumerate() {
            let sent_us = at_us + after_us;
            if sent_us >= answered_us {
                break;
            }
            let Some(arrival_us) = self.send(request, sent_us, copy) else {
                continue;
            };
            if let Some(ready) = ready_us.take() {
                arrived = Some((arrival_us, ready(self, arrival_us)));
            }
            let (_, ready) = arrived.unwrap();
            // Before the response is ready, another copy causes none.
            let is_first = responses == 0;
            if is_first || arrival_us > ready {
                let received = self.send(response, ready.max(arrival_us), responses);
                answered_us = received.unwrap_or(u64::MAX).min(answered_us);
                responses += 1;
            }
        }
        let (arrival_us, _) = arrived.unwrap();
        (arrival_us, answered_us)
    }

    /// A request without response.
    pub(super) fn unanswered(&mut self, request: &Message, at_us: u64, timer: &[u64]) -> u64 {
        // A stream retransmits by itself (RFC 3261 §17.1.2.2).
        let timer = if self.transport == "UDP" { timer } else { &[] };
        for after_us in [0].iter().chain(timer) {
            self.send(request, at_us + after_us, 0);
        }
        at_us + 32_000_000
    }

    /// A rejection of an INVITE on one link, sent again until its ACK arrives. Returns its arrival.
    pub(super) fn rejection(&mut self, response: &Message, ack: &Message, at_us: u64) -> u64 {
        let (mut first_us, mut acks) = (None, 0);
        for (copy, after_us) in [0].iter().chain(&TIMER_E_US).enumerate() {
            let Some(arrival_us) = self.send(response, at_us + after_us, copy) else {
                continue;
            };
            first_us = first_us.or(Some(arrival_us));
            acks += 1;
            if self.send(ack, arrival_us + 200, acks - 1).is_some() {
                break;
            }
        }
        first_us.unwrap()
    }

    /// Sends a message over several links, as proxies without state do. Returns its arrival.
    pub(super) fn relay(&mut self, messages: &[Message], at_us: u64, copy: usize) -> Option<u64> {
        let mut now_us = at_us;
        for message in messages {
            now_us = self.send(message, now_us, copy)? + 300;
        }
        Some(now_us)
    }
}
