//! The captures of the last minutes, so that a message of one can be read, or the bytes behind its
//! link, without a second export. In memory alone, and nothing depends on it: what is not here is
//! exported again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use homer_export::tool::WindowArguments;

/// How long a capture is kept: while a model looks at what it has just exported.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Bytes of captures kept, all together.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Captures kept.
const MAX_CAPTURES: usize = 32;

/// What was asked for, when it came, and what it is.
type Kept = (WindowArguments, Instant, Arc<[u8]>);

/// The latest captures, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    captures: Mutex<VecDeque<Kept>>,
}

impl Recent {
    /// A capture that is not too old.
    pub(crate) fn get(&self, asked: &WindowArguments) -> Option<Arc<[u8]>> {
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        expire(&mut captures);
        captures
            .iter()
            .find(|(known, ..)| known == asked)
            .map(|(.., capture)| Arc::clone(capture))
    }

    /// Keeps a capture, if it is not too large, and drops older ones for it.
    pub(crate) fn put(&self, asked: WindowArguments, capture: Arc<[u8]>) {
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        expire(&mut captures);
        captures.retain(|(known, ..)| *known != asked);
        if capture.len() > MAX_BYTES {
            return;
        }
        captures.push_back((asked, Instant::now(), capture));
        while captures.len() > MAX_CAPTURES
            || captures.iter().map(|(.., kept)| kept.len()).sum::<usize>() > MAX_BYTES
        {
            captures.pop_front();
        }
    }
}

fn expire(captures: &mut VecDeque<Kept>) {
    captures.retain(|(_, since, _)| since.elapsed() < MAX_AGE);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use homer_export::tool::WindowArguments;

    use super::{MAX_BYTES, MAX_CAPTURES, Recent};

    fn key(number: usize) -> WindowArguments {
        WindowArguments {
            callid: format!("call-{number}"),
            from_ts: 1,
            to_ts: 2,
        }
    }

    #[test]
    fn recent_captures_are_bounded_in_number_and_bytes() {
        let recent = Recent::default();
        for number in 0..=MAX_CAPTURES {
            recent.put(key(number), Arc::from(vec![1]));
        }
        assert_eq!(
            (
                recent.get(&key(0)),
                recent.get(&key(1)).map(|capture| capture.len())
            ),
            (None, Some(1))
        );
        recent.put(key(100), Arc::from(vec![2; MAX_BYTES]));
        assert!(recent.get(&key(1)).is_none() && recent.get(&key(100)).is_some());
        recent.put(key(101), Arc::from(vec![3; MAX_BYTES + 1]));
        assert!(recent.get(&key(101)).is_none() && recent.get(&key(100)).is_some());
    }

    #[test]
    fn recent_capture_of_another_window_is_another() {
        let recent = Recent::default();
        recent.put(key(1), Arc::from(vec![1]));
        assert_eq!(recent.get(&WindowArguments { to_ts: 3, ..key(1) }), None);
        // The same asked for again takes the place of the first.
        recent.put(key(1), Arc::from(vec![2]));
        assert_eq!(recent.get(&key(1)).as_deref(), Some(&[2][..]));
    }
}
