//! The settings of the tools, and the decision how a capture is delivered.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::names;
use crate::ExportError;
use crate::config::{Variables, setting};
use crate::mcp::delivery::{Delivery, FIRST_WITH_LINKS, ResultMode, size};

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

    /// The settings for a client of this version of MCP, or of an unknown one: without links if it
    /// may not know them. What would be a link is then attached.
    #[must_use]
    pub fn for_client(self, version: Option<&str>) -> Self {
        // Versions are dates, so later ones are greater.
        let knows_links = version.is_some_and(|version| version >= FIRST_WITH_LINKS);
        match self.mode {
            ResultMode::Auto | ResultMode::Link if !knows_links && !self.writes_files() => Self {
                mode: ResultMode::Embed,
                ..self
            },
            _ => self,
        }
    }

    /// How a capture of this many bytes reaches the client.
    pub fn delivery(&self, bytes: u64) -> Delivery {
        match self.mode {
            ResultMode::Auto | ResultMode::File if self.writes_files() => Delivery::File,
            _ if bytes > self.read_bytes => Delivery::Withheld,
            ResultMode::Auto if bytes <= self.inline_bytes => Delivery::Embed,
            ResultMode::Auto | ResultMode::Link => Delivery::Link,
            ResultMode::Embed => Delivery::Embed,
            // Not without a directory: the configuration would have been refused.
            ResultMode::File => Delivery::Withheld,
            ResultMode::Base64 => Delivery::Text,
        }
    }

    /// Whether captures are written to files.
    pub fn writes_files(&self) -> bool {
        self.output_dir && matches!(self.mode, ResultMode::Auto | ResultMode::File)
    }

    /// What helps if a capture is too large for a message. A model cannot start the server with
    /// other options, and the component has no files at all.
    pub(super) fn instead_of_message(&self) -> String {
        let otherwise = if self.writes_files() {
            format!(
                "export it with {}, which saves captures of any size as files",
                names::EXPORT_PCAP
            )
        } else if self.stateless {
            "ask the operator to save it with the command line program homer-export".to_string()
        } else {
            "ask the operator to start the server with --output-dir, which saves captures of any \
             size as files, or to save this one with the command line program homer-export"
                .to_string()
        };
        format!("narrow from_ts and to_ts to the part of the call that matters, or {otherwise}")
    }

    /// The error for a resource that is too large for a message; `seen` is the number of bytes that
    /// had arrived when that was known.
    pub fn too_large(&self, seen: u64) -> ExportError {
        ExportError::TooLarge {
            limit: self.read_bytes,
            seen,
            message: format!(
                "the capture is larger than {}, the maximum for one message of this server: {}",
                size(self.read_bytes),
                self.instead_of_message()
            ),
        }
    }
}
