//! Parses SIP messages, and reports where they break which rule (RFC 3261 §7).

use super::field::{Field, NotAField};
use super::field_cache::FieldCache;
use super::line::{Anomalies, Line, line_ends};
use super::message::{Message, StartLine, Truncation};
use super::rules;
use super::token::is_token;
use crate::finding::Rule;

/// Parses the messages of one capture, one after the other.
///
/// The parser accepts whatever can be recognized as a SIP message and reports broken rules to a
/// callback, with the byte offset where there is one. It remembers header fields from one message
/// to the next, for speed alone: the result does not depend on earlier messages.
///
/// # Examples
/// ```
/// use homer_export::sip::Parser;
///
/// let mut parser = Parser::default();
/// let mut findings = Vec::new();
/// let payload = b"ACK sip:bob@192.0.2.20 SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\n\
///     From: <sip:alice@example.net>;tag=a\r\n\
///     To: <sip:bob@example.net>;tag=b\r\n\
///     Call-ID: a@b\r\nCSeq: 1 ACK\r\n\r\n";
/// let message = parser.parse(payload, true, &mut |offset, rule| findings.push((offset, rule)));
/// assert_eq!(message.unwrap().to_tag, Some(&b"b"[..]));
/// let (offset, rule) = &findings[0];
/// assert_eq!(*offset, None);
/// assert_eq!(rule.text(), "missing header field: Max-Forwards");
///
/// // Other payloads are not SIP messages.
/// assert_eq!(parser.parse(b"{\"report_count\": 1}", true, &mut |_, _| {}), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Parser {
    cache: FieldCache,
}

