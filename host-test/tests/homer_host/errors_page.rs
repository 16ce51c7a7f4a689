//! `docs/errors.md`: every case with the texts that its usual causes end in, made by bringing these
//! causes about.

use std::fmt::Write as _;
use std::time::Duration;

use fake_homer::{API_TOKEN, USERNAME};
use homer_export::{Credential, ExportError};
use homer_host::{Exporter, Failure, HostConfig, Policy, Query};

use host_test::calls::{CALL, DAY, allow, error, homer, policy, query, recorded};
use host_test::server::{CAPTURE_HEAD, Server, Then, chunk, whole};

/// Where the texts are from: a base URL as a reader knows it.
const SHOWN: &str = "http://homer:9080";

const PREFACE: &str = "\
# What an export can end in

Each case of the contract ([wit/homer-capture.wit](wit/homer-capture.wit)) with the exit code of the command line and the texts
that its usual causes end in; the texts say what to do. A test brings every one of these causes about and compares:
`cargo test --workspace errors_page`; `BLESS=1` before it writes this page anew.
";

/// The cases in the contract's order: name, exit code, whom it is for.
const CASES: [(&str, u8, &str); 10] = [
    (
        "invalid-request",
        2,
        "The caller has to mend the Call-ID, the window or its units. Nothing was asked of Homer.",
    ),
    (
        "misconfigured",
        3,
        "The operator has to mend the configuration. Nothing was asked of Homer.",
    ),
    ("denied", 4, "The host's policy refused the request."),
    ("unauthorized", 5, "Homer refused the credentials."),
    ("unreachable", 6, "Homer was not reached."),
    (
        "timed-out",
        7,
        "Homer was reached, and took too long. It may still be working on the request.",
    ),
    (
        "nothing-captured",
        8,
        "Homer has nothing, or cannot reach what it has: it says the same to both.",
    ),
    (
        "rejected",
        9,
        "Homer, or a proxy before it, answered with an error.",
    ),
    (
        "invalid-response",
        10,
        "What came is not a whole capture. It was thrown away.",
    ),
    ("too-large", 11, "The capture is over a limit."),
];

