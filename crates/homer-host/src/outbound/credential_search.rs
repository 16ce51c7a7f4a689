//! Finds our credentials in a text, in the forms in which servers send them back: as they are,
//! escaped for JSON, HTML or a URI, in base64 or hexadecimal, interrupted by characters that nobody
//! sees, and in parts.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use data_encoding::HEXLOWER;

use super::decoded_text::DecodedText;

/// What stands in place of a credential.
const REDACTED: &[u8] = b"[credential]";

/// Length in characters from which on a part of a credential is redacted, inclusive. A shorter
/// part is often an ordinary word, and helps nobody to guess the rest. A shorter credential is
/// redacted as a whole.
pub(super) const MIN_RUN: usize = 8;

/// Length in characters from which on the beginning of a credential is redacted at the end of a
/// text, inclusive. There the text was probably cut off.
const MIN_CUT_RUN: usize = 4;

/// How often escapes are decoded. A proxy may escape for JSON what Homer escaped for a URI.
const MAX_DECODINGS: usize = 3;

/// Bytes of a text that are searched at a time. The decoded forms take nine times as much memory.
const BLOCK: usize = 64 * 1024;

/// Bytes around a block that are searched with it. [`MIN_RUN`] characters take at most 12 bytes
/// each as two escapes of JSON, and a part of twice that length is found as well.
pub(super) const OVERLAP: usize = 1024;

/// Credentials, prepared for a search.
pub(super) struct CredentialSearch {
    /// All parts of [`MIN_RUN`] bytes of all forms of all credentials, folded by [`fold`].
    parts: HashSet<u64>,
    /// One bit for each value of [`filter_bit`] that a part has: most positions of a text need no
    /// look at `parts`.
    filter: Vec<u64>,
    /// Credentials that are shorter than a part.
    short: Vec<Vec<u8>>,
    /// The beginnings of the longer ones.
    beginnings: Vec<Vec<u8>>,
    /// Least length of a run of parts that is redacted.
    min_run: usize,
}

impl CredentialSearch {
    /// A search for these credentials, and for their parts of at least `min_run` characters, which
    /// is at least [`MIN_RUN`]. `None` if there is nothing to search for.
    pub(super) fn new(credentials: &[String], min_run: usize) -> Option<Self> {
        let mut search = Self {
            parts: HashSet::new(),
            filter: vec![0; 1 << 10],
            short: Vec::new(),
            beginnings: Vec::new(),
            min_run: min_run.max(MIN_RUN),
        };
        for credential in credentials {
            // A credential with characters that nobody sees is compared without them as well.
            let plain = DecodedText::of(credential.as_bytes());
            match plain.bytes.len() {
                0 => {}
                1..MIN_RUN => search.short.push(plain.bytes),
                length => {
                    search.min_run = search.min_run.min(length);
                    search.add(&plain);
                }
            }
        }
        (!search.short.is_empty() || !search.parts.is_empty()).then_some(search)
    }

    /// Adds all forms of a credential.
    fn add(&mut self, plain: &DecodedText) {
        let beginning = plain.bytes.get(..MIN_RUN).unwrap_or_default();
        self.beginnings.push(beginning.to_vec());
        self.add_parts(&plain.bytes);
        self.add_parts(HEXLOWER.encode(&plain.bytes).as_bytes());
        // In base64, the form depends on how many bytes come before, modulo 3. Only the characters
        // that depend on the credential alone are a form of it.
        for (before, unsure) in [(0, 0), (1, 2), (2, 3)] {
            let padded = [vec![0; before], plain.bytes.clone()].concat();
            let encoded = BASE64_STANDARD_NO_PAD.encode(&padded);
            let whole = padded.len() * 8 / 6;
            self.add_parts(encoded.as_bytes().get(unsure..whole).unwrap_or_default());
        }
        // A credential may look like an escape itself, and is then decoded with the text.
        let mut form = plain.decode();
        for _ in 1..MAX_DECODINGS {
            let Some(decoded) = form else { break };
            self.add_parts(&decoded.bytes);
            form = decoded.decode();
        }
    }

