//! Keys in session descriptions.

use memchr::memchr;

use super::digest::is_within_name;
use super::{RedactedKinds, count, overwrite_range};

/// Overwrites a key that follows a known word, which ends at `end`.
pub(super) fn redact_key(
    line: &mut [u8],
    end: usize,
    kind: &'static str,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    // The parameters of the session follow a blank and are overwritten as well. A quotation mark or
    // a backslash ends the line where JSON quotes it.
    let len = count(line.get(end..)?, |byte| {
        !matches!(byte, b'"' | b'\'' | b'\\')
    });
    overwrite_range(line, end..end + len);
    kinds.add(kind);
    Some(end + len)
}

/// Overwrites a MIKEY message (RFC 3830) whose name ends at `end`, without `key-mgmt:` before it.
pub(super) fn redact_mikey(
    line: &mut [u8],
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    const MIN_LEN: usize = 16;
    let rest = line.get(end..)?;
    let blanks = count(rest, |byte| byte == b' ');
    let len = count(rest.get(blanks..)?, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
    });
    if blanks == 0 || len < MIN_LEN {
        return None;
    }
    let end = end + blanks + len;
    overwrite_range(line, end - len..end);
    kinds.add("a=key-mgmt");
    Some(end)
}

/// Overwrites the keys that only the start of a line tells.
pub(super) fn redact_start(line: &mut [u8], kinds: &mut RedactedKinds) {
    let start = count(line, |byte| byte.is_ascii_whitespace());
    let begins_with = |word: &str| {
        line.get(start..start + word.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins_with("k=") {
        overwrite_range(line, start + 2..line.len());
        return kinds.add("k=");
    }
    // An `a=crypto` without `inline:` is malformed, and all of its value may be the key.
    const INLINE: &[u8] = b"inline:";
    if !begins_with("a=crypto") || is_within_name(line, start) {
        return;
    }
    let has_inline = line
        .windows(INLINE.len())
        .any(|part| part.eq_ignore_ascii_case(INLINE));
    if !has_inline {
        let key = memchr(b':', line).map_or(start + 8, |colon| colon + 1);
        overwrite_range(line, key..line.len());
        kinds.add("a=crypto");
    }
}
