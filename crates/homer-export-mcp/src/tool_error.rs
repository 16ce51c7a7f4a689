//! Why a call failed.

use std::fmt;

use homer_export::ExportError;
use homer_export::mcp::tools::{ToolFailure, export_pcap};
use homer_host::Failure;

use crate::call_limit::MAX_CALLS;
use crate::files::StorageError;
use crate::held_bytes::MAX_HELD_BYTES;

/// Why a call failed. All of these reach the model as results with `isError`, so that it can tell
/// the user or try again (MCP, server/tools, "Error Handling"). Their texts begin with a code and a
/// colon, as those of [`ExportError`] do.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// The export failed.
    Export(Failure),
    /// The server handles as many calls as it may.
    Busy,
    /// The server holds as many bytes of captures and responses as it may.
    Full,
    /// The capture cannot be saved in the output directory.
    StorageFailed(StorageError),
}

impl ToolError {
    /// The code at the beginning of its text, for the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Export(Failure::Export(error)) => error.case(),
            Self::Export(Failure::Limit(_)) => "sandbox-limit",
            Self::Export(Failure::Trap(_) | Failure::Misuse(_)) => "internal-error",
            Self::Busy | Self::Full => "busy",
            Self::StorageFailed(_) => "storage-failed",
        }
    }

    /// The result of a call of this tool that failed.
    pub(crate) fn failure(&self, tool: &str) -> ToolFailure {
        match self {
            Self::Export(Failure::Export(error)) if tool == export_pcap::NAME => {
                ToolFailure::of_export(error)
            }
            other => ToolFailure {
                text: other.to_string(),
                structured: None,
            },
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(failure) => failure.fmt(f),
            Self::Busy => write!(
                f,
                "busy: the server is handling {MAX_CALLS} calls, its maximum; retry in a few \
                 seconds"
            ),
            Self::Full => write!(
                f,
                "busy: the server holds {} MiB of captures that its clients have not read yet, its \
                 maximum; retry in a few seconds",
                MAX_HELD_BYTES / 1024 / 1024
            ),
            Self::StorageFailed(why) => write!(f, "storage-failed: {why}"),
        }
    }
}

impl From<Failure> for ToolError {
    fn from(failure: Failure) -> Self {
        Self::Export(failure)
    }
}

impl From<ExportError> for ToolError {
    fn from(error: ExportError) -> Self {
        Self::Export(Failure::Export(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::ToolError;

    #[test]
    fn tool_error_says_what_happened_and_what_to_do() {
        for (error, text) in [
            (
                ToolError::Busy,
                "busy: the server is handling 64 calls, its maximum; retry in a few seconds",
            ),
            (
                ToolError::StorageFailed(io::Error::other("no space left on device").into()),
                "storage-failed: the capture cannot be saved in the output directory: no space \
                 left on device; ask the operator to fix this",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
