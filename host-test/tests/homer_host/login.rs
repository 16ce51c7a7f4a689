use std::time::Duration;

use fake_homer::{API_TOKEN, FakeHomer, PASSWORD, USERNAME};
use homer_export::{Credential, ExportError};
use homer_host::{ComponentEnvironment, Exporter, HostConfig, Policy};

use host_test::calls::{CALL, allow, assert_alive, error, error_of, homer, in_one_profile};
use host_test::server::{Server, Then};

/// The policy of a configuration with a user name and password.
fn policy(url: &str, password: &str) -> Policy {
    let vars = [
        ("HOMER_URL", url),
        ("HOMER_USERNAME", USERNAME),
        ("HOMER_PASSWORD", password),
    ];
    HostConfig::from_vars(vars.map(|(name, value)| (name.to_string(), value.to_string())))
        .unwrap()
        .policy()
}

#[tokio::test]
async fn login_is_made_by_the_host_and_shared_by_exports() {
    let (homer, url) = homer().await;
    let policy = policy(&url, PASSWORD);
    let variables = format!("{:?}", policy.environment.variables(None));
    assert!(
        variables.contains("login")
            && !variables.contains(PASSWORD)
            && !variables.contains(USERNAME),
        "{variables}"
    );

    let exporter = Exporter::new(policy).unwrap();
    let exports = (0..20).map(|_| {
        let exporter = exporter.clone();
        tokio::spawn(async move { assert_alive(&exporter).await })
    });
    for export in exports.collect::<Vec<_>>() {
        export.await.unwrap();
    }
    assert_eq!(homer.logins(), 1);
}

#[tokio::test]
async fn login_is_repeated_when_its_token_is_rejected() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url, PASSWORD)).unwrap();
    assert_alive(&exporter).await;
    homer.revoke_tokens();
    let exports = (0..8).map(|_| {
        let exporter = exporter.clone();
        tokio::spawn(async move { assert_alive(&exporter).await })
    });
    for export in exports.collect::<Vec<_>>() {
        export.await.unwrap();
    }
    assert_eq!(homer.logins(), 2);
}

#[tokio::test]
async fn login_that_is_rejected_is_unauthorized() {
    let (homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url, "wrong s3cret")).unwrap();
    let ExportError::Unauthorized(why) = error_of(&exporter).await else {
        panic!("authorized")
    };
    assert!(
        why.starts_with(&format!(
            "Homer at {url} refused the login (HTTP 401: \"incorrect password\"). "
        )),
        "{why}"
    );
    assert!(!why.contains("s3cret"));
    assert_eq!(homer.logins(), 0);
}

#[tokio::test]
async fn login_goes_below_the_configured_path() {
    let server = Server::start(
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        Then::Serve,
    )
    .await;
    let ExportError::Rejected { status: 404, .. } =
        error(policy(&format!("{}/homer", server.url), PASSWORD)).await
    else {
        panic!("not rejected")
    };
    let requests = server.requests();
    // Once for each version of Homer's API.
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert!(
            request.starts_with("POST /homer/api/v3/auth HTTP/1.1\r\n"),
            "{request}"
        );
    }
    assert!(
        requests[0].contains(&format!(
            "{{\"username\":\"{USERNAME}\",\"password\":\"{PASSWORD}\"}}"
        )),
        "{}",
        requests[0]
    );
}

#[tokio::test]
async fn login_without_a_token_is_an_invalid_response() {
    let server = Server::start(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        Then::Serve,
    )
    .await;
    let ExportError::InvalidResponse(why) = error(policy(&server.url, PASSWORD)).await else {
        panic!("not invalid")
    };
    assert!(
        why.contains("the response to the login has no token; does HOMER_URL point to Homer?"),
        "{why}"
    );
    // A login without any response is not repeated.
    let silent = Server::start("", Then::Hold).await;
    let mut policy = policy(&silent.url, PASSWORD);
    policy.limits.first_byte = Duration::from_millis(200);
    assert!(matches!(error(policy).await, ExportError::TimedOut(_)));
    assert_eq!(silent.requests().len(), 1);
}

