//! Header fields that only the causes need, read from messages that may be a cause.

use memchr::{memchr, memchr_iter};

/// Calls `on_field` with the name and the value of every header field that begins with one of these
/// lowercase letters. Values of folded fields keep their line breaks. `header` begins with the
/// start line.
pub(crate) fn each_field<'a>(
    header: &'a [u8],
    letters: &[u8],
    mut on_field: impl FnMut(&'a [u8], &'a [u8]),
) {
    let mut start = memchr(b'\n', header).map_or(header.len(), |at| at + 1);
    let ends = memchr_iter(b'\n', header).chain([header.len()]);
    for end in ends {
        // A line that begins with a blank continues the field before (RFC 3261 §7.3.1).
        let is_folded = matches!(header.get(end + 1), Some(b' ' | b'\t'));
        if end < start || is_folded {
            continue;
        }
        let field = header.get(start..end).unwrap_or_default();
        start = end + 1;
        // Most fields are of no use here, and need not be split.
        let first = field.first().map(u8::to_ascii_lowercase);
        if !first.is_some_and(|first| letters.contains(&first)) {
            continue;
        }
        if let Some(colon) = memchr(b':', field) {
            on_field(field[..colon].trim_ascii(), field[colon + 1..].trim_ascii());
        }
    }
}

/// The value of the parameter `name` in `Q.850;cause=17;text="User busy"` or
/// `Digest realm="example.net", nonce="…"`, without quotation marks.
pub(crate) fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value;
    loop {
        let at = find_outside_quotes(rest, |byte| matches!(byte, b';' | b',' | b' ' | b'\t'))?;
        rest = rest[at + 1..].trim_ascii_start();
        let Some(after) = rest
            .get(..name.len())
            .filter(|start| start.eq_ignore_ascii_case(name))
            .map(|_| rest[name.len()..].trim_ascii_start())
        else {
            continue;
        };
        let Some(after) = after.strip_prefix(b"=") else {
            continue;
        };
        let after = after.trim_ascii_start();
        if let Some(quoted) = after.strip_prefix(b"\"") {
            return Some(&quoted[..memchr(b'"', quoted).unwrap_or(quoted.len())]);
        }
        let is_end = |byte: &u8| matches!(byte, b';' | b',' | b' ' | b'\t' | b'\r' | b'\n' | b'>');
        return Some(&after[..after.iter().position(is_end).unwrap_or(after.len())]);
    }
}

/// The offset of the first byte that is one of these and not in a quoted string.
fn find_outside_quotes(value: &[u8], is_one: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    value.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && is_one(*byte),
        }
        false
    })
}

/// The number at the start of a value: `3600`, `370 example.net "Insufficient bandwidth"`.
pub(super) fn number(value: &[u8]) -> Option<u32> {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let add = |number, byte: &u8| number * 10 + u32::from(byte - b'0');
    Some(value[..digits].iter().fold(0, add))
}

/// The comma-separated values of a field.
pub(crate) fn each_value<'a>(value: &'a [u8], mut on_value: impl FnMut(&'a [u8])) {
    let mut rest = value;
    while let Some(at) = find_outside_quotes(rest, |byte| byte == b',') {
        on_value(rest[..at].trim_ascii());
        rest = &rest[at + 1..];
    }
    on_value(rest.trim_ascii());
}
