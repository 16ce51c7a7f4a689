//! Responses that a proxy in front of Homer made itself, told apart from Homer's own.
//!
//! Every error of Homer is JSON in one of a few shapes, and Homer sends neither `WWW-Authenticate`
//! nor `Server` (docs/homer.md §2). A web page, a plain text, or a challenge to log in (RFC 9110
//! §11.3) therefore comes from something in front of Homer. `Server` alone shows nothing, because
//! many proxies add it to Homer's own responses: it only names the proxy.

use alloc::format;
use alloc::string::{String, ToString};

use super::web_page::{self, WebPage};
use super::{CredentialKind, HomerServer, ProxyCredentialKind};
use crate::ExportError;
use crate::origin::Scheme;
use crate::transport::ResponseHead;

/// Longest name of a proxy that an error shows, in characters, inclusive.
const MAX_SERVER: usize = 40;

/// Longest text of a proxy's page that an error shows, in characters, inclusive.
const MAX_SAID: usize = 100;

/// Beginnings of messages that API gateways put into the same JSON shape as Homer: Kong, AWS API
/// Gateway, Azure API Management, Tyk. No Homer sends them.
const GATEWAY_MESSAGES: &[&str] = &[
    "no Route matched",
    "No API key found",
    "Invalid authentication credentials",
    "An invalid response was received from the upstream server",
    "The upstream server is timing out",
    "The upstream server is currently unavailable",
    "failure to get a peer from the ring-balancer",
    "name resolution failed",
    "Your IP address is not allowed",
    "Missing Authentication Token",
    "Endpoint request timed out",
    "Access denied due to",
    "Authorization field missing",
];

/// What servers say, in lower case, when plain HTTP reaches their TLS port: nginx and AWS load
/// balancers, Go (so Caddy and Traefik as well), Apache, Tomcat.
const TLS_PORT: &[&str] = &[
    "plain http request was sent to https port",
    "http request to an https server",
    "speaking plain http to an ssl-enabled server port",
    "combination of host and port requires tls",
];

/// What the response means if a proxy made it, and `None` if Homer may have sent it. The status is
/// 400 or above. `message` is the message of a JSON body ([`super::response::message`]).
pub(super) fn refusal(
    head: &ResponseHead,
    body: &[u8],
    message: Option<&str>,
    homer: &HomerServer,
) -> Option<ExportError> {
    if !is_from_proxy(head, body, message) {
        return None;
    }
    let proxy = Proxy {
        head,
        homer,
        said: said(head, body, message, homer),
    };
    let status = head.status;
    if is_tls_port(body) {
        return Some(proxy.rejected(&format!(
            "{} expects HTTPS, but HOMER_URL begins with http:// ({}); set HOMER_URL to {}",
            homer.base_url.origin(),
            proxy.said,
            with_https(homer),
        )));
    }
    Some(match status {
        404 => proxy.rejected(&format!(
            "{}, or another web server, does not pass this path on to Homer ({}); check the host \
             name and the path in HOMER_URL, and the routes of the proxy",
            proxy.name(),
            proxy.said
        )),
        401 | 403 | 407 => proxy.unauthorized(body),
        // The gateways' time-outs: RFC 9110 §15.6.5, and Cloudflare's own code.
        504 | 524 => proxy.timed_out(),
        _ => proxy.failed(),
    })
}

/// The error for a redirect. `head.status` is 300 to 399.
pub(super) fn redirect(head: &ResponseHead, homer: &HomerServer) -> ExportError {
    let status = head.status;
    let target = head.location.as_deref().map(redirect_target);
    let to = match &target {
        Some(target) => homer.quote(target),
        None => "an unnamed location".to_string(),
    };
    let location = head.location.as_deref().unwrap_or_default();
    let why_not =
        "Redirects are not followed, so that the credential does not go to another server";
    let message = if is_sign_on_location(location) {
        format!(
            "{} redirects to a sign-on page (HTTP {status}, {to}). {why_not}; {}",
            name(head, homer),
            advice(homer)
        )
    } else if let Some(url) = https_url(target.as_deref(), homer) {
        format!(
            "{homer} returned a redirect to HTTPS (HTTP {status}). {why_not}; set HOMER_URL to \
             {url}"
        )
    } else {
        format!(
            "{homer} returned a redirect (HTTP {status}) to {to}. {why_not}; set HOMER_URL to \
             Homer's own address"
        )
    };
    ExportError::Rejected { status, message }
}

