//! Transactions: a request and the responses to it, on one hop (RFC 3261 §17).

use alloc::vec::Vec;

use hashbrown::HashTable;
use twox_hash::XxHash64;

use super::call::Call;
use super::finding_list::FindingList;
use super::hash::hash;
use super::printable::printable;
use crate::finding::Rule;
use crate::sip::{Message, StartLine};

/// Most transactions remembered. A call has a handful; one with a re-INVITE every minute has some
/// thousands in a day.
const MAX_REMEMBERED: usize = 4096;

/// Bytes kept of a method.
const MAX_METHOD: usize = 32;

/// The first transactions of a capture, identified by call, CSeq, and the branch of the topmost Via
/// (RFC 3261 §17.1.3).
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    known: Vec<Transaction>,
    /// Keys, with indexes into `known`.
    index: HashTable<(u64, u32)>,
    /// Whether a transaction was left out.
    pub(super) overflowed: bool,
}

#[derive(Clone, Debug)]
struct Transaction {
    id: TransactionId,
    /// Hash of the From tag.
    from_tag: u64,
    /// The request, once it has been seen.
    request: Option<TransactionRequest>,
    /// The packet of the first response.
    response: Option<u64>,
}

/// What a response repeats of its request.
#[derive(Clone, Copy, Debug)]
struct TransactionId {
    call: u32,
    cseq: u32,
    /// Hash of the method.
    method: u64,
    /// Hash of the branch.
    branch: u64,
    /// Whether the branch begins with the magic cookie, so that no other transaction has it.
    has_cookie: bool,
}

#[derive(Clone, Debug)]
struct TransactionRequest {
    packet: u64,
    method: Vec<u8>,
    to_tag: Option<u64>,
    /// Number of media descriptions in its SDP offer; `None` once the SDP answer has arrived.
    offered: Option<u32>,
}

impl Transactions {
    /// Adds a message that is not a repetition. `media` is the number of media descriptions in its
    /// SDP, if it has one.
    pub(super) fn add(
        &mut self,
        packet: u64,
        call: u32,
        message: &Message<'_>,
        media: Option<u32>,
        findings: &mut FindingList,
    ) {
        // Without a readable CSeq, which is a finding of its own, nothing identifies it.
        let Some(cseq) = message.cseq else { return };
        let id = TransactionId {
            call,
            cseq: cseq.number,
            // That of the start line: a request with another method in CSeq has a finding already.
            method: hash(message.method().unwrap_or_default()),
            branch: hash(message.via.and_then(|via| via.branch).unwrap_or_default()),
            has_cookie: message.via.is_some_and(|via| via.has_cookie()),
        };
        let from_tag = hash(message.from_tag.unwrap_or_default());
        let Some(transaction) = self.get_or_insert(id, from_tag) else {
            return;
        };
        match message.start {
            StartLine::Response { status, .. } => {
                transaction.add_response(packet, status, from_tag, message, media, findings);
            }
            // Devices respond to a request whose start line is malformed.
            StartLine::Request { .. } | StartLine::Malformed
                if transaction.request.is_none() && !message.is_status_line() =>
            {
                // A response may have come first, with a From tag that it changed.
                transaction.from_tag = from_tag;
                let method = message.method().unwrap_or_default();
                transaction.request = Some(TransactionRequest {
                    packet,
                    method: method[..method.len().min(MAX_METHOD)].to_vec(),
                    to_tag: message.to_tag.map(hash),
                    offered: media,
                });
            }
            _ => {}
        }
    }

    /// The transaction with this ID; `None` if it is new and there is no room.
    fn get_or_insert(&mut self, id: TransactionId, from_tag: u64) -> Option<&mut Transaction> {
        let key = id.key(from_tag);
        let known = self.index.find(key, |(known, _)| *known == key);
        let at = match known {
            Some((_, at)) => *at,
            None if self.known.len() >= MAX_REMEMBERED => {
                self.overflowed = true;
                return None;
            }
            None => {
                let at = self.known.len() as u32;
                self.known.push(Transaction {
                    id,
                    from_tag,
                    request: None,
                    response: None,
                });
                self.index.insert_unique(key, (key, at), |(key, _)| *key);
                at
            }
        };
        self.known.get_mut(at as usize)
    }

