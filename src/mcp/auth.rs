//! Which callers may use an MCP server over HTTP: who must send the bearer token, and which origins
//! of web pages are allowed (CORS).
//!
//! A page in the operator's browser can send requests to addresses that its author cannot reach, so
//! the `Origin` of every request is checked (MCP 2026-07-28, basic/transports/streamable-http,
//! "Security Warning"). The native server also checks `Host`; it does so in its HTTP library.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use super::MAX_ECHO_CHARS;
use crate::config::{Variables, is_placeholder, misconfigured, setting};
use crate::text::quoted;
use crate::{ExportError, Origin};

/// Hosts that name the machine itself. Pages from there may call, whatever their port: whoever
/// serves them can run programs on the machine anyway.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Which callers may use the server.
///
/// # Examples
/// ```
/// use homer_export::CallerPolicy;
///
/// let token = Some("s3cret".to_string());
/// let policy = CallerPolicy::new(token, None, Some("https://app.example.net"), false)?;
/// assert!(policy.check_bearer(Some(b"Bearer s3cret")));
/// assert!(!policy.check_bearer(Some(b"Bearer guessed")));
/// assert!(policy.allows_origin(Some(b"https://app.example.net")));
/// assert!(!policy.allows_origin(Some(b"https://evil.example")));
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone)]
pub struct CallerPolicy {
    /// The bearer token that callers must send; `None` if anyone may call.
    token: Option<String>,
    /// Origins of pages that may call, in addition to those on loopback addresses.
    origins: Vec<Origin>,
    /// Host names under which callers reach this server.
    hosts: Vec<String>,
}

