//! Permits to send requests to Homer, and the queue for them: [`Admission`] with a clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::admission::{Admission, Ticket, Work};

/// The permits of all exports and searches of one exporter.
pub(crate) struct Permits(Mutex<State>);

struct State {
    admission: Admission,
    /// Tells those in the queue that they are admitted.
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

impl Permits {
    pub(crate) fn new(admission: Admission) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            admission,
            waiting: HashMap::new(),
        })))
    }

    /// Waits for a permit for all requests of this work. If there is none now, calls `on_wait` with
    /// the number of requests that are allowed at this moment. Dropping the future gives up the
    /// place in the queue.
    pub(crate) async fn take(self: &Arc<Self>, work: Work, on_wait: impl FnOnce(usize)) -> Permit {
        let (admit, mut admitted) = oneshot::channel();
        let (ticket, at_once) = self.change(|state, _| {
            let ticket = state.admission.ask(work);
            state.waiting.insert(ticket, admit);
            (ticket, state.admission.window())
        });
        // Before the wait, so that it leaves the queue if it is dropped there.
        let permit = Permit {
            permits: Arc::clone(self),
            ticket,
            runtime: Handle::current(),
        };
        if admitted.try_recv().is_err() {
            on_wait(at_once);
            // The sender is only dropped when the permit is.
            let _ = admitted.await;
        }
        permit
    }

    /// Makes a change, and admits those who may begin after it.
    fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let now = Instant::now();
        let changed = change(&mut state, now);
        for ticket in state.admission.admit(now) {
            if let Some(waiting) = state.waiting.remove(&ticket) {
                // One that has just been dropped is about to leave.
                let _ = waiting.send(());
            }
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit, or the place in the queue for one. It is given back when this is dropped.
pub(crate) struct Permit {
    permits: Arc<Permits>,
    ticket: Ticket,
    runtime: Handle,
}

impl Permit {
    /// From now on, the export has at most one request under way.
    pub(crate) fn keep_one(&self) {
        self.permits
            .change(|state, _| state.admission.keep_one(self.ticket));
    }

    /// The export has found nothing in any profile.
    pub(crate) fn found_nothing(&self) {
        self.permits
            .change(|state, now| state.admission.found_nothing(self.ticket, now));
    }

    /// What measures the responses to the requests of this permit.
    pub(crate) fn meter(&self) -> Meter {
        Meter {
            permits: Arc::clone(&self.permits),
            ticket: self.ticket,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let end = self.permits.change(|state, now| {
            state.waiting.remove(&self.ticket);
            state.admission.leave(self.ticket, now)
        });
        // Homer still works on it. When it has probably finished, others may begin.
        if let Some(end) = end {
            let permits = Arc::clone(&self.permits);
            self.runtime.spawn(async move {
                tokio::time::sleep_until(end.into()).await;
                permits.change(|_, _| ());
            });
        }
    }
}

/// Tells what the responses cost. It may outlive the permit; then it tells nobody.
#[derive(Clone)]
pub(crate) struct Meter {
    permits: Arc<Permits>,
    ticket: Ticket,
}

impl Meter {
    /// A request is sent.
    pub(crate) fn sent(&self) {
        self.permits
            .change(|state, _| state.admission.sent(self.ticket));
    }

    /// Homer no longer works on a request.
    pub(crate) fn responds(&self) {
        self.permits
            .change(|state, _| state.admission.responds(self.ticket));
    }

    /// A response has this many bytes so far.
    pub(crate) fn received(&self, bytes: u64) {
        self.permits
            .change(|state, now| state.admission.received(self.ticket, bytes, now));
    }

    /// A response has been received completely, and has this many bytes.
    pub(crate) fn response_ended(&self, bytes: u64) {
        self.permits
            .change(|state, now| state.admission.response_ended(self.ticket, bytes, now));
    }
}
