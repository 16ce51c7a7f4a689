//! Faults of the messages of a call that are also causes: messages that are cut off, and bytes that
//! are not text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::printable::printable;
use crate::finding::Rule;
use crate::sip::{Message, StartLine};

/// Most faults kept of each kind: a cause names at most ten packets.
const MAX_FAULTS: usize = 10;

/// Bytes kept of a method.
const MAX_METHOD: usize = 32;

/// The first faults of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) truncated: Vec<TruncatedMessage>,
    /// Packet, and name of the field that is not UTF-8.
    pub(super) not_utf8: Vec<(u64, String)>,
}

/// A message that ends too early.
#[derive(Clone, Debug)]
pub(super) struct TruncatedMessage {
    pub(super) packet: u64,
    /// Its method or status.
    pub(super) name: String,
    /// Content-Length and the bytes that are there; none if the message ends in its header.
    pub(super) body: Option<(u64, usize)>,
}

impl Faults {
    /// Adds a rule that a message of the call breaks.
    pub(super) fn add(&mut self, packet: u64, rule: &Rule, message: &Message<'_>) {
        match rule {
            Rule::MessageTruncated { body } if self.truncated.len() < MAX_FAULTS => {
                self.truncated.push(TruncatedMessage {
                    packet,
                    name: name(message),
                    body: *body,
                });
            }
            Rule::NotUtf8 { field, .. } if self.not_utf8.len() < MAX_FAULTS => {
                self.not_utf8.push((packet, field.clone()));
            }
            _ => {}
        }
    }
}

fn name(message: &Message<'_>) -> String {
    match message.start {
        StartLine::Response { status, .. } => status.to_string(),
        StartLine::Request { method, .. } if method.len() <= MAX_METHOD => printable(method),
        _ => "message".to_string(),
    }
}
