//! Counts by kind, for a bounded number of kinds.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::borrow::Borrow;

/// Most kinds in one list: methods, status codes, transports. A call has a handful; a list without
/// a bound would let a hostile sender fill the memory.
pub(super) const MAX_KINDS: usize = 32;

/// Kinds in order of appearance, with the number of times that each was seen.
#[derive(Clone, Debug)]
pub(super) struct Kinds<T>(Vec<(T, u64)>);

impl<T> Default for Kinds<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Kinds<T> {
    /// Counts one more of `kind`. Returns false if the list has no room for it.
    pub(super) fn count<B>(&mut self, kind: &B) -> bool
    where
        B: ToOwned<Owned = T> + PartialEq + ?Sized,
        T: Borrow<B>,
    {
        // A linear search: lists are short, and the first kinds are the most frequent ones.
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| known.borrow() == kind) {
            *count += 1;
            return true;
        }
        let has_room = self.0.len() < MAX_KINDS;
        if has_room {
            self.0.push((kind.to_owned(), 1));
        }
        has_room
    }

    /// The kinds and how often each was seen.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&T, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }
}
