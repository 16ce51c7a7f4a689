//! Reads messages.

use super::familiar::Familiar;
use super::field::Field;
use super::line::{Line, Odd};
use super::message::{Message, Start};
use crate::finding::Rule;

/// Reads the messages of a capture, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    familiar: Familiar,
}

impl Reader {
    /// Reads a datagram's payload, and tells `flawed` at which byte it breaks which rule, some of
    /// them more than once. `is_whole` is to be false if the payload is cut off, so that nothing is
    /// said of its length. None if it is no SIP message: its start line says nothing of SIP, and it
    /// lacks Call-ID or CSeq.
    pub fn read<'a>(
        &mut self,
        payload: &'a [u8],
        is_whole: bool,
        flawed: &mut dyn FnMut(Option<usize>, Rule),
    ) -> Option<Message<'a>> {
        // Empty lines before a message are no part of it (RFC 3261 §7.5).
        let first = payload
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let line = Line::at(payload, first);
        let start_line = &payload[first..line.end];
        let start = Start::read(start_line);
        let mut message = Message {
            start_line,
            start,
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
        if start == Start::Malformed {
            // Quietly first: it may be no SIP at all.
            self.read_fields(payload, &line, &mut message, &mut |_, _| {});
            if message.call_id.is_none() || message.cseq.is_none() {
                return None;
            }
            flawed(Some(first), Rule::StartLineMalformed);
            message = Message {
                call_id: None,
                cseq: None,
                via: None,
                content_length: None,
                ..message
            };
        }
        let present = self.read_fields(payload, &line, &mut message, flawed);
        message.check_fields(present, is_whole, flawed);
        Some(message)
    }

    /// Reads the header fields behind the start line; returns which of those that are looked at are
    /// there, well-formed or not, one bit each.
    fn read_fields<'a>(
        &mut self,
        payload: &'a [u8],
        start_line: &Line,
        message: &mut Message<'a>,
        flawed: &mut dyn FnMut(Option<usize>, Rule),
    ) -> u16 {
        let mut present = 0;
        let mut odd = start_line.odd;
        let mut at = start_line.next;
        let mut header_end = payload.len();
        while let Some(rest) = payload.get(at..)
            && !rest.is_empty()
        {
            if let Some((field, len)) = self.familiar.find(rest) {
                present |= field.presence();
                field.tell(rest, at, message, flawed);
                at += len;
                continue;
            }
            let (line, field) = self.unfamiliar(payload, at);
            odd = odd.and(line.odd);
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
                    field.tell(&payload[line.start..line.end], line.start, message, flawed);
                }
                Err(flaw) => flawed(Some(line.start), flaw),
            }
        }
        odd.tell(&payload[..header_end], flawed);
        present
    }

    /// Reads the field that begins at `at`, its lines taken as one, and remembers it.
    fn unfamiliar(&mut self, payload: &[u8], at: usize) -> (Line, Result<Field, Rule>) {
        let line = Line::unfolded_at(payload, at);
        let field = Field::read(&payload[line.start..line.end]);
        // Without its end, it could be the beginning of another.
        if let Ok(field) = field
            && line.odd == Odd::default()
            && line.end < line.next
        {
            self.familiar.learn(&payload[at..], line.next - at, field);
        }
        (line, field)
    }
}
