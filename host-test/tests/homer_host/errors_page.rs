//! `docs/errors.md`: each case of the contract with its error messages. The test causes every
//! listed error and compares the messages.

use std::fmt::Write as _;
use std::time::Duration;

use fake_homer::{API_TOKEN, SearchBehavior, USERNAME};
use homer_export::{Credential, ExportError};
use homer_host::{CredentialKind, ExportRequest, Exporter, Failure, HostConfig, Policy};

use host_test::calls::{CALL, DAY, allow, export, homer, policy, recorded, request};
use host_test::server::{CAPTURE_HEAD, Server, Then, chunk, whole};

/// The error that an export of [`CALL`] from the default profiles ends with.
async fn error(policy: Policy) -> ExportError {
    let exporter = Exporter::new(policy).unwrap();
    match export(&exporter, &request(CALL)).await.unwrap_err() {
        Failure::Export(error) => error,
        failure => panic!("{failure}"),
    }
}

/// The URL that the page shows instead of the port of a test server.
const SHOWN: &str = "http://homer:9080";

const PREFACE: &str = "\
# Error reference

These are the cases of the contract ([wit/homer-capture.wit](../wit/homer-capture.wit)), each with
the exit code of the command line and the messages of its common causes. A message states what
happened and what to do.

This page is generated. `cargo test -p host-test errors_page` causes every error and compares the
messages. `BLESS=1 cargo test -p host-test errors_page` writes the page.
";

/// The cases in the order of the contract: name, exit code, and who can resolve it.
const CASES: [(&str, u8, &str); 10] = [
    (
        "invalid-request",
        2,
        "The caller must correct the Call-ID, the window, or its units. Homer was not queried.",
    ),
    (
        "misconfigured",
        3,
        "The operator must correct the configuration. Homer was not queried.",
    ),
    ("denied", 4, "The policy of the host denied the request."),
    ("unauthorized", 5, "Homer refused the credential."),
    ("unreachable", 6, "Homer could not be reached."),
    (
        "timed-out",
        7,
        "Homer was reached but took too long. It may still be working on the request.",
    ),
    (
        "nothing-captured",
        8,
        "Homer found nothing, or it cannot reach its database. Its response is the same in both \
         cases, so up to three searches look for the reason (`HOMER_EXPLAIN`). If they find what \
         may be meant, the record `suggestion` has it, and the command line prints the command \
         that exports it. `homer-export find` has the same exit code if it finds no call.",
    ),
    (
        "rejected",
        9,
        "Homer, or a proxy in front of it, responded with an error.",
    ),
    (
        "invalid-response",
        10,
        "The response is not a complete capture. It was discarded.",
    ),
    ("too-large", 11, "The capture exceeds a limit."),
];

async fn refused(change: impl FnOnce(&mut ExportRequest)) -> ExportError {
    let mut request = request(CALL);
    change(&mut request);
    match Exporter::new(policy("http://127.0.0.1:9"))
        .unwrap()
        .open(&request)
        .await
        .unwrap_err()
    {
        Failure::Export(error) => error,
        failure => panic!("{failure}"),
    }
}

fn misconfigured(vars: &[(&str, &str)]) -> ExportError {
    HostConfig::from_vars(
        vars.iter()
            .map(|(name, value)| (name.to_string(), value.to_string())),
    )
    .unwrap_err()
}

/// The error of an export from a server that responds like this.
async fn responded(response: impl Into<Vec<u8>>, then: Then) -> ExportError {
    let server = Server::start(response, then.clone()).await;
    let mut policy = policy(&server.url);
    if matches!(then, Then::Hold) {
        policy.limits.first_byte = Duration::from_secs(1);
        policy.limits.between_bytes = Duration::from_secs(1);
    }
    shown(error(policy).await, &server.url)
}

async fn with_credential(credential: Option<Credential>) -> ExportError {
    let (_homer, url) = homer().await;
    let mut policy = policy(&url);
    let kind = credential
        .as_ref()
        .map_or(CredentialKind::None, Credential::kind);
    policy.environment.credential_kind = Some(kind);
    policy.allowed[0].credential = credential;
    shown(error(policy).await, &url)
}

/// The error with the URL that the page shows.
fn shown(mut error: ExportError, url: &str) -> ExportError {
    let https = |url: &str| url.replace("http://", "https://");
    let message = error.message().replace(url, SHOWN);
    *error.message_mut() = message.replace(&https(url), &https(SHOWN));
    error
}

