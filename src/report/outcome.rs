//! The outcome of a call: how it ended, in a code and a sentence.

use alloc::format;
use alloc::string::{String, ToString};

use super::call::sender;
use super::exchange::{Detail, Exchange, Method, Response, Sighting};
use super::leg::Leg;
use super::status::{q850_text, status_text};
use super::summary::{counted, seconds};
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Answered,
    Refused,
    AuthFailed,
    Cancelled,
    Redirected,
    NoResponse,
    NoFinalResponse,
    Unacknowledged,
    Succeeded,
    NotCaptured,
}

impl Outcome {
    /// The code, which never changes.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::AuthFailed => "auth-failed",
            Self::Cancelled => "cancelled",
            Self::Redirected => "redirected",
            Self::NoResponse => "no-response",
            Self::NoFinalResponse => "no-final-response",
            Self::Unacknowledged => "unacknowledged",
            Self::Succeeded => "succeeded",
            Self::NotCaptured => "not-captured",
        }
    }

    /// Whether nothing went wrong before the call was answered, or at all.
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Completed | Self::Answered | Self::Succeeded)
    }
}

/// A call as its outcome and its causes see it.
pub(super) struct Verdict<'a> {
    pub(super) leg: Leg<'a>,
    /// Whether two agents saw every message, so that one copy of each was not sent.
    pub(super) two_agents: bool,
    pub(super) outcome: Outcome,
}

impl<'a> Verdict<'a> {
    pub(super) fn of(leg: Leg<'a>, two_agents: bool) -> Self {
        let mut verdict = Self {
            leg,
            two_agents,
            outcome: Outcome::NotCaptured,
        };
        verdict.outcome = verdict.judge();
        verdict
    }

    fn judge(&self) -> Outcome {
        let leg = &self.leg;
        let Some(attempt) = leg.attempt.filter(|_| leg.is_captured) else {
            return Outcome::NotCaptured;
        };
        let is_cancelled = leg.is_invite() && leg.cancel.is_some();
        match leg.status() {
            0 if leg.shows_answer() && leg.bye_response.is_some() => Outcome::Completed,
            0 if leg.shows_answer() => Outcome::Answered,
            0 if is_cancelled => Outcome::Cancelled,
            0 if !leg.has_any_response() => Outcome::NoResponse,
            0 => Outcome::NoFinalResponse,
            200..300 if !leg.is_invite() => Outcome::Succeeded,
            200..300 if self.is_unacknowledged() => Outcome::Unacknowledged,
            200..300 if leg.bye_response.is_some() => Outcome::Completed,
            200..300 => Outcome::Answered,
            _ if is_cancelled => Outcome::Cancelled,
            // A BYE before the final response cancels as well (RFC 3261 §15).
            487 if leg.bye.is_some() => Outcome::Cancelled,
            300..=399 => Outcome::Redirected,
            401 | 407 => Outcome::AuthFailed,
            403 if attempt.has_credentials => Outcome::AuthFailed,
            _ => Outcome::Refused,
        }
    }

    /// Number of times that a message was really sent again.
    pub(super) fn resent(&self, seen: &Sighting) -> u32 {
        seen.copies.saturating_sub(u32::from(self.two_agents))
    }

    /// Whether the 2xx was sent again and no ACK fits it.
    fn is_unacknowledged(&self) -> bool {
        let Some((_, response)) = self.leg.decision else {
            return false;
        };
        self.resent(&response.seen) > 0
            && !self.leg.acks().any(|ack| {
                self.leg.ack_fits(ack) && (self.two_agents || !self.leg.has_other_uri(ack))
            })
    }

    /// The farthest captured hop that sent the final response, with the response.
    pub(super) fn origin(&self) -> Option<(&'a Exchange, Response)> {
        let (own, response) = self.leg.decision?;
        let started = self.leg.attempt.map_or(0, Exchange::packet);
        // The one that sent it first is the farthest; each hop passes it on a little later.
        let farthest = self
            .leg
            .all()
            .filter(|it| it.method == own.method && it.to_tag.is_none())
            .filter(|it| it.packet() >= started)
            .filter_map(|it| Some((it, it.last?)))
            .filter(|(_, last)| last.status == response.status)
            .min_by_key(|(_, last)| last.seen.packet);
        Some(farthest.unwrap_or((own, response)))
    }

    /// A detail of the final response, from the farthest hop that has it.
    pub(super) fn detail<T>(&self, pick: impl Fn(&Detail) -> Option<T>) -> Option<T> {
        let of = |exchange: &Exchange| exchange.detail().and_then(&pick);
        let (far, _) = self.origin()?;
        of(far).or_else(|| of(self.leg.decision?.0))
    }

    /// The final response as text: `486 Busy Here from 192.0.2.20:5060`.
    pub(super) fn response_text(&self) -> String {
        let Some((far, response)) = self.origin() else {
            return "no final response".to_string();
        };
        let phrase = far.detail().map_or(&[][..], |detail| &detail.phrase);
        let status = status_text(response.status, phrase);
        format!("{status} from {}", source(&response.seen.route))
    }

