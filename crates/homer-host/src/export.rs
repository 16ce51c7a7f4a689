//! One export: a fresh instance asked for a capture, its bytes handed on piece by piece.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use data_encoding::HEXLOWER;
use homer_export::finding::Finding;
use homer_export::report::{Count, LadderEntry};
use homer_export::{CaptureReport, ExportError};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::COMPONENT;
use crate::outbound::Outbound;
use crate::policy::{Limits, Policy};
use crate::sandbox::{Exports, Guest, LimitExceeded, Sandbox, stream, types};

pub use crate::sandbox::stream::Query;

impl Query {
    /// One call in a window, Unix time in milliseconds, of the default profiles on all nodes.
    pub fn of_call(call_id: &str, from_ts: i64, to_ts: i64) -> Self {
        Self {
            call_ids: vec![call_id.to_string()],
            from_ts,
            to_ts,
            profiles: vec![],
            nodes: vec![],
            exclude_ips: vec![],
        }
    }
}

/// Bytes asked for at a time: what the component receives at once at most.
const READ_BYTES: u32 = 256 * 1024;

/// Makes exports under one policy. Cheap to clone, and to be shared: connections are kept alive
/// across exports.
#[derive(Clone)]
pub struct Exporter {
    shared: Arc<Shared>,
}

struct Shared {
    sandbox: Sandbox,
    limits: Limits,
    /// The generation of Homer's API that answered last, so that later instances need not find out;
    /// 0 before.
    api: AtomicU8,
    /// Whose turn it is; first come, first served.
    turns: Arc<Semaphore>,
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
    /// `misconfigured` if the policy's certificates cannot be read, [`Failure::Trap`] if Wasmtime
    /// does not work here.
    pub fn new(policy: Policy) -> Result<Self, Failure> {
        Self::with_component(COMPONENT, policy)
    }

    /// With another component of the same contract, which is not trusted any more than ours.
    ///
    /// # Errors
    /// As [`Self::new`], and [`Failure::Trap`] if it is no such component or imports more than the
    /// sandbox links.
    pub fn with_component(component: &[u8], policy: Policy) -> Result<Self, Failure> {
        let limits = policy.limits;
        let turns = Arc::new(Semaphore::new(limits.concurrent_exports));
        let outbound = Outbound::new(&policy)?;
        let sandbox = Sandbox::new(component, policy, outbound)
            .map_err(|error| Failure::Trap(format!("{error:#}")))?;
        Ok(Self {
            shared: Arc::new(Shared {
                sandbox,
                limits,
                api: AtomicU8::new(0),
                turns,
            }),
        })
    }

    /// Begins an export when it is its turn; returns once its first packet record has begun.
    /// Dropping the future, or the export, ends the request and frees the instance.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(&self, query: &Query) -> Result<Export, Failure> {
        self.open_with_progress(query, |_| {}).await
    }

    /// As [`Self::open`], telling `tell` what it waits for.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open_with_progress(
        &self,
        query: &Query,
        tell: impl FnMut(WaitingFor),
    ) -> Result<Export, Failure> {
        self.shared
            .open(query, tell)
            .await
            .map_err(|failure| self.shared.redacted(failure))
            .map(|running| Export {
                shared: Arc::clone(&self.shared),
                running: Some(running),
                seen: 0,
            })
    }
}

impl Shared {
    async fn open(
        &self,
        query: &Query,
        mut tell: impl FnMut(WaitingFor),
    ) -> Result<Running, Failure> {
        let bounds = Bounds {
            until: Instant::now() + self.limits.deadline,
            deadline: self.limits.deadline,
            cpu: self.limits.cpu,
        };
        let turn = match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => {
                tell(WaitingFor::Turn {
                    at_once: self.limits.concurrent_exports,
                });
                let turn = Arc::clone(&self.turns).acquire_owned();
                let turn = tokio::time::timeout_at(bounds.until, turn)
                    .await
                    .map_err(|_| bounds.passed())?;
                turn.map_err(|closed| Failure::Trap(closed.to_string()))?
            }
        };
        tell(WaitingFor::Homer);
        let learned = match self.api.load(Ordering::Relaxed) {
            0 => None,
            api => Some(api.to_string()),
        };
        let learned = learned.as_deref().map(|api| ("HOMER_API", api));
        let (mut store, exports) = bounds.hold(self.sandbox.instantiate(learned)).await?;
        let interface = exports.homer_capture_homer_export_stream();
        let opened = bounds
            .hold(interface.call_open_pcap(&mut store, query))
            .await?
            .map_err(from_wit_error);
        if let Err(Failure::Export(ExportError::Rejected { status: 404, .. })) = opened {
            // What was learned may no longer hold: find out again the next time.
            self.api.store(0, Ordering::Relaxed);
        }
        let stream = opened?;
        Ok(Running {
            store,
            exports,
            stream,
            bounds,
            _turn: turn,
        })
    }

    /// The failure without any of our credentials in its text.
    fn redacted(&self, mut failure: Failure) -> Failure {
        let text = match &mut failure {
            Failure::Export(error) => error.message_mut(),
            Failure::Trap(why) => why,
            Failure::Limit(_) => return failure,
        };
        *text = self.sandbox.outbound().redacted(text);
        failure
    }
}

