//! Causes that a final response names: authentication, and refusals by their status.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Certainty::{Certain, Likely};
use super::List;
use crate::report::exchange::{Detail, Exchange};
use crate::report::outcome::{Outcome, Verdict, source};
use crate::report::status::{q850_text, status_text};
use crate::report::summary::counted;

impl Verdict<'_> {
    /// `auth-loop` and `auth-not-attempted`.
    pub(super) fn authentication(&self, list: &mut List) {
        let Some((_, response)) = self.leg.decision else {
            return;
        };
        if self.outcome != Outcome::AuthFailed || response.status == 403 {
            return;
        }
        // A refresh that was challenged last says nothing about those that succeeded before.
        let attempts = &self.leg.attempts;
        let since = attempts
            .iter()
            .rposition(|it| (200..300).contains(&it.status()));
        let since = since.map_or(0, |at| at + 1);
        let challenged: Vec<&Exchange> = attempts
            .iter()
            .skip(since)
            .copied()
            .filter(|it| matches!(it.status(), 401 | 407))
            .collect();
        let with_credentials: Vec<&Exchange> = challenged
            .iter()
            .copied()
            .filter(|it| it.has_credentials)
            .collect();
        let packets: Vec<u64> = challenged
            .iter()
            .flat_map(|it| [it.packet(), it.last.map_or(0, |last| last.seen.packet)])
            .chain([response.seen.packet])
            .collect();
        let from = source(&response.seen.route);
        let status = status_text(response.status, b"");
        let Some(last) = with_credentials.last() else {
            // The response to the request with credentials was seen on another hop.
            if attempts.iter().skip(since).any(|it| it.has_credentials) {
                return;
            }
            list.push(
                "auth-not-attempted",
                Certain,
                &packets,
                format!("{from} asked for credentials ({status}), and no request had any"),
                "Configure user name and password of this realm in the device that sent the \
                 request, or exempt its address from authentication.",
            );
            return;
        };
        let challenge = last.detail().and_then(|detail| detail.challenge);
        let credentials = last.detail().and_then(|detail| detail.credentials);
        // The challenge to which the last credentials respond is that of the attempt before.
        let offered = challenged
            .iter()
            .rev()
            .skip_while(|it| !core::ptr::eq(**it, *last))
            .nth(1)
            .and_then(|it| it.detail()?.challenge);
        const ACCOUNT: &str = "Compare user name, realm and password in the device with those of \
             the account on that server.";
        const DEVICE: &str = "Check why the device does not take realm, nonce and algorithm from \
             the latest challenge; several challenges or a proxy in between can be the reason.";
        let (why, next_step) = match (challenge, credentials, offered) {
            (Some(challenge), ..) if challenge.is_stale => (
                "the server calls the nonce stale, so that the password was right",
                "Check how long the server accepts a nonce, whether several servers share their \
                 nonces, and whether the device takes the new one.",
            ),
            (_, Some(used), Some(offered)) if used.realm != offered.realm => (
                "the credentials are for another realm than the challenge",
                ACCOUNT,
            ),
            (_, Some(used), Some(offered)) if used.nonce != offered.nonce => (
                "the credentials have another nonce than the challenge",
                DEVICE,
            ),
            (_, Some(used), Some(offered)) if used.algorithm != offered.algorithm => (
                "the credentials use another algorithm than the challenge",
                DEVICE,
            ),
            (_, Some(_), Some(_)) => (
                "realm and nonce fit, so that user name or password is probably wrong",
                ACCOUNT,
            ),
            _ => (
                "the capture does not show the challenge that they respond to; user name, realm \
                 or password may be wrong, or the nonce too old",
                ACCOUNT,
            ),
        };
        list.push(
            "auth-loop",
            Certain,
            &packets,
            format!(
                "{from} responded {status} to {} with credentials: {why}",
                counted(with_credentials.len() as u64, "request")
            ),
            next_step,
        );
    }

    /// The causes that the final status names.
    pub(super) fn final_status(&self, list: &mut List) {
        let Some((far, response)) = self.origin() else {
            return;
        };
        let is_failure = match self.outcome {
            Outcome::Refused | Outcome::AuthFailed | Outcome::NotCaptured => true,
            // What the callee sent after a CANCEL is still its reason.
            Outcome::Cancelled => response.status != 487,
            _ => false,
        };
        let known = code_of_status(response.status);
        let Some((code, next_step)) = known.filter(|_| is_failure) else {
            return;
        };
        let mut text = self.response_text();
        push_details(&mut text, |pick| self.detail(pick));
        let mut packets = [far.packet(), response.seen.packet].to_vec();
        packets.extend(self.leg.decision.map(|(_, own)| own.seen.packet));
        // A proxy responds with a status of its own, for instance 500 after 503 (RFC 3261 §16.7).
        let mut before = self.leg.all().filter_map(|it| {
            let last = it.last?;
            let is_before = it.method == far.method
                && it.to_tag.is_none()
                && it.packet() > far.packet()
                && last.seen.packet < response.seen.packet
                && last.seen.route.destination.ip() == response.seen.route.source.ip();
            // 487 follows a CANCEL of the proxy.
            let is_other = last.status >= 400 && ![response.status, 487].contains(&last.status);
            (is_before && is_other).then_some((it, last))
        });
        if let Some((exchange, last)) = before.next_back() {
            let phrase = exchange.detail().map_or(&[][..], |detail| &detail.phrase);
            text.push_str(&format!(
                ", after {} from {}",
                status_text(last.status, phrase),
                source(&last.seen.route)
            ));
            push_details(&mut text, |pick| exchange.detail().and_then(pick));
            packets.push(last.seen.packet);
        }
        list.push(code, Certain, &packets, text, next_step);
        let offer = far
            .detail()
            .and_then(|detail| detail.request_media.as_ref());
        if matches!(response.status, 488 | 606)
            && let Some(offer) = offer
        {
            list.push(
                "no-common-codec",
                Likely,
                &packets,
                format!(
                    "{} followed an offer of {}; other media, encryption or addresses in the offer \
                     fit as well",
                    status_text(response.status, b""),
                    offer.codecs()
                ),
                "Compare the offered codecs, and RTP or SRTP, with those that the callee allows.",
            );
        }
    }
}

