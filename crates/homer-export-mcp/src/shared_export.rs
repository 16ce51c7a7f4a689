//! Exports and searches for calls of the MCP server. Identical ones at the same time share one
//! request to Homer.

use std::sync::Arc;

use bytes::Bytes;
use homer_export::mcp::tools::CallWindow;
use homer_host::{
    CallFilterFields, CompletedExport, ExportRequest, Exporter, Failure, FoundCalls, WaitingFor,
};

use crate::capture_cache::CaptureCache;
use crate::single_flight::{Event, Flights, Publisher};

/// A capture that was exported.
#[derive(Clone)]
pub(crate) struct Exported {
    pub(crate) finished: Arc<CompletedExport>,
    /// The bytes, if they fit into a message.
    pub(crate) bytes: Option<Arc<[u8]>>,
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
    exports: Flights<ExportKey, ExportResult>,
    searches: Flights<CallFilterFields, SearchResult>,
}

/// What one caller of an export sees of it.
pub(crate) enum Seen {
    /// It waits for something else.
    Waiting(WaitingFor),
    /// Further bytes of the capture.
    Bytes(Bytes),
}

impl SharedExporter {
    pub(crate) fn new(exporter: Exporter, kept_bytes: u64) -> Self {
        Self {
            exporter,
            cache: Arc::default(),
            kept_bytes,
            exports: Flights::default(),
            searches: Flights::default(),
        }
    }

    /// The captures of the last few minutes.
    pub(crate) fn cache(&self) -> &CaptureCache {
        &self.cache
    }

    /// Exports a capture, or joins an identical export under way. Each caller sees it from its
    /// beginning. If `see` fails, or if the future is dropped, this caller is done with it; the
    /// request to Homer ends with its last caller. An error of the export reaches all callers.
    ///
    /// An export under way can be joined until it exceeds the size that is kept in memory.
    ///
    /// # Errors
    /// [`Failure`], and those of `see`.
    pub(crate) async fn export<E: From<Failure>>(
        &self,
        call: &CallWindow,
        mut see: impl FnMut(Seen) -> Result<(), E>,
    ) -> Result<Exported, E> {
        let mut flight = self.exports.join(call, |publisher| {
            let (exporter, cache) = (self.exporter.clone(), Arc::clone(&self.cache));
            let (call, kept_bytes) = (call.clone(), self.kept_bytes);
            async move { run_export(&exporter, call, kept_bytes, &cache, &publisher).await }
        });
        loop {
            match flight.next().await {
                Some(Event::Waiting(waiting)) => see(Seen::Waiting(waiting))?,
                Some(Event::Bytes(bytes)) => see(Seen::Bytes(bytes))?,
                Some(Event::Ended(result)) => return Ok(result?),
                None => return Err(no_result().into()),
            }
        }
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
    let bytes: Option<Arc<[u8]>> = kept.map(|kept| Arc::from(kept.concat()));
    if let Some(bytes) = &bytes {
        cache.put(call, Arc::clone(bytes));
    }
    Ok(Exported { finished, bytes })
}