    /// One sentence on the outcome, which reads on from its code.
    pub(super) fn text(&self) -> String {
        let leg = &self.leg;
        let request = leg.attempt.and_then(|attempt| attempt.request);
        let to = request.map_or_else(String::new, |request| {
            format!(" to {}", destination(&request.route))
        });
        let method = leg.method().map_or("request", Method::name);
        match self.outcome {
            Outcome::Completed | Outcome::Answered => {
                format!("{}{}", self.answer_text(), self.end_text())
            }
            Outcome::Unacknowledged => {
                let copies = leg.decision.map_or(0, |(_, it)| self.resent(&it.seen));
                let copies = counted(u64::from(copies), "time");
                format!(
                    "{}, sent again {copies} because no ACK for it came{}",
                    self.answer_text(),
                    self.end_text()
                )
            }
            Outcome::Succeeded => {
                let earlier = leg.attempts.len().saturating_sub(1) as u64;
                let mut text = format!("{} to {method}{}", leg.status(), self.after());
                if earlier > 0 {
                    text.push_str(&format!(", after {}", counted(earlier, "earlier request")));
                }
                text
            }
            Outcome::Refused | Outcome::Redirected | Outcome::AuthFailed => {
                format!("{}{}{}", self.response_text(), self.after(), self.q850())
            }
            Outcome::Cancelled => {
                let end = leg.cancel.or(leg.bye);
                let with = end.map_or("CANCEL", |it| it.method.name());
                let by = end.and_then(|it| it.request);
                let by = by.map_or_else(String::new, |it| format!(" from {}", source(&it.route)));
                let end = match leg.status() {
                    0 => "; the final response to the INVITE (487) is missing".to_string(),
                    487 => String::new(),
                    _ => format!("; the INVITE ended with {}", self.response_text()),
                };
                format!("{with}{by}{end}")
            }
            Outcome::NoResponse => {
                let sent = request.map_or(1, |request| 1 + self.resent(&request));
                let sent = match sent {
                    1 => "once".to_string(),
                    sent => counted(u64::from(sent), "time"),
                };
                format!("the {method}{to} was sent {sent} and got no response")
            }
            Outcome::NoFinalResponse => {
                format!("the {method}{to} got only provisional responses")
            }
            Outcome::NotCaptured if leg.decision.is_some() => format!(
                "the capture lacks the {method} that started the call; the final response was \
                 {}{}",
                self.response_text(),
                self.q850()
            ),
            Outcome::NotCaptured => {
                let end = self.end_text();
                format!("the capture lacks the request that started the call{end}")
            }
        }
    }

    fn answer_text(&self) -> String {
        if self.leg.decision.is_none() {
            return "the capture lacks the 2xx, but shows what followed it".to_string();
        }
        let since = self.since_first(self.leg.ringing_us());
        let ringing = since.map_or_else(String::new, |us| {
            format!(" (ringing after {})", seconds(us))
        });
        format!("{}{}{ringing}", self.leg.status(), self.after())
    }

    /// Who sent the BYE.
    fn end_text(&self) -> String {
        let Some(bye) = self.leg.bye else {
            return String::new();
        };
        let by = bye.request.and_then(|request| sender(&request.route));
        let by = by.map_or_else(String::new, |by| format!(" from {by}"));
        let cause = bye.detail().and_then(|detail| detail.q850);
        let cause = cause.map_or_else(String::new, |cause| format!(" ({})", q850_text(cause)));
        let response = match self.leg.bye_response {
            Some(_) => "",
            None => ", which got no final response",
        };
        format!(", ended with BYE{by}{cause}{response}")
    }

    /// The Q.850 cause of the final response.
    fn q850(&self) -> String {
        let cause = self.detail(|detail| detail.q850);
        cause.map_or_else(String::new, |cause| format!(" ({})", q850_text(cause)))
    }

    /// The time from the first request to the final response.
    fn after(&self) -> String {
        let response = self.leg.decision.map(|(_, response)| response.seen.time_us);
        let since = self.since_first(response);
        since.map_or_else(String::new, |us| format!(" after {}", seconds(us)))
    }

    fn since_first(&self, time_us: Option<u64>) -> Option<u64> {
        let first = self.leg.attempts.iter().find_map(|it| it.request)?.time_us;
        // The difference to a date in 1970 would be half a century.
        let time_us = time_us.filter(|time| first.min(*time) >= YEAR_1971_US)?;
        Some(time_us.saturating_sub(first))
    }
}

/// The sender of a message as text.
pub(super) fn source(route: &Route) -> String {
    match route.directed {
        true => endpoint(route.source, true),
        // One of the two addresses; the file does not say which one.
        false => "a side that the file does not show".to_string(),
    }
}

/// The receiver of a message as text.
pub(super) fn destination(route: &Route) -> String {
    match route.directed {
        true => endpoint(route.destination, true),
        false => "a side that the file does not show".to_string(),
    }
}
