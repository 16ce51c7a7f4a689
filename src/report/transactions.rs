//! Requests and the responses to them, on one hop each.

use alloc::vec::Vec;

use hashbrown::HashTable;
use twox_hash::XxHash64;

use super::{Findings, hash, printable};
use crate::finding::Flaw;
use crate::sip::{Message, Start};

/// Transactions remembered: a call has a handful, one that is re-INVITEd every minute for a day some thousands.
const MAX_REMEMBERED: usize = 4096;

/// Responses without a request that are looked into.
const MAX_ORPHANS: usize = 100;

/// The first transactions of a capture, told apart by call, CSeq and the topmost Via's branch (RFC 3261 §17.1.3).
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    known: HashTable<Transaction>,
    /// Whether there was no room for one.
    pub(super) overflowed: bool,
}

#[derive(Clone, Debug)]
struct Transaction {
    key: u64,
    call: u32,
    cseq: u32,
    method: u64,
    branch: u64,
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
    /// Media descriptions in the offer that it makes.
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
    /// Takes note of a message that is not a repetition. `media` is the number of media descriptions in it, if it has a
    /// session description.
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
        let method = hash(name);
        let branch = hash(message.via.and_then(|via| via.branch).unwrap_or_default());
        let from_tag = hash(message.from_tag.unwrap_or_default());
        let key = XxHash64::oneshot(
            u64::from(call) << 32 | u64::from(cseq.number),
            &(method ^ branch.rotate_left(1)).to_le_bytes(),
        );
        let is_known = |known: &Transaction| known.key == key;
        if self.known.find(key, is_known).is_none() {
            if self.known.len() >= MAX_REMEMBERED {
                self.overflowed = true;
                return;
            }
            let new =
                Transaction { key, call, cseq: cseq.number, method, branch, from_tag, request: None, response: None };
            self.known.insert_unique(key, new, |known| known.key);
        }
        let Some(transaction) = self.known.find_mut(key, is_known) else { return };
        let is_status_line = message.start_line.starts_with(b"SIP/");
        match message.start {
            // A malformed request is one all the same, and may be answered.
            Start::Request { .. } | Start::Malformed if transaction.request.is_none() && !is_status_line => {
                let to_tag = message.to_tag.map(hash);
                transaction.from_tag = from_tag;
                transaction.request = Some(Request { packet, method: name.to_vec(), to_tag, offered: media });
            }
            Start::Response { .. } => {
                let is_first = transaction.response.is_none();
                transaction.response = transaction.response.or(Some(packet));
                let Some(request) = &transaction.request else { return };
                let flawed = |flaw, findings: &mut Findings| findings.push(packet, None, flaw);
                let field = match message.to_tag.map(hash) {
                    _ if transaction.from_tag != from_tag => Some("From"),
                    to_tag if request.to_tag.is_some() && to_tag != request.to_tag => Some("To"),
                    _ => None,
                };
                if let Some(field) = field
                    && is_first
                {
                    flawed(Flaw::TagChanged { field, request: Some(request.packet) }, findings);
                }
                if let (Some(offered), Some(answered)) = (request.offered, media)
                    && answered != offered
                    && matches!(name, b"INVITE" | b"UPDATE")
                {
                    flawed(Flaw::SdpMediaMissing { offered, answered }, findings);
                }
            }
            _ => {}
        }
    }

    /// What is odd about responses whose request is not in the capture, once all of it is known. Nothing where the call's
    /// beginning is missing as well, and other requests with it.
    pub(super) fn orphans(&self, calls: &dyn Calls, findings: &mut Findings) {
        let orphans = self.known.iter().filter(|known| known.request.is_none());
        for orphan in orphans.take(MAX_ORPHANS) {
            let Some(response) = orphan.response else { continue };
            let mut elsewhere = false;
            let mut other_method: Option<&Request> = None;
            let mut other_call: Option<&Request> = None;
            for known in self.known.iter().filter(|known| known.cseq == orphan.cseq) {
                let Some(request) = &known.request else { continue };
                let same_call = known.call == orphan.call;
                // On another hop, where all are captured but this one.
                elsewhere |= same_call && known.method == orphan.method;
                if known.branch != orphan.branch || known.from_tag != orphan.from_tag {
                    continue;
                }
                // CANCEL, and ACK of a refusal, share branch and number with their INVITE.
                let apart = |method: u64| method == hash(b"CANCEL") || method == hash(b"ACK");
                if same_call && !apart(known.method) && !apart(orphan.method) {
                    other_method = Some(request);
                } else if !same_call && known.method == orphan.method && known.response.is_none() {
                    other_call = Some(request);
                }
            }
            let flaw = if elsewhere {
                continue;
            } else if let Some(request) = other_method {
                let request = printable(&request.method);
                Flaw::CSeqMethodMismatch { cseq: "another method".into(), request }
            } else if let Some(request) = other_call
                && !calls.has_requests(orphan.call)
            {
                Flaw::CallIdChanged { request: request.packet }
            } else if calls.begin(orphan.call).is_some_and(|begin| begin < response) {
                Flaw::ResponseWithoutRequest
            } else {
                continue;
            };
            findings.push(response, None, flaw);
        }
    }
}
