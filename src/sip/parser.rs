//! Parses SIP messages, and reports where they break which rule (RFC 3261 §7).

use super::field::Field;
use super::field_cache::FieldCache;
use super::line::{Anomalies, Line};
use super::message::{Message, StartLine};
use super::rules;
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
    /// Parses the payload of a datagram. Returns `None` if it is not a SIP message: its start line
    /// has neither form, and Call-ID or CSeq is missing.
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
        // Empty lines in front of a message are ignored (RFC 3261 §7.5); a payload of line ends
        // alone is a keep-alive.
        let first = payload
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let line = Line::at(payload, first);
        let start_line = &payload[first..line.end];
        let empty = Message {
            start_line,
            start: StartLine::parse(start_line),
            call_id: None,
            cseq: None,
            from_tag: None,
            to_tag: None,
            via: None,
            content_length: None,
            content_type: None,
            is_encoded: false,
            body: &[],
            body_offset: payload.len(),
        };
        if empty.start == StartLine::Malformed {
            // A first pass without findings decides whether this is SIP at all; a line of a log
            // has none of its rules to break.
            let mut candidate = empty.clone();
            self.parse_fields(payload, &line, &mut candidate, &mut |_, _| {});
            if candidate.call_id.is_none() || candidate.cseq.is_none() {
                return None;
            }
            on_finding(Some(first), Rule::StartLineMalformed);
        }
        // Fields that the first pass cached need no second parsing.
        let mut message = empty;
        let present = self.parse_fields(payload, &line, &mut message, on_finding);
        rules::check(&message, present, is_whole, on_finding);
        Some(message)
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
                present |= field.presence();
                field.apply_to(message, rest, at, on_finding);
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
                break;
            }
            match field {
                Ok(field) => {
                    present |= field.presence();
                    let bytes = &payload[line.start..line.end];
                    field.apply_to(message, bytes, line.start, on_finding);
                }
                // The line is skipped: what follows may still be well-formed.
                Err(rule) => on_finding(Some(line.start), rule),
            }
        }
        anomalies.report(&payload[..header_end], on_finding);
        present
    }

    /// Parses the field that begins at `at`, with the lines that continue it, and caches it.
    fn parse_uncached(&mut self, payload: &[u8], at: usize) -> (Line, Result<Field, Rule>) {
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
