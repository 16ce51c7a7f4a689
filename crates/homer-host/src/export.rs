//! Exports: a fresh instance exports a capture, and its bytes are passed on as they arrive.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use homer_export::export::MAX_OPEN_EXCHANGES;
use homer_export::homer::Api;
use homer_export::record::Convert;
use homer_export::redact::{Redaction, RedactionSummary};
use homer_export::{CaptureReport, ExportError};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::COMPONENT;
use crate::admission::{Admission, Work};
use crate::convert::printable;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::outbound::Outbound;
use crate::permit::{Permit, Permits};
use crate::policy::Policy;
use crate::sandbox::{Exports, Guest, LimitExceeded, MAX_READERS, Sandbox, stream, types};

/// What to export. The component parses and checks it, so any values can be passed.
///
/// # Examples
///
/// ```
/// use homer_host::ExportRequest;
///
/// let request = ExportRequest {
///     exclude_ips: vec!["192.0.2.99".to_string()],
///     ..ExportRequest::for_call("a84b4c76e66710@pc33", 1_795_168_800_000, 1_795_169_100_000)
/// };
/// assert_eq!(request.call_ids, ["a84b4c76e66710@pc33"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportRequest {
    /// The Call-IDs of the calls. Their messages go into one capture.
    pub call_ids: Vec<String>,
    /// The beginning of the window in Unix milliseconds.
    pub from_ts: i64,
    /// The end of the window in Unix milliseconds.
    pub to_ts: i64,
    /// Homer's search profiles in the order in which they are searched. None means the default
    /// ones.
    pub profiles: Vec<String>,
    /// Homer's database nodes. None means all.
    pub nodes: Vec<String>,
    /// Messages from or to these IP addresses are left out.
    pub exclude_ips: Vec<String>,
    /// What is redacted in the capture. [`crate::HostConfig::redaction`] makes one from the
    /// settings.
    pub redact: Option<Redaction>,
}

impl ExportRequest {
    /// A request for one call in a window in Unix milliseconds, in the default profiles on all
    /// nodes.
    pub fn for_call(call_id: &str, from_ts: i64, to_ts: i64) -> Self {
        Self {
            call_ids: vec![call_id.to_string()],
            from_ts,
            to_ts,
            ..Self::default()
        }
    }
}

/// Bytes requested in one read, and therefore the most that a component holds of a capture. Larger
/// reads are not faster (docs/wasm.md §5).
const READ_BYTES: u32 = 256 * 1024;