/// The end of a sentence about a web page of status 200, which is not a capture: what it is, and
/// what to change.
pub(super) fn page_instead_of_capture(
    head: &ResponseHead,
    page: &WebPage<'_>,
    content_type: &str,
    homer: &HomerServer,
) -> String {
    let title = page.title().map(|title| short(&title, homer));
    let title = title.map(|title| format!(" {title}")).unwrap_or_default();
    if page.is_sign_on() {
        return format!(
            "{} returned HTTP 200 with a sign-on page{title} ({content_type}); expected a capture \
             file. {}",
            name(head, homer),
            capitalized(&advice(homer))
        );
    }
    format!(
        "{homer} returned HTTP 200 with a web page{title} ({content_type}); expected a capture \
         file. Either a login page or proxy is in front of Homer, or HOMER_URL does not point to \
         Homer"
    )
}

/// Whether a proxy made this response of status 400 or above.
fn is_from_proxy(head: &ResponseHead, body: &[u8], message: Option<&str>) -> bool {
    let challenge = head.www_authenticate.as_deref();
    let scheme = challenge.map(first_scheme).unwrap_or_default();
    if matches!(head.status, 407 | 413 | 429 | 502 | 504 | 520..) {
        // Homer is no gateway, and limits neither the rate nor the size of requests (docs/homer.md
        // §4, §7).
        return true;
    }
    match body.trim_ascii_start().first() {
        // A proxy may drop the body. Without another sign, it may as well be Homer's.
        None => head.server.is_some() || challenge.is_some(),
        Some(b'{' | b'[') => {
            let of_gateway = |message: &str| {
                GATEWAY_MESSAGES
                    .iter()
                    .any(|known| message.starts_with(known))
            };
            // Homer accepts no other scheme than Bearer (recording `authz-basic`).
            (!scheme.is_empty() && !scheme.eq_ignore_ascii_case("Bearer"))
                || message.is_some_and(of_gateway)
                // Kong puts its own name only into the responses that it makes itself.
                || starts_with_ignoring_case(head.server.as_deref().unwrap_or_default(), "kong/")
                // oauth2-proxy sends `{}` to a client that is not a browser.
                || (message.is_none() && body.trim_ascii() == b"{}")
        }
        Some(_) => true,
    }
}

/// A response that a proxy made.
struct Proxy<'a> {
    head: &'a ResponseHead,
    homer: &'a HomerServer,
    /// Status and text, for parentheses.
    said: String,
}

