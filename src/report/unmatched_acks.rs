//! ACKs that acknowledge nothing (RFC 3261 §13.2.2.4).

use super::exchange::{Exchange, MAX_EXCHANGES, Method};
use super::finding_list::FindingList;
use super::leg::Leg;
use crate::finding::Rule;

/// Longest time in microseconds from a 2xx to its ACK, exclusive, if nothing else shows that the
/// ACK is meant for it: T1, after which the 2xx comes again (RFC 3261 §13.3.1.4). The ACK of a
/// re-INVITE comes later.
const MAX_DELAY_US: u64 = 500_000;

/// Reports every ACK of a requested call whose number is that of no INVITE in its dialog, while a
/// 2xx in this dialog is still without an ACK.
///
/// The ACK of a re-INVITE that the capture lacks is excluded: its number is higher, and the 2xx is
/// not sent again after it.
pub(super) fn report_unmatched_acks(leg: &Leg<'_>, findings: &mut FindingList) {
    // The INVITE may be one that is not kept.
    if leg.exchanges.len() >= MAX_EXCHANGES {
        return;
    }
    let is_request = |it: &&Exchange, method| it.method == method && it.request.is_some();
    for ack in leg.all().filter(|it| is_request(it, Method::Ack)) {
        let before = |packet: u64| packet < ack.packet();
        // The INVITEs that it may acknowledge: the final response names the dialog.
        let invites = || {
            leg.all().filter(|it| {
                it.method == Method::Invite
                    && it.from_tag == ack.from_tag
                    && it.last.is_some_and(|last| {
                        last.to_tag == ack.to_tag
                            || ack.to_tag.is_some_and(|tag| it.other_tags.contains(&tag))
                    })
            })
        };
        // The clocks of two agents may differ, so that a response may be after its ACK.
        let is_known = invites().any(|it| it.cseq.is_none() || it.cseq == ack.cseq);
        let is_open = |invite: &Exchange| {
            (200..300).contains(&invite.status())
                && !leg.all().any(|it| {
                    is_request(&it, Method::Ack)
                        && it.from_tag == ack.from_tag
                        && it.cseq == invite.cseq
                        && before(it.packet())
                        && it.packet() > invite.packet()
                        && it.to_tag == ack.to_tag
                })
        };
        let sent_us = ack.request.map_or(0, |request| request.time_us);
        let is_meant = |invite: &&Exchange| {
            invite.last.is_some_and(|last| {
                let is_soon = sent_us.saturating_sub(last.seen.time_us) < MAX_DELAY_US;
                let is_resent = last.seen.last_packet > ack.packet();
                before(last.seen.packet) && (ack.cseq < invite.cseq || is_resent || is_soon)
            })
        };
        let open = invites().filter(is_meant).find(|it| is_open(it));
        if !is_known && let Some((cseq, invite)) = ack.cseq.zip(open.and_then(|it| it.cseq)) {
            let rule = Rule::AckWithoutInvite { cseq, invite };
            findings.push(ack.packet(), None, rule);
        }
    }
}
