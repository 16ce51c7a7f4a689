//! Who may call an MCP server over HTTP: who shows the token, and the pages of which origins.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::config::{is_placeholder, misconfigured};
use crate::{ExportError, Origin};

/// Hosts that name the machine itself: pages from there are no strangers, whatever their port.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Who may call.
#[derive(Clone)]
pub struct CallerPolicy {
    /// What callers have to show as a bearer token; none if anyone may call.
    token: Option<String>,
    /// Origins of pages whose scripts may call, beside those of loopback.
    origins: Vec<Origin>,
    /// Names under which this server is reached.
    hosts: Vec<String>,
}

impl CallerPolicy {
    /// From the settings `HOMER_MCP_TOKEN`, `HOMER_MCP_OPEN` and `HOMER_MCP_ORIGINS`; an empty one
    /// counts as not set. `private` says that nobody but the same machine can call.
    ///
    /// # Errors
    /// `misconfigured` if others could call without a token and `HOMER_MCP_OPEN` is not `1`, if
    /// that is set to anything else, if the token cannot be sent in a header field, or an origin is
    /// none.
    pub fn new(
        token: Option<String>,
        open: Option<&str>,
        origins: Option<&str>,
        private: bool,
    ) -> Result<Self, ExportError> {
        // Others count as not set; but this is what closes the door, or opens it.
        for (name, value) in [
            ("HOMER_MCP_TOKEN", token.as_deref()),
            ("HOMER_MCP_OPEN", open),
        ] {
            if value.is_some_and(is_placeholder) {
                return misconfigured(&format!(
                    "{name} is a placeholder that nobody has filled in; set it, or leave it out"
                ));
            }
        }
        let token = token.filter(|token| !token.is_empty());
        let open = match open.unwrap_or_default() {
            "" => false,
            "1" => true,
            _ => {
                return misconfigured(
                    "HOMER_MCP_OPEN is not 1; set it to 1 to let anyone call, or do not set it",
                );
            }
        };
        match &token {
            None if !open && !private => {
                return misconfigured(
                    "HOMER_MCP_TOKEN is not set, and others can reach this server; set it to a secret that callers send as a \
                     bearer token, or set HOMER_MCP_OPEN=1 where a proxy or a network lets in nobody else",
                );
            }
            Some(_) if open => {
                return misconfigured(
                    "HOMER_MCP_TOKEN and HOMER_MCP_OPEN are both set; keep one of them",
                );
            }
            Some(token) if token.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                return misconfigured(
                    "HOMER_MCP_TOKEN has a blank, a line break, or a character beyond ASCII",
                );
            }
            _ => {}
        }
        let named = origins
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty());
        let origins = named
            .map(|origin| {
                Origin::parse(origin).map_err(|why| {
                    ExportError::Misconfigured(format!(
                        "HOMER_MCP_ORIGINS has an entry that is none: {why}"
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

    /// Lets in pages that are served under these names as well, by either scheme and on any port.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Whether the value of a request's `Authorization` field shows the token, if there is one to
    /// show. Takes a time that does not tell how much of it is right.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let shown = match authorization.unwrap_or_default().split_at_checked(7) {
            Some((scheme, shown)) if scheme.eq_ignore_ascii_case(b"Bearer ") => shown,
            _ => return false,
        };
        shown.len() == token.len()
            && shown
                .iter()
                .zip(token.bytes())
                .fold(0, |all, (a, b)| all | (a ^ b))
                == 0
    }

    /// Whether a page of this origin may call (MCP, streamable HTTP, "Security Warning"): the value
    /// of a request's `Origin` field, which programs that are no browsers do not send.
    pub fn allows(&self, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        // What an operator may write with a slash behind it, no browser does (RFC 6454 §6.1).
        let bare = |origin: &&str| {
            origin
                .split_once("://")
                .is_some_and(|(_, behind)| !behind.contains('/'))
        };
        let origin = core::str::from_utf8(origin)
            .ok()
            .filter(bare)
            .and_then(|origin| Origin::parse(origin).ok());
        let Some(origin) = origin else { return false };
        LOOPBACK.contains(&origin.host())
            || self
                .hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(origin.host()))
            || self.origins.contains(&origin)
    }
}

/// An answer that is given before anything of the protocol is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub fields: &'static [(&'static str, &'static str)],
    /// What it says.
    pub text: &'static str,
}

impl CallerPolicy {
    /// Whether a request is let in, by its method and header fields; `values` gives the values of a
    /// field of this name, lower-case. A field that comes twice is not: a proxy might have looked
    /// at the other one.
    ///
    /// # Errors
    /// The answer instead: 403 to a page that may not call, 204 to a browser that asks for one that
    /// may, 401 without the token.
    pub fn gate<'a, V: IntoIterator<Item = &'a [u8]>>(
        &self,
        method: &str,
        values: impl Fn(&str) -> V,
    ) -> Result<(), Rejection> {
        let sole = |name: &str| {
            let mut values = values(name).into_iter();
            let value = values.next();
            values.next().is_none().then_some(value)
        };
        if !sole("origin").is_some_and(|origin| self.allows(origin)) {
            let text =
                "pages of this origin may not call here; HOMER_MCP_ORIGINS names those that may";
            return Err(Rejection {
                status: 403,
                fields: &[],
                text,
            });
        }
        // A browser asks this without the token, before it lets a page send one.
        if method == "OPTIONS"
            && values("access-control-request-method")
                .into_iter()
                .next()
                .is_some()
        {
            return Err(Rejection {
                status: 204,
                fields: &PAGE_MAY_SEND,
                text: "",
            });
        }
        if !sole("authorization").is_some_and(|shown| self.admits(shown)) {
            let text = "this server wants a bearer token in Authorization: that of HOMER_MCP_TOKEN";
            return Err(Rejection {
                status: 401,
                fields: &[("www-authenticate", "Bearer")],
                text,
            });
        }
        Ok(())
    }
}

/// Header fields of an answer that let a page read it which may call: its origin, and what of the
/// answer's own fields it may see (Fetch standard, "HTTP extensions").
pub fn page_may_read(origin: &str) -> [(&'static str, String); 3] {
    [
        ("access-control-allow-origin", origin.to_string()),
        (
            "access-control-expose-headers",
            "mcp-session-id, www-authenticate".to_string(),
        ),
        ("vary", "origin".to_string()),
    ]
}

/// Header fields of the answer to a browser that asks whether a page may send what MCP's requests
/// have.
const PAGE_MAY_SEND: [(&str, &str); 3] = [
    ("access-control-allow-methods", "POST, GET, DELETE"),
    (
        "access-control-allow-headers",
        "authorization, content-type, accept, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name",
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
