//! Whether the next bytes of a stream continue a message that is cut off, and what the beginning of
//! a start line looks like.

use memchr::memchr;

use crate::sip::{begins_with_start_line, line_ends};

/// Most bytes of a start line that is in several payloads, inclusive. RFC 3261 has no limit; a URI
/// seldom has more than a few hundred bytes.
const MAX_START_LINE: usize = 4096;

/// The start of a status line (RFC 3261 §7.2).
const VERSION: &[u8] = b"SIP/2.0 ";

/// The methods of SIP (IANA, "SIP Parameters: Methods").
const METHODS: [&[u8]; 14] = [
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"INFO",
    b"INVITE",
    b"MESSAGE",
    b"NOTIFY",
    b"OPTIONS",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"REGISTER",
    b"SUBSCRIBE",
    b"UPDATE",
];

/// The schemes of a Request-URI. Emergency calls have a URN (RFC 5031).
const SCHEMES: [&[u8]; 4] = [b"sip:", b"sips:", b"tel:", b"urn:"];

/// Whether the next bytes of a stream continue a message that begins with `bytes` and has `len`
/// bytes, if that is known. None if it takes more bytes to tell.
pub(super) fn continues(bytes: &[u8], len: Option<usize>, next: &[u8]) -> Option<bool> {
    let line = without_line_ends(bytes);
    if memchr(b'\n', line).is_none() {
        return continues_start_line(line, next);
    }
    let rest = without_line_ends(next);
    let line_ends = next.strip_suffix(rest).unwrap_or_default();
    // Line ends keep the connection open, unless they are exactly what the message lacks.
    let is_exact = match len {
        Some(len) => len == bytes.len() + line_ends.len(),
        None => is_header_end(bytes, line_ends),
    };
    if is_exact {
        return Some(true);
    }
    if rest.is_empty() {
        // One line end, or a part of it, may be that of a line of the message. What follows tells.
        return (line_ends.len() >= 4).then_some(false);
    }
    if is_certain_start(rest) {
        return None;
    }
    Some(!begins_with_start_line(rest))
}

/// Whether the next bytes of a stream continue a start line without its end.
fn continues_start_line(line: &[u8], next: &[u8]) -> Option<bool> {
    let end = memchr(b'\n', next);
    let rest = next.get(..end.unwrap_or(next.len())).unwrap_or_default();
    if line.len() + rest.len() > MAX_START_LINE {
        return Some(false);
    }
    // Cut within the method, the rest of a start line looks like a start line as well, but its
    // method is unknown.
    if begins_with_start_line(rest) && is_known_start(rest) {
        return Some(false);
    }
    let line = [line, rest].concat();
    let is_start_line = begins_with_start_line(&line);
    match end {
        Some(_) => Some(is_start_line),
        None => (!is_start_line && !is_certain_start(&line)).then_some(false),
    }
}

/// Whether a start line begins with the version or with a method of SIP.
fn is_known_start(line: &[u8]) -> bool {
    let line = without_line_ends(line);
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    line.starts_with(VERSION) || METHODS.contains(&method)
}

/// Whether line ends are those between the last line of a header, which may be cut off, and its
/// body.
fn is_header_end(header: &[u8], line_ends: &[u8]) -> bool {
    match header {
        [.., b'\n'] => matches!(line_ends, b"\r\n" | b"\n"),
        [.., b'\n', b'\r'] => line_ends == b"\n",
        [.., b'\r'] => line_ends == b"\n\r\n",
        _ => matches!(line_ends, b"\r\n\r\n" | b"\n\n"),
    }
}

/// Whether there is an empty line from `searched` on, which is moved to the end.
pub(super) fn has_empty_line(bytes: &[u8], searched: &mut usize) -> bool {
    let from = searched.saturating_sub(3);
    *searched = bytes.len();
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(2).any(|two| two == b"\n\n") || rest.windows(3).any(|three| three == b"\n\r\n")
}

/// Whether bytes look like a start line without its end, if a message is before them. Methods are
/// in capital letters; others are too much like any text.
pub(super) fn is_cut_start_line(bytes: &[u8]) -> bool {
    let (method, rest) = split_method(bytes);
    let is_request = !method.is_empty() && matches!(rest, [] | [b' ', ..]);
    let is_response = bytes.starts_with(VERSION) || VERSION.starts_with(bytes);
    !bytes.is_empty() && !bytes.contains(&b'\n') && (is_request || is_response)
}

/// Whether bytes can hardly be anything but a start line without its end, or its first bytes, even
/// if no message is before them. Empty lines may be before a start line (RFC 3261 §7.5).
pub(super) fn is_certain_start(bytes: &[u8]) -> bool {
    let line = without_line_ends(bytes);
    // Most payloads without a message are JSON.
    if !line.first().is_some_and(u8::is_ascii_uppercase) || line.len() > MAX_START_LINE {
        return false;
    }
    if let Some(status) = line.strip_prefix(VERSION) {
        return status.iter().all(u8::is_ascii_digit);
    }
    let (method, rest) = split_method(line);
    let is_start = match rest {
        [] => METHODS.iter().any(|known| known.starts_with(method)),
        [b' ', uri @ ..] => SCHEMES.iter().any(|scheme| match uri.get(..scheme.len()) {
            Some(start) => start.eq_ignore_ascii_case(scheme),
            None => METHODS.contains(&method) && scheme.starts_with(uri),
        }),
        _ => false,
    };
    (is_start || VERSION.starts_with(line)) && memchr(b'\n', line).is_none()
}

/// Splits a line after the capital letters at its start.
fn split_method(line: &[u8]) -> (&[u8], &[u8]) {
    let is_upper = |byte: &&u8| byte.is_ascii_uppercase();
    line.split_at(line.iter().take_while(is_upper).count())
}

/// The bytes after line ends.
fn without_line_ends(bytes: &[u8]) -> &[u8] {
    bytes.get(line_ends(bytes)..).unwrap_or_default()
}