    fn add_parts(&mut self, form: &[u8]) {
        for part in parts(form) {
            self.parts.insert(part);
            let (word, bit) = filter_bit(part);
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn has_part(&self, part: u64) -> bool {
        let (word, bit) = filter_bit(part);
        self.filter.get(word).is_some_and(|word| word & bit != 0) && self.parts.contains(&part)
    }

    /// The text with [`REDACTED`] in place of each credential and each part of one.
    pub(super) fn redact(&self, text: &[u8]) -> Vec<u8> {
        let mut found = Vec::new();
        for begin in (0..text.len()).step_by(BLOCK) {
            let from = begin.saturating_sub(OVERLAP);
            let to = text.len().min(begin + BLOCK + OVERLAP);
            let block = text.get(from..to).unwrap_or_default();
            self.find(block, to == text.len(), |range| {
                found.push(from + range.start..from + range.end);
            });
        }
        found.retain(|range| !range.is_empty());
        found.sort_by_key(|range| range.start);
        let mut redacted = Vec::with_capacity(text.len());
        let mut end = 0;
        for range in found {
            // One that touches the range before it is part of the same credential.
            if range.start > end || (end == 0 && range.start == 0) {
                redacted.extend_from_slice(text.get(end..range.start).unwrap_or_default());
                redacted.extend_from_slice(REDACTED);
            }
            end = end.max(range.end);
        }
        redacted.extend_from_slice(text.get(end..).unwrap_or_default());
        redacted
    }

    /// Finds credentials in a block of a text, in all its decoded forms.
    fn find(&self, block: &[u8], is_end: bool, mut found: impl FnMut(Range<usize>)) {
        let mut form = Some(DecodedText::of(block));
        for _ in 0..=MAX_DECODINGS {
            let Some(text) = form else { return };
            self.find_parts(&text, &mut found);
            self.find_short(&text, &mut found);
            if is_end {
                self.find_cut(&text, &mut found);
            }
            form = text.decode();
        }
    }

    fn find_parts(&self, text: &DecodedText, found: &mut impl FnMut(Range<usize>)) {
        let mut run: Option<Range<usize>> = None;
        let mut report = |run: Range<usize>| {
            if run.len() >= self.min_run {
                found(text.source(run));
            }
        };
        for (at, part) in parts(&text.bytes).enumerate() {
            if !self.has_part(part) {
                continue;
            }
            run = match run {
                // The next part begins one character later.
                Some(run) if at + MIN_RUN == run.end + 1 => Some(run.start..at + MIN_RUN),
                Some(ended) => {
                    report(ended);
                    Some(at..at + MIN_RUN)
                }
                None => Some(at..at + MIN_RUN),
            };
        }
        if let Some(run) = run {
            report(run);
        }
    }

    fn find_short(&self, text: &DecodedText, found: &mut impl FnMut(Range<usize>)) {
        for credential in &self.short {
            for (at, window) in text.bytes.windows(credential.len()).enumerate() {
                if window == credential {
                    found(text.source(at..at + credential.len()));
                }
            }
        }
    }

    /// Finds the beginning of a credential at the end of a text, or of the JSON in it.
    fn find_cut(&self, text: &DecodedText, found: &mut impl FnMut(Range<usize>)) {
        let is_closing = |byte: &u8| b"\"'}])>. ".contains(byte);
        let closing = text.bytes.iter().rev().take_while(|byte| is_closing(byte));
        let end = text.bytes.len() - closing.count();
        let text_before = text.bytes.get(..end).unwrap_or_default();
        for beginning in &self.beginnings {
            let cut = (MIN_CUT_RUN..MIN_RUN)
                .rev()
                .filter_map(|length| beginning.get(..length))
                .find(|cut| text_before.ends_with(cut));
            if let Some(cut) = cut {
                found(text.source(end - cut.len()..end));
            }
        }
    }
}

/// All runs of [`MIN_RUN`] bytes, folded, as numbers.
fn parts(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let mut part = 0;
    bytes.iter().enumerate().filter_map(move |(at, byte)| {
        part = part << 8 | u64::from(fold(*byte));
        (at + 1 >= MIN_RUN).then_some(part)
    })
}

/// Makes bytes equal that a server may exchange: the cases of a letter, the two alphabets of base64
/// (RFC 4648 §5), and a space and `+` in a form.
fn fold(byte: u8) -> u8 {
    match byte {
        b'-' | b' ' => b'+',
        b'_' => b'/',
        other => other.to_ascii_lowercase(),
    }
}

/// The place of a part in [`CredentialSearch::filter`]: the word, and the bit in it.
fn filter_bit(part: u64) -> (usize, u64) {
    // Fibonacci hashing: the upper bits depend on all bytes.
    let hash = part.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let word = usize::try_from(hash >> 6).unwrap_or_default();
    (word, 1 << (hash & 63))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