fn error_response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Empty exports, each with another answer of Homer's search.
async fn empty_exports() -> Vec<ExportError> {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let exported = async |exporter: &Exporter, call_id: &str, days_earlier: i64| {
        let earlier_ms = days_earlier * 86_400_000;
        let (from, to) = (DAY.0 - earlier_ms, DAY.1 - earlier_ms);
        match exporter
            .open(&ExportRequest::for_call(call_id, from, to))
            .await
        {
            Err(Failure::Export(error)) => shown(error, &url),
            other => panic!("{other:?}"),
        }
    };
    let mut errors = vec![
        exported(&exporter, CALL, 1).await,
        exported(&exporter, "udp-normal-1@192.0.2.99", 0).await,
        exported(&exporter, "nobody@nowhere", 0).await,
        exported(&exporter, CALL, 30).await,
    ];
    homer.set_search(SearchBehavior::Forbidden);
    errors.push(exported(&exporter, CALL, 1).await);
    let mut unexplained = policy(&url);
    unexplained.environment.explain = Some(false);
    errors.push(exported(&Exporter::new(unexplained).unwrap(), CALL, 1).await);
    errors
}

async fn errors() -> Vec<ExportError> {
    let (from, to) = DAY;
    let capture = recorded("export-ok-auth-token");
    let url = ("HOMER_URL", SHOWN);
    let mut errors = vec![
        refused(|request| request.call_ids = vec![]).await,
        refused(|request| request.call_ids = vec![String::new()]).await,
        refused(|request| request.call_ids = vec!["x".repeat(600)]).await,
        refused(|request| request.call_ids = vec!["a@b\r\n".into()]).await,
        refused(|request| request.call_ids = vec![" a@b".into()]).await,
        refused(|request| request.call_ids = vec!["Call-ID: a@b".into()]).await,
        refused(|request| request.call_ids = (0..101).map(|n| n.to_string()).collect()).await,
        refused(|request| request.from_ts = from / 1000).await,
        refused(|request| request.from_ts = from * 1000).await,
        refused(|request| request.from_ts = 0).await,
        refused(|request| (request.from_ts, request.to_ts) = (to, from)).await,
        refused(|request| request.to_ts = from).await,
        refused(|request| request.to_ts = to + 3_600_000).await,
        refused(|request| request.profiles = vec!["call".into()]).await,
        refused(|request| request.exclude_ips = vec!["homer".into()]).await,
        refused(|request| request.nodes = vec![String::new()]).await,
        misconfigured(&[]),
        misconfigured(&[("HOMER_URL", "homer:9080")]),
        misconfigured(&[("HOMER_URL", "http://user:password@homer")]),
        misconfigured(&[url, ("HOMER_JWT", "a"), ("HOMER_API_TOKEN", "b")]),
        misconfigured(&[url, ("HOMER_USERNAME", "a")]),
        misconfigured(&[url, ("HOMER_JWT", "a\nb")]),
        misconfigured(&[
            url,
            ("HOMER_JWT", "a"),
            ("HOMER_PROXY_USERNAME", "b"),
            ("HOMER_PROXY_PASSWORD", "c"),
        ]),
        misconfigured(&[url, ("HOMER_TIMEOUT_MS", "soon")]),
        misconfigured(&[url, ("HOMER_JWT_FILE", "/no/such/file")]),
        with_credential(None).await,
        with_credential(Credential::api_token("Auth-Token", "s3cret-token").ok()).await,
        with_credential(Credential::jwt("s3cret-token").ok()).await,
        with_credential(Credential::login(USERNAME, "s3cret-word").ok()).await,
        shown(
            error(policy("http://127.0.0.1:9")).await,
            "http://127.0.0.1:9",
        ),
        responded("", Then::Hold).await,
        responded(
            [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat(),
            Then::Hold,
        )
        .await,
        responded(
            error_response("404 Not Found", "{\"message\":\"Not Found\"}"),
            Then::Serve,
        )
        .await,
        responded(
            error_response(
                "400 Bad Request",
                "{\"message\":\"request format is not correct\"}",
            ),
            Then::Serve,
        )
        .await,
        responded(
            error_response(
                "400 Bad Request",
                "{\"message\":\"invalid search profile key: \\\"1_call\\\"\"}",
            ),
            Then::Serve,
        )
        .await,
        responded(error_response("502 Bad Gateway", "<html>"), Then::Close).await,
        responded(
            "HTTP/1.1 401 Unauthorized\r\nServer: nginx\r\nWWW-Authenticate: Basic \
             realm=\"restricted\"\r\nContent-Length: 0\r\n\r\n",
            Then::Close,
        )
        .await,
        responded(
            error_response("403 Forbidden", "<html><title>403 Forbidden</title>"),
            Then::Close,
        )
        .await,
        responded(
            error_response("504 Gateway Timeout", "<title>504 Gateway Time-out</title>"),
            Then::Close,
        )
        .await,
        responded(
            error_response(
                "400 Bad Request",
                "Client sent an HTTP request to an HTTPS server.\n",
            ),
            Then::Close,
        )
        .await,
        responded(
            error_response("404 Not Found", "404 page not found\n"),
            Then::Serve,
        )
        .await,
        responded(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n",
            Then::Close,
        )
        .await,
        responded(
            "HTTP/1.1 302 Found\r\nLocation: https://sso/login\r\nContent-Length: 0\r\n\r\n",
            Then::Close,
        )
        .await,
        responded("", Then::Close).await,
        responded(
            [CAPTURE_HEAD.as_bytes(), &chunk(&capture)].concat(),
            Then::Close,
        )
        .await,
        responded(whole(&capture[..3000]), Then::Close).await,
        responded(whole(&[&capture[..], &[0; 16]].concat()), Then::Close).await,
        responded(whole(b"<html>Sign in</html>"), Then::Close).await,
        responded(whole(b"{\"message\":\"no luck\"}"), Then::Close).await,
        responded(
            [CAPTURE_HEAD.as_bytes(), b"0\r\n\r\n"].concat(),
            Then::Close,
        )
        .await,
        responded(whole(b"Hello, world"), Then::Close).await,
        responded(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
            Then::Close,
        )
        .await,
        responded("HTTP/1.1 204 No Content\r\n\r\n", Then::Close).await,
        responded("SSH-2.0-OpenSSH_9.2\r\n", Then::Close).await,
        responded(
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1_000_000)),
            Then::Close,
        )
        .await,
    ];

    errors.extend(empty_exports().await);
    let (_homer, url) = homer().await;
    let mut denied = policy(&url);
    denied.allowed = vec![allow("http://other:9080")];
    errors.push(shown(error(denied).await, &url));
    let mut small = policy(&url);
    small.limits.response_bytes = 3000;
    errors.push(shown(error(small).await, &url));

    let (url, distrusting, _file) = crate::tls::distrusting().await;
    errors.push(shown(error(distrusting.clone()).await, &url));
    let url = host_test::server::plain_http().await;
    errors.push(shown(
        error(Policy {
            ca_file: distrusting.ca_file.clone(),
            ..policy(&url)
        })
        .await,
        &url,
    ));
    let name = "x".repeat(64);
    let mut error_of_name = error(policy(&format!("http://{name}"))).await;
    *error_of_name.message_mut() = error_of_name.message().replace(&name, "homer");
    errors.push(error_of_name);

    let silent = Server::start("", Then::Hold).await;
    let mut short = policy(&silent.url);
    short.limits.deadline = Duration::from_secs(1);
    errors.push(error(short).await);
    errors
}

#[tokio::test]
async fn errors_page_is_current() {
    let errors = errors().await;
    let mut page = PREFACE.to_string();
    for (case, code, about) in CASES {
        writeln!(page, "\n## `{case}` · exit code {code}\n\n{about}\n").unwrap();
        let texts: Vec<&str> = errors
            .iter()
            .filter(|error| error.case() == case)
            .map(ExportError::message)
            .collect();
        assert!(!texts.is_empty(), "no example of {case}");
        for text in texts {
            assert!(!text.contains(API_TOKEN), "{text}");
            writeln!(page, "- {text}").unwrap();
        }
    }
    let file = format!("{}/../docs/errors.md", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    for (line, expected) in page.lines().zip(expected.lines()) {
        assert_eq!(line, expected, "docs/errors.md differs; BLESS=1 writes it");
    }
    assert_eq!(page.lines().count(), expected.lines().count());
}
