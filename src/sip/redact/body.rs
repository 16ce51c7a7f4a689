//! Bodies that are secret as a whole: texts of MESSAGE, DTMF digits, and base64.

use super::digest::is_within_name;
use super::pem::MAX_OTHER;
use super::{RedactedKinds, count, is_name, line_end, next_line, overwrite, overwrite_range};
use crate::sip::message::begins_with_start_line;

/// What the lines of a body are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Not secret as a whole. Lines of a header are of this kind as well.
    #[default]
    Text,
    /// DTMF digits: `application/dtmf-relay`, `application/dtmf`, and digits of Nortel.
    Dtmf,
    /// The text of a MESSAGE.
    Message,
    /// A body or part in base64.
    Base64,
}

/// Follows the headers and bodies of the messages in a payload, line by line.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    header: Header,
    /// The body that the lines belong to; `None` in a header.
    body: Option<Body>,
    /// A body that holds what cannot be read, and why.
    pub(crate) unreadable: Option<&'static str>,
}

/// What the current header says about its body.
#[derive(Debug, Default)]
struct Header {
    /// Whether it has a field that belongs to a header.
    is_header: bool,
    is_message: bool,
    is_multipart: bool,
    kind: BodyKind,
    len: Option<usize>,
}

/// A body of which lines follow.
#[derive(Debug)]
struct Body {
    /// The kind of the lines, or of the current part.
    kind: BodyKind,
    /// Whether the lines are those of a part's header.
    is_part_header: bool,
    /// Where the body ends.
    end: usize,
}

impl Bodies {
    /// Takes the next line, without its end, and returns what it is. It begins at `start`, the next
    /// one at `next`; the payload has `len` bytes.
    pub(crate) fn line(&mut self, line: &[u8], start: usize, next: usize, len: usize) -> BodyKind {
        self.leave_body(start);
        match &mut self.body {
            None if line.is_empty() => {
                self.end_header(next, len);
                BodyKind::Text
            }
            Some(body) if self.header.is_multipart && line.starts_with(b"--") => {
                body.is_part_header = true;
                body.kind = BodyKind::Text;
                BodyKind::Text
            }
            Some(body) if body.is_part_header && line.is_empty() => {
                body.is_part_header = false;
                if self.header.is_message && body.kind == BodyKind::Text {
                    body.kind = BodyKind::Message;
                }
                BodyKind::Text
            }
            Some(body) if !body.is_part_header && body.kind != BodyKind::Text => body.kind,
            _ => {
                self.plain(Meaning::of(line), start);
                BodyKind::Text
            }
        }
    }

    /// Takes a line that is not secret as a whole ([`Self::plain_until`]), that is not empty and no
    /// delimiter of parts.
    pub(super) fn plain(&mut self, meaning: Meaning, start: usize) {
        self.leave_body(start);
        match (&mut self.body, meaning) {
            (_, Meaning::Nothing) => {}
            (Some(body), meaning) if body.is_part_header => {
                let (kind, unreadable) = meaning.body_kind();
                body.kind = kind.unwrap_or(body.kind);
                self.unreadable = self.unreadable.or(unreadable);
            }
            // Also another message in the body (RFC 3420), or behind it.
            (_, Meaning::StartLine { is_message }) => {
                self.body = None;
                self.header = Header {
                    is_header: true,
                    is_message,
                    ..Header::default()
                };
            }
            (Some(_), _) => {}
            (None, meaning) => self.header_line(meaning),
        }
    }

    /// Forgets a body that has ended, and its header.
    fn leave_body(&mut self, start: usize) {
        if self.body.as_ref().is_some_and(|body| start >= body.end) {
            (self.header, self.body) = (Header::default(), None);
        }
    }

    /// If a line at `at` is not secret as a whole: how far that is so.
    pub(super) fn plain_until(&self, at: usize) -> Option<usize> {
        match &self.body {
            None => Some(usize::MAX),
            Some(body) => (at < body.end && body.kind == BodyKind::Text).then_some(body.end),
        }
    }

    fn end_header(&mut self, next: usize, len: usize) {
        let header = &self.header;
        // A payload that begins with an empty line, or that is no message, has no header.
        if header.is_header {
            let kind = match (header.is_message, header.kind, header.is_multipart) {
                (true, BodyKind::Text, false) => BodyKind::Message,
                (_, kind, _) => kind,
            };
            let end = header.len.and_then(|body| next.checked_add(body));
            self.body = Some(Body {
                kind,
                is_part_header: false,
                end: end.unwrap_or(len).min(len),
            });
        }
    }