/// An exporter whose component has the credential in its environment, as in gateways and edge
/// runtimes.
async fn with_own_credential(homer: &FakeHomer, variables: &[(&str, &str)]) -> Exporter {
    let url = homer.url();
    let variables = variables
        .iter()
        .copied()
        .chain([("HOMER_URL", url.as_str())]);
    let environment = ComponentEnvironment {
        other: variables
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        ..ComponentEnvironment::default()
    };
    Exporter::new(Policy {
        allowed: vec![allow(&url)],
        own_credentials: true,
        environment,
        ..Policy::default()
    })
    .unwrap()
}

#[tokio::test]
async fn component_logs_in_by_itself_where_the_host_does_not() {
    let homer = FakeHomer::start().await.unwrap();
    assert_alive(
        &with_own_credential(
            &homer,
            &[("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)],
        )
        .await,
    )
    .await;
    assert_eq!(homer.logins(), 1);
    assert_alive(&with_own_credential(&homer, &[("HOMER_API_TOKEN", API_TOKEN)]).await).await;
    assert_alive(&with_own_credential(&homer, &[("HOMER_JWT", fake_homer::JWT)]).await).await;
    assert_eq!(homer.logins(), 1);

    let exporter = with_own_credential(
        &homer,
        &[
            ("HOMER_USERNAME", USERNAME),
            ("HOMER_PASSWORD", "wrong s3cret"),
        ],
    )
    .await;
    let ExportError::Unauthorized(why) = error_of(&exporter).await else {
        panic!("authorized")
    };
    assert!(
        why.contains("refused the login (HTTP 401: \"incorrect password\")")
            && !why.contains("s3cret"),
        "{why}"
    );
}

#[tokio::test]
async fn rejected_login_is_not_tried_again_at_once() {
    let body = "{\"message\":\"incorrect password\"}";
    let response = format!(
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::start(response, Then::Serve).await;
    let exporter = Exporter::new(policy(&server.url, "wrong s3cret")).unwrap();
    let first = error_of(&exporter).await;
    assert!(matches!(first, ExportError::Unauthorized(_)), "{first:?}");
    // The same response, and no further login.
    for _ in 0..9 {
        assert_eq!(error_of(&exporter).await, first);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn login_that_hangs_fails_once_for_all_who_wait_for_it() {
    let silent = Server::start("", Then::Hold).await;
    let mut policy = policy(&silent.url, "pw");
    policy.limits.first_byte = Duration::from_secs(1);
    policy.limits.concurrent_exports = 8;
    let exporter = Exporter::new(policy).unwrap();
    let exports = (0..8).map(|_| {
        let exporter = exporter.clone();
        tokio::spawn(async move { error_of(&exporter).await })
    });
    for export in exports.collect::<Vec<_>>() {
        let error = export.await.unwrap();
        assert!(matches!(error, ExportError::TimedOut(_)), "{error:?}");
    }
    // Those that began while the first one was under way have shared its failure.
    assert!(silent.requests().len() < 8, "{}", silent.requests().len());
}

#[tokio::test]
async fn failed_login_is_tried_again() {
    // A server that is overloaded says nothing about the password.
    let response = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(response, Then::Serve).await;
    let exporter = Exporter::new(policy(&server.url, "pw")).unwrap();
    for _ in 0..3 {
        error_of(&exporter).await;
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn component_may_not_send_a_credential_of_its_own_by_default() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let variables = [("HOMER_URL", url.as_str()), ("HOMER_JWT", "a.b.c")];
    let environment = ComponentEnvironment {
        other: variables
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .to_vec(),
        ..ComponentEnvironment::default()
    };
    let exporter = Exporter::new(Policy {
        allowed: vec![allow(&url)],
        environment,
        ..Policy::default()
    })
    .unwrap();
    let failure = exporter.open(&in_one_profile(CALL)).await.unwrap_err();
    let why = "misconfigured: this host does not let the component send the header field \
        Authorization; let the host add it, or allow the component to";
    assert_eq!(failure.to_string(), why);
    assert!(!format!("{:?}", Credential::jwt("a.b.c")).contains("a.b.c"));
}
