//! Recently rewritten lines, so that the same line is not rewritten again. Most messages repeat
//! most lines of the message before.

use alloc::vec::Vec;

use twox_hash::XxHash64;

/// Lines in the cache, each at the place that its hash gives.
const PLACES: usize = 1024;

/// Longest line in the cache in bytes, inclusive. With all places taken, the cache has half a
/// megabyte.
const MAX_LEN: usize = 256;

/// A line before and after.
#[derive(Clone, Debug, Default)]
struct Entry {
    hash: u64,
    before: Vec<u8>,
    after: Vec<u8>,
    kinds: Vec<&'static str>,
    is_changed: bool,
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub(super) struct LineCache {
    /// Empty until the first line is inserted.
    entries: Vec<Entry>,
}

/// The hash of a line that was not found.
pub(super) struct Miss(u64);

impl LineCache {
    /// Rewrites a line as it was rewritten before. Returns whether that changed it, and the kinds of
    /// secrets that are in it.
    pub(super) fn rewrite(&self, line: &mut [u8]) -> Result<(bool, &[&'static str]), Option<Miss>> {
        if line.len() > MAX_LEN {
            return Err(None);
        }
        let hash = XxHash64::oneshot(0, line);
        match self.entries.get(hash as usize % PLACES) {
            Some(entry) if entry.hash == hash && entry.before == *line => {
                line.copy_from_slice(&entry.after);
                Ok((entry.is_changed, &entry.kinds))
            }
            _ => Err(Some(Miss(hash))),
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
            self.entries.resize(PLACES, Entry::default());
        }
        let Some(entry) = self.entries.get_mut(miss.0 as usize % PLACES) else {
            return;
        };
        // The memory of the line that was there before is used again.
        entry.hash = miss.0;
        entry.is_changed = before != after;
        entry.before.clear();
        entry.before.extend_from_slice(before);
        entry.after.clear();
        entry.after.extend_from_slice(after);
        entry.kinds.clear();
        entry.kinds.extend_from_slice(kinds);
    }
}
