//! Who may call an MCP server over HTTP.

use homer_export::CallerPolicy;

fn http_auth(
    token: Option<&str>,
    open: Option<&str>,
    origins: Option<&str>,
    private: bool,
) -> Result<CallerPolicy, String> {
    CallerPolicy::new(token.map(str::to_string), open, origins, private)
        .map_err(|error| error.to_string())
}

#[test]
fn access_wants_a_token_where_others_can_call() {
    for (token, open, private) in [
        (Some("s3cret"), None, false),
        (None, Some("1"), false),
        (None, None, true),
        (Some("s3cret"), Some(""), true),
    ] {
        assert!(
            http_auth(token, open, None, private).is_ok(),
            "{token:?} {open:?} {private}"
        );
    }
    for (token, open, private, why) in [
        (
            None,
            None,
            false,
            "misconfigured: HOMER_MCP_TOKEN is not set, and others can reach this server",
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
            "misconfigured: HOMER_MCP_OPEN is not 1",
        ),
        // Not as if it were not set: that would open the door.
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
            "misconfigured: HOMER_MCP_TOKEN has a blank, a line break",
        ),
    ] {
        let error = http_auth(token, open, None, private).unwrap_err();
        assert!(error.starts_with(why), "{error}");
        assert!(!error.contains("s3"), "{error}");
    }
}

#[test]
fn access_admits_the_token_alone() {
    let guarded = http_auth(Some("s3cret"), None, None, false).unwrap();
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
            guarded.admits(shown.map(str::as_bytes)),
            admitted,
            "{shown:?}"
        );
    }
    let open = http_auth(None, Some("1"), None, false).unwrap();
    assert!(open.admits(None) && open.admits(Some(b"Bearer anything")));
    assert!(!format!("{guarded:?}").contains("s3cret"));
}

#[test]
fn access_allows_pages_of_the_machine_and_of_named_origins() {
    let origins = Some("https://app.example.net, http://[2001:db8::1]:8080,");
    let http_auth = http_auth(None, None, origins, true)
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
            http_auth.allows(origin.map(str::as_bytes)),
            allowed,
            "{origin:?}"
        );
    }
    assert!(!http_auth.allows(Some(b"http://\xff")));
}

#[test]
fn access_refuses_an_entry_that_is_no_origin() {
    for entry in [
        "app.example.net",
        "https://app.example.net/page",
        "*",
        "ftp://app.example.net",
    ] {
        let error = http_auth(None, None, Some(entry), true).unwrap_err();
        assert!(
            error.starts_with("misconfigured: HOMER_MCP_ORIGINS has an entry that is none: "),
            "{error}"
        );
    }
}

#[test]
fn access_answers_before_the_protocol_does() {
    let http_auth = http_auth(
        Some("s3cret"),
        None,
        Some("https://app.example.net/"),
        false,
    )
    .unwrap();
    let gate = |method: &str, fields: &[(&str, &'static str)]| {
        let values = |name: &str| {
            let values = fields
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, value)| value.as_bytes());
            values.collect::<Vec<_>>()
        };
        http_auth.gate(method, values).map_err(|gate| gate.status)
    };
    let (token, page) = (
        ("authorization", "Bearer s3cret"),
        ("origin", "https://app.example.net"),
    );
    let asks = ("access-control-request-method", "POST");
    for (method, fields, answer) in [
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
        // A proxy might have looked at the other one.
        ("POST", &[token, token], Err(401)),
        (
            "POST",
            &[token, page, ("origin", "https://evil.example")],
            Err(403),
        ),
    ] {
        assert_eq!(gate(method, fields), answer, "{method} {fields:?}");
    }
}