impl Proxy<'_> {
    fn name(&self) -> String {
        name(self.head, self.homer)
    }

    fn rejected(&self, message: &str) -> ExportError {
        ExportError::Rejected {
            status: self.head.status,
            message: message.to_string(),
        }
    }

    /// A 401, 403 or 407: the proxy wants a credential of its own, or forbids the request.
    fn unauthorized(&self, body: &[u8]) -> ExportError {
        let (name, said, homer) = (self.name(), &self.said, self.homer);
        if self.head.status == 407 {
            return ExportError::Unauthorized(format!(
                "{name} requires a credential in Proxy-Authorization ({said}); put that header \
                 field into the file of HOMER_EXTRA_HEADERS_FILE"
            ));
        }
        let challenge = self.head.www_authenticate.as_deref().unwrap_or_default();
        // Any of several challenges may be met (RFC 9110 §11.6.1).
        let scheme = match schemes(challenge).find(|scheme| scheme.eq_ignore_ascii_case("Basic")) {
            Some(basic) => basic,
            None => first_scheme(challenge),
        };
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        ExportError::Unauthorized(if is("Basic") {
            match homer.proxy_credential_kind {
                ProxyCredentialKind::Basic => format!(
                    "{name} refused HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD ({said}); check \
                     both"
                ),
                ProxyCredentialKind::None | ProxyCredentialKind::Fields => format!(
                    "{name} requires HTTP Basic authentication ({said}), which is not a login of \
                     Homer; set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD{}",
                    beside_homers(homer)
                ),
            }
        } else if is("Bearer") {
            format!(
                "{name} requires a bearer token of its own ({said}); put it as \"Authorization: \
                 Bearer …\" into the file of HOMER_EXTRA_HEADERS_FILE{}, or let the proxy pass \
                 requests for Homer's API",
                beside_homers(homer)
            )
        } else if !scheme.is_empty() {
            format!(
                "{name} requires HTTP {} authentication ({said}), which this program does not \
                 support; let the proxy accept Basic (HOMER_PROXY_USERNAME and \
                 HOMER_PROXY_PASSWORD) for Homer's API, or set HOMER_URL to Homer's own address",
                homer.quote_unless_token(scheme, MAX_SERVER)
            )
        } else if WebPage::of(body).is_some_and(|page| page.is_sign_on()) {
            format!("{name} requires a sign-on ({said}); {}", advice(homer))
        } else if self.head.status == 401 {
            format!("{name} requires a login ({said}); {}", advice(homer))
        } else {
            format!(
                "{name} forbids the request ({said}); let it pass POST requests from this address \
                 to Homer's API. If it expects a credential, {}",
                advice(homer)
            )
        })
    }

    /// A time-out of the gateway.
    fn timed_out(&self) -> ExportError {
        // Homer finishes the work for a client that has left (docs/homer.md §7).
        ExportError::TimedOut(format!(
            "{} stopped waiting for Homer ({}), but Homer goes on working on the request: do not \
             repeat it immediately. Narrow the window, or raise the timeout of the proxy (in \
             nginx: proxy_read_timeout)",
            self.name(),
            self.said
        ))
    }

    /// Another refusal or failure.
    fn failed(&self) -> ExportError {
        let (name, said) = (self.name(), &self.said);
        let wait = match self.head.retry_after.as_deref().map(str::trim) {
            None | Some("") => String::new(),
            // RFC 9110 §10.2.3: seconds, or a date.
            Some(seconds) if seconds.len() < 10 && seconds.bytes().all(|b| b.is_ascii_digit()) => {
                format!(" after {seconds} seconds")
            }
            Some(date) => format!(" after {}", self.homer.quote_beginning(date, MAX_SERVER)),
        };
        self.rejected(&match self.head.status {
            413 => format!(
                "{name} does not accept a request of this size ({said}); request fewer Call-IDs, \
                 or raise its limit (in nginx: client_max_body_size)"
            ),
            429 => format!(
                "{name} limits the rate of requests ({said}); try again{}",
                if wait.is_empty() { " later" } else { &wait }
            ),
            502 | 503 | 521..=523 | 530 => format!(
                "{name} cannot reach Homer ({said}); check that Homer is running and that the \
                 proxy has its right address and port, and try again{}",
                if wait.is_empty() { " later" } else { &wait }
            ),
            500.. => format!("{name} failed ({said}); check its log, and that it reaches Homer"),
            _ => format!(
                "{name} rejected the request ({said}); check HOMER_URL, and that the proxy passes \
                 POST requests on to Homer's API"
            ),
        })
    }
}

/// Who refused, as the beginning of a sentence.
fn name(head: &ResponseHead, homer: &HomerServer) -> String {
    let server = head.server.as_deref().map(str::trim);
    match server.filter(|server| !server.is_empty()) {
        Some(server) => format!(
            "a proxy ({}) in front of Homer at {homer}",
            homer.quote_unless_token(server, MAX_SERVER)
        ),
        None => format!("a proxy in front of Homer at {homer}"),
    }
}

/// What the response said, for example `HTTP 401, "Basic realm=\"x\"", web page "Sign in"`.
fn said(head: &ResponseHead, body: &[u8], message: Option<&str>, homer: &HomerServer) -> String {
    let mut said = format!("HTTP {}", head.status);
    if let Some(challenge) = head.www_authenticate.as_deref() {
        said = format!("{said}, {}", homer.quote_beginning(challenge, MAX_SAID));
    }
    if let Some(message) = message {
        return format!("{said}: {}", homer.quote(message));
    }
    if let Some(page) = WebPage::of(body) {
        return match page.title() {
            Some(title) => format!("{said}, web page {}", short(&title, homer)),
            None => format!("{said}, web page"),
        };
    }
    let line = web_page::first_line(body);
    match line.starts_with(['{', '[']) {
        false if !line.is_empty() => format!("{said}, {}", short(&line, homer)),
        _ => said,
    }
}

