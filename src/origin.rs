//! Where a server is: an origin (scheme, host and port, RFC 6454) and a base URL on it.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv6Addr;

use crate::text::truncate_for_display;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP without TLS. The default port is 80.
    Http,
    /// HTTP over TLS. The default port is 443.
    Https,
}

impl Scheme {
    /// The scheme as in a URL, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An origin: scheme, host and port. Two ports of one host are two origins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `scheme://host[:port]` with nothing after it.
    ///
    /// # Errors
    /// A clause that says what is wrong. It does not show the value, which may contain a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let base = BaseUrl::parse(text)?;
        if !base.prefix.is_empty() {
            return Err("it has a path; expected <scheme>://<host>[:<port>]".to_string());
        }
        Ok(base.origin)
    }

    /// An origin from a scheme and an authority `host[:port]`, as in an HTTP request.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_parts(scheme: Scheme, authority: &str) -> Result<Self, String> {
        // RFC 3986 §3.2.1 allows it, but error texts and logs show the base URL.
        if authority.contains('@') {
            return Err("it contains a user name; set the credential separately".to_string());
        }
        let (host, port) = match authority.rfind(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some(colon) if !authority[colon..].contains(']') => {
                (&authority[..colon], Some(&authority[colon + 1..]))
            }
            _ => (authority, None),
        };
        let port = match port {
            None => scheme.default_port(),
            // `parse` alone would accept a sign.
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits
                    .parse::<u16>()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| {
                        format!(
                            "its port is {}; expected 1 to 65535",
                            truncate_for_display(digits, 8)
                        )
                    })?
            }
            Some(_) => return Err("its port is not a number".to_string()),
        };
        Ok(Self {
            scheme,
            host: parse_host(host)?,
            port,
        })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case. An IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port: the one that was given, or the scheme's default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host[:port]` as in the Host header field: without the scheme's default port.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

fn parse_host(host: &str) -> Result<String, String> {
    if let Some(address) = host.strip_prefix('[') {
        return match address
            .strip_suffix(']')
            .filter(|address| address.parse::<Ipv6Addr>().is_ok())
        {
            Some(_) => Ok(host.to_ascii_lowercase()),
            None => Err("its host is not an IPv6 address in brackets".to_string()),
        };
    }
    // RFC 1123 §2.1 has no underscore, but names of containers do. 253 characters are the longest
    // domain name (RFC 1035 §2.3.4).
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return Err(
            "its host is not a name or an address; expected <scheme>://<host>[:<port>]".to_string(),
        );
    }
    Ok(host.to_ascii_lowercase())
}

/// Homer's base URL: an origin and a path, which is empty unless a proxy or Homer's `api_prefix`
/// setting puts Homer below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    origin: Origin,
    prefix: String,
}

impl BaseUrl {
    /// Parses `scheme://host[:port][/prefix]`. Slashes at the end are dropped, and so is a final
    /// `/api/v3` or `/api/v4`, because [`Self::path`] adds them.
    ///
    /// # Errors
    /// A clause that says what is wrong. It does not show the value, which may contain a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(
            "it is not a URL; expected <scheme>://<host>[:<port>], for example http://homer:9080",
        )?;
        // Schemes and hosts are compared without regard to case (RFC 3986 §3.1, §3.2.2).
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("its scheme is neither http nor https".to_string()),
        };
        if rest.contains(['?', '#']) {
            return Err("it has a query or fragment; give only the base URL".to_string());
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let origin = Origin::from_parts(scheme, authority)?;
        // Homer returns 404 for a doubled slash (docs/homer.md §2).
        let mut prefix = path.trim_end_matches('/');
        for api in ["/api/v3", "/api/v4"] {
            prefix = prefix.strip_suffix(api).unwrap_or(prefix);
        }
        let prefix = prefix.trim_end_matches('/');
        // RFC 3986 §3.3 allows more; no path of a Homer needs it.
        let plain = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'~' | b'%')
        };
        if !prefix.bytes().all(plain)
            || prefix.contains("//")
            || prefix.split('/').any(|s| s == "." || s == "..")
        {
            return Err(
                "its path contains a space, a dot segment, a double slash or a character that \
                 needs escaping"
                    .to_string(),
            );
        }
        Ok(Self {
            origin,
            prefix: prefix.to_string(),
        })
    }

    /// The origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path of `endpoint`, which starts with a slash, below this base.
    pub fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.prefix)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}
