//! The recorded call that most tests export, and short ways to export it.

use fake_homer::{API_TOKEN, FakeHomer};
use homer_export::{BaseUrl, ExportError};
use homer_host::{
    AllowedOrigin, CompletedExport, ExportRequest, Exporter, ExtraFields, Failure, HostConfig,
    Policy,
};

/// A window around all calls of the fake Homer: 2026-11-20, UTC.
pub const DAY: (i64, i64) = (1_795_132_800_000, 1_795_219_200_000);

/// The call that most tests export: 7 packets in 3,311 bytes.
pub const CALL: &str = fake_homer::DEMO_CALL_ID;

/// The SHA-256 of the capture of that call.
pub const CALL_SHA256: &str = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f";

/// A recorded capture.
pub fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/../tests/data/{name}.pcap",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// A request for a call on [`DAY`].
pub fn request(call_id: &str) -> ExportRequest {
    let (from_ts, to_ts) = DAY;
    ExportRequest::for_call(call_id, from_ts, to_ts)
}

/// A request for a call in one profile, for tests of a single request to Homer.
pub fn in_one_profile(call_id: &str) -> ExportRequest {
    ExportRequest {
        profiles: vec!["1_call".to_string()],
        ..request(call_id)
    }
}

/// The policy for the Homer at this URL, with the API token of the fake Homer.
pub fn policy(url: &str) -> Policy {
    let vars = [("HOMER_URL", url), ("HOMER_API_TOKEN", API_TOKEN)];
    HostConfig::from_vars(vars.map(|(name, value)| (name.to_string(), value.to_string())))
        .unwrap()
        .policy()
}

/// An allowed origin without a credential.
pub fn allow(url: &str) -> AllowedOrigin {
    AllowedOrigin {
        base: BaseUrl::parse(url).unwrap(),
        credential: None,
        extra_fields: ExtraFields::default(),
    }
}

/// Exports and reads to the end.
pub async fn export(
    exporter: &Exporter,
    request: &ExportRequest,
) -> Result<(Vec<u8>, CompletedExport), Failure> {
    let mut export = exporter.open(request).await?.hashed();
    let mut capture = Vec::new();
    while let Some(bytes) = export.next().await? {
        assert!(!bytes.is_empty());
        capture.extend(bytes);
    }
    Ok((capture, export.finish().await?))
}

/// The error of the contract that an export of [`CALL`] from one profile ends with under this
/// policy.
pub async fn error(policy: Policy) -> ExportError {
    error_of(&Exporter::new(policy).unwrap()).await
}

/// As [`error`], for an exporter that is used again afterwards.
pub async fn error_of(exporter: &Exporter) -> ExportError {
    match export(exporter, &in_one_profile(CALL)).await.unwrap_err() {
        Failure::Export(error) => error,
        failure => panic!("{failure}"),
    }
}

/// Asserts that an exporter still works: it exports [`CALL`] from one profile of a Homer that its
/// policy allows.
pub async fn assert_alive(exporter: &Exporter) {
    let (capture, completed) = export(exporter, &in_one_profile(CALL)).await.unwrap();
    assert_eq!(
        (capture.len(), completed.sha256.as_str()),
        (3311, CALL_SHA256)
    );
}

/// A fake Homer and its URL.
pub async fn homer() -> (FakeHomer, String) {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    (homer, url)
}
