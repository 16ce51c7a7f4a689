//! Credentials that are recognized by their own form: JSON Web Tokens, and what follows `Basic` and
//! `Bearer`.

use super::digest::is_within_name;
use super::{RedactedKinds, count, overwrite_range};
use crate::text::decoded;

/// Shortest token that is a JSON Web Token. Its header alone, `{"alg":"none"}`, has 19 digits.
const MIN_JWT: usize = 20;

/// Shortest Bearer token without a digit in it. Words after "bearer" are shorter ("Bearer
/// capability not authorized", cause 57 of Q.850).
const MIN_BEARER: usize = 20;

/// Most bytes that are looked at to decide whether credentials follow a scheme.
const MAX_LOOK: usize = 128;

/// Overwrites a JSON Web Token (RFC 7519 §3) that begins at `start`: three parts of base64, of
/// which the first is a JSON object and therefore begins with `eyJ`.
pub(super) fn redact_jwt(
    line: &mut [u8],
    start: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    let rest = line.get(start..)?;
    let len = count(rest, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
    });
    let token = rest.get(..len)?;
    let end = start + len;
    // The first part may be cut off by the end of a segment.
    let is_jwt =
        token.starts_with(b"eyJ") && len >= MIN_JWT && (token.contains(&b'.') || end == line.len());
    if is_jwt && !is_within_name(line, start) {
        overwrite_range(line, start..end);
        kinds.add("JSON Web Token");
    }
    Some(end)
}

/// Overwrites the credentials after the name of a scheme that ends at `end`.
pub(super) fn redact_scheme(
    line: &mut [u8],
    start: usize,
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    let rest = line.get(end..)?;
    let blanks = count(rest, |byte| matches!(byte, b' ' | b'\t' | b'+'));
    if blanks == 0 || is_within_name(line, start) {
        return None;
    }
    let rest = rest.get(blanks..)?;
    let look = rest.get(..MAX_LOOK).unwrap_or(rest);
    let len = count(look, is_token68);
    let token = look.get(..len)?;
    let is_secret = match line.get(start + 1) {
        // "Basic": base64 of `user:password`.
        Some(b'a' | b'A') => {
            let digits = count(token, |byte| byte != b'=');
            decoded::base64(token.get(..digits)?).is_some_and(|text| text.contains(&b':'))
        }
        _ => len >= MIN_BEARER || token.iter().any(u8::is_ascii_digit),
    };
    if !is_secret {
        return None;
    }
    let start = end + blanks;
    let end = start + count(rest, is_token68);
    overwrite_range(line, start..end);
    kinds.add("Authorization");
    Some(end)
}

/// Whether a byte may be part of credentials without parameters (RFC 9110 §11.2, `token68`).
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}
