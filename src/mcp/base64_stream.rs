//! The bytes of a capture as base64 text, chunk by chunk.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Base64 (RFC 4648 §4) of bytes that arrive in chunks. The text of all chunks together is the same
/// as that of all bytes at once.
///
/// A capture may have 6 MiB; the component writes its text to the client without ever holding all
/// of it. (The writers of the crate base64 need `std`, and `data_encoding::Encoder` holds the whole
/// text.)
///
/// # Examples
/// ```
/// use homer_export::mcp::Base64Stream;
///
/// let mut stream = Base64Stream::default();
/// let mut text = String::new();
/// stream.encode(b"pc", &mut text);
/// stream.encode(b"ap", &mut text);
/// stream.finish(&mut text);
/// assert_eq!(text, "cGNhcA==");
/// ```
#[derive(Debug, Default)]
pub struct Base64Stream {
    /// Fewer than three bytes: three bytes become four characters, so these must wait.
    pending: Vec<u8>,
}

impl Base64Stream {
    /// The length of the text for this many bytes.
    pub fn length(bytes: u64) -> u64 {
        bytes.div_ceil(3) * 4
    }

    /// Appends the text of the next bytes, except for one or two that wait for the next call.
    pub fn encode(&mut self, bytes: &[u8], text: &mut String) {
        let mut bytes = bytes;
        if !self.pending.is_empty() {
            let missing = bytes.len().min(3 - self.pending.len());
            let (first, others) = bytes.split_at(missing);
            self.pending.extend_from_slice(first);
            bytes = others;
            if self.pending.len() < 3 {
                return;
            }
            BASE64_STANDARD.encode_string(&self.pending, text);
            self.pending.clear();
        }
        // Any other length would end in padding, which may stand only at the end (RFC 4648 §4).
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % 3);
        BASE64_STANDARD.encode_string(whole, text);
        self.pending.extend_from_slice(rest);
    }

    /// Appends the text of the bytes that wait, with padding.
    pub fn finish(self, text: &mut String) {
        BASE64_STANDARD.encode_string(&self.pending, text);
    }
}
