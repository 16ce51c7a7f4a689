//! Recently rewritten lines, so that the same line is not rewritten again. Most messages repeat
//! most lines of the message before.

use alloc::vec::Vec;

use crate::sip::Meaning;

/// Lines in the cache, each at the place that its key gives.
const PLACES: usize = 512;

/// Longest line in the cache in bytes, inclusive.
const MAX_LEN: usize = 192;

/// A line before and after. With all places taken, the cache has a quarter of a megabyte at most.
#[derive(Clone, Debug)]
struct Entry {
    /// Bytes of the line; 0 if there is none.
    len: usize,
    before: [u8; MAX_LEN],
    /// The line after; empty if it has not changed.
    after: Vec<u8>,
    kinds: Vec<&'static str>,
    meaning: Meaning,
}

/// A line that was found in the cache, and has been rewritten.
pub(super) struct Known<'a> {
    /// Its length.
    pub(super) len: usize,
    /// Whether it was changed.
    pub(super) is_changed: bool,
    /// The kinds of secrets in it.
    pub(super) kinds: &'a [&'static str],
    /// What it says about the lines after it.
    pub(super) meaning: Meaning,
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub(super) struct LineCache {
    /// Empty until the first line is inserted.
    entries: Vec<Entry>,
}

/// What the place of a line depends on: a hash of its first 32 bytes, which may reach into the next
/// line. Lines that differ behind them take each other's place, which costs time alone.
#[derive(Clone, Copy)]
pub(super) struct Start(usize);

impl Start {
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        let text = text.get(..32).unwrap_or(text);
        let (words, rest) = text.as_chunks::<8>();
        let add = |hash: u64, word: u64| hash.rotate_left(23) ^ word;
        let hash = words
            .iter()
            .fold(0, |hash, word| add(hash, u64::from_le_bytes(*word)));
        let last = rest
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        let hash = add(hash, last).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        Self(hash as usize % PLACES)
    }
}

impl LineCache {
    /// Rewrites the line at the start of `rest` as it was before, if it has at most `limit` bytes
    /// and the next line does not continue it.
    #[inline]
    pub(super) fn rewrite(&self, rest: &mut [u8], limit: usize) -> Option<Known<'_>> {
        let entry = self.entries.get(Start::of(rest).0)?;
        let len = entry.len;
        let is_same = len > 0 && len <= limit && entry.before.get(..len) == rest.get(..len);
        if !is_same || matches!(rest.get(len), Some(b' ' | b'\t')) {
            return None;
        }
        let is_changed = !entry.after.is_empty();
        if is_changed && let Some(line) = rest.get_mut(..entry.after.len()) {
            line.copy_from_slice(&entry.after);
        }
        Some(Known {
            len,
            is_changed,
            kinds: &entry.kinds,
            meaning: entry.meaning,
        })
    }

    /// As [`Self::rewrite`], for a line that is all of `line`.
    pub(super) fn rewrite_all(&self, line: &mut [u8]) -> Option<Known<'_>> {
        let entry = self.entries.get(Start::of(line).0)?;
        if entry.len != line.len() {
            return None;
        }
        self.rewrite(line, line.len())
    }

    /// Inserts a line that has just been rewritten.
    pub(super) fn insert(
        &mut self,
        start: Start,
        before: &[u8],
        after: &[u8],
        kinds: &[&'static str],
        meaning: Meaning,
    ) {
        if self.entries.is_empty() {
            let empty = Entry {
                len: 0,
                before: [0; MAX_LEN],
                after: Vec::new(),
                kinds: Vec::new(),
                meaning: Meaning::Nothing,
            };
            self.entries.resize(PLACES, empty);
        }
        let place = self.entries.get_mut(start.0);
        let Some(entry) = place.filter(|_| before.len() <= MAX_LEN) else {
            return;
        };
        if let Some(place) = entry.before.get_mut(..before.len()) {
            place.copy_from_slice(before);
            entry.len = before.len();
        }
        // The memory of the line that was there before is used again.
        entry.after.clear();
        if before != after {
            entry.after.extend_from_slice(after);
        }
        entry.meaning = meaning;
        entry.kinds.clear();
        entry.kinds.extend_from_slice(kinds);
    }
}
