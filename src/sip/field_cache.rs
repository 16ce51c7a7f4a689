//! Recently parsed header fields, so that an identical field is not parsed again.
//!
//! Most messages repeat most of their fields byte for byte: From, To and Call-ID identify the
//! dialog; Contact, Via and User-Agent identify the device. Comparing 60 bytes is much faster than
//! parsing them. Measured with `cargo bench --bench throughput`.

use alloc::vec::Vec;

use super::field::Field;

/// Sets in the cache, and fields in each set: room for the devices of several calls at once.
const SETS: usize = 32;
const WAYS: usize = 4;

/// Longest cached field in bytes, including its line end, inclusive.
const MAX_LEN: usize = 128;

/// A set-associative cache of fields. It only takes fields with a valid name, without anomalous
/// bytes, and with a line end.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldCache {
    /// Empty until the first field is inserted, then [`SETS`] sets.
    sets: Vec<Set>,
}

/// The fields whose keys agree in the lowest bits.
#[derive(Clone, Debug, Default)]
struct Set {
    /// The keys, apart from the entries: the four fit into one comparison.
    keys: [u32; WAYS],
    entries: [CachedField; WAYS],
    /// The way that was written last.
    latest: u8,
}

#[derive(Clone, Debug)]
struct CachedField {
    /// Bytes of the field; 0 if the entry is empty.
    len: usize,
    bytes: [u8; MAX_LEN],
    field: Field,
}

impl Default for CachedField {
    fn default() -> Self {
        Self {
            len: 0,
            bytes: [0; MAX_LEN],
            field: Field::default(),
        }
    }
}

impl FieldCache {
    /// Looks up the field at the start of `bytes`. Returns it with its length in bytes, including
    /// the line end.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(&Field, usize)> {
        let key = key(bytes)?;
        let set = self.sets.get(key as usize % SETS)?;
        let way = set.keys.iter().position(|known| *known == key)?;
        let CachedField {
            len,
            bytes: known,
            field,
        } = set.entries.get(way)?;
        let is_same = *len > 0 && known.get(..*len) == bytes.get(..*len);
        // The same bytes are only part of a longer field if the next line continues it, which a
        // leading blank says (RFC 3261 §7.3.1, folding).
        let is_whole = !matches!(bytes.get(*len), Some(b' ' | b'\t'));
        (is_same && is_whole).then_some((field, *len))
    }

    /// Inserts the field at the start of `bytes`, which has `len` bytes including its line end.
    pub(super) fn insert(&mut self, bytes: &[u8], len: usize, field: Field) {
        let Some(key) = key(bytes).filter(|_| len <= MAX_LEN) else {
            return;
        };
        // 18 KB, which a capture without SIP messages never needs.
        if self.sets.is_empty() {
            self.sets.resize(SETS, Set::default());
        }
        let Some(set) = self.sets.get_mut(key as usize % SETS) else {
            return;
        };
        // A field replaces the one with the same key: `find` looks at the first match alone.
        let same_key = set.keys.iter().position(|known| *known == key);
        let way = same_key.unwrap_or_else(|| {
            set.latest = (set.latest + 1) % WAYS as u8;
            usize::from(set.latest)
        });
        if let (Some(slot), Some(entry)) = (set.keys.get_mut(way), set.entries.get_mut(way)) {
            *slot = key;
            match bytes.first_chunk() {
                // A copy of constant length is inlined; that it copies too much does not matter.
                Some(bytes) => entry.bytes = *bytes,
                None => entry.bytes[..len].copy_from_slice(&bytes[..len]),
            }
            (entry.len, entry.field) = (len, field);
        }
    }
}

/// Hashes the first 32 bytes, which may reach into the next field, or the first 16 near the end of
/// a message. Returns `None` if there are fewer.
#[inline]
fn key(bytes: &[u8]) -> Option<u32> {
    let words = match bytes.first_chunk::<32>() {
        Some(bytes) => bytes.as_chunks::<8>().0,
        None => bytes.first_chunk::<16>()?.as_chunks::<8>().0,
    };
    // One multiplication at the end instead of one per word: each would wait for the one before.
    let hash = words.iter().fold(0, |hash: u64, word| {
        hash.rotate_left(23) ^ u64::from_le_bytes(*word)
    });
    Some((hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
}
