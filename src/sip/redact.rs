//! Overwrites the secrets in a message with asterisks, without changing its length.
//!
//! Works line by line and does not parse the message, so that it also finds secrets in the parts of
//! a multipart body, in a log that quotes a message, and in malformed messages.

use alloc::vec::Vec;
use core::ops::Range;

use memchr::{memchr, memchr2, memrchr};

/// Overwrites the secrets in a message: every byte becomes `*`, except blanks, line ends and
/// quotation marks. Returns the kinds of secrets found, each once.
///
/// Where something is malformed, or quoted in a log, too much is overwritten rather than too
/// little. These are secrets:
///
/// - values of Authorization, Proxy-Authorization and Authentication-Info (RFC 3261 §20.7, §20.28,
///   §20.6), also as header fields in a URI; the names of digest parameters stay
/// - keys in a challenge (`ik`, `ck` of WWW-Authenticate; 3GPP TS 24.229 §5.4.1.2)
/// - values of Identity (RFC 8224 §4)
/// - passwords in SIP URIs, and the header fields of a Request-URI, which must have none (RFC 3261
///   §19.1.1)
/// - keys in session descriptions: after `inline:` (RFC 4568 §9.1, also in attributes of RFC 5939),
///   `key-mgmt:` (RFC 4567 §3), `k=` (RFC 4566 §5.12), `ice-pwd:` (RFC 8839 §5.4)
///
/// # Examples
/// ```
/// use homer_export::sip::redact;
///
/// let mut message = *b"Authorization: Digest username=\"bob\", response=\"5c3r\"\r\n";
/// assert_eq!(redact(&mut message), ["Authorization"]);
/// assert_eq!(&message, b"Authorization: Digest username=\"***\", response=\"****\"\r\n");
/// ```
pub fn redact(message: &mut [u8]) -> Vec<&'static str> {
    let mut kinds = RedactedKinds::default();
    let mut at = 0;
    while at < message.len() {
        let mut end = line_end(message, at);
        // A value may continue in lines that begin with a blank (RFC 3261 §7.3.1, folding). An
        // empty line is never continued.
        while end > at && matches!(message.get(next_line(message, end)), Some(b' ' | b'\t')) {
            end = line_end(message, next_line(message, end));
        }
        // The line end is not part of the line: overwriting it would join two lines.
        let next = next_line(message, end);
        if let Some(line) = message.get_mut(at..end) {
            redact_credentials(line, &mut kinds);
            redact_identity(line, &mut kinds);
            redact_challenge(line, &mut kinds);
            redact_media_keys(line, &mut kinds);
            redact_request_uri(line, &mut kinds);
            redact_uri_passwords(line, &mut kinds);
            redact_password_parameters(line, &mut kinds);
        }
        at = next;
    }
    kinds.0
}

