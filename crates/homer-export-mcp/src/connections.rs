//! The connections of the HTTP server: how many there are, and which one makes room for another.
//!
//! A connection takes a file descriptor before anything is known about the caller. Who opens many
//! and sends nothing must not keep out those who have a token.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

/// Connections at a time, inclusive. Each takes a file descriptor, and a process often may have
/// only 1,024 of them.
pub(crate) const MAX_CONNECTIONS: usize = 512;

/// Connections at a time from one address over which no authorized request has come, inclusive.
/// This does not apply to loopback addresses: all users of the machine, and a proxy on it, share
/// one.
const MAX_UNPROVEN: usize = 32;

/// How long a connection may take until its first request has been read, before it has to make
/// room. Many callers that begin at once on a busy machine must not push each other out.
const MIN_AGE: Duration = Duration::from_secs(2);

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
    since: Instant,
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
    /// which no authorized request has come within two seconds is closed to make room. The receiver
    /// is ready when the new connection has to close in its turn.
    pub(crate) async fn admit(&self, address: IpAddr) -> (Connection, oneshot::Receiver<()>) {
        let address = network(address);
        loop {
            // Before the attempt, so that no change is missed.
            let changed = self.0.changed.notified();
            if let Some(admitted) = self.try_admit(address, Instant::now()) {
                return admitted;
            }
            // One of them may be old enough then.
            let _ = tokio::time::timeout(MIN_AGE / 10, changed).await;
        }
    }

    fn try_admit(
        &self,
        address: IpAddr,
        now: Instant,
    ) -> Option<(Connection, oneshot::Receiver<()>)> {
        let mut open = self.open();
        if !address.is_loopback() {
            let of_address = |entry: &&Entry| entry.address == address && !entry.is_proven;
            if open.iter().filter(of_address).count() >= MAX_UNPROVEN {
                remove_first(&mut open, |entry| of_address(&entry));
            }
        }
        let is_late = |entry: &Entry| {
            !entry.is_proven && now.saturating_duration_since(entry.since) >= MIN_AGE
        };
        if open.len() >= MAX_CONNECTIONS && !remove_first(&mut open, is_late) {
            return None;
        }
        let (close, closed) = oneshot::channel();
        let id = Arc::new(());
        open.push_back(Entry {
            id: Arc::clone(&id),
            address,
            since: now,
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
    use std::time::{Duration, Instant};

    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::{Connection, Connections, MAX_CONNECTIONS, MAX_UNPROVEN, MIN_AGE};

    type Admitted = (Connection, oneshot::Receiver<()>);

    fn address(text: &str) -> IpAddr {
        super::network(text.parse().unwrap())
    }

    fn is_closed((_, receiver): &mut Admitted) -> bool {
        receiver.try_recv() == Err(TryRecvError::Closed)
    }

    fn full(connections: &Connections, now: Instant) -> Vec<Admitted> {
        let admit = |_| connections.try_admit(address("127.0.0.1"), now).unwrap();
        (0..MAX_CONNECTIONS).map(admit).collect()
    }

    #[test]
    fn oldest_connection_without_a_token_makes_room() {
        let connections = Connections::default();
        let (loopback, now) = (address("127.0.0.1"), Instant::now());
        let mut admitted = full(&connections, now);
        admitted[0].0.prove();
        // All of them have just begun.
        let soon = now + MIN_AGE - Duration::from_millis(1);
        assert!(connections.try_admit(loopback, soon).is_none());
        let later = now + MIN_AGE;
        let mut new = connections.try_admit(loopback, later).unwrap();
        let closed: Vec<_> = admitted.iter_mut().map(is_closed).collect();
        assert_eq!(closed.iter().filter(|closed| **closed).count(), 1);
        assert!(closed[1] && !is_closed(&mut new));
    }

    #[test]
    fn connection_of_a_caller_with_a_token_stays() {
        let connections = Connections::default();
        let (loopback, now) = (address("127.0.0.1"), Instant::now());
        let mut admitted = full(&connections, now);
        for (connection, _) in &admitted {
            connection.prove();
        }
        let later = now + MIN_AGE * 100;
        assert!(connections.try_admit(loopback, later).is_none());
        assert!(!admitted.iter_mut().any(is_closed));
        admitted.pop();
        assert!(connections.try_admit(loopback, later).is_some());
    }

    #[test]
    fn address_has_a_limit_of_its_own() {
        for (one, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let connections = Connections::default();
            let admit = |text| {
                connections
                    .try_admit(address(text), Instant::now())
                    .unwrap()
            };
            let mut of_other = admit(other);
            let mut admitted: Vec<_> = (0..MAX_UNPROVEN).map(|_| admit(one)).collect();
            assert!(!is_closed(&mut admitted[0]));
            let _new = admit(same);
            assert!(is_closed(&mut admitted[0]) && !is_closed(&mut admitted[1]));
            assert!(!is_closed(&mut of_other));
        }
    }
}