    fn header_line(&mut self, meaning: Meaning) {
        let header = &mut self.header;
        match meaning {
            Meaning::CSeq { is_message } => {
                header.is_header = true;
                header.is_message |= is_message;
            }
            Meaning::ContentLength(len) => header.len = len,
            meaning => {
                let (kind, unreadable) = meaning.body_kind();
                header.kind = kind.unwrap_or(header.kind);
                header.is_multipart |= matches!(
                    meaning,
                    Meaning::ContentType {
                        is_multipart: true,
                        ..
                    }
                );
                header.is_header |= kind.is_some();
                self.unreadable = self.unreadable.or(unreadable);
            }
        }
    }
}

/// What a line says about the lines after it. It does not depend on where the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Meaning {
    #[default]
    Nothing,
    StartLine {
        is_message: bool,
    },
    CSeq {
        is_message: bool,
    },
    ContentLength(Option<usize>),
    ContentType {
        kind: BodyKind,
        unreadable: Option<&'static str>,
        is_multipart: bool,
    },
    /// A body that cannot be read.
    Encoded,
    /// A body or part in base64.
    Base64,
}

impl Meaning {
    pub(crate) fn of(line: &[u8]) -> Self {
        match Field::parse(line) {
            Some(field) => field.meaning(),
            None => method(line).map_or(Self::Nothing, |method| Self::StartLine {
                is_message: method == b"MESSAGE",
            }),
        }
    }

    /// What the line says about the kind of the body; and why the body cannot be read.
    fn body_kind(self) -> (Option<BodyKind>, Option<&'static str>) {
        match self {
            Self::ContentType {
                kind, unreadable, ..
            } => (Some(kind), unreadable),
            Self::Encoded => (None, Some("encoded body")),
            Self::Base64 => (Some(BodyKind::Base64), None),
            _ => (None, None),
        }
    }
}

/// Whether what becomes of a line depends on nothing but the line and its [`Meaning`].
pub(super) fn is_independent(line: &[u8]) -> bool {
    line.len() <= MAX_OTHER && line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// The method if a line is the start line of a request; empty if it is that of a response.
fn method(line: &[u8]) -> Option<&[u8]> {
    const VERSION: &[u8] = b"SIP/2.0";
    if line.ends_with(VERSION) {
        let method = line.get(..count(line, |byte| byte != b' '))?;
        return (!method.is_empty() && method.len() + 8 < line.len()).then_some(method);
    }
    line.starts_with(b"SIP/2.0 ").then_some(b"")
}

/// A field that says something about a body, and its value.
enum Field<'a> {
    CSeq(&'a [u8]),
    ContentLength(&'a [u8]),
    ContentType(&'a [u8]),
    ContentEncoding(&'a [u8]),
    TransferEncoding(&'a [u8]),
}

impl<'a> Field<'a> {
    /// Reads one of the fields, in its long or its compact form.
    fn parse(line: &'a [u8]) -> Option<Self> {
        // Not Call-ID or Contact: `CSeq`, `Conte…`, or a compact form.
        let may_be = matches!(
            (line.get(1)?, line.get(4)),
            (b's' | b'S' | b':' | b' ' | b'\t', _) | (b'o' | b'O', Some(b'e' | b'E'))
        );
        if !may_be {
            return None;
        }
        let len = count(line, is_name);
        let (name, rest) = line.split_at_checked(len)?;
        let rest = rest.get(count(rest, |byte| matches!(byte, b' ' | b'\t'))..)?;
        let value = rest.strip_prefix(b":")?;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match len {
            1 if is(b"l") => Some(Self::ContentLength(value)),
            1 if is(b"c") => Some(Self::ContentType(value)),
            1 if is(b"e") => Some(Self::ContentEncoding(value)),
            4 if is(b"CSeq") => Some(Self::CSeq(value)),
            12 if is(b"Content-Type") => Some(Self::ContentType(value)),
            14 if is(b"Content-Length") => Some(Self::ContentLength(value)),
            16 if is(b"Content-Encoding") => Some(Self::ContentEncoding(value)),
            25 if is(b"Content-Transfer-Encoding") => Some(Self::TransferEncoding(value)),
            _ => None,
        }
    }

    fn meaning(&self) -> Meaning {
        match self {
            Self::CSeq(value) => Meaning::CSeq {
                is_message: value.trim_ascii().ends_with(b"MESSAGE"),
            },
            Self::ContentLength(value) => {
                let digits = core::str::from_utf8(value.trim_ascii());
                Meaning::ContentLength(digits.ok().and_then(|digits| digits.parse().ok()))
            }
            // By far the most frequent.
            Self::ContentType(value) if value.trim_ascii() == b"application/sdp" => {
                Meaning::ContentType {
                    kind: BodyKind::Text,
                    unreadable: None,
                    is_multipart: false,
                }
            }
            Self::ContentType(value) => {
                let unreadable = [
                    (&b"/isup"[..], "ISUP body"),
                    (b"/qsig", "QSIG body"),
                    (b"pkcs7-mime", "encrypted body"),
                    (b"multipart/encrypted", "encrypted body"),
                ];
                let unreadable = unreadable.iter().find(|(word, _)| contains(value, word));
                let is_dtmf = contains(value, b"application/dtmf")
                    || contains(value, b"nortelnetworks.digits");
                let start = value.trim_ascii_start().get(..10);
                Meaning::ContentType {
                    kind: match is_dtmf {
                        true => BodyKind::Dtmf,
                        false => BodyKind::Text,
                    },
                    unreadable: unreadable.map(|(_, why)| *why),
                    is_multipart: start
                        .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/")),
                }
            }
            Self::ContentEncoding(value) if !contains(value, b"identity") => Meaning::Encoded,
            Self::TransferEncoding(value) if contains(value, b"base64") => Meaning::Base64,
            Self::ContentEncoding(_) | Self::TransferEncoding(_) => Meaning::Nothing,
        }
    }
}

/// Whether the start of a value contains a word.
fn contains(value: &[u8], word: &[u8]) -> bool {
    let value = value.get(..200).unwrap_or(value);
    value
        .windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word))
}

/// Overwrites the digits in a line of a DTMF body.
pub(super) fn overwrite_digits(line: &mut [u8]) {
    let name = count(line, is_name);
    let is_duration = line
        .get(..name)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"duration"));
    let rest = line.get(name..).unwrap_or_default();
    let blanks = count(rest, |byte| byte == b' ');
    match rest.get(blanks) {
        Some(b'=' | b':') if is_duration => {}
        Some(b'=' | b':') => overwrite_range(line, name + blanks + 1..line.len()),
        _ => overwrite(line),
    }
}

/// Overwrites DTMF digits after a name from `start` to `end`, outside of a body that is known to
/// hold them: `Signal=5`, `digits="1234"`.
pub(super) fn redact_digits(
    line: &mut [u8],
    start: usize,
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    if is_within_name(line, start) {
        return None;
    }
    let rest = line.get(end..)?;
    let before = count(rest, |byte| {
        matches!(byte, b' ' | b'=' | b':' | b'"' | b'\'' | b'\\')
    });
    let separators = rest.get(..before)?;
    let is_named =
        separators.contains(&b'=') || (separators.contains(&b':') && separators.contains(&b'"'));
    let len = count(
        rest.get(before..)?,
        |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'*' | b'#' | b','),
    );
    let digits = end + before..end + before + len;
    let is_whole = !line.get(digits.end).is_some_and(u8::is_ascii_alphanumeric);
    if !is_named || len == 0 || !is_whole {
        return Some(end + before);
    }
    overwrite_range(line, digits.clone());
    kinds.add("DTMF digits");
    Some(digits.end)
}

