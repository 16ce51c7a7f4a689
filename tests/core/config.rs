use homer_export::homer::Api;
use std::fmt::Write as _;

use homer_export::config::Variables;
use homer_export::config::setting::{self, Value};
use homer_export::homer::{CredentialKind, LoginType, ProxyCredentialKind};
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
        (config.homer.credential, config.homer.credential_kind),
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
    let header = token.homer.credential.as_ref().and_then(Credential::header);
    assert_eq!(
        header,
        Some(("Auth-Token".to_string(), "s3cret".to_string()))
    );
    assert_eq!(token.homer.credential_kind, CredentialKind::ApiToken);

    let renamed = config(&[
        URL,
        ("HOMER_API_TOKEN", "s3cret"),
        ("HOMER_TOKEN_HEADER", "X-Api-Key"),
    ])
    .unwrap();
    assert_eq!(
        renamed
            .homer
            .credential
            .and_then(|c| c.header())
            .map(|header| header.0),
        Some("X-Api-Key".to_string())
    );

    let jwt = config(&[URL, ("HOMER_JWT", "s3cret")]).unwrap();
    assert_eq!(
        jwt.homer.credential.and_then(|c| c.header()),
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
    assert_eq!(login.homer.credential_kind, CredentialKind::Login);
    assert_eq!(
        login.homer.credential,
        Credential::login("Jörg", "pass wörd").ok()
    );
    assert_eq!(login.homer.credential.and_then(|c| c.header()), None);
}

#[test]
fn settings_take_a_credential_for_a_proxy() {
    let proxy = [
        ("HOMER_PROXY_USERNAME", "u"),
        ("HOMER_PROXY_PASSWORD", "s3cret: x"),
    ];
    let token = ("HOMER_API_TOKEN", "t0ken");
    let homer = config(&[URL, token, proxy[0], proxy[1]]).unwrap().homer;
    assert_eq!(homer.proxy_credential_kind, ProxyCredentialKind::Basic);
    let field = |name: &str, value: &str| (name.to_string(), value.to_string());
    assert_eq!(
        homer.credential_fields(),
        [
            field("Auth-Token", "t0ken"),
            field("Authorization", "Basic dTpzM2NyZXQ6IHg="),
        ]
    );
    assert!(!format!("{homer:?}").contains("s3cret") && !format!("{homer:?}").contains("dTpz"));

    misconfigured(
        &[URL, proxy[0]],
        "HOMER_PROXY_USERNAME is set without HOMER_PROXY_PASSWORD; set both",
    );
    misconfigured(
        &[URL, proxy[1]],
        "HOMER_PROXY_PASSWORD is set without HOMER_PROXY_USERNAME; set both",
    );
    misconfigured(
        &[URL, ("HOMER_PROXY_USERNAME", "a:b"), proxy[1]],
        "HOMER_PROXY_USERNAME is empty, or contains a colon or a control character; HTTP Basic \
         authentication allows neither in a user name",
    );
    misconfigured(
        &[URL, ("HOMER_PROXY_CREDENTIAL_KIND", "s3cret")],
        "HOMER_PROXY_CREDENTIAL_KIND is invalid; expected one of none, basic, fields",
    );
    misconfigured(
        &[
            URL,
            proxy[0],
            proxy[1],
            ("HOMER_API_TOKEN", "s3cret"),
            ("HOMER_TOKEN_HEADER", "authorization"),
        ],
        "HOMER_PROXY_USERNAME and HOMER_API_TOKEN both need the header field Authorization, of \
         which a request has one; use HOMER_API_TOKEN for Homer in a header field of its own \
         (HOMER_TOKEN_HEADER, by default Auth-Token), or let the proxy pass Homer's API without a login",
    );
}

