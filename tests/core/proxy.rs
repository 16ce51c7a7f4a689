//! Responses of proxies in front of Homer, and Homer's own, which must not be taken for them.
//!
//! The bodies are those that the named software sends, from its source or its documentation.

use homer_export::homer::response::{self, NoCapture};
use homer_export::homer::{HomerServer, login};
use homer_export::transport::ResponseHead;
use homer_export::{Config, ExportError};

use crate::homer::recorded;

const NGINX_401: &str = "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\
                         <center><h1>401 Authorization Required</h1></center></body></html>";

fn homer(vars: &[(&str, &str)]) -> HomerServer {
    let url = ("HOMER_URL", "http://homer:9080");
    Config::from_vars([url].into_iter().chain(vars.iter().copied()))
        .unwrap()
        .homer
}

fn with_token() -> HomerServer {
    homer(&[("HOMER_CREDENTIAL_KIND", "api-token")])
}

/// A head with these header fields.
fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    ResponseHead::from_fields(status, |name| {
        let fields = fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.as_bytes().to_vec()).collect()
    })
}

#[track_caller]
fn error(head: &ResponseHead, body: &str, homer: &HomerServer) -> ExportError {
    match response::no_capture(head, body.as_bytes(), homer) {
        NoCapture::Failed(error) | NoCapture::UnknownEndpoint(error) => error,
        other => panic!("{other:?}"),
    }
}

const AT: &str = "in front of Homer at http://homer:9080";

#[test]
fn proxy_that_wants_basic_is_named_with_what_to_set() {
    let basic = head(401, &[("WWW-Authenticate", "Basic realm=\"restricted\"")]);
    let said =
        "HTTP 401, \"Basic realm=\\\"restricted\\\"\", web page \"401 Authorization Required\"";
    let requires = format!(
        "a proxy {AT} requires HTTP Basic authentication ({said}), which is not a login of Homer; \
         set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD"
    );
    for vars in [
        &[][..],
        &[("HOMER_API_TOKEN", "s3cret")],
        &[("HOMER_PROXY_CREDENTIAL_KIND", "fields")],
    ] {
        assert_eq!(
            error(&basic, NGINX_401, &homer(vars)),
            ExportError::Unauthorized(requires.clone())
        );
    }
    for kind in ["jwt", "login"] {
        assert_eq!(
            error(
                &basic,
                NGINX_401,
                &homer(&[("HOMER_CREDENTIAL_KIND", kind)])
            ),
            ExportError::Unauthorized(format!(
                "{requires}, and use HOMER_API_TOKEN for Homer, because one Authorization header \
                 field cannot carry both credentials"
            ))
        );
    }
    let refused = format!(
        "a proxy {AT} refused HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD ({said}); check both"
    );
    for vars in [
        &[("HOMER_PROXY_CREDENTIAL_KIND", "basic")][..],
        &[
            ("HOMER_PROXY_USERNAME", "u"),
            ("HOMER_PROXY_PASSWORD", "p4ssword"),
        ],
    ] {
        assert_eq!(
            error(&basic, NGINX_401, &homer(vars)),
            ExportError::Unauthorized(refused.clone())
        );
    }
}

