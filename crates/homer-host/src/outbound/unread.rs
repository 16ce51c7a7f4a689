//! How many bytes of responses the host holds for one instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of all responses that the host has received for an instance, and that the instance has
/// not read. Clones share the number.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnreadBytes(Arc<AtomicUsize>);

impl UnreadBytes {
    /// The number now.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The part of one response. Dropping it subtracts its bytes.
#[derive(Debug)]
pub(super) struct Unread {
    all: UnreadBytes,
    bytes: usize,
}

impl Unread {
    /// Counts in `all`, from 0 bytes on.
    pub(super) fn new(all: &UnreadBytes) -> Self {
        Self {
            all: all.clone(),
            bytes: 0,
        }
    }

    /// States how many bytes of this response are held now.
    pub(super) fn set(&mut self, bytes: usize) {
        self.all.0.fetch_add(bytes, Ordering::Relaxed);
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.set(0);
    }
}
