//! Identical requests at the same time share one piece of work: a flight.
//!
//! Several models, or one that asks twice, often want the same call. Homer does not notice that two
//! requests are the same, and works for each of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use homer_host::WaitingFor;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Events that a subscriber may be behind. Bytes come in chunks of at most 256 KiB, so this bounds
/// the memory of a subscriber to 1 MiB. A subscriber that is further behind delays the others.
const EVENTS_AHEAD: usize = 4;

/// What happens in a flight. Each subscriber gets all events, from the first one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event<T> {
    /// It waits for something else.
    Waiting(WaitingFor),
    /// Further bytes of its result.
    Bytes(Bytes),
    /// It has ended. This is the last event.
    Ended(T),
}

/// The flights under way. Clones share them.
pub(crate) struct Flights<K, T>(Arc<Mutex<State<K, T>>>);

struct State<K, T> {
    flights: Vec<Flight<K, T>>,
    /// The number of flights and subscribers so far, for their identities.
    count: u64,
}

struct Flight<K, T> {
    id: u64,
    key: K,
    subscribers: Vec<(u64, mpsc::Sender<Event<T>>)>,
    /// The events so far, for subscribers who come later. `None` once they are too many: then
    /// nobody can join any more.
    past: Option<Past>,
    task: AbortHandle,
}

impl<K, T> Flight<K, T> {
    /// Removes a subscriber. Returns whether none is left.
    fn leave(&mut self, subscriber: u64) -> bool {
        self.subscribers.retain(|(id, _)| *id != subscriber);
        self.subscribers.is_empty()
    }
}

/// The events of a flight so far.
#[derive(Default)]
struct Past {
    waiting: Option<WaitingFor>,
    chunks: Vec<Bytes>,
}

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            flights: Vec::new(),
            count: 0,
        })))
    }
}

impl<K, T> Flights<K, T> {
    fn lock(&self) -> MutexGuard<'_, State<K, T>> {
        // No code panics with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a flight that is under way. Nothing happens if it has ended.
    fn change<R>(&self, id: u64, change: impl FnOnce(&mut Flight<K, T>) -> R) -> Option<R> {
        let mut state = self.lock();
        let mut flights = state.flights.iter_mut();
        flights.find(|flight| flight.id == id).map(change)
    }

    /// Removes a flight, so that nobody joins it any more.
    fn remove(&self, id: u64) -> Option<Flight<K, T>> {
        let mut state = self.lock();
        let position = state.flights.iter().position(|flight| flight.id == id)?;
        Some(state.flights.swap_remove(position))
    }
}

impl<K: Clone + PartialEq + Send + 'static, T: Clone + Send + 'static> Flights<K, T> {
    /// Joins the flight with this key, or begins one: `run` does the work and tells the publisher
    /// what happens. The flight goes on until it ends, or until its last subscriber has been
    /// dropped.
    pub(crate) fn join<F>(
        &self,
        key: &K,
        run: impl FnOnce(Publisher<K, T>) -> F,
    ) -> Subscriber<K, T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (send, events) = mpsc::channel(EVENTS_AHEAD);
        let mut state = self.lock();
        state.count += 1;
        let id = state.count;
        let open = state
            .flights
            .iter_mut()
            .find_map(|flight| match &flight.past {
                Some(past) if flight.key == *key => {
                    let waiting = past.waiting.map(Event::Waiting).into_iter();
                    let chunks = past.chunks.iter().cloned().map(Event::Bytes);
                    let past = waiting.chain(chunks).collect();
                    flight.subscribers.push((id, send.clone()));
                    Some((flight.id, past))
                }
                _ => None,
            });
        let (flight, past) = open.unwrap_or_else(|| {
            let publisher = Publisher {
                flights: self.clone(),
                flight: id,
            };
            let running = run(publisher.clone());
            let flight = UnderWay(publisher);
            let task = tokio::spawn(async move {
                let ended = running.await;
                flight.0.end(ended).await;
            });
            state.flights.push(Flight {
                id,
                key: key.clone(),
                subscribers: vec![(id, send)],
                past: Some(Past::default()),
                task: task.abort_handle(),
            });
            (id, VecDeque::new())
        });
        Subscriber {
            flights: self.clone(),
            flight,
            id,
            past,
            events,
        }
    }
}

/// Tells the subscribers of a flight what happens.
pub(crate) struct Publisher<K, T> {
    flights: Flights<K, T>,
    flight: u64,
}

impl<K, T> Clone for Publisher<K, T> {
    fn clone(&self) -> Self {
        Self {
            flights: self.flights.clone(),
            flight: self.flight,
        }
    }
}

impl<K, T: Clone> Publisher<K, T> {
    /// The flight waits. This must not come after bytes.
    pub(crate) fn waiting(&self, waiting: WaitingFor) {
        self.flights.change(self.flight, |flight| {
            if let Some(past) = &mut flight.past {
                past.waiting = Some(waiting);
            }
            for (_, subscriber) in &flight.subscribers {
                // There is room: there are fewer kinds of waiting than `EVENTS_AHEAD`. A subscriber
                // that has just been dropped is about to leave.
                let _ = subscriber.try_send(Event::Waiting(waiting));
            }
        });
    }

    /// The next bytes. They are kept for subscribers who come later, unless `keep` is false: from
    /// then on, nobody can join.
    pub(crate) async fn bytes(&self, bytes: Bytes, keep: bool) {
        let subscribers = self.flights.change(self.flight, |flight| {
            match &mut flight.past {
                Some(past) if keep => past.chunks.push(bytes.clone()),
                past => *past = None,
            }
            // Those who join from here on have these bytes already.
            flight.subscribers.clone()
        });
        for (_, subscriber) in subscribers.unwrap_or_default() {
            let _ = subscriber.send(Event::Bytes(bytes.clone())).await;
        }
    }

    async fn end(&self, ended: T) {
        let flight = self.flights.remove(self.flight);
        for (_, subscriber) in flight.map(|it| it.subscribers).unwrap_or_default() {
            let _ = subscriber.send(Event::Ended(ended.clone())).await;
        }
    }
}

/// A flight that cannot be joined any more once this is dropped, even if its work panics. Without
/// their senders, its subscribers then get no further event.
struct UnderWay<K, T>(Publisher<K, T>);

impl<K, T> Drop for UnderWay<K, T> {
    fn drop(&mut self) {
        self.0.flights.remove(self.0.flight);
    }
}

/// One who waits for the result of a flight. Dropping it ends the flight if nobody else waits
/// for it.
pub(crate) struct Subscriber<K, T> {
    flights: Flights<K, T>,
    flight: u64,
    id: u64,
    /// What happened before it came.
    past: VecDeque<Event<T>>,
    events: mpsc::Receiver<Event<T>>,
}

impl<K, T> Subscriber<K, T> {
    /// The next event. `None` after the last one, or if the work panicked.
    pub(crate) async fn next(&mut self) -> Option<Event<T>> {
        match self.past.pop_front() {
            Some(event) => Some(event),
            None => self.events.recv().await,
        }
    }
}

impl<K, T> Drop for Subscriber<K, T> {
    fn drop(&mut self) {
        let abandoned = {
            let mut state = self.flights.lock();
            let mut flights = state.flights.iter_mut();
            let position = flights.position(|it| it.id == self.flight && it.leave(self.id));
            position.map(|position| state.flights.swap_remove(position))
        };
        // Dropping the work ends its request to Homer.
        if let Some(flight) = abandoned {
            flight.task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
