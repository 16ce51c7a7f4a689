//! Overwrites the secrets in a message with asterisks, without changing its length.
//!
//! Works line by line and does not parse the message, so that it also finds secrets in the parts of
//! a multipart body, in a log that quotes a message, and in malformed messages. A secret is
//! recognized by its shape, wherever it is: by the name in front of it, or by its own form. Each
//! line is searched once for the words that may begin a secret ([`words`]), and then once more for
//! each layer of percent-encoding, JSON, base64 or hexadecimal around it. The time is therefore
//! proportional to the length.

mod body;
mod digest;
mod pem;
mod sdp;
mod secret_names;
mod tokens;
mod uri;
mod words;

use alloc::vec::Vec;

use memchr::memchr2;

use crate::text::decoded::{Decoded, EncodedRun};
use words::{Rule, next_word};

pub(crate) use body::{Bodies, BodyKind, Meaning};
pub(crate) use uri::uri_secrets;

/// Whether texts and digits that a person typed are redacted as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// The bodies of MESSAGE (RFC 3428) and DTMF digits in INFO (RFC 6086) and KPML (RFC 4730) are
    /// overwritten: they hold one-time codes, PINs and card numbers.
    #[default]
    Redact,
    /// They stay.
    Show,
}

/// Layers of encoding that are looked through, one inside the other.
const MAX_LAYERS: u32 = 3;

/// Overwrites the secrets in a message: every byte becomes `*`, except blanks, line ends and
/// quotation marks. Returns the kinds of secrets found, each once.
///
/// Where something is malformed, or quoted in a log, too much is overwritten rather than too
/// little. These are secrets:
///
/// - values of Authorization, Proxy-Authorization and Authentication-Info (RFC 3261 §20.7, §20.28,
///   §20.6), also as header fields in a URI; the names of digest parameters stay. The same in
///   fields of other names, by `Digest … response=`, `Basic` with base64, and `Bearer`
/// - `response`, `rspauth`, `cnonce` and `auts` by themselves, and the first line of a payload that
///   begins within a line, as the second segment of a message on a stream does
/// - keys in a challenge (`ik`, `ck` of WWW-Authenticate; 3GPP TS 24.229 §5.4.1.2)
/// - values of Identity (RFC 8224 §4), and JSON Web Tokens anywhere (RFC 7519)
/// - values of header fields, parameters, JSON members, XML elements and settings whose names
///   contain `token`, `secret`, `passw`, `pwd`, `api-key`, `cookie`, `session`, `signature` or
///   `credential`; `pn-prid` (RFC 8599), `postd` (dialed after the call is answered), and the key
///   log of TLS. Session-Expires (RFC 4028) and a Session-ID as RFC 7989 defines it stay: the one
///   is a number, the other identifies a session as a Call-ID does
/// - passwords in SIP URIs, and the header fields of a Request-URI, which must have none (RFC 3261
///   §19.1.1); the user information in `scheme://user@host`
/// - keys in session descriptions: after `inline:` (RFC 4568 §9.1, also in attributes of RFC 5939),
///   `key-mgmt:` (RFC 4567 §3), `mikey`, `k=` (RFC 4566 §5.12), `ice-pwd:` (RFC 8839 §5.4)
/// - PEM blocks other than certificates and public keys, and bodies and parts with
///   `Content-Transfer-Encoding: base64`
/// - what [`Content::Redact`] says
///
/// All of these are also found behind percent-encoding, the escapes of JSON, base64 and
/// hexadecimal. Not secret are what identifies a dialog or a device (Call-ID, tag, branch, GRUU),
/// `nonce` in a challenge, and `a=fingerprint`.
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
    redact_with(message, Content::Redact)
}

/// As [`redact`], with a choice about the content of a call.
///
/// # Examples
/// ```
/// use homer_export::sip::{Content, redact_with};
///
/// let mut digits = *b"Signal=5\r\nDuration=160\r\n";
/// assert!(redact_with(&mut digits, Content::Show).is_empty());
/// assert_eq!(redact_with(&mut digits, Content::Redact), ["DTMF digits"]);
/// assert_eq!(&digits, b"Signal=*\r\nDuration=160\r\n");
/// ```
pub fn redact_with(message: &mut [u8], content: Content) -> Vec<&'static str> {
    let mut kinds = RedactedKinds::default();
    let rest = redact_rest_of_line(message, &mut kinds);
    let mut rewriter = Secrets {
        content,
        layers: MAX_LAYERS,
    };
    redact_lines(rest, content, &mut kinds, &mut rewriter);
    kinds.0
}

