//! The caller's own leg of a call: which request started it, which response decided it, and which
//! BYE or CANCEL ended it (RFC 3261 §8.1, §12, §15).
//!
//! One Call-ID may have several legs. Proxies forward a request with another branch. Forks add To
//! tags. A B2BUA or SBC may keep the Call-ID on a leg with tags of its own.

mod initial;

use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::RangeInclusive;

use super::exchange::{Exchange, Method, Response};
use crate::packet::Route;

/// Times in microseconds between the first and the last 2xx of a callee that gets no ACK: nearly
/// the 32 s of 64 T1 (RFC 3261 §13.3.1.4). ACKs that are only lost get through before. The copies
/// of a second agent whose clock is wrong may come later.
const RESENT_US: RangeInclusive<u64> = 28_000_000..=33_000_000;

/// Number of times that a callee sends its 2xx again in that time: 10, of which some may be lost.
/// Copies from a second agent are fewer.
const MIN_RESENT: u32 = 6;

/// Time in microseconds after an ACK during which a 2xx may have been on its way.
const MIN_ACK_US: u64 = 3_000_000;

/// The caller's leg. It refers to the transactions of the call on all hops.
#[derive(Clone, Debug, Default)]
pub(super) struct Leg<'a> {
    pub(super) exchanges: Vec<&'a Exchange>,
    /// The requests that started the call, and each later attempt, on the caller's own hop.
    pub(super) attempts: Vec<&'a Exchange>,
    /// The attempt that decides; `None` if neither a request nor a response of one was captured.
    pub(super) attempt: Option<&'a Exchange>,
    /// Whether the request of any attempt was captured.
    pub(super) is_captured: bool,
    /// The final response to the deciding attempt, and the transaction in which it was seen.
    pub(super) decision: Option<(&'a Exchange, Response)>,
    /// The first BYE.
    pub(super) bye: Option<&'a Exchange>,
    /// The final response to a BYE, if there is one; a challenge only if there is no other.
    pub(super) bye_response: Option<Response>,
    /// The CANCEL of the deciding attempt, or of another one.
    pub(super) cancel: Option<&'a Exchange>,
}

impl<'a> Leg<'a> {
    /// Finds the caller's leg.
    pub(super) fn of(exchanges: Vec<&'a Exchange>) -> Self {
        let mut leg = Self {
            exchanges,
            ..Self::default()
        };
        leg.find_attempts();
        leg.decision = leg.find_decision();
        leg.find_end();
        leg
    }