#[test]
fn proxy_that_wants_another_credential_is_named_with_what_to_set() {
    for (fields, body, expected) in [
        // Apache with mod_auth_digest.
        (
            &[
                (
                    "WWW-Authenticate",
                    "Digest realm=\"homer\", nonce=\"abc\", qop=\"auth\"",
                ),
                ("Server", "Apache/2.4.62 (Debian)"),
            ][..],
            "<!DOCTYPE HTML><title>401 Unauthorized</title>",
            format!(
                "a proxy (\"Apache/2.4.62 (Debian)\") {AT} requires HTTP Digest authentication (HTTP \
                 401, \"Digest realm=\\\"homer\\\", nonce=\\\"abc\\\", qop=\\\"auth\\\"\", web page \"401 \
                 Unauthorized\"), which this program does not support; let the proxy accept Basic \
                 (HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD) for Homer's API, or set HOMER_URL \
                 to Homer's own address"
            ),
        ),
        // IIS: each challenge in a field of its own.
        (
            &[
                ("WWW-Authenticate", "Negotiate"),
                ("WWW-Authenticate", "NTLM"),
            ],
            "",
            format!(
                "a proxy {AT} requires HTTP Negotiate authentication (HTTP 401, \"Negotiate, NTLM\"), \
                 which this program does not support; let the proxy accept Basic \
                 (HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD) for Homer's API, or set HOMER_URL \
                 to Homer's own address"
            ),
        ),
        // Any of several challenges is enough.
        (
            &[
                ("WWW-Authenticate", "Negotiate"),
                ("WWW-Authenticate", "Basic realm=\"x\", charset=\"UTF-8\""),
            ],
            "401 Unauthorized\n",
            format!(
                "a proxy {AT} requires HTTP Basic authentication (HTTP 401, \"Negotiate, Basic \
                 realm=\\\"x\\\", charset=\\\"UTF-8\\\"\", \"401 Unauthorized\"), which is not a login of \
                 Homer; set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD"
            ),
        ),
        // Envoy's JWT filter.
        (
            &[
                ("WWW-Authenticate", "Bearer realm=\"https://homer/\""),
                ("Server", "envoy"),
            ],
            "Jwt is missing",
            format!(
                "a proxy (envoy) {AT} requires a bearer token of its own (HTTP 401, \"Bearer \
                 realm=\\\"https://homer/\\\"\", \"Jwt is missing\"); put it as \"Authorization: Bearer \
                 …\" into the file of HOMER_EXTRA_HEADERS_FILE, or let the proxy pass requests for \
                 Homer's API"
            ),
        ),
        // oauth2-proxy, to a client that is not a browser.
        (
            &[],
            "{}",
            format!(
                "a proxy {AT} requires a login (HTTP 401); set HOMER_PROXY_USERNAME and \
                 HOMER_PROXY_PASSWORD if the proxy accepts HTTP Basic, put the header fields that \
                 it expects into a file named by HOMER_EXTRA_HEADERS_FILE, or set HOMER_URL to \
                 Homer's own address"
            ),
        ),
        // Kong's key-auth.
        (
            &[
                ("WWW-Authenticate", "Key realm=\"kong\""),
                ("Server", "kong/3.9.0"),
            ],
            "{\"message\":\"No API key found in request\"}",
            format!(
                "a proxy (kong/3.9.0) {AT} requires HTTP Key authentication (HTTP 401, \"Key \
                 realm=\\\"kong\\\"\": \"No API key found in request\"), which this program does not \
                 support; let the proxy accept Basic (HOMER_PROXY_USERNAME and \
                 HOMER_PROXY_PASSWORD) for Homer's API, or set HOMER_URL to Homer's own address"
            ),
        ),
    ] {
        assert_eq!(
            error(&head(401, fields), body, &with_token()),
            ExportError::Unauthorized(expected)
        );
    }
    let proxy = head(407, &[("Server", "squid/6.6")]);
    assert_eq!(
        error(
            &proxy,
            "<title>ERROR: Cache Access Denied</title>",
            &with_token()
        ),
        ExportError::Unauthorized(format!(
            "a proxy (squid/6.6) {AT} requires a credential in Proxy-Authorization (HTTP 407, web \
             page \"ERROR: Cache Access Denied\"); put that header field into the file of \
             HOMER_EXTRA_HEADERS_FILE"
        ))
    );
}

#[test]
fn proxy_that_forbids_is_told_from_a_sign_on_page() {
    // nginx with `deny`, ModSecurity, Envoy's RBAC filter, a firewall of AWS.
    for (fields, body, said) in [
        (
            &[("Server", "nginx")][..],
            "<html><head><title>403 Forbidden</title></head>",
            "web page \"403 Forbidden\"",
        ),
        (&[], "RBAC: access denied", "\"RBAC: access denied\""),
        (
            &[("Server", "awselb/2.0")],
            "<html>\r\n<head><title>403\nForbidden</title></head>",
            "web page \"403 Forbidden\"",
        ),
        (
            &[("Server", "kong/3.9.0")],
            "{\"message\":\"Your IP address is not allowed\"}",
            "Your IP address is not allowed",
        ),
    ] {
        let error = error(&head(403, fields), body, &with_token());
        assert_eq!(error.case(), "unauthorized", "{error}");
        assert!(
            error.message().contains(" forbids the request (HTTP 403"),
            "{error}"
        );
        assert!(error.message().contains(said), "{error}");
        assert!(!error.message().contains("enable_token_access"), "{error}");
    }
    // oauth2-proxy, Authelia, Cloudflare Access, Keycloak.
    for (status, body) in [
        (
            403,
            "<!DOCTYPE html><title>Sign In</title><form action=\"/oauth2/start\">",
        ),
        (401, "<html><title>Login - Authelia</title>"),
        (
            403,
            "<!DOCTYPE html><title>Forbidden</title><a href=\"https://x.cloudflareaccess.com/\">",
        ),
        (401, "<html><body><input name=p type=\"password\">"),
    ] {
        let error = error(&head(status, &[]), body, &with_token());
        assert_eq!(error.case(), "unauthorized", "{error}");
        assert!(
            error
                .message()
                .starts_with(&format!("a proxy {AT} requires a sign-on (HTTP"))
        );
        assert!(
            error.message().contains("HOMER_EXTRA_HEADERS_FILE"),
            "{error}"
        );
    }
}

