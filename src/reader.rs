//! Reads a capture file that arrives in chunks, for what a report cannot hold: any part of the
//! ladder, one message, or the comparison of two calls (`homer:capture/capture-reader`).
//!
//! The file may have any size. A reader keeps a bounded amount of it: one packet, what the analysis
//! of the report keeps, and the result.

mod call_facts;
mod comparison;
mod difference;
mod ladder_page;
mod ladder_query;
mod media;
mod message;
mod message_facts;
mod name_table;
mod records;
#[cfg(test)]
mod schema;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::pcap::{self, Scanner, Stats};
use crate::query::Redaction;
use crate::report::{Analyzer, CaptureReport, Watch};
use crate::{CallId, ExportError};

pub use comparison::{CallComparison, MAX_COMPARISON};
pub use ladder_page::{LadderPage, MAX_PAGE};
pub use ladder_query::LadderQuery;
pub use message::{MAX_MESSAGE_BYTES, MessageQuery, PacketMessage};

use call_facts::CallFacts;
use ladder_page::PageBuilder;
use ladder_query::LadderFilter;
use message::MessageReader;

/// What to read from a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A page of the ladder.
    Ladder(LadderQuery),
    /// One message.
    Message(MessageQuery),
    /// How the calls with these two Call-IDs differ. Each is in a capture of its own.
    Comparison([CallId; 2]),
}

impl Reading {
    /// The same reading in redacted captures, in which the requested Call-IDs have pseudonyms.
    #[must_use]
    pub fn as_redacted(self, redaction: Option<&Redaction>) -> Self {
        let Some(redaction) = redaction else {
            return self;
        };
        let text = |id: &String| match CallId::parse(id) {
            Ok(id) => redaction.call_id(&id).as_str().to_string(),
            Err(_) => id.clone(),
        };
        match self {
            Self::Comparison(ids) => Self::Comparison(ids.map(|id| redaction.call_id(&id))),
            Self::Message(query) => Self::Message(query),
            Self::Ladder(mut query) => {
                // Another one is from a ladder that was read before.
                if let Some(only) = &mut query.only_callid
                    && query.call_ids.contains(only)
                {
                    *only = text(only);
                }
                query.call_ids.iter_mut().for_each(|id| *id = text(id));
                Self::Ladder(query)
            }
        }
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A page of the ladder.
    Ladder(LadderPage),
    /// One message.
    Message(PacketMessage),
    /// How two calls differ.
    Comparison(CallComparison),
}

/// Reads one capture, or two of them, one after the other.
///
/// # Examples
/// ```
/// use homer_export::reader::{CaptureReader, Found, LadderQuery, Reading};
///
/// let file = std::fs::read("tests/data/export-ok-auth-token.pcap")?;
/// let query = LadderQuery { method: Some("BYE".to_string()), ..LadderQuery::default() };
/// let mut reader = CaptureReader::new(Reading::Ladder(query))?;
/// for chunk in file.chunks(1000) {
///     reader.feed(chunk)?;
/// }
/// let Found::Ladder(page) = reader.finish()? else { panic!("a page") };
/// // The BYE, and its response.
/// assert_eq!((page.rows, page.packets, page.next_packet), (2, 7, None));
/// assert!(page.text.ends_with("200 OK (2 BYE)\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CaptureReader(State);

#[derive(Debug)]
enum State {
    Ladder(Box<Analysis<PageBuilder>>),
    Message(Box<MessageReader>),
    /// The calls that were read completely, and the one that is being read; the Call-ID of the
    /// second call until then.
    Comparison(Vec<ReadCall>, Box<Analysis<CallFacts>>, Option<CallId>),
}

/// A call that was read completely.
#[derive(Debug)]
struct ReadCall {
    facts: CallFacts,
    report: CaptureReport,
}

impl CaptureReader {
    /// A reader of a file of which no byte has arrived.
    ///
    /// # Errors
    /// `invalid-request` if a condition of a ladder query is malformed.
    pub fn new(reading: Reading) -> Result<Self, ExportError> {
        Ok(Self(match reading {
            Reading::Ladder(query) => {
                let call_ids: Vec<CallId> = (query.call_ids.iter())
                    .map(|id| CallId::parse(id))
                    .collect::<Result<_, _>>()?;
                let page = PageBuilder::new(LadderFilter::parse(&query)?, call_ids.len());
                State::Ladder(Box::new(Analysis::new(&call_ids, page)))
            }
            Reading::Message(query) => State::Message(Box::new(MessageReader::new(query))),
            Reading::Comparison([first, second]) => {
                State::Comparison(Vec::new(), Analysis::of_call(&first), Some(second))
            }
        }))
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// `invalid-response` if they are not those of a capture file.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        match &mut self.0 {
            State::Ladder(analysis) => analysis.feed(bytes),
            State::Message(message) => message.feed(bytes),
            State::Comparison(_, analysis, _) => analysis.feed(bytes),
        }
    }