/// The kinds of secrets found so far, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedactedKinds(pub(crate) Vec<&'static str>);

impl RedactedKinds {
    pub(crate) fn add(&mut self, kind: &'static str) {
        if !self.0.contains(&kind) {
            self.0.push(kind);
        }
    }
}

/// Overwrites the first line of a payload that begins within a line, since the name that would tell
/// whether it is secret is in another packet. Returns what follows that line.
pub(crate) fn redact_rest_of_line<'a>(
    payload: &'a mut [u8],
    kinds: &mut RedactedKinds,
) -> &'a mut [u8] {
    if !body::begins_within_line(payload) {
        return payload;
    }
    let (rest, lines) = payload.split_at_mut(line_end(payload, 0));
    overwrite(rest);
    kinds.add("rest of a line");
    lines
}

/// What happens to the lines that are not secret because of where they are.
pub(crate) trait LineRewriter {
    /// Rewrites a line, whose length stays.
    fn line(&mut self, line: &mut [u8], kinds: &mut RedactedKinds);

    /// Rewrites the line at the start of `rest` if it is known, and returns its length with its
    /// end, at most `limit`, and its meaning. Known lines are those that were given to
    /// [`Self::new_line`].
    fn known_line(
        &mut self,
        _rest: &mut [u8],
        _limit: usize,
        _kinds: &mut RedactedKinds,
    ) -> Option<(usize, Meaning)> {
        None
    }

    /// Rewrites the line at the start of `rest`, of `len` bytes or, with its end, `next`. What
    /// becomes of it depends on nothing else.
    fn new_line(
        &mut self,
        rest: &mut [u8],
        len: usize,
        _next: usize,
        _meaning: Meaning,
        kinds: &mut RedactedKinds,
    ) {
        self.line(rest.get_mut(..len).unwrap_or_default(), kinds);
    }
}

/// Overwrites secrets, and looks through so many layers of encoding.
struct Secrets {
    content: Content,
    layers: u32,
}

impl LineRewriter for Secrets {
    fn line(&mut self, line: &mut [u8], kinds: &mut RedactedKinds) {
        redact_layer(line, self.content, kinds, self.layers);
    }
}

/// Walks through the lines of a message. Overwrites those that are secret because of where they
/// are, and passes the others to `rewriter`. Returns what was learned of the bodies.
pub(crate) fn redact_lines(
    message: &mut [u8],
    content: Content,
    kinds: &mut RedactedKinds,
    rewriter: &mut dyn LineRewriter,
) -> Bodies {
    let mut bodies = Bodies::default();
    let mut pem = pem::Blocks::default();
    let mut at = 0;
    while at < message.len() {
        if let Some(limit) = bodies.plain_until(at).filter(|_| !pem.is_open())
            && let Some((len, meaning)) =
                rewriter.known_line(message.get_mut(at..).unwrap_or_default(), limit - at, kinds)
        {
            bodies.plain(meaning, at);
            at += len;
            continue;
        }
        let mut end = line_end(message, at);
        // A value may continue in lines that begin with a blank (RFC 3261 §7.3.1, folding). An
        // empty line is never continued.
        while end > at && matches!(message.get(next_line(message, end)), Some(b' ' | b'\t')) {
            end = line_end(message, next_line(message, end));
        }
        // The line end is not part of the line: overwriting it would join two lines.
        let next = next_line(message, end);
        let len = message.len();
        let line = message.get_mut(at..end).unwrap_or_default();
        let kind = bodies.line(line, at, next, len);
        let start = core::mem::replace(&mut at, next);
        if pem.is_secret(line) {
            overwrite(line);
            kinds.add("PEM");
            continue;
        }
        match kind {
            BodyKind::Text if body::is_independent(line) => {
                let (len, meaning) = (line.len(), Meaning::of(line));
                let rest = message.get_mut(start..).unwrap_or_default();
                rewriter.new_line(rest, len, next - start, meaning, kinds);
            }
            BodyKind::Text => rewriter.line(line, kinds),
            BodyKind::Base64 => {
                overwrite(line);
                kinds.add("base64 part");
            }
            BodyKind::Dtmf if content == Content::Redact => {
                body::overwrite_digits(line);
                kinds.add("DTMF digits");
            }
            BodyKind::Message if content == Content::Redact => {
                overwrite(line);
                kinds.add("text of a MESSAGE");
            }
            BodyKind::Dtmf | BodyKind::Message => rewriter.line(line, kinds),
        }
    }
    bodies
}

