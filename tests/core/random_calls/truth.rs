//! What is true of a call, as far as its capture shows it: from what its messages are, and not from
//! what they say.

use std::collections::HashMap;

use homer_export::CaptureReport;

use super::agents::Seen;
use super::call::Call;
use super::message::{Kind, Message, What};

/// More attempts than a call has.
const MAX_ATTEMPTS: usize = 10;

/// Any value in `ended_by`.
pub(super) const ANY: &str = "any";

/// What a report must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) sip_messages: u64,
    pub(super) retransmissions: u64,
    pub(super) duplicates: u64,
    /// None if no message of the call was captured.
    pub(super) outcome: Option<&'static str>,
    pub(super) final_status: Option<u16>,
    pub(super) complete: bool,
    pub(super) ended_with: Option<String>,
    pub(super) ended_by: Option<String>,
    /// Whether only the outcome is certain, and not its details.
    pub(super) outcome_only: bool,
}

impl Truth {
    /// What the report says instead.
    pub(super) fn reported(&self, report: &CaptureReport, codes: &[&'static str]) -> Self {
        let outcome = report.outcome.as_deref();
        let is_any = self.ended_by.as_deref() == Some(ANY) && report.ended_by.is_some();
        let details = match self.outcome_only {
            true => self.clone(),
            false => Self {
                final_status: report.final_status,
                ended_with: report.ended_with.clone(),
                ended_by: match is_any {
                    true => self.ended_by.clone(),
                    false => report.ended_by.clone(),
                },
                ..self.clone()
            },
        };
        Self {
            sip_messages: report.sip_messages,
            retransmissions: report.retransmissions,
            duplicates: report.duplicates,
            outcome: outcome.map(|outcome| *codes.iter().find(|it| **it == outcome).unwrap()),
            complete: report.complete,
            ..details
        }
    }
}

/// All messages of a capture, in its order, with the agents that saw them.
struct Captured<'a> {
    messages: Vec<(&'a Message, usize, u64)>,
    call: &'a Call,
    /// The first link that the capture shows: the caller's own, as far as anybody can know.
    own: usize,
}

impl<'a> Captured<'a> {
    fn find(&self, is: impl Fn(What) -> bool) -> Option<&'a Message> {
        let mut messages = self.messages.iter();
        messages.find(|(it, ..)| is(it.what)).map(|(it, ..)| *it)
    }

    fn has(&self, is: impl Fn(What) -> bool) -> bool {
        self.find(is).is_some()
    }

    fn position(&self, is: impl Fn(What) -> bool) -> Option<usize> {
        self.messages.iter().position(|(it, ..)| is(it.what))
    }

    /// Whether a link belongs to the caller's dialog, and not to the one behind a B2BUA.
    fn is_own(&self, link: usize) -> bool {
        match self.call.b2bua_at {
            Some(at) => (link < at) == (self.own < at),
            None => true,
        }
    }

    /// Retransmissions and duplicates: copies of a message that come 50 ms after the copy before,
    /// or earlier.
    fn repetitions(&self) -> (u64, u64) {
        let mut latest: HashMap<usize, u64> = HashMap::new();
        let (mut retransmissions, mut duplicates) = (0, 0);
        for (message, _, time_us) in &self.messages {
            if let Some(before_us) = latest.insert(message.id, *time_us) {
                match time_us.abs_diff(before_us) {
                    0..50_000 => duplicates += 1,
                    50_000..=40_000_000 => retransmissions += 1,
                    _ => {}
                }
            }
        }
        (retransmissions, duplicates)
    }
}

/// The truth; `None` if the capture lacks so much that experts would differ.
pub(super) fn truth(call: &Call, seen: &Seen) -> Option<Truth> {
    let mut messages = Vec::new();
    for packet in &seen.packets {
        for message in &packet.messages {
            messages.push((message, packet.agent, packet.sent.time_us));
        }
    }
    let own = messages.iter().map(|(it, ..)| it.what.link).min();
    let captured = Captured {
        messages,
        call,
        own: own.unwrap_or_default(),
    };
    let (retransmissions, duplicates) = captured.repetitions();
    let mut truth = Truth {
        sip_messages: captured.messages.len() as u64,
        retransmissions,
        duplicates,
        outcome: None,
        final_status: None,
        complete: false,
        ended_with: None,
        ended_by: None,
        outcome_only: false,
    };
    if captured.messages.is_empty() {
        return Some(truth);
    }
    let is_certain = captured.judge(&mut truth);
    // The request with credentials may be missing on the link of its sender.
    if !seen.is_whole && call.is_bye_challenged && truth.ended_by.is_some() {
        truth.ended_by = Some(ANY.to_string());
    }
    is_certain.then_some(truth)
}

