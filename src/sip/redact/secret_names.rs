//! Values whose names say that they are secret: header fields, parameters, members of JSON, XML
//! elements and attributes, and settings.

use core::ops::Range;

use memchr::memchr;

use super::{RedactedKinds, Scan, count, is_name, overwrite_range};

/// Names that contain one of the words and are no secret.
const INNOCENT: [&[u8]; 6] = [
    // A number of seconds (RFC 4028 §4).
    b"session-expires",
    b"x-session-expires",
    // Settings and statistics of servers.
    b"session-timeout",
    b"session-timer",
    b"session-timers",
    b"session-version",
];

/// Overwrites the value that belongs to a name with one of the words; the word is at `word`.
pub(super) fn redact(
    line: &mut [u8],
    word: Range<usize>,
    scan: &Scan,
    kind: &'static str,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    let before = line.get(scan.floor..word.start)?;
    let start = word.start
        - before
            .iter()
            .rev()
            .take_while(|byte| is_name(**byte))
            .count();
    let end = word.end + count(line.get(word.end..)?, is_name);
    let name = line.get(start..end)?;
    if INNOCENT
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        return Some(end);
    }
    let rest = line.get(end..)?;
    let between = count(rest, |byte| {
        matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\')
    });
    let at = end + between;
    let place = match line.get(at) {
        Some(b':') if is_session_id(name, line.get(at + 1..)?) => return Some(at),
        // A header field, or a setting in a log.
        Some(b':') if start == scan.first || !is_quoted(rest) => at + 1..line.len(),
        Some(b':' | b'=') => value(line, at + 1),
        // An XML element.
        Some(b'>') if between == 0 => {
            let len = memchr(b'<', line.get(at..)?).unwrap_or(line.len() - at);
            at + 1..at + len
        }
        // A key log: `CLIENT_RANDOM 52ab… 8c1f…`.
        Some(_) if between > 0 && is_key_log(line.get(at..)?) => at..line.len(),
        _ => return Some(at),
    };
    let end = place.end;
    overwrite_range(line, place);
    kinds.add(kind);
    Some(end)
}

/// Whether a quotation mark follows a name, as in JSON.
fn is_quoted(after: &[u8]) -> bool {
    let backslashes = count(after, |byte| byte == b'\\');
    matches!(after.get(backslashes), Some(b'"' | b'\''))
}

/// The place of a value that begins at `at`: within its quotation marks, or up to what ends a
/// parameter.
fn value(line: &[u8], at: usize) -> Range<usize> {
    let rest = line.get(at..).unwrap_or_default();
    let blanks = count(rest, |byte| matches!(byte, b' ' | b'\t'));
    let at = at + blanks;
    let rest = line.get(at..).unwrap_or_default();
    let backslashes = count(rest, |byte| byte == b'\\');
    if let Some(quote @ (b'"' | b'\'')) = rest.get(backslashes) {
        let start = at + backslashes + 1;
        let inside = line.get(start..).unwrap_or_default();
        let mut is_escaped = false;
        let end = inside.iter().position(|byte| {
            // In JSON within JSON, every quotation mark is escaped.
            let is_end = byte == quote && (backslashes > 0 || !is_escaped);
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        return start..end.map_or(line.len(), |end| start + end);
    }
    let len = count(rest, |byte| {
        !matches!(
            byte,
            b' ' | b'\t' | b';' | b',' | b'>' | b'<' | b'&' | b'"' | b'\'' | b'}' | b']' | b'\\'
        )
    });
    at..at + len
}

/// Whether a field is the Session-ID that RFC 7989 §5 defines: 32 hexadecimal digits, and
/// parameters. Other fields of that name may hold the key of a session.
fn is_session_id(name: &[u8], value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    let digits = count(value, |byte| byte.is_ascii_hexdigit());
    name.eq_ignore_ascii_case(b"session-id")
        && digits == 32
        && matches!(value.get(digits), None | Some(b';' | b' ' | b'\t'))
}

/// Whether two long hexadecimal numbers follow, as in the key log of TLS
/// (draft-ietf-tls-keylogfile).
fn is_key_log(rest: &[u8]) -> bool {
    let first = count(rest, |byte| byte.is_ascii_hexdigit());
    let second = rest.get(first + 1..).unwrap_or_default();
    first >= 32
        && rest.get(first) == Some(&b' ')
        && count(second, |byte| byte.is_ascii_hexdigit()) >= 32
}