#[test]
fn redirect_to_a_sign_on_page_is_attributed_to_the_proxy() {
    let advice = "set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD if the proxy accepts HTTP \
                  Basic, put the header fields that it expects into a file named by \
                  HOMER_EXTRA_HEADERS_FILE, or set HOMER_URL to Homer's own address";
    for (status, location, shown) in [
        (
            302,
            "https://sso.example/?rd=http://homer",
            "https://sso.example/",
        ),
        (
            302,
            "https://user:s3cret@idp.example/login?s=s3cret",
            "https://idp.example/login",
        ),
        (303, "/oauth2/sign_in", "/oauth2/sign_in"),
        (
            307,
            "https://login.example:8443/adfs/ls",
            "https://login.example:8443/adfs/ls",
        ),
        (
            302,
            "https://team.cloudflareaccess.com/cdn-cgi/access/login/homer?kid=1",
            "https://team.cloudflareaccess.com/cdn-cgi/access/login/homer",
        ),
    ] {
        let redirect = head(status, &[("Location", location), ("Server", "nginx")]);
        assert_eq!(
            error(&redirect, "", &with_token()),
            ExportError::Rejected {
                status,
                message: format!(
                    "a proxy (nginx) {AT} redirects to a sign-on page (HTTP {status}, \"{shown}\"). \
                     Redirects are not followed, so that the credential does not go to another \
                     server; {advice}"
                )
            }
        );
    }
}

#[test]
fn redirect_elsewhere_is_no_sign_on() {
    let redirected = |status, location| {
        let redirect = head(status, &[("Location", location)]);
        let error = error(&redirect, "<html>Moved</html>", &with_token());
        assert_eq!(error.case(), "rejected");
        error.message().to_string()
    };
    for (location, url) in [
        (
            "https://homer/api/v3/export/call/messages/pcap",
            "https://homer",
        ),
        (
            "https://homer:9443/prefix/api/v4/transactions/export/pcap",
            "https://homer:9443/prefix",
        ),
        ("https://homer/api/v3/auth", "https://homer"),
    ] {
        assert_eq!(
            redirected(301, location),
            format!(
                "http://homer:9080 returned a redirect to HTTPS (HTTP 301). Redirects are not \
                 followed, so that the credential does not go to another server; set HOMER_URL to \
                 {url}"
            )
        );
    }
    for location in [
        "http://homer:9080/api/v3/auth/",
        "https://homer.evil.example/api/v3/export",
        "/homer/",
        "https://www.example.net/",
    ] {
        assert_eq!(
            redirected(308, location),
            format!(
                "http://homer:9080 returned a redirect (HTTP 308) to \"{location}\". Redirects are not \
                 followed, so that the credential does not go to another server; set HOMER_URL to \
                 Homer's own address"
            )
        );
    }
}

#[test]
fn proxy_that_stops_waiting_is_a_time_out() {
    for (status, fields, body, said) in [
        (
            504,
            &[("Server", "nginx")][..],
            "<html><head><title>504 Gateway Time-out</title></head>",
            "(nginx) |HTTP 504, web page \"504 Gateway Time-out\"",
        ),
        // HAProxy has no title.
        (
            504,
            &[],
            "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n",
            "|HTTP 504, web page \"504 Gateway Time-out\"",
        ),
        (
            504,
            &[("server", "envoy")],
            "upstream request timeout",
            "(envoy) |HTTP 504, \"upstream request timeout\"",
        ),
        (504, &[("Server", "Caddy")], "", "(Caddy) |HTTP 504"),
        (
            504,
            &[],
            "Gateway Timeout",
            "|HTTP 504, \"Gateway Timeout\"",
        ),
        (
            504,
            &[("Server", "kong/3.9.0")],
            "{\"message\":\"The upstream server is timing out\"}",
            "(kong/3.9.0) |HTTP 504: \"The upstream server is timing out\"",
        ),
        (
            524,
            &[("Server", "cloudflare")],
            "error code: 524",
            "(cloudflare) |HTTP 524, \"error code: 524\"",
        ),
    ] {
        let (server, said) = said.split_once('|').unwrap();
        assert_eq!(
            error(&head(status, fields), body, &with_token()),
            ExportError::TimedOut(format!(
                "a proxy {server}{AT} stopped waiting for Homer ({said}), but Homer goes on \
                 working on the request: do not repeat it immediately. Narrow the window, or raise \
                 the timeout of the proxy (in nginx: proxy_read_timeout)"
            ))
        );
    }
}

