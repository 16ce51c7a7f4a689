//! Header fields that the host adds for a proxy in front of Homer.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homer_export::homer::ProxyCredential;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    COOKIE, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Header fields that describe a request's target, body or connection. The host sets them itself,
/// and another value would change where the request ends (RFC 9112 §11.2).
const FORBIDDEN: [HeaderName; 10] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
];

/// Further names of the same kind, which the library has no constants for.
const FORBIDDEN_NAMES: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// Shortest value that is redacted in responses, in bytes, inclusive. A shorter one, such as `1` or
/// `true`, is no secret, and to redact it would garble every response.
const MIN_SECRET: usize = 6;

/// Header fields that the host adds to each request for one origin, for example the service token
/// of a proxy in front of Homer. Their values are never shown.
///
/// # Examples
/// ```
/// use homer_host::ExtraFields;
///
/// let fields = ExtraFields::parse("# Cloudflare Access\nCF-Access-Client-Id: abc.access\n", &[])?;
/// assert_eq!(format!("{fields:?}"), "ExtraFields([\"cf-access-client-id\"])");
///
/// let error = ExtraFields::parse("Host: other.example", &[]).unwrap_err();
/// assert_eq!(error.to_string(), "line 1: the host sets Host itself; remove it");
/// # Ok::<(), homer_host::InvalidExtraFields>(())
/// ```
#[derive(Clone, Default)]
pub struct ExtraFields {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What a response must not show.
    secrets: Vec<String>,
}

/// A header field that [`ExtraFields::parse`] does not accept, because it carries something else.
#[derive(Clone, Copy, Debug)]
pub struct ReservedField<'a> {
    /// Its name, in any case.
    pub name: &'a str,
    /// What it carries, for example `HOMER_JWT`.
    pub carries: &'a str,
}

/// Why a file of header fields is invalid. The text never contains a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidExtraFields {
    line: usize,
    why: String,
}

impl fmt::Display for InvalidExtraFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for InvalidExtraFields {}

impl ExtraFields {
    /// Largest file, in bytes, inclusive. Common servers accept a header section of 8 KiB.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Most header fields, inclusive.
    pub const MAX_FIELDS: usize = 32;

    /// Parses one `Name: value` per line. Empty lines, and lines that begin with `#`, are skipped.
    ///
    /// # Errors
    /// If a line is not a header field, if its name occurs twice, is in `reserved` or is one that
    /// the host sets itself, or if there are more than [`Self::MAX_FIELDS`].
    pub fn parse(text: &str, reserved: &[ReservedField<'_>]) -> Result<Self, InvalidExtraFields> {
        let mut parsed = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            parsed
                .add_line(line, reserved)
                .map_err(|why| InvalidExtraFields { line: at + 1, why })?;
        }
        Ok(parsed)
    }