/// What an export waits for before its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// Its turn: so many others are under way, as many as are allowed.
    Turn {
        /// Exports at once.
        at_once: usize,
    },
    /// Homer's answer.
    Homer,
}

/// What a call into the component may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    until: Instant,
    deadline: Duration,
    cpu: Duration,
}

impl Bounds {
    /// Waits for a call into the component until the deadline, and for no longer than its share of
    /// the processor while it computes: the time spent in this future, which is not there while the
    /// call waits. The component gives way at every tick of the sandbox's clock. After an error the
    /// store that the call ran in is of no more use.
    async fn hold<T>(self, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Failure> {
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
        tokio::time::timeout_at(self.until, metered)
            .await
            .map_err(|_| self.passed())?
    }

    /// The deadline has passed.
    fn passed(self) -> Failure {
        Failure::Export(ExportError::TimedOut(format!(
            "the export was not over after {} ms, the host's deadline; narrow the window, or raise HOMER_EXPORT_DEADLINE_MS",
            self.deadline.as_millis()
        )))
    }
}

/// One export under way.
pub struct Export {
    shared: Arc<Shared>,
    /// None after a failure: nothing enters a store that was left in the middle of a call.
    running: Option<Running>,
    seen: u64,
}

struct Running {
    store: Store<Guest>,
    exports: Exports,
    stream: ResourceAny,
    bounds: Bounds,
    _turn: OwnedSemaphorePermit,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl Export {
    /// The next bytes of the capture, at least one; none once all have come and the capture was
    /// found whole. Until then nothing that came may be taken for a capture.
    ///
    /// # Errors
    /// [`Failure`]; the export is then over.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(mut running) = self.running.take() else {
            return Err(Failure::over());
        };
        let bytes = running
            .read()
            .await
            .map_err(|failure| self.shared.redacted(failure))?;
        // Not what the network brought, which is limited there, but what the component makes of it.
        let limit = self.shared.limits.response_bytes;
        self.seen += bytes.len() as u64;
        if self.seen > limit {
            return Err(Failure::Limit(LimitExceeded::Output { limit }));
        }
        self.running = Some(running);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// What the capture holds; to be called after [`Self::next`] has returned none.
    ///
    /// # Errors
    /// [`Failure`], also if bytes are left to read.
    pub async fn finish(mut self) -> Result<CaptureReport, Failure> {
        if self.next().await?.is_some() {
            return Err(Failure::Trap(
                "the capture was not read to its end".to_string(),
            ));
        }
        let Some(mut running) = self.running.take() else {
            return Err(Failure::over());
        };
        let mut report = running.report().await?;
        self.shared.api.store(report.api, Ordering::Relaxed);
        if running.store.data().end_is_unproven() {
            report.warnings.push(
                "the reply had neither a length nor chunks, so that nothing proves that it came to its end: a part between two \
                 packet records may be missing"
                    .to_string(),
            );
        }
        Ok(report)
    }

    /// The same, hashed on the way: which takes longer than all the rest where the processor has no
    /// instructions for it.
    pub fn hashed(self) -> HashedExport {
        HashedExport {
            export: self,
            hash: Sha256::new(),
        }
    }
}

/// An export under way that is hashed.
#[derive(Debug)]
pub struct HashedExport {
    export: Export,
    hash: Sha256,
}

/// What is known of a capture once all of it has come.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it holds.
    pub report: CaptureReport,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl HashedExport {
    /// As [`Export::next`].
    ///
    /// # Errors
    /// As [`Export::next`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let bytes = self.export.next().await?;
        self.hash.update(bytes.as_deref().unwrap_or_default());
        Ok(bytes)
    }

