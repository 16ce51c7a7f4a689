//! Which callers may use an MCP server over HTTP.

use homer_export::CallerPolicy;
use homer_export::mcp::auth::CallerToken;

const TOKEN: &str = "s3cret-of-callers";
/// 2026-11-20T10:00:00Z
const NOW: i64 = 1_795_168_800_000;

fn policy(
    token: Option<&str>,
    open: Option<&str>,
    origins: Option<&str>,
) -> Result<CallerPolicy, String> {
    CallerPolicy::new(token.map(str::to_string), open, origins).map_err(|error| error.to_string())
}

#[test]
fn policy_requires_a_token_or_openness_on_purpose() {
    for (token, open) in [
        (Some(TOKEN), None),
        (None, Some("1")),
        (Some(TOKEN), Some("")),
    ] {
        assert!(policy(token, open, None).is_ok(), "{token:?} {open:?}");
    }
    for (token, open, why) in [
        (
            None,
            None,
            "misconfigured: HOMER_MCP_TOKEN is not set, but others can reach this server",
        ),
        (
            Some(""),
            Some(""),
            "misconfigured: HOMER_MCP_TOKEN is not set",
        ),
        (
            Some(TOKEN),
            Some("1"),
            "misconfigured: HOMER_MCP_TOKEN and HOMER_MCP_OPEN are both set",
        ),
        (
            Some("s3-15-character"),
            None,
            "misconfigured: HOMER_MCP_TOKEN has 15 characters, and could be guessed; use at least \
             16 random ones",
        ),
        (
            None,
            Some("0"),
            "misconfigured: HOMER_MCP_OPEN is \"0\", expected 1",
        ),
        // It does not count as unset: that would open the server to everybody.
        (
            Some("${user_config.token}"),
            None,
            "misconfigured: HOMER_MCP_TOKEN is a placeholder",
        ),
        (
            None,
            Some("${HOMER_MCP_OPEN}"),
            "misconfigured: HOMER_MCP_OPEN is a placeholder",
        ),
        (
            Some("s3\ncret-of-the-callers"),
            None,
            "misconfigured: HOMER_MCP_TOKEN contains a space, a line break",
        ),
    ] {
        let error = policy(token, open, None).unwrap_err();
        assert!(error.starts_with(why), "{error}");
        assert!(!error.contains("s3"), "{error}");
    }
}

#[test]
fn policy_accepts_only_the_token() {
    let guarded = policy(Some(TOKEN), None, None).unwrap();
    for (shown, expected) in [
        (Some("Bearer s3cret-of-callers"), Ok(None)),
        (Some("bearer s3cret-of-callers"), Ok(None)),
        (Some("Bearer s3cret-of-callerS"), Err(UNKNOWN)),
        (Some("Bearer s3cret-of-callers1"), Err(UNKNOWN)),
        (Some("Basic s3cret-of-callers"), Err(MISSING)),
        (Some("s3cret-of-callers"), Err(MISSING)),
        (Some(""), Err(MISSING)),
        (None, Err(MISSING)),
    ] {
        assert_eq!(bearer(&guarded, shown, NOW), expected, "{shown:?}");
    }
    let open = policy(None, Some("1"), None).unwrap();
    assert_eq!(bearer(&open, None, NOW), Ok(None));
    assert_eq!(bearer(&open, Some("Bearer anything"), NOW), Ok(None));
    assert!(!format!("{guarded:?}").contains("s3cret"));
}

const MISSING: &str = "Bearer";
const UNKNOWN: &str = "Bearer error=\"invalid_token\"";
const EXPIRED: &str = "Bearer error=\"invalid_token\", error_description=\"the token has expired\"";

/// The name of the token, or the value of WWW-Authenticate.
fn bearer(
    policy: &CallerPolicy,
    authorization: Option<&str>,
    now_ms: i64,
) -> Result<Option<String>, &'static str> {
    match policy.check_bearer(authorization.map(str::as_bytes), now_ms) {
        Ok(token) => Ok(token.and_then(CallerToken::name).map(str::to_string)),
        Err(rejection) => {
            assert_eq!(rejection.status, 401);
            Err(rejection.fields[0].1)
        }
    }
}

const FILE: &str = "\u{feff}# NAME EXPIRES TOKEN\r
alice  2026-11-20  token-of-alice-1\r

bob\t2026-11-20T11:00:00.5+01:00 token-of-bob-123
ci.bot@example never token-of-the-bot
";

