//! A running export: [`PcapStream`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::buffered_capture::BufferedCapture;
use super::capture_response::{CaptureResponse, OpenCapture};
use super::held_profiles::HeldProfiles;
use super::merge::Merge;
use super::search::{Found, Search};
use crate::client::Server;
use crate::config::Config;
use crate::error::ExportError;
use crate::homer::Api;
use crate::pcap::{OnPacket, Record, Scanner};
use crate::query::{Profile, Query};
use crate::redact::{RedactionSummary, Redactor};
use crate::report::{Analyzer, CaptureReport, ProfilePackets};
use crate::transport::{ResponseBody, Transport};

/// A capture file that arrives in chunks. Each chunk is checked before it is passed on.
#[derive(Debug)]
pub struct PcapStream<B> {
    server: Server,
    api: Api,
    /// `None` if `HOMER_REPORT` is off.
    analyzer: Option<Analyzer>,
    /// `None` if the capture is passed on as it is.
    redaction: Option<Box<RedactedStream>>,
    /// The profiles before that of `source`, which were searched and have no packets.
    empty_profiles: Vec<Profile>,
    /// The first profile with packets, whose capture is streamed.
    source: CaptureResponse<B>,
    others: Others,
    /// Profiles that are missing in the capture, and why.
    warnings: Vec<String>,
    /// Checked bytes that no `read` has taken yet.
    pending: Vec<u8>,
    /// Whether all of `source` has been received.
    source_ended: bool,
    /// How the transfer ended; `None` while it goes on.
    end: Option<Result<(), ExportError>>,
}

/// What redacts the capture, and finds its packets afterwards.
#[derive(Debug)]
struct RedactedStream {
    redactor: Redactor,
    scanner: Scanner,
}

/// What the profiles after the streamed one contribute.
#[derive(Debug)]
enum Others {
    /// Nothing, so the streamed capture is passed on as it is. The profiles that were searched.
    Empty(Vec<Profile>),
    /// Packets.
    Merged(Box<Merge>),
}

impl<B: ResponseBody> PcapStream<B> {
    /// Requests the captures of all profiles. Returns once the first packet record of one has begun
    /// and the captures of all others are complete, so that only one exchange with Homer is open
    /// from then on.
    ///
    /// # Errors
    /// As `homer:capture/homer-export-stream.open-pcap` (wit/homer-capture.wit).
    pub fn open<T: Transport<Body = B>>(
        query: &Query,
        config: &Config,
        transport: &mut T,
    ) -> Result<Self, ExportError> {
        let (found, server, api) = Search::run(query, config, transport)?;
        // The report describes the redacted file, which has other Call-IDs.
        let analyzer = config.report.then(|| Analyzer::new(&query.as_redacted()));
        let redactor = query.redaction().map(|redaction| redaction.redactor());
        Self::begin(found, server, api, analyzer, redactor)
    }

    fn begin(
        found: Found<B>,
        server: Server,
        api: Api,
        mut analyzer: Option<Analyzer>,
        redactor: Option<Redactor>,
    ) -> Result<Self, ExportError> {
        let Found {
            empty_profiles,
            source,
            held,
            warnings,
        } = found;
        let OpenCapture {
            response: mut source,
            opening,
            format,
        } = *source;
        let mut redaction = redactor.map(|redactor| {
            Box::new(RedactedStream {
                // A host can hash the body of a response faster than a component. What is merged
                // from several ones is known to the component alone.
                redactor: match held.is_empty() {
                    true => redactor,
                    false => redactor.hashed(),
                },
                scanner: Scanner::new(),
            })
        });
        // Of a redacted capture, the packets are analyzed after they have been redacted.
        let mut none = None;
        let unredacted = match redaction {
            None => &mut analyzer,
            Some(_) => &mut none,
        };
        let (others, pending) = if held.is_empty() {
            // The opening was scanned before it was known that these are the final numbers of the
            // packets. It is one chunk.
            if let Some(analyzer) = unredacted {
                let mut on_packet = |record: &Record<'_>| analyzer.record(record);
                source.scan_again(&server, &opening, &mut on_packet)?;
            }
            (Others::Empty(searched(&held)), opening)
        } else {
            let mut merge = Merge::new(held, format);
            let merged = with_packets(unredacted, |on_packet| merge.add(&opening, on_packet));
            let pending = merged.map_err(|error| server.damaged(&error))?;
            (Others::Merged(Box::new(merge)), pending)
        };
        let pending = match &mut redaction {
            None => pending,
            Some(redaction) => redaction.pass(&server, &pending, &mut analyzer)?,
        };
        Ok(Self {
            server,
            api,
            analyzer,
            redaction,
            empty_profiles,
            source,
            others,
            warnings,
            pending,
            source_ended: false,
            end: None,
        })
    }

