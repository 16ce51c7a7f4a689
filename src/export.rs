//! The export algorithm: which requests are sent, in which order, and when a capture is complete.
//!
//! An export logs in if the credential is a user name and password, then queries one search
//! profile after the other until one holds packets. If the API version is not configured, it tries
//! Homer 7 first and HOMER 11 if Homer 7's endpoint does not exist. Every byte of the capture is
//! checked before it is passed on.
//!
//! The order runs on top of [`Transport`], so that native tests drive it with recorded exchanges.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::error::ExportError;
use crate::homer::response::{self, MAX_ERROR_BODY, NoCapture};
use crate::homer::{Api, Credential, HomerServer, Request, login, transport_failure};
use crate::pcap::{self, Scanner};
use crate::query::{Profile, Query};
use crate::report::{Analyzer, CaptureReport};
use crate::transport::{OutboundRequest, OutboundResponse, ResponseBody, ResponseHead, Transport};

/// Most bytes received at once. Above 64 KiB the size hardly affects the speed (docs/wasm.md §5),
/// and this keeps the component's memory small.
const MAX_READ: u64 = 256 * 1024;

/// A complete capture.
#[derive(Debug)]
pub struct BufferedCapture {
    /// The bytes, in chunks as they arrived. `None` if the capture is larger than the buffer limit.
    pub chunks: Option<Vec<Vec<u8>>>,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What the capture contains.
    pub report: CaptureReport,
}

/// A capture file that arrives in chunks. Each chunk is checked before it is passed on.
#[derive(Debug)]
pub struct PcapStream<B> {
    homer: HomerServer,
    first_byte_timeout_ms: u64,
    api: Api,
    profile: Profile,
    /// `None` if `HOMER_REPORT` is off.
    analyzer: Option<Analyzer>,
    /// The profiles after `profile`, which were not queried because this one held packets.
    unqueried_profiles: Vec<Profile>,
    head: ResponseHead,
    body: B,
    scanner: Scanner,
    /// Checked bytes that no `read` has taken yet.
    pending: Vec<u8>,
    /// How the transfer ended; `None` while it goes on.
    end: Option<Result<(), ExportError>>,
}

/// Why the endpoint of one API version returned no capture.
enum AttemptError {
    /// The endpoint does not exist, so the server may have the other API version.
    UnknownEndpoint(ExportError),
    /// The export failed.
    Failed(ExportError),
}

impl From<ExportError> for AttemptError {
    fn from(error: ExportError) -> Self {
        Self::Failed(error)
    }
}

