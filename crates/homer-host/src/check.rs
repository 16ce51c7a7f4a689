//! Whether exports will work: `homer-export check` and `homer-export-mcp --check`.

use std::time::{SystemTime, UNIX_EPOCH};

use homer_export::ExportError;

use crate::config::HostConfig;
use crate::export::{ExportRequest, Exporter};
use crate::failure::Failure;

/// A Call-ID that no call has: `invalid` is a reserved domain (RFC 2606).
const NONEXISTENT_CALL_ID: &str = "homer-export-check@invalid";

/// The length of the window, which ends now. A short one is cheap for Homer.
const WINDOW_MS: i64 = 60_000;

/// Exports a call that does not exist. If Homer says that it has no packets for it, then Homer was
/// reached, accepted the credentials, and has the export endpoint. Returns lines for the operator.
///
/// # Errors
/// As [`Exporter::open`], and `invalid-response` if the server returns a capture for the call that
/// does not exist.
pub async fn check(
    exporter: &Exporter,
    configuration: &HostConfig,
) -> Result<Vec<String>, Failure> {
    let config = &configuration.config;
    let homer = &config.homer;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let to_ts = i64::try_from(now).unwrap_or(i64::MAX);
    let query = ExportRequest::for_call(NONEXISTENT_CALL_ID, to_ts - WINDOW_MS, to_ts);
    let credential = match config.homer.credential_kind.name() {
        "none" => "it requires no credentials".to_string(),
        "api-token" => "it accepted the configured API token".to_string(),
        "jwt" => "it accepted the configured JWT".to_string(),
        kind => format!("it accepted the configured {kind}"),
    };
    match exporter.open(&query).await {
        Err(Failure::Export(ExportError::NothingCaptured { .. })) => Ok(vec![
            "OK: the component runs in its sandbox".to_string(),
            format!("OK: reached Homer at {homer}; {credential}"),
            "OK: the export endpoint responded, without packets for a made-up Call-ID, as expected"
                .to_string(),
            "Homer sends the same response when its database is down, so also export a call that \
             you know"
                .to_string(),
        ]),
        Ok(_) => Err(Failure::Export(ExportError::InvalidResponse(format!(
            "the server at {homer} returned a capture for a made-up Call-ID; is HOMER_URL the \
             address of a Homer?"
        )))),
        Err(failure) => Err(failure),
    }
}
