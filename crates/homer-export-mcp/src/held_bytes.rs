//! How many bytes of captures and of responses the server holds in memory.
//!
//! A client that does not read its response keeps it in memory until a timeout. With 64 of them,
//! and 8 MiB each, that would be half a gibibyte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes at a time, inclusive: of the captures that are attached to results, and of the responses
/// with them until they have been sent. A call that needs more fails with the error `busy`.
pub(crate) const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// The limit. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldLimit(Arc<AtomicUsize>);

/// A part of the bytes. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    limit: HeldLimit,
    bytes: usize,
}

impl HeldLimit {
    /// A part, of 0 bytes.
    pub(crate) fn hold(&self) -> HeldBytes {
        HeldBytes {
            limit: self.clone(),
            bytes: 0,
        }
    }
}

impl HeldBytes {
    /// Adds bytes if there is room for them. Nobody waits for room: a client would not know why.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let all = &self.limit.0;
        let before = all.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before.saturating_add(bytes) <= MAX_HELD_BYTES;
        match has_room {
            true => self.bytes += bytes,
            false => {
                all.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
        has_room
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.limit.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{HeldLimit, MAX_HELD_BYTES};

    #[test]
    fn held_bytes_have_one_limit() {
        let limit = HeldLimit::default();
        let (mut one, mut other) = (limit.hold(), limit.hold());
        assert!(one.add(MAX_HELD_BYTES - 10));
        assert!(other.add(10));
        assert!(!other.add(1));
        assert!(!limit.clone().hold().add(usize::MAX));
        drop(one);
        assert!(other.add(MAX_HELD_BYTES - 10));
        assert!(!other.add(1));
    }
}