impl<B: ResponseBody> PcapStream<B> {
    /// Requests the capture from Homer and returns once its first packet record has begun.
    ///
    /// # Errors
    /// As `homer:capture/homer-export-stream.open-pcap` (wit/homer-capture.wit).
    pub fn open<T: Transport<Body = B>>(
        query: &Query,
        config: &Config,
        transport: &mut T,
    ) -> Result<Self, ExportError> {
        let mut session = Session {
            homer: config.homer.clone(),
            first_byte_timeout_ms: config.first_byte_timeout_ms,
            report: config.report,
            transport,
        };
        session.log_in()?;
        match config.api {
            Some(api) => session
                .try_profiles(api, query)
                .map_err(|error| match error {
                    AttemptError::UnknownEndpoint(error) | AttemptError::Failed(error) => error,
                }),
            None => session.try_both_versions(query),
        }
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
        let (stats, profile) = (self.scanner.stats(), self.profile.as_str());
        let mut report = match &self.analyzer {
            Some(analyzer) => analyzer.report(&stats, profile, self.api),
            None => CaptureReport::without_analysis(&stats, profile, self.api),
        };
        if !report.missing_call_ids.is_empty() && !self.unqueried_profiles.is_empty() {
            let names: Vec<&str> = self
                .unqueried_profiles
                .iter()
                .map(Profile::as_str)
                .collect();
            report.warnings.push(format!(
                "the profiles {} were not searched for the missing Call-IDs, because profile {} \
                 already had packets; export these Call-IDs separately",
                names.join(", "),
                self.profile.as_str(),
            ));
        }
        report
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

    /// Receives and checks the next bytes into `pending`, or finds the end.
    fn receive(&mut self) {
        match self.receive_checked() {
            Ok(bytes) if bytes.is_empty() => self.end = Some(Ok(())),
            // Moved, not copied, where possible: copying costs as much as all the checks.
            Ok(bytes) if self.pending.is_empty() => self.pending = bytes,
            Ok(bytes) => self.pending.extend_from_slice(&bytes),
            Err(error) => {
                // A capture that turned out invalid is worth nothing as evidence.
                self.pending = Vec::new();
                self.end = Some(Err(error));
            }
        }
    }

    fn receive_checked(&mut self) -> Result<Vec<u8>, ExportError> {
        let bytes = self.body.read(MAX_READ).map_err(|error| {
            transport_failure::within_response(error, &self.homer, self.first_byte_timeout_ms)
        })?;
        let scanned = if bytes.is_empty() {
            self.scanner.finish().map(drop)
        } else {
            self.scan(&bytes)
        };
        scanned.map_err(|error| self.invalid_capture(error, &bytes))?;
        let size = self.scanner.stats().size_bytes;
        // Hosts differ in whether they compare the two. Only an exact match tells a response that
        // was cut off from a complete one.
        if let Some(length) = self.head.content_length
            && (size > length || (bytes.is_empty() && size < length))
        {
            return Err(ExportError::InvalidResponse(format!(
                "the response of Homer at {} has {size} bytes, expected {length} (Content-Length); \
                 the capture is not complete and was discarded. Try again",
                self.homer
            )));
        }
        Ok(bytes)
    }

    /// Scans the next bytes, and analyzes their packets on the way.
    fn scan(&mut self, bytes: &[u8]) -> Result<(), pcap::Error> {
        match &mut self.analyzer {
            Some(analyzer) => self
                .scanner
                .scan_packets(bytes, Some(&mut |record| analyzer.record(record))),
            None => self.scanner.scan(bytes),
        }
    }

    fn invalid_capture(&mut self, error: pcap::Error, bytes: &[u8]) -> ExportError {
        match error {
            // The scan stopped within the magic number: these bytes and a few more show what
            // arrived instead of a capture.
            pcap::Error::NotPcap | pcap::Error::Truncated { size: 0..4, .. } => {
                let mut opening = core::mem::take(&mut self.pending);
                opening.extend_from_slice(bytes);
                if opening.len() < MAX_ERROR_BODY {
                    let more = read_prefix(&mut self.body, MAX_ERROR_BODY - opening.len());
                    opening.extend_from_slice(&more);
                }
                response::not_a_capture(&self.head, &opening, &self.homer)
            }
            error => ExportError::InvalidResponse(format!(
                "the response of Homer at {} is {error}; it was discarded. Try again",
                self.homer
            )),
        }
    }
}

/// What one export needs to send requests.
struct Session<'t, T> {
    homer: HomerServer,
    first_byte_timeout_ms: u64,
    /// Whether the packets are analyzed.
    report: bool,
    transport: &'t mut T,
}

