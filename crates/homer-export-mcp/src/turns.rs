//! How many calls are under way at once.

use std::sync::Arc;

use http::request::Parts;
use rmcp::model::Extensions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls under way at once, those that wait for Homer's turn and, over HTTP, those whose answer is
/// being read included; more are told to come again.
pub(crate) const MAX_CALLS: usize = 64;

/// The turns there are.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// One turn, given back when its last copy is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CALLS)))
    }

    /// A turn, if there is one left.
    pub(crate) fn take(&self) -> Option<Turn> {
        Arc::clone(&self.0)
            .try_acquire_owned()
            .ok()
            .map(|permit| Turn {
                _permit: Arc::new(permit),
            })
    }

    /// The turn of a call: over HTTP the one that its request brings, if it got one.
    pub(crate) fn of_call(&self, extensions: &Extensions) -> Option<Turn> {
        match extensions.get::<Parts>() {
            Some(request) => request.extensions.get::<Turn>().cloned(),
            None => self.take(),
        }
    }

    /// How many are left.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.available_permits()
    }
}
