//! The recorded call that most tests export, and short ways to export it.

use fake_homer::{API_TOKEN, FakeHomer};
use homer_export::{BaseUrl, ExportError};
use homer_host::{AllowedOrigin, Exporter, Failure, Finished, HostConfig, Policy, Query};

/// A window around all calls of the archive: 2026-11-20, UTC.
pub const DAY: (i64, i64) = (1_795_132_800_000, 1_795_219_200_000);

/// The call of the archive that most tests export: 7 packets, 3,311 bytes.
pub const CALL: &str = "udp-normal-1@192.0.2.10";

/// SHA-256 of that call's capture.
pub const CALL_SHA256: &str = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f";

/// A recorded capture.
pub fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/../tests/data/{name}.pcap",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

pub fn query(call_id: &str) -> Query {
    let (from_ts, to_ts) = DAY;
    Query::of_call(call_id, from_ts, to_ts)
}

/// The policy of a configuration for this URL, with a token.
pub fn policy(url: &str) -> Policy {
    let vars = [("HOMER_URL", url), ("HOMER_API_TOKEN", API_TOKEN)];
    HostConfig::from_vars(vars.map(|(name, value)| (name.to_string(), value.to_string())))
        .unwrap()
        .policy()
}

pub fn allow(url: &str) -> AllowedOrigin {
    AllowedOrigin {
        base: BaseUrl::parse(url).unwrap(),
        credential: None,
    }
}

/// An export read to its end.
pub async fn export(exporter: &Exporter, query: &Query) -> Result<(Vec<u8>, Finished), Failure> {
    let mut export = exporter.open(query).await?.hashed();
    let mut capture = Vec::new();
    while let Some(bytes) = export.next().await? {
        assert!(!bytes.is_empty());
        capture.extend(bytes);
    }
    Ok((capture, export.finish().await?))
}

/// The contract's error that an export of the usual call ends in.
pub async fn error(policy: Policy) -> ExportError {
    error_of(&Exporter::new(policy).unwrap()).await
}

/// As [`error`], from an exporter that may go on.
pub async fn error_of(exporter: &Exporter) -> ExportError {
    match export(exporter, &query(CALL)).await.unwrap_err() {
        Failure::Export(error) => error,
        failure => panic!("{failure}"),
    }
}

/// That an exporter still works: the usual call, from a stand-in that its policy allows.
pub async fn assert_alive(exporter: &Exporter) {
    let (capture, finished) = export(exporter, &query(CALL)).await.unwrap();
    assert_eq!(
        (capture.len(), finished.sha256.as_str()),
        (3311, CALL_SHA256)
    );
}

/// A stand-in and its URL.
pub async fn homer() -> (FakeHomer, String) {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    (homer, url)
}
