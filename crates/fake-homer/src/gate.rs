//! Holds exports and searches back, so that tests decide what happens at the same time.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

/// A gate that is open until [`Gate::hold`].
#[derive(Debug)]
pub(crate) struct Gate {
    /// Requests that contain this text are held.
    held: Mutex<Option<String>>,
    /// How many of them may pass. Fair: first come, first served.
    passes: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            held: Mutex::new(None),
            passes: Semaphore::new(0),
        }
    }
}

impl Gate {
    pub(crate) fn hold(&self, text: &str) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_string());
    }

    pub(crate) fn let_go(&self, requests: usize) {
        self.passes.add_permits(requests);
    }

    /// Returns when a request with this body may pass.
    pub(crate) async fn pass(&self, body: &[u8]) {
        let is_held = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let body = String::from_utf8_lossy(body);
            held.as_deref().is_some_and(|text| body.contains(text))
        };
        // Nothing closes this semaphore.
        if is_held && let Ok(pass) = self.passes.acquire().await {
            pass.forget();
        }
    }
}
