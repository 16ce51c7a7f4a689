//! An export's turn to send requests to Homer: a queue around [`Admission`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::admission::{Admission, Ticket};

/// The turns of all exports and searches of one exporter.
pub(crate) struct Turns(Mutex<State>);

struct State {
    admission: Admission,
    /// Tells those in the queue that they are admitted.
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

impl Turns {
    pub(crate) fn new(admission: Admission) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            admission,
            waiting: HashMap::new(),
        })))
    }

    /// Waits until `requests` requests may be under way together. Calls `on_wait` with the number
    /// of requests that are allowed at a time if this is not now. Dropping the future gives up the
    /// place in the queue.
    pub(crate) async fn take(
        self: &Arc<Self>,
        requests: usize,
        on_wait: impl FnOnce(usize),
    ) -> Turn {
        let (admit, mut admitted) = oneshot::channel();
        let (ticket, at_once) = self.change(|state, _| {
            let ticket = state.admission.ask(requests);
            state.waiting.insert(ticket, admit);
            (ticket, state.admission.window())
        });
        // Before the wait, so that it leaves the queue if it is dropped there.
        let turn = Turn {
            turns: Arc::clone(self),
            ticket,
            runtime: Handle::current(),
        };
        if admitted.try_recv().is_err() {
            on_wait(at_once);
            // The sender is only dropped when the turn is.
            let _ = admitted.await;
        }
        turn
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

/// A turn. It ends when this is dropped, whether it had begun or not.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    ticket: Ticket,
    runtime: Handle,
}

impl Turn {
    /// From now on, the export has at most one request under way.
    pub(crate) fn keep_one(&self) {
        self.turns
            .change(|state, _| state.admission.keep_one(self.ticket));
    }

    /// What measures the responses to the requests of this turn.
    pub(crate) fn meter(&self) -> Meter {
        Meter {
            turns: Arc::clone(&self.turns),
            ticket: self.ticket,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let end = self.turns.change(|state, now| {
            state.waiting.remove(&self.ticket);
            state.admission.leave(self.ticket, now)
        });
        // Homer still works on it. When it has probably finished, others may begin.
        if let Some(end) = end {
            let turns = Arc::clone(&self.turns);
            self.runtime.spawn(async move {
                tokio::time::sleep_until(end.into()).await;
                turns.change(|_, _| ());
            });
        }
    }
}

/// Tells what the responses of a turn cost. It may outlive the turn; then it tells nobody.
#[derive(Clone)]
pub(crate) struct Meter {
    turns: Arc<Turns>,
    ticket: Ticket,
}

impl Meter {
    /// A request is sent.
    pub(crate) fn sent(&self) {
        self.turns
            .change(|state, _| state.admission.sent(self.ticket));
    }

    /// Homer no longer works on a request.
    pub(crate) fn responds(&self) {
        self.turns
            .change(|state, _| state.admission.responds(self.ticket));
    }

    /// A response has this many bytes so far.
    pub(crate) fn received(&self, bytes: u64) {
        self.turns
            .change(|state, now| state.admission.received(self.ticket, bytes, now));
    }

    /// A response has been received completely, and has this many bytes.
    pub(crate) fn answered(&self, bytes: u64) {
        self.turns
            .change(|state, now| state.admission.answered(self.ticket, bytes, now));
    }
}