impl<T: Transport> Session<'_, T> {
    /// Exchanges a user name and password for a token. Other credentials stay as they are.
    fn log_in(&mut self) -> Result<(), ExportError> {
        let Some(Credential::Login {
            username,
            password,
            login_type,
        }) = &self.homer.credential
        else {
            return Ok(());
        };
        let request = login::login_request(&self.homer.base_url, username, password, *login_type);
        let OutboundResponse { head, mut body } = self.send(&request)?;
        let opening = read_prefix(&mut body, MAX_ERROR_BODY);
        let Some(token) = login::token(&head, &opening) else {
            return Err(login::error(&head, &opening, &self.homer));
        };
        // The kind stays: error texts then name the causes that fit a login.
        self.homer.credential = Some(Credential::Jwt(token));
        Ok(())
    }

    /// Tries Homer 7, which is the more likely one, then HOMER 11. Neither has the endpoint of the
    /// other (docs/homer.md §9.5).
    fn try_both_versions(&mut self, query: &Query) -> Result<PcapStream<T::Body>, ExportError> {
        let unknown = match self.try_profiles(Api::V7, query) {
            Ok(stream) => return Ok(stream),
            Err(AttemptError::Failed(error)) => return Err(error),
            Err(AttemptError::UnknownEndpoint(error)) => error,
        };
        self.try_profiles(Api::V11, query)
            .map_err(|error| match error {
                // Neither endpoint exists: Homer 7's response describes the server as well.
                AttemptError::UnknownEndpoint(_) => unknown,
                AttemptError::Failed(error) => error,
            })
    }

    /// Queries one profile after the other at the endpoint of one API version, until one holds
    /// packets.
    fn try_profiles(
        &mut self,
        api: Api,
        query: &Query,
    ) -> Result<PcapStream<T::Body>, AttemptError> {
        let mut unknown_profile = None;
        let mut any_empty = false;
        // One profile in each request: of two, Homer searches one at random (docs/homer.md §1.9).
        for (at, profile) in query.profiles().iter().enumerate() {
            let request = api.export_request(&self.homer, query, profile)?;
            let OutboundResponse { head, mut body } = self.send(&request)?;
            if !response::is_capture(&head) {
                let opening = read_prefix(&mut body, MAX_ERROR_BODY);
                match response::no_capture(&head, &opening, &self.homer) {
                    // The next profile may exist, so the search goes on. The error counts only if
                    // no profile could be searched.
                    NoCapture::UnknownProfile(error) => unknown_profile = Some(error),
                    NoCapture::Empty => any_empty = true,
                    NoCapture::UnknownEndpoint(error) => {
                        return Err(AttemptError::UnknownEndpoint(error));
                    }
                    NoCapture::Failed(error) => return Err(AttemptError::Failed(error)),
                }
                continue;
            }
            let mut stream = PcapStream {
                homer: self.homer.clone(),
                first_byte_timeout_ms: self.first_byte_timeout_ms,
                api,
                profile: profile.clone(),
                analyzer: self.report.then(|| Analyzer::new(query)),
                unqueried_profiles: query.profiles().iter().skip(at + 1).cloned().collect(),
                head,
                body,
                scanner: Scanner::new(),
                pending: Vec::new(),
                end: None,
            };
            // A profile without this call returns a valid file of 24 bytes (docs/homer.md §1.1), so
            // only the first packet record shows that the search is over.
            while stream.end.is_none() && !stream.scanner.has_packets() {
                stream.receive();
            }
            match stream.end {
                Some(Err(error)) => return Err(AttemptError::Failed(error)),
                Some(Ok(())) if !stream.scanner.has_packets() => any_empty = true,
                _ => return Ok(stream),
            }
        }
        Err(AttemptError::Failed(match unknown_profile {
            // No profile was searched, so "nothing captured" would be untrue.
            Some(error) if !any_empty => error,
            _ => response::nothing_captured(query, &self.homer, api),
        }))
    }

    fn send(&mut self, request: &Request) -> Result<OutboundResponse<T::Body>, ExportError> {
        let mut fields = Vec::from([
            // Homer compares it literally (recording `export-content-type-upper`).
            ("content-type".to_string(), "application/json".to_string()),
            ("content-length".to_string(), request.body.len().to_string()),
        ]);
        fields.extend(self.homer.credential_fields());
        let request = OutboundRequest {
            origin: self.homer.base_url.origin(),
            path: &request.path,
            fields: &fields,
            body: &request.body,
            first_byte_timeout_ms: self.first_byte_timeout_ms,
        };
        self.transport.send(&request).map_err(|error| {
            transport_failure::before_response(error, &self.homer, self.first_byte_timeout_ms)
        })
    }
}

/// The beginning of a body, up to `max` bytes. If the connection fails meanwhile, the bytes that
/// have arrived are enough to classify the response.
fn read_prefix(body: &mut impl ResponseBody, max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < max {
        match body.read((max - bytes.len()) as u64) {
            Ok(more) if !more.is_empty() => bytes.extend_from_slice(&more),
            _ => break,
        }
    }
    bytes
}
