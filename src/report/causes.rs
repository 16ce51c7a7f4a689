//! Why a call ended as it did: the causes that its messages prove or fit.
//!
//! A cause is only reported if the messages show it. A call that went well has none.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::capture_report::Cause;
use super::exchange::{Exchange, Method};
use super::media::{Media, is_private};
use super::outcome::{Outcome, Verdict, destination, source};
use super::status::{q850_text, status_text};
use super::summary::{counted, seconds};

/// Most causes in a report, inclusive.
const MAX_CAUSES: usize = 8;

/// Most packets that a cause names, inclusive.
const MAX_PACKETS: usize = 10;

/// How certain a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    /// The messages prove it.
    Certain,
    /// The messages fit it.
    Likely,
}
use Certainty::{Certain, Likely};

/// The causes of a call, the most likely one first.
pub(super) fn causes(verdict: &Verdict<'_>) -> Vec<Cause> {
    let mut list = List(Vec::new());
    // The order is that of the report: what explains the outcome comes first, what is merely worth
    // knowing comes last.
    verdict.silent_peers(&mut list);
    verdict.ack(&mut list);
    verdict.authentication(&mut list);
    verdict.final_status(&mut list);
    verdict.unknown_dialog(&mut list);
    verdict.media(&mut list);
    verdict.registration(&mut list);
    verdict.transfer(&mut list);
    verdict.glare(&mut list);
    list.0.truncate(MAX_CAUSES);
    list.0
}

struct List(Vec<Cause>);

impl List {
    /// Adds a cause, unless there is one with this code: what several transactions show is said
    /// once.
    fn push(
        &mut self,
        code: &str,
        certainty: Certainty,
        packets: &[u64],
        text: String,
        next_step: &str,
    ) {
        if self.0.iter().any(|cause| cause.code == code) {
            return;
        }
        let mut kept: Vec<u64> = Vec::new();
        for packet in packets.iter().filter(|packet| **packet > 0) {
            if !kept.contains(packet) && kept.len() < MAX_PACKETS {
                kept.push(*packet);
            }
        }
        let certainty = match certainty {
            Certain => "certain",
            Likely => "likely",
        };
        self.0.push(Cause {
            code: code.to_owned(),
            text,
            packets: kept,
            certainty: certainty.to_owned(),
            next_step: next_step.to_owned(),
        });
    }
}

