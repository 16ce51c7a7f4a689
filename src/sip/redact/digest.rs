//! Credentials in header fields: Authorization and its relatives, Identity, and challenges.

use memchr::memchr;

use super::{RedactedKinds, count, is_name, overwrite, overwrite_range, value_after};

/// The parameters of a digest whose names stay readable.
const DIGEST_PARAMETERS: [&str; 13] = [
    "username",
    "realm",
    "nonce",
    "uri",
    "response",
    "algorithm",
    "cnonce",
    "opaque",
    "qop",
    "nc",
    "auts",
    "rspauth",
    "nextnonce",
];

/// Overwrites the value of Authorization, Proxy-Authorization or Authentication-Info, wherever it
/// is in a line: after the time of a log, in quotation marks, in a URI. The name ends at `end`.
pub(super) fn redact_authorization(
    line: &mut [u8],
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    let value = value_after(line, end)?;
    overwrite_credentials(line.get_mut(value..)?);
    kinds.add("Authorization");
    Some(line.len())
}

/// Overwrites the value of Identity, whose name is from `start` to `end`.
pub(super) fn redact_identity(
    line: &mut [u8],
    start: usize,
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    // P-Asserted-Identity and the like have the same ending, but hold an address and no token.
    if is_within_name(line, start) {
        return None;
    }
    let value = value_after(line, end)?;
    overwrite(line.get_mut(value..)?);
    kinds.add("Identity");
    Some(line.len())
}

/// Overwrites the value of Identity in its compact form.
pub(super) fn redact_compact_identity(line: &mut [u8], kinds: &mut RedactedKinds) {
    // One letter means something only at the start of a line.
    if matches!(line, [b'y' | b'Y', b':' | b' ' | b'\t', ..])
        && let Some(value) = value_after(line, 1)
    {
        overwrite_range(line, value..line.len());
        kinds.add("Identity");
    }
}

/// Overwrites the keys `ik` and `ck` in a challenge. The rest of a challenge is no secret. The name
/// of the field ends at `end`.
pub(super) fn redact_challenge(line: &mut [u8], end: usize, kinds: &mut RedactedKinds) {
    let Some(challenge) = value_after(line, end) else {
        return;
    };
    let mut at = challenge;
    while let Some(rest) = line.get(at..)
        && let Some(found) = rest
            .windows(2)
            .position(|two| matches!(two, [b'i' | b'I' | b'c' | b'C', b'k' | b'K']))
    {
        let start = at + found;
        at = start + 2;
        let blanks = count(line.get(at..).unwrap_or_default(), |byte| {
            byte.is_ascii_whitespace()
        });
        // Not the `ik` in `topik=`.
        if !is_within_name(line, start) && line.get(at + blanks) == Some(&b'=') {
            let value = line.get_mut(at + blanks + 1..).unwrap_or_default();
            let len = memchr(b',', value).unwrap_or(value.len());
            overwrite(value.get_mut(..len).unwrap_or_default());
            kinds.add("key in a challenge");
            at += blanks + 1 + len;
        }
    }
}

/// Overwrites the secret parameter of a digest whose name is from `start` to `end`: by itself, or
/// with the whole digest if the line names the scheme at `digest`.
pub(super) fn redact_parameter(
    line: &mut [u8],
    start: usize,
    end: usize,
    digest: Option<usize>,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    if is_within_name(line, start) {
        return None;
    }
    let value = value_after(line, end)?;
    let is_digest = line.get(value - 1) == Some(&b'=');
    if is_digest && let Some(digest) = digest {
        overwrite_credentials(line.get_mut(digest..)?);
        kinds.add("Authorization");
        return Some(line.len());
    }
    let rest = line.get(value..)?;
    let before = count(rest, |byte| {
        matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\')
    });
    let len = count(rest.get(before..)?, |byte| {
        !matches!(
            byte,
            b' ' | b'\t' | b'"' | b'\'' | b'\\' | b',' | b';' | b'>' | b'&' | b'}'
        )
    });
    let value = value + before..value + before + len;
    // After a colon, only what has the form of a digest: `"response": 200` is a status.
    let is_hash = len >= 32 && line.get(value.clone())?.iter().all(u8::is_ascii_hexdigit);
    if is_digest || is_hash {
        overwrite_range(line, value.clone());
        kinds.add("Authorization");
    }
    Some(value.end)
}

/// Whether the word at `start` is only the end of a longer name.
pub(super) fn is_within_name(line: &[u8], start: usize) -> bool {
    start
        .checked_sub(1)
        .and_then(|before| line.get(before))
        .is_some_and(|before| is_name(*before))
}

/// Overwrites credentials. A known scheme stays, and so do the parameter names of a digest.
pub(super) fn overwrite_credentials(value: &mut [u8]) {
    let start = count(value, |byte| byte.is_ascii_whitespace());
    let len = value[start..]
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(0);
    let (scheme, rest) = value[start..].split_at_mut(len);
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    // One opaque value follows (RFC 7617 §2, RFC 6750 §2.1).
    if is("Basic") || is("Bearer") {
        return overwrite(rest);
    }
    // Authentication-Info has no scheme (RFC 3261 §20.6), and an unknown scheme may itself be the
    // secret: `Authorization: s3cret`.
    let parameters = if is("Digest") { rest } else { value };
    let mut quoted = false;
    let parts = parameters.split_mut(|byte| {
        // A comma in quotation marks separates nothing: `realm="a, b"`.
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    for part in parts {
        let name_end = memchr(b'=', part).filter(|equals| {
            let name = part[..*equals].trim_ascii();
            DIGEST_PARAMETERS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        });
        overwrite(&mut part[name_end.map_or(0, |equals| equals + 1)..]);
    }
}
