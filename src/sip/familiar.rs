//! Header fields that came before.
//!
//! Most messages repeat most fields of those before them byte by byte: From, To and Call-ID name
//! the dialog, Contact, Via and User-Agent the device. Such a field need not be read again, only
//! compared.

use alloc::vec::Vec;

use super::field::Field;

/// Sets that fields are remembered in, and fields in each: enough for the devices of some calls at
/// once.
const SETS: usize = 32;
const WAYS: usize = 4;

/// Longest field remembered, in bytes, its line's end included.
const MAX_LEN: usize = 128;

/// The latest fields that have a name, no odd bytes, and a line's end.
#[derive(Clone, Debug, Default)]
pub(super) struct Familiar {
    /// Empty, until there is a field to be remembered.
    sets: Vec<Set>,
}

/// Fields whose keys have some bits in common.
#[derive(Clone, Debug, Default)]
struct Set {
    keys: [u32; WAYS],
    known: [Known; WAYS],
    /// Which was written last.
    latest: u8,
}

#[derive(Clone, Debug)]
struct Known {
    /// 0 if there is none.
    len: usize,
    bytes: [u8; MAX_LEN],
    field: Field,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            len: 0,
            bytes: [0; MAX_LEN],
            field: Field::default(),
        }
    }
}

impl Familiar {
    /// The field that these bytes begin with, and its length in bytes with its line's end, if it
    /// came before.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(&Field, usize)> {
        let key = key(bytes)?;
        let Set { keys, known, .. } = self.sets.get(key as usize % SETS)?;
        let way = keys.iter().position(|known| *known == key)?;
        let Known {
            len,
            bytes: known,
            field,
        } = known.get(way)?;
        let is_same = *len > 0 && known.get(..*len) == bytes.get(..*len);
        // It is another one if it goes on in the next line (RFC 3261 §7.3.1).
        let is_whole = !matches!(bytes.get(*len), Some(b' ' | b'\t'));
        (is_same && is_whole).then_some((field, *len))
    }

    /// Remembers the field that these bytes begin with, of `len` bytes with its line's end.
    pub(super) fn learn(&mut self, bytes: &[u8], len: usize, field: Field) {
        let Some(key) = key(bytes).filter(|_| len <= MAX_LEN) else {
            return;
        };
        if self.sets.is_empty() {
            self.sets.resize(SETS, Set::default());
        }
        let Some(Set {
            keys,
            known,
            latest,
        }) = self.sets.get_mut(key as usize % SETS)
        else {
            return;
        };
        // Those of one key take each other's place.
        let way = keys
            .iter()
            .position(|known| *known == key)
            .unwrap_or_else(|| {
                *latest = (*latest + 1) % WAYS as u8;
                usize::from(*latest)
            });
        if let (Some(slot), Some(known)) = (keys.get_mut(way), known.get_mut(way)) {
            *slot = key;
            match bytes.first_chunk() {
                // Faster than to copy as many as there are.
                Some(bytes) => known.bytes = *bytes,
                None => known.bytes[..len].copy_from_slice(&bytes[..len]),
            }
            (known.len, known.field) = (len, field);
        }
    }
}

/// What tells fields apart: a hash of the first thirty-two bytes, those of what comes next
/// included, or of sixteen at a message's end; none if there are fewer.
#[inline]
fn key(bytes: &[u8]) -> Option<u32> {
    let words = match bytes.first_chunk::<32>() {
        Some(bytes) => bytes.as_chunks::<8>().0,
        None => bytes.first_chunk::<16>()?.as_chunks::<8>().0,
    };
    // One multiplication: the four would wait for each other.
    let hash = words.iter().fold(0, |hash: u64, word| {
        hash.rotate_left(23) ^ u64::from_le_bytes(*word)
    });
    Some((hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
}
