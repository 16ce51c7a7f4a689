use std::io::Write as _;
use std::time::Duration;

use homer_export::ExportError;
use homer_host::{Api, HostConfig, Policy};

fn configuration(vars: &[(&str, &str)]) -> Result<HostConfig, ExportError> {
    let url = [("HOMER_URL", "http://homer:9080")];
    HostConfig::from_vars(
        url.iter()
            .chain(vars)
            .map(|(name, value)| (name.to_string(), value.to_string())),
    )
}

#[track_caller]
fn misconfigured(vars: &[(&str, &str)], why: &str) {
    assert_eq!(
        configuration(vars).unwrap_err(),
        ExportError::Misconfigured(why.to_string())
    );
}

#[test]
fn configuration_passes_everything_to_the_component_but_the_credential() {
    let policy = configuration(&[
        ("HOMER_API_TOKEN", "s3cret"),
        ("HOMER_MAX_WINDOW_HOURS", "48"),
    ])
    .unwrap()
    .policy();
    // There is no HOMER_API until an API version has been detected: the component's default is
    // `auto`.
    let expected = [
        ("HOMER_URL", "http://homer:9080"),
        ("HOMER_CREDENTIAL_KIND", "api-token"),
        ("HOMER_TIMEOUT_MS", "120000"),
        ("HOMER_MAX_WINDOW_HOURS", "48"),
        ("HOMER_MAX_BYTES", "2097152"),
        ("HOMER_REPORT", "on"),
        ("HOMER_EXPLAIN", "on"),
        ("HOMER_EXPLAIN_DAYS", "7"),
    ];
    assert_eq!(
        policy.environment.variables(None),
        expected.map(|(name, value)| (name.to_string(), value.to_string()))
    );
    let off = configuration(&[("HOMER_EXPLAIN", "off")]).unwrap().policy();
    let variables = off.environment.variables(None);
    let explain = |name: &str| variables.iter().find(|(variable, _)| variable == name);
    assert_eq!(explain("HOMER_EXPLAIN").unwrap().1, "off");
    assert_eq!(explain("HOMER_EXPLAIN_DAYS"), None);
    let api = |policy: &Policy, detected| {
        let variables = policy.environment.variables(Some(detected));
        let api = variables.into_iter().find(|(name, _)| name == "HOMER_API");
        api.unwrap().1
    };
    assert_eq!(api(&policy, Api::V11), "11");
    // A configured API version is not replaced by a detected one.
    let fixed = configuration(&[("HOMER_API", "7")]).unwrap().policy();
    assert_eq!(api(&fixed, Api::V11), "7");
    assert_eq!(policy.allowed.len(), 1);
    assert_eq!(policy.allowed[0].base.to_string(), "http://homer:9080");
    assert!(policy.allowed[0].credential.is_some());
    assert!(!format!("{policy:?}").contains("s3cret"));
}

#[test]
fn configuration_ignores_an_unexpanded_placeholder() {
    let unfilled = [
        ("HOMER_API_TOKEN", "${user_config.api_token}"),
        ("HOMER_API", "${user_config.api}"),
    ];
    let config = configuration(&[&unfilled[..], &[("HOMER_JWT", "s3cret")]].concat())
        .unwrap()
        .config;
    assert_eq!(
        (config.homer.credential_kind.name(), config.api),
        ("jwt", None)
    );
    // Text that only begins like a placeholder is a value.
    let config = configuration(&[("HOMER_API_TOKEN", "${s3cret")])
        .unwrap()
        .config;
    assert_eq!(
        config.homer.credential.unwrap().header().unwrap().1,
        "${s3cret"
    );
}

#[test]
fn configuration_reads_secrets_from_files() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"s3cret\r\n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = configuration(&[("HOMER_JWT_FILE", path)]).unwrap().config;
    assert_eq!(
        config.homer.credential.unwrap().header().unwrap().1,
        "Bearer s3cret"
    );
    misconfigured(
        &[("HOMER_JWT_FILE", path), ("HOMER_JWT", "s3cret")],
        "HOMER_JWT and HOMER_JWT_FILE are both set; keep one",
    );
    misconfigured(
        &[("HOMER_API_TOKEN_FILE", "/nowhere/token")],
        "HOMER_API_TOKEN_FILE: cannot read /nowhere/token: No such file or directory (os error 2)",
    );
    let empty = tempfile::NamedTempFile::new().unwrap();
    let path = empty.path().to_str().unwrap();
    misconfigured(
        &[("HOMER_JWT_FILE", path)],
        &format!("HOMER_JWT_FILE: {path} is empty"),
    );
}

#[test]
fn configuration_limits_exports_and_later_variables_win() {
    let configuration = configuration(&[
        ("HOMER_EXPORT_MAX_BYTES", "1000"),
        ("HOMER_EXPORT_DEADLINE_MS", "5000"),
        ("HOMER_TIMEOUT_MS", "1000"),
        ("HOMER_TIMEOUT_MS", "2000"),
        ("HOMER_URL", "http://other"),
        ("HOMER_API", "11"),
        ("HOMER_API", "7"),
        ("HOMER_MAX_CONCURRENT", "2"),
    ])
    .unwrap();
    let policy = configuration.policy();
    assert_eq!(
        (policy.limits.response_bytes, policy.limits.deadline),
        (1000, Duration::from_secs(5))
    );
    assert_eq!(
        (policy.limits.first_byte, policy.limits.concurrent_exports),
        (Duration::from_secs(2), 2)
    );
    assert_eq!(policy.allowed[0].base.to_string(), "http://other");
    misconfigured(
        &[("HOMER_EXPORT_DEADLINE_MS", "0")],
        "HOMER_EXPORT_DEADLINE_MS is \"0\"; expected a whole number from 1 to 86400000",
    );
}

#[test]
fn credential_that_crosses_a_network_unencrypted_has_a_warning() {
    let warnings = |url: &str, credential: Option<(&str, &str)>| {
        let vars = [("HOMER_URL", url)].into_iter().chain(credential);
        let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
        HostConfig::from_vars(vars).unwrap().warnings
    };
    let token = Some(("HOMER_API_TOKEN", "t0ken-of-homer"));
    let expected = "warning: the credential for http://homer:9080 is sent over plain http, so \
        whoever can read the network traffic learns it; use https beyond a trusted network";
    assert_eq!(warnings("http://homer:9080/x", token), [expected]);
    for (url, credential) in [
        ("http://homer:9080", None),
        ("https://homer:9080", token),
        ("http://localhost:9080", token),
        ("http://127.0.0.2:9080", token),
        ("http://[::1]:9080", token),
    ] {
        assert_eq!(warnings(url, credential), [""; 0], "{url}");
    }
}
