//! Recently rewritten lines, so that the same line is not rewritten again. Most messages repeat
//! most lines of the message before.

use alloc::vec::Vec;

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
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub(super) struct LineCache {
    /// Empty until the first line is inserted.
    entries: Vec<Entry>,
}

/// The place of a line that was not found.
pub(super) struct Miss(usize);

impl LineCache {
    /// Rewrites a line as it was before. Returns whether that changed it, and the kinds of
    /// secrets that are in it.
    #[inline]
    pub(super) fn rewrite(&self, line: &mut [u8]) -> Result<(bool, &[&'static str]), Option<Miss>> {
        if line.len() > MAX_LEN {
            return Err(None);
        }
        let place = key(line) % PLACES;
        match self.entries.get(place) {
            Some(entry) if entry.before.get(..entry.len) == Some(line) => {
                let is_changed = !entry.after.is_empty();
                if is_changed && entry.after.len() == line.len() {
                    line.copy_from_slice(&entry.after);
                }
                Ok((is_changed, &entry.kinds))
            }
            _ => Err(Some(Miss(place))),
        }
    }

    /// Inserts a line that has just been rewritten.
    pub(super) fn insert(
        &mut self,
        miss: &Miss,
        before: &[u8],
        after: &[u8],
        kinds: &[&'static str],
    ) {
        if self.entries.is_empty() {
            let empty = Entry {
                len: 0,
                before: [0; MAX_LEN],
                after: Vec::new(),
                kinds: Vec::new(),
            };
            self.entries.resize(PLACES, empty);
        }
        let Some(entry) = self.entries.get_mut(miss.0) else {
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
        entry.kinds.clear();
        entry.kinds.extend_from_slice(kinds);
    }
}

/// A hash of the length, the first 32 bytes and the last 8. Lines that differ between them take
/// each other's place, which costs time alone.
#[inline]
fn key(line: &[u8]) -> usize {
    let mut hash = line.len() as u64;
    let mut add = |word: u64| hash = hash.rotate_left(23) ^ word;
    match (line.first_chunk::<32>(), line.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            for word in first.as_chunks::<8>().0.iter().chain([last]) {
                add(u64::from_le_bytes(*word));
            }
        }
        _ => {
            let (words, rest) = line.as_chunks::<8>();
            for word in words {
                add(u64::from_le_bytes(*word));
            }
            add(rest
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}