    fn add_line(&mut self, line: &str, reserved: &[ReservedField<'_>]) -> Result<(), String> {
        // Not the line itself, because a value may be in it.
        let (name, value) = line
            .split_once(':')
            .ok_or("not a header field; expected Name: value")?;
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(
            |_| "the name before the colon is not a header field name; expected Name: value",
        )?;
        if FORBIDDEN.contains(&field)
            || field == UPGRADE
            || FORBIDDEN_NAMES.contains(&field.as_str())
        {
            return Err(format!("the host sets {name} itself; remove it"));
        }
        let is = |reserved: &&ReservedField<'_>| reserved.name.eq_ignore_ascii_case(name);
        if let Some(reserved) = reserved.iter().find(is) {
            return Err(format!(
                "{name} already carries {}; a request has one such header field",
                reserved.carries
            ));
        }
        if self.fields.iter().any(|(known, _)| *known == field) {
            return Err(format!("{name} occurs twice"));
        }
        if self.fields.len() == Self::MAX_FIELDS {
            return Err(format!("more than {} header fields", Self::MAX_FIELDS));
        }
        let value = value.trim();
        if value.is_empty() {
            return Err(format!("{name} has no value"));
        }
        let header_value = HeaderValue::from_str(value).map_err(|_| {
            format!("the value of {name} contains a control character or one outside ASCII")
        })?;
        self.secrets.extend(secrets_of(&field, value));
        self.push(field, header_value);
        Ok(())
    }

    /// The same fields, and the one that carries this credential.
    #[must_use]
    pub fn with_proxy_credential(mut self, credential: &ProxyCredential) -> Self {
        let (_, value) = credential.header();
        // Base64 always fits.
        if let Ok(value) = HeaderValue::try_from(value) {
            self.push(AUTHORIZATION, value);
        }
        self.secrets
            .extend(credential.secrets().map(str::to_string));
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn push(&mut self, name: HeaderName, mut value: HeaderValue) {
        // Keeps the value out of debug output and of HTTP/2 header compression.
        value.set_sensitive(true);
        self.fields.push((name, value));
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.fields.iter().map(|(name, _)| name)
    }

    /// Sets the fields in a request.
    pub(crate) fn set_in(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.fields {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// What a response must not show, longer values first: a value may contain another one.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = self.secrets.clone();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

impl fmt::Debug for ExtraFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().map(HeaderName::as_str).collect();
        f.debug_tuple("ExtraFields").field(&names).finish()
    }
}

/// The parts of a value that may be secret on their own: the whole, a token after its scheme, the
/// password of HTTP Basic, and the values of cookies.
fn secrets_of(name: &HeaderName, value: &str) -> Vec<String> {
    let mut secrets = vec![value.to_string()];
    if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION {
        if let Some((scheme, token)) = value.split_once(' ') {
            let token = token.trim();
            secrets.push(token.to_string());
            let pair = scheme
                .eq_ignore_ascii_case("Basic")
                .then(|| BASE64_STANDARD.decode(token).ok())
                .flatten()
                .and_then(|pair| String::from_utf8(pair).ok());
            if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                secrets.push(password.to_string());
            }
        }
    } else if *name == COOKIE {
        let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
        secrets.extend(pairs.map(|(_, value)| value.trim().to_string()));
    }
    secrets.retain(|secret| secret.len() >= MIN_SECRET);
    secrets
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use homer_export::homer::ProxyCredential;
    use http::HeaderMap;

    use super::{ExtraFields, ReservedField};

    #[test]
    fn extra_fields_are_read_line_by_line() {
        let text = "\n# comment: x\r\n  X-One:  a b:c \r\nCookie: s=012345; t=1\n";
        let fields = ExtraFields::parse(text, &[]).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-one", "of the component".parse().unwrap());
        fields.set_in(&mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["x-one"], "a b:c");
        assert_eq!(headers["cookie"], "s=012345; t=1");
        assert!(!format!("{fields:?} {headers:?}").contains("a b:c"));
    }

    #[test]
    fn extra_fields_are_rejected_with_their_line_and_without_their_value() {
        let reserved = [ReservedField {
            name: "Authorization",
            carries: "HOMER_JWT",
        }];
        let many: String = (0..33).map(|n| format!("X-{n}: s3cret\n")).collect();
        for (text, why) in [
            ("s3cret", "line 1: not a header field; expected Name: value"),
            (
                "\n\ns3 cret: s3cret",
                "line 3: the name before the colon is not a header field name; expected Name: \
                 value",
            ),
            (
                "X-A: b\nCONTENT-LENGTH: s3cret",
                "line 2: the host sets CONTENT-LENGTH itself; remove it",
            ),
            (
                "transfer-encoding: s3cret",
                "line 1: the host sets transfer-encoding itself; remove it",
            ),
            (
                "Keep-Alive: s3cret",
                "line 1: the host sets Keep-Alive itself; remove it",
            ),
            (
                "authorization: Basic s3cret",
                "line 1: authorization already carries HOMER_JWT; a request has one such header \
                 field",
            ),
            ("X-A: s3cret\nx-a: s3cret", "line 2: x-a occurs twice"),
            ("X-A:", "line 1: X-A has no value"),
            (
                "X-A: s3cret\u{e9}\u{7f}",
                "line 1: the value of X-A contains a control character or one outside ASCII",
            ),
            (&many, "line 33: more than 32 header fields"),
        ] {
            let error = ExtraFields::parse(text, &reserved).unwrap_err();
            assert_eq!(error.to_string(), why);
        }
    }

    #[test]
    fn extra_fields_know_their_secrets() {
        let text = "X-Flag: true\nProxy-Authorization: Basic dTpwNHNzLXMzY3JldA==\nCookie: a=1; \
                    session=abcdef";
        let credential = ProxyCredential::new("u", "pw").unwrap();
        let fields = ExtraFields::parse(text, &[])
            .unwrap()
            .with_proxy_credential(&credential);
        assert_eq!(
            fields.secrets(),
            [
                "Basic dTpwNHNzLXMzY3JldA==",
                "dTpwNHNzLXMzY3JldA==",
                "a=1; session=abcdef",
                "p4ss-s3cret",
                "dTpwdw==",
                "abcdef",
                "pw"
            ]
        );
    }
}
