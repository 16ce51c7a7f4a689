//! The time limits of one export or search.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use homer_export::ExportError;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::policy::Limits;
use crate::sandbox::LimitExceeded;

/// The time limits of one export or search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// When it must have ended.
    pub(crate) at: Instant,
    /// How long it may take, for the error message.
    after: Duration,
    /// CPU time within one call.
    cpu: Duration,
    /// `export` or `search`, for the error message.
    noun: &'static str,
}

impl Deadline {
    /// Begins now. `noun` says what has this deadline: `export` or `search`.
    pub(crate) fn begin(noun: &'static str, limits: &Limits) -> Self {
        Self {
            noun,
            at: Instant::now() + limits.deadline,
            after: limits.deadline,
            cpu: limits.cpu,
        }
    }

    /// Runs a call into the component until the deadline, and until it has used up its CPU time.
    /// After an error the store of the call must not be used any more.
    ///
    /// CPU time is the time spent in `poll` of the call. While the call waits for the network, it
    /// is not polled, so waiting does not count. A component that computes yields at each tick of
    /// the sandbox (see [`Sandbox`]), so `poll` returns at least that often.
    pub(crate) async fn run<T>(
        self,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, Failure> {
        let mut call = pin!(call);
        let mut used = Duration::ZERO;
        let metered = std::future::poll_fn(|cx| {
            let begin = Instant::now();
            let polled = call.as_mut().poll(cx);
            used += begin.elapsed();
            match polled {
                Poll::Ready(result) => {
                    Poll::Ready(result.map_err(|error| Failure::of_sandbox(&error)))
                }
                Poll::Pending if used > self.cpu => {
                    Poll::Ready(Err(Failure::Limit(LimitExceeded::Cpu { limit: self.cpu })))
                }
                Poll::Pending => Poll::Pending,
            }
        });
        tokio::time::timeout_at(self.at, metered)
            .await
            .map_err(|_| self.exceeded())?
    }

    pub(crate) fn exceeded(self) -> Failure {
        Failure::Export(ExportError::TimedOut(format!(
            "the {} exceeded the host's deadline of {} ms; narrow the window, or raise \
             HOMER_EXPORT_DEADLINE_MS",
            self.noun,
            self.after.as_millis()
        )))
    }
}
