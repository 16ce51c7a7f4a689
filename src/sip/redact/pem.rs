//! Keys in PEM (RFC 7468).

use memchr::memmem;

/// The labels of blocks that are public.
const PUBLIC: [&[u8]; 4] = [
    b"CERTIFICATE",
    b"PUBLIC KEY",
    b"X509 CRL",
    b"CERTIFICATE REQUEST",
];

/// Where PEM blocks begin and end in a text.
pub(super) struct Blocks {
    /// Whether the text has a block at all; nearly none has.
    has_blocks: bool,
    is_secret: bool,
}

impl Blocks {
    /// For the lines of this text.
    pub(super) fn new(text: &[u8]) -> Self {
        Self {
            has_blocks: memmem::find(text, b"-----BEGIN ").is_some(),
            is_secret: false,
        }
    }

    /// Whether the next line is secret: it is inside a block, or holds the whole block.
    pub(super) fn is_secret(&mut self, line: &[u8]) -> bool {
        self.has_blocks && self.is_secret_line(line)
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
