//! Redacts a capture file that arrives in chunks.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::Scope;
use super::frame::{Change, Frame, sum};
use super::rewriter::Rewriter;
use super::summary::{RedactionSummary, count};
use crate::pcap::{
    Error, FILE_HEADER_LEN, FileHeader, InvalidField, MAX_CAPTURED_LEN, MAX_PACKET_BYTES,
    RECORD_HEADER_LEN,
};
use crate::sip::{Content, LineRewriter as _, RedactedKinds};

/// Redacts a capture file, record by record.
///
/// It holds one packet, of which it looks at the first [`MAX_PACKET_BYTES`] bytes and overwrites
/// the rest; no capture agent sends as many. The pseudonyms and lines that it remembers take less
/// than two megabytes.
///
/// # Examples
/// ```
/// use homer_export::redact::{Key, Redactor, Scope};
/// use homer_export::sip::Content;
///
/// let file = std::fs::read("tests/data/export-ok-auth-token.pcap").expect("a recording");
/// let key = Key::new(b"the content of a key file")?;
/// let mut redactor = Redactor::new(&Scope::Addresses(key), Content::Redact);
/// let mut redacted = Vec::new();
/// for chunk in file.chunks(1000) {
///     redactor.push(chunk, &mut redacted)?;
/// }
/// assert_eq!(redacted.len(), file.len());
/// let summary = redactor.summary();
/// assert_eq!((summary.packets, summary.packets_changed), (7, 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Redactor {
    rewriter: Rewriter,
    summary: RedactionSummary,
    /// The hash of the original file, if it is asked for.
    hash: Option<Sha256>,
    /// The bytes that have arrived and are not complete yet.
    pending: Vec<u8>,
    /// The header of the file, once it has arrived.
    file: Option<FileHeader>,
    /// Bytes of the current record beyond [`MAX_PACKET_BYTES`] that are still to come.
    surplus: usize,
    /// Bytes that have left.
    offset: u64,
    failed: Option<Error>,
}

impl Redactor {
    /// Redacts what `scope` and `content` say.
    pub fn new(scope: &Scope, content: Content) -> Self {
        let key = match scope {
            Scope::Secrets => None,
            Scope::Numbers(key) | Scope::Addresses(key) => Some(key.fingerprint()),
        };
        Self {
            rewriter: Rewriter::new(scope, content),
            summary: RedactionSummary {
                level: scope.level().name().to_string(),
                content_shown: content == Content::Show,
                key_id: key,
                ..RedactionSummary::default()
            },
            hash: None,
            pending: Vec::new(),
            file: None,
            surplus: 0,
            offset: 0,
            failed: None,
        }
    }

    /// Also computes the SHA-256 of the original file for the summary. This may take longer than
    /// the redaction.
    #[must_use]
    pub fn hashed(mut self) -> Self {
        self.hash = Some(Sha256::new());
        self
    }

