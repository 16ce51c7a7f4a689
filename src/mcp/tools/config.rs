//! The settings of the tools.

use alloc::format;
use alloc::string::String;

use crate::ExportError;
use crate::config::{misconfigured, number};
use crate::mcp::delivery::{DEFAULT_INLINE_BYTES, MAX_READ_BYTES, ResultMode};
use crate::mcp::{MAX_ECHO_CHARS, quoted};

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
    /// From the settings that `setting` finds by name: `HOMER_RESULT_MODE`,
    /// `HOMER_MAX_INLINE_BYTES` and `HOMER_MAX_READ_BYTES`.
    ///
    /// # Errors
    /// `misconfigured` if one of them has an unusable value, or if captures are to be saved as
    /// files but there is no directory for files.
    pub fn new(
        setting: impl Fn(&str) -> Option<String>,
        max_window_hours: u32,
        output_dir: bool,
        stateless: bool,
    ) -> Result<Self, ExportError> {
        let bytes = |name, default, max| number(name, setting(name), default, 24..=max);
        let read_bytes = bytes("HOMER_MAX_READ_BYTES", MAX_READ_BYTES, MAX_READ_BYTES)?;
        // An attached capture is part of a message, so the limit of messages applies to it too.
        let inline_bytes = bytes(
            "HOMER_MAX_INLINE_BYTES",
            DEFAULT_INLINE_BYTES.min(read_bytes),
            read_bytes,
        )?;
        let mode = match setting("HOMER_RESULT_MODE") {
            None => ResultMode::default(),
            Some(name) => match ResultMode::ALL
                .into_iter()
                .find(|(known, _)| *known == name)
            {
                Some((_, mode)) => mode,
                None => {
                    return misconfigured(&format!(
                        "HOMER_RESULT_MODE is {}, expected auto, embed, link, file or base64",
                        quoted(&name, MAX_ECHO_CHARS)
                    ));
                }
            },
        };
        match mode {
            ResultMode::File if stateless => misconfigured(
                "HOMER_RESULT_MODE is file, but this server cannot write files; use another mode",
            ),
            ResultMode::File if !output_dir => misconfigured(
                "HOMER_RESULT_MODE is file, but HOMER_OUTPUT_DIR is not set; set it to a directory",
            ),
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
