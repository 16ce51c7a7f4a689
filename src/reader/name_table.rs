//! Short names for addresses and Call-IDs, in the order of their first message.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashTable;

use crate::report::hash;

/// Most bytes of all keys of a table together, inclusive: some 40,000 addresses, or some 20,000
/// Call-IDs.
const MAX_BYTES: usize = 1024 * 1024;

/// The keys that have a name.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    keys: Vec<Box<[u8]>>,
    index: HashTable<(u64, u32)>,
    bytes: usize,
}

impl NameTable {
    /// The index of a key, which is added if it is new. None if there is no room for it.
    pub(super) fn index_of(&mut self, key: &[u8]) -> Option<u32> {
        let hashed = hash(key);
        let Self { keys, index, bytes } = self;
        let is_same = |(known, at): &(u64, u32)| {
            *known == hashed && keys.get(*at as usize).is_some_and(|known| **known == *key)
        };
        if let Some((_, at)) = index.find(hashed, is_same) {
            return Some(*at);
        }
        if *bytes + key.len() > MAX_BYTES {
            return None;
        }
        let at = u32::try_from(keys.len()).ok()?;
        // A key takes some bytes even if it is short.
        *bytes += key.len().max(16);
        keys.push(key.into());
        index.insert_unique(hashed, (hashed, at), |(known, _)| *known);
        Some(at)
    }

    /// The key with this index.
    pub(super) fn key(&self, at: u32) -> &[u8] {
        self.keys.get(at as usize).map_or(&[], |key| key)
    }

    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}