    /// Takes the next bytes of the file, and appends to `redacted` those that are complete: whole
    /// packets. At the end of the file, as many bytes have been appended as were taken.
    ///
    /// # Errors
    /// As [`Scanner::scan_packets`](crate::pcap::Scanner::scan_packets), as soon as the file shows
    /// that it is no capture file. Nothing is appended then or later, and the same error is
    /// returned again.
    pub fn push(&mut self, bytes: &[u8], redacted: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.summary.original_size_bytes += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        // The packets are redacted where they are appended to. Most chunks end within a record, of
        // which some bytes are taken back until the rest arrives.
        let begin = redacted.len();
        redacted.reserve(self.pending.len() + bytes.len());
        redacted.append(&mut self.pending);
        redacted.extend_from_slice(bytes);
        let mut at = begin;
        loop {
            let offset = self.offset + (at - begin) as u64;
            match self.next_part(redacted.get_mut(at..).unwrap_or_default(), offset) {
                Ok(0) => break,
                Ok(len) => at += len,
                Err(error) => {
                    redacted.truncate(begin);
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        self.pending
            .extend_from_slice(redacted.get(at..).unwrap_or_default());
        redacted.truncate(at);
        self.offset += (at - begin) as u64;
        Ok(())
    }

    /// The pseudonym of a text as it is in a header field with this name. A Call-ID that is to be
    /// found in the redacted file must be replaced as it was there.
    pub fn field_value(&mut self, name: &str, value: &str) -> String {
        let mut line: Vec<u8> = [name.as_bytes(), b": ", value.as_bytes()].concat();
        self.rewriter.line(&mut line, &mut RedactedKinds::default());
        let value = line.get(name.len() + 2..).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    }

    /// What has been done so far.
    pub fn summary(&self) -> RedactionSummary {
        let sha256 = self
            .hash
            .as_ref()
            .map(|hash| data_encoding::HEXLOWER.encode(&hash.clone().finalize()));
        RedactionSummary {
            original_sha256: sha256,
            ..self.summary.clone()
        }
    }

    /// Redacts the file header or the record that `pending` begins with, at byte `offset` of the
    /// file. Returns its length; 0 if it is not complete.
    fn next_part(&mut self, pending: &mut [u8], offset: u64) -> Result<usize, Error> {
        if self.surplus > 0 {
            let len = self.surplus.min(pending.len());
            pending[..len].fill(b'*');
            self.surplus -= len;
            return Ok(len);
        }
        let Some(file) = self.file else {
            let Some(header) = pending.first_chunk::<FILE_HEADER_LEN>() else {
                return match pending.first_chunk::<4>() {
                    Some(magic) => FileHeader::check_magic(*magic).map(|()| 0),
                    None => Ok(0),
                };
            };
            self.file = Some(FileHeader::parse(header)?);
            return Ok(FILE_HEADER_LEN);
        };
        let Some(header) = pending.first_chunk::<RECORD_HEADER_LEN>() else {
            return Ok(0);
        };
        let [.., l0, l1, l2, l3, o0, o1, o2, o3] = *header;
        let captured_len = file.byte_order.u32([l0, l1, l2, l3]);
        let original_len = file.byte_order.u32([o0, o1, o2, o3]) as usize;
        if !(1..=MAX_CAPTURED_LEN).contains(&captured_len) {
            return Err(Error::Implausible {
                record: self.summary.packets + 1,
                offset,
                field: InvalidField::CapturedLen(captured_len),
            });
        }
        let captured_len = captured_len as usize;
        let len = captured_len.min(MAX_PACKET_BYTES);
        let Some(data) = pending.get_mut(RECORD_HEADER_LEN..RECORD_HEADER_LEN + len) else {
            return Ok(0);
        };
        self.summary.packets += 1;
        self.surplus = captured_len - len;
        if self.surplus > 0 {
            count(
                &mut self.summary.redacted,
                "part of a packet beyond 262144 bytes",
            );
        }
        let is_whole = original_len <= len;
        redact_packet(&mut self.rewriter, &mut self.summary, file, data, is_whole);
        Ok(RECORD_HEADER_LEN + len)
    }
}

/// Redacts the data of one packet.
fn redact_packet(
    rewriter: &mut Rewriter,
    summary: &mut RedactionSummary,
    file: FileHeader,
    data: &mut [u8],
    is_whole: bool,
) {
    let frame = Frame::parse(file.link_type, data);
    let mut kinds = RedactedKinds::default();
    let payload = data.get_mut(frame.payload.clone()).unwrap_or_default();
    let is_binary = has_controls(payload);
    let before = sum(payload);
    let mut rewritten = rewriter.payload(payload, &mut kinds);
    let payload = Change {
        before,
        after: sum(payload),
    };
    // Behind the payload, a frame may be padded with anything.
    let padding = data.get_mut(frame.payload.end..).unwrap_or_default();
    if padding.iter().any(|byte| *byte != 0) {
        rewritten.is_changed |= rewriter.payload(padding, &mut kinds).is_changed;
    }
    let addresses = match rewriter.addresses() {
        Some(pseudonyms) => frame.replace_addresses(data, pseudonyms),
        None => Change::default(),
    };
    frame.adjust_checksum(data, [payload, addresses]);
    let is_changed = rewritten.is_changed || addresses.before != addresses.after;
    summary.packets_changed += u64::from(is_changed);
    for kind in kinds.0 {
        count(&mut summary.redacted, kind);
    }
    let unreadable = frame
        .unreadable
        .or(rewritten.unreadable)
        .or(is_binary.then_some("binary data"))
        .or((!is_whole).then_some("packet that the capture cut off"));
    if let Some(unreadable) = unreadable {
        count(&mut summary.not_redacted, unreadable);
    }
}

/// Whether a payload has control characters other than tabs and line ends. NUL at its end is
/// padding.
fn has_controls(payload: &[u8]) -> bool {
    let end = payload.iter().rposition(|byte| *byte != 0);
    let payload = payload
        .get(..end.map_or(0, |end| end + 1))
        .unwrap_or_default();
    // Without an early end, and in bytes, so that many are compared at once.
    let control = |byte: u8| {
        u8::from(byte < b' ')
            & u8::from(byte != b'\t')
            & u8::from(byte != b'\r')
            & u8::from(byte != b'\n')
    };
    payload.iter().fold(0, |found, byte| found | control(*byte)) != 0
}
