//! Causes within a dialog: requests that the other side does not know, transfers, glare.

use alloc::format;
use alloc::string::String;

use super::Certainty::{Certain, Likely};
use super::List;
use crate::report::exchange::{Exchange, Method};
use crate::report::outcome::{Outcome, Verdict, source};
use crate::report::status::status_text;

impl Verdict<'_> {
    /// `bye-unknown-dialog`: 481 within a dialog.
    pub(super) fn unknown_dialog(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some((request, response)) = exchange.request.zip(exchange.last) else {
                continue;
            };
            let within = exchange.to_tag.is_some() || exchange.method == Method::Bye;
            let method = exchange.method;
            if response.status != 481 || !within || method == Method::Cancel {
                continue;
            }
            // Each hop passes it on; the one that sent it first is the farthest.
            let response = self
                .leg
                .all()
                .filter(|it| it.method == method && it.cseq == exchange.cseq)
                .filter_map(|it| it.last.filter(|last| last.status == 481))
                .min_by_key(|last| last.seen.packet)
                .unwrap_or(response);
            // Both sides hang up at once, or a BYE ends the dialog of a NOTIFY or INFO: the dialog
            // is gone when the request arrives, and that is nobody's fault.
            let is_over = self.leg.all().any(|it| {
                it.method == Method::Bye
                    && !core::ptr::eq(it, exchange)
                    && it.status() != 481
                    && it
                        .request
                        .is_some_and(|bye| bye.packet < response.seen.packet)
            });
            if is_over {
                continue;
            }
            let attempt = self.leg.attempt.filter(|_| self.leg.is_captured);
            let own = attempt.and_then(|it| it.from_tag);
            let tags = [exchange.from_tag, exchange.to_tag];
            let is_known = |tag: Option<u64>| {
                tag == own
                    || self.leg.all().any(|it| {
                        it.method == Method::Invite
                            && (it.from_tag == tag || it.last.is_some_and(|it| it.to_tag == tag))
                    })
            };
            let [from, to] = tags.map(|tag| (tag.is_some(), is_known(tag)));
            // The number must be higher than that of any request before (RFC 3261 §12.2.1.1).
            let earlier = self.leg.all().find(|it| {
                it.request.is_some()
                    && it.from_tag == exchange.from_tag
                    && !matches!(it.method, Method::Ack | Method::Cancel)
                    && it.packet() < request.packet
                    && (it.cseq > exchange.cseq
                        || (it.cseq == exchange.cseq && it.method != method))
            });
            let why = match (from, to, earlier) {
                _ if attempt.is_none() => String::new(),
                ((false, _), ..) => String::from(": its From tag is missing"),
                (_, (false, _), _) => String::from(": its To tag is missing"),
                ((_, false), ..) => String::from(": its From tag belongs to no dialog of the call"),
                (_, (_, false), _) => String::from(": its To tag belongs to no dialog of the call"),
                (.., Some(earlier)) => format!(
                    ": its CSeq is not higher than that of packet {}",
                    earlier.packet()
                ),
                _ => String::from("; its tags are those of the dialog"),
            };
            list.push(
                "bye-unknown-dialog",
                Certain,
                &[request.packet, response.seen.packet],
                format!(
                    "{} does not know the dialog of the {} ({}){why}",
                    source(&response.seen.route),
                    method.name(),
                    status_text(481, b"")
                ),
                "Compare From tag, To tag and Call-ID of that request with the 2xx of the call; if \
                 they agree, check whether the other side ended the call or was restarted.",
            );
        }
    }

    /// `session-timer-expired` and `bye-missing`: the other side ended the call without a BYE, as
    /// its 481 to a later request shows.
    pub(super) fn unnoticed_end(&self, list: &mut List) {
        let Some((_, answer)) = self.leg.decision.filter(|_| self.leg.is_answered()) else {
            return;
        };
        let unknown = self.leg.all().find(|it| {
            it.status() == 481 && it.method != Method::Cancel && it.packet() > answer.seen.packet
        });
        let Some((request, response)) = unknown.and_then(|it| it.request.zip(it.last)) else {
            return;
        };
        let is_own = unknown.is_some_and(|it| self.has_own_tags(it));
        if !is_own
            || self
                .leg
                .bye
                .is_some_and(|bye| bye.packet() < request.packet)
        {
            return;
        }
        // Each 2xx to an INVITE or UPDATE refreshes the session (RFC 4028 §7).
        let mut refreshes = self.leg.all().rev().filter(|it| {
            matches!(it.method, Method::Invite | Method::Update)
                && (200..300).contains(&it.status())
                && it.packet() < request.packet
        });
        let refresh = refreshes.find_map(|it| Some((it.last?, it.detail())));
        let Some((refresh, detail)) = refresh else {
            return;
        };
        let packets = [refresh.seen.packet, request.packet, response.seen.packet];
        let after = request.time_us.saturating_sub(refresh.seen.time_us);
        let expires = detail.and_then(|detail| detail.session_expires);
        if let Some(expires) = expires.filter(|expires| after > u64::from(*expires) * 1_000_000) {
            list.push(
                "session-timer-expired",
                Likely,
                &packets,
                format!(
                    "the session expired after {expires} s without a refresh (Session-Expires in \
                     packet {}), and {} s after it the other side did not know the call; a restart \
                     of that side fits as well",
                    refresh.seen.packet,
                    after / 1_000_000
                ),
                "Check which side was the refresher (RFC 4028) and why it sent no re-INVITE or \
                 UPDATE in time.",
            );
        } else if self.leg.bye.is_none() {
            list.push(
                "bye-missing",
                Likely,
                &packets,
                format!(
                    "{} no longer knows the call, although the capture has no BYE; a restart of \
                     that side fits as well",
                    source(&response.seen.route)
                ),
                "Look into its log for the time before that request: it ended the call without a \
                 BYE, or its BYE was lost.",
            );
        }
    }

    /// Whether a request has the tags of the caller's dialog.
    fn has_own_tags(&self, request: &Exchange) -> bool {
        let own = self.leg.attempt.and_then(|attempt| attempt.from_tag);
        let tags = [request.from_tag, request.to_tag];
        tags == [own, self.leg.to_tag()] || tags == [self.leg.to_tag(), own]
    }

    /// `registration-expired`: the next REGISTER came too late.
    pub(super) fn registration_gap(&self, list: &mut List) {
        if self.leg.method() != Some(Method::Register) {
            return;
        }
        let mut granted: Option<(u64, u64, u32)> = None;
        let mut number = None;
        for attempt in &self.leg.attempts {
            let Some(request) = attempt.request else {
                continue;
            };
            // Without a gap in the numbers, no REGISTER in between was lost.
            let is_next = number.is_some_and(|before: u32| attempt.cseq == before.checked_add(1));
            number = attempt.cseq;
            if let Some((packet, since_us, expires)) = granted {
                let after = request.time_us.saturating_sub(since_us);
                if after > u64::from(expires) * 1_000_000 {
                    let (certainty, else_fits) = match is_next {
                        true => (Certain, ""),
                        false => (Likely, "; one that the capture lacks fits as well"),
                    };
                    list.push(
                        "registration-expired",
                        certainty,
                        &[packet, request.packet],
                        format!(
                            "the registration was granted for {expires} s in packet {packet}, and \
                             the next REGISTER came after {} s{else_fits}",
                            after / 1_000_000
                        ),
                        "Check why the device refreshed its registration too late; calls to it \
                         failed in between.",
                    );
                }
            }
            let response = attempt.last.filter(|last| last.status < 300);
            let expires = attempt.detail().and_then(|detail| detail.granted);
            if let Some((response, expires)) = response.zip(expires.filter(|it| *it > 0)) {
                granted = Some((response.seen.packet, response.seen.time_us, expires));
            }
        }
    }

    /// `registration-removed`.
    pub(super) fn registration(&self, list: &mut List) {
        let is_registration = self.leg.method() == Some(Method::Register);
        let attempt = self.leg.attempt.filter(|_| is_registration);
        let Some(attempt) = attempt.filter(|_| self.outcome == Outcome::Succeeded) else {
            return;
        };
        if attempt.detail().and_then(|detail| detail.contacts) == Some(true) {
            let response = attempt.last.map_or(0, |last| last.seen.packet);
            list.push(
                "registration-removed",
                Certain,
                &[attempt.packet(), response],
                format!(
                    "the REGISTER in packet {} removed its contacts (Expires 0), and the server \
                     agreed",
                    attempt.packet()
                ),
                "If calls should still arrive, check why the device removed its registration, and \
                 whether it registered again with another Call-ID.",
            );
        }
    }

    /// `transfer-failed` and `transfer-succeeded`.
    pub(super) fn transfer(&self, list: &mut List) {
        // After a challenge, the REFER comes again with credentials.
        let refers = || {
            self.leg.all().filter(|it| {
                it.method == Method::Refer
                    && it.request.is_some()
                    && !matches!(it.status(), 401 | 407)
            })
        };
        for refer in refers() {
            let started = refer.packet();
            // What follows the next REFER belongs to that one. Other hops have the same one.
            let next = refers().find(|it| {
                it.packet() > started && (it.from_tag, it.cseq) != (refer.from_tag, refer.cseq)
            });
            let end = next.map_or(u64::MAX, Exchange::packet);
            // A NOTIFY may come before the 202, and on any leg. The last one has the final status;
            // 100 and 180 come first (RFC 3515 §2.4.5).
            let mut result = self.leg.all().filter_map(|it| {
                let is_own = it.method == Method::Notify && (started..end).contains(&it.packet());
                let status = it.detail()?.sipfrag?;
                (is_own && status >= 200).then_some((it.packet(), status))
            });
            let is_refused = refer.is_rejected();
            let refused = refer.last.filter(|_| is_refused);
            let Some((packet, status)) = result
                .next_back()
                .or_else(|| refused.map(|last| (last.seen.packet, last.status)))
            else {
                continue;
            };
            let (code, what, next_step) = match status {
                200..300 => (
                    "transfer-succeeded",
                    "succeeded",
                    "Nothing is wrong; look at the new call for what followed.",
                ),
                _ if is_refused => (
                    "transfer-failed",
                    "was rejected",
                    "Check whether the side that got the REFER allows transfers to that target.",
                ),
                _ => (
                    "transfer-failed",
                    "failed",
                    "Look at the call to the target of the transfer, which has a Call-ID of its \
                     own.",
                ),
            };
            let source = if is_refused { "response" } else { "NOTIFY" };
            list.push(
                code,
                Certain,
                &[started, packet],
                format!(
                    "the transfer (REFER in packet {started}) {what}: the {source} in packet \
                     {packet} says {}",
                    status_text(status, b"")
                ),
                next_step,
            );
        }
    }

    /// `glare`: both sides changed the session at once.
    pub(super) fn glare(&self, list: &mut List) {
        let glare = self.leg.all().find(|it| it.status() == 491);
        let Some((exchange, response)) = glare.and_then(|it| Some((it, it.last?))) else {
            return;
        };
        let again = self.leg.all().any(|it| {
            it.method == exchange.method
                && it.source() == exchange.source()
                && it.packet() > response.seen.packet
                && (200..300).contains(&it.status())
        });
        let then = match again {
            true => "it was sent again and succeeded",
            false => "the capture has no later one that succeeded",
        };
        // The request of the other side that was still without a final response.
        let other = self.leg.all().find(|it| {
            matches!(it.method, Method::Invite | Method::Update)
                && it.from_tag == exchange.to_tag
                && it.from_tag.is_some()
                && it.packet() < response.seen.packet
                && it
                    .last
                    .is_none_or(|last| last.seen.packet > exchange.packet())
        });
        let why = match other {
            Some(other) => format!(
                "its own {} in packet {} was pending",
                other.method.name(),
                other.packet()
            ),
            None => String::from("a request of its own was pending, which the capture lacks"),
        };
        list.push(
            "glare",
            Certain,
            &[
                other.map_or(0, Exchange::packet),
                exchange.packet(),
                response.seen.packet,
            ],
            format!(
                "{} rejected the {} in packet {} ({}), because {why}; {then}",
                source(&response.seen.route),
                exchange.method.name(),
                exchange.packet(),
                status_text(491, b"")
            ),
            "If media did not change as it should, check whether the sender tries again after a \
             random time (RFC 3261 section 14.1).",
        );
    }
}