/// Adds the Q.850 cause, Warning and Retry-After of a final response.
fn push_details(text: &mut String, get: impl Fn(fn(&Detail) -> Option<u32>) -> Option<u32>) {
    if let Some(cause) = get(|detail| detail.q850) {
        text.push_str(", ");
        text.push_str(&q850_text(cause));
    }
    for (name, value, unit) in [
        (", Warning ", get(|detail| detail.warning), ""),
        (", Retry-After ", get(|detail| detail.retry_after), " s"),
    ] {
        if let Some(value) = value {
            text.push_str(name);
            text.push_str(&value.to_string());
            text.push_str(unit);
        }
    }
}

/// The cause that a final status names, and what to check next.
fn code_of_status(status: u16) -> Option<(&'static str, &'static str)> {
    Some(match status {
        486 | 600 => (
            "busy",
            "Try again later; if the callee was not busy, check its call limit and do-not-disturb.",
        ),
        603 | 607 | 608 => (
            "declined",
            "Ask the callee, and check call screening and do-not-disturb on its side.",
        ),
        404 | 410 | 484 | 604 => (
            "not-found",
            "Compare the number in the Request-URI with the dial plan and routes of the hop that \
             responded.",
        ),
        430 | 480 => (
            "unavailable",
            "Check whether the callee is registered, and whether its ring time or forwarding ended \
             the call.",
        ),
        403 => (
            "forbidden",
            "Check permissions, credit, caller ID and allowed addresses of the account on the hop \
             that responded.",
        ),
        415 | 488 | 606 => (
            "not-acceptable-media",
            "Compare codecs, encryption and media types of the offer with those that the callee \
             allows.",
        ),
        400 | 420 | 421 | 423 | 494 => (
            "bad-request",
            "Look at the findings on the request and at what the response says about it (Warning, \
             Unsupported, Require, Min-Expires).",
        ),
        482 => (
            "loop",
            "Check the routes between the proxies: the request came back to one of them.",
        ),
        483 => (
            "too-many-hops",
            "Check the routes between the proxies for a loop, and the first Max-Forwards.",
        ),
        408 | 504 => (
            "gateway-timeout",
            "Look at the next hop after the one that responded: it gave no final response in time.",
        ),
        503 => (
            "overload",
            "Check load, free trunks and maintenance state of the hop that responded.",
        ),
        500..600 => (
            "server-failure",
            "Look into the log of the hop that responded, at the time of the response.",
        ),
        _ => return None,
    })
}