/// Runs exports under one policy. It is cheap to clone, and clones share the compiled component,
/// the queue of exports, and the connections to Homer, which are kept alive.
///
/// # Examples
///
/// ```no_run
/// use homer_host::{ExportRequest, Exporter, Flags, HostConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // Homer's URL, its credential and the limits come from the environment.
/// let exporter = Exporter::new(HostConfig::of_process(&Flags::default())?.policy())?;
/// let request = ExportRequest::for_call("a84b4c76e66710@pc33", 1795168800000, 1795169100000);
/// let mut export = exporter.open(&request).await?;
/// let mut capture = Vec::new();
/// while let Some(bytes) = export.next().await? {
///     capture.extend(bytes);
/// }
/// println!("{}", export.finish().await?.summary());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Exporter {
    pub(crate) sandbox: Arc<Sandbox>,
    /// The version of Homer's API that the last export used. Later instances get it, so
    /// that they need not detect it with a request of their own.
    detected_api: Arc<Mutex<Option<Api>>>,
    /// Which exports may send requests to Homer.
    permits: Arc<Permits>,
    /// One permit for each reader of a capture.
    pub(crate) readers: Arc<Semaphore>,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// An exporter with the component that is built into this library.
    ///
    /// # Errors
    /// `misconfigured` if the policy's certificates cannot be read. [`Failure::Trap`] if Wasmtime
    /// does not work on this system.
    pub fn new(policy: Policy) -> Result<Self, Failure> {
        Self::with_component(COMPONENT, policy)
    }

    /// An exporter with another component of the same contract. It is trusted as little as ours.
    ///
    /// # Errors
    /// As [`Self::new`]. [`Failure::Trap`] also if it is not such a component, or if it imports
    /// more than the sandbox links.
    pub fn with_component(component: &[u8], policy: Policy) -> Result<Self, Failure> {
        let limits = &policy.limits;
        let permits = Permits::new(Admission::new(
            limits.concurrent_exports,
            limits.small_export,
        ));
        let outbound = Outbound::new(&policy)?;
        let sandbox = Sandbox::new(component, policy, outbound)
            .map_err(|error| Failure::Trap(format!("{error:#}")))?;
        Ok(Self {
            sandbox: Arc::new(sandbox),
            detected_api: Arc::default(),
            permits,
            readers: Arc::new(Semaphore::new(MAX_READERS)),
        })
    }

    /// Begins an export as soon as Homer may be sent its requests, and returns when the first
    /// packet record has begun to arrive and the other profiles have been searched. Dropping the
    /// future or the export ends the requests to Homer and frees the instance.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(&self, request: &ExportRequest) -> Result<Export, Failure> {
        self.open_with_progress(request, |_| {}).await
    }

    /// As [`Self::open`]. Also calls `on_progress` whenever the export begins to wait for something
    /// else.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open_with_progress(
        &self,
        request: &ExportRequest,
        on_progress: impl FnMut(WaitingFor),
    ) -> Result<Export, Failure> {
        let instance = self.open_instance(request, on_progress).await?;
        Ok(Export {
            exporter: self.clone(),
            instance: Some(instance),
            received: 0,
        })
    }

    async fn open_instance(
        &self,
        request: &ExportRequest,
        on_progress: impl FnMut(WaitingFor),
    ) -> Result<Instance, Failure> {
        let begun = self.begin(work_of(request), on_progress).await?;
        let Begun {
            // First, and therefore dropped last: the next one begins when this instance is freed.
            permit,
            mut store,
            exports,
            deadline,
        } = begun;
        if request.redact.is_some() {
            // The component returns other bytes than those that Homer sent.
            store.data_mut().hash_responses();
        }
        let interface = exports.homer_capture_homer_export_stream();
        let query = to_wit_query(request);
        let opened = deadline
            .run(interface.call_open_pcap(&mut store, &query))
            .await?
            .map_err(Failure::of_component);
        if let Err(Failure::Export(ExportError::Rejected { status: 404, .. })) = opened {
            // Homer may have been upgraded since it was detected. The next instance detects anew.
            self.set_detected_api(None);
        }
        if let Err(Failure::Export(ExportError::NothingCaptured { .. })) = opened {
            permit.found_nothing();
        }
        let stream = opened?;
        // Only the streamed profile has an open exchange from here on (`PcapStream::open`).
        permit.keep_one();
        Ok(Instance {
            stream,
            store,
            exports,
            deadline,
            _permit: permit,
        })
    }

    /// A fresh instance for this work, as soon as there is a permit for its requests.
    pub(crate) async fn begin(
        &self,
        work: Work,
        mut on_progress: impl FnMut(WaitingFor),
    ) -> Result<Begun, Failure> {
        let limits = &self.sandbox.policy().limits;
        // Before the queue, because the caller waits for the sum of both.
        let deadline = Deadline::begin(work.noun(), limits);
        let permit = self.permits.take(work, |at_once| {
            on_progress(WaitingFor::Turn { at_once });
        });
        let permit = tokio::time::timeout_at(deadline.at, permit)
            .await
            .map_err(|_| deadline.exceeded())?;
        on_progress(WaitingFor::Homer);
        let instantiated = self
            .sandbox
            .instantiate(self.detected_api(), Some(permit.meter()));
        let (store, exports) = deadline.run(instantiated).await?;
        Ok(Begun {
            store,
            exports,
            deadline,
            permit,
        })
    }

    /// The policy of all instances.
    pub(crate) fn policy(&self) -> &Policy {
        self.sandbox.policy()
    }

    fn detected_api(&self) -> Option<Api> {
        *self
            .detected_api
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set_detected_api(&self, api: Option<Api>) {
        *self
            .detected_api
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = api;
    }
}

/// A fresh instance, before its first call.
pub(crate) struct Begun {
    pub(crate) store: Store<Guest>,
    pub(crate) exports: Exports,
    pub(crate) deadline: Deadline,
    /// Last, so that the next one begins when this instance has been freed.
    pub(crate) permit: Permit,
}

/// An export has one exchange with Homer for a single profile, and otherwise two at a time.
fn work_of(request: &ExportRequest) -> Work {
    Work::Export {
        requests: match request.profiles.len() {
            1 => 1,
            _ => MAX_OPEN_EXCHANGES,
        },
    }
}

/// What an export or a search waits for before its first bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// For other exports: as many requests as are allowed are under way.
    Turn {
        /// The number of concurrent requests to Homer that are allowed at this moment.
        at_once: usize,
    },
    /// For Homer's response.
    Homer,
}

/// One export. Read it to its end with [`Self::next`], then get the report with [`Self::finish`].
///
/// Bytes that were read are a capture only once [`Self::next`] has returned `None`: the component
/// checks the capture as it arrives, and the last byte decides. [`crate::PartialFile`] keeps them
/// until then.
///
/// # Examples
///
/// ```no_run
/// # use homer_host::{Export, Failure};
/// # async fn example(mut export: Export) -> Result<(), Failure> {
/// let mut capture = Vec::new();
/// while let Some(bytes) = export.next().await? {
///     capture.extend(bytes);
/// }
/// let report = export.finish().await?;
/// assert_eq!(report.size_bytes, capture.len() as u64);
/// # Ok(())
/// # }
/// ```
pub struct Export {
    exporter: Exporter,
    /// `None` after a failure, and after a call that was dropped before it returned: a store that a
    /// call left in the middle must not be entered again.
    instance: Option<Instance>,
    received: u64,
}

