//! A proxy in front of Homer: the header fields for it, and its responses.

use std::io::Write as _;

use fake_homer::{API_TOKEN, PASSWORD, USERNAME};
use homer_export::ExportError;
use homer_host::{Exporter, HostConfig, Policy};

use host_test::calls::{CALL, error, export, recorded, request};
use host_test::server::{Server, Then, whole};

/// "proxy-user:pr0xy-s3cret"
const BASIC: &str = "Basic cHJveHktdXNlcjpwcjB4eS1zM2NyZXQ=";

const PROXY: [(&str, &str); 2] = [
    ("HOMER_PROXY_USERNAME", "proxy-user"),
    ("HOMER_PROXY_PASSWORD", "pr0xy-s3cret"),
];

fn configuration(vars: &[(&str, &str)]) -> Result<HostConfig, ExportError> {
    HostConfig::from_vars(
        vars.iter()
            .map(|(name, value)| (name.to_string(), value.to_string())),
    )
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// A policy with both kinds of header fields, and a file that must outlive it only until it is made.
fn policy(url: &str, vars: &[(&str, &str)]) -> Policy {
    let file = file("# for the proxy\nX-Service-Token: t0ken-s3cret\nX-Flag: 1\n");
    let path = file.path().to_str().unwrap().to_string();
    let ours = [
        ("HOMER_URL", url),
        ("HOMER_EXTRA_HEADERS_FILE", path.as_str()),
    ];
    let policy = configuration(&[&ours[..], vars].concat()).unwrap().policy();
    let seen = format!("{policy:?} {:?}", policy.environment.variables(None));
    for secret in ["s3cret", "cHJveHk", "proxy-user", "t0ken"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    policy
}

#[tokio::test]
async fn proxy_gets_its_header_fields_beside_homers_token() {
    let server = Server::start(whole(&recorded("export-ok-auth-token")), Then::Serve).await;
    let token = [("HOMER_API_TOKEN", API_TOKEN)];
    let exporter = Exporter::new(policy(&server.url, &[&token[..], &PROXY].concat())).unwrap();
    export(&exporter, &request(CALL)).await.unwrap();
    let request = server.requests().remove(0).to_lowercase();
    for field in [
        format!("\r\nauthorization: {}\r\n", BASIC.to_lowercase()),
        format!("\r\nauth-token: {}\r\n", API_TOKEN.to_lowercase()),
        "\r\nx-service-token: t0ken-s3cret\r\n".to_string(),
        "\r\nx-flag: 1\r\n".to_string(),
    ] {
        assert!(request.contains(&field), "{field} in {request}");
    }
}

#[tokio::test]
async fn proxy_gets_its_header_fields_with_the_login_as_well() {
    let server = Server::start(
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 33\r\n\r\n{\"message\":\"incorrect password\"} ",
        Then::Serve,
    )
    .await;
    let login = [("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)];
    error(policy(&server.url, &login)).await;
    let requests = server.requests();
    assert!(
        requests[0].starts_with("POST /api/v3/auth "),
        "{requests:?}"
    );
    assert!(
        requests[0]
            .to_lowercase()
            .contains("\r\nx-service-token: t0ken-s3cret\r\n"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn proxy_that_sends_its_credential_back_is_redacted() {
    let encoded = BASIC.strip_prefix("Basic ").unwrap();
    for secret in ["pr0xy-s3cret", encoded, "t0ken-s3cret"] {
        let body = format!("<title>no {secret}</title>");
        let response = format!(
            "HTTP/1.1 403 Forbidden\r\nServer: {secret}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let server = Server::start(response, Then::Serve).await;
        let error = error(policy(&server.url, &PROXY)).await;
        let url = &server.url;
        assert!(
            error.message().starts_with(&format!(
                "a proxy (\"[credential]\") in front of Homer at {url} forbids the request (HTTP 403, \
                 web page \"no [credential]\")"
            )),
            "{error}"
        );
    }
}

#[tokio::test]
async fn proxy_that_wants_basic_is_reported_through_the_sandbox() {
    let response = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: \
                    Basic realm=\"x\"\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(response, Then::Serve).await;
    let url = &server.url;
    let said = "HTTP 401, \"Negotiate, Basic realm=\\\"x\\\"\"";
    let unset = configuration(&[("HOMER_URL", url), ("HOMER_API_TOKEN", API_TOKEN)]).unwrap();
    let expected = format!(
        "a proxy (nginx) in front of Homer at {url} requires HTTP Basic authentication ({said}), \
         which is not a login of Homer; set HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD"
    );
    assert_eq!(
        error(unset.policy()).await,
        ExportError::Unauthorized(expected)
    );
    let expected = format!(
        "a proxy (nginx) in front of Homer at {url} refused HOMER_PROXY_USERNAME and \
         HOMER_PROXY_PASSWORD ({said}); check both"
    );
    assert_eq!(
        error(policy(url, &PROXY)).await,
        ExportError::Unauthorized(expected)
    );
    // As the response to a login of the host.
    let login = [("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)];
    let error = error(policy(url, &login)).await;
    assert!(error.message().contains("use HOMER_API_TOKEN"), "{error}");
}

#[tokio::test]
async fn sign_on_page_in_place_of_a_login_is_named() {
    let page = "<html><title>Sign in</title>";
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    let server = Server::start(response, Then::Serve).await;
    let login = [("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)];
    let ExportError::InvalidResponse(why) = error(policy(&server.url, &login)).await else {
        panic!("valid")
    };
    assert!(why.contains("with a sign-on page \"Sign in\""), "{why}");
}

#[test]
fn header_fields_that_collide_are_misconfigured() {
    let url = ("HOMER_URL", "http://homer:9080");
    let why = |vars: &[(&str, &str)]| {
        let vars = [&[url], vars].concat();
        configuration(&vars).unwrap_err().message().to_string()
    };
    let both = |what: &str| {
        format!(
            "HOMER_PROXY_USERNAME and {what} both need the header field Authorization, of which a \
             request has one; use HOMER_API_TOKEN for Homer in a header field of its own \
             (HOMER_TOKEN_HEADER, by default Auth-Token), or let the proxy pass Homer's API without a login"
        )
    };
    assert_eq!(
        why(&[&[("HOMER_JWT", "s3cret")], &PROXY[..]].concat()),
        both("HOMER_JWT")
    );
    let login = [("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")];
    assert_eq!(
        why(&[&login[..], &PROXY].concat()),
        both("the token of HOMER_USERNAME and HOMER_PASSWORD")
    );

    let fields = file("X-A: 1\nAuthorization: Bearer s3cret\n");
    let path = fields.path().to_str().unwrap();
    let in_file = ("HOMER_EXTRA_HEADERS_FILE", path);
    for (vars, carries) in [
        (&PROXY[..], "HOMER_PROXY_USERNAME and HOMER_PROXY_PASSWORD"),
        (&[("HOMER_JWT", "s3cret")], "HOMER_JWT"),
        (&login, "the token of HOMER_USERNAME and HOMER_PASSWORD"),
        (
            &[
                ("HOMER_API_TOKEN", "s3cret"),
                ("HOMER_TOKEN_HEADER", "authorization"),
            ],
            "HOMER_API_TOKEN",
        ),
    ] {
        assert_eq!(
            why(&[&[in_file], vars].concat()),
            format!(
                "HOMER_EXTRA_HEADERS_FILE: {path}, line 2: Authorization already carries \
                 {carries}; a request has one such header field"
            )
        );
    }
    // A token in a header field of its own leaves Authorization free.
    let free = configuration(&[url, in_file, ("HOMER_API_TOKEN", "s3cret")]).unwrap();
    let variables = format!("{:?}", free.policy().environment.variables(None));
    assert!(
        variables.contains("(\"HOMER_PROXY_CREDENTIAL_KIND\", \"fields\")"),
        "{variables}"
    );
}

#[test]
fn header_file_that_cannot_be_used_is_misconfigured() {
    let why = |path: &str| {
        let vars = [
            ("HOMER_URL", "http://homer:9080"),
            ("HOMER_EXTRA_HEADERS_FILE", path),
        ];
        configuration(&vars).unwrap_err().message().to_string()
    };
    let missing = "HOMER_EXTRA_HEADERS_FILE: cannot read /nowhere/fields: No such file or directory \
                   (os error 2)";
    assert_eq!(why("/nowhere/fields"), missing);
    let endless = "HOMER_EXTRA_HEADERS_FILE: /dev/zero is larger than 8192 bytes";
    assert_eq!(why("/dev/zero"), endless);
    for (text, expected) in [
        ("# nothing\n", " contains no header field"),
        (
            "Host: s3cret\n",
            ", line 1: the host sets Host itself; remove it",
        ),
    ] {
        let file = file(text);
        let path = file.path().to_str().unwrap();
        assert_eq!(
            why(path),
            format!("HOMER_EXTRA_HEADERS_FILE: {path}{expected}")
        );
    }
}

#[test]
fn proxy_password_is_read_from_a_file() {
    let secret = file("pr0xy-s3cret\n");
    let config = configuration(&[
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_PROXY_USERNAME", "proxy-user"),
        ("HOMER_PROXY_PASSWORD_FILE", secret.path().to_str().unwrap()),
    ])
    .unwrap();
    let credential = config.config.homer.proxy_credential.unwrap();
    assert_eq!(credential.header().1, BASIC);
}
