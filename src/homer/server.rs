//! The Homer server that an export queries.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{Credential, CredentialKind, ProxyCredential, ProxyCredentialKind};
use crate::BaseUrl;
use crate::text::{quoted, truncate_for_display};

/// Longest text quoted from a response, in characters, inclusive. It keeps an error text readable.
const MAX_QUOTE: usize = 200;

/// The Homer server that an export queries, and the credential for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomerServer {
    /// Where it is.
    pub base_url: BaseUrl,
    /// The credential to send. `None` if the host adds it, a proxy adds it, or Homer requires none.
    pub credential: Option<Credential>,
    /// The kind of credential that reaches Homer, whoever adds it. An error text uses it to name
    /// likely causes.
    pub credential_kind: CredentialKind,
    /// The credential to send to a proxy in front of Homer. `None` if the host adds it, or if there
    /// is none.
    pub proxy_credential: Option<ProxyCredential>,
    /// The kind of credential that reaches such a proxy, whoever adds it.
    pub proxy_credential_kind: ProxyCredentialKind,
}

impl HomerServer {
    /// Names and values of the header fields that carry the credentials for Homer and for a proxy
    /// in front of it. A login has none before it is exchanged for a token.
    pub fn credential_fields(&self) -> Vec<(String, String)> {
        let homers = self.credential.as_ref().and_then(Credential::header);
        let proxys = self.proxy_credential.as_ref().map(ProxyCredential::header);
        homers.into_iter().chain(proxys).collect()
    }

    /// Text from a server in quotation marks, safe to put into an error: as [`Self::shown`], with
    /// quotation marks within it escaped.
    pub fn quote(&self, text: &str) -> String {
        quoted(self.redacted(text).trim(), MAX_QUOTE)
    }

    /// The first `max_chars` characters of a text from a server, in quotation marks.
    pub(crate) fn quote_beginning(&self, text: &str, max_chars: usize) -> String {
        quoted(self.redacted(text).trim(), max_chars)
    }

    /// A name from a server, such as that of its program or of a media type: as it is if it
    /// consists of tokens (RFC 9110 §5.6.2), which contain no blank and so no sentence; else in
    /// quotation marks, at most `max_chars` characters of it.
    pub(crate) fn quote_unless_token(&self, text: &str, max_chars: usize) -> String {
        let name = self.redacted(text);
        let name = name.trim();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&b);
        match name.len() <= max_chars && !name.is_empty() && name.bytes().all(is_plain) {
            true => name.to_string(),
            false => quoted(name, max_chars),
        }
    }

    /// Text from a server as a value of its own: without our credentials, which a server may send
    /// back, without control characters, and at most 200 characters long.
    pub fn shown(&self, text: &str) -> String {
        truncate_for_display(self.redacted(text).trim(), MAX_QUOTE)
    }

    /// The text without our credentials. They go before the text is shortened: cut in half, they
    /// could no longer be found.
    fn redacted(&self, text: &str) -> String {
        let redacted = match &self.credential {
            Some(credential) => credential.redact(text),
            None => text.to_string(),
        };
        match &self.proxy_credential {
            Some(credential) => credential.redact(&redacted),
            None => redacted,
        }
    }
}

impl fmt::Display for HomerServer {
    /// The base URL, which contains no credential ([`BaseUrl::parse`] rejects one).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base_url.fmt(f)
    }
}
