//! One export: a fresh instance asked for a capture, its bytes handed on piece by piece and hashed on the way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use homer_export::{CaptureReport, ExportError};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::COMPONENT;
use crate::outbound::Outbound;
use crate::policy::Policy;
use crate::sandbox::{Exports, Guest, LimitHit, Sandbox, stream, types};

pub use crate::sandbox::stream::Query;

/// Bytes asked for at a time: what the component receives at once at most.
const READ_BYTES: u32 = 256 * 1024;

/// Makes exports under one policy. Cheap to clone, and to be shared: connections are kept alive across exports.
#[derive(Clone)]
pub struct Exporter {
    sandbox: Arc<Sandbox>,
    deadline: Duration,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// With the component that is built into this library.
    ///
    /// # Errors
    /// If the policy's certificates cannot be read, or Wasmtime does not work here.
    pub fn new(policy: Policy) -> anyhow::Result<Self> {
        Self::with_component(COMPONENT, policy)
    }

    /// With another component of the same contract, which is not trusted any more than ours.
    ///
    /// # Errors
    /// As [`Self::new`], and if it is no such component or imports more than the sandbox links.
    pub fn with_component(component: &[u8], policy: Policy) -> anyhow::Result<Self> {
        let deadline = policy.limits.deadline;
        let outbound = Outbound::new(&policy)?;
        Ok(Self { sandbox: Arc::new(Sandbox::new(component, policy, outbound)?), deadline })
    }

    /// Begins an export; returns once its first packet record has begun. Dropping the future, or the export, ends the
    /// request and frees the instance.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(&self, query: &Query) -> Result<Export, Failure> {
        let deadline = Deadline { at: Instant::now() + self.deadline, after: self.deadline };
        let (mut store, exports) = deadline.hold(self.sandbox.instantiate()).await?;
        store.data_mut().begin_call();
        let interface = exports.homer_capture_homer_export_stream();
        let opened = deadline.hold(interface.call_open_pcap(&mut store, query)).await?;
        let stream = opened.map_err(from_wit_error)?;
        Ok(Export { running: Some(Running { store, exports, stream }), deadline, hash: Sha256::new() })
    }
}

/// The moment by which an export has to be over.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    /// Waits for a call into the component until the deadline. The store it ran in is then of no more use.
    async fn hold<T>(self, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Failure> {
        match tokio::time::timeout_at(self.at, call).await {
            Ok(result) => result.map_err(|error| Failure::of_sandbox(&error)),
            Err(_) => Err(Failure::Export(ExportError::TimedOut(format!(
                "the export was not over after {} ms, the host's deadline; narrow the window, or raise \
                 HOMER_EXPORT_DEADLINE_MS",
                self.after.as_millis()
            )))),
        }
    }
}

/// One export under way.
pub struct Export {
    /// None after a failure: nothing enters a store that was left in the middle of a call.
    running: Option<Running>,
    deadline: Deadline,
    hash: Sha256,
}

struct Running {
    store: Store<Guest>,
    exports: Exports,
    stream: ResourceAny,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

/// What is known of a capture once all of it has come.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it holds.
    pub report: CaptureReport,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl Export {
    /// The next bytes of the capture, at least one; none once all have come and the capture was found whole. Until then
    /// nothing that came may be taken for a capture.
    ///
    /// # Errors
    /// [`Failure`]; the export is then over.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(mut running) = self.running.take() else { return Err(Failure::over()) };
        let bytes = running.read(self.deadline).await?;
        self.running = Some(running);
        self.hash.update(&bytes);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// What is known of the capture; to be called after [`Self::next`] has returned none.
    ///
    /// # Errors
    /// [`Failure`], also if bytes are left to read.
    pub async fn finish(mut self) -> Result<Finished, Failure> {
        if self.next().await?.is_some() {
            return Err(Failure::Trap("the capture was not read to its end".to_string()));
        }
        let Some(mut running) = self.running.take() else { return Err(Failure::over()) };
        let report = running.report(self.deadline).await?;
        let digest = self.hash.finalize();
        Ok(Finished { report, sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect() })
    }
}

impl Running {
    async fn read(&mut self, deadline: Deadline) -> Result<Vec<u8>, Failure> {
        self.store.data_mut().begin_call();
        let stream = self.exports.homer_capture_homer_export_stream().pcap_stream();
        let read = deadline.hold(stream.call_read(&mut self.store, self.stream, READ_BYTES)).await?;
        read.map_err(from_wit_error)
    }

    async fn report(&mut self, deadline: Deadline) -> Result<CaptureReport, Failure> {
        self.store.data_mut().begin_call();
        let stream = self.exports.homer_capture_homer_export_stream().pcap_stream();
        deadline.hold(stream.call_report(&mut self.store, self.stream)).await.map(from_wit_report)
    }
}

/// Why there is no capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// For one of the contract's reasons.
    Export(ExportError),
    /// The component hit a limit of the sandbox, which ours does not in normal use.
    Limit(LimitHit),
    /// The component trapped: a bug.
    Trap(String),
}

impl Failure {
    fn of_sandbox(error: &wasmtime::Error) -> Self {
        match error.downcast_ref::<LimitHit>() {
            Some(limit) => Self::Limit(*limit),
            None => Self::Trap(error.root_cause().to_string()),
        }
    }

    fn over() -> Self {
        Self::Trap("the export is over".to_string())
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(error) => error.fmt(f),
            Self::Limit(limit) => write!(f, "stopped by the sandbox: {limit}"),
            Self::Trap(why) => write!(f, "the component failed, which is a bug of homer-export: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

fn from_wit_report(report: stream::CaptureReport) -> CaptureReport {
    let stream::CaptureReport {
        size_bytes,
        packets,
        undated_packets,
        first_packet_us,
        last_packet_us,
        profile,
        api,
        warnings,
    } = report;
    CaptureReport { size_bytes, packets, undated_packets, first_packet_us, last_packet_us, profile, api, warnings }
}

fn from_wit_error(error: types::ExportError) -> Failure {
    use ExportError as E;
    use types::ExportError as W;
    Failure::Export(match error {
        W::InvalidRequest(text) => E::InvalidRequest(text),
        W::Misconfigured(text) => E::Misconfigured(text),
        W::Denied(text) => E::Denied(text),
        W::Unauthorized(text) => E::Unauthorized(text),
        W::Unreachable(text) => E::Unreachable(text),
        W::TimedOut(text) => E::TimedOut(text),
        W::NothingCaptured(text) => E::NothingCaptured(text),
        W::Rejected(types::Rejection { status, message }) => E::Rejected { status, message },
        W::BrokenReply(text) => E::BrokenReply(text),
        W::TooLarge(types::SizeLimit { limit, seen, message }) => E::TooLarge { limit, seen, message },
    })
}
