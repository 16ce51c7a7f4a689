//! Where to ask: an origin (RFC 6454: scheme, host, port), and a base URL on it.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv6Addr;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP, port 80 unless said.
    Http,
    /// HTTP over TLS, port 443 unless said.
    Https,
}

impl Scheme {
    /// As in a URL, lower case.
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

/// A full origin: scheme, host and port. Two ports of one host are two origins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Takes `scheme://host[:port]` and nothing behind it.
    ///
    /// # Errors
    /// A text that says what is wrong and shows the form, without the value itself, which may hold
    /// a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let base = BaseUrl::parse(text)?;
        if !base.prefix.is_empty() {
            return Err("it has a path; an origin is <scheme>://<host>[:<port>]".to_string());
        }
        Ok(base.origin)
    }

    /// From a scheme and an authority `host[:port]`, as an HTTP request carries them.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_parts(scheme: Scheme, authority: &str) -> Result<Self, String> {
        if authority.contains('@') {
            return Err("it has a user name; credentials are set apart from the URL".to_string());
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
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits
                    .parse::<u16>()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| {
                        format!(
                            "port {} is not between 1 and 65535",
                            crate::text::truncate_for_display(digits, 8)
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

    /// The host in lower case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, whether it was given or is the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host[:port]` as the Host header field carries it: without the scheme's own port.
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
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return Err(
            "its host is not a name or an address; the form is <scheme>://<host>[:<port>]"
                .to_string(),
        );
    }
    Ok(host.to_ascii_lowercase())
}

/// A Homer's base URL: an origin and, where a proxy or `api_prefix` puts Homer below a path, that
/// path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    origin: Origin,
    prefix: String,
}

impl BaseUrl {
    /// Takes `scheme://host[:port][/prefix]`; slashes at the end and a closing `/api/v3` or
    /// `/api/v4` are dropped, since the paths below them are ours to add.
    ///
    /// # Errors
    /// A text that says what is wrong and shows the form, without the value itself, which may hold
    /// a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it is not a URL; the form is <scheme>://<host>[:<port>], for example http://homer:9080")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("its scheme is neither http nor https".to_string()),
        };
        if rest.contains(['?', '#']) {
            return Err("it has a query or fragment; give the base URL alone".to_string());
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let origin = Origin::from_parts(scheme, authority)?;
        let mut prefix = path.trim_end_matches('/');
        for api in ["/api/v3", "/api/v4"] {
            prefix = prefix.strip_suffix(api).unwrap_or(prefix);
        }
        let prefix = prefix.trim_end_matches('/');
        // RFC 3986 §3.3, less what needs no escape in any Homer's path.
        let plain = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'~' | b'%')
        };
        if !prefix.bytes().all(plain)
            || prefix.contains("//")
            || prefix.split('/').any(|s| s == "." || s == "..")
        {
            return Err(
                "its path has blanks, dot segments, doubled slashes or characters that need escaping".to_string()
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

    /// The path of `endpoint` (which starts with a slash) below this base.
    pub fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.prefix)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}
