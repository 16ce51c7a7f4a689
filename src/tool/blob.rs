//! The bytes of a capture as text.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Base64 (RFC 4648 §4) of bytes that come in pieces: the same text as of all of them at once.
#[derive(Debug, Default)]
pub struct Base64 {
    /// Bytes that are not three yet, and so no characters.
    rest: Vec<u8>,
}

impl Base64 {
    /// The length of the text of this many bytes.
    pub fn length(bytes: u64) -> u64 {
        bytes.div_ceil(3) * 4
    }

    /// Appends what the next bytes make whole.
    pub fn encode(&mut self, bytes: &[u8], text: &mut String) {
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let (first, others) = bytes.split_at(bytes.len().min(3 - self.rest.len()));
            self.rest.extend_from_slice(first);
            bytes = others;
            if self.rest.len() < 3 {
                return;
            }
            BASE64_STANDARD.encode_string(&self.rest, text);
            self.rest.clear();
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % 3);
        BASE64_STANDARD.encode_string(whole, text);
        self.rest.extend_from_slice(rest);
    }

    /// Appends what is left.
    pub fn finish(self, text: &mut String) {
        BASE64_STANDARD.encode_string(&self.rest, text);
    }
}