    /// The next bytes of the capture: 1 to `max_bytes` of them, or none once the capture is
    /// complete and valid. A `max_bytes` of 0 counts as 1.
    ///
    /// # Errors
    /// As `homer:capture/homer-export-stream.pcap-stream.read`. The same error is returned again by
    /// each later call.
    pub fn read(&mut self, max_bytes: u32) -> Result<Vec<u8>, ExportError> {
        while self.pending.is_empty() {
            match &self.end {
                None => self.receive(),
                Some(Ok(())) => return Ok(Vec::new()),
                Some(Err(error)) => return Err(error.clone()),
            }
        }
        // An empty list means the end of the capture, so at least one byte is returned.
        let max = max_bytes.max(1) as usize;
        if self.pending.len() <= max {
            return Ok(core::mem::take(&mut self.pending));
        }
        let rest = self.pending.split_off(max);
        Ok(core::mem::replace(&mut self.pending, rest))
    }

    /// What has been received so far. It is final once [`Self::read`] has returned no bytes.
    pub fn report(&self) -> CaptureReport {
        let scanner = match &self.others {
            Others::Empty(_) => self.source.scanner(),
            Others::Merged(merge) => merge.scanner(),
        };
        let (stats, profiles) = (scanner.stats(), self.profiles(scanner.stats().packets));
        let mut report = match &self.analyzer {
            Some(analyzer) => analyzer.report(&stats, &profiles, self.api),
            None => CaptureReport::without_analysis(&stats, &profiles, self.api),
        };
        report.warnings.extend_from_slice(&self.warnings);
        if let Some(redaction) = self.redaction() {
            report.warnings.extend(redaction.warnings());
        }
        report
    }

    /// What has been redacted so far, if the query asks for it. It is final once [`Self::read`] has
    /// returned no bytes.
    pub fn redaction(&self) -> Option<RedactionSummary> {
        let redaction = self.redaction.as_ref()?;
        Some(redaction.redactor.summary())
    }

    /// What each profile that was searched contributes to the `packets` of the file so far.
    fn profiles(&self, packets: u64) -> Vec<ProfilePackets> {
        let entry = |profile: &Profile, packets| ProfilePackets::new(profile.as_str(), packets);
        let others: Vec<ProfilePackets> = match &self.others {
            Others::Empty(profiles) => profiles.iter().map(|name| entry(name, 0)).collect(),
            Others::Merged(merge) => {
                let held = merge.held().profiles().iter();
                held.map(|(profile, written)| entry(profile, *written))
                    .collect()
            }
        };
        let of_others: u64 = others.iter().map(|other| other.packets).sum();
        let own = packets.saturating_sub(of_others);
        let empty = self.empty_profiles.iter().map(|name| entry(name, 0));
        empty
            .chain([entry(self.source.profile(), own)])
            .chain(others)
            .collect()
    }

    /// The whole capture, at most `max_bytes` long (inclusive).
    ///
    /// # Errors
    /// As [`Self::read`], and `too-large` as soon as more than `max_bytes` have arrived.
    pub fn read_all(&mut self, max_bytes: u64) -> Result<Vec<u8>, ExportError> {
        let mut data = self.read(u32::MAX)?;
        loop {
            let seen = data.len() as u64;
            // Checked for each chunk, so memory holds at most one chunk beyond the limit.
            if seen > max_bytes {
                return Err(ExportError::TooLarge {
                    limit: max_bytes,
                    seen,
                    message: format!(
                        "the capture is larger than the limit of {max_bytes} bytes; narrow the \
                         window, or ask the operator to raise HOMER_MAX_BYTES (hosts that pass \
                         values as JSON fail at about 2.8 MB)"
                    ),
                });
            }
            let more = self.read(u32::MAX)?;
            if more.is_empty() {
                return Ok(data);
            }
            data.extend_from_slice(&more);
        }
    }