    /// Ends the capture with the first of two calls, and begins that with the second one.
    ///
    /// # Errors
    /// `invalid-response` if the capture is not complete. `invalid-request` if no further capture
    /// is to be read.
    pub fn next_capture(&mut self) -> Result<(), ExportError> {
        let State::Comparison(done, analysis, second) = &mut self.0 else {
            return Err(ExportError::InvalidRequest(
                "one capture is to be read, and not two".to_string(),
            ));
        };
        let Some(id) = second.take() else {
            return Err(ExportError::InvalidRequest(
                "two captures are to be compared, and not three".to_string(),
            ));
        };
        let first = core::mem::replace(analysis, Analysis::of_call(&id));
        let (facts, report, _) = first.finish()?;
        done.push(ReadCall { facts, report });
        Ok(())
    }

    /// What was read, once the whole file has been fed.
    ///
    /// # Errors
    /// `invalid-response` if the file is not a complete capture file. `invalid-request` if the file
    /// has no such packet, or its message no such byte, or if the second of two captures is
    /// missing.
    pub fn finish(self) -> Result<Found, ExportError> {
        match self.0 {
            State::Ladder(analysis) => {
                let (page, report, stats) = analysis.finish()?;
                Ok(Found::Ladder(page.finish(&report, &stats)))
            }
            State::Message(message) => message.finish().map(Found::Message),
            State::Comparison(mut done, analysis, _) => {
                let (facts, report, _) = analysis.finish()?;
                let Some(first) = done.pop() else {
                    return Err(ExportError::InvalidRequest(
                        "the second of the two captures is missing".to_string(),
                    ));
                };
                let second = ReadCall { facts, report };
                Ok(Found::Comparison(CallComparison::of(first, second)))
            }
        }
    }
}

/// The analysis of a capture, and what looks at its messages.
#[derive(Debug)]
struct Analysis<W> {
    scanner: Scanner,
    analyzer: Analyzer,
    watch: W,
}

impl Analysis<CallFacts> {
    fn of_call(id: &CallId) -> Box<Self> {
        Box::new(Self::new(core::slice::from_ref(id), CallFacts::new(id)))
    }
}

impl<W: Watch> Analysis<W> {
    fn new(call_ids: &[CallId], watch: W) -> Self {
        Self {
            scanner: Scanner::new(),
            analyzer: Analyzer::of_calls(call_ids),
            watch,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let Self {
            scanner,
            analyzer,
            watch,
        } = self;
        scanner
            .scan_packets(
                bytes,
                Some(&mut |record| analyzer.record_watched(record, Some(watch))),
            )
            .map_err(invalid_capture)
    }

    fn finish(self) -> Result<(W, CaptureReport, Stats), ExportError> {
        let Self {
            scanner,
            analyzer,
            mut watch,
        } = self;
        let stats = scanner.finish().map_err(invalid_capture)?;
        let report = analyzer.finish(&stats, &mut watch);
        Ok((watch, report, stats))
    }
}

fn invalid_capture(error: pcap::Error) -> ExportError {
    ExportError::InvalidResponse(format!("the capture is {error}"))
}