    /// As [`Export::finish`].
    ///
    /// # Errors
    /// As [`Export::finish`].
    pub async fn finish(self) -> Result<Finished, Failure> {
        Ok(Finished {
            report: self.export.finish().await?,
            sha256: HEXLOWER.encode(&self.hash.finalize()),
        })
    }
}

impl Running {
    async fn read(&mut self) -> Result<Vec<u8>, Failure> {
        let stream = self
            .exports
            .homer_capture_homer_export_stream()
            .pcap_stream();
        let read = self
            .bounds
            .hold(stream.call_read(&mut self.store, self.stream, READ_BYTES))
            .await?;
        read.map_err(from_wit_error)
    }

    async fn report(&mut self) -> Result<CaptureReport, Failure> {
        let stream = self
            .exports
            .homer_capture_homer_export_stream()
            .pcap_stream();
        self.bounds
            .hold(stream.call_report(&mut self.store, self.stream))
            .await
            .map(from_wit_report)
    }
}

/// Why there is no capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// For one of the contract's reasons.
    Export(ExportError),
    /// The component hit a limit of the sandbox, which ours does not in normal use.
    Limit(LimitExceeded),
    /// The component trapped: a bug.
    Trap(String),
}

impl Failure {
    fn of_sandbox(error: &wasmtime::Error) -> Self {
        match error.downcast_ref::<LimitExceeded>() {
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
            Self::Trap(why) => write!(
                f,
                "the component failed, which is a bug of homer-export: {why}"
            ),
        }
    }
}

impl std::error::Error for Failure {}

fn from_wit_report(report: stream::CaptureReport) -> CaptureReport {
    CaptureReport {
        size_bytes: report.size_bytes,
        packets: report.packets,
        sip_messages: report.sip_messages,
        other_packets: report.other_packets,
        others: counts(report.others),
        undated_packets: report.undated_packets,
        first_packet_us: report.first_packet_us,
        last_packet_us: report.last_packet_us,
        profile: report.profile,
        api: report.api,
        call_ids: report.call_ids,
        missing_call_ids: report.missing_call_ids,
        other_call_ids: report.other_call_ids,
        warnings: report.warnings,
        participants: report.participants,
        transports: report.transports,
        requests: counts(report.requests),
        responses: counts(report.responses),
        retransmissions: report.retransmissions,
        duplicates: report.duplicates,
        final_status: report.final_status,
        ringing_after_us: report.ringing_after_us,
        final_after_us: report.final_after_us,
        complete: report.complete,
        incomplete_reasons: report.incomplete_reasons,
        ended_with: report.ended_with,
        ended_by: report.ended_by,
        counts_truncated: report.counts_truncated,
        ladder: report.ladder.into_iter().map(from_wit_entry).collect(),
        ladder_elided: report.ladder_elided,
        findings: report.findings.into_iter().map(from_wit_finding).collect(),
        findings_elided: report.findings_elided,
    }
}

fn counts(counts: Vec<types::Count>) -> Vec<Count> {
    counts
        .into_iter()
        .map(|types::Count { name, count }| Count { name, count })
        .collect()
}

fn from_wit_entry(entry: types::LadderEntry) -> LadderEntry {
    let types::LadderEntry {
        packet,
        after_us,
        source,
        destination,
        directed,
        line,
        cseq,
        call,
        repeats,
    } = entry;
    LadderEntry {
        packet,
        after_us,
        source,
        destination,
        directed,
        line,
        cseq,
        call,
        repeats,
    }
}

fn from_wit_finding(finding: types::Finding) -> Finding {
    let types::Finding {
        packet,
        offset,
        code,
        text,
        rule,
    } = finding;
    Finding {
        packet,
        offset,
        code,
        text,
        rule,
    }
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
        W::InvalidResponse(text) => E::InvalidResponse(text),
        W::TooLarge(types::SizeLimit {
            limit,
            seen,
            message,
        }) => E::TooLarge {
            limit,
            seen,
            message,
        },
    })
}