#[test]
fn tokens_file_names_callers_and_lets_their_tokens_expire() {
    let tokens = CallerToken::parse_file(FILE).unwrap();
    assert!(!format!("{tokens:?}").contains("token-of"), "{tokens:?}");
    let policy = CallerPolicy::with_tokens(Some(TOKEN.to_string()), tokens, None, None).unwrap();
    let (end_of_day, years_later) = (1_795_219_199_999, NOW + 100_000_000_000);
    for (token, now_ms, expected) in [
        ("token-of-alice-1", NOW, Ok(Some("alice"))),
        ("token-of-alice-1", end_of_day, Ok(Some("alice"))),
        ("token-of-alice-1", end_of_day + 1, Err(EXPIRED)),
        ("token-of-bob-123", NOW + 500, Ok(Some("bob"))),
        ("token-of-bob-123", NOW + 501, Err(EXPIRED)),
        ("token-of-the-bot", years_later, Ok(Some("ci.bot@example"))),
        (TOKEN, years_later, Ok(None)),
        ("token-of-alice-2", NOW, Err(UNKNOWN)),
        ("alice", NOW, Err(UNKNOWN)),
    ] {
        let found = bearer(&policy, Some(&format!("Bearer {token}")), now_ms);
        assert_eq!(
            found,
            expected.map(|name: Option<&str>| name.map(str::to_string)),
            "{token}"
        );
    }
}

#[test]
fn tokens_file_is_rejected_by_line_without_repeating_it() {
    for (file, why) in [
        ("", "has no tokens; add a line NAME EXPIRES TOKEN"),
        ("# none yet\n", "has no tokens"),
        (
            "\nsecret-of-somebody\n",
            ", line 2: expected NAME EXPIRES TOKEN, found 1 fields",
        ),
        (
            "a never secret-of-somebody x",
            ", line 1: expected NAME EXPIRES TOKEN, found 4",
        ),
        // In the wrong order.
        (
            "a secret-of-somebody never",
            ", line 1: the second field is neither a date",
        ),
        (
            "secret/of+somebody never a",
            ", line 1: the name may have at most 64",
        ),
        (
            "a 2026-13-01 secret-of-somebody",
            ", line 1: the second field is neither a date",
        ),
        (
            "a -2h secret-of-somebody",
            ", line 1: the second field is neither a date",
        ),
        (
            "a 1795168800000 secret-of-somebody",
            ", line 1: the second field is neither a date",
        ),
        ("a never secret", ", line 1: the token has 6 characters"),
        (
            "a never secret-of-s\u{f6}mebody",
            ", line 1: the token contains",
        ),
        (
            "a never secret-of-somebody\na never secret-of-another",
            ", line 2: the name appears twice",
        ),
        (
            "a never secret-of-somebody\nb never secret-of-somebody",
            ", line 2: the token appears twice",
        ),
    ] {
        let error = CallerToken::parse_file(file).unwrap_err().to_string();
        let expected = format!("misconfigured: HOMER_MCP_TOKENS_FILE{why}");
        let spaced = format!("misconfigured: HOMER_MCP_TOKENS_FILE {why}");
        assert!(
            error.starts_with(&expected) || error.starts_with(&spaced),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
    let tokens = CallerToken::parse_file(FILE).unwrap();
    let error = CallerPolicy::with_tokens(None, tokens, Some("1"), None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("HOMER_MCP_TOKENS_FILE and HOMER_MCP_OPEN are both set"),
        "{error}"
    );
}

#[test]
fn policy_allows_loopback_and_configured_origins() {
    let origins = Some("https://app.example.net, http://[2001:db8::1]:8080,");
    let callers = policy(None, Some("1"), origins)
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
        let error = policy(None, Some("1"), Some(entry)).unwrap_err();
        assert!(
            error.starts_with("misconfigured: HOMER_MCP_ORIGINS has an invalid entry: "),
            "{error}"
        );
    }
}

#[test]
fn policy_rejects_before_the_body_is_read() {
    let callers = policy(Some(TOKEN), None, Some("https://app.example.net/")).unwrap();
    let authorize = |method: &str, fields: &[(&str, &'static str)]| {
        let values = |name: &str| {
            let values = fields
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, value)| value.as_bytes());
            values.collect::<Vec<_>>()
        };
        callers
            .authorize(method, values, NOW)
            .map(|_| ())
            .map_err(|rejection| rejection.status)
    };
    let (token, page) = (
        ("authorization", "Bearer s3cret-of-callers"),
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
    let rejection = callers.authorize("POST", no_field, NOW).unwrap_err();
    assert_eq!(
        (rejection.text, rejection.fields),
        (
            "send Authorization: Bearer <the server's HOMER_MCP_TOKEN>",
            &[("www-authenticate", "Bearer")][..]
        )
    );
}
