//! The response with the capture of one profile: [`CaptureResponse`].

use alloc::format;
use alloc::vec::Vec;

use crate::client::{Server, read_prefix};
use crate::error::ExportError;
use crate::homer::response::{self, MAX_ERROR_BODY};
use crate::pcap::{self, FileHeader, OnPacket, Scanner};
use crate::query::Profile;
use crate::transport::{OutboundResponse, ResponseBody, ResponseHead};

/// Most bytes received at once. Above 64 KiB the size hardly affects the speed (docs/wasm.md §5),
/// and this keeps the component's memory small.
const MAX_READ: u64 = 256 * 1024;

/// A response that should be the capture file of one profile. Its bytes are checked as they arrive.
#[derive(Debug)]
pub(super) struct CaptureResponse<B> {
    profile: Profile,
    head: ResponseHead,
    body: B,
    scanner: Scanner,
}

/// A [`CaptureResponse`] with packets, of which the opening has been received.
#[derive(Debug)]
pub(super) struct OpenCapture<B> {
    pub(super) response: CaptureResponse<B>,
    /// The beginning of the file, with the beginning of the first packet record.
    pub(super) opening: Vec<u8>,
    /// The file header in `opening`.
    pub(super) format: FileHeader,
}

impl<B: ResponseBody> CaptureResponse<B> {
    /// A response of which no byte of the body has been read.
    pub(super) fn new(profile: Profile, response: OutboundResponse<B>) -> Self {
        Self {
            profile,
            head: response.head,
            body: response.body,
            scanner: Scanner::new(),
        }
    }

    /// The profile that was searched.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The scan of the bytes so far.
    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// Receives until the first packet record has begun or the file has ended, and returns the
    /// bytes up to there.
    ///
    /// A profile without the call returns a valid file of 24 bytes (docs/homer.md §1.1), so only
    /// the first packet record shows that the profile has packets.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub(super) fn begin(&mut self, server: &Server) -> Result<Vec<u8>, ExportError> {
        let mut opening = Vec::new();
        loop {
            let bytes = self.receive(server, &opening, None)?;
            let ended = bytes.is_empty();
            match opening.is_empty() {
                // Moved, not copied, which is the usual case.
                true => opening = bytes,
                false => opening.extend_from_slice(&bytes),
            }
            if ended || self.scanner.has_packets() {
                return Ok(opening);
            }
        }
    }

    /// Scans the bytes of [`Self::begin`] again, now for their packets.
    ///
    /// # Errors
    /// None in practice, because the bytes were scanned before.
    pub(super) fn scan_again(
        &mut self,
        server: &Server,
        opening: &[u8],
        on_packet: OnPacket<'_>,
    ) -> Result<(), ExportError> {
        self.scanner = Scanner::new();
        self.scanner
            .scan_packets(opening, Some(on_packet))
            .map_err(|error| server.damaged(&error))
    }

    /// The next bytes of the file, checked, or none at its end. `before` is the beginning of the
    /// file up to here; after its first four bytes, it may be left out.
    ///
    /// # Errors
    /// `timed-out`, `invalid-response` and `too-large`, as `pcap-stream.read` in the WIT.
    pub(super) fn receive(
        &mut self,
        server: &Server,
        before: &[u8],
        on_packet: Option<OnPacket<'_>>,
    ) -> Result<Vec<u8>, ExportError> {
        let received = self.body.read(MAX_READ);
        let bytes = received.map_err(|error| server.failed_within(error))?;
        let scanned = match bytes.is_empty() {
            true => self.scanner.finish().map(drop),
            false => self.scanner.scan_packets(&bytes, on_packet),
        };
        scanned.map_err(|error| self.invalid(server, &error, before, &bytes))?;
        let size = self.scanner.stats().size_bytes;
        // Hosts differ in whether they compare the two. Only an exact match tells a response that
        // was cut off from a complete one.
        if let Some(length) = self.head.content_length
            && (size > length || (bytes.is_empty() && size < length))
        {
            return Err(ExportError::InvalidResponse(format!(
                "the response of Homer at {} has {size} bytes, expected {length} (Content-Length); \
                 the capture is not complete and was discarded. Try again",
                server.homer
            )));
        }
        Ok(bytes)
    }

    fn invalid(
        &mut self,
        server: &Server,
        error: &pcap::Error,
        before: &[u8],
        bytes: &[u8],
    ) -> ExportError {
        match error {
            // The scan stopped within the magic number: these bytes and a few more show what
            // arrived instead of a capture.
            pcap::Error::NotPcap | pcap::Error::Truncated { size: 0..4, .. } => {
                let mut opening = [before, bytes].concat();
                if opening.len() < MAX_ERROR_BODY {
                    let more = read_prefix(&mut self.body, MAX_ERROR_BODY - opening.len());
                    opening.extend_from_slice(&more);
                }
                response::not_a_capture(&self.head, &opening, &server.homer)
            }
            error => server.damaged(error),
        }
    }
}