impl Captured<'_> {
    /// How the call ended. Returns whether this is certain.
    fn judge(&self, truth: &mut Truth) -> bool {
        let is_initial = |what: What| matches!(what.kind, Kind::Initial { .. });
        let is_response = |what: What| matches!(what.kind, Kind::Provisional | Kind::Final(_));
        let attempts = self.messages.iter().map(|(it, ..)| it.what);
        let attempt = attempts
            .filter(|what| self.is_own(what.link))
            .filter(|what| is_initial(*what) || is_response(*what))
            .map(|what| what.attempt)
            .max();
        let is_captured = self.has(is_initial);
        if !is_captured {
            truth.outcome = Some("not-captured");
            truth.outcome_only = true;
            return true;
        }
        let Some(attempt) = attempt else { return false };
        let of_attempt = |what: What| what.attempt == attempt;
        let on_own = |what: What| of_attempt(what) && what.link == self.own;
        let is_accepted = |what: What| matches!(what.kind, Kind::Final(200..300));
        // The final response on the caller's link, or a 2xx anywhere, which gets through.
        let own_ack = self.has(|what| on_own(what) && what.kind == Kind::RejectionAck);
        let decision = self
            .find(|what| on_own(what) && is_accepted(what))
            .or_else(|| self.find(|what| on_own(what) && what.kind.status().is_some()))
            .or_else(|| {
                self.find(|what| of_attempt(what) && is_accepted(what) && self.is_own(what.link))
            })
            // The caller acknowledged a rejection that another link shows.
            .or_else(|| {
                self.find(|what| {
                    of_attempt(what)
                        && what.kind.status().is_some()
                        && own_ack
                        && self.call.fork_at.is_none()
                        && self.is_own(what.link)
                })
            });
        let status = decision.and_then(|it| it.what.kind.status());
        // The second of several forks that answered, and the first one is missing.
        if let (Some(decision), Some(answer)) = (decision, &self.call.answer)
            && status == Some(200)
            && tag(decision) != *answer
        {
            return false;
        }
        // A final response that the capture lacks, although others show what it was.
        let is_elsewhere = |what: What| of_attempt(what) && what.kind.status().is_some();
        if status.is_none() && self.has(is_elsewhere) {
            return false;
        }
        truth.final_status = status;
        // Whether the attempt before this one is over, or both are parallel branches of a fork,
        // cannot be known.
        let got_through = matches!(status, Some(200..300));
        let is_over = |before: usize| self.is_over(before, before + 1);
        if !got_through && !(0..attempt).all(is_over) {
            return false;
        }
        // A response to an INVITE that was not captured, with the tag of an early dialog of which
        // the capture shows no end: a re-INVITE in that dialog, or a new attempt.
        let is_request = |what: What| what.attempt == attempt && is_initial(what);
        let is_open = |before: usize| {
            let of = |what: What| what.attempt == before && self.is_own(what.link);
            let is_ended = |what: What| {
                of(what) && (what.kind.status().is_some() || what.kind == Kind::RejectionAck)
            };
            self.has(|what| of(what) && what.kind == Kind::Provisional) && !self.has(is_ended)
        };
        if !self.has(is_request) && (0..attempt).any(is_open) {
            return false;
        }
        // What belongs to an attempt whose request is missing looks like part of another one, if
        // the caller kept the number.
        let number = |attempt: usize| {
            let mut messages = self.messages.iter().map(|(it, ..)| *it);
            let found = messages.find(|it| {
                it.what.attempt == attempt && self.is_own(it.what.link) && !is_within(it.what.kind)
            });
            found.and_then(|it| line(it, "CSeq:").split(' ').nth(1).map(str::to_string))
        };
        let has_request =
            |attempt: usize| self.has(|what| what.attempt == attempt && is_initial(what));
        let is_mistaken = |lost: usize| {
            let number_of_lost = number(lost).filter(|_| !has_request(lost));
            number_of_lost.is_some()
                && (0..MAX_ATTEMPTS).any(|it| has_request(it) && number(it) == number_of_lost)
        };
        if (0..MAX_ATTEMPTS).any(is_mistaken) {
            return false;
        }
        // Whether a response on the caller's link, whose request is missing, came while a proxy
        // still sent the request again.
        let is_resent_later = self
            .messages
            .iter()
            .any(|(it, ..)| of_attempt(it.what) && is_initial(it.what) && self.is_resent(it.id));
        if status.is_none() && !self.has(|what| on_own(what) && is_initial(what)) && is_resent_later
        {
            return false;
        }
        // An attempt that was not captured on the caller's link.
        let is_hidden = |attempt: usize| {
            let of =
                |what: What| what.attempt == attempt && (is_initial(what) || is_response(what));
            self.has(of) && !self.has(|what| of(what) && what.link == self.own)
        };
        if (0..attempt).any(is_hidden) {
            return false;
        }
        // A B2BUA whose other leg lacks its first link looks like a caller.
        if let Some(at) = self.call.b2bua_at
            && self.own < at
            && !self.has(|what| on_own(what) && is_initial(what))
            && !self.has(|what| what.link == at && (is_initial(what) || is_response(what)))
        {
            return false;
        }
        // On another link, it might be an attempt of the proxy.
        let is_seen = |what| on_own(what) && (is_initial(what) || is_response(what));
        if attempt > 0 && !self.has(is_seen) {
            return false;
        }
        let cancel = self.find(|what| on_own(what) && what.kind == Kind::Cancel);
        if cancel.is_none() && self.has(|what| what.kind == Kind::Cancel) && status == Some(487) {
            return false;
        }
        let bye = self.bye(decision);
        if bye.is_some_and(|bye| bye.what.attempt != attempt) {
            return false;
        }
        // A BYE with another tag may end another fork, or the tag may have been changed.
        if bye.is_none() && self.has(|what| what.kind == Kind::Bye) {
            let mut tags: Vec<String> = (self.messages.iter())
                .filter(|(it, ..)| on_own(it.what) && is_accepted(it.what))
                .map(|(it, ..)| tag(it))
                .collect();
            tags.sort();
            tags.dedup();
            let is_known = |it: &Message| tags.iter().any(|tag| has_tag(it, tag));
            let mut byes = self.messages.iter();
            if tags.len() < 2 || byes.any(|(it, ..)| it.what.kind == Kind::Bye && !is_known(it)) {
                return false;
            }
        }
        let bye_response = self.messages.iter().any(|(it, ..)| {
            matches!(it.what.kind, Kind::ByeResponse(_)) && self.is_of_dialog(it, decision)
        });
        let has_ack = self.has(|what| what.kind == Kind::Ack && self.is_own(what.link));
        let credentials =
            self.has(|what| on_own(what) && what.kind == Kind::Initial { credentials: true });
        let bye_challenge = self.messages.iter().all(|(it, ..)| {
            !matches!(it.what.kind, Kind::ByeResponse(status) if !matches!(status, 401 | 407))
                || !self.is_of_dialog(it, decision)
        });
        let is_answered = match status {
            Some(status) => self.call.is_invite && status < 300,
            None => has_ack || bye.is_some() || self.is_confirmed(),
        };
        // A B2BUA got a response, but perhaps sent none itself.
        let is_own_response =
            |what| is_response(what) && of_attempt(what) && self.is_own(what.link);
        let initial = self.find(|what| on_own(what) && is_initial(what));
        let is_answered_elsewhere = !own_ack && self.has(is_response);
        if !self.has(is_own_response) && is_answered_elsewhere {
            return false;
        }
        // The first proxy got a response, but perhaps sent none itself.
        if !self.has(|what| on_own(what) && is_response(what))
            && is_answered_elsewhere
            && initial.is_some_and(|initial| self.is_resent(initial.id))
            && status.is_none()
        {
            return false;
        }
        let is_resent = decision.is_some_and(|decision| self.is_resent(decision.id));
        truth.outcome = Some(match status {
            None if is_answered && bye.is_some() && bye_response => "completed",
            None if is_answered => "answered",
            None if cancel.is_some() => "cancelled",
            None if !self.has(|what| of_attempt(what) && is_response(what)) && !own_ack => {
                "no-response"
            }
            None => "no-final-response",
            Some(200..300) if !self.call.is_invite => "succeeded",
            Some(200..300) if is_resent && !has_ack => "unacknowledged",
            Some(200..300) if bye.is_some() && bye_response => "completed",
            Some(200..300) => "answered",
            Some(_) if cancel.is_some() => "cancelled",
            Some(300..=399) => "redirected",
            Some(401 | 407) => "auth-failed",
            Some(403) if credentials => "auth-failed",
            Some(_) => "refused",
        });
        let is_ended = bye.is_some() && bye_response && !bye_challenge;
        truth.complete = status.is_some() && (!is_answered || is_ended);
        if !self.call.is_invite {
            return true;
        }
        let end = match (bye, cancel, status) {
            (Some(bye), ..) => Some(("BYE".to_string(), bye)),
            (_, Some(cancel), Some(300..)) => Some(("CANCEL".to_string(), cancel)),
            (_, _, Some(status @ 300..)) => decision.map(|it| (status.to_string(), it)),
            _ => None,
        };
        if let Some((with, by)) = end {
            truth.ended_with = Some(with);
            truth.ended_by = Some(by.sent.from.to_string());
            // Any proxy between the callee and the caller.
            let is_response = by.what.kind.status().is_some();
            let is_relayed = by.what.kind == Kind::Bye && vias(by) > 1;
            let is_certain = by.what.link == self.own && self.is_connected(attempt);
            if is_response && !is_certain || is_relayed {
                truth.ended_by = Some(ANY.to_string());
            }
        }
        true
    }

    /// Whether the capture shows all links of an attempt, up to the last one that it shows, so that
    /// the first of them is certainly the caller's own.
    fn is_connected(&self, attempt: usize) -> bool {
        let is_seen = |link: usize| self.has(|what| what.attempt == attempt && what.link == link);
        let links = (0..10).filter(|link| is_seen(*link));
        let last = links.max().unwrap_or_default();
        is_seen(self.own) && (self.own..=last).all(is_seen)
    }

    /// Whether there is a request that only a confirmed dialog has.
    fn is_confirmed(&self) -> bool {
        self.messages.iter().any(|(it, ..)| {
            let is_one = [&b"INVITE"[..], b"INFO"]
                .iter()
                .any(|method| it.sent.message.starts_with(method));
            it.what.kind == Kind::Within && is_one && self.is_own(it.what.link)
        })
    }

    /// Whether the capture shows that a call to which no one responded, or that was rejected, was
    /// followed by another attempt.
    fn is_over(&self, before: usize, attempt: usize) -> bool {
        let cseq = |attempt: usize| {
            let mut messages = self.messages.iter().map(|(it, ..)| *it);
            let is_initial = |kind| {
                matches!(
                    kind,
                    Kind::Initial { .. } | Kind::Provisional | Kind::Final(_)
                )
            };
            let found = messages.find(|it| {
                it.what.attempt == attempt && is_initial(it.what.kind) && it.what.link == self.own
            });
            found.map(|it| line(it, "CSeq:"))
        };
        let is_numbered = cseq(before).is_some() && cseq(before) != cseq(attempt);
        let on_own = |what: What, attempt: usize| {
            what.link == self.own && what.attempt == attempt && what.kind != Kind::RejectionAck
        };
        let next = self.position(|what| on_own(what, attempt));
        let end = self.position(|what| {
            what.attempt == before
                && what.link == self.own
                && (what.kind.status().is_some() || what.kind == Kind::RejectionAck)
        });
        let is_ended = end.is_some() && end < next;
        is_ended || is_numbered || !self.has(|what| what.attempt == before)
    }

    /// The BYE of the dialog with the fork whose answer counts, closest to its sender.
    fn bye(&self, decision: Option<&Message>) -> Option<&Message> {
        let is_bye = |it: &&Message| it.what.kind == Kind::Bye && self.is_of_dialog(it, decision);
        // The one with the fewest Via fields.
        let byes = self.messages.iter().map(|(it, ..)| *it).filter(is_bye);
        byes.min_by_key(|it| vias(it))
    }

    /// Whether a message belongs to the dialog that the decision set up.
    fn is_of_dialog(&self, message: &Message, decision: Option<&Message>) -> bool {
        let has_tag = || decision.is_none_or(|decision| has_tag(message, &tag(decision)));
        self.is_own(message.what.link) && (self.call.fork_at.is_none() || has_tag())
    }

    /// Whether a message was captured that was really sent again.
    fn is_resent(&self, id: usize) -> bool {
        let copies = self.messages.iter().filter(|(it, ..)| it.id == id);
        let mut times: Vec<u64> = copies.map(|(it, ..)| it.sent.time_us).collect();
        times.dedup();
        times.len() > 1 && times.iter().any(|time| *time != times[0])
    }
}

/// Whether a message belongs to the dialog or ends an attempt, and does not tell its number.
fn is_within(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Initial { .. } | Kind::Provisional | Kind::Final(_) | Kind::RejectionAck
    )
}

fn vias(message: &Message) -> usize {
    let text = String::from_utf8_lossy(&message.sent.message);
    text.matches("\r\nVia:").count()
}

/// A header field.
fn line(message: &Message, name: &str) -> String {
    let text = String::from_utf8_lossy(&message.sent.message);
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap().to_string()
}

/// The To tag.
fn tag(message: &Message) -> String {
    let to = line(message, "To:");
    to.split(";tag=").nth(1).unwrap_or_default().to_string()
}

fn has_tag(message: &Message, tag: &str) -> bool {
    let text = String::from_utf8_lossy(&message.sent.message);
    text.lines()
        .any(|line| line.ends_with(&format!(";tag={tag}")))
}
