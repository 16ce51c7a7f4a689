//! Requests and the responses to them, on one hop each.

use alloc::vec::Vec;

use hashbrown::HashTable;
use twox_hash::XxHash64;

use super::{Findings, MAX_NAME, hash, printable};
use crate::finding::Rule;
use crate::sip::{Message, Start};

/// Transactions remembered: a call has a handful, one that is re-INVITEd every minute for a day
/// some thousands.
const MAX_REMEMBERED: usize = 4096;

/// The first transactions of a capture, told apart by call, CSeq and the topmost Via's branch (RFC
/// 3261 §17.1.3).
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    known: Vec<Transaction>,
    /// Keys, and where in `known` they are.
    index: HashTable<(u64, u32)>,
    /// Whether there was no room for one.
    pub(super) overflowed: bool,
}

#[derive(Clone, Debug)]
struct Transaction {
    call: u32,
    cseq: u32,
    method: u64,
    branch: u64,
    /// Whether the branch is one that no other transaction has.
    has_cookie: bool,
    from_tag: u64,
    /// The packet with the request.
    request: Option<Request>,
    /// The packet with the first response.
    response: Option<u64>,
}

#[derive(Clone, Debug)]
struct Request {
    packet: u64,
    method: Vec<u8>,
    to_tag: Option<u64>,
    /// Media descriptions in the offer that it makes; none once it is answered.
    offered: Option<u32>,
}

/// What is looked at in calls to judge a response without request.
pub(super) trait Calls {
    /// The packet with the request that begins the call.
    fn begin(&self, call: u32) -> Option<u64>;
    /// Whether there is any request of the call.
    fn has_requests(&self, call: u32) -> bool;
}

impl Transactions {
    /// Takes note of a message that is not a repetition. `media` is the number of media
    /// descriptions in it, if it has a session description.
    pub(super) fn message(
        &mut self,
        packet: u64,
        call: u32,
        message: &Message<'_>,
        media: Option<u32>,
        findings: &mut Findings,
    ) {
        let Some(cseq) = message.cseq else { return };
        // A request whose CSeq has another method is its own finding.
        let name = message.method().unwrap_or_default();
        let from_tag = hash(message.from_tag.unwrap_or_default());
        let has_cookie = message.via.is_some_and(|via| via.has_cookie());
        let branch = hash(message.via.and_then(|via| via.branch).unwrap_or_default());
        let method = hash(name);
        // Without the cookie, a branch does not tell transactions apart; the sender's tag does so a
        // little.
        let sender = if has_cookie { 0 } else { from_tag };
        let parts = [method, branch, sender].map(u64::to_le_bytes);
        let key = XxHash64::oneshot(
            u64::from(call) << 32 | u64::from(cseq.number),
            parts.as_flattened(),
        );
        let at = match self.index.find(key, |(known, _)| *known == key) {
            Some((_, at)) => *at,
            None if self.known.len() >= MAX_REMEMBERED => {
                self.overflowed = true;
                return;
            }
            None => {
                let at = self.known.len() as u32;
                self.known.push(Transaction {
                    call,
                    cseq: cseq.number,
                    method,
                    branch,
                    has_cookie,
                    from_tag,
                    request: None,
                    response: None,
                });
                self.index.insert_unique(key, (key, at), |(key, _)| *key);
                at
            }
        };
        let Some(transaction) = self.known.get_mut(at as usize) else {
            return;
        };
        match message.start {
            Start::Response { status, .. } => {
                let is_first = transaction.response.is_none();
                transaction.response = transaction.response.or(Some(packet));
                let Some(request) = &mut transaction.request else {
                    return;
                };
                let field = match message.to_tag.map(hash) {
                    _ if transaction.from_tag != from_tag => Some("From"),
                    to_tag if request.to_tag.is_some() && to_tag != request.to_tag => Some("To"),
                    _ => None,
                };
                if let Some(field) = field
                    && is_first
                {
                    findings.push(
                        packet,
                        None,
                        Rule::TagChanged {
                            field,
                            request: Some(request.packet),
                        },
                    );
                }
                // The first description is the answer; a refusal's tells what would do (RFC 3261
                // §21.4.26).
                if matches!(name, b"INVITE" | b"UPDATE")
                    && status < 300
                    && let (Some(offered), Some(answered)) = (request.offered, media)
                {
                    request.offered = None;
                    if answered != offered {
                        findings.push(packet, None, Rule::SdpMediaMissing { offered, answered });
                    }
                }
            }
            // A malformed request is one all the same, and may be answered.
            Start::Request { .. } | Start::Malformed
                if transaction.request.is_none() && !message.is_status_line() =>
            {
                transaction.from_tag = from_tag;
                transaction.request = Some(Request {
                    packet,
                    method: name[..name.len().min(MAX_NAME)].to_vec(),
                    to_tag: message.to_tag.map(hash),
                    offered: media,
                });
            }
            _ => {}
        }
    }

    /// What is odd about responses whose request is not in the capture, once all of it is known.
    /// Nothing where the call's beginning is missing as well, and other requests with it.
    pub(super) fn orphans(&self, calls: &dyn Calls, findings: &mut Findings) {
        let [cancel, ack] = [&b"CANCEL"[..], b"ACK"].map(hash);
        let orphans = self.known.iter().filter(|known| known.request.is_none());
        for orphan in orphans {
            let Some(response) = orphan.response else {
                continue;
            };
            let mut explained = false;
            let mut other_method: Option<&Request> = None;
            let mut other_call: Option<&Request> = None;
            for known in self.known.iter().filter(|known| known.cseq == orphan.cseq) {
                let Some(request) = &known.request else {
                    continue;
                };
                let same_call = known.call == orphan.call;
                // On another hop, where all are captured but this one; or a proxy's own CANCEL,
                // which many do not trace.
                explained |=
                    same_call && (known.method == orphan.method || orphan.method == cancel);
                if known.branch != orphan.branch
                    || known.from_tag != orphan.from_tag
                    || !known.has_cookie
                {
                    continue;
                }
                // CANCEL, and ACK of a refusal, share branch and number with their INVITE.
                if same_call && known.method != cancel && known.method != ack {
                    other_method = Some(request);
                } else if !same_call && known.method == orphan.method && known.response.is_none() {
                    other_call = Some(request);
                }
            }
            let flaw = if explained {
                continue;
            } else if let Some(request) = other_method {
                let request = printable(&request.method);
                Rule::CSeqMethodMismatch {
                    cseq: "another method".into(),
                    request,
                }
            } else if let Some(request) = other_call
                && !calls.has_requests(orphan.call)
            {
                Rule::CallIdChanged {
                    request: request.packet,
                }
            } else if calls
                .begin(orphan.call)
                .is_some_and(|begin| begin < response)
            {
                Rule::ResponseWithoutRequest
            } else {
                continue;
            };
            findings.push(response, None, flaw);
        }
    }
}