    /// All transactions.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &'a Exchange> {
        self.exchanges.iter().copied()
    }

    /// The method of the request that started the call.
    pub(super) fn method(&self) -> Option<Method> {
        self.attempt.map(|attempt| attempt.method)
    }

    pub(super) fn is_invite(&self) -> bool {
        self.method() == Some(Method::Invite)
    }

    /// The status of the final response; 0 if there is none.
    pub(super) fn status(&self) -> u16 {
        self.decision.map_or(0, |(_, response)| response.status)
    }

    pub(super) fn is_answered(&self) -> bool {
        self.is_invite() && (200..300).contains(&self.status())
    }

    /// Whether any response to the deciding attempt was captured, on any hop.
    pub(super) fn has_any_response(&self) -> bool {
        let Some(attempt) = self.attempt else {
            return false;
        };
        // As long as the request was sent again, no response reached its sender, whatever other
        // hops saw.
        let until = attempt.request.filter(|request| request.copies > 0);
        let until = until.map(|request| request.last_packet);
        let elsewhere = || {
            self.all().any(|it| {
                it.method == attempt.method
                    && it.cseq == attempt.cseq
                    && it.has_response()
                    && it.last_response() > until
                    && self.may_follow(attempt, it)
            })
        };
        attempt.has_response() || self.rejection_ack(attempt).is_some() || elsewhere()
    }

    /// The ACKs of the caller's leg, with the number of the deciding INVITE or after it.
    pub(super) fn acks(&self) -> impl Iterator<Item = &'a Exchange> {
        let attempt = self.attempt;
        self.all().filter(move |it| {
            it.method == Method::Ack
                && attempt.is_some_and(|attempt| {
                    it.from_tag == attempt.from_tag
                        && (it.cseq == attempt.cseq || it.packet() > attempt.packet())
                })
        })
    }

    /// Whether an ACK acknowledges the 2xx: it has the number of the INVITE, the tag of the 2xx,
    /// and a branch of its own (RFC 3261 §13.2.2.4, §17.1.1.3).
    pub(super) fn ack_fits(&self, ack: &Exchange) -> bool {
        let Some((invite, response)) = self.decision else {
            return false;
        };
        // Proxies may change the tag between two hops.
        let is_known = |tag: Option<u64>| {
            tag == response.to_tag
                || self.all().any(|it| {
                    it.method == Method::Invite
                        && it
                            .last
                            .is_some_and(|last| last.status < 300 && last.to_tag == tag)
                })
        };
        // An earlier INVITE may have had the same number. Only one agent sees a link, or both see
        // all of it, so that a difference between their clocks does not matter.
        let is_before = ack.source() == invite.source()
            && ack.receiver() == invite.receiver()
            && (ack.request.zip(invite.request))
                .is_some_and(|(ack, invite)| ack.last_packet <= invite.packet);
        !is_before
            && (ack.cseq.is_none() || invite.cseq.is_none() || ack.cseq == invite.cseq)
            && self.rejected_invite(ack).is_none()
            && is_known(ack.to_tag)
    }

    /// Whether the Request-URI of an ACK is not the Contact of the 2xx (RFC 3261 §12.2.1.1), and
    /// the callee sent its 2xx again until it gave up and hung up (§13.3.1.4). A proxy may change
    /// the URI, so that the first alone proves nothing.
    pub(super) fn has_other_uri(&self, ack: &Exchange) -> bool {
        let Some((invite, response)) = self.decision else {
            return false;
        };
        let contact = invite.detail().and_then(|detail| detail.answer_uri);
        let sent_us = ack.request.map_or(u64::MAX, |request| request.time_us);
        let is_given_up = self.bye.is_some_and(|bye| {
            bye.from_tag != invite.from_tag
                && bye
                    .request
                    .is_some_and(|request| request.time_us >= response.seen.last_us)
        });
        is_given_up
            && contact.is_some()
            && ack.uri.is_some()
            && ack.uri != contact
            && response.seen.copies >= MIN_RESENT
            && RESENT_US.contains(&response.seen.last_us.saturating_sub(response.seen.time_us))
            && response.seen.last_us > sent_us.saturating_add(MIN_ACK_US)
    }

    fn find_attempts(&mut self) {
        let initials: Vec<&Exchange> = self.all().filter(|it| self.is_initial(it)).collect();
        let requests = || initials.iter().filter(|it| it.request.is_some());
        // A request before the INVITE, for instance an OPTIONS, was not part of the call.
        let invite = requests().find(|it| it.method == Method::Invite);
        let Some(captured) = invite.or_else(|| requests().next()) else {
            self.attempt = initials.first().copied();
            return;
        };
        self.is_captured = true;
        let method = captured.method;
        let same: Vec<&Exchange> = initials
            .into_iter()
            .filter(|it| it.method == method)
            .collect();
        let Some(first) = self.nearest_to_user_agent(&same) else {
            return;
        };
        // A later attempt comes from the same address, but perhaps from another port, with another
        // From tag (as from a password guesser), or to another destination.
        let is_refresh =
            |it: &Exchange| method != Method::Invite && it.method == method && it.request.is_some();
        let is_own = |it: &&Exchange| it.source() == first.source();
        self.attempts = self
            .all()
            .filter(|it| same.iter().any(|own| core::ptr::eq(*own, *it)) || is_refresh(it))
            .filter(|it| is_own(it) || is_only_elsewhere(it, first, &same))
            .collect();
        // Of refreshes of a registration or subscription, the last one decides.
        self.attempt = match method {
            Method::Invite => self.deciding_invite(first),
            _ => self.last_attempt(),
        };
    }

    /// The transaction on the own hop of the user agent that sent the request.
    fn nearest_to_user_agent(&self, hops: &[&'a Exchange]) -> Option<&'a Exchange> {
        // The capture may lack the INVITE on a hop between two others, but not its ACK or CANCEL.
        let arrives = |it: &Exchange| {
            self.all().any(|other| {
                let is_of_invite = matches!(other.method, Method::Ack | Method::Cancel);
                (other.from_tag == it.from_tag || is_of_invite)
                    && other.receiver() == it.source()
                    && other.source() != it.source()
            })
        };
        let own = not_forwarded(hops).find(|it| !arrives(it));
        own.or_else(|| nearest_to_sender(hops))
    }

    /// The last of several attempts that are no INVITE. If they have one From tag, their numbers
    /// tell, whatever the clocks of the agents.
    fn last_attempt(&self) -> Option<&'a Exchange> {
        let later = |last: &'a Exchange, next: &'a Exchange| {
            let is_before = last.from_tag == next.from_tag && next.cseq < last.cseq;
            if is_before { last } else { next }
        };
        self.attempts.iter().copied().reduce(later)
    }

    fn deciding_invite(&self, first: &'a Exchange) -> Option<&'a Exchange> {
        let mut current = first;
        for next in &self.attempts {
            if follows(current, next, self.rejection_ack(current)) {
                current = next;
            }
        }
        // Parallel forks of a call whose first hop was not captured: one of them accepts.
        let accepted = || self.attempts.iter().find(|it| it.is_accepted()).copied();
        match current.is_accepted() {
            true => Some(current),
            false => accepted().or(Some(current)),
        }
    }

    /// Whether a response on another hop may be one to this attempt, and not to an earlier one with
    /// the same number.
    fn may_follow(&self, attempt: &Exchange, elsewhere: &Exchange) -> bool {
        let mut attempts = self.attempts.iter();
        let is_earlier = |it: &&Exchange| it.cseq == attempt.cseq && !core::ptr::eq(*it, attempt);
        // The last response may come late because the clocks of the hops differ.
        let is_over = || {
            self.rejection_ack(elsewhere)
                .is_some_and(|ack| ack.first < attempt.packet())
        };
        let may_be_late = elsewhere.last_response() > Some(attempt.packet()) && !is_over();
        may_be_late || !attempts.any(is_earlier)
    }

    /// The ACK of a rejection of an INVITE, which has its branch (RFC 3261 §17.1.1.3).
    fn rejection_ack(&self, invite: &Exchange) -> Option<&'a Exchange> {
        self.all().find(|it| {
            it.method == Method::Ack && it.branch == invite.branch && it.cseq == invite.cseq
        })
    }

    /// Whether the INVITE was answered although the capture lacks the 2xx: an ACK that has a branch
    /// of its own, and a BYE, follow nothing else.
    pub(super) fn shows_answer(&self) -> bool {
        let Some(attempt) = self.attempt.filter(|_| self.is_invite()) else {
            return false;
        };
        let is_acknowledged = || {
            self.acks().any(|ack| {
                ack.cseq == attempt.cseq && ack.first > attempt.first && self.is_ack_of_2xx(ack)
            })
        };
        // Others are part of an early dialog as well (RFC 3311, RFC 3262).
        let is_confirmed = |it: &Exchange| {
            matches!(it.method, Method::Invite | Method::Info | Method::Refer)
                && it.request.is_some()
                && it.to_tag.is_some()
                && it.first > attempt.first
                && (it.from_tag == attempt.from_tag || it.to_tag == attempt.from_tag)
        };
        self.decision.is_none()
            && (self.bye.is_some() || is_acknowledged() || self.all().any(is_confirmed))
    }

    /// Whether an ACK certainly acknowledges a 2xx: that of a rejection has the branch of its
    /// INVITE, which must be known.
    fn is_ack_of_2xx(&self, ack: &Exchange) -> bool {
        // The INVITE of another attempt with the same number may be missing on another link.
        let attempts = self.attempts.iter().filter(|own| own.cseq == ack.cseq);
        let is_only = attempts.count() < 2;
        let is_on_link = |it: &Exchange| {
            let is_own = self.attempts.iter().any(|own| core::ptr::eq(*own, it));
            it.method == Method::Invite
                && it.cseq == ack.cseq
                && it.source() == ack.source()
                && (is_own || is_only && it.receiver() == ack.receiver())
        };
        ack.to_tag.is_some() && self.all().any(is_on_link) && self.rejected_invite(ack).is_none()
    }

    /// The INVITE whose rejection an ACK acknowledges, since both have one branch (RFC 3261
    /// §17.1.1.3).
    fn rejected_invite(&self, ack: &Exchange) -> Option<&'a Exchange> {
        self.all()
            .find(|it| it.method == Method::Invite && it.branch == ack.branch)
    }

    /// The final response to the deciding attempt.
    fn find_decision(&self) -> Option<(&'a Exchange, Response)> {
        let attempt = self.attempt?;
        if let Some(response) = attempt.last {
            return Some((attempt, response));
        }
        // An agent may not see the responses on the first hop. Those on other hops have the same
        // number and, unless a B2BUA is between them, the same From tag.
        let others: Vec<&Exchange> = self
            .all()
            .filter(|it| it.method == attempt.method && it.cseq == attempt.cseq)
            .filter(|it| !self.attempts.iter().any(|own| core::ptr::eq(*it, *own)))
            .filter(|it| !core::ptr::eq(*it, attempt) && self.may_follow(attempt, it))
            .collect();
        let is_same_leg = |it: &Exchange| it.from_tag == attempt.from_tag;
        let accepted = |same_leg: bool| {
            let others = others.iter();
            others
                .filter(|it| is_same_leg(it) == same_leg && it.is_accepted())
                .min_by_key(|it| it.last_response())
        };
        // A proxy forwards every 2xx (RFC 3261 §16.7), but tries another branch after a rejection.
        // If the agent sees the responses on the first hop, a rejection elsewhere is not the end,
        // unless the caller acknowledged one.
        let rejected = |same_leg: bool| {
            let mut others = others.iter();
            others.rfind(|it| is_same_leg(it) == same_leg && it.is_rejected())
        };
        let sees_responses = attempt.has_response() && self.rejection_ack(attempt).is_none();
        let elsewhere = match sees_responses {
            true => accepted(true),
            false => accepted(true)
                .or_else(|| rejected(true))
                .or_else(|| accepted(false))
                .or_else(|| rejected(false)),
        };
        elsewhere.and_then(|it| Some((*it, it.last?)))
    }

    fn find_end(&mut self) {
        let is_bye =
            |it: &&Exchange| it.method == Method::Bye && it.request.is_some() && self.has_bye(it);
        // A proxy may change the tag of the callee, but if a BYE has it, others are of other forks.
        let has_tag = |it: &Exchange| {
            let tag = self.to_tag();
            tag.is_some() && (it.to_tag == tag || it.from_tag == tag)
        };
        let any_has_tag = self.all().filter(is_bye).any(has_tag);
        let byes = || {
            self.all()
                .filter(is_bye)
                .filter(|it| !any_has_tag || has_tag(it))
        };
        let bye = byes().min_by_key(|it| it.packet()).and_then(|first| {
            let same = |it: &&Exchange| it.cseq == first.cseq && it.from_tag == first.from_tag;
            let hops: Vec<&Exchange> = byes().filter(same).collect();
            let ends: Vec<&Exchange> = not_forwarded(&hops)
                .filter(|it| !self.is_relay(it.source()))
                .collect();
            self.nearest_to_user_agent(match ends.is_empty() {
                true => &hops,
                false => &ends,
            })
        });
        // The agent may see the BYE on one hop and the response on another.
        let is_elsewhere = |it: &&Exchange| {
            it.method == Method::Bye
                && it.request.is_none()
                && byes().any(|bye| {
                    // The number is a higher one after a challenge.
                    let is_same_dialog = it.last.is_some_and(|last| last.to_tag == bye.to_tag);
                    bye.from_tag == it.from_tag && (bye.cseq == it.cseq || is_same_dialog)
                })
        };
        let elsewhere = || self.all().filter(is_elsewhere);
        let responses = || byes().chain(elsewhere()).filter_map(|it| it.last);
        // A challenge does not end a BYE: it comes again with credentials.
        let is_end = |response: &Response| !matches!(response.status, 401 | 407);
        let bye_response = responses().find(is_end).or_else(|| responses().next());
        let cancel = self.attempt.and_then(|attempt| self.cancel_of(attempt));
        (self.bye, self.bye_response, self.cancel) = (bye, bye_response, cancel);
    }

    /// Whether an address forwards the INVITE.
    fn is_relay(&self, address: Option<IpAddr>) -> bool {
        // The callee may send a re-INVITE, which has another From tag.
        let invites = || self.all().filter(|it| it.method == Method::Invite);
        invites().filter(|it| it.source() == address).any(|sent| {
            invites().any(|it| {
                it.receiver() == address && it.from_tag == sent.from_tag && it.cseq == sent.cseq
            })
        })
    }

    /// The CANCEL of an attempt. Branch and number are those of the request that it cancels (RFC
    /// 3261 §9.1). That of an earlier attempt says nothing about the last one.
    fn cancel_of(&self, attempt: &Exchange) -> Option<&'a Exchange> {
        let is_of_attempt = |it: &&Exchange| {
            it.branch == attempt.branch || it.cseq == attempt.cseq && it.packet() > attempt.packet()
        };
        // A CANCEL that a proxy sends to a fork of its own is not that of the caller, whose INVITE
        // may be missing on the hop before.
        let cancels: Vec<&Exchange> = self
            .all()
            .filter(|it| it.method == Method::Cancel && it.request.is_some())
            .filter(is_of_attempt)
            .filter(|it| {
                let is_before = it.receiver() == attempt.source();
                it.source() == attempt.source() || (is_before && it.from_tag == attempt.from_tag)
            })
            .collect();
        nearest_to_sender(&cancels)
    }

    /// Whether a BYE ends the caller's dialog, and not the one with another fork, which the caller
    /// hangs up at once (RFC 3261 §13.2.2.4), or that of another leg.
    fn has_bye(&self, bye: &Exchange) -> bool {
        // Without the start of the call, any BYE says how it ended.
        let Some(attempt) = self.attempt.filter(|_| self.is_captured) else {
            return true;
        };
        let (own, (from, to)) = (attempt.from_tag, (bye.from_tag, bye.to_tag));
        let other = match (from, to) {
            _ if from.is_some() && from == own => to,
            _ if to.is_some() && to == own => from,
            // A faulty device forgets the tags, or one of them (RFC 3261 §12.2.1.1).
            (None, None) => return true,
            (Some(tag), None) | (None, Some(tag)) => return Some(tag) == self.to_tag(),
            // The From tag of the caller is not there, so that it is another leg.
            _ => return false,
        };
        let Some(other) = other else { return true };
        // A tag that no other fork has may be that of another hop: some proxies change To tags.
        Some(other) == self.to_tag() || !self.is_of_other_fork(other)
    }

    /// Whether another fork that accepted the call has this tag.
    fn is_of_other_fork(&self, tag: u64) -> bool {
        let Some((decision, _)) = self.decision else {
            return false;
        };
        // On other hops, the tags are the same, unless a proxy changes them.
        let accepts = |it: &Exchange, tag: Option<u64>| {
            it.method == Method::Invite
                && it.to_tag.is_none()
                && !core::ptr::eq(it, decision)
                && it
                    .last
                    .is_some_and(|it| it.status < 300 && it.to_tag == tag)
        };
        let is_kept = || self.all().any(|it| accepts(it, self.to_tag()));
        decision.other_tags.contains(&tag)
            || (is_kept() && self.all().any(|it| accepts(it, Some(tag))))
    }

    /// The To tag of the dialog.
    pub(super) fn to_tag(&self) -> Option<u64> {
        self.decision.and_then(|(_, response)| response.to_tag)
    }

    /// Time of the first ringing response to the initial INVITE on any hop.
    pub(super) fn ringing_us(&self) -> Option<u64> {
        let method = self.method()?;
        let initial = |it: &&Exchange| it.method == method && it.to_tag.is_none();
        self.all()
            .filter(initial)
            .filter_map(|it| it.ringing_us)
            .min()
    }

    /// How the call ended: `BYE`, `CANCEL`, or the status that rejected it, with the message's
    /// route.
    pub(super) fn end(&self) -> Option<(End, Route)> {
        let route = |it: &Exchange| it.request.map(|request| request.route);
        // A BYE counts even in a capture without the start of the call.
        if let Some(bye) = self.bye.and_then(route) {
            return Some((End::Bye, bye));
        }
        let (_, response) = self.decision?;
        if !self.is_invite() || response.status < 300 {
            return None;
        }
        // A canceled call also ends with a status, 487, which is not the cause.
        Some(match self.cancel.and_then(route) {
            Some(cancel) => (End::Cancel, cancel),
            None => (End::Rejected(response.status), response.seen.route),
        })
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Bye,
    Cancel,
    Rejected(u16),
}

