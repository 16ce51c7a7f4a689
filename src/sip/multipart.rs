//! The session description in a body of several parts (RFC 2046 §5.1, RFC 5621): SIP-I has ISUP
//! beside it, and SIPREC metadata (RFC 7866).

use memchr::{memchr, memchr_iter};

use super::token::eq_ignore_case;
use super::value::parameter;

/// Deepest multipart body within a multipart body that is looked into, inclusive.
const MAX_DEPTH: u32 = 2;

/// What a body is, as far as it matters how it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// Content-Type is missing or empty.
    #[default]
    Untyped,
    Sdp,
    Multipart,
    /// Any other kind of text.
    Text,
    Other,
}

impl BodyKind {
    /// The kind that a value of Content-Type names.
    pub(super) fn of(content_type: &[u8]) -> Self {
        let media_type = media_type(content_type);
        let is_text = media_type
            .get(..5)
            .is_some_and(|start| eq_ignore_case(start, b"text/"));
        match media_type {
            [] => Self::Untyped,
            _ if eq_ignore_case(media_type, b"application/sdp") => Self::Sdp,
            _ if is_multipart(media_type) => Self::Multipart,
            _ if is_text => Self::Text,
            _ => Self::Other,
        }
    }
}

/// The type in Content-Type, without its parameters.
pub(super) fn media_type(content_type: &[u8]) -> &[u8] {
    let end = memchr(b';', content_type).unwrap_or(content_type.len());
    content_type[..end].trim_ascii()
}

/// Whether Content-Type is one of several parts.
pub(super) fn is_multipart(content_type: &[u8]) -> bool {
    const MULTIPART: &[u8] = b"multipart/";
    let start = content_type.get(..MULTIPART.len());
    start.is_some_and(|start| eq_ignore_case(start, MULTIPART))
}

/// The parts of a body that are session descriptions, with their offsets. Only parts whose end is
/// there count: one that is cut off would break rules that its sender did not break.
pub(super) fn find_sdp<'a>(
    content_type: &[u8],
    body: &'a [u8],
    depth: u32,
    on_sdp: &mut dyn FnMut(usize, &'a [u8]),
) {
    let Some(end) = memchr(b';', content_type) else {
        return;
    };
    let boundary = parameter(&content_type[end..], b"boundary").unwrap_or_default();
    let boundary = boundary.strip_prefix(b"\"").unwrap_or(boundary);
    let boundary = boundary.strip_suffix(b"\"").unwrap_or(boundary);
    if boundary.is_empty() || depth > MAX_DEPTH {
        return;
    }
    let mut start: Option<usize> = None;
    let mut line = 0;
    for end in memchr_iter(b'\n', body).chain([body.len()]) {
        let delimiter = body
            .get(line..end)
            .and_then(|line| line.strip_prefix(b"--"));
        if let Some(rest) = delimiter.and_then(|line| line.strip_prefix(boundary)) {
            if let Some(start) = start {
                // The line end before a delimiter belongs to it.
                let part = body.get(start..line).unwrap_or_default();
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                read_part(
                    start,
                    part.strip_suffix(b"\r").unwrap_or(part),
                    depth,
                    on_sdp,
                );
            }
            start = (!rest.starts_with(b"--")).then_some(end + 1);
        }
        line = end + 1;
    }
}

/// Reads a part: header fields, an empty line, and its content.
fn read_part<'a>(
    offset: usize,
    part: &'a [u8],
    depth: u32,
    on_sdp: &mut dyn FnMut(usize, &'a [u8]),
) {
    let mut content_type: &[u8] = &[];
    let mut line = 0;
    for end in memchr_iter(b'\n', part) {
        let field = part.get(line..end).unwrap_or_default().trim_ascii_end();
        line = end + 1;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_at(memchr(b':', field).unwrap_or(field.len()));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if eq_ignore_case(name, b"Content-Type") {
            content_type = value;
        } else if eq_ignore_case(name, b"Content-Transfer-Encoding") {
            let plain = [&b"7bit"[..], b"8bit", b"binary"];
            if !plain.iter().any(|plain| eq_ignore_case(value, plain)) {
                return;
            }
        }
    }
    let content = part.get(line..).unwrap_or_default();
    if eq_ignore_case(media_type(content_type), b"application/sdp") {
        on_sdp(offset + line, content);
    } else if is_multipart(content_type) {
        find_sdp(content_type, content, depth + 1, &mut |at, sdp| {
            on_sdp(offset + line + at, sdp);
        });
    }
}
