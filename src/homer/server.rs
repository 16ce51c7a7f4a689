//! The Homer server that an export queries.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{Credential, CredentialKind, ProxyCredential, ProxyCredentialKind};
use crate::BaseUrl;
use crate::text::truncate_for_display;

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

    /// Untrusted text, made safe to quote in an error: without our credentials, which a server may
    /// send back, without control characters, and at most 200 characters long.
    pub fn quote(&self, text: &str) -> String {
        // The credential goes first: cut in half, it could no longer be found.
        let redacted = match &self.credential {
            Some(credential) => credential.redact(text),
            None => text.to_string(),
        };
        let redacted = match &self.proxy_credential {
            Some(credential) => credential.redact(&redacted),
            None => redacted,
        };
        truncate_for_display(redacted.trim(), MAX_QUOTE)
    }
}

impl fmt::Display for HomerServer {
    /// The base URL, which contains no credential ([`BaseUrl::parse`] rejects one).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base_url.fmt(f)
    }
}
