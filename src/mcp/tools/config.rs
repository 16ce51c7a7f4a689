//! The settings of the tools.

use alloc::format;
use alloc::string::ToString as _;

use crate::ExportError;
use crate::config::{Variables, setting};
use crate::mcp::delivery::ResultMode;

/// The settings of the tools: limits, and how captures reach the client. The tools' descriptions
/// state them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolConfig {
    /// Longest window in hours, inclusive.
    pub max_window_hours: u32,
    /// How captures reach a client.
    pub mode: ResultMode,
    /// Largest capture that [`ResultMode::Auto`] attaches, in bytes, inclusive.
    pub inline_bytes: u64,
    /// Largest capture in any message, in bytes, inclusive.
    pub read_bytes: u64,
    /// Whether there is a directory for files.
    pub output_dir: bool,
    /// Whether the server lives for one request only: it reports no progress and keeps no capture
    /// for the next request.
    pub stateless: bool,
}

impl ToolConfig {
    /// The settings of a server. `output_dir` states whether it has a directory for files, and
    /// `stateless` whether it lives for one request only.
    ///
    /// # Errors
    /// `misconfigured` if a value is out of range, or if captures are to be saved in files although
    /// there is no directory for them.
    pub fn new(
        variables: &Variables,
        max_window_hours: u32,
        output_dir: bool,
        stateless: bool,
    ) -> Result<Self, ExportError> {
        let read_bytes = setting::MAX_READ_BYTES.integer(variables)?;
        // An attached capture is part of a message, so the limit of messages applies to it too.
        let default = setting::MAX_INLINE_BYTES.default_integer().min(read_bytes);
        let inline_bytes =
            setting::MAX_INLINE_BYTES.integer_up_to(variables, default, read_bytes)?;
        let name = setting::RESULT_MODE.choice(variables)?;
        let mode = ResultMode::from_name(name).unwrap_or_default();
        let given = setting::RESULT_MODE.get(variables);
        let given = given.map_or(setting::RESULT_MODE.variable, |given| given.name);
        // Whoever typed a flag is told about the other flag.
        let flag = setting::OUTPUT_DIR.flag.filter(|_| given.starts_with("--"));
        let output_dir_name = match flag {
            Some(flag) => format!("--{flag}"),
            None => setting::OUTPUT_DIR.variable.to_string(),
        };
        let unusable = |why: &str| {
            Err(ExportError::Misconfigured(format!(
                "{given} is file, but {why}"
            )))
        };
        match mode {
            ResultMode::File if stateless => {
                unusable("this server cannot write files; use another mode")
            }
            ResultMode::File if !output_dir => unusable(&format!(
                "{output_dir_name} is not set; set it to a directory"
            )),
            _ => Ok(Self {
                max_window_hours,
                mode,
                inline_bytes,
                read_bytes,
                output_dir,
                stateless,
            }),
        }
    }
}