impl CallerPolicy {
    /// From the settings `HOMER_MCP_TOKEN`, `HOMER_MCP_OPEN` and `HOMER_MCP_ORIGINS`; an empty one
    /// counts as not set. `private` states that only this machine can reach the server.
    ///
    /// # Errors
    /// `misconfigured` if other machines could call without a token and `HOMER_MCP_OPEN` is not
    /// `1`, if `HOMER_MCP_OPEN` has another value, if the token cannot be sent in a header field,
    /// or if an entry of `HOMER_MCP_ORIGINS` is not an origin.
    pub fn new(
        token: Option<String>,
        open: Option<&str>,
        origins: Option<&str>,
        private: bool,
    ) -> Result<Self, ExportError> {
        // Elsewhere, a placeholder that the client did not expand counts as not set. These two
        // settings decide who gets in: a mistake must not open the server.
        for (setting, value) in [
            (&setting::MCP_TOKEN, token.as_deref()),
            (&setting::MCP_OPEN, open),
        ] {
            if value.is_some_and(is_placeholder) {
                return misconfigured(&format!(
                    "{} is a placeholder that was not expanded; set it to a value or remove it",
                    setting.variable
                ));
            }
        }
        let token = token.filter(|token| !token.is_empty());
        let open = match open.unwrap_or_default() {
            "" => false,
            "1" => true,
            other => {
                return misconfigured(&format!(
                    "HOMER_MCP_OPEN is {}, expected 1; set it to 1 to accept callers without a \
                     token, or remove it",
                    quoted(other, MAX_ECHO_CHARS)
                ));
            }
        };
        match &token {
            None if !open && !private => {
                return misconfigured(
                    "HOMER_MCP_TOKEN is not set, but other machines can reach this server; set \
                     it to a secret that callers send as a bearer token, or set HOMER_MCP_OPEN=1 \
                     if a proxy or firewall already restricts access",
                );
            }
            Some(_) if open => {
                return misconfigured(
                    "HOMER_MCP_TOKEN and HOMER_MCP_OPEN are both set; remove one of them",
                );
            }
            // The value of a header field cannot carry it (RFC 9110 §5.5), or not safely. The text
            // does not repeat the token.
            Some(token) if token.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                return misconfigured(
                    "HOMER_MCP_TOKEN contains a space, a line break or a character beyond ASCII; \
                     use printable ASCII characters without spaces",
                );
            }
            _ => {}
        }
        let origins = origins
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
            .map(|origin| {
                Origin::parse(origin).map_err(|why| {
                    ExportError::Misconfigured(format!(
                        "HOMER_MCP_ORIGINS has an invalid entry: {why}"
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            token,
            origins,
            hosts: Vec::new(),
        })
    }

    /// The policy that the settings `HOMER_MCP_TOKEN`, `HOMER_MCP_OPEN` and `HOMER_MCP_ORIGINS`
    /// state.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_settings(variables: &Variables, private: bool) -> Result<Self, ExportError> {
        // Even a placeholder, which `new` rejects.
        let raw = |setting: &setting::Setting| variables.get_raw(setting.variable);
        Self::new(
            raw(&setting::MCP_TOKEN).map(|given| given.value.to_string()),
            raw(&setting::MCP_OPEN).map(|given| given.value),
            setting::MCP_ORIGINS.get(variables).map(|given| given.value),
            private,
        )
    }

    /// Also allows pages that are served under these host names, by either scheme and on any port.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Whether the value of a request's `Authorization` field carries the token (RFC 6750 §2.1).
    /// True for any value if no token is configured.
    pub fn check_bearer(&self, authorization: Option<&[u8]>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        // "The scheme name is case-insensitive" (RFC 9110 §11.1).
        let presented = match authorization.unwrap_or_default().split_at_checked(7) {
            Some((scheme, presented)) if scheme.eq_ignore_ascii_case(b"Bearer ") => presented,
            _ => return false,
        };
        // In constant time: the time of a comparison must not tell how much of a guess is right.
        presented.ct_eq(token.as_bytes()).into()
    }

    /// Whether a page of this origin may call, given the value of the request's `Origin` field.
    /// Programs other than browsers do not send the field, so a request without it is allowed.
    pub fn allows_origin(&self, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        // `Origin::parse` accepts what operators write, including a slash at the end. Browsers
        // serialize origins without one (RFC 6454 §6.1), so such a value comes from something else.
        let without_path = |origin: &&str| {
            origin
                .split_once("://")
                .is_some_and(|(_, authority)| !authority.contains('/'))
        };
        let origin = core::str::from_utf8(origin)
            .ok()
            .filter(without_path)
            .and_then(|origin| Origin::parse(origin).ok());
        let Some(origin) = origin else { return false };
        LOOPBACK.contains(&origin.host())
            || self
                .hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(origin.host()))
            || self.origins.contains(&origin)
    }

    /// Whether a request may go on, by its method and header fields. `values` returns the values of
    /// the field with this name, which is in lower case.
    ///
    /// # Errors
    /// The HTTP response to send instead: 403 to a page whose origin is not allowed, 204 to a CORS
    /// preflight request of a page whose origin is allowed, 401 without the token.
    pub fn authorize<'a, V: IntoIterator<Item = &'a [u8]>>(
        &self,
        method: &str,
        values: impl Fn(&str) -> V,
    ) -> Result<(), Rejection> {
        // `None` if the field appears more than once: a proxy in front of this server may have
        // checked another one than we would.
        let single = |name: &str| {
            let mut values = values(name).into_iter();
            let value = values.next();
            values.next().is_none().then_some(value)
        };
        if !single("origin").is_some_and(|origin| self.allows_origin(origin)) {
            return Err(Rejection {
                status: 403,
                fields: &[],
                text: "this Origin is not allowed; the operator can add it to HOMER_MCP_ORIGINS",
            });
        }
        // Browsers send a preflight request without the token (Fetch standard, "CORS-preflight
        // fetch"), before they let a page send one.
        let asks_for_method = values("access-control-request-method")
            .into_iter()
            .next()
            .is_some();
        if method == "OPTIONS" && asks_for_method {
            return Err(Rejection {
                status: 204,
                fields: &CORS_PREFLIGHT,
                text: "",
            });
        }
        if !single("authorization").is_some_and(|value| self.check_bearer(value)) {
            return Err(Rejection {
                status: 401,
                fields: &[("www-authenticate", "Bearer")],
                text: "send Authorization: Bearer <the server's HOMER_MCP_TOKEN>",
            });
        }
        Ok(())
    }
}

/// An HTTP response that is sent before the request's body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// Header fields; their names are in lower case.
    pub fields: &'static [(&'static str, &'static str)],
    /// The body, for a person; may be empty.
    pub text: &'static str,
}

/// Header fields of a response that let the page of an allowed origin read it, and read those of
/// its fields that MCP clients need (Fetch standard, "HTTP responses").
pub fn cors_headers(origin: &str) -> [(&'static str, String); 3] {
    [
        ("access-control-allow-origin", origin.to_string()),
        (
            "access-control-expose-headers",
            "mcp-session-id, www-authenticate".to_string(),
        ),
        // The response differs by origin; a cache must not give one page's to another.
        ("vary", "origin".to_string()),
    ]
}

/// Header fields of the response to a CORS preflight request: the methods and header fields of an
/// MCP client. The browser may remember them for two hours.
pub const CORS_PREFLIGHT: [(&str, &str); 3] = [
    ("access-control-allow-methods", "POST, GET, DELETE"),
    (
        "access-control-allow-headers",
        "authorization, content-type, accept, last-event-id, mcp-protocol-version, \
         mcp-session-id, mcp-method, mcp-name",
    ),
    ("access-control-max-age", "7200"),
];

impl core::fmt::Debug for CallerPolicy {
    /// Without the token.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CallerPolicy")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
