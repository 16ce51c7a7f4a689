//! What a hostile component can do with its requests, and what it learns: the policy by method,
//! path and header field, the limits, and the credential that a server sends back.

use std::fmt::Write as _;
use std::sync::OnceLock;

use fake_homer::API_TOKEN;
use homer_export::ExportError;
use homer_export::homer::search::SEARCH_PATH;
use homer_export::homer::v7::EXPORT_PATH;
use homer_host::{
    AllowedOrigin, BaseUrl, Credential, Exporter, ExtraFields, Failure, LimitExceeded, Limits,
    Policy,
};

use host_test::calls::{error, policy, request};
use host_test::server::{CAPTURE_HEAD, Server, Then, chunk};

/// A response without a body.
const DONE: &str = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";

/// An exporter whose component is hostile, with a credential for this origin.
fn hostile(base: &str, limits: Limits) -> Exporter {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let component =
        COMPONENT.get_or_init(|| xtask::artifact::build_package("misbehaving").unwrap());
    let policy = Policy {
        allowed: vec![AllowedOrigin {
            base: BaseUrl::parse(base).unwrap(),
            credential: Some(Credential::api_token("Auth-Token", API_TOKEN).unwrap()),
            extra_fields: ExtraFields::default(),
        }],
        limits,
        ..Policy::default()
    };
    Exporter::with_component(component, policy).unwrap()
}

/// What the component reports after it did what `command` says.
async fn reported(exporter: &Exporter, command: &str) -> String {
    match exporter.open(&request(command)).await.unwrap_err() {
        Failure::Export(ExportError::NothingCaptured { message, .. }) => message,
        failure => panic!("{failure}"),
    }
}

