//! Exports and searches for calls of the MCP server. Identical ones at the same time share one
//! request to Homer.

use std::sync::Arc;

use bytes::Bytes;
use homer_export::config::RedactSettings;
use homer_export::mcp::tools::CallWindow;
use homer_host::{
    CallFilterFields, CaptureReader, CompletedExport, ExportRequest, Exporter, Failure, FoundCalls,
    Reading, Redaction, WaitingFor,
};

use crate::capture_cache::CaptureCache;
use crate::single_flight::{Event, Flights, Publisher, Subscriber};

/// A capture that was exported.
#[derive(Clone)]
pub(crate) struct Exported {
    pub(crate) finished: Arc<CompletedExport>,
    /// The bytes, if they fit into a message.
    pub(crate) bytes: Option<Bytes>,
}

/// Everything that decides what an export returns. How the capture reaches the client is not a part
/// of it: each caller has its own file or message.
type ExportKey = CallWindow;

type ExportResult = Result<Exported, Failure>;

type SearchResult = Result<Arc<FoundCalls>, Failure>;

/// An exporter for the calls of all clients.
pub(crate) struct SharedExporter {
    exporter: Exporter,
    cache: Arc<CaptureCache>,
    /// The largest capture in bytes that is kept in memory, inclusive.
    kept_bytes: u64,
    redact: RedactSettings,
    exports: Flights<ExportKey, ExportResult>,
    searches: Flights<CallFilterFields, SearchResult>,
}

/// What one caller of an export sees of it.
pub(crate) enum Seen {
    /// It waits for something else.
    Waiting(WaitingFor),
    /// Further bytes of the capture.
    Bytes(Bytes),
    /// The capture is complete.
    Ended(Exported),
}

/// An export under way, as one of its callers sees it.
pub(crate) struct SharedExport(Subscriber<ExportKey, ExportResult>);

impl SharedExport {
    /// What happens next. After [`Seen::Ended`], nothing more happens.
    ///
    /// # Errors
    /// [`Failure`]
    pub(crate) async fn next(&mut self) -> Result<Seen, Failure> {
        Ok(match self.0.next().await {
            Some(Event::Waiting(waiting)) => Seen::Waiting(waiting),
            Some(Event::Bytes(bytes)) => Seen::Bytes(bytes),
            Some(Event::Ended(result)) => Seen::Ended(result?),
            None => return Err(no_result()),
        })
    }
}

impl SharedExporter {
    pub(crate) fn new(exporter: Exporter, kept_bytes: u64, redact: RedactSettings) -> Self {
        Self {
            exporter,
            cache: Arc::default(),
            kept_bytes,
            redact,
            exports: Flights::default(),
            searches: Flights::default(),
        }
    }

    /// The captures of the last few minutes.
    pub(crate) fn cache(&self) -> &CaptureCache {
        &self.cache
    }

    /// Exports a capture, or joins an identical export under way. Each caller sees it from its
    /// beginning. A caller that drops its [`SharedExport`] is done with it; the request to Homer
    /// ends with its last caller. An error of the export reaches all callers.
    ///
    /// An export under way can be joined until it exceeds the size that is kept in memory.
    pub(crate) fn export(&self, call: &CallWindow) -> SharedExport {
        let flight = self.exports.join(call, |publisher| {
            let (exporter, cache) = (self.exporter.clone(), Arc::clone(&self.cache));
            let (call, kept_bytes) = (call.clone(), self.kept_bytes);
            let redaction = self.redact.redaction(call.redact);
            async move {
                let redaction = redaction.map_err(Failure::Export)?;
                run_export(&exporter, call, redaction, kept_bytes, &cache, &publisher).await
            }
        });
        SharedExport(flight)
    }

    /// Begins to read captures, in the sandbox.
    ///
    /// # Errors
    /// [`Failure`]: `invalid-request` if a condition is malformed.
    pub(crate) async fn open_reader(&self, reading: &Reading) -> Result<CaptureReader, Failure> {
        self.exporter.open_reader(reading).await
    }

    /// Searches for calls, or joins an identical search under way, as [`Self::export`] does.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn find_calls(
        &self,
        filter: &CallFilterFields,
        mut on_wait: impl FnMut(WaitingFor),
    ) -> SearchResult {
        let mut flight = self.searches.join(filter, |publisher| {
            let (exporter, filter) = (self.exporter.clone(), filter.clone());
            async move {
                let found = exporter
                    .find_calls_with_progress(&filter, |waiting| publisher.waiting(waiting))
                    .await;
                found.map(Arc::new)
            }
        });
        loop {
            match flight.next().await {
                Some(Event::Waiting(waiting)) => on_wait(waiting),
                Some(Event::Bytes(_)) => {}
                Some(Event::Ended(result)) => return result,
                None => return Err(no_result()),
            }
        }
    }
}

fn no_result() -> Failure {
    Failure::Trap("its task ended without a result".to_string())
}

/// Runs one export for all who wait for it, and caches the capture.
async fn run_export(
    exporter: &Exporter,
    call: CallWindow,
    redact: Option<Redaction>,
    kept_bytes: u64,
    cache: &CaptureCache,
    publisher: &Publisher<ExportKey, ExportResult>,
) -> ExportResult {
    let request = ExportRequest {
        call_ids: call
            .call_ids()
            .iter()
            .map(|id| id.as_str().to_string())
            .collect(),
        from_ts: call.window.from_ms(),
        to_ts: call.window.to_ms(),
        profiles: call.profile_keys(),
        redact,
        ..ExportRequest::default()
    };
    let export = exporter
        .open_with_progress(&request, |waiting| publisher.waiting(waiting))
        .await?;
    let mut export = export.hashed();
    let mut kept = Some(Vec::new());
    let mut seen = 0;
    while let Some(bytes) = export.next().await? {
        seen += bytes.len() as u64;
        // Also if the capture goes to a file: for the cache.
        kept = kept.filter(|_| seen <= kept_bytes);
        let bytes = Bytes::from(bytes);
        if let Some(kept) = &mut kept {
            // The same memory as in the flight.
            kept.push(bytes.clone());
        }
        publisher.bytes(bytes, kept.is_some()).await;
    }
    let finished = Arc::new(export.finish().await?);
    let bytes = kept.map(|kept| Bytes::from(kept.concat()));
    if let Some(bytes) = &bytes {
        cache.put(call, bytes.clone());
    }
    Ok(Exported { finished, bytes })
}