/// Untrusted text in quotation marks.
fn short(text: &str, homer: &HomerServer) -> String {
    homer.quote_beginning(text, MAX_SAID)
}

/// What to do about a proxy that wants a sign-on, as the end of a sentence.
fn advice(homer: &HomerServer) -> String {
    let given = match homer.proxy_credential_kind {
        ProxyCredentialKind::None => "",
        ProxyCredentialKind::Basic => "check HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD, or ",
        ProxyCredentialKind::Fields => "check the file of HOMER_EXTRA_HEADERS_FILE, or ",
    };
    format!(
        "{given}set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD if the proxy accepts HTTP Basic, \
         put the header fields that it expects into a file named by HOMER_EXTRA_HEADERS_FILE, or \
         set HOMER_URL to Homer's own address"
    )
}

/// What else to change if Homer's credential occupies `Authorization`.
fn beside_homers(homer: &HomerServer) -> &'static str {
    match homer.credential_kind {
        CredentialKind::Jwt | CredentialKind::Login => {
            ", and use HOMER_API_TOKEN for Homer, because one Authorization header field cannot \
             carry both credentials"
        }
        CredentialKind::None | CredentialKind::ApiToken => "",
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}", first.to_ascii_uppercase(), chars.as_str()),
        None => String::new(),
    }
}

fn is_tls_port(body: &[u8]) -> bool {
    !matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
        && TLS_PORT
            .iter()
            .any(|text| web_page::contains_ignoring_case(body, text))
}

fn with_https(homer: &HomerServer) -> String {
    let url = homer.to_string();
    match url.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => url,
    }
}

/// The base URL in a redirect from HTTP to HTTPS on the same server. `None` for another redirect.
fn https_url(target: Option<&str>, homer: &HomerServer) -> Option<String> {
    let to = homer.shown(target?);
    let origin = homer.base_url.origin();
    let rest = to.strip_prefix("https://")?.strip_prefix(origin.host())?;
    let is_name_end = rest.is_empty() || rest.starts_with([':', '/']);
    if origin.scheme() != Scheme::Http || !is_name_end {
        return None;
    }
    // The rest is the path of the request, below the base URL.
    let url = to.split("/api/v").next().unwrap_or(&to);
    Some(url.to_string())
}

/// The authentication schemes in the value of `WWW-Authenticate`, which may hold several
/// challenges. A parameter is not a scheme: it has an equals sign.
fn schemes(challenges: &str) -> impl Iterator<Item = &str> {
    challenges
        .split(',')
        .filter_map(|part| part.split_ascii_whitespace().next())
        .filter(|word| !word.contains('='))
}

fn first_scheme(challenges: &str) -> &str {
    schemes(challenges).next().unwrap_or_default()
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// Whether a redirect leads to a sign-on page: a segment of the path, or the host, says so.
fn is_sign_on_location(location: &str) -> bool {
    const WORDS: &[&str] = &[
        "login",
        "log-in",
        "signin",
        "sign-in",
        "sign_in",
        "sso",
        "saml",
        "oauth",
        "oauth2",
        "openid-connect",
        "auth",
        "authelia",
        "authorize",
        "cloudflareaccess",
        "access",
    ];
    let location = location.split(['?', '#']).next().unwrap_or_default();
    // Homer's own login has the path `/api/v3/auth`.
    !location.contains("/api/v")
        && location
            .split(['/', '.', ':'])
            .any(|part| WORDS.iter().any(|word| part.eq_ignore_ascii_case(word)))
}

/// Where a redirect leads, without user name, query and fragment: on the way to a login page, these
/// may contain secrets.
fn redirect_target(location: &str) -> String {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = location.split_once("//").unwrap_or(("", location));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let slashes = if location.contains("//") { "//" } else { "" };
    format!("{scheme}{slashes}{host}{path}")
}