    /// Reports responses whose request the capture does not contain, once all of it is known.
    pub(super) fn report_unmatched(&self, calls: &[Call], findings: &mut FindingList) {
        for transaction in &self.known {
            if transaction.request.is_none()
                && let Some(response) = transaction.response
                && let Some(rule) = self.unmatched(transaction, response, calls)
            {
                findings.push(response, None, rule);
            }
        }
    }

    /// The rule that a response without request breaks. None if the capture may simply not contain
    /// the request.
    fn unmatched(&self, orphan: &Transaction, response: u64, calls: &[Call]) -> Option<Rule> {
        // CANCEL and the ACK of a rejection have the branch and number of their INVITE
        // (RFC 3261 §9.1, §17.1.1.3), and are not the request that is looked for.
        let [cancel, ack] = [&b"CANCEL"[..], b"ACK"].map(hash);
        let mut other_method: Option<&TransactionRequest> = None;
        let mut other_call: Option<&TransactionRequest> = None;
        for known in &self.known {
            let (id, missing) = (known.id, orphan.id);
            let Some(request) = known.request.as_ref().filter(|_| id.cseq == missing.cseq) else {
                continue;
            };
            let same_call = id.call == missing.call;
            let same_method = id.method == missing.method;
            // The request was seen on another hop, so that this hop is merely not captured. Many
            // proxies do not trace the CANCEL that they send themselves.
            if same_call && (same_method || missing.method == cancel) {
                return None;
            }
            let same_transaction =
                id.has_cookie && id.branch == missing.branch && known.from_tag == orphan.from_tag;
            if !same_transaction {
                continue;
            }
            if same_call && id.method != cancel && id.method != ack {
                other_method = Some(request);
            } else if !same_call && same_method && known.response.is_none() {
                other_call = Some(request);
            }
        }
        let call = calls.get(orphan.id.call as usize)?;
        // The branch of a request with the same number: the response is to that request.
        if let Some(request) = other_method {
            return Some(Rule::CSeqMethodMismatch {
                cseq: None,
                request: printable(&request.method),
            });
        }
        // The same in another call, which lacks its response, while this one has no request.
        if let Some(request) = other_call
            && !call.has_requests()
        {
            let request = request.packet;
            return Some(Rule::CallIdChanged { request });
        }
        // If the start of the call is missing, the request is likely to be missing with it.
        call.first_request()
            .is_some_and(|first| first < response)
            .then_some(Rule::ResponseWithoutRequest)
    }
}

impl TransactionId {
    fn key(&self, from_tag: u64) -> u64 {
        // Without the cookie, devices use a branch again. The sender's tag then tells at least the
        // two directions of a dialog apart.
        let sender = if self.has_cookie { 0 } else { from_tag };
        let parts = [self.method, self.branch, sender].map(u64::to_le_bytes);
        let seed = u64::from(self.call) << 32 | u64::from(self.cseq);
        XxHash64::oneshot(seed, parts.as_flattened())
    }
}

impl Transaction {
    fn add_response(
        &mut self,
        packet: u64,
        status: u16,
        from_tag: u64,
        message: &Message<'_>,
        media: Option<u32>,
        findings: &mut FindingList,
    ) {
        // A fork responds with a To tag of its own, so that later responses may differ.
        let is_first = self.response.is_none();
        self.response = self.response.or(Some(packet));
        let Some(request) = &mut self.request else {
            return;
        };
        let changed_field = match message.to_tag.map(hash) {
            _ if self.from_tag != from_tag => Some("From"),
            // To a request without To tag, every response may add its own (RFC 3261 §8.2.6.2).
            to_tag if request.to_tag.is_some() && to_tag != request.to_tag => Some("To"),
            _ => None,
        };
        if let Some(field) = changed_field
            && is_first
        {
            let request = Some(request.packet);
            findings.push(packet, None, Rule::TagChanged { field, request });
        }
        // The first SDP in a response is the answer; another one repeats it (RFC 3261 §13.2.1).
        // The SDP in a rejection says what would have been accepted (§21.4.26).
        if matches!(&request.method[..], b"INVITE" | b"UPDATE")
            && status < 300
            && let (Some(offered), Some(answered)) = (request.offered, media)
        {
            request.offered = None;
            if answered != offered {
                findings.push(packet, None, Rule::SdpMediaMissing { offered, answered });
            }
        }
    }
}