#[test]
fn settings_take_the_type_of_a_login() {
    let login = [("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "p")];
    let ldap = config(&[URL, login[0], login[1], ("HOMER_LOGIN_TYPE", "ldap")]).unwrap();
    let expected = Credential::login("u", "p").unwrap();
    assert_eq!(
        ldap.homer.credential,
        Some(expected.with_login_type(LoginType::Ldap))
    );
    misconfigured(
        &[URL, login[0], login[1], ("HOMER_LOGIN_TYPE", "LDAP")],
        "HOMER_LOGIN_TYPE is \"LDAP\"; expected one of internal, ldap",
    );
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
        (config.homer.credential, config.homer.credential_kind),
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
        "HOMER_URL is not set; set it to Homer's base URL, for example http://homer:9080",
    );
    misconfigured(
        &[("HOMER_URL", "http://u:s3cret@homer")],
        "HOMER_URL is invalid: it contains a user name; set the credential separately",
    );
    misconfigured(
        &[URL, ("HOMER_JWT", "s3cret"), ("HOMER_API_TOKEN", "s3cret")],
        "more than one kind of credential is set; keep HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME with HOMER_PASSWORD",
    );
    misconfigured(
        &[URL, ("HOMER_JWT", "s3cret\n")],
        "HOMER_JWT is empty, or contains a space, a line break or a character outside ASCII; \
         check that it was copied completely and without its surroundings",
    );
    misconfigured(
        &[
            URL,
            ("HOMER_API_TOKEN", "s3cret"),
            ("HOMER_TOKEN_HEADER", "Auth Token"),
        ],
        "HOMER_TOKEN_HEADER is not a header field name; expected a name such as Auth-Token",
    );
    misconfigured(
        &[URL, ("HOMER_API", "8")],
        "HOMER_API is \"8\"; expected one of auto, 7, 11",
    );
    misconfigured(
        &[URL, ("HOMER_TIMEOUT_MS", "2 minutes")],
        "HOMER_TIMEOUT_MS is \"2 minutes\"; expected a whole number from 1 to 3600000",
    );
    misconfigured(
        &[URL, ("HOMER_MAX_BYTES", "23")],
        "HOMER_MAX_BYTES is \"23\"; expected a whole number from 24 to 4294967295",
    );
    misconfigured(
        &[URL, ("HOMER_MAX_WINDOW_HOURS", "0")],
        "HOMER_MAX_WINDOW_HOURS is \"0\"; expected a whole number from 1 to 87600",
    );
    misconfigured(
        &[URL, ("HOMER_CREDENTIAL_KIND", "s3cret")],
        "HOMER_CREDENTIAL_KIND is invalid; expected one of none, api-token, jwt, login",
    );
    misconfigured(
        &[URL, ("HOMER_PASSWORD", "s3cret")],
        "HOMER_PASSWORD is set without HOMER_USERNAME; set both",
    );
    misconfigured(
        &[URL, ("HOMER_USERNAME", "u")],
        "HOMER_USERNAME is set without HOMER_PASSWORD; set both",
    );
    misconfigured(
        &[URL, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret\n")],
        "HOMER_PASSWORD is empty, or contains a line break or another control character; check \
         how it was copied",
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

#[test]
fn setting_given_by_a_flag_is_named_by_the_flag() {
    let mut variables = Variables::from_environment([URL, ("HOMER_TIMEOUT_MS", "5")]);
    setting::TIMEOUT_MS.set_by_flag(&mut variables, "soon".to_string());
    setting::MAX_WINDOW_HOURS.set_by_flag(&mut variables, "48".to_string());
    assert_eq!(setting::MAX_WINDOW_HOURS.integer(&variables).unwrap(), 48);
    let why = "--timeout-ms is \"soon\"; expected a whole number from 1 to 3600000";
    assert_eq!(
        setting::TIMEOUT_MS.integer(&variables).unwrap_err(),
        ExportError::Misconfigured(why.to_string())
    );
    // A secret has no flag, since command lines are visible to other users.
    setting::API_TOKEN.set_by_flag(&mut variables, "s3cret".to_string());
    assert_eq!(setting::API_TOKEN.get(&variables), None);
    assert!(!format!("{variables:?}").contains("soon"));
}

#[test]
fn setting_that_is_a_placeholder_counts_as_unset() {
    let vars = [
        ("HOMER_JWT", "${user_config.jwt}"),
        ("HOMER_MCP_TOKEN", "${token"),
    ];
    let variables = Variables::from_environment(vars);
    assert_eq!(setting::JWT.get(&variables), None);
    assert!(variables.get_raw("HOMER_JWT").is_some());
    assert_eq!(
        setting::MCP_TOKEN.get(&variables).map(|given| given.value),
        Some("${token")
    );
}

/// The table of settings in `docs/configuration.md`.
#[test]
fn setting_table_in_the_documentation_is_the_one_in_the_code() {
    let mut table =
        String::from("| Variable | Flag | Meaning | Default | Range |\n|---|---|---|---|---|\n");
    for setting in setting::ALL {
        let flag = setting
            .flag
            .map(|flag| format!("`--{flag}`"))
            .unwrap_or_default();
        let range = match setting.value {
            Value::Integer {
                min, max: u64::MAX, ..
            } => format!("from {min}"),
            Value::Integer { min, max, .. } => format!("{min} to {max}"),
            Value::Choice(choices) => choices
                .iter()
                .map(|choice| format!("`{choice}`"))
                .collect::<Vec<_>>()
                .join(", "),
            Value::Text(_) | Value::Secret => String::new(),
        };
        let readers: Vec<&str> = setting
            .readers
            .iter()
            .map(|reader| reader.file_name())
            .collect();
        let readers = match readers.len() {
            5 => String::new(),
            _ => format!(" ({})", readers.join(", ")),
        };
        let help = setting.help.trim();
        writeln!(
            table,
            "| `{}` | {flag} | {help}{readers} | {} | {range} |",
            setting.variable,
            setting.value.default_text()
        )
        .unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(file).unwrap();
    let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (documented, after) = rest.split_once(end).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        documented, table,
        "docs/configuration.md differs; BLESS=1 rewrites its table"
    );
}
