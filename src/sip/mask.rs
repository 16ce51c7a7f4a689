//! What nobody but its owner has business seeing in a message, made unreadable without changing a
//! length.
//!
//! Works line by line, whatever the lines are: a header, a body of several parts, a log that quotes
//! a message.

use alloc::vec::Vec;

use memchr::{memchr, memchr2, memrchr};

/// Makes secrets in a message unreadable: each of their bytes becomes `*`. Returns what was masked,
/// each once. Rather too much than too little is masked where something is malformed, or quoted in
/// a log:
///
/// - values of Authorization, Proxy-Authorization and Authentication-Info (RFC 3261 §20.7, §20.28,
///   §20.6), also as headers in a URI; names of a digest's parameters stay
/// - keys that a challenge hands over (`ik`, `ck` of WWW-Authenticate; 3GPP TS 24.229 §5.4.1.2)
/// - values of Identity (RFC 8224 §4)
/// - passwords in SIP URIs (RFC 3261 §19.1.1)
/// - keys in session descriptions: behind `inline:` (RFC 4568 §9.1, also in RFC 5939's attributes),
///   `key-mgmt:` (RFC 4567 §3), `k=` (RFC 4566 §5.12), `ice-pwd:` (RFC 8839 §5.4)
pub fn mask(message: &mut [u8]) -> Vec<&'static str> {
    let mut masked = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let mut end = line_end(message, at);
        // A value goes on in lines that begin with a blank (§7.3.1); an empty line ends the header.
        while end > at && matches!(message.get(after_line(message, end)), Some(b' ' | b'\t')) {
            end = line_end(message, after_line(message, end));
        }
        let next = after_line(message, end);
        if let Some(line) = message.get_mut(at..end) {
            for what in [
                mask_fields(line),
                mask_challenge(line),
                mask_media(line),
                mask_passwords(line),
            ] {
                for what in what.into_iter().filter(|what| !what.is_empty()) {
                    if !masked.contains(&what) {
                        masked.push(what);
                    }
                }
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

/// Where `word`, in any case, ends in `line` from `from` on.
fn find(line: &[u8], word: &str, from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    let found = rest
        .windows(word.len())
        .position(|part| part.eq_ignore_ascii_case(word.as_bytes()))?;
    Some(from + found + word.len())
}

/// Fields with credentials, wherever they are in a line: behind a log's time, in quotation marks,
/// in a URI.
fn mask_fields(line: &mut [u8]) -> [&'static str; 2] {
    let mut masked = [""; 2];
    if let Some(value) = ["authorization", "authentication-info"]
        .into_iter()
        .filter_map(|name| field(line, name))
        .min()
    {
        mask_credentials(&mut line[value..]);
        masked[0] = "Authorization";
    }
    // P-Asserted-Identity and its like are no secrets.
    let identity = field(line, "identity").filter(|value| {
        let name = line[..*value].to_ascii_lowercase();
        let at = name
            .windows(8)
            .rposition(|part| part == b"identity")
            .unwrap_or(0);
        !at.checked_sub(1)
            .and_then(|before| line.get(before))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    });
    let compact = matches!(line, [b'y' | b'Y', b':' | b' ' | b'\t', ..])
        .then(|| field(line, "y"))
        .flatten();
    if let Some(value) = identity.or(compact) {
        stars(&mut line[value..]);
        masked[1] = "Identity";
    }
    masked
}

/// Where the value of a field begins: behind its name, blanks or a quotation mark, and a colon or
/// an equals sign.
fn field(line: &[u8], name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(end) = find(line, name, from) {
        let rest = &line[end..];
        let blanks = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\'))
            .count();
        if matches!(rest.get(blanks), Some(b':' | b'=')) {
            return Some(end + blanks + 1);
        }
        from = end;
    }
    None
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
            DIGEST
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        });
        stars(&mut part[name_end.map_or(0, |equals| equals + 1)..]);
    }
}

/// `ik` and `ck` in a challenge.
fn mask_challenge(line: &mut [u8]) -> [&'static str; 2] {
    let Some(challenge) = field(line, "authenticate") else {
        return [""; 2];
    };
    let mut masked = [""; 2];
    for name in ["ik", "ck"] {
        let mut from = challenge;
        while let Some(end) = find(line, name, from) {
            from = end;
            let stands_alone = !line
                .get(end - name.len() - 1)
                .is_some_and(u8::is_ascii_alphanumeric);
            let blanks = line[end..]
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            if stands_alone && line.get(end + blanks) == Some(&b'=') {
                let value = &mut line[end + blanks + 1..];
                let len = memchr(b',', value).unwrap_or(value.len());
                stars(&mut value[..len]);
                masked[0] = "key in a challenge";
            }
        }
    }
    masked
}

fn mask_media(line: &mut [u8]) -> [&'static str; 2] {
    for (word, what) in [
        ("inline:", "a=crypto"),
        ("key-mgmt:", "a=key-mgmt"),
        ("ice-pwd:", "a=ice-pwd"),
    ] {
        if let Some(key) = find(line, word, 0) {
            stars(&mut line[key..]);
            return [what, ""];
        }
    }
    let start = line
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(line.len());
    let begins = |word: &str| {
        line[start..]
            .get(..word.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    // Without the word that goes before the key, all of it may be one.
    let (key, what) = if begins("a=crypto") {
        (
            memchr(b':', line).map_or(start + 8, |colon| colon + 1),
            "a=crypto",
        )
    } else if begins("k=") {
        (start + 2, "k=")
    } else {
        return [""; 2];
    };
    stars(&mut line[key..]);
    [what, ""]
}

/// `sip:user:password@host`, and the parameter `password`, however often.
fn mask_passwords(line: &mut [u8]) -> [&'static str; 2] {
    let mut masked = [""; 2];
    let mut at = 0;
    while let Some(uri) = scheme_end(line, at) {
        // To the bracket that ends it, or to the end of the line: what is malformed may have blanks
        // in it.
        let end = memchr(b'>', &line[uri..]).map_or(line.len(), |len| uri + len);
        if let Some(password) = password(&line[uri..end]) {
            stars(&mut line[uri + password.start..uri + password.end]);
            masked[0] = "password in a URI";
        }
        at = end;
    }
    let mut at = 0;
    while let Some(value) = find(line, "password=", at) {
        let rest = &mut line[value..];
        let len = rest
            .iter()
            .position(|byte| matches!(byte, b';' | b'>' | b',' | b'&'))
            .unwrap_or(rest.len());
        stars(&mut rest[..len]);
        masked[1] = "password";
        at = value + len;
    }
    masked
}

/// Where a SIP URI's scheme ends, `sip:` or `sips:`.
fn scheme_end(line: &[u8], from: usize) -> Option<usize> {
    let is_end =
        |part: &[u8]| part.eq_ignore_ascii_case(b"sip:") || part.eq_ignore_ascii_case(b"ips:");
    Some(from + line.get(from..)?.windows(4).position(is_end)? + 4)
}

/// Where the password is in a SIP URI behind its scheme, `user:password@host`: from the first colon
/// to the last `@`. Of a URI that has another `@` behind its host, the port goes with it.
pub(crate) fn password(uri: &[u8]) -> Option<core::ops::Range<usize>> {
    let host = memrchr(b'@', uri)?;
    let colon = memchr(b':', &uri[..host])?;
    Some(colon + 1..host)
}

/// Every byte becomes `*`, but blanks, line ends and quotation marks, which show how the value is
/// built.
fn stars(value: &mut [u8]) {
    for byte in value {
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"') {
            *byte = b'*';
        }
    }
}