impl Verdict<'_> {
    /// `peer-silent` and `peer-stopped`: requests that were sent again and got no response.
    fn silent_peers(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some(request) = exchange.request.filter(|it| it.route.directed) else {
                continue;
            };
            let resent = self.resent(&request);
            let is_initial = exchange.to_tag.is_none() && exchange.method.starts_call();
            // A proxy responds 408 for a peer that did not (RFC 3261 §16.8), and some do so to a
            // CANCEL or BYE.
            let timed_out = !is_initial && exchange.status() == 408;
            let is_open = !exchange.has_response() || timed_out;
            if resent == 0 || !is_open || exchange.method == Method::Ack {
                continue;
            }
            // A carrier that does not respond is no fault if the next one does.
            if is_initial && self.outcome.is_good() {
                continue;
            }
            let peer = request.route.destination.ip();
            let method = exchange.method.name();
            let (at, took) = (
                destination(&request.route),
                seconds(request.last_us.saturating_sub(request.time_us)),
            );
            let times = counted(u64::from(resent) + 1, "time");
            let packets = [request.packet, request.last_packet];
            if self.has_sent(peer) {
                let certainty = if resent > 1 { Certain } else { Likely };
                let else_fits = match certainty {
                    Certain => "",
                    Likely => "; its response may also have been lost",
                };
                list.push(
                    "peer-stopped",
                    certainty,
                    &packets,
                    format!(
                        "{at} sent messages of this call, but did not respond to the {method}, \
                         which was sent {times} within {took}{else_fits}"
                    ),
                    "Check at that address whether the process still ran and had its side of the \
                     call, and on the way whether a NAT or firewall dropped its state.",
                );
                continue;
            }
            // Timers A and E double (RFC 3261 §17.1.1.2, §17.1.2.2). T1 is 500 ms by default.
            let [first, second] = request.gaps_us;
            let is_doubling = resent > 1 && (first * 3 / 2..first * 5 / 2).contains(&second);
            let is_t1 = (300_000..700_000).contains(&first);
            if !is_doubling && !is_t1 {
                continue;
            }
            let certainty = if resent > 1 { Certain } else { Likely };
            let else_fits = match certainty {
                Certain => "",
                Likely => "; a slow peer whose response came after the capture fits as well",
            };
            list.push(
                "peer-silent",
                certainty,
                &packets,
                format!(
                    "{at} sent nothing: the {method} to it was sent {times} within \
                     {took}{else_fits}"
                ),
                "Check whether that address is right, whether the host is up, and whether a \
                 firewall drops the packets.",
            );
        }
    }

    /// Whether an address sent any message of the call.
    fn has_sent(&self, address: IpAddr) -> bool {
        self.leg.all().any(|it| {
            let request = it.request.map(|request| request.route.source.ip());
            let mut responses = [it.provisional, it.last].into_iter().flatten();
            request == Some(address)
                || responses.any(|response| response.seen.route.source.ip() == address)
        })
    }

    /// `ack-missing` and `ack-mismatch`.
    fn ack(&self, list: &mut List) {
        let Some((invite, response)) = self.leg.decision else {
            return;
        };
        if self.outcome != Outcome::Unacknowledged {
            return;
        }
        let copies = counted(u64::from(self.resent(&response.seen)), "time");
        let from = source(&response.seen.route);
        let mut packets = [response.seen.packet, response.seen.last_packet].to_vec();
        let Some(ack) = self.leg.acks().find(|ack| {
            // The ACK of a challenged attempt is in order.
            ack.packet() > response.seen.packet
        }) else {
            list.push(
                "ack-missing",
                Certain,
                &packets,
                format!(
                    "{from} sent its {} again {copies}, and the capture has no ACK",
                    response.status
                ),
                "Check whether the Contact and Record-Route of that response lead back, so that \
                 the caller's ACK can arrive, and whether the caller got the response.",
            );
            return;
        };
        packets.push(ack.packet());
        let why = match (ack.cseq, invite.cseq) {
            (Some(found), Some(expected)) if found != expected => {
                format!("has CSeq {found}, while the INVITE has {expected}")
            }
            _ if ack.branch == invite.branch => {
                "has the branch of the INVITE, as only the ACK of a refusal may".to_string()
            }
            _ => "has another To tag than the response".to_string(),
        };
        list.push(
            "ack-mismatch",
            Certain,
            &packets,
            format!(
                "the ACK in packet {} {why}, and {from} sent its {} again {copies}",
                ack.packet(),
                response.status
            ),
            "Check the device that sent the ACK, or the proxy or B2BUA that changed it.",
        );
    }

    /// `auth-loop` and `auth-not-attempted`.
    fn authentication(&self, list: &mut List) {
        let Some((_, response)) = self.leg.decision else {
            return;
        };
        if self.outcome != Outcome::AuthFailed || response.status == 403 {
            return;
        }
        let challenged: Vec<&Exchange> = self
            .leg
            .attempts
            .iter()
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
            .collect();
        let from = source(&response.seen.route);
        let status = status_text(response.status, b"");
        let Some(last) = with_credentials.last() else {
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
        let why = match (challenge, credentials, offered) {
            (Some(challenge), ..) if challenge.is_stale => {
                "the server calls the nonce stale, so that the password was right"
            }
            (_, Some(used), Some(offered)) if used.realm != offered.realm => {
                "the credentials are for another realm than the challenge"
            }
            (_, Some(used), Some(offered)) if used.nonce != offered.nonce => {
                "the credentials have another nonce than the challenge"
            }
            (_, Some(used), Some(offered)) if used.algorithm != offered.algorithm => {
                "the credentials use another algorithm than the challenge"
            }
            _ => "realm and nonce fit, so that user name or password is probably wrong",
        };
        list.push(
            "auth-loop",
            Certain,
            &packets,
            format!(
                "{from} responded {status} to {} with credentials: {why}",
                counted(with_credentials.len() as u64, "request")
            ),
            "Compare user name, realm and password in the device with those of the account on \
             that server.",
        );
    }

    /// The causes that the final status names.
    fn final_status(&self, list: &mut List) {
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
        if let Some(cause) = self.detail(|detail| detail.q850) {
            text.push_str(&format!(", {}", q850_text(cause)));
        }
        if let Some(warning) = self.detail(|detail| detail.warning) {
            text.push_str(&format!(", Warning {warning}"));
        }
        if let Some(after) = self.detail(|detail| detail.retry_after) {
            text.push_str(&format!(", Retry-After {after} s"));
        }
        let mut packets = [far.packet(), response.seen.packet].to_vec();
        packets.extend(self.leg.decision.map(|(_, own)| own.seen.packet));
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
                    codecs(offer)
                ),
                "Compare the offered codecs, and RTP or SRTP, with those that the callee allows.",
            );
        }
    }

    /// `bye-unknown-dialog`: 481 within a dialog.
    fn unknown_dialog(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some((request, response)) = exchange.request.zip(exchange.last) else {
                continue;
            };
            let within = exchange.to_tag.is_some() || exchange.method == Method::Bye;
            let method = exchange.method;
            if response.status != 481 || !within || method == Method::Cancel {
                continue;
            }
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
            let why = match (from, to) {
                _ if attempt.is_none() => "",
                ((false, _), _) => ": its From tag is missing",
                (_, (false, _)) => ": its To tag is missing",
                ((_, false), _) => ": its From tag belongs to no dialog of the call",
                (_, (_, false)) => ": its To tag belongs to no dialog of the call",
                _ => "; its tags are those of the dialog",
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

    /// `private-media-address`, `media-rejected` and `early-media-only`.
    fn media(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some(detail) = exchange.detail() else {
                continue;
            };
            let request = exchange.request.map(|request| request.route);
            let answer = exchange.last.map(|last| last.seen.route);
            for (media, route) in [(&detail.request_media, request), (&detail.answer, answer)] {
                if let Some((media, route)) = media.as_ref().zip(route) {
                    let is_initial = exchange.to_tag.is_none();
                    private_address(list, media, is_initial, route.source.ip(), &source(&route));
                }
            }
            let (Some(offer), Some(answer)) = (&detail.request_media, &detail.answer) else {
                continue;
            };
            let mut streams = offer.refused.iter().zip(&answer.refused).enumerate();
            // A stream that was not offered is not refused.
            if let Some((at, _)) = streams.find(|(_, (offered, answered))| !**offered && **answered)
            {
                list.push(
                    "media-rejected",
                    Certain,
                    &[offer.packet, answer.packet],
                    format!(
                        "the answer in packet {} sets the port of stream {} to 0; offered were {}",
                        answer.packet,
                        at + 1,
                        codecs(offer)
                    ),
                    "Compare the offered codecs and media with those that the answering side \
                     allows.",
                );
            }
        }
        let attempt = self.leg.attempt.filter(|_| self.leg.is_invite());
        let early = attempt.and_then(|it| it.detail()?.early_media.as_ref());
        if let Some(early) = early.filter(|_| !(200..300).contains(&self.leg.status())) {
            list.push(
                "early-media-only",
                Certain,
                &[early.packet],
                format!(
                    "packet {} opened media before an answer, and the call was never answered: the \
                     caller may have heard an announcement or a ringing tone",
                    early.packet
                ),
                "Listen to the early media, if it was recorded: it often says why the call failed.",
            );
        }
    }

    /// `registration-removed`.
    fn registration(&self, list: &mut List) {
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
    fn transfer(&self, list: &mut List) {
        let Some(refer) = self.leg.all().find(|it| it.method == Method::Refer) else {
            return;
        };
        let mut notified = self.leg.all().filter_map(|it| {
            let is_later = it.method == Method::Notify && it.packet() > refer.packet();
            Some((it, it.detail()?.sipfrag?)).filter(|_| is_later)
        });
        // The last NOTIFY has the final status; 100 and 180 come first (RFC 3515 §2.4.5).
        let result = notified.rfind(|(_, status)| *status >= 200);
        match result {
            Some((notify, status @ 200..300)) => list.push(
                "transfer-succeeded",
                Certain,
                &[refer.packet(), notify.packet()],
                format!(
                    "the transfer (REFER in packet {}) succeeded: the NOTIFY in packet {} says {}",
                    refer.packet(),
                    notify.packet(),
                    status_text(status, b"")
                ),
                "Nothing is wrong; look at the new call for what followed.",
            ),
            Some((notify, status)) => list.push(
                "transfer-failed",
                Certain,
                &[refer.packet(), notify.packet()],
                format!(
                    "the transfer (REFER in packet {}) failed: the NOTIFY in packet {} says {}",
                    refer.packet(),
                    notify.packet(),
                    status_text(status, b"")
                ),
                "Look at the call to the target of the transfer, which has a Call-ID of its own.",
            ),
            None if refer.is_rejected() && !matches!(refer.status(), 401 | 407) => list.push(
                "transfer-failed",
                Certain,
                &[
                    refer.packet(),
                    refer.last.map_or(0, |last| last.seen.packet),
                ],
                format!("the REFER got {}", status_text(refer.status(), b"")),
                "Check whether the side that got the REFER allows transfers to that target.",
            ),
            None => {}
        }
    }

    /// `glare`: both sides changed the session at once.
    fn glare(&self, list: &mut List) {
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
            false => "it was not sent again with success",
        };
        list.push(
            "glare",
            Certain,
            &[exchange.packet(), response.seen.packet],
            format!(
                "both sides sent a {} at once ({}); {then}",
                exchange.method.name(),
                status_text(491, b"")
            ),
            "If media did not change as it should, check whether the sender tries again after a \
             random time (RFC 3261 section 14.1).",
        );
    }
}