/// Whether `next` is a further attempt after `current`: with credentials, at the address of a
/// redirection, with the next carrier, or because no one responded.
///
/// Its CSeq says nothing: proxies that respond to a challenge or try the next carrier keep it
/// (RFC 3261 §16.6 copies the request).
fn follows(current: &Exchange, next: &Exchange, ack: Option<&Exchange>) -> bool {
    // The clocks of two agents may differ, so that the order of packets is not enough.
    let is_later = next.cseq > current.cseq || (next.has_credentials && !current.has_credentials);
    if core::ptr::eq(current, next) || (next.first < current.first && !is_later) {
        return false;
    }
    let is_over = is_later || ack.is_some_and(|ack| ack.first <= next.first);
    match current.last {
        Some(last) if last.status >= 300 => is_over || last.seen.packet < next.first,
        Some(_) => false,
        // The capture may lack the rejection.
        None if is_over => true,
        None => {
            let before = current.request.map_or(0, |request| request.last_packet);
            !current.has_response() && before < next.first && next.has_response()
        }
    }
}

/// Whether a request with the tag of `first` and a number of its own was not captured between its
/// sender and the first proxy, so that this is the nearest transaction, or a fork of it.
fn is_only_elsewhere(exchange: &Exchange, first: &Exchange, hops: &[&Exchange]) -> bool {
    let same = |it: &&&Exchange| it.cseq == exchange.cseq && it.from_tag == exchange.from_tag;
    exchange.from_tag == first.from_tag
        && exchange.cseq.is_some()
        && nearest_to_sender(&hops.iter().filter(same).copied().collect::<Vec<_>>())
            .is_some_and(|nearest| nearest.source() == exchange.source())
}

/// The transaction that is nearest to the sender of a request, of those on all hops. Clocks of
/// agents differ, so that the order of packets does not tell.
fn nearest_to_sender<'a>(hops: &[&'a Exchange]) -> Option<&'a Exchange> {
    // A request that comes back to its sender has no such hop.
    not_forwarded(hops).next().or(hops.first().copied())
}

/// The transactions that begin where no other one arrives.
fn not_forwarded<'a, 'h>(hops: &'h [&'a Exchange]) -> impl Iterator<Item = &'a Exchange> + 'h {
    let is_forwarded = |it: &Exchange| {
        hops.iter()
            .any(|other| other.receiver() == it.source() && other.source() != it.source())
    };
    hops.iter().copied().filter(move |it| !is_forwarded(it))
}
