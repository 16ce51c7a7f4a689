//! What nobody but its owner has business seeing in a message, made unreadable without changing a length.
//!
//! Works line by line, whatever the lines are: a header, a body of several parts, a log that quotes a message.

use alloc::vec::Vec;

use memchr::{memchr, memchr2, memrchr};

/// Makes secrets in a message unreadable: each of their bytes becomes `*`. Returns what was masked, each once:
///
/// - values of Authorization, Proxy-Authorization and Authentication-Info (RFC 3261 §20.7, §20.28, §20.6); names of a digest's
///   parameters stay
/// - values of Identity (RFC 8224 §4)
/// - passwords in SIP URIs (RFC 3261 §19.1.1)
/// - keys in session descriptions: `a=crypto` (RFC 4568 §9.1), `a=key-mgmt` (RFC 4567 §3), `k=` (RFC 4566 §5.12),
///   `a=ice-pwd` (RFC 8839 §5.4)
pub fn mask(message: &mut [u8]) -> Vec<&'static str> {
    let mut masked = Vec::new();
    let mut note = |what: &'static str| {
        if !masked.contains(&what) {
            masked.push(what);
        }
    };
    let mut at = 0;
    while at < message.len() {
        let mut end = line_end(message, at);
        // A value goes on in lines that begin with a blank (§7.3.1).
        while matches!(message.get(after_line(message, end)), Some(b' ' | b'\t')) {
            end = line_end(message, after_line(message, end));
        }
        let next = after_line(message, end);
        if let Some(line) = message.get_mut(at..end) {
            for what in [mask_field(line), mask_sdp(line), mask_passwords(line)].into_iter().flatten() {
                note(what);
            }
        }
        at = next;
    }
    masked
}

/// Where the line that begins at `at` ends, in CR or LF or with the message.
fn line_end(message: &[u8], at: usize) -> usize {
    let rest = message.get(at..).unwrap_or_default();
    memchr2(b'\r', b'\n', rest).map_or(message.len(), |end| at + end)
}

/// Where the next line begins.
fn after_line(message: &[u8], end: usize) -> usize {
    match message.get(end..) {
        Some([b'\r', b'\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => message.len(),
    }
}

fn mask_field(line: &mut [u8]) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 5] = [
        ("Authorization", "Authorization"),
        ("Proxy-Authorization", "Proxy-Authorization"),
        ("Authentication-Info", "Authentication-Info"),
        ("Identity", "Identity"),
        ("y", "Identity"),
    ];
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_mut_checked(colon + 1)?;
    let name = name.get(..colon)?.trim_ascii();
    let (_, what) = FIELDS.into_iter().find(|(field, _)| name.eq_ignore_ascii_case(field.as_bytes()))?;
    match what {
        "Identity" => stars(value),
        _ => mask_credentials(value),
    }
    Some(what)
}

/// Parameters of a digest whose names may be seen.
const DIGEST: [&str; 13] = [
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

/// Scheme and names stay where they are a digest's; else nothing but a known scheme.
fn mask_credentials(value: &mut [u8]) {
    let start = value.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(value.len());
    let len = value[start..].iter().position(u8::is_ascii_whitespace).unwrap_or(0);
    let (scheme, rest) = value[start..].split_at_mut(len);
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if is("Basic") || is("Bearer") {
        return stars(rest);
    }
    // Authentication-Info has no scheme.
    let parameters = if is("Digest") { rest } else { value };
    let mut quoted = false;
    let parts = parameters.split_mut(|byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    for part in parts {
        let name_end = memchr(b'=', part).filter(|equals| {
            let name = part[..*equals].trim_ascii();
            DIGEST.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        });
        stars(&mut part[name_end.map_or(0, |equals| equals + 1)..]);
    }
}

fn mask_sdp(line: &mut [u8]) -> Option<&'static str> {
    let begins = |line: &[u8], start: &str| line.get(..start.len()).is_some_and(|found| found == start.as_bytes());
    if begins(line, "a=crypto:") {
        const INLINE: &[u8] = b"inline:";
        // Without the word that goes before the key, all of it may be one.
        let key = line.windows(INLINE.len()).position(|part| part.eq_ignore_ascii_case(INLINE));
        stars(&mut line[key.map_or("a=crypto:".len(), |at| at + INLINE.len())..]);
        return Some("a=crypto");
    }
    for (start, what) in [("a=key-mgmt:", "a=key-mgmt"), ("a=ice-pwd:", "a=ice-pwd"), ("k=", "k=")] {
        if begins(line, start) {
            stars(&mut line[start.len()..]);
            return Some(what);
        }
    }
    None
}

/// `sip:user:password@host`, however often.
fn mask_passwords(line: &mut [u8]) -> Option<&'static str> {
    let mut masked = None;
    let mut at = 0;
    while let Some(rest) = line.get_mut(at..) {
        let scheme =
            rest.windows(4).position(|part| part.eq_ignore_ascii_case(b"sip:") || part.eq_ignore_ascii_case(b"ips:"));
        let Some(scheme) = scheme else { break };
        at += scheme + 4;
        let rest = &mut rest[scheme + 4..];
        // The URI ends where a blank, a bracket or a quotation mark does not belong to it.
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'<' | b'>' | b'"' | b'\r' | b'\n'));
        let end = end.unwrap_or(rest.len());
        let uri = &mut rest[..end];
        let Some(password) = password(uri) else { continue };
        stars(&mut uri[password]);
        masked = Some("password in a URI");
    }
    masked
}

/// Where the password is in a SIP URI behind its scheme: `user:password@host`. One that has an unescaped `@` in it, which it
/// may not, reaches to the last.
pub(crate) fn password(uri: &[u8]) -> Option<core::ops::Range<usize>> {
    let user = memchr(b'@', uri)?;
    let colon = memchr(b':', &uri[..user])?;
    Some(colon + 1..memrchr(b'@', uri)?)
}

/// Every byte becomes `*`, but blanks, line ends and quotation marks, which show how the value is built.
fn stars(value: &mut [u8]) {
    for byte in value {
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"') {
            *byte = b'*';
        }
    }
}