#[test]
fn proxy_that_does_not_reach_homer_says_so() {
    for (status, fields, body, said, again) in [
        (
            502,
            &[("Server", "nginx/1.26.0")][..],
            "<html><head><title>502 Bad Gateway</title></head>",
            "(nginx/1.26.0) |HTTP 502, web page \"502 Bad Gateway\"",
            "later",
        ),
        (
            503,
            &[],
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available",
            "|HTTP 503, web page \"503 Service Unavailable\"",
            "later",
        ),
        (
            503,
            &[("Server", "Apache"), ("Retry-After", "60")],
            "<!DOCTYPE HTML PUBLIC><title>503 Service Unavailable</title>",
            "(Apache) |HTTP 503, web page \"503 Service Unavailable\"",
            "after 60 seconds",
        ),
        (
            503,
            &[("Retry-After", "Fri, 20 Nov 2026 10:00:00 GMT")],
            "upstream connect error or disconnect/reset before headers",
            "|HTTP 503, \"upstream connect error or disconnect/reset before headers\"",
            "after \"Fri, 20 Nov 2026 10:00:00 GMT\"",
        ),
        (
            503,
            &[],
            "no available server\n",
            "|HTTP 503, \"no available server\"",
            "later",
        ),
        (
            502,
            &[("Server", "Caddy")],
            "",
            "(Caddy) |HTTP 502",
            "later",
        ),
        (
            503,
            &[("Server", "awselb/2.0")],
            "<html>\n<head><title>503 Service Temporarily Unavailable</title>",
            "(awselb/2.0) |HTTP 503, web page \"503 Service Temporarily Unavailable\"",
            "later",
        ),
        (
            503,
            &[],
            "{\"message\":\"failure to get a peer from the ring-balancer\"}",
            "|HTTP 503: \"failure to get a peer from the ring-balancer\"",
            "later",
        ),
        (
            521,
            &[("Server", "cloudflare")],
            "error code: 521",
            "(cloudflare) |HTTP 521, \"error code: 521\"",
            "later",
        ),
    ] {
        let (server, said) = said.split_once('|').unwrap();
        let message = format!(
            "a proxy {server}{AT} cannot reach Homer ({said}); check that Homer is running and that \
             the proxy has its right address and port, and try again {again}"
        );
        assert_eq!(
            error(&head(status, fields), body, &with_token()),
            ExportError::Rejected { status, message }
        );
    }
}

#[test]
fn proxy_that_rejects_for_another_reason_says_which() {
    for (status, fields, body, expected) in [
        (
            413,
            &[("Server", "nginx")][..],
            "<html><title>413 Request Entity Too Large</title>",
            format!(
                "a proxy (nginx) {AT} does not accept a request of this size (HTTP 413, web page \
                 \"413 Request Entity Too Large\"); request fewer Call-IDs, or raise its limit (in \
                 nginx: client_max_body_size)"
            ),
        ),
        (
            429,
            &[("Retry-After", "30")],
            "{\"message\":\"API rate limit exceeded\"}",
            format!(
                "a proxy {AT} limits the rate of requests (HTTP 429: \"API rate limit exceeded\"); try \
                 again after 30 seconds"
            ),
        ),
        (
            429,
            &[],
            "",
            format!("a proxy {AT} limits the rate of requests (HTTP 429); try again later"),
        ),
        (
            500,
            &[],
            "<html><title>500 Internal Server Error</title>",
            format!(
                "a proxy {AT} failed (HTTP 500, web page \"500 Internal Server Error\"); check its \
                 log, and that it reaches Homer"
            ),
        ),
        (
            405,
            &[("Server", "nginx")],
            "<html><title>405 Not Allowed</title>",
            format!(
                "a proxy (nginx) {AT} rejected the request (HTTP 405, web page \"405 Not \
                 Allowed\"); check HOMER_URL, and that the proxy passes POST requests on to \
                 Homer's API"
            ),
        ),
    ] {
        assert_eq!(
            error(&head(status, fields), body, &with_token()),
            ExportError::Rejected {
                status,
                message: expected
            }
        );
    }
}

