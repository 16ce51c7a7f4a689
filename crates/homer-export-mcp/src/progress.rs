//! The progress of a call, for clients that ask for it (MCP, basic/utilities/progress).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use homer_host::WaitingFor;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::task::AbortHandle;

/// The progress of one call. It is sent to the client if the request has a progress token.
pub(crate) struct Progress {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    /// Notifications sent: the progress value, which must increase with each.
    steps: AtomicU32,
    /// The number of bytes received, for the log.
    bytes: Arc<AtomicU64>,
    /// When the number of bytes was last sent.
    sent: Mutex<Option<Instant>>,
    /// The notifications that may not have been sent yet.
    unsent: Mutex<Vec<AbortHandle>>,
}

/// The shortest time between two notifications about bytes. Servers should limit their rate; twice
/// a second looks fluent to a person.
const INTERVAL: Duration = Duration::from_millis(500);

impl Progress {
    /// `bytes` becomes the number of bytes received.
    pub(crate) fn new(context: &RequestContext<RoleServer>, bytes: Arc<AtomicU64>) -> Self {
        let token = context.meta.get_progress_token();
        Self {
            to: token.map(|token| (context.peer.clone(), token)),
            steps: AtomicU32::new(0),
            bytes,
            sent: Mutex::new(None),
            unsent: Mutex::new(Vec::new()),
        }
    }

    /// The export waits.
    pub(crate) fn waiting(&self, waiting: WaitingFor) {
        self.notify(match waiting {
            WaitingFor::Turn { at_once } => {
                format!("queued: {at_once} exports are running, the maximum")
            }
            WaitingFor::Homer => "waiting for Homer".to_string(),
        });
    }

    /// This many bytes have been received.
    pub(crate) fn received(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        if self.to.is_none() {
            return;
        }
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.is_none_or(|sent| sent.elapsed() >= INTERVAL) {
            *sent = Some(Instant::now());
            self.notify(format!("{bytes} bytes received"));
        }
    }

    fn notify(&self, message: String) {
        let Some((peer, token)) = self.to.clone() else {
            return;
        };
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        // In a task of its own: a client that does not read must not delay the export.
        let task = tokio::spawn(async move {
            let _ = peer
                .notify_progress(
                    ProgressNotificationParam::new(token, f64::from(step)).with_message(message),
                )
                .await;
        });
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.retain(|task| !task.is_finished());
        unsent.push(task.abort_handle());
    }
}

impl Drop for Progress {
    /// Runs before the result is sent: no notification may follow it (MCP,
    /// basic/utilities/progress).
    fn drop(&mut self) {
        let unsent = self
            .unsent
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for task in unsent {
            task.abort();
        }
    }
}
