//! Reads parts of captures, in an instance of the component: the host does not parse packets, which
//! strangers wrote.

use std::fmt;

use homer_export::reader::{Found, Reading};
use homer_export::record::Convert as _;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::convert::printable_lines;
use crate::deadline::Deadline;
use crate::export::Exporter;
use crate::failure::Failure;
use crate::sandbox::{Exports, Guest, reader};

/// Bytes that are passed in one call. A component has limits on memory and on the CPU time of one
/// call.
const FEED_BYTES: usize = 256 * 1024;

/// A capture that is being read, in an instance of its own. The capture may come from anywhere:
/// from an [`crate::Export`] as it arrives, or from memory. Nothing is requested from Homer.
///
/// # Examples
///
/// ```no_run
/// use homer_host::{Exporter, Failure, Found, LadderQuery, Reading};
///
/// # async fn example(exporter: &Exporter, capture: &[u8]) -> Result<(), Failure> {
/// let query = LadderQuery { status: Some("4xx".to_string()), ..LadderQuery::default() };
/// let mut reader = exporter.open_reader(&Reading::Ladder(query)).await?;
/// reader.feed(capture).await?;
/// if let Found::Ladder(page) = reader.finish().await? {
///     println!("{}", page.text);
/// }
/// # Ok(())
/// # }
/// ```
pub struct CaptureReader {
    exporter: Exporter,
    /// `None` after a failure, and after a call that was dropped before it returned: a store that a
    /// call left in the middle must not be entered again.
    open: Option<Open>,
}

struct Open {
    store: Store<Guest>,
    exports: Exports,
    reader: ResourceAny,
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureReader").finish_non_exhaustive()
    }
}

impl Exporter {
    /// Begins to read a capture, as soon as fewer than 16 are being read. Open a reader before the
    /// export whose capture it reads: exports never wait for readers, so that none waits for ever.
    ///
    /// # Errors
    /// [`Failure`]: `invalid-request` if a condition is malformed.
    pub async fn open_reader(&self, reading: &Reading) -> Result<CaptureReader, Failure> {
        let deadline = self.reading_deadline();
        let permit = self.readers.clone().acquire_owned();
        let permit = tokio::time::timeout_at(deadline.at, permit)
            .await
            .map_err(|_| deadline.exceeded())?
            // Nothing closes this semaphore.
            .map_err(|closed| Failure::Trap(closed.to_string()))?;
        let instantiated = self.sandbox.instantiate(None, None);
        let (mut store, exports) = deadline.run(instantiated).await?;
        let interface = exports.homer_capture_capture_reader();
        let reading = to_wit(reading);
        let reader = deadline
            .run(interface.call_open_reader(&mut store, &reading))
            .await?
            .map_err(Failure::of_component)?;
        Ok(CaptureReader {
            exporter: self.clone(),
            open: Some(Open {
                store,
                exports,
                reader,
                _permit: permit,
            }),
        })
    }

    /// Of one call: between two calls, a reader waits for the bytes of an export, which has a
    /// deadline of its own.
    fn reading_deadline(&self) -> Deadline {
        Deadline::begin("reading", &self.sandbox.policy().limits)
    }
}

impl CaptureReader {
    /// Takes the next bytes of the capture.
    ///
    /// # Errors
    /// [`Failure`]: `invalid-response` if they are not those of a capture file. The reader is then
    /// over, and further calls fail with [`Failure::Misuse`].
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for bytes in bytes.chunks(FEED_BYTES) {
            let mut open = self.take()?;
            let interface = open.exports.homer_capture_capture_reader();
            let (guest, deadline) = (interface.reader(), self.exporter.reading_deadline());
            deadline
                .run(guest.call_feed(&mut open.store, open.reader, bytes))
                .await?
                .map_err(Failure::of_component)?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Ends the capture with the first call of a comparison, and begins that with the second one.
    ///
    /// # Errors
    /// [`Failure`]: `invalid-response` if the capture is not complete.
    pub async fn next_capture(&mut self) -> Result<(), Failure> {
        let mut open = self.take()?;
        let interface = open.exports.homer_capture_capture_reader();
        let (guest, deadline) = (interface.reader(), self.exporter.reading_deadline());
        deadline
            .run(guest.call_next_capture(&mut open.store, open.reader))
            .await?
            .map_err(Failure::of_component)?;
        self.open = Some(open);
        Ok(())
    }

    /// What was read, once the whole capture has been fed.
    ///
    /// # Errors
    /// [`Failure`]: `invalid-response` if the capture is not complete, and `invalid-request` if it
    /// has no such packet, or its message no such byte.
    pub async fn finish(mut self) -> Result<Found, Failure> {
        let mut open = self.take()?;
        let interface = open.exports.homer_capture_capture_reader();
        let (guest, deadline) = (interface.reader(), self.exporter.reading_deadline());
        let found = deadline
            .run(guest.call_finish(&mut open.store, open.reader))
            .await?
            .map_err(Failure::of_component)?;
        Ok(match found {
            reader::Found::Ladder(page) => Found::Ladder(printable_lines(page.convert())),
            reader::Found::Message(message) => Found::Message(printable_lines(message.convert())),
            reader::Found::Comparison(comparison) => {
                Found::Comparison(printable_lines(comparison.convert()))
            }
        })
    }

    fn take(&mut self) -> Result<Open, Failure> {
        self.open.take().ok_or(Failure::READER_OVER)
    }
}

fn to_wit(reading: &Reading) -> reader::Reading {
    match reading.clone() {
        Reading::Ladder(query) => reader::Reading::Ladder(query.convert()),
        Reading::Message(query) => reader::Reading::Message(query.convert()),
        Reading::Comparison([first, second]) => {
            let text = |id: homer_export::CallId| id.as_str().to_string();
            reader::Reading::Comparison((text(first), text(second)))
        }
    }
}
