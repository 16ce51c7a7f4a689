//! Causes that the session descriptions show: where media shall go, and what is refused.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Certainty::{Certain, Likely};
use super::List;
use crate::report::exchange::{Exchange, Method, Sighting};
use crate::report::media::{Media, is_private};
use crate::report::outcome::{Verdict, source};
use crate::report::status::q850_text;

impl Verdict<'_> {
    /// `private-media-address`, `media-rejected` and `early-media-only`.
    pub(super) fn media(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some(detail) = exchange.detail() else {
                continue;
            };
            // Between IPv4 and IPv6, the file does not say who sent it.
            let route = |seen: Sighting| Some(seen.route).filter(|route| route.directed);
            let request = exchange.request.and_then(route);
            let answer = exchange.last.and_then(|last| route(last.seen));
            for (media, route) in [(&detail.request_media, request), (&detail.answer, answer)] {
                if let Some((media, route)) = media.as_ref().zip(route) {
                    let is_initial = exchange.to_tag.is_none();
                    private_address(list, media, is_initial, route.source.ip(), &source(&route));
                }
            }
            let (Some(offer), Some(answer)) = (&detail.request_media, &detail.answer) else {
                continue;
            };
            // A stream that was not offered is not refused.
            if let Some(stream) = offer.refused_by(answer) {
                list.push(
                    "media-rejected",
                    Certain,
                    &[offer.packet, answer.packet],
                    format!(
                        "the answer in packet {} sets the port of stream {stream} to 0; the offer \
                         has {}",
                        answer.packet,
                        offer.codecs()
                    ),
                    "Compare the offered codecs and media with those that the answering side \
                     allows.",
                );
            }
        }
        let attempt = self.leg.attempt.filter(|_| self.leg.is_invite());
        let early = attempt.and_then(|it| it.detail()?.early_media.as_ref());
        if let Some(early) = early.filter(|_| !(200..300).contains(&self.leg.status())) {
            let q850 = attempt.and_then(|it| it.detail()?.early_q850);
            let q850 = q850.map_or_else(String::new, |cause| format!(" ({})", q850_text(cause)));
            list.push(
                "early-media-only",
                Certain,
                &[early.packet],
                format!(
                    "packet {} opened media before an answer{q850}, and the call was never \
                     answered: the caller may have heard an announcement or a ringing tone",
                    early.packet
                ),
                "Listen to the early media, if it was recorded: it often says why the call failed.",
            );
        }
    }

    /// `nat-contact`: later requests will not arrive at a Contact that only exists within a
    /// network.
    pub(super) fn contact(&self, list: &mut List) {
        let has_contact = |it: &&Exchange| matches!(it.method, Method::Invite | Method::Register);
        for exchange in self.leg.all().filter(has_contact) {
            let Some(detail) = exchange.detail() else {
                continue;
            };
            let answer = exchange.last.map(|last| last.seen);
            for (contact, seen) in [
                (detail.contact, exchange.request),
                (detail.answer_contact, answer),
            ] {
                let seen = seen.filter(|seen| seen.route.directed);
                let Some((contact, seen)) = contact.zip(seen) else {
                    continue;
                };
                let sender = seen.route.source.ip();
                // Proxies that put the address seen into the way, or a Record-Route, correct it.
                let is_reached = || {
                    self.leg.all().any(|it| {
                        let to = it.request.map(|request| request.route.destination.ip());
                        it.to_tag.is_some() && to == Some(sender) && it.has_response()
                    })
                };
                // The next hop has seen the device at this address, and later requests pass it.
                let is_seen_there = || {
                    self.leg.all().any(|it| {
                        it.request
                            .is_some_and(|request| request.route.source.ip() == contact)
                    })
                };
                if !is_private(contact) || is_private(sender) || is_reached() || is_seen_there() {
                    continue;
                }
                list.push(
                    "nat-contact",
                    Likely,
                    &[seen.packet],
                    format!(
                        "the Contact in packet {} is {contact}, which is not reachable from \
                         outside, while {} sent it: later requests will not arrive, unless a proxy \
                         corrects the address",
                        seen.packet,
                        source(&seen.route)
                    ),
                    "Check NAT settings of the device (external address, rport, outbound), and \
                     whether the proxy fixes contacts.",
                );
            }
        }
    }

    /// `hold`, `resume` and `media-address-changed`: what a re-INVITE or UPDATE changed.
    pub(super) fn media_changes(&self, list: &mut List) {
        // The latest description of each sender on each hop. A proxy sends those of both sides, and
        // may change their addresses; only the tag says whose they are.
        let mut latest: Vec<(Option<u64>, [IpAddr; 2], &Media)> = Vec::new();
        for exchange in self.leg.all() {
            let Some(detail) = exchange.detail() else {
                continue;
            };
            let accepted = (200..300).contains(&exchange.status());
            let is_change = exchange.to_tag.is_some() && accepted;
            let answer = exchange.last.map(|last| last.seen.route);
            let answer_tag = exchange.last.and_then(|last| last.to_tag);
            for (media, tag, route) in [
                (
                    &detail.request_media,
                    exchange.from_tag,
                    exchange.request.map(|it| it.route),
                ),
                (&detail.answer, answer_tag, answer),
            ] {
                let Some((media, route)) = media.as_ref().zip(route) else {
                    continue;
                };
                let hop = [route.source.ip(), route.destination.ip()];
                let is_same = |known: Option<u64>, source| known == tag && source == hop[0];
                // Requests within the dialog may leave out proxies.
                let at = latest
                    .iter()
                    .position(|(known, at, _)| *known == tag && *at == hop)
                    .or_else(|| {
                        let is_near = |(known, at, _): &(_, [IpAddr; 2], _)| is_same(*known, at[0]);
                        latest.iter().position(is_near)
                    });
                let Some(entry) = at.and_then(|at| latest.get_mut(at)) else {
                    latest.push((tag, hop, media));
                    continue;
                };
                let before = entry.2;
                // Only the offer changes direction: the answer follows it (RFC 3264 §8.4).
                let is_offer = detail
                    .request_media
                    .as_ref()
                    .is_some_and(|offer| offer.packet == media.packet);
                if is_change {
                    media_change(list, before, media, is_offer, &source(&route));
                }
                if accepted || exchange.to_tag.is_none() {
                    entry.2 = media;
                }
            }
        }
    }
}

/// What one description changes in comparison with the one before of the same sender.
fn media_change(list: &mut List, before: &Media, now: &Media, is_offer: bool, sender: &str) {
    let packets = [before.packet, now.packet];
    let (was_held, is_held) = (before.is_on_hold(), now.is_on_hold());
    let packet = now.packet;
    if is_offer && was_held != is_held {
        let (code, what, next_step) = match is_held {
            true => (
                "hold",
                "puts the call on hold",
                "Nothing is wrong; there is no audio while a call is on hold, except music.",
            ),
            false => (
                "resume",
                "resumes the call",
                "Nothing is wrong; if there is no audio after it, check the media addresses.",
            ),
        };
        list.push(
            code,
            Certain,
            &packets,
            format!("{sender} {what} in packet {packet}"),
            next_step,
        );
    }
    let addresses = before.address.zip(now.address);
    if let Some((old, new)) = addresses.filter(|(old, new)| old != new && !is_held && !was_held) {
        list.push(
            "media-address-changed",
            Certain,
            &packets,
            format!("{sender} moves its media from {old} to {new} in packet {packet}"),
            "If audio stops at that time, check whether both sides follow the new address.",
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