impl Parser {
    /// Parses the first message in the payload of a datagram. Returns none if there is no SIP
    /// message: the start line has neither form, and Call-ID or CSeq is missing.
    ///
    /// [`Message::end`] says where the next message begins, if there is one: agents store a segment
    /// of a stream as if it were one message.
    ///
    /// `on_finding` gets every broken rule with its offset in bytes from the start of the payload;
    /// the same rule may come several times. `is_whole` is false if the capture cut the payload
    /// off: its length is then not checked.
    pub fn parse<'a>(
        &mut self,
        payload: &'a [u8],
        is_whole: bool,
        on_finding: &mut dyn FnMut(Option<usize>, Rule),
    ) -> Option<Message<'a>> {
        let mut message = Message::EMPTY;
        let is_message = self.parse_into(&mut message, payload, is_whole, on_finding);
        is_message.then_some(message)
    }

    /// Like [`Parser::parse`]. It writes the message where it is needed, since copying one takes as
    /// long as comparing several of its fields. Returns false if there is none.
    pub(crate) fn parse_into<'a>(
        &mut self,
        message: &mut Message<'a>,
        payload: &'a [u8],
        is_whole: bool,
        on_finding: &mut dyn FnMut(Option<usize>, Rule),
    ) -> bool {
        // Empty lines in front of a message are ignored (RFC 3261 §7.5); a payload of line ends
        // alone is a keep-alive.
        let first = line_ends(payload);
        if first == payload.len() {
            return false;
        }
        let line = Line::at(payload, first);
        let start_line = &payload[first..line.end];
        let start = StartLine::parse(start_line);
        if start == StartLine::Malformed {
            // A first pass without findings decides whether this is SIP at all; a line of a log
            // has none of its rules to break.
            let mut candidate = Message::of(start_line, start, payload.len());
            self.parse_fields(payload, &line, &mut candidate, &mut |_, _| {});
            if candidate.call_id.is_none() || candidate.cseq.is_none() {
                return false;
            }
            on_finding(Some(first), Rule::StartLineMalformed);
        }
        // Devices copy the address of Contact, brackets included (RFC 3261 §7.1).
        if let StartLine::Request { method, uri } = start
            && uri.starts_with(b"<")
        {
            let at = first + method.len() + 1;
            let (field, why) = ("Request-URI", "the URI stands in angle brackets");
            on_finding(Some(at), Rule::AddressMalformed { field, why });
        }
        // Fields that the first pass cached need no second parsing.
        *message = Message::of(start_line, start, payload.len());
        let present = self.parse_fields(payload, &line, message, on_finding);
        self.find_end(payload, message);
        rules::check(message, present, is_whole, on_finding);
        true
    }

    /// Finds where the message ends, and where the next one begins.
    fn find_end<'a>(&mut self, payload: &'a [u8], message: &mut Message<'a>) {
        let body = message.body;
        let len = match message.content_length.map(usize::try_from) {
            Some(Ok(len)) if len <= body.len() => len,
            Some(_) => {
                if message.is_header_complete() && message.is_on_stream() {
                    message.truncated = Some(Truncation::Body);
                }
                return;
            }
            // A body must have a type (RFC 3261 §7.4.1), so that this is none.
            None if message.content_type.is_none() && message.is_on_stream() => 0,
            None => return,
        };
        let surplus = body.get(len..).unwrap_or_default();
        // Line ends between two messages keep the connection open (RFC 5626 §3.5.1).
        let next = line_ends(surplus);
        if next == surplus.len() {
            return;
        }
        let start = message.body_offset + len + next;
        let follows = match message.content_length {
            // Blanks and NUL are padding.
            Some(_) if message.is_on_stream() => is_token(surplus[next]),
            _ => self.is_message(payload, start),
        };
        if follows {
            message.body = &body[..len];
            message.end = start;
        }
    }

    /// Whether a message certainly begins at `start`. The body of a NOTIFY may look like a start
    /// line (RFC 3420), but has no Call-ID.
    fn is_message(&mut self, payload: &[u8], start: usize) -> bool {
        let rest = &payload[start..];
        let line = Line::at(rest, 0);
        let start = StartLine::parse(&rest[..line.end]);
        if start == StartLine::Malformed {
            return false;
        }
        let mut candidate = Message::of(&rest[..line.end], start, rest.len());
        self.parse_fields(rest, &line, &mut candidate, &mut |_, _| {});
        candidate.call_id.is_some() && candidate.cseq.is_some()
    }

    /// Parses the header fields after the start line, and finds the body. Returns the
    /// [`Name::bit`](super::field::Name::bit) of every field found, well-formed or not.
    fn parse_fields<'a>(
        &mut self,
        payload: &'a [u8],
        start_line: &Line,
        message: &mut Message<'a>,
        on_finding: &mut dyn FnMut(Option<usize>, Rule),
    ) -> u16 {
        let mut present = 0;
        let mut anomalies = start_line.anomalies;
        let mut at = start_line.next;
        // A header without the empty line that ends it is as long as the payload.
        let mut header_end = payload.len();
        while let Some(rest) = payload.get(at..)
            && !rest.is_empty()
        {
            if let Some((field, len)) = self.cache.find(rest) {
                field.apply_to(message, &mut present, rest, at, on_finding);
                at += len;
                continue;
            }
            // Not cached. The empty line that ends the header also comes here.
            let (line, field) = self.parse_uncached(payload, at);
            anomalies = anomalies.and(line.anomalies);
            at = line.next;
            if line.is_empty() {
                header_end = line.start;
                message.body_offset = at;
                message.body = &payload[at..];
                message.truncated = None;
                break;
            }
            match field {
                Ok(field) => {
                    let bytes = &payload[line.start..line.end];
                    let is_cut = line.end == line.next;
                    let ignore = &mut |_, _| {};
                    let on_finding = if is_cut { ignore } else { &mut *on_finding };
                    field.apply_to(message, &mut present, bytes, line.start, on_finding);
                }
                // The line is skipped: what follows may still be well-formed. A line without end is
                // the start of one that was cut off, and its sender did nothing wrong.
                Err(error) if line.end < line.next => on_finding(Some(line.start), error.rule()),
                Err(_) => {}
            }
        }
        anomalies.report(&payload[..header_end], on_finding);
        present
    }

    /// Parses the field that begins at `at`, with the lines that continue it, and caches it.
    fn parse_uncached(&mut self, payload: &[u8], at: usize) -> (Line, Result<Field, NotAField>) {
        let line = Line::unfolded_at(payload, at);
        let field = Field::parse(&payload[line.start..line.end]);
        // A field without a line end may be the cut-off start of a longer one. A field with
        // anomalies is reported each time.
        if let Ok(field) = field
            && line.anomalies == Anomalies::default()
            && line.end < line.next
        {
            self.cache.insert(&payload[at..], line.next - at, field);
        }
        (line, field)
    }
}