async fn refused(change: impl FnOnce(&mut Query)) -> ExportError {
    let mut query = query(CALL);
    change(&mut query);
    match Exporter::new(policy("http://127.0.0.1:9"))
        .unwrap()
        .open(&query)
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

/// What an export ends in from a server that answers so.
async fn answered(reply: impl Into<Vec<u8>>, then: Then) -> ExportError {
    let server = Server::start(reply, then.clone()).await;
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
        .map_or("none", |credential| credential.kind().name());
    policy
        .environment
        .retain(|(name, _)| name != "HOMER_CREDENTIAL_KIND");
    policy
        .environment
        .push(("HOMER_CREDENTIAL_KIND".to_string(), kind.to_string()));
    policy.allowed[0].credential = credential;
    shown(error(policy).await, &url)
}

/// The error with the URL that a reader knows.
fn shown(mut error: ExportError, url: &str) -> ExportError {
    *error.message_mut() = error.message().replace(url, SHOWN);
    error
}

fn error_reply(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn capture_reply(body: &[u8]) -> Vec<u8> {
    whole(body)
}

async fn errors() -> Vec<ExportError> {
    let (from, to) = DAY;
    let capture = recorded("export-ok-auth-token");
    let url = ("HOMER_URL", SHOWN);
    let mut errors = vec![
        refused(|query| query.call_ids = vec![]).await,
        refused(|query| query.call_ids = vec![String::new()]).await,
        refused(|query| query.call_ids = vec!["x".repeat(600)]).await,
        refused(|query| query.call_ids = vec!["a@b\r\n".into()]).await,
        refused(|query| query.call_ids = vec![" a@b".into()]).await,
        refused(|query| query.call_ids = vec!["Call-ID: a@b".into()]).await,
        refused(|query| query.call_ids = (0..101).map(|n| n.to_string()).collect()).await,
        refused(|query| query.from_ts = from / 1000).await,
        refused(|query| query.from_ts = from * 1000).await,
        refused(|query| query.from_ts = 0).await,
        refused(|query| (query.from_ts, query.to_ts) = (to, from)).await,
        refused(|query| query.to_ts = from).await,
        refused(|query| query.to_ts = to + 3_600_000).await,
        refused(|query| query.profiles = vec!["call".into()]).await,
        refused(|query| query.exclude_ips = vec!["homer".into()]).await,
        refused(|query| query.nodes = vec![String::new()]).await,
        misconfigured(&[]),
        misconfigured(&[("HOMER_URL", "homer:9080")]),
        misconfigured(&[("HOMER_URL", "http://user:password@homer")]),
        misconfigured(&[url, ("HOMER_JWT", "a"), ("HOMER_API_TOKEN", "b")]),
        misconfigured(&[url, ("HOMER_USERNAME", "a")]),
        misconfigured(&[url, ("HOMER_JWT", "a\nb")]),
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
        answered("", Then::Hold).await,
        answered(
            [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat(),
            Then::Hold,
        )
        .await,
        answered(capture_reply(&capture[..24]), Then::Serve).await,
        answered(
            error_reply("404 Not Found", "{\"message\":\"Not Found\"}"),
            Then::Serve,
        )
        .await,
        answered(
            error_reply(
                "400 Bad Request",
                "{\"message\":\"request format is not correct\"}",
            ),
            Then::Serve,
        )
        .await,
        answered(
            error_reply(
                "400 Bad Request",
                "{\"message\":\"invalid search profile key: \\\"1_call\\\"\"}",
            ),
            Then::Serve,
        )
        .await,
        answered(error_reply("502 Bad Gateway", "<html>"), Then::Close).await,
        answered(
            "HTTP/1.1 302 Found\r\nLocation: https://sso/login\r\nContent-Length: 0\r\n\r\n",
            Then::Close,
        )
        .await,
        answered("", Then::Close).await,
        answered(
            [CAPTURE_HEAD.as_bytes(), &chunk(&capture)].concat(),
            Then::Close,
        )
        .await,
        answered(capture_reply(&capture[..3000]), Then::Close).await,
        answered(
            capture_reply(&[&capture[..], &[0; 16]].concat()),
            Then::Close,
        )
        .await,
        answered(capture_reply(b"<html>Sign in</html>"), Then::Close).await,
        answered(capture_reply(b"{\"message\":\"no luck\"}"), Then::Close).await,
        answered(
            [CAPTURE_HEAD.as_bytes(), b"0\r\n\r\n"].concat(),
            Then::Close,
        )
        .await,
        answered(capture_reply(b"Hello, world"), Then::Close).await,
        answered(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
            Then::Close,
        )
        .await,
        answered("HTTP/1.1 204 No Content\r\n\r\n", Then::Close).await,
        answered("SSH-2.0-OpenSSH_9.2\r\n", Then::Close).await,
        answered(
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1_000_000)),
            Then::Close,
        )
        .await,
    ];

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
    let mut hasty = policy(&silent.url);
    hasty.limits.deadline = Duration::from_secs(1);
    errors.push(error(hasty).await);
    errors
}

#[tokio::test]
async fn errors_page_has_the_texts() {
    let errors = errors().await;
    let mut page = PREFACE.to_string();
    for (case, code, about) in CASES {
        writeln!(page, "\n## `{case}` · exit code {code}\n\n{about}\n").unwrap();
        let texts: Vec<&str> = errors
            .iter()
            .filter(|error| error.case() == case)
            .map(ExportError::message)
            .collect();
        assert!(!texts.is_empty(), "nothing ends in {case}");
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
        assert_eq!(
            line, expected,
            "docs/errors.md says otherwise; BLESS=1 writes it anew"
        );
    }
    assert_eq!(page.lines().count(), expected.lines().count());
}
