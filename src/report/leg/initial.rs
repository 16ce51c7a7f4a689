//! Which transactions start a call, also if the capture lacks their requests.

use super::Leg;
use crate::report::exchange::{Exchange, Method, Response};

impl Leg<'_> {
    /// Whether a transaction starts the call, on any hop. Its request may have been lost, for
    /// instance because it came in fragments, so that only responses to it were captured.
    pub(super) fn is_initial(&self, exchange: &Exchange) -> bool {
        if exchange.request.is_some() {
            return exchange.to_tag.is_none() && exchange.method.starts_call();
        }
        let may_start = matches!(
            exchange.method,
            Method::Invite
                | Method::Register
                | Method::Options
                | Method::Subscribe
                | Method::Message
                | Method::Publish
        );
        // Within a dialog, it would be a re-INVITE. If the start of the call is not in the window,
        // requests within the dialog come first.
        let starts_dialog = |it: &Exchange| {
            let accepted = it.last.filter(|last| last.status < 300);
            let is_same_dialog = |last: Response| {
                it.from_tag == exchange.from_tag || last.to_tag == exchange.from_tag
            };
            it.method == Method::Invite
                && it.cseq != exchange.cseq
                && accepted
                    .is_some_and(|last| last.seen.packet < exchange.first && is_same_dialog(last))
        };
        // A response with the tag of an early dialog belongs to it, even if the 2xx that confirmed
        // it was lost (RFC 3261 §12.1.1), unless any hop shows that it was rejected. Some devices
        // keep the tag for the next attempt, whose request another hop may show.
        let is_rejected = |early: &Exchange| {
            self.all().any(|it| {
                it.method == early.method
                    && it.cseq == early.cseq
                    && it.from_tag == early.from_tag
                    && (it.is_rejected() || self.rejection_ack(it).is_some())
            })
        };
        let starts_elsewhere = || {
            self.all().any(|it| {
                it.cseq == exchange.cseq
                    && it.method == exchange.method
                    && it.request.is_some()
                    && it.to_tag.is_none()
            })
        };
        let has_early_dialog = |it: &Exchange| {
            let early = it.provisional.filter(|_| it.last.is_none());
            it.method == Method::Invite
                && it.cseq != exchange.cseq
                && it.from_tag == exchange.from_tag
                && early.zip(exchange.last).is_some_and(|(early, last)| {
                    early.to_tag.is_some() && early.to_tag == last.to_tag
                })
                && !is_rejected(it)
        };
        let is_within = |it: &Exchange| {
            it.request.is_some()
                && !matches!(it.method, Method::Ack | Method::Cancel)
                && (it.to_tag.is_some() || !it.method.starts_call())
        };
        let acknowledges = |it: &Exchange| {
            it.method == Method::Ack
                && it.cseq < exchange.cseq
                && it.from_tag == exchange.from_tag
                && self.is_ack_of_2xx(it)
        };
        let before = || self.all().take_while(|it| !core::ptr::eq(*it, exchange));
        may_start
            && !before().any(|it| starts_dialog(it) || is_within(it) || acknowledges(it))
            && (!before().any(has_early_dialog) || starts_elsewhere())
    }
}
