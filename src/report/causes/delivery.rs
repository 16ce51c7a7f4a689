//! Causes that lie between the participants: requests and ACKs that did not arrive.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::IpAddr;

use super::Certainty::{Certain, Likely};
use super::List;
use crate::report::exchange::{MAX_EXCHANGES, Method};
use crate::report::outcome::{Outcome, Verdict, destination, source};
use crate::report::status::status_text;
use crate::report::summary::{counted, seconds};

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
            // The sender got a response that the capture lacks: an ACK follows a final one.
            let is_acknowledged = exchange.method == Method::Invite
                && self.leg.all().any(|it| {
                    it.method == Method::Ack
                        && it.cseq == exchange.cseq
                        && it.source() == exchange.source()
                        && it.packet() > request.packet
                });
            if is_acknowledged {
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
    /// captured.
    pub(super) fn lost_packets(&self, list: &mut List) {
        // The request of a late response may be one that is not kept.
        if self.leg.exchanges.len() >= MAX_EXCHANGES {
            return;
        }
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
                        format!(", within {} before it", seconds(gap))
                    });
                    list.push(
                        "lost-packets",
                        Likely,
                        &[response.packet],
                        format!(
                            "packet {} responds to a request ({}) that the capture does not have{gap}, while \
                             other requests between these addresses are there; a capture filter fits as \
                             well",
                            response.packet,
                            exchange.method.name()
                        ),
                        "Check whether the capture agent drops packets, above all IP fragments and \
                         messages larger than the MTU.",
                    );
                }
            }
            let seen = exchange.request.or(exchange.last.map(|it| it.seen));
            before = seen.map(|seen| seen.time_us).or(before);
        }
    }
}
