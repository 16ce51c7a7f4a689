//! One export under way: `homer:capture/homer-export-stream.pcap-stream`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::http::{self, Body, Reply};
use crate::homer::reply::{self, Head, MAX_ERROR_BODY, Refusal};
use crate::homer::{Api, nothing_captured};
use crate::pcap::{Malformed, Scanner};
use crate::query::Profile;
use crate::report::Analyzer;
use crate::{CaptureReport, Config, ExportError, Query};

/// Largest read from the network in bytes: above 64 KiB the size hardly matters (wasm.md §5), and
/// memory stays small.
const MAX_READ: u64 = 256 * 1024;

/// Why asking one endpoint brought no capture.
enum Miss {
    UnknownEndpoint(ExportError),
    Failed(ExportError),
}

impl From<ExportError> for Miss {
    fn from(error: ExportError) -> Self {
        Self::Failed(error)
    }
}

/// A whole capture.
pub struct BufferedCapture {
    /// Its bytes, in pieces as they came; none if it is larger than what was to be held.
    pub pieces: Option<Vec<Vec<u8>>>,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What it holds.
    pub report: CaptureReport,
}

/// A capture file that arrives in pieces, each checked before it is handed on.
pub struct PcapStream {
    config: Config,
    api: Api,
    profile: Profile,
    /// None if `HOMER_REPORT` is off.
    analyzer: Option<Analyzer>,
    /// Profiles that were not asked since this one answered.
    unasked: Vec<Profile>,
    head: Head,
    body: Body,
    scanner: Scanner,
    /// Checked bytes that no `read` has taken yet.
    ready: Vec<u8>,
    end: Option<Result<(), ExportError>>,
}

impl PcapStream {
    /// Asks the profiles of `query` in turn, until one holds something; returns once its first
    /// packet record has begun.
    ///
    /// # Errors
    /// As `homer:capture/homer-export-stream.open-pcap`.
    pub fn open(query: &Query, config: Config) -> Result<Self, ExportError> {
        let config = http::logged_in(config)?;
        let first = config.api.unwrap_or(Api::V7);
        match Self::ask(first, query, &config) {
            // Homer 7 is the likelier one; HOMER 11 does not have its endpoint, and Homer 7 not
            // that of HOMER 11.
            Err(Miss::UnknownEndpoint(error)) if config.api.is_none() => {
                Self::ask(Api::V11, query, &config).map_err(|miss| match miss {
                    Miss::UnknownEndpoint(_) => error,
                    Miss::Failed(other) => other,
                })
            }
            asked => asked.map_err(|(Miss::UnknownEndpoint(error) | Miss::Failed(error))| error),
        }
    }

    /// Asks one generation's endpoint for the profiles in turn.
    fn ask(api: Api, query: &Query, config: &Config) -> Result<Self, Miss> {
        let mut unknown = None;
        let mut empty = false;
        for profile in query.profiles() {
            let request = api.export_request(&config.homer, query, profile)?;
            let Reply { head, mut body } = http::send(&request, config)?;
            if !head.announces_capture() {
                let said = body.beginning(MAX_ERROR_BODY, config);
                match reply::refusal(&head, &said, config) {
                    Refusal::UnknownProfile(error) => unknown = Some(error),
                    Refusal::Nothing => empty = true,
                    Refusal::UnknownEndpoint(error) => return Err(Miss::UnknownEndpoint(error)),
                    Refusal::Failed(error) => return Err(Miss::Failed(error)),
                }
                continue;
            }
            let mut stream = Self {
                config: config.clone(),
                api,
                profile: profile.clone(),
                analyzer: config.report.then(|| Analyzer::new(query)),
                unasked: query
                    .profiles()
                    .iter()
                    .skip_while(|other| *other != profile)
                    .skip(1)
                    .cloned()
                    .collect(),
                head,
                body,
                scanner: Scanner::new(),
                ready: Vec::new(),
                end: None,
            };
            while stream.end.is_none() && !stream.scanner.has_packets() {
                stream.receive();
            }
            match stream.end {
                Some(Err(error)) => return Err(Miss::Failed(error)),
                Some(Ok(())) if !stream.scanner.has_packets() => empty = true,
                _ => return Ok(stream),
            }
        }
        Err(Miss::Failed(match unknown {
            Some(error) if !empty => error,
            _ => nothing_captured(query, &config.homer),
        }))
    }

    /// The next bytes of the capture, at least one and at most `max_bytes` while there are more;
    /// empty once it is complete and found whole.
    ///
    /// # Errors
    /// As `homer:capture/homer-export-stream.pcap-stream.read`.
    pub fn read(&mut self, max_bytes: u32) -> Result<Vec<u8>, ExportError> {
        while self.ready.is_empty() {
            match &self.end {
                None => self.receive(),
                Some(Ok(())) => return Ok(Vec::new()),
                Some(Err(error)) => return Err(error.clone()),
            }
        }
        let max = max_bytes.max(1) as usize;
        if self.ready.len() <= max {
            return Ok(core::mem::take(&mut self.ready));
        }
        let rest = self.ready.split_off(max);
        Ok(core::mem::replace(&mut self.ready, rest))
    }

