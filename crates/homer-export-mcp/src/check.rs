//! `--check`: whether an export would work, in plain words.

use std::time::{SystemTime, UNIX_EPOCH};

use homer_export::ExportError;
use homer_host::{ExportRequest, Exporter, Failure, HostConfig};

/// A Call-ID that no call has.
const NOBODYS: &str = "homer-export-check@invalid";

/// The last minute.
const WINDOW_MS: i64 = 60_000;

/// Asks Homer for a call that is not there: a Homer that answers so was reached, has let us in, and
/// knows the endpoint.
///
/// # Errors
/// What went wrong, and what to change.
pub(crate) async fn check(
    exporter: &Exporter,
    configuration: &HostConfig,
) -> Result<String, String> {
    let config = &configuration.config;
    let homer = &config.homer;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let to_ts = i64::try_from(now).unwrap_or(i64::MAX);
    let query = ExportRequest::for_call(NOBODYS, to_ts - WINDOW_MS, to_ts);
    let credential = match config.credential_kind.name() {
        "none" => "without a credential, which it wants none of".to_string(),
        "api-token" => "with the API token that is configured".to_string(),
        "jwt" => "with the JWT that is configured".to_string(),
        kind => format!("with the {kind} that is configured"),
    };
    match exporter.open(&query).await {
        Err(Failure::Export(ExportError::NothingCaptured(_))) => Ok(format!(
            "the component is loaded, and runs in its sandbox\nHomer at {homer} is reached, and lets us in {credential}\nit knows \
             how to export, and has nothing for a Call-ID made up for this check, as it should; it would say the same if it \
             could not reach its own database: export a call that you know"
        )),
        Ok(_) => Err(format!(
            "Homer at {homer} has a capture for a Call-ID made up for this check: it is no Homer"
        )),
        Err(failure) => Err(failure.to_string()),
    }
}