/// `private-media-address`.
fn private_address(
    list: &mut List,
    media: &Media,
    is_initial: bool,
    sender: IpAddr,
    sender_text: &str,
) {
    let Some(address) = media.unreachable_address() else {
        return;
    };
    // In a re-INVITE, 0.0.0.0 is how RFC 2543 devices hold a call (RFC 3264 §8.4).
    if is_private(sender) || (address.is_unspecified() && !is_initial) {
        return;
    }
    list.push(
        "private-media-address",
        Likely,
        &[media.packet],
        format!(
            "the SDP in packet {} wants media at {address}, which is not reachable from outside, \
             while {sender_text} sent it: no audio, or audio in one direction only, unless a media \
             proxy or a symmetric RTP peer corrects it",
            media.packet
        ),
        "Check NAT settings (external address, STUN, ICE) of the device, and the media handling of \
         the SBC.",
    );
}

/// The offered codecs, quoted since they come from the message.
fn codecs(offer: &Media) -> String {
    match offer.codecs() {
        codecs if codecs.is_empty() => "no codecs".to_string(),
        codecs => format!("\"{codecs}\""),
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
            "Check the routes between the proxies: the request came back to one that had it before.",
        ),
        483 => (
            "too-many-hops",
            "Check the routes between the proxies for a loop, and the first Max-Forwards.",
        ),
        408 | 504 => (
            "gateway-timeout",
            "Look for the next hop after the one that responded: it did not respond in time.",
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
