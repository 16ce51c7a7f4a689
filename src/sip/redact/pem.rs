//! Keys in PEM (RFC 7468).

use memchr::memmem;

/// The labels of blocks that are public.
const PUBLIC: [&[u8]; 4] = [
    b"CERTIFICATE",
    b"PUBLIC KEY",
    b"X509 CRL",
    b"CERTIFICATE REQUEST",
];

/// Longest line that begins with a letter and is not searched for a block, in bytes, inclusive. A
/// line that holds a whole block is longer.
pub(super) const MAX_OTHER: usize = 100;

/// Where PEM blocks begin and end in a text.
#[derive(Default)]
pub(super) struct Blocks {
    is_secret: bool,
}

impl Blocks {
    /// Whether the next line is inside a block.
    pub(super) fn is_open(&self) -> bool {
        self.is_secret
    }

    /// Whether the next line is secret: it is inside a block, or holds the whole block.
    pub(super) fn is_secret(&mut self, line: &[u8]) -> bool {
        let is_other = line.len() <= MAX_OTHER && line.first().is_none_or(u8::is_ascii_alphabetic);
        (self.is_secret || !is_other) && self.is_secret_line(line)
    }

    fn is_secret_line(&mut self, line: &[u8]) -> bool {
        if let Some(begin) = memmem::find(line, b"-----BEGIN ") {
            let label = line.get(begin + 11..).unwrap_or_default();
            let is_public = PUBLIC.iter().any(|public| {
                let end = label.get(public.len()..);
                label.starts_with(public) && end.is_some_and(|end| end.starts_with(b"-----"))
            });
            let is_closed = memmem::find(label, b"-----END ").is_some();
            self.is_secret = !is_public && !is_closed;
            // Beside a whole block, the line has other things; the block's own lines do not.
            return is_closed && !is_public;
        }
        if !self.is_secret {
            return false;
        }
        let is_end = memmem::find(line, b"-----END ").is_some();
        self.is_secret = !is_end;
        !is_end
    }
}
