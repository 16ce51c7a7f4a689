//! Which callers may use an MCP server over HTTP: who must send the bearer token, and which origins
//! of web pages are allowed (CORS).
//!
//! A page in the operator's browser can send requests to addresses that its author cannot reach, so
//! the `Origin` of every request is checked (MCP 2026-07-28, basic/transports/streamable-http,
//! "Security Warning"). The native server also checks `Host`; it does so in its HTTP library.

mod caller_token;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub use caller_token::{CallerToken, MAX_TOKENS, MIN_TOKEN_CHARS};

use super::MAX_ECHO_CHARS;
use crate::config::{Variables, is_placeholder, misconfigured, setting};
use crate::text::quoted;
use crate::{ExportError, Origin};
use caller_token::unusable;

/// Hosts that name the machine itself. Pages from there may call, whatever their port, if they send
/// the token: whoever serves them can run programs on the machine anyway.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Which callers may use the server.
///
/// # Examples
/// ```
/// use homer_export::CallerPolicy;
///
/// let token = Some("16-chars-or-more".to_string());
/// let policy = CallerPolicy::new(token, None, Some("https://app.example.net"))?;
/// let now_ms = 1_795_168_800_000;
/// assert!(policy.check_bearer(Some(b"Bearer 16-chars-or-more"), now_ms).is_ok());
/// assert!(policy.check_bearer(Some(b"Bearer guessed"), now_ms).is_err());
/// assert!(policy.allows_origin(Some(b"https://app.example.net")));
/// assert!(!policy.allows_origin(Some(b"https://evil.example")));
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone)]
pub struct CallerPolicy {
    /// The bearer tokens, one of which callers must send; empty if anyone may call.
    tokens: Vec<CallerToken>,
    /// Origins of pages that may call, in addition to those on loopback addresses.
    origins: Vec<Origin>,
    /// Host names under which callers reach this server.
    hosts: Vec<String>,
}

impl CallerPolicy {
    /// From the settings `HOMER_MCP_TOKEN`, `HOMER_MCP_OPEN` and `HOMER_MCP_ORIGINS`; an empty one
    /// counts as not set. Without a token, callers are accepted only if `HOMER_MCP_OPEN` is `1`,
    /// also on a loopback address, which every user of the machine can reach.
    ///
    /// # Errors
    /// `misconfigured` if there is neither a token nor `HOMER_MCP_OPEN=1`, if `HOMER_MCP_OPEN` has
    /// another value, if the token is shorter than [`MIN_TOKEN_CHARS`] or cannot be sent in a
    /// header field, or if an entry of `HOMER_MCP_ORIGINS` is not an origin.
    pub fn new(
        token: Option<String>,
        open: Option<&str>,
        origins: Option<&str>,
    ) -> Result<Self, ExportError> {
        Self::with_tokens(token, Vec::new(), open, origins)
    }