/// The instance that runs one export. Dropping it closes its connection to Homer and ends its
/// permit.
struct Instance {
    store: Store<Guest>,
    exports: Exports,
    stream: ResourceAny,
    deadline: Deadline,
    _permit: Permit,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl Export {
    /// The next bytes of the capture, at least one. `None` once all bytes have been returned and
    /// the capture is known to be complete. Bytes that came before must not be used as a capture
    /// until then.
    ///
    /// # Errors
    /// [`Failure`]. The export is then over, and further calls fail with [`Failure::Misuse`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut instance = self.instance.take().ok_or(Failure::OVER)?;
        let bytes = instance.read().await?;
        // The network side has this limit already. This one holds a component to it that returns
        // bytes of its own.
        let limit = self.exporter.sandbox.policy().limits.response_bytes;
        self.received += bytes.len() as u64;
        if self.received > limit {
            return Err(Failure::Limit(LimitExceeded::Output { limit }));
        }
        self.instance = Some(instance);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// The report about the capture. Call this after [`Self::next`] has returned `None`.
    ///
    /// # Errors
    /// [`Failure`], and [`Failure::Misuse`] if not all bytes have been read. Without this error, a
    /// caller could take a truncated file for a capture.
    pub async fn finish(self) -> Result<CaptureReport, Failure> {
        Ok(self.finish_redacted().await?.0)
    }

    /// As [`Self::finish`]. Also returns what was redacted, if the request asked for it.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub async fn finish_redacted(
        mut self,
    ) -> Result<(CaptureReport, Option<RedactionSummary>), Failure> {
        if self.next().await?.is_some() {
            return Err(Failure::NOT_READ);
        }
        let mut instance = self.instance.take().ok_or(Failure::OVER)?;
        let mut report = instance.report().await?;
        let redaction = instance.redaction().await?;
        let used = [Api::V7, Api::V11]
            .into_iter()
            .find(|api| api.number() == report.api);
        self.exporter.set_detected_api(used);
        if instance.store.data().transfer_notes().end_unproven {
            // Only the host knows this: `wasi:http` does not show a component how a body is framed.
            report.warnings.push(
                "the response had neither a Content-Length nor chunked encoding, so nothing proves \
                 that the capture is complete; packets at its end may be missing"
                    .to_string(),
            );
        }
        Ok((report, redaction))
    }

    /// The same export, with its SHA-256 computed on the way. Without hardware support for SHA-256,
    /// hashing takes longer than everything else together.
    pub fn hashed(self) -> HashedExport {
        HashedExport {
            export: self,
            hash: Sha256::new(),
        }
    }
}

/// An [`Export`] whose SHA-256 is computed on the way.
#[derive(Debug)]
pub struct HashedExport {
    export: Export,
    hash: Sha256,
}

/// What is known about a capture after all of it has been read.
#[derive(Clone, Debug)]
pub struct CompletedExport {
    /// The report about the capture.
    pub report: CaptureReport,
    /// The SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
    /// What was redacted, if the request asked for it.
    pub redaction: Option<RedactionSummary>,
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
    pub async fn finish(self) -> Result<CompletedExport, Failure> {
        let (report, redaction) = self.export.finish_redacted().await?;
        Ok(CompletedExport {
            report,
            redaction,
            sha256: HEXLOWER.encode(&self.hash.finalize()),
        })
    }
}

impl Instance {
    async fn read(&mut self) -> Result<Vec<u8>, Failure> {
        let stream = self
            .exports
            .homer_capture_homer_export_stream()
            .pcap_stream();
        let read = stream.call_read(&mut self.store, self.stream, READ_BYTES);
        self.deadline
            .run(read)
            .await?
            .map_err(Failure::of_component)
    }

    async fn report(&mut self) -> Result<CaptureReport, Failure> {
        let stream = self
            .exports
            .homer_capture_homer_export_stream()
            .pcap_stream();
        let report = stream.call_report(&mut self.store, self.stream);
        let report = self.deadline.run(report).await?;
        Ok(printable(report.convert()))
    }

    /// What was redacted. The hash of the original is the component's, or that of the last response
    /// if the component says that this is the original.
    async fn redaction(&mut self) -> Result<Option<RedactionSummary>, Failure> {
        let stream = self
            .exports
            .homer_capture_homer_export_stream()
            .pcap_stream();
        let redaction = stream.call_redaction(&mut self.store, self.stream);
        let redaction: Option<types::RedactionSummary> = self.deadline.run(redaction).await?;
        let mut redaction: Option<RedactionSummary> = printable(redaction.convert());
        if let Some(summary) = &mut redaction
            && summary.original_sha256.is_none()
            && let Some(response) = self.store.data().last_response()
            && response.size_bytes == summary.original_size_bytes
        {
            summary.original_sha256 = Some(HEXLOWER.encode(&response.sha256));
        }
        Ok(redaction)
    }
}

fn to_wit_query(request: &ExportRequest) -> stream::Query {
    let ExportRequest {
        call_ids,
        from_ts,
        to_ts,
        profiles,
        nodes,
        exclude_ips,
        redact,
    } = request.clone();
    stream::Query {
        call_ids,
        from_ts,
        to_ts,
        profiles,
        nodes,
        exclude_ips,
        redact: redact.convert(),
    }
}
