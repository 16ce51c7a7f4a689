//! What a call waits for, told to a client that asked for it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use homer_host::WaitingFor;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};

/// Where the progress of one call goes: to its client, if that gave a token.
pub(crate) struct Progress {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    /// How much has been told; the protocol wants a number that grows.
    steps: AtomicU32,
    /// When it was last told how much has come.
    told: Mutex<Option<Instant>>,
}

/// Between two messages about what has come: the protocol wants few.
const INTERVAL: Duration = Duration::from_millis(500);

impl Progress {
    pub(crate) fn new(context: &RequestContext<RoleServer>) -> Self {
        let token = context.meta.get_progress_token();
        Self {
            to: token.map(|token| (context.peer.clone(), token)),
            steps: AtomicU32::new(0),
            told: Mutex::new(None),
        }
    }

    /// The export waits.
    pub(crate) fn waiting(&self, waiting: WaitingFor) {
        self.tell(match waiting {
            WaitingFor::Turn { at_once } => {
                format!("waiting for its turn: {at_once} exports at once are under way")
            }
            WaitingFor::Homer => "waiting for Homer".to_string(),
        });
    }

    /// So many bytes have come; told twice a second at most.
    pub(crate) fn received(&self, bytes: u64) {
        if self.to.is_none() {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= INTERVAL) {
            *told = Some(Instant::now());
            self.tell(format!("{bytes} bytes received"));
        }
    }

    fn tell(&self, message: String) {
        let Some((peer, token)) = self.to.clone() else {
            return;
        };
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        // Not waited for: a client that does not read is no reason to keep Homer waiting.
        tokio::spawn(async move {
            let _ = peer
                .notify_progress(
                    ProgressNotificationParam::new(token, f64::from(step)).with_message(message),
                )
                .await;
        });
    }
}