/// Overwrites the secrets in one line, which may be folded.
pub(crate) fn redact_line(line: &mut [u8], content: Content, kinds: &mut RedactedKinds) {
    redact_layer(line, content, kinds, MAX_LAYERS);
}

fn redact_layer(line: &mut [u8], content: Content, kinds: &mut RedactedKinds, layers: u32) {
    redact_plain(line, content, kinds);
    if layers == 0 {
        return;
    }
    let mut inner = Secrets {
        content,
        layers: layers - 1,
    };
    if let Some(mut decoded) = Decoded::new(line) {
        // Line ends may have been behind the escapes.
        redact_lines(&mut decoded.bytes, content, kinds, &mut inner);
        decoded.overwrite(line);
    }
    let mut from = 0;
    while let Some(mut run) = EncodedRun::find(line, from) {
        let original = run.text.clone();
        redact_lines(&mut run.text, content, kinds, &mut inner);
        run.overwrite(&original, line);
        from = run.place.end;
    }
}

/// Overwrites the secrets in one line that is not encoded.
fn redact_plain(line: &mut [u8], content: Content, kinds: &mut RedactedKinds) {
    // What is before and after the URI of a request is not part of a parameter in it.
    let line = match uri::request_uri(line) {
        Some(uri) => {
            let uri = line.get_mut(uri).unwrap_or_default();
            uri::redact_request_uri(uri, kinds);
            uri
        }
        None => line,
    };
    sdp::redact_start(line, kinds);
    digest::redact_compact_identity(line, kinds);
    let mut scan = Scan {
        first: count(line, |byte| byte.is_ascii_whitespace()),
        ..Scan::default()
    };
    while let Some(word) = next_word(line, scan.at) {
        let (start, end) = (word.start, word.end);
        scan.at = end;
        let next = match word.rule {
            Rule::Authorization => digest::redact_authorization(line, end, kinds),
            Rule::Identity => digest::redact_identity(line, start, end, kinds),
            Rule::Challenge => {
                // One search covers the rest of the line.
                if !core::mem::replace(&mut scan.is_challenge, true) {
                    digest::redact_challenge(line, end, kinds);
                }
                None
            }
            Rule::Digest => {
                scan.digest.get_or_insert(start);
                None
            }
            Rule::DigestParameter => digest::redact_parameter(line, start, end, scan.digest, kinds),
            Rule::Scheme => tokens::redact_scheme(line, start, end, kinds),
            Rule::Jwt => tokens::redact_jwt(line, start, kinds),
            Rule::Key(kind) => sdp::redact_key(line, end, kind, kinds),
            Rule::Mikey => sdp::redact_mikey(line, end, kinds),
            Rule::Uri => {
                // Only one password is looked for in a URI, however many schemes are in it.
                if start >= scan.uri_end {
                    scan.uri_end = uri::redact_password(line, start, end, kinds);
                }
                None
            }
            Rule::Authority => uri::redact_authority(line, end, kinds),
            Rule::Name(kind) => secret_names::redact(line, start..end, &scan, kind, kinds),
            Rule::Digits if content == Content::Redact => {
                body::redact_digits(line, start, end, kinds)
            }
            Rule::Digits => None,
        };
        if let Some(next) = next {
            scan.at = next.max(end);
            scan.floor = scan.at;
        }
    }
}

/// How far a line has been searched.
#[derive(Default)]
struct Scan {
    /// Where the first word begins.
    first: usize,
    at: usize,
    /// Where the latest secret ended. Names begin after it.
    floor: usize,
    /// Where the latest SIP URI ends.
    uri_end: usize,
    /// Where a digest scheme is named.
    digest: Option<usize>,
    /// Whether there has been a challenge.
    is_challenge: bool,
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

/// As [`overwrite`], for a range of a line.
fn overwrite_range(line: &mut [u8], range: core::ops::Range<usize>) {
    if let Some(value) = line.get_mut(range) {
        overwrite(value);
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

/// Whether a byte may be part of a name, for example of `X-Auth_Token.1`.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The number of bytes at the start of `bytes` that fulfill a condition.
fn count(bytes: &[u8], condition: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| condition(**byte)).count()
}

/// The offset of a value: just after the colon or equals sign after a name that ends at `end`, and
/// what may stand between them where a log or a URI quotes the field (`{"Authorization": …`,
/// `?Identity=…`).
fn value_after(line: &[u8], end: usize) -> Option<usize> {
    let rest = line.get(end..)?;
    let between = count(rest, |byte| {
        matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\')
    });
    matches!(rest.get(between), Some(b':' | b'=')).then_some(end + between + 1)
}