#[test]
fn proxy_without_a_route_may_have_one_for_the_other_api() {
    // Traefik and Go's own multiplexer, nginx, Kong.
    for (fields, body, said) in [
        (
            &[][..],
            "404 page not found\n",
            "HTTP 404, \"404 page not found\"",
        ),
        (
            &[],
            "<html><head><title>404 Not Found</title>",
            "HTTP 404, web page \"404 Not Found\"",
        ),
        (
            &[],
            "{\"message\":\"no Route matched with those values\"}",
            "HTTP 404: \"no Route matched with those values\"",
        ),
    ] {
        let expected = ExportError::Rejected {
            status: 404,
            message: format!(
                "a proxy {AT}, or another web server, does not pass this path on to Homer \
                 ({said}); check the host name and the path in HOMER_URL, and the routes of the \
                 proxy"
            ),
        };
        assert_eq!(
            response::no_capture(&head(404, fields), body.as_bytes(), &with_token()),
            NoCapture::UnknownEndpoint(expected)
        );
    }
}

#[test]
fn plain_http_to_a_tls_port_names_the_url_to_set() {
    for (status, body, said) in [
        (
            400,
            "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title>",
            "HTTP 400, web page \"400 The plain HTTP request was sent to HTTPS port\"",
        ),
        (
            400,
            "Client sent an HTTP request to an HTTPS server.\n",
            "HTTP 400, \"Client sent an HTTP request to an HTTPS server.\"",
        ),
        (
            400,
            "<!DOCTYPE HTML><title>400 Bad Request</title><p>Reason: You're speaking plain HTTP to \
             an SSL-enabled server port.",
            "HTTP 400, web page \"400 Bad Request\"",
        ),
        (
            400,
            "Bad Request\r\nThis combination of host and port requires TLS.\r\n",
            "HTTP 400, \"Bad Request\"",
        ),
    ] {
        let message = format!(
            "http://homer:9080 expects HTTPS, but HOMER_URL begins with http:// ({said}); set \
             HOMER_URL to https://homer:9080"
        );
        assert_eq!(
            error(&head(status, &[]), body, &with_token()),
            ExportError::Rejected { status, message }
        );
    }
    // Homer's own words, in JSON.
    let own = "{\"message\":\"Client sent an HTTP request to an HTTPS server.\"}";
    assert!(
        error(&head(400, &[]), own, &with_token())
            .message()
            .starts_with("Homer at")
    );
}

#[test]
fn response_of_homer_itself_is_not_taken_for_a_proxy() {
    for (status, fields, body) in [
        // A proxy may add its name to Homer's response, and so may Kong to its own `Via`.
        (
            401,
            &[("Server", "nginx")][..],
            "{\"message\":\"invalid or expired jwt\"}",
        ),
        (
            400,
            &[("Server", "envoy")],
            "{\"message\":\"missing or malformed jwt\"}",
        ),
        (
            401,
            &[("Server", "Kong")],
            "{\"message\":\"Login required\"}",
        ),
        (
            401,
            &[("WWW-Authenticate", "Bearer")],
            "{\"error\":\"Missing authorization header\"}",
        ),
        (
            401,
            &[],
            "{\"statuscode\":401,\"error\":\"Unauthorized\",\"message\":\"incorrect password\"}",
        ),
        (403, &[], "{\"error\":\"Password change required\"}"),
        (
            503,
            &[("Server", "nginx")],
            "{\"message\":\"db data retrieve error\"}",
        ),
        (500, &[], "{\"message\":\"Internal Server Error\"}"),
        (
            500,
            &[],
            "{\"error\":{\"type\":\"t\",\"title\":\"Query failed\",\"status\":500}}\n{\"error\":\
             {\"detail\":\"No exportable SIP payload in result set\"}}",
        ),
        (
            400,
            &[],
            "{\"data\":{},\"message\":\"request format is not correct\"}",
        ),
        // No sign of either.
        (401, &[], ""),
        (503, &[], ""),
    ] {
        let error = error(&head(status, fields), body, &with_token());
        assert!(
            error.message().starts_with("Homer at http://homer:9080"),
            "{error}"
        );
        assert!(!error.message().contains("HOMER_PROXY"), "{error}");
    }
    for (name, case) in [
        ("authz-none", "unauthorized"),
        ("authz-basic", "unauthorized"),
        ("v1_4_40-authz-none", "unauthorized"),
        ("auth-wrong-password", "unauthorized"),
        ("export-malformed-json", "rejected"),
        ("cfg-debug-panic", "rejected"),
    ] {
        let (head, body) = recorded(name);
        let error = error(&head, std::str::from_utf8(&body).unwrap(), &with_token());
        assert_eq!(error.case(), case, "{name}");
        assert!(error.message().starts_with("Homer at"), "{name}: {error}");
    }
}

