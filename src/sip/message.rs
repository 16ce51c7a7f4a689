//! One SIP message: its start line, the header fields that identify call, dialog and transaction,
//! and its body (RFC 3261 §7).

use memchr::memchr;

use super::line::line_ends;
use super::multipart::{BodyKind, find_sdp, media_type};
use super::token::{decimal, eq_ignore_case, is_token};
use super::value::{CSeq, Transport, Via};

/// A SIP message, borrowed from the payload that [`Parser::parse`](super::Parser::parse) read.
///
/// The values are bytes and not text, since a captured message may be broken in any way.
///
/// # Examples
/// ```
/// use homer_export::sip::{Parser, StartLine};
///
/// let payload = b"SIP/2.0 486 Busy Here\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n\r\n";
/// let message = Parser::default().parse(payload, true, &mut |_, _| {}).unwrap();
/// assert_eq!(message.start, StartLine::Response { status: 486, reason: b"Busy Here" });
/// assert_eq!(message.call_id, Some(&b"a@b"[..]));
/// assert_eq!(message.method(), Some(&b"INVITE"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The start line without its line end.
    pub start_line: &'a [u8],
    /// The parts of the start line.
    pub start: StartLine<'a>,
    /// The value of Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// The value of CSeq; `None` if it is missing or malformed.
    pub cseq: Option<CSeq<'a>>,
    /// The tag of From.
    pub from_tag: Option<&'a [u8]>,
    /// The tag of To.
    pub to_tag: Option<&'a [u8]>,
    /// The topmost Via.
    pub via: Option<Via<'a>>,
    /// What kind of transport the topmost Via names.
    pub(super) transport: Transport,
    /// The first well-formed Content-Length.
    pub content_length: Option<u64>,
    /// The value of Content-Type, including its parameters.
    pub content_type: Option<&'a [u8]>,
    /// What Content-Type says that the body is.
    pub(super) body_kind: BodyKind,
    /// Whether there is a Content-Encoding: the body must be decoded before it is what Content-Type
    /// says.
    pub is_encoded: bool,
    /// All bytes after the empty line, whatever Content-Length says; up to Content-Length if
    /// another message follows in the same payload.
    pub body: &'a [u8],
    /// Offset of the body in bytes from the start of the payload.
    pub body_offset: usize,
    /// Where the message ends too early; none if all of it is there, as far as one can tell.
    pub truncated: Option<Truncation>,
    /// Offset of the next message in the same payload (RFC 3261 §18.3); the length of the payload
    /// if no other message follows.
    pub end: usize,
}

/// Where a message ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// The empty line after the header is missing (RFC 3261 §7).
    Header,
    /// On a stream transport, Content-Length is more than the rest of the payload.
    Body,
}

/// The parts of a start line (RFC 3261 §7.1, §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// The message is a request.
    Request {
        /// The method, a token.
        method: &'a [u8],
        /// The Request-URI.
        uri: &'a [u8],
    },
    /// The message is a response.
    Response {
        /// The status code, 100 to 699.
        status: u16,
        /// The reason phrase, possibly empty.
        reason: &'a [u8],
    },
    /// The start line has neither form.
    Malformed,
}

impl<'a> Message<'a> {
    /// A message without anything in it.
    pub(crate) const EMPTY: Self = Self::of(&[], StartLine::Malformed, 0);

    /// A message that has only a start line, in a payload of `len` bytes.
    pub(super) const fn of(start_line: &'a [u8], start: StartLine<'a>, len: usize) -> Self {
        Self {
            start_line,
            start,
            call_id: None,
            cseq: None,
            from_tag: None,
            to_tag: None,
            via: None,
            transport: Transport::Other,
            content_length: None,
            content_type: None,
            body_kind: BodyKind::Untyped,
            is_encoded: false,
            body: &[],
            body_offset: len,
            truncated: Some(Truncation::Header),
            end: len,
        }
    }

    /// Whether the body is a session description.
    pub fn is_sdp(&self) -> bool {
        // With a Content-Encoding, the bytes are not those of the SDP.
        !self.is_encoded && self.body_kind == BodyKind::Sdp
    }

