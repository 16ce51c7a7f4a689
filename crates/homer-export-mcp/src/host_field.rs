//! The `Host` of an HTTP request (RFC 9112 §3.2). Which names are allowed, rmcp checks; this module
//! makes sure that there is one name only.

use homer_export::mcp::protocol::HttpResponse;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Version};

/// # Errors
/// The response 400 to a request without `Host` (except in HTTP/1.0), with several, with one that
/// is not a host with an optional port, or with another one than its target has.
pub(crate) fn check(request: &Parts) -> Result<(), HttpResponse> {
    let invalid = |why: &str| Err(HttpResponse::plain_text(400, why));
    let mut values = request.headers.get_all(HOST).iter();
    let host = match (values.next(), values.next()) {
        (Some(host), None) => host,
        (Some(_), Some(_)) => return invalid("the request has more than one Host field; send one"),
        (None, _) if request.version == Version::HTTP_10 => return Ok(()),
        (None, _) => return invalid("the request has no Host field; send one"),
    };
    let Some(host) = authority(host) else {
        return invalid(
            "the Host field of the request is not a host name or an IP address with an optional \
             port",
        );
    };
    // A request target in absolute form takes precedence (RFC 9112 §3.2.2). A proxy in front of
    // this server may have looked at the other one.
    match request.uri.authority() {
        Some(target) if !target.as_str().eq_ignore_ascii_case(host.as_str()) => {
            invalid("the Host field of the request names another host than its target")
        }
        _ => Ok(()),
    }
}

/// A host and an optional port, without user information.
fn authority(value: &HeaderValue) -> Option<Authority> {
    let authority = Authority::try_from(value.as_bytes()).ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let is_port = port.is_empty() || authority.port_u16().is_some();
    (is_port && !authority.host().is_empty()).then_some(authority)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::{Request, Version};

    use super::check;

    fn is_accepted(target: &str, hosts: &[&str], version: Version) -> bool {
        let mut request = Request::post(target).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn host_field_is_one_host_with_an_optional_port() {
        for host in [
            "localhost",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:1",
            "a.example:65535",
        ] {
            assert!(is_accepted("/mcp", &[host], Version::HTTP_11), "{host}");
        }
        for host in [
            "",
            " ",
            "x@127.0.0.1",
            "127.0.0.1:80:80",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:65536",
            "127.0.0.1, evil.example",
            "127.0.0.1 evil.example",
            "[::1",
            "http://127.0.0.1",
            "127.0.0.1/mcp",
        ] {
            assert!(!is_accepted("/mcp", &[host], Version::HTTP_11), "{host:?}");
        }
        assert!(!is_accepted("/mcp", &["localhost"; 2], Version::HTTP_11));
        assert!(!is_accepted("/mcp", &[], Version::HTTP_11));
        assert!(is_accepted("/mcp", &[], Version::HTTP_10));
    }

    #[test]
    fn host_field_agrees_with_the_target() {
        for (target, is_same) in [
            ("http://localhost:8080/mcp", true),
            ("http://LOCALHOST:8080/mcp", true),
            ("http://localhost/mcp", false),
            ("http://evil.example/mcp", false),
            ("http://x@localhost:8080/mcp", false),
        ] {
            let accepted = is_accepted(target, &["localhost:8080"], Version::HTTP_11);
            assert_eq!(accepted, is_same, "{target}");
        }
    }
}