/// A response with this head and body, and the length of the body.
fn response(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn hostile_component_reaches_the_endpoints_of_homer_and_nothing_else() {
    let server = Server::start(DONE, Then::Serve).await;
    let url = &server.url;
    let below = format!("{url}/homer");
    let exporter = hostile(&below, Limits::default());
    let allowed = reported(&exporter, &format!("request POST {below}{EXPORT_PATH}")).await;
    assert_eq!(allowed, "status 204");
    for refused in [
        format!("request GET {below}/api/v3/users"),
        format!("request DELETE {below}/api/v3/users/1"),
        format!("request POST {below}/api/v3/token/auth"),
        format!("request POST {below}/api/v3/users"),
        format!("request TRACE {below}/"),
        format!("request TRACE {below}{EXPORT_PATH}"),
        format!("request OPTIONS {below}{EXPORT_PATH}"),
        format!("request OWN {below}{EXPORT_PATH}"),
        format!("request post {below}{EXPORT_PATH}"),
        format!("request POST {below}{EXPORT_PATH}?x"),
        format!("request POST {below}{EXPORT_PATH}/"),
        format!("request POST {below}{EXPORT_PATH}/../../users"),
        format!("request POST {below}/%2e%2e/secret"),
        format!("request POST {below}/../x"),
        format!("request POST {url}/another-application/secret"),
        format!("request POST {url}{EXPORT_PATH}"),
    ] {
        let outcome = reported(&exporter, &refused).await;
        // Wasmtime itself refuses some of them.
        assert!(
            [
                "ErrorCode::HttpRequestDenied",
                "ErrorCode::HttpRequestUriInvalid"
            ]
            .contains(&outcome.as_str()),
            "{refused}: {outcome}"
        );
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn hostile_component_sets_the_listed_header_fields_and_no_others() {
    let server = Server::start(DONE, Then::Serve).await;
    let exporter = hostile(&server.url, Limits::default());
    let url = format!("{}{EXPORT_PATH}", server.url);
    let allowed = reported(&exporter, &format!("field content-type {url}")).await;
    assert_eq!(allowed, "status 204");
    for name in [
        "auth-token",
        "auth_token",
        "authorization",
        "connection",
        "cookie",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "x-forwarded-for",
        "x-http-method-override",
        "x-original-url",
        // Those of responses are not for requests.
        "location",
        "server",
        "www-authenticate",
    ] {
        let outcome = reported(&exporter, &format!("field {name} {url}")).await;
        assert!(
            ["HeaderError::Forbidden", "ErrorCode::HttpRequestDenied"].contains(&outcome.as_str()),
            "{name}: {outcome}"
        );
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn hostile_component_learns_nothing_of_the_credential_from_a_server_that_reflects() {
    let hexadecimal = API_TOKEN.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let reflections = format!("{API_TOKEN} {hexadecimal} {}", &API_TOKEN[1..]);
    let head = format!(
        "400 Bad Request\r\nX-Echo: {API_TOKEN}\r\nSet-Cookie: t={API_TOKEN}\r\n\
         Location: /?t={API_TOKEN}\r\nServer: {hexadecimal}\r\nContent-Type: text/{API_TOKEN}"
    );
    let server = Server::start(response(&head, &reflections), Then::Serve).await;
    let exporter = hostile(&server.url, Limits::default());
    for path in [EXPORT_PATH, SEARCH_PATH] {
        let learned = reported(&exporter, &format!("learn {}{path}", server.url)).await;
        let expected = "[credential] [credential] [credential]";
        assert!(
            learned.starts_with("400 ") && learned.ends_with(expected),
            "{learned}"
        );
        assert!(learned.contains("location=/?t=[credential]"), "{learned}");
        for hidden in ["x-echo", "set-cookie"] {
            assert!(!learned.contains(hidden), "{learned}");
        }
        for secret in [API_TOKEN, hexadecimal.as_str()] {
            let parts = secret.as_bytes().windows(8);
            let is_told = parts.map(|part| std::str::from_utf8(part).unwrap());
            for part in is_told {
                assert!(!learned.contains(part), "{learned}");
            }
        }
    }
    // It was sent.
    assert!(server.requests()[0].contains(API_TOKEN));
}

#[tokio::test]
async fn hostile_component_has_two_requests_under_way_and_twenty_in_all() {
    let begun = format!("{CAPTURE_HEAD}5\r\nhello\r\n");
    let server = Server::start(begun, Then::Hold).await;
    let exporter = hostile(&server.url, Limits::default());
    let url = format!("{}{EXPORT_PATH}", server.url);
    let kept = reported(&exporter, &format!("keep {url}")).await;
    assert!(
        kept.starts_with("2 kept, then ")
            && kept.contains("more than 2 requests of one export or search at a time"),
        "{kept}"
    );
    assert_eq!(server.requests().len(), 2);
    let burst = reported(&exporter, &format!("burst {url}")).await;
    assert!(
        burst.starts_with("2 responses, ")
            && burst.contains("at a time")
            && burst.contains("more than 20 requests of one export or search"),
        "{burst}"
    );
    assert_eq!(server.requests().len(), 4);

    // One after the other, as often as it may.
    let server = Server::start(DONE, Then::Serve).await;
    let exporter = hostile(&server.url, Limits::default());
    let posts = reported(&exporter, &format!("posts {}{EXPORT_PATH}", server.url)).await;
    assert!(posts.starts_with("20 times, then "), "{posts}");
    assert_eq!(server.requests().len(), 20);
}

#[tokio::test]
async fn unread_responses_count_as_memory_of_the_component() {
    let body = chunk(&[0; 200_000]);
    let begun = [CAPTURE_HEAD.as_bytes(), &chunk(b"\xd4\xc3\xb2\xa1")].concat();
    let server = Server::start(begun, Then::Repeat(body)).await;
    let limits = Limits {
        memory_bytes: 8 << 20,
        ..Limits::default()
    };
    let exporter = hostile(&server.url, limits);
    let grown = async |command: String| match exporter.open(&request(&command)).await {
        Err(Failure::Limit(LimitExceeded::Memory { limit, wanted })) => {
            assert_eq!(limit, 8 << 20);
            wanted
        }
        other => panic!("{:?}", other.err()),
    };
    let alone = grown("grow".to_string()).await;
    let with_responses = grown(format!("grow-with-responses {}{EXPORT_PATH}", server.url)).await;
    // Without responses, the sizes of a memory are pages of 64 KiB.
    assert_eq!(alone % (64 << 10), 0, "{alone}");
    assert_ne!(with_responses % (64 << 10), 0, "{with_responses}");
}

/// The text of the error after a response to an export.
async fn error_text(credential: Credential, response: String) -> String {
    let server = Server::start(response, Then::Close).await;
    let mut policy = policy(&server.url);
    policy.allowed[0].credential = Some(credential);
    error(policy).await.to_string().replace(&server.url, "URL")
}

#[tokio::test]
async fn credential_in_an_error_is_redacted_wherever_the_text_is_cut() {
    let jwt = format!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}",
        "eyJ1c2VybmFtZSI6ImFkbWluIiwidXNlcmdyb3VwIjoiYWRtaW4ifQ".repeat(4)[..204].to_owned(),
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    );
    assert_eq!(jwt.len(), 285);
    let kinds = [
        (Credential::jwt(&jwt).unwrap(), jwt.as_str()),
        (
            Credential::api_token("Auth-Token", API_TOKEN).unwrap(),
            API_TOKEN,
        ),
    ];
    for (credential, secret) in kinds {
        // Around the 200 characters that an error quotes, and the 16 KiB that are read.
        for offset in (0..220).step_by(11).chain(16_340..16_390) {
            let text = format!("{{\"message\":\"{}{secret}\"}}", "x".repeat(offset));
            let text = response("500 Oh", &text);
            let said = error_text(credential.clone(), text).await;
            for part in secret.as_bytes().windows(8) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!said.contains(part), "{offset}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn password_is_redacted_as_the_request_has_it() {
    let password = "pass\"w\\ord-\u{e9}-secret";
    let body = format!(
        "{{\"message\":\"bad body: {{\\\"password\\\":\\\"{}\\\"}}\"}}",
        "pass\\\\\\\"w\\\\\\\\ord-\u{e9}-secret"
    );
    let server = Server::start(response("401 Unauthorized", &body), Then::Close).await;
    let mut policy = policy(&server.url);
    policy.allowed[0].credential = Some(Credential::login("admin", password).unwrap());
    let said = error(policy).await.to_string();
    assert!(said.contains("[credential]"), "{said}");
    for part in ["secret", "ord-", "pass\\"] {
        assert!(!said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn our_own_words_are_not_searched_for_the_credential() {
    // A port that was free a moment ago, so nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for password in ["p", "connection", "refused the connection"] {
        let mut policy = policy(&url);
        policy.allowed[0].credential = Some(Credential::login("admin", password).unwrap());
        let said = error(policy).await.to_string();
        let expected = format!("{url} refused the connection; check that Homer is running");
        assert!(said.contains(&expected), "{said}");
    }
}