    /// Reads the capture to its end, hashes it, and buffers it if it has at most `max_bytes`
    /// (inclusive).
    ///
    /// A larger capture is dropped as soon as that is known. `on_overflow` then gets the bytes seen
    /// so far and decides whether to go on for the report alone.
    ///
    /// # Errors
    /// As [`Self::read`], and the error that `on_overflow` returns.
    pub fn buffer(
        mut self,
        max_bytes: u64,
        on_overflow: impl Fn(u64) -> Result<(), ExportError>,
    ) -> Result<BufferedCapture, ExportError> {
        let mut chunks = Some(Vec::new());
        // In the component, because its caller gets a text or an HTTP response and has no host
        // library that could hash the bytes (docs/architecture.md §3.2).
        let mut hash = Sha256::new();
        let mut seen = 0;
        loop {
            let bytes = self.read(u32::MAX)?;
            if bytes.is_empty() {
                break;
            }
            seen += bytes.len() as u64;
            hash.update(&bytes);
            // `take` frees the chunks before the rest of the capture is read for its report.
            if seen > max_bytes && chunks.take().is_some() {
                on_overflow(seen)?;
            }
            if let Some(chunks) = &mut chunks {
                chunks.push(bytes);
            }
        }
        let sha256 = data_encoding::HEXLOWER.encode(&hash.finalize());
        Ok(BufferedCapture {
            chunks,
            sha256,
            report: self.report(),
        })
    }

    /// Receives and checks the next bytes into `pending`, which is empty, or finds the end.
    fn receive(&mut self) {
        match self.receive_checked() {
            Ok(bytes) if bytes.is_empty() && self.source_ended => self.end = Some(Ok(())),
            Ok(bytes) => self.pending = bytes,
            // A capture that turned out invalid is worth nothing as evidence.
            Err(error) => self.end = Some(Err(error)),
        }
    }

    /// The next bytes of the file. They may be none although there are more, unless
    /// [`Self::source_ended`].
    fn receive_checked(&mut self) -> Result<Vec<u8>, ExportError> {
        if self.source_ended {
            return Ok(Vec::new());
        }
        let Self {
            server,
            analyzer,
            redaction,
            source,
            ..
        } = self;
        let mut none = None;
        let unredacted = match redaction {
            None => &mut *analyzer,
            Some(_) => &mut none,
        };
        let bytes = match &mut self.others {
            Others::Empty(_) => {
                // Moved, not copied: copying costs as much as all the checks.
                let bytes = with_packets(unredacted, |on_packet| {
                    source.receive(server, &[], on_packet)
                })?;
                self.source_ended = bytes.is_empty();
                bytes
            }
            Others::Merged(merge) => {
                let bytes = source.receive(server, &[], None)?;
                self.source_ended = bytes.is_empty();
                let merged = with_packets(unredacted, |on_packet| match bytes.is_empty() {
                    true => merge.finish(on_packet),
                    false => merge.add(&bytes, on_packet),
                });
                merged.map_err(|error| server.damaged(&error))?
            }
        };
        match redaction {
            None => Ok(bytes),
            Some(redaction) => redaction.pass(server, &bytes, analyzer),
        }
    }
}

impl RedactedStream {
    /// Redacts the next bytes of the capture, and analyzes the packets in what is complete. Returns
    /// whole packets: there may be none.
    fn pass(
        &mut self,
        server: &Server,
        bytes: &[u8],
        analyzer: &mut Option<Analyzer>,
    ) -> Result<Vec<u8>, ExportError> {
        let mut redacted = Vec::new();
        let Self { redactor, scanner } = self;
        redactor
            .push(bytes, &mut redacted)
            .map_err(|error| server.damaged(&error))?;
        if analyzer.is_some() {
            with_packets(analyzer, |on_packet| {
                scanner.scan_packets(&redacted, on_packet)
            })
            .map_err(|error| server.damaged(&error))?;
        }
        Ok(redacted)
    }
}

/// The profiles that were searched beside the streamed one.
fn searched(held: &HeldProfiles) -> Vec<Profile> {
    held.profiles()
        .iter()
        .map(|(profile, _)| profile.clone())
        .collect()
}

/// Calls `read` with a callback that analyzes each packet record, if there is an analyzer.
fn with_packets<R>(
    analyzer: &mut Option<Analyzer>,
    read: impl FnOnce(Option<OnPacket<'_>>) -> R,
) -> R {
    match analyzer {
        Some(analyzer) => read(Some(&mut |record| analyzer.record(record))),
        None => read(None),
    }
}