/// The kinds of secrets found so far, each once.
#[derive(Default)]
struct RedactedKinds(Vec<&'static str>);

impl RedactedKinds {
    fn add(&mut self, kind: &'static str) {
        if !self.0.contains(&kind) {
            self.0.push(kind);
        }
    }
}

/// Overwrites the values of Authorization, Proxy-Authorization and Authentication-Info, wherever
/// they are in a line: after the time of a log, in quotation marks, in a URI.
fn redact_credentials(line: &mut [u8], kinds: &mut RedactedKinds) {
    let values = ["authorization", "authentication-info"].map(|name| field_value(line, name));
    if let Some(value) = values.into_iter().flatten().min() {
        overwrite_credentials(&mut line[value..]);
        kinds.add("Authorization");
    }
}

/// Overwrites the value of Identity, in its long and its compact form.
fn redact_identity(line: &mut [u8], kinds: &mut RedactedKinds) {
    // P-Asserted-Identity and the like have the same ending, but hold an address and no token.
    let is_whole_word = |value: &usize| {
        let name = line[..*value].to_ascii_lowercase();
        let at = name
            .windows(8)
            .rposition(|part| part == b"identity")
            .unwrap_or(0);
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let long = field_value(line, "identity").filter(is_whole_word);
    // One letter means something only at the start of a line.
    let compact = matches!(line, [b'y' | b'Y', b':' | b' ' | b'\t', ..])
        .then(|| field_value(line, "y"))
        .flatten();
    if let Some(value) = long.or(compact) {
        overwrite(&mut line[value..]);
        kinds.add("Identity");
    }
}

/// Overwrites the keys `ik` and `ck` in a challenge. The rest of a challenge is no secret.
fn redact_challenge(line: &mut [u8], kinds: &mut RedactedKinds) {
    let Some(challenge) = field_value(line, "authenticate") else {
        return;
    };
    for name in ["ik", "ck"] {
        let mut from = challenge;
        while let Some(end) = find(line, name, from) {
            from = end;
            // Not the `ik` in `topik=`.
            let is_whole_word = !line
                .get(end - name.len() - 1)
                .is_some_and(u8::is_ascii_alphanumeric);
            let blanks = line[end..]
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            if is_whole_word && line.get(end + blanks) == Some(&b'=') {
                let value = &mut line[end + blanks + 1..];
                let len = memchr(b',', value).unwrap_or(value.len());
                overwrite(&mut value[..len]);
                kinds.add("key in a challenge");
            }
        }
    }
}

/// Overwrites the media keys of a session description.
fn redact_media_keys(line: &mut [u8], kinds: &mut RedactedKinds) {
    for (word, kind) in [
        ("inline:", "a=crypto"),
        ("key-mgmt:", "a=key-mgmt"),
        ("ice-pwd:", "a=ice-pwd"),
    ] {
        if let Some(key) = find(line, word, 0) {
            overwrite(&mut line[key..]);
            return kinds.add(kind);
        }
    }
    let start = line
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(line.len());
    let begins_with = |word: &str| {
        line[start..]
            .get(..word.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    // An `a=crypto` without `inline:` is malformed, and all of its value may be the key.
    let (key, kind) = if begins_with("a=crypto") {
        let key = memchr(b':', line).map_or(start + 8, |colon| colon + 1);
        (key, "a=crypto")
    } else if begins_with("k=") {
        (start + 2, "k=")
    } else {
        return;
    };
    overwrite(&mut line[key..]);
    kinds.add(kind);
}

/// Overwrites the secrets in the URI of a request line.
fn redact_request_uri(line: &mut [u8], kinds: &mut RedactedKinds) {
    let Some(rest) = line.strip_suffix(b" SIP/2.0") else {
        return;
    };
    let (Some(uri), end) = (memchr(b':', rest).map(|colon| colon + 1), rest.len()) else {
        return;
    };
    let secrets = uri_secrets(&line[uri..end]);
    for (secret, kind) in [
        (secrets.password, "password in a URI"),
        (secrets.header_fields, "header fields of a URI"),
    ] {
        if let Some(secret) = secret {
            overwrite(&mut line[uri + secret.start..uri + secret.end]);
            kinds.add(kind);
        }
    }
}

/// Overwrites the passwords in SIP URIs: `sip:user:password@host`.
fn redact_uri_passwords(line: &mut [u8], kinds: &mut RedactedKinds) {
    let mut at = 0;
    while let Some(uri) = uri_start(line, at) {
        // The URI reaches to its angle bracket or to the end of the line: a malformed one may
        // contain blanks (`sip:alice:my secret@host`).
        let end = memchr(b'>', &line[uri..]).map_or(line.len(), |len| uri + len);
        if let Some(password) = uri_password(&line[uri..end]) {
            overwrite(&mut line[uri + password.start..uri + password.end]);
            kinds.add("password in a URI");
        }
        at = end;
    }
}

/// Overwrites the values of all parameters named `password`.
fn redact_password_parameters(line: &mut [u8], kinds: &mut RedactedKinds) {
    let mut at = 0;
    while let Some(value) = find(line, "password=", at) {
        let rest = &mut line[value..];
        let len = rest
            .iter()
            .position(|byte| matches!(byte, b';' | b'>' | b',' | b'&'))
            .unwrap_or(rest.len());
        overwrite(&mut rest[..len]);
        kinds.add("password");
        at = value + len;
    }
}

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

/// Overwrites credentials. A known scheme stays, and so do the parameter names of a digest.
fn overwrite_credentials(value: &mut [u8]) {
    let start = value
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(value.len());
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

/// Turns every byte into `*`, except blanks, line ends and quotation marks, which show the form of
/// the value.
fn overwrite(value: &mut [u8]) {
    for byte in value {
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"') {
            *byte = b'*';
        }
    }
}

/// The end of the line that begins at `at`: the next CR or LF, or the end of the message.
fn line_end(message: &[u8], at: usize) -> usize {
    let rest = message.get(at..).unwrap_or_default();
    memchr2(b'\r', b'\n', rest).map_or(message.len(), |end| at + end)
}

/// The start of the line after the one that ends at `end`.
fn next_line(message: &[u8], end: usize) -> usize {
    match message.get(end..) {
        Some([b'\r', b'\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => message.len(),
    }
}

/// The offset just after the next occurrence of `word` from `from` on, in upper or lower case.
fn find(line: &[u8], word: &str, from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    let found = rest
        .windows(word.len())
        .position(|part| part.eq_ignore_ascii_case(word.as_bytes()))?;
    Some(from + found + word.len())
}

/// The offset of a field's value: just after the name, a colon or equals sign, and what may stand
/// between them where a log or a URI quotes the field (`{"Authorization": …`, `?Identity=…`).
fn field_value(line: &[u8], name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(end) = find(line, name, from) {
        let rest = &line[end..];
        let between = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\'))
            .count();
        if matches!(rest.get(between), Some(b':' | b'=')) {
            return Some(end + between + 1);
        }
        from = end;
    }
    None
}

/// The offset just after the next scheme of a SIP URI, `sip:` or `sips:`.
fn uri_start(line: &[u8], from: usize) -> Option<usize> {
    // The last four bytes of either scheme.
    let is_scheme =
        |part: &[u8]| part.eq_ignore_ascii_case(b"sip:") || part.eq_ignore_ascii_case(b"ips:");
    Some(from + line.get(from..)?.windows(4).position(is_scheme)? + 4)
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