    /// As [`Self::new`], with further tokens: those of the file `HOMER_MCP_TOKENS_FILE`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_tokens(
        token: Option<String>,
        mut tokens: Vec<CallerToken>,
        open: Option<&str>,
        origins: Option<&str>,
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
        if let Some(token) = token {
            // The text does not repeat the token.
            if let Some(why) = unusable(&token) {
                return misconfigured(&format!("HOMER_MCP_TOKEN {why}"));
            }
            tokens.push(CallerToken::unnamed(token));
        }
        if tokens.is_empty() && !open {
            return misconfigured(
                "HOMER_MCP_TOKEN is not set, but others can reach this server; set it to a secret \
                 that callers send as a bearer token, or set HOMER_MCP_OPEN=1 if a proxy \
                 or firewall already restricts access",
            );
        }
        if open && let Some(token) = tokens.last() {
            let variable = match token.name() {
                None => setting::MCP_TOKEN.variable,
                Some(_) => setting::MCP_TOKENS_FILE.variable,
            };
            return misconfigured(&format!(
                "{variable} and HOMER_MCP_OPEN are both set; remove one of them"
            ));
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
            tokens,
            origins,
            hosts: Vec::new(),
        })
    }

    /// The policy that the settings `HOMER_MCP_TOKEN`, `HOMER_MCP_OPEN` and `HOMER_MCP_ORIGINS`
    /// state.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_settings(variables: &Variables) -> Result<Self, ExportError> {
        Self::from_settings_and_tokens(variables, Vec::new())
    }

    /// As [`Self::from_settings`], with the tokens of the file `HOMER_MCP_TOKENS_FILE`, which only
    /// a program with access to files can read.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_settings_and_tokens(
        variables: &Variables,
        tokens: Vec<CallerToken>,
    ) -> Result<Self, ExportError> {
        // Even a placeholder, which `new` rejects.
        let raw = |setting: &setting::Setting| variables.get_raw(setting.variable);
        Self::with_tokens(
            raw(&setting::MCP_TOKEN).map(|given| given.value.to_string()),
            tokens,
            raw(&setting::MCP_OPEN).map(|given| given.value),
            setting::MCP_ORIGINS.get(variables).map(|given| given.value),
        )
    }

    /// Also allows pages that are served under these host names, by either scheme and on any port.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Whether callers need no token.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token that the value of a request's `Authorization` field carries (RFC 6750 §2.1);
    /// `None` if no token is configured, whatever the value. `now_ms` is the current Unix time in
    /// milliseconds.
    ///
    /// # Errors
    /// The response 401, with the class of the reason: no token, an unknown one, an expired one.
    pub fn check_bearer(
        &self,
        authorization: Option<&[u8]>,
        now_ms: i64,
    ) -> Result<Option<&CallerToken>, Rejection> {
        if self.tokens.is_empty() {
            return Ok(None);
        }
        // "The scheme name is case-insensitive" (RFC 9110 §11.1).
        let presented = match authorization.unwrap_or_default().split_at_checked(7) {
            Some((scheme, presented)) if scheme.eq_ignore_ascii_case(b"Bearer ") => presented,
            _ => return Err(NO_TOKEN),
        };
        // All are compared, each in constant time: the time of a response must not tell how much
        // of a guess is right.
        let mut found = None;
        for token in &self.tokens {
            if token.matches(presented) {
                found = Some(token);
            }
        }
        match found {
            None => Err(UNKNOWN_TOKEN),
            Some(token) if token.is_expired(now_ms) => Err(EXPIRED_TOKEN),
            Some(token) => Ok(Some(token)),
        }
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

    /// Whether a request may go on, by its method and header fields, and with which token; `None`
    /// if callers need none. `values` returns the values of the field with this name, which is in
    /// lower case. `now_ms` is the current Unix time in milliseconds.
    ///
    /// # Errors
    /// The HTTP response to send instead: 403 to a page whose origin is not allowed, 204 to a CORS
    /// preflight request of a page whose origin is allowed, 401 without a valid token.
    pub fn authorize<'a, V: IntoIterator<Item = &'a [u8]>>(
        &self,
        method: &str,
        values: impl Fn(&str) -> V,
        now_ms: i64,
    ) -> Result<Option<&CallerToken>, Rejection> {
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
        match single("authorization") {
            Some(value) => self.check_bearer(value, now_ms),
            None if self.is_open() => Ok(None),
            None => Err(NO_TOKEN),
        }
    }
}

// RFC 6750 §3.1: a request without a token gets no error code, and one with a token that is not
// valid gets `invalid_token`.
const NO_TOKEN: Rejection = Rejection {
    status: 401,
    fields: &[("www-authenticate", "Bearer")],
    text: "send Authorization: Bearer <the server's HOMER_MCP_TOKEN>",
};
const UNKNOWN_TOKEN: Rejection = Rejection {
    status: 401,
    fields: &[("www-authenticate", "Bearer error=\"invalid_token\"")],
    text: "the bearer token is not one that this server knows; ask its operator for one",
};
const EXPIRED_TOKEN: Rejection = Rejection {
    status: 401,
    fields: &[(
        "www-authenticate",
        "Bearer error=\"invalid_token\", error_description=\"the token has expired\"",
    )],
    text: "the bearer token has expired; ask the server's operator for a new one",
};

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
    /// Without the tokens.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CallerPolicy")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