    /// What has been received so far; final after the empty read.
    pub fn report(&self) -> CaptureReport {
        let (stats, profile) = (self.scanner.stats(), self.profile.as_str());
        let mut report = match &self.analyzer {
            Some(analyzer) => analyzer.report(&stats, profile, self.api),
            None => CaptureReport::without_analysis(&stats, profile, self.api),
        };
        if !report.missing_call_ids.is_empty() && !self.unasked.is_empty() {
            let names: Vec<&str> = self.unasked.iter().map(Profile::as_str).collect();
            report.warnings.push(format!(
                "the profiles {} were not asked for the missing Call-IDs, since this one answered; export those apart",
                names.join(", ")
            ));
        }
        report
    }

    /// The whole capture, no longer than `max_bytes`.
    ///
    /// # Errors
    /// As [`Self::read`], and `too-large` as soon as more than `max_bytes` have come.
    pub fn read_all(&mut self, max_bytes: u64) -> Result<Vec<u8>, ExportError> {
        let mut data = self.read(u32::MAX)?;
        loop {
            let seen = data.len() as u64;
            if seen > max_bytes {
                return Err(ExportError::TooLarge {
                    limit: max_bytes,
                    seen,
                    message: format!(
                        "the capture is larger than the limit of {max_bytes} bytes; narrow the window, or let the operator \
                         raise HOMER_MAX_BYTES (hosts that pass values as JSON fail at about 2.8 MB)"
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

    /// The capture to its end, hashed, and held if it has no more than `max_bytes`. Else it is
    /// dropped as soon as that is known, and `beyond` says, of the bytes seen by then, whether to
    /// go on for the report.
    ///
    /// # Errors
    /// As [`Self::read`], and what `beyond` says.
    pub fn hold(
        mut self,
        max_bytes: u64,
        beyond: impl Fn(u64) -> Result<(), ExportError>,
    ) -> Result<BufferedCapture, ExportError> {
        let mut pieces = Some(Vec::new());
        let mut hash = Sha256::new();
        let mut seen = 0;
        loop {
            let bytes = self.read(u32::MAX)?;
            if bytes.is_empty() {
                break;
            }
            seen += bytes.len() as u64;
            hash.update(&bytes);
            if seen > max_bytes && pieces.take().is_some() {
                beyond(seen)?;
            }
            if let Some(pieces) = &mut pieces {
                pieces.push(bytes);
            }
        }
        Ok(BufferedCapture {
            pieces,
            sha256: HEXLOWER.encode(&hash.finalize()),
            report: self.report(),
        })
    }

    /// Receives and checks the next bytes into `ready`, or finds the end.
    fn receive(&mut self) {
        match self.receive_checked() {
            Ok(bytes) if bytes.is_empty() => self.end = Some(Ok(())),
            // Moved where it can be: each copy of a byte costs as much as all the checks.
            Ok(bytes) if self.ready.is_empty() => self.ready = bytes,
            Ok(bytes) => self.ready.extend_from_slice(&bytes),
            Err(error) => {
                // What came before is no capture worth having.
                self.ready = Vec::new();
                self.end = Some(Err(error));
            }
        }
    }

    fn receive_checked(&mut self) -> Result<Vec<u8>, ExportError> {
        let bytes = self.body.read(MAX_READ, &self.config)?;
        let scanned = if bytes.is_empty() {
            self.scanner.finish().map(drop)
        } else {
            self.scan(&bytes)
        };
        scanned.map_err(|malformed| self.broken(malformed, &bytes))?;
        let size = self.scanner.stats().size_bytes;
        // Hosts differ in whether they compare; an exact match is what tells a cut reply from a
        // whole one.
        if let Some(length) = self.head.content_length
            && (size > length || (bytes.is_empty() && size < length))
        {
            return Err(ExportError::InvalidResponse(format!(
                "the reply of Homer at {} has {size} bytes, where its header announced {length}; the capture is not whole \
                 and was thrown away",
                self.config.homer
            )));
        }
        Ok(bytes)
    }

    /// Scans, and looks into the packets on the way.
    fn scan(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        match &mut self.analyzer {
            Some(analyzer) => self
                .scanner
                .scan_packets(bytes, Some(&mut |record| analyzer.record(record))),
            None => self.scanner.scan(bytes),
        }
    }

    fn broken(&mut self, malformed: Malformed, bytes: &[u8]) -> ExportError {
        match malformed {
            // The scan stopped within the first bytes: they and a little more tell what came
            // instead.
            Malformed::NotPcap | Malformed::Truncated { size: 0..4, .. } => {
                let mut opening = core::mem::take(&mut self.ready);
                opening.extend_from_slice(bytes);
                if opening.len() < MAX_ERROR_BODY {
                    opening.extend(
                        self.body
                            .beginning(MAX_ERROR_BODY - opening.len(), &self.config),
                    );
                }
                reply::not_a_capture(&self.head, &opening, &self.config)
            }
            malformed => ExportError::InvalidResponse(format!(
                "what Homer at {} sent is {malformed}; it was thrown away",
                self.config.homer
            )),
        }
    }
}
