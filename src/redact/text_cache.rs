//! Pseudonyms of texts that were computed before: most calls have the same few users.

use alloc::vec::Vec;

use super::key::Purpose;

/// Texts in the cache, each at the place that its hash gives.
const PLACES: usize = 256;

/// Longest text in the cache in bytes, inclusive.
const MAX_LEN: usize = 24;

#[derive(Clone, Copy, Debug)]
struct Entry {
    purpose: Option<Purpose>,
    len: u8,
    before: [u8; MAX_LEN],
    after: [u8; MAX_LEN],
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub(super) struct TextCache {
    /// Empty until the first text is inserted.
    entries: Vec<Entry>,
}

/// A text as it is looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    purpose: Purpose,
    len: u8,
    text: [u8; MAX_LEN],
}

impl Wanted {
    /// `None` if the text is too long for the cache.
    pub(super) fn new(text: &[u8], purpose: Purpose) -> Option<Self> {
        let mut wanted = Self {
            purpose,
            len: u8::try_from(text.len()).ok()?,
            text: [0; MAX_LEN],
        };
        wanted.text.get_mut(..text.len())?.copy_from_slice(text);
        Some(wanted)
    }

    fn place(&self) -> usize {
        let words = self.text.as_chunks::<8>().0.iter();
        let hash = words.fold(u64::from(self.len), |hash, word| {
            (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        (hash >> 40) as usize % PLACES
    }
}

impl TextCache {
    /// Replaces `text` by its pseudonym if that is known.
    pub(super) fn replace(&self, wanted: &Wanted, text: &mut [u8]) -> bool {
        let entry = self.entries.get(wanted.place()).filter(|entry| {
            entry.purpose == Some(wanted.purpose)
                && entry.len == wanted.len
                && entry.before == wanted.text
        });
        match entry.and_then(|entry| entry.after.get(..text.len())) {
            Some(after) => {
                text.copy_from_slice(after);
                true
            }
            None => false,
        }
    }

    /// Remembers a pseudonym.
    pub(super) fn insert(&mut self, wanted: &Wanted, pseudonym: &[u8]) {
        if self.entries.is_empty() {
            let empty = Entry {
                purpose: None,
                len: 0,
                before: [0; MAX_LEN],
                after: [0; MAX_LEN],
            };
            self.entries.resize(PLACES, empty);
        }
        if let Some(entry) = self.entries.get_mut(wanted.place())
            && let Some(after) = entry.after.get_mut(..pseudonym.len())
        {
            after.copy_from_slice(pseudonym);
            entry.purpose = Some(wanted.purpose);
            entry.len = wanted.len;
            entry.before = wanted.text;
        }
    }
}
