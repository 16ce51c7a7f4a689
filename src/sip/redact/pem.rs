//! Keys in PEM (RFC 7468).

use memchr::memmem;

/// The labels of blocks that are public.
const PUBLIC: [&[u8]; 4] = [
    b"CERTIFICATE",
    b"PUBLIC KEY",
    b"X509 CRL",
    b"CERTIFICATE REQUEST",
];

/// Where a PEM block begins and ends.
#[derive(Default)]
pub(super) struct Blocks {
    is_secret: bool,
}

impl Blocks {
    /// Whether a line is secret: it is inside a block, or holds the whole block.
    pub(super) fn is_secret(&mut self, line: &[u8]) -> bool {
        // Nearly all lines: no block is open, and there is no run of dashes.
        if !self.is_secret && memmem::find(line, b"-----BEGIN ").is_none() {
            return false;
        }
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
        let is_end = memmem::find(line, b"-----END ").is_some();
        self.is_secret = !is_end;
        !is_end
    }
}
