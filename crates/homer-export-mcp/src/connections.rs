//! The connections of the HTTP server: how many there are, and which one makes room for another.
//!
//! A connection takes a file descriptor before anything is known about the caller. Who opens many
//! and sends nothing must not keep out those who have a token.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// Connections at a time, inclusive. Each takes a file descriptor, and a process often may have
/// only 1,024 of them.
pub(crate) const MAX_CONNECTIONS: usize = 512;

/// Connections at a time from one address over which no authorized request has come, inclusive.
/// This does not apply to loopback addresses: all users of the machine, and a proxy on it, share
/// one.
const MAX_UNPROVEN: usize = 32;

/// The connections. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The oldest first.
    open: Mutex<VecDeque<Entry>>,
    /// One of them has ended, or may make room from now on.
    changed: Notify,
}

struct Entry {
    id: Arc<()>,
    address: IpAddr,
    /// Whether an authorized request has come over it.
    is_proven: bool,
    /// Dropping it closes the connection.
    _close: oneshot::Sender<()>,
}

/// One connection. It counts until this is dropped.
pub(crate) struct Connection {
    id: Arc<()>,
    all: Connections,
}

impl Connections {
    /// Admits a connection from this address, as soon as there is room. The oldest connection over
    /// which no authorized request has come is closed to make room. The receiver is ready when the
    /// new connection has to close in its turn.
    pub(crate) async fn admit(&self, address: IpAddr) -> (Connection, oneshot::Receiver<()>) {
        let address = network(address);
        loop {
            // Before the attempt, so that no change is missed.
            let changed = self.0.changed.notified();
            if let Some(admitted) = self.try_admit(address) {
                return admitted;
            }
            changed.await;
        }
    }

    fn try_admit(&self, address: IpAddr) -> Option<(Connection, oneshot::Receiver<()>)> {
        let mut open = self.open();
        if !address.is_loopback() {
            let of_address = |entry: &&Entry| entry.address == address && !entry.is_proven;
            if open.iter().filter(of_address).count() >= MAX_UNPROVEN {
                remove_first(&mut open, |entry| of_address(&entry));
            }
        }
        if open.len() >= MAX_CONNECTIONS && !remove_first(&mut open, |entry| !entry.is_proven) {
            return None;
        }
        let (close, closed) = oneshot::channel();
        let id = Arc::new(());
        open.push_back(Entry {
            id: Arc::clone(&id),
            address,
            is_proven: false,
            _close: close,
        });
        let all = self.clone();
        Some((Connection { id, all }, closed))
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove_first(open: &mut VecDeque<Entry>, is_it: impl Fn(&Entry) -> bool) -> bool {
    let position = open.iter().position(is_it);
    position
        .and_then(|position| open.remove(position))
        .is_some()
}

/// What counts as one address: of IPv6, the 64 bits that a network is assigned (RFC 4291 §2.5.4).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        other => other,
    }
}

impl Connection {
    /// States that an authorized request has come over it.
    pub(crate) fn prove(&self) {
        let mut open = self.all.open();
        let mut entries = open.iter_mut();
        if let Some(entry) = entries.find(|entry| Arc::ptr_eq(&entry.id, &self.id)) {
            entry.is_proven = true;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        remove_first(&mut self.all.open(), |entry| {
            Arc::ptr_eq(&entry.id, &self.id)
        });
        self.all.0.changed.notify_waiters();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::IpAddr;

    use super::{Connections, MAX_CONNECTIONS, MAX_UNPROVEN};

    fn address(text: &str) -> IpAddr {
        super::network(text.parse().unwrap())
    }

    #[test]
    fn oldest_connection_without_a_token_makes_room() {
        let connections = Connections::default();
        let loopback = address("127.0.0.1");
        let mut admitted: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|_| connections.try_admit(loopback).unwrap())
            .collect();
        admitted[0].0.prove();
        let (_new, mut closed) = connections.try_admit(loopback).unwrap();
        let is_closed: Vec<_> = admitted.iter_mut().map(|(_, it)| is_closed(it)).collect();
        assert_eq!(is_closed.iter().filter(|closed| **closed).count(), 1);
        assert!(is_closed[1]);
        // Connections of callers with a token stay.
        for (connection, _) in &admitted {
            connection.prove();
        }
        assert!(connections.try_admit(loopback).is_some());
        assert!(super::tests::is_closed(&mut closed));
    }

    fn is_closed(receiver: &mut tokio::sync::oneshot::Receiver<()>) -> bool {
        use tokio::sync::oneshot::error::TryRecvError;
        receiver.try_recv() == Err(TryRecvError::Closed)
    }

    #[tokio::test]
    async fn connection_waits_if_all_others_have_a_token() {
        let connections = Connections::default();
        let loopback = address("127.0.0.1");
        let mut admitted = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            let (connection, closed) = connections.admit(loopback).await;
            connection.prove();
            admitted.push((connection, closed));
        }
        assert!(connections.try_admit(loopback).is_none());
        let mut waiting = std::pin::pin!(connections.admit(loopback));
        assert!(futures_now(waiting.as_mut()).await.is_none());
        admitted.pop();
        let _ = waiting.await;
    }

    /// The output of a future that is ready after one poll.
    async fn futures_now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[test]
    fn address_has_a_limit_of_its_own() {
        for (one, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let connections = Connections::default();
            let (_of_other, mut other_closed) = connections.try_admit(address(other)).unwrap();
            let mut admitted: Vec<_> = (0..MAX_UNPROVEN)
                .map(|_| connections.try_admit(address(one)).unwrap())
                .collect();
            assert!(!is_closed(&mut admitted[0].1));
            let _new = connections.try_admit(address(same)).unwrap();
            assert!(is_closed(&mut admitted[0].1) && !is_closed(&mut admitted[1].1));
            assert!(!is_closed(&mut other_closed));
        }
    }
}
