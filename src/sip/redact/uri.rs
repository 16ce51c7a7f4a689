//! Passwords and header fields in URIs.

use core::ops::Range;

use memchr::{memchr, memchr2, memchr3, memrchr};

use super::digest::is_within_name;
use super::{RedactedKinds, count, overwrite_range};

/// The place of the URI in the start line of a request.
pub(super) fn request_uri(line: &[u8]) -> Option<Range<usize>> {
    const VERSION: &[u8] = b" SIP/2.0";
    let end = line.len().checked_sub(VERSION.len())?;
    let (before, version) = line.split_at_checked(end)?;
    if !version.eq_ignore_ascii_case(VERSION) {
        return None;
    }
    let uri = memchr(b' ', before)? + 1;
    // Not a field that ends like a start line: `X-Token: abc SIP/2.0`, or one that is folded.
    let is_field = memchr2(b':', b'\n', before.get(..uri)?).is_some()
        || before.get(uri..)?.trim_ascii_start().starts_with(b":");
    (!is_field).then_some(uri..end)
}

/// Overwrites the secrets in a Request-URI.
pub(super) fn redact_request_uri(uri: &mut [u8], kinds: &mut RedactedKinds) {
    let start = memchr(b':', uri).map_or(uri.len(), |colon| colon + 1);
    let secrets = uri_secrets(uri.get(start..).unwrap_or_default());
    for (secret, kind) in [
        (secrets.password, "password in a URI"),
        (secrets.header_fields, "header fields of a URI"),
    ] {
        if let Some(secret) = secret {
            overwrite_range(uri, start + secret.start..start + secret.end);
            kinds.add(kind);
        }
    }
}

/// Overwrites the password in a SIP URI: `sip:user:password@host`. Its scheme is from `start` to
/// `end`. Returns where the URI ends.
pub(super) fn redact_password(
    line: &mut [u8],
    start: usize,
    end: usize,
    kinds: &mut RedactedKinds,
) -> usize {
    if is_within_name(line, start) {
        return end;
    }
    let rest = line.get(end..).unwrap_or_default();
    // The URI reaches to its angle bracket or to the end of the line: a malformed one may contain
    // blanks (`sip:alice:my secret@host`). If it stands in quotation marks, it ends with them.
    let before = start.checked_sub(1).and_then(|before| line.get(before));
    let len = match before {
        Some(quote @ (b'"' | b'\'')) => memchr3(b'>', *quote, b'\\', rest),
        _ => memchr(b'>', rest),
    };
    let len = len.unwrap_or(rest.len());
    if let Some(password) = rest.get(..len).and_then(uri_password) {
        overwrite_range(line, end + password.start..end + password.end);
        kinds.add("password in a URI");
    }
    end + len
}

/// Overwrites the user information in a URI with an authority, `https://user:password@host`. It may
/// be a token by itself. The slashes end at `end`.
pub(super) fn redact_authority(
    line: &mut [u8],
    end: usize,
    kinds: &mut RedactedKinds,
) -> Option<usize> {
    let rest = line.get(end..)?;
    let len = count(rest, |byte| {
        !matches!(
            byte,
            b'/' | b'?' | b'#' | b' ' | b'\t' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b','
        )
    });
    let user = memrchr(b'@', rest.get(..len)?)?;
    overwrite_range(line, end..end + user);
    kinds.add("password in a URI");
    Some(end + user)
}

/// The parts of a URI that may be secret (RFC 3261 §19.1.1).
pub(crate) struct UriSecrets {
    /// The password of `sip:user:password@host`.
    pub(crate) password: Option<Range<usize>>,
    /// The header fields of `sip:host?header=value`, which come after the password.
    pub(crate) header_fields: Option<Range<usize>>,
}

/// The secrets in a SIP URI, given without its scheme.
pub(crate) fn uri_secrets(uri: &[u8]) -> UriSecrets {
    let secrets = |end: usize| UriSecrets {
        password: uri_password(&uri[..end]),
        header_fields: (end < uri.len()).then_some(end + 1..uri.len()),
    };
    let Some(first) = memchr(b'?', uri) else {
        return secrets(uri.len());
    };
    let Some(at) = memrchr(b'@', uri).filter(|at| *at > first) else {
        return secrets(first);
    };
    // The user part may contain question marks (RFC 3261 §25.1, `user-unreserved`); it ends at the
    // last `@`. Unescaped in header fields, which it must not be, an `@` comes after `=`.
    if memchr(b'=', &uri[first..at]).is_none() && memchr(b'@', &uri[..first]).is_none() {
        return secrets(memchr(b'?', &uri[at..]).map_or(uri.len(), |len| at + len));
    }
    // Either header fields with `@`, or a password with `?`: whatever is after the colon may be
    // secret.
    match memchr(b':', &uri[..first]) {
        Some(colon) => UriSecrets {
            password: Some(colon + 1..uri.len()),
            header_fields: None,
        },
        None => secrets(first),
    }
}

/// The place of the password in a SIP URI, given without its scheme (`user:password@host`): from
/// the first colon to the last `@`. In a URI with another `@` after the host, the port counts as
/// part of the password, which overwrites too much rather than too little.
fn uri_password(uri: &[u8]) -> Option<Range<usize>> {
    // A password may contain `@` although it must not (RFC 3261 §25.1): `sip:bob:s3@cret@h`.
    let host = memrchr(b'@', uri)?;
    let colon = memchr(b':', &uri[..host])?;
    Some(colon + 1..host)
}