    /// Content-Type without its parameters; empty if there is none.
    fn media_type(&self) -> &'a [u8] {
        media_type(self.content_type.unwrap_or_default())
    }

    /// The session description and its offset from the start of the body: the whole body, or the
    /// only part of a multipart body that is one (RFC 5621). `None` if there is none; also if
    /// several parts are, since only the receiver knows which one it reads.
    pub fn session_description(&self) -> Option<(usize, &'a [u8])> {
        if self.is_encoded {
            return None;
        }
        let content_type = match self.body_kind {
            BodyKind::Sdp => return Some((0, self.content())),
            BodyKind::Multipart => self.content_type?,
            _ => return None,
        };
        let (mut found, mut count) = (None, 0);
        find_sdp(content_type, self.content(), 0, &mut |at, sdp| {
            found = Some((at, sdp));
            count += 1;
        });
        found.filter(|_| count == 1)
    }

    /// Whether servers store the body unchanged. heplify-server removes NUL bytes and invalid UTF-8
    /// before it stores a message (docs/homer.md §6), which shortens binary bodies such as the ISUP
    /// of SIP-I.
    pub(super) fn has_text_body(&self) -> bool {
        match self.body_kind {
            BodyKind::Untyped => true,
            BodyKind::Text | BodyKind::Sdp => !self.is_encoded,
            BodyKind::Multipart | BodyKind::Other => false,
        }
    }

    /// Whether the body may have lost bytes in the database, so that its length proves nothing. A
    /// multipart body that ends in the dashes of its last delimiter (RFC 2046 §5.1.1) is complete
    /// even if one of its parts is shorter; one that does not is cut off.
    pub(super) fn may_have_lost_bytes(&self) -> bool {
        let media_type = self.media_type();
        let begins = |start: &[u8]| {
            let found = media_type.get(..start.len());
            found.is_some_and(|found| eq_ignore_case(found, start))
        };
        if self.body_kind == BodyKind::Multipart && !self.is_encoded {
            return self.body.trim_ascii_end().ends_with(b"--");
        }
        let is_text = begins(b"message/")
            || [&b"+xml"[..], b"+json", b"/json", b"/dtmf-relay"]
                .iter()
                .any(|end| media_type.to_ascii_lowercase().ends_with(end));
        !self.has_text_body() && (self.is_encoded || !is_text)
    }

    /// Whether the topmost Via names a stream transport. Agents capture one segment of a stream as
    /// one packet, which may hold part of a message or several messages. WebSocket and SCTP keep
    /// the boundaries of messages, but agents that decode them often do not.
    pub fn is_on_stream(&self) -> bool {
        matches!(
            self.transport,
            Transport::NeedsContentLength | Transport::OtherStream
        )
    }

    /// Whether the topmost Via names UDP.
    pub fn is_on_udp(&self) -> bool {
        self.transport == Transport::Udp
    }

    /// Whether Content-Length is mandatory: on TCP and TLS (RFC 3261 §20.14). WebSocket has frames
    /// of its own (RFC 7118 §5), and so has SCTP (RFC 4168 §5).
    pub(super) fn needs_content_length(&self) -> bool {
        self.transport == Transport::NeedsContentLength
    }

    /// Where the start line begins in the payload from which the message was parsed.
    pub(crate) fn start_offset(&self, payload: &[u8]) -> usize {
        let start = self.start_line.as_ptr().addr();
        start
            .wrapping_sub(payload.as_ptr().addr())
            .min(payload.len())
    }

    /// Whether the empty line that ends the header is there.
    pub(super) fn is_header_complete(&self) -> bool {
        self.truncated != Some(Truncation::Header)
    }

    /// Whether the start line begins like that of a response, well-formed or not.
    pub fn is_status_line(&self) -> bool {
        // A method is a token and contains no slash (RFC 3261 §25.1), so this is no request.
        self.start_line
            .get(..4)
            .is_some_and(|start| eq_ignore_case(start, b"SIP/"))
    }

    /// The body up to the length that Content-Length states; the whole body if that is longer or
    /// missing.
    pub fn content(&self) -> &'a [u8] {
        // Bytes behind the stated length do not belong to the body (RFC 3261 §18.3).
        let len = self
            .content_length
            .and_then(|len| usize::try_from(len).ok())
            .unwrap_or(usize::MAX);
        self.body.get(..len).unwrap_or(self.body)
    }

    /// The method: that of the start line in a request, that of CSeq in a response.
    pub fn method(&self) -> Option<&'a [u8]> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            _ => self.cseq.map(|cseq| cseq.method),
        }
    }
}

/// Whether bytes begin with a well-formed start line, after empty lines.
pub(crate) fn begins_with_start_line(bytes: &[u8]) -> bool {
    let rest = &bytes[line_ends(bytes)..];
    let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    StartLine::parse(line) != StartLine::Malformed
}

impl<'a> StartLine<'a> {
    const VERSION: &'static [u8] = b"SIP/2.0";

    /// Parses a start line without its line end.
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        Self::response(line)
            .or_else(|| Self::request(line))
            .unwrap_or(Self::Malformed)
    }

    /// Parses `SIP/2.0 200 OK`.
    fn response(line: &'a [u8]) -> Option<Self> {
        // The cheapest test tells nearly all requests: no method has a slash (§25.1, `token`).
        if line.get(3) != Some(&b'/') {
            return None;
        }
        let (version, rest) = line.split_at_checked(Self::VERSION.len())?;
        // The version is case-insensitive (RFC 3261 §7.1).
        if !eq_ignore_case(version, Self::VERSION) {
            return None;
        }
        let (digits, rest) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
        let status = decimal(digits).filter(|status| (100..700).contains(status))?;
        // Strictly, a blank follows the status even if the reason phrase is empty (§7.2). Devices
        // that send `SIP/2.0 200` are understood by everyone, so that this is no finding.
        let reason = match rest {
            [] => rest,
            _ => rest.strip_prefix(b" ")?,
        };
        Some(Self::Response {
            status: status as u16,
            reason,
        })
    }

    /// Parses `INVITE sip:bob@example.net SIP/2.0`.
    fn request(line: &'a [u8]) -> Option<Self> {
        let (method, rest) = line.split_at_checked(memchr(b' ', line)?)?;
        let rest = rest.get(1..)?;
        let (uri, version) = rest.split_at_checked(memchr(b' ', rest)?)?;
        let version = version.strip_prefix(b" ")?;
        let well_formed = !method.is_empty()
            && method.iter().all(|byte| is_token(*byte))
            && !uri.is_empty()
            && eq_ignore_case(version, Self::VERSION);
        well_formed.then_some(Self::Request { method, uri })
    }
}
