//! The captures of the last few minutes.
//!
//! After an export, a model often reads a message of it, or follows the link to its bytes. With the
//! capture in memory, neither needs a second export. Nothing depends on it: a capture that is not
//! here is exported again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use homer_export::mcp::tools::CallWindow;

/// How long a capture is kept, from its export on: about as long as a model works on one call. More
/// packets of that call may arrive at Homer meanwhile, so it must not be much longer.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Most bytes of all captures together, inclusive.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most captures, inclusive.
const MAX_CAPTURES: usize = 32;

/// The captures, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct CaptureCache {
    entries: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    call: CallWindow,
    exported: Instant,
    capture: Bytes,
}

impl CaptureCache {
    /// The capture of a call and window, if it is here and not too old.
    pub(crate) fn get(&self, call: &CallWindow) -> Option<Bytes> {
        self.unexpired()
            .iter()
            .find(|entry| entry.call == *call)
            .map(|entry| entry.capture.clone())
    }

    /// Keeps a capture, unless it is too large, and drops the oldest ones if there are too many.
    pub(crate) fn put(&self, call: CallWindow, capture: Bytes) {
        let mut entries = self.unexpired();
        // A newer capture of the same call and window replaces the older one.
        entries.retain(|entry| entry.call != call);
        if capture.len() > MAX_BYTES {
            return;
        }
        entries.push_back(Entry {
            call,
            exported: Instant::now(),
            capture,
        });
        let bytes = |entries: &VecDeque<Entry>| -> usize {
            entries.iter().map(|entry| entry.capture.len()).sum()
        };
        while entries.len() > MAX_CAPTURES || bytes(&entries) > MAX_BYTES {
            entries.pop_front();
        }
    }

    fn unexpired(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // No code panics with the lock held; if it did, the entries would still be whole.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.exported.elapsed() < MAX_AGE);
        entries
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use bytes::Bytes;

    use homer_export::mcp::tools::CallWindow;
    use homer_export::{CallId, Window};

    use super::{CaptureCache, MAX_BYTES, MAX_CAPTURES};

    fn call(number: usize) -> CallWindow {
        CallWindow {
            call_id: CallId::parse(&format!("call-{number}")).unwrap(),
            window: Window::new(
                1_795_168_800_000,
                1_795_169_100_000,
                24,
                &homer_export::query::ParameterNames::MCP,
            )
            .unwrap(),
            also: Vec::new(),
            profiles: Vec::new(),
            redact: None,
        }
    }

    #[test]
    fn capture_cache_is_bounded_in_number_and_bytes() {
        let cache = CaptureCache::default();
        for number in 0..=MAX_CAPTURES {
            cache.put(call(number), Bytes::from(vec![1]));
        }
        assert_eq!(
            (
                cache.get(&call(0)),
                cache.get(&call(1)).map(|capture| capture.len())
            ),
            (None, Some(1))
        );
        cache.put(call(100), Bytes::from(vec![2; MAX_BYTES]));
        assert!(cache.get(&call(1)).is_none() && cache.get(&call(100)).is_some());
        cache.put(call(101), Bytes::from(vec![3; MAX_BYTES + 1]));
        assert!(cache.get(&call(101)).is_none() && cache.get(&call(100)).is_some());
    }

    #[test]
    fn capture_cache_distinguishes_windows() {
        let cache = CaptureCache::default();
        cache.put(call(1), Bytes::from(vec![1]));
        let window = Window::new(
            1_795_168_800_000,
            1_795_169_100_001,
            24,
            &homer_export::query::ParameterNames::MCP,
        )
        .unwrap();
        let longer = CallWindow { window, ..call(1) };
        assert_eq!(cache.get(&longer), None);
        // A second export of the same call and window replaces the first.
        cache.put(call(1), Bytes::from(vec![2]));
        assert_eq!(cache.get(&call(1)).as_deref(), Some(&[2][..]));
    }
}