#[test]
fn page_in_place_of_a_capture_is_named() {
    let page = |body: &str, vars: &[(&str, &str)]| {
        let head = head(200, &[("Content-Type", "text/html"), ("Server", "nginx")]);
        response::not_a_capture(&head, body.as_bytes(), &homer(vars))
    };
    let sign_on = "<!doctype html><TITLE>\n Sign in to\n Keycloak </TITLE>";
    let why = format!(
        "a proxy (nginx) {AT} returned HTTP 200 with a sign-on page \"Sign in to Keycloak\" \
         (text/html); expected a capture file. Set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD \
         if the proxy accepts HTTP Basic, put the header fields that it expects into a file named \
         by HOMER_EXTRA_HEADERS_FILE, or set HOMER_URL to Homer's own address"
    );
    assert_eq!(page(sign_on, &[]), ExportError::InvalidResponse(why));
    let given = page(sign_on, &[("HOMER_PROXY_CREDENTIAL_KIND", "fields")]);
    assert!(
        given
            .message()
            .contains(". Check the file of HOMER_EXTRA_HEADERS_FILE, or set HOMER_PROXY_USERNAME"),
        "{given}"
    );
    // HOMER 11 with a static user interface (docs/homer.md §9.5).
    let why = "http://homer:9080 returned HTTP 200 with a web page \"Homer\" (text/html); expected \
               a capture file. Either a login page or proxy is in front of Homer, or HOMER_URL does \
               not point to Homer";
    assert_eq!(
        page("<html><title>Homer</title><div id=\"root\">", &[]),
        ExportError::InvalidResponse(why.to_string())
    );
    // The login gets the page before the export does.
    let head = head(200, &[]);
    assert!(
        login::error(&head, sign_on.as_bytes(), &homer(&[]))
            .message()
            .contains("sign-on page")
    );
}

#[test]
fn proxy_that_sends_our_credential_back_does_not_show_it() {
    let homer = homer(&[
        ("HOMER_API_TOKEN", "t0ken-s3cret"),
        ("HOMER_PROXY_USERNAME", "u"),
        ("HOMER_PROXY_PASSWORD", "p4ss-s3cret"),
    ]);
    // "u:p4ss-s3cret"
    let encoded = "dTpwNHNzLXMzY3JldA==";
    assert_eq!(
        homer.credential_fields(),
        [
            ("Auth-Token".to_string(), "t0ken-s3cret".to_string()),
            ("Authorization".to_string(), format!("Basic {encoded}")),
        ]
    );
    for secret in ["t0ken-s3cret", "p4ss-s3cret", encoded] {
        let basic = format!("Basic realm=\"{secret}\"");
        for (status, name, body) in [
            (401, "WWW-Authenticate", format!("<title>{secret}</title>")),
            (503, "Retry-After", format!("no {secret}")),
            (502, "Server", format!("{{\"message\":\"{secret}\"}}")),
        ] {
            let fields = [(name, basic.as_str())];
            let error = error(&head(status, &fields), &body, &homer);
            assert!(!error.message().contains(secret), "{error}");
            assert!(error.message().contains("[credential]"), "{error}");
        }
    }
}

#[test]
fn head_keeps_the_first_value_and_all_challenges() {
    let fields = [
        ("server", "a"),
        ("Server", "b"),
        ("WWW-Authenticate", "Negotiate"),
        ("www-authenticate", "Basic"),
        ("Content-Length", "x"),
    ];
    let expected = ResponseHead {
        status: 401,
        server: Some("a".to_string()),
        www_authenticate: Some("Negotiate, Basic".to_string()),
        ..ResponseHead::default()
    };
    assert_eq!(head(401, &fields), expected);
    let long = "x".repeat(5000);
    let server = head(200, &[("Server", &long)]).server.unwrap();
    assert_eq!(server.len(), 1024);
}
