use homer_export::config::CredentialKind;
use homer_export::homer::Api;
use homer_export::{Config, Credential, ExportError};

const URL: (&str, &str) = ("HOMER_URL", "http://homer:9080");

fn config(vars: &[(&str, &str)]) -> Result<Config, ExportError> {
    Config::from_vars(vars.iter().copied())
}

#[track_caller]
fn misconfigured(vars: &[(&str, &str)], why: &str) {
    let error = config(vars).unwrap_err();
    assert_eq!(error, ExportError::Misconfigured(why.to_string()));
    assert!(
        !format!("{error} {error:?}").contains("s3cret"),
        "a credential is in {error}"
    );
}

#[test]
fn settings_have_defaults() {
    let config = config(&[URL, ("PATH", "/bin"), ("HOMER_JWT", "")]).unwrap();
    assert_eq!(config.homer.to_string(), "http://homer:9080");
    assert_eq!(
        (config.credential, config.credential_kind),
        (None, CredentialKind::None)
    );
    assert_eq!(
        (
            config.first_byte_timeout_ms,
            config.max_window_hours,
            config.max_bytes
        ),
        (120_000, 24, 2_097_152)
    );
}

#[test]
fn settings_take_one_credential() {
    let token = config(&[URL, ("HOMER_API_TOKEN", "s3cret")]).unwrap();
    let header = token.credential.as_ref().and_then(Credential::header);
    assert_eq!(
        header,
        Some(("Auth-Token".to_string(), "s3cret".to_string()))
    );
    assert_eq!(token.credential_kind, CredentialKind::ApiToken);

    let renamed = config(&[
        URL,
        ("HOMER_API_TOKEN", "s3cret"),
        ("HOMER_TOKEN_HEADER", "X-Api-Key"),
    ])
    .unwrap();
    assert_eq!(
        renamed
            .credential
            .and_then(|c| c.header())
            .map(|header| header.0),
        Some("X-Api-Key".to_string())
    );

    let jwt = config(&[URL, ("HOMER_JWT", "s3cret")]).unwrap();
    assert_eq!(
        jwt.credential.and_then(|c| c.header()),
        Some(("Authorization".to_string(), "Bearer s3cret".to_string()))
    );
}

#[test]
fn settings_take_a_user_name_and_password() {
    let login = config(&[
        URL,
        ("HOMER_USERNAME", "Jörg"),
        ("HOMER_PASSWORD", "pass wörd"),
    ])
    .unwrap();
    assert_eq!(login.credential_kind, CredentialKind::Login);
    assert_eq!(
        login.credential,
        Credential::login("Jörg", "pass wörd").ok()
    );
    assert_eq!(login.credential.and_then(|c| c.header()), None);
}

#[test]
fn settings_never_show_a_credential() {
    for name in ["HOMER_API_TOKEN", "HOMER_JWT"] {
        assert!(!format!("{:?}", config(&[URL, (name, "s3cret")]).unwrap()).contains("s3cret"));
    }
    let login = config(&[URL, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")]).unwrap();
    assert!(!format!("{login:?}").contains("s3cret"));
}

#[test]
fn settings_learn_the_kind_where_the_host_adds_the_credential() {
    let config = config(&[URL, ("HOMER_CREDENTIAL_KIND", "jwt")]).unwrap();
    assert_eq!(
        (config.credential, config.credential_kind),
        (None, CredentialKind::Jwt)
    );
}

#[test]
fn settings_take_an_api_or_leave_it_open() {
    let api = |value| config(&[URL, ("HOMER_API", value)]).unwrap().api;
    assert_eq!(
        (api("auto"), api(""), api("7"), api("11")),
        (None, None, Some(Api::V7), Some(Api::V11))
    );
}

#[test]
fn settings_refuse_what_cannot_work() {
    misconfigured(
        &[],
        "HOMER_URL is not set; it is Homer's base URL, for example http://homer:9080",
    );
    misconfigured(
        &[("HOMER_URL", "http://u:s3cret@homer")],
        "HOMER_URL: it has a user name; credentials are set apart from the URL",
    );
    misconfigured(
        &[URL, ("HOMER_JWT", "s3cret"), ("HOMER_API_TOKEN", "s3cret")],
        "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME with HOMER_PASSWORD",
    );
    misconfigured(
        &[URL, ("HOMER_JWT", "s3cret\n")],
        "HOMER_JWT is empty, or has a blank, a line break or a character other than ASCII; was it cut or copied with its \
         surroundings?",
    );
    misconfigured(
        &[
            URL,
            ("HOMER_API_TOKEN", "s3cret"),
            ("HOMER_TOKEN_HEADER", "Auth Token"),
        ],
        "HOMER_TOKEN_HEADER is not the name of a header field, for example Auth-Token",
    );
    misconfigured(
        &[URL, ("HOMER_API", "8")],
        "HOMER_API is none of auto, 7, 11",
    );
    misconfigured(
        &[URL, ("HOMER_TIMEOUT_MS", "2 minutes")],
        "HOMER_TIMEOUT_MS is \"2 minutes\", not a whole number from 1 to 3600000",
    );
    misconfigured(
        &[URL, ("HOMER_MAX_BYTES", "23")],
        "HOMER_MAX_BYTES is \"23\", not a whole number from 24 to 4294967295",
    );
    misconfigured(
        &[URL, ("HOMER_MAX_WINDOW_HOURS", "0")],
        "HOMER_MAX_WINDOW_HOURS is \"0\", not a whole number from 1 to 87600",
    );
    misconfigured(
        &[URL, ("HOMER_CREDENTIAL_KIND", "s3cret")],
        "HOMER_CREDENTIAL_KIND is none of none, api-token, jwt, login",
    );
    misconfigured(
        &[URL, ("HOMER_PASSWORD", "s3cret")],
        "HOMER_PASSWORD is set without HOMER_USERNAME",
    );
    misconfigured(
        &[URL, ("HOMER_USERNAME", "u")],
        "HOMER_USERNAME is set without HOMER_PASSWORD",
    );
    misconfigured(
        &[URL, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret\n")],
        "HOMER_PASSWORD is empty, or has a line break or another control character; was it copied with its surroundings?",
    );
    misconfigured(
        &[
            URL,
            ("HOMER_USERNAME", "u"),
            ("HOMER_PASSWORD", "s3cret"),
            ("HOMER_JWT", "s3cret"),
        ],
        "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME with HOMER_PASSWORD",
    );
}
