//! The result of a call that failed: [`ToolFailure`].

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};

use serde::Serialize;
use serde_json::value::RawValue;

use super::schema::to_raw_json;
use crate::ExportError;

/// The result of a call that failed, with `isError`: a model can act on it (MCP, server/tools,
/// "Error Handling").
#[derive(Clone, Debug)]
pub struct ToolFailure {
    /// What happened and what to change, after the name of the case.
    pub text: String,
    /// The structured content, for clients that read it. It meets the output schema of the tool:
    /// some clients compare it with the schema although the call failed. A second text block
    /// repeats it for clients without structured content.
    pub structured: Option<Box<RawValue>>,
}

/// Arguments of `homer_export_pcap`, to be passed on as they are.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExportArguments<'a> {
    /// Call-ID.
    pub callid: &'a str,
    /// Start of the window in Unix milliseconds.
    pub from_ts: i64,
    /// End of the window in Unix milliseconds.
    pub to_ts: i64,
}

impl ToolFailure {
    /// The failure of `homer_export_pcap`. If Homer's search found what to export instead, the
    /// structured content has it as `suggestion`.
    pub fn of_export(error: &ExportError) -> Self {
        #[derive(Serialize)]
        struct Structured<'a> {
            suggestion: ExportArguments<'a>,
        }

        let structured = error.suggestion().map(|suggestion| {
            to_raw_json(&Structured {
                suggestion: ExportArguments {
                    callid: &suggestion.callid,
                    from_ts: suggestion.from_ts,
                    to_ts: suggestion.to_ts,
                },
            })
        });
        Self {
            structured,
            ..Self::from(error)
        }
    }
}

impl From<&ExportError> for ToolFailure {
    /// The failure without structured content.
    fn from(error: &ExportError) -> Self {
        Self {
            text: error.to_string(),
            structured: None,
        }
    }
}