/// Whether a payload begins within a line of a message's header: it has no start line and no field
/// at its beginning, and a field or the end of the header after it.
pub(super) fn begins_within_line(payload: &[u8]) -> bool {
    let end = line_end(payload, 0);
    let line = payload.get(..end).unwrap_or_default();
    // Nearly all payloads.
    if method(line).is_some() {
        return false;
    }
    let next = next_line(payload, end);
    let rest = payload.get(next..).unwrap_or_default();
    let second = rest.get(..line_end(rest, 0)).unwrap_or_default();
    let is_other = match line {
        // Line ends, JSON, XML, a session description, a part of a body.
        [] | [b'{' | b'[' | b'<', ..] | [_, b'=', ..] | [b'-', b'-', ..] => true,
        _ => is_field(line) || is_log(line),
    };
    let is_header = next > end && (is_field(second) || (second.is_empty() && !rest.is_empty()));
    // Asterisks may be the method of a request. A CR alone does not end its line for the parser.
    let is_line = payload
        .get(end..)
        .is_some_and(|rest| rest.starts_with(b"\r\n") || rest.starts_with(b"\n"));
    is_line && !is_other && is_header && !begins_with_start_line(payload)
}

/// Whether a line begins with the name of a field and a colon.
fn is_field(line: &[u8]) -> bool {
    let name = count(line, is_name);
    let rest = line.get(name..).unwrap_or_default();
    let blanks = count(rest, |byte| matches!(byte, b' ' | b'\t'));
    name > 0 && rest.get(blanks) == Some(&b':')
}

/// Whether a line begins like one of a log: with a date or a time.
fn is_log(line: &[u8]) -> bool {
    let digits = count(line, |byte| byte.is_ascii_digit());
    (2..=4).contains(&digits) && matches!(line.get(digits), Some(b':' | b'-' | b'/'))
}
