//! Causes that lie between the participants: requests and ACKs that did not arrive.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::IpAddr;

use super::Certainty::{Certain, Likely};
use super::List;
use crate::report::exchange::{Exchange, MAX_EXCHANGES, Method};
use crate::report::outcome::{Outcome, Verdict, destination, source};
use crate::report::status::status_text;
use crate::report::summary::{counted, seconds};

const ACK_NEXT_STEP: &str = "Check whether the Contact and Record-Route of that response lead \
     back, so that the ACK can arrive, and whether the other side got the response.";

impl Verdict<'_> {
    /// `peer-silent` and `peer-stopped`: requests that were sent again and got no response.
    pub(super) fn silent_peers(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let Some(request) = exchange.request.filter(|it| it.route.directed) else {
                continue;
            };
            let resent = self.resent(&request);
            let is_initial = exchange.to_tag.is_none() && exchange.method.starts_call();
            // A proxy responds 408 for a peer that did not (RFC 3261 §16.8).
            let timeout = exchange
                .last
                .filter(|last| last.status == 408 && !is_initial);
            if let Some(last) = timeout {
                list.push(
                    "peer-stopped",
                    Certain,
                    &[request.packet, last.seen.packet],
                    format!(
                        "the {} in packet {} timed out: {} responded {} instead of the other side",
                        exchange.method.name(),
                        request.packet,
                        source(&last.seen.route),
                        status_text(408, b"")
                    ),
                    "Look for the last hop that has the request: check whether the one after it \
                     still ran and had the call.",
                );
                continue;
            }
            if resent == 0 || exchange.has_response() || exchange.method == Method::Ack {
                continue;
            }
            // The sender got a response that the capture lacks.
            if self.ack_of(exchange).is_some() {
                continue;
            }
            // A carrier that does not respond is no fault if the next one does.
            let is_due_to_another =
                matches!(self.leg.status(), 400..=699) && !is_of_next_hop(self.leg.status());
            if is_initial && (self.outcome.is_good() || is_due_to_another) {
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
            let has_sent = self.has_sent(peer);
            if has_sent || !is_initial {
                let certainty = if has_sent && resent > 1 {
                    Certain
                } else {
                    Likely
                };
                let (what, else_fits) = match (has_sent, certainty) {
                    (true, Certain) => ("sent messages of this call", ""),
                    (true, Likely) => (
                        "sent messages of this call",
                        "; its response may also have been lost",
                    ),
                    // The request belongs to a dialog, which takes a response.
                    (false, _) => (
                        "has responded before",
                        "; an agent that does not see its messages fits as well",
                    ),
                };
                list.push(
                    "peer-stopped",
                    certainty,
                    &packets,
                    format!(
                        "{at} {what}, but did not respond to the {method}, which was sent {times} \
                         within {took}{else_fits}"
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

    /// The ACK on the same hop as an INVITE: it follows a final response.
    fn ack_of(&self, invite: &Exchange) -> Option<&Exchange> {
        let ends = |it: &Exchange| {
            it.request
                .map(|request| [request.route.source.ip(), request.route.destination.ip()])
        };
        self.leg.all().find(|it| {
            invite.method == Method::Invite
                && it.method == Method::Ack
                && it.cseq == invite.cseq
                && it.packet() > invite.packet()
                && ends(it) == ends(invite)
        })
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

    /// `ack-missing` of a re-INVITE.
    pub(super) fn ack_of_change(&self, list: &mut List) {
        for exchange in self.leg.all() {
            let is_change = exchange.method == Method::Invite && exchange.to_tag.is_some();
            let Some((request, response)) = exchange.request.zip(exchange.last) else {
                continue;
            };
            let resent = self.resent(&response.seen);
            let is_acknowledged = self.leg.all().any(|it| {
                it.method == Method::Ack
                    && it.from_tag == exchange.from_tag
                    && it.packet() > request.packet
                    && (it.cseq == exchange.cseq || it.cseq.is_none())
            });
            // Sent again a few times, its ACK may only be missing in the capture.
            if !is_change || response.status >= 300 || resent < 3 || is_acknowledged {
                continue;
            }
            list.push(
                "ack-missing",
                Certain,
                &[
                    request.packet,
                    response.seen.packet,
                    response.seen.last_packet,
                ],
                format!(
                    "{} sent its {} to the INVITE in packet {} within the call again {}, and the \
                     capture has no ACK",
                    source(&response.seen.route),
                    response.status,
                    request.packet,
                    counted(u64::from(resent), "time")
                ),
                ACK_NEXT_STEP,
            );
        }
    }

    /// `ack-missing` and `ack-mismatch`.
    pub(super) fn ack(&self, list: &mut List) {
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
            // One ACK may be lost on its way to Homer, but not one for each copy.
            let (certainty, else_fits) = match self.resent(&response.seen) {
                0..3 => (Likely, "; an ACK that the capture lacks fits as well"),
                _ => (Certain, ""),
            };
            list.push(
                "ack-missing",
                certainty,
                &packets,
                format!(
                    "{from} sent its {} again {copies}, and the capture has no ACK{else_fits}",
                    response.status
                ),
                ACK_NEXT_STEP,
            );
            return;
        };
        packets.push(ack.packet());
        let why = match (ack.cseq, invite.cseq) {
            (Some(found), Some(expected)) if found != expected => {
                format!("has CSeq {found}, while the INVITE has {expected}")
            }
            _ if self.leg.has_other_uri(ack) => {
                "has another Request-URI than the Contact of the response".to_string()
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

    /// `lost-packets`: a response without its request, although other requests on the same way were
    /// captured; or an INVITE without a response, although it was acknowledged.
    pub(super) fn lost_packets(&self, list: &mut List) {
        // The request of a late response may be one that is not kept.
        if self.leg.exchanges.len() >= MAX_EXCHANGES {
            return;
        }
        const NEXT_STEP: &str = "Check whether the capture agent drops packets, above all IP \
             fragments and messages larger than the MTU.";
        let mut before: Option<u64> = None;
        for exchange in self.leg.all() {
            let first = exchange.provisional.or(exchange.last).map(|it| it.seen);
            let lost = first.filter(|_| exchange.request.is_none());
            if let Some(response) = lost {
                let route = response.route;
                let is_seen = self.leg.all().any(|it| {
                    it.request.is_some_and(|request| {
                        request.route.source.ip() == route.destination.ip()
                            && request.route.destination.ip() == route.source.ip()
                    })
                });
                if is_seen && route.directed {
                    let gap = before.map_or_else(String::new, |before| {
                        let gap = response.time_us.saturating_sub(before);
                        format!("; the gap before it is {}", seconds(gap))
                    });
                    list.push(
                        "lost-packets",
                        Likely,
                        &[response.packet],
                        format!(
                            "packet {} responds to a request ({}) that the capture does not have, \
                             while it has others between these addresses{gap}; a capture filter \
                             fits as well",
                            response.packet,
                            exchange.method.name()
                        ),
                        NEXT_STEP,
                    );
                }
            }
            if let Some(request) = exchange.request.filter(|_| !exchange.has_response())
                && self.has_sent(request.route.destination.ip())
                && let Some(ack) = self.ack_of(exchange)
            {
                list.push(
                    "lost-packets",
                    Likely,
                    &[request.packet, ack.packet()],
                    format!(
                        "the INVITE in packet {} was acknowledged in packet {}, but the capture \
                         has no response to it, although it has other messages of that side; a \
                         capture filter fits as well",
                        request.packet,
                        ack.packet()
                    ),
                    NEXT_STEP,
                );
            }
            let seen = exchange.request.or(exchange.last.map(|it| it.seen));
            before = seen.map(|seen| seen.time_us).or(before);
        }
    }
}

/// Whether a proxy may send a status because the next hop did not respond to it.
fn is_of_next_hop(status: u16) -> bool {
    matches!(status, 408 | 480 | 487 | 500..600)
}
