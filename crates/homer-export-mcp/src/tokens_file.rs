//! The file `HOMER_MCP_TOKENS_FILE`.

use std::fs;

use homer_export::ExportError;
use homer_export::config::{Variables, setting};
use homer_export::mcp::auth::CallerToken;
use homer_host::config::{readable_by_others, shown_path};

/// Largest file in bytes, inclusive.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads the tokens of callers, and what the operator should know about them. None if no file is
/// configured.
///
/// # Errors
/// `misconfigured` if the file cannot be read, as [`CallerToken::parse_file`], or if all of its
/// tokens have expired.
pub(crate) fn read(
    variables: &Variables,
    now_ms: i64,
) -> Result<(Vec<CallerToken>, Vec<String>), ExportError> {
    let Some(given) = setting::MCP_TOKENS_FILE.get(variables) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let (name, path) = (given.name, given.value);
    let shown = shown_path(path);
    let unusable = |why: &dyn std::fmt::Display| {
        ExportError::Misconfigured(format!("{name}: cannot read {shown}: {why}"))
    };
    let metadata = fs::metadata(path).map_err(|why| unusable(&why))?;
    if metadata.len() > MAX_BYTES {
        return Err(unusable(&"it is larger than 1 MiB"));
    }
    let text = fs::read_to_string(path).map_err(|why| unusable(&why))?;
    let tokens = CallerToken::parse_file(&text)?;
    let mut warnings = Vec::new();
    let expired: Vec<_> = tokens
        .iter()
        .filter(|token| token.is_expired(now_ms))
        .filter_map(CallerToken::name)
        .collect();
    if expired.len() == tokens.len() {
        return Err(ExportError::Misconfigured(format!(
            "{name}: all tokens in {shown} have expired; add one that has not"
        )));
    }
    if !expired.is_empty() {
        warnings.push(format!("expired tokens in {shown}: {}", expired.join(", ")));
    }
    warnings.extend(readable_by_others(name, path));
    Ok((tokens, warnings))
}
