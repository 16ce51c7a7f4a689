use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use homer_host::WaitingFor;
use tokio::sync::Notify;

use super::{Event, Flights, Publisher, Subscriber};

type Text = Flights<&'static str, &'static str>;

/// Everything that a subscriber gets from now on.
async fn rest(mut subscriber: Subscriber<&'static str, &'static str>) -> Vec<Event<&'static str>> {
    let mut events = Vec::new();
    while let Some(event) = subscriber.next().await {
        events.push(event);
    }
    events
}

/// A flight that begins to wait, has its first bytes, and goes on when it is told to.
async fn fly(publisher: Publisher<&'static str, &'static str>, go_on: Arc<Notify>) -> &'static str {
    publisher.waiting(WaitingFor::Homer);
    publisher.bytes(Bytes::from_static(b"one"), true).await;
    go_on.notified().await;
    publisher.bytes(Bytes::from_static(b"two"), true).await;
    "done"
}

#[tokio::test]
async fn flight_is_shared_by_equal_keys_only() {
    let flights = Text::default();
    let begun = AtomicUsize::new(0);
    let go_on = Arc::new(Notify::new());
    let join = |key: &'static str| {
        flights.join(&key, |publisher| {
            begun.fetch_add(1, Ordering::SeqCst);
            fly(publisher, Arc::clone(&go_on))
        })
    };
    let mut first = join("a");
    assert_eq!(first.next().await, Some(Event::Waiting(WaitingFor::Homer)));
    assert_eq!(
        first.next().await,
        Some(Event::Bytes(Bytes::from_static(b"one")))
    );
    // The second one comes late, and misses nothing.
    let (second, other) = (join("a"), join("b"));
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    go_on.notify_one();
    let events = [
        Event::Waiting(WaitingFor::Homer),
        Event::Bytes(Bytes::from_static(b"one")),
        Event::Bytes(Bytes::from_static(b"two")),
        Event::Ended("done"),
    ];
    assert_eq!(rest(first).await, events[2..]);
    assert_eq!(rest(second).await, events);
    go_on.notify_one();
    assert_eq!(rest(other).await, events);
    // It has ended, so that the next one begins anew.
    let _again = join("a");
    assert_eq!(begun.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn flight_ends_with_its_last_subscriber() {
    struct OnDrop(Arc<Notify>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let flights = Text::default();
    let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let join = || {
        let (begun, guard) = (Arc::clone(&begun), OnDrop(Arc::clone(&ended)));
        flights.join(&"a", |_| async move {
            let _guard = guard;
            begun.notify_one();
            pending().await
        })
    };
    let first = join();
    begun.notified().await;
    let second = join();
    // The work of the second one is dropped at once, since the first one does the same.
    ended.notified().await;
    drop(first);
    assert_eq!(flights.lock().flights.len(), 1);
    drop(second);
    assert_eq!(flights.lock().flights.len(), 0);
    ended.notified().await;
}

#[tokio::test]
async fn flight_can_be_joined_while_its_bytes_are_kept() {
    for (keep, flights_begun) in [(true, 1), (false, 2)] {
        let flights = Text::default();
        let join = || {
            flights.join(&"a", |publisher| async move {
                publisher.bytes(Bytes::from_static(b"one"), keep).await;
                pending().await
            })
        };
        let mut first = join();
        first.next().await;
        let _second = join();
        assert_eq!(flights.lock().flights.len(), flights_begun, "{keep}");
    }
}

#[tokio::test]
async fn flight_that_panics_ends() {
    let flights = Text::default();
    let join = |panics: bool| {
        flights.join(&"a", |_| async move {
            match panics {
                true => std::panic::resume_unwind(Box::new("a bug")),
                false => "done",
            }
        })
    };
    assert_eq!(rest(join(true)).await, []);
    assert_eq!(rest(join(false)).await, [Event::Ended("done")]);
}
