//! Which callers may use an MCP server over HTTP.

use homer_export::CallerPolicy;

fn policy(
    token: Option<&str>,
    open: Option<&str>,
    origins: Option<&str>,
    private: bool,
) -> Result<CallerPolicy, String> {
    CallerPolicy::new(token.map(str::to_string), open, origins, private)
        .map_err(|error| error.to_string())
}

#[test]
fn policy_requires_a_token_if_others_can_call() {
    for (token, open, private) in [
        (Some("s3cret"), None, false),
        (None, Some("1"), false),
        (None, None, true),
        (Some("s3cret"), Some(""), true),
    ] {
        assert!(
            policy(token, open, None, private).is_ok(),
            "{token:?} {open:?} {private}"
        );
    }
    for (token, open, private, why) in [
        (
            None,
            None,
            false,
            "misconfigured: HOMER_MCP_TOKEN is not set, but other machines can reach this server",
        ),
        (
            Some(""),
            Some(""),
            false,
            "misconfigured: HOMER_MCP_TOKEN is not set",
        ),
        (
            Some("s3cret"),
            Some("1"),
            false,
            "misconfigured: HOMER_MCP_TOKEN and HOMER_MCP_OPEN are both set",
        ),
        (
            None,
            Some("0"),
            true,
            "misconfigured: HOMER_MCP_OPEN is \"0\", expected 1",
        ),
        // It does not count as unset: that would open the server to everybody.
        (
            Some("${user_config.token}"),
            None,
            true,
            "misconfigured: HOMER_MCP_TOKEN is a placeholder",
        ),
        (
            None,
            Some("${HOMER_MCP_OPEN}"),
            true,
            "misconfigured: HOMER_MCP_OPEN is a placeholder",
        ),
        (
            Some("s3\ncret"),
            None,
            true,
            "misconfigured: HOMER_MCP_TOKEN contains a space, a line break",
        ),
    ] {
        let error = policy(token, open, None, private).unwrap_err();
        assert!(error.starts_with(why), "{error}");
        assert!(!error.contains("s3"), "{error}");
    }
}

#[test]
fn policy_accepts_only_the_token() {
    let guarded = policy(Some("s3cret"), None, None, false).unwrap();
    for (shown, admitted) in [
        (Some("Bearer s3cret"), true),
        (Some("bearer s3cret"), true),
        (Some("Bearer s3creT"), false),
        (Some("Bearer s3cret1"), false),
        (Some("Basic s3cret"), false),
        (Some("s3cret"), false),
        (Some(""), false),
        (None, false),
    ] {
        assert_eq!(
            guarded.check_bearer(shown.map(str::as_bytes)),
            admitted,
            "{shown:?}"
        );
    }
    let open = policy(None, Some("1"), None, false).unwrap();
    assert!(open.check_bearer(None) && open.check_bearer(Some(b"Bearer anything")));
    assert!(!format!("{guarded:?}").contains("s3cret"));
}

#[test]
fn policy_allows_loopback_and_configured_origins() {
    let origins = Some("https://app.example.net, http://[2001:db8::1]:8080,");
    let callers = policy(None, None, origins, true)
        .unwrap()
        .with_hosts(vec!["homer.example.net".to_string()]);
    for (origin, allowed) in [
        (None, true),
        (Some("http://localhost:5173"), true),
        (Some("https://127.0.0.1"), true),
        (Some("http://[::1]:3000"), true),
        (Some("https://app.example.net"), true),
        (Some("https://APP.example.net:443"), true),
        (Some("https://app.example.net:8443"), false),
        (Some("http://[2001:db8::1]:8080"), true),
        (Some("http://homer.example.net:99"), true),
        (Some("https://evil.example"), false),
        (Some("http://localhost.evil.example"), false),
        // No browser sends these.
        (Some("http://localhost/"), false),
        (Some("http://localhost/api/v3"), false),
        (Some("null"), false),
        (Some("file://"), false),
        (Some(""), false),
    ] {
        assert_eq!(
            callers.allows_origin(origin.map(str::as_bytes)),
            allowed,
            "{origin:?}"
        );
    }
    assert!(!callers.allows_origin(Some(b"http://\xff")));
}

#[test]
fn policy_rejects_an_entry_that_is_not_an_origin() {
    for entry in [
        "app.example.net",
        "https://app.example.net/page",
        "*",
        "ftp://app.example.net",
    ] {
        let error = policy(None, None, Some(entry), true).unwrap_err();
        assert!(
            error.starts_with("misconfigured: HOMER_MCP_ORIGINS has an invalid entry: "),
            "{error}"
        );
    }
}

#[test]
fn policy_rejects_before_the_body_is_read() {
    let callers = policy(
        Some("s3cret"),
        None,
        Some("https://app.example.net/"),
        false,
    )
    .unwrap();
    let authorize = |method: &str, fields: &[(&str, &'static str)]| {
        let values = |name: &str| {
            let values = fields
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, value)| value.as_bytes());
            values.collect::<Vec<_>>()
        };
        callers
            .authorize(method, values)
            .map_err(|rejection| rejection.status)
    };
    let (token, page) = (
        ("authorization", "Bearer s3cret"),
        ("origin", "https://app.example.net"),
    );
    let asks = ("access-control-request-method", "POST");
    for (method, fields, expected) in [
        ("POST", &[token][..], Ok(())),
        ("POST", &[token, page], Ok(())),
        ("POST", &[page], Err(401)),
        ("OPTIONS", &[page, asks], Err(204)),
        ("OPTIONS", &[page], Err(401)),
        (
            "OPTIONS",
            &[("origin", "https://evil.example"), asks],
            Err(403),
        ),
        // A proxy may have checked the other one.
        ("POST", &[token, token], Err(401)),
        (
            "POST",
            &[token, page, ("origin", "https://evil.example")],
            Err(403),
        ),
    ] {
        assert_eq!(authorize(method, fields), expected, "{method} {fields:?}");
    }
    let no_field = |_: &str| Vec::new();
    let rejection = callers.authorize("POST", no_field).unwrap_err();
    assert_eq!(
        (rejection.text, rejection.fields),
        (
            "send Authorization: Bearer <the server's HOMER_MCP_TOKEN>",
            &[("www-authenticate", "Bearer")][..]
        )
    );
}
