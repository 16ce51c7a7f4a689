//! The tools of the MCP server: what a model reads about them, their arguments, and their results.
//!
//! A call takes two steps, since one front end is asynchronous and the other is not: parse the call
//! ([`ToolCall::parse`]), export the capture or make the search that it needs, and build the result
//! ([`ToolResult::of_export`], [`ToolResult::of_reading`] or [`ToolResult::of_search`]).

mod arguments;
pub mod compare_calls;
mod config;
pub mod export_pcap;
pub mod find_calls;
mod message_format;
mod names;
pub mod read_ladder;
pub mod read_message;
mod schema;
mod tool_failure;
mod unknown_arguments;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::MAX_ECHO_CHARS;
use super::delivery::Attachment;
use crate::reader::{Found, Reading};
use crate::search::{CallFilterFields, FoundCalls};
use crate::text::quoted;
use crate::{CaptureReport, ExportError};

pub(super) use schema::to_raw_json;

pub use arguments::{CallWindow, MessageArguments};
pub use compare_calls::ComparedCalls;
pub use config::ToolConfig;
pub use message_format::MessageFormat;
pub use read_ladder::LadderArguments;
pub use tool_failure::ToolFailure;
pub use unknown_arguments::note_on_unknown_arguments;
pub(super) use unknown_arguments::with_note;

/// A call of a tool, with valid arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolCall {
    /// `homer_export_pcap`.
    ExportPcap(CallWindow),
    /// A tool that reads a part of a capture.
    Read(ReadCall),
    /// `homer_find_calls`.
    FindCalls(CallFilterFields),
}

/// A call of a tool that reads a part of a capture, or of two, and returns none of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadCall {
    /// `homer_read_message`.
    Message(MessageArguments),
    /// `homer_read_ladder`.
    Ladder(LadderArguments),
    /// `homer_compare_calls`.
    Comparison(ComparedCalls),
}

/// Why a call of a tool is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidCall {
    /// There is no such tool: a protocol error (MCP, server/tools, "Error Handling").
    UnknownTool {
        /// What happened and what to change.
        message: String,
    },
    /// The arguments are not valid: a result with `isError`, so that the model reads it and calls
    /// again (the same section, since MCP 2025-11-25).
    Arguments(ExportError),
}

impl ToolCall {
    /// Parses the name and the arguments of a `tools/call` request. `now_ms` is the current Unix
    /// time in milliseconds, for times relative to it.
    ///
    /// Null counts as an argument that was left out, and arguments that the tool does not have are
    /// ignored: [`note_on_unknown_arguments`] says so.
    ///
    /// # Errors
    /// [`InvalidCall`].
    ///
    /// # Examples
    /// ```
    /// # use homer_export::mcp::delivery::ResultMode;
    /// use homer_export::mcp::tools::{InvalidCall, ToolCall, ToolConfig};
    ///
    /// # let config = ToolConfig {
    /// #     max_window_hours: 24, mode: ResultMode::Auto, inline_bytes: 1000, read_bytes: 1000,
    /// #     output_dir: false, stateless: true,
    /// # };
    /// let arguments = serde_json::json!({
    ///     "callid": "a84b4c76e66710@pc33.example.com",
    ///     "from_ts": 1_795_168_800_000_u64,
    ///     "to_ts": 1_795_169_100_000_u64,
    /// });
    /// let now_ms = 1_795_170_000_000;
    /// let call = ToolCall::parse("homer_export_pcap", arguments.as_object(), &config, now_ms);
    /// assert!(matches!(call, Ok(ToolCall::ExportPcap(_))));
    /// let unknown = ToolCall::parse("homer_guess", None, &config, now_ms);
    /// assert!(matches!(unknown, Err(InvalidCall::UnknownTool { .. })));
    /// ```
    pub fn parse(
        name: &str,
        arguments: Option<&Map<String, Value>>,
        config: &ToolConfig,
        now_ms: i64,
    ) -> Result<Self, InvalidCall> {
        // A client may leave out the arguments altogether; then the first of them is missing.
        let no_arguments = Map::new();
        let arguments = arguments.unwrap_or(&no_arguments);
        let call = match name {
            export_pcap::NAME => CallWindow::parse(arguments, config, now_ms).map(Self::ExportPcap),
            read_message::NAME => MessageArguments::parse(arguments, config, now_ms)
                .map(|arguments| Self::Read(ReadCall::Message(arguments))),
            read_ladder::NAME => LadderArguments::parse(arguments, config, now_ms)
                .map(|arguments| Self::Read(ReadCall::Ladder(arguments))),
            compare_calls::NAME => ComparedCalls::parse(arguments, config, now_ms)
                .map(|calls| Self::Read(ReadCall::Comparison(calls))),
            find_calls::NAME => find_calls::parse(arguments, config, now_ms).map(Self::FindCalls),
            _ => {
                return Err(InvalidCall::UnknownTool {
                    message: format!(
                        "unknown tool {}; the tools are {}, {}, {}, {} and {}",
                        quoted(name, MAX_ECHO_CHARS),
                        export_pcap::NAME,
                        read_message::NAME,
                        find_calls::NAME,
                        read_ladder::NAME,
                        compare_calls::NAME
                    ),
                });
            }
        };
        call.map_err(InvalidCall::Arguments)
    }
}

impl ReadCall {
    /// What to read.
    pub fn reading(&self) -> Reading {
        match self {
            Self::Message(arguments) => read_message::reading(arguments),
            Self::Ladder(arguments) => read_ladder::reading(arguments),
            Self::Comparison(calls) => compare_calls::reading(calls),
        }
    }

    /// The captures to read, one after the other.
    pub fn captures(&self) -> Vec<&CallWindow> {
        match self {
            Self::Message(arguments) => vec![&arguments.call],
            Self::Ladder(arguments) => vec![&arguments.call],
            Self::Comparison(calls) => vec![&calls.a, &calls.b],
        }
    }
}

/// The result of a call that succeeded.
#[derive(Clone, Debug)]
pub struct ToolResult {
    /// The structured content. Some clients show their model this, and others the text block alone
    /// (docs/mcp-clients.md). `None` if all of the result is text: a client that shows structured
    /// content alone then shows the text, and one that shows both does not show it twice.
    pub structured: Option<Box<RawValue>>,
    /// The text block: of an export the same facts for a reader, otherwise the same JSON.
    pub text: String,
    /// The content block after that text block.
    pub attachment: Attachment,
}

impl ToolResult {
    /// The result of `homer_export_pcap`. `file` is the path of the capture if it is in a file. A
    /// capture that is not, and is too large for a message, is left out; its report is not.
    pub fn of_export(
        config: &ToolConfig,
        call: &CallWindow,
        sha256: &str,
        report: &CaptureReport,
        file: Option<&str>,
    ) -> Self {
        export_pcap::build_result(config, call, sha256, report, file)
    }

    /// The result of a tool that reads from captures. `found` is what [`ReadCall::reading`] found.
    pub fn of_reading(call: &ReadCall, found: &Found) -> Self {
        match (call, found) {
            (ReadCall::Message(arguments), Found::Message(message)) => {
                Self::of_message(&read_message::MessageView::new(arguments, message))
            }
            (_, Found::Message(message)) => Self::of_text(message.text.clone()),
            (_, Found::Ladder(page)) => Self::of_text(read_ladder::result_text(page)),
            (_, Found::Comparison(comparison)) => Self::of_text(comparison.text.clone()),
        }
    }

    /// The result of `homer_read_message`.
    pub fn of_message(message: &read_message::MessageView) -> Self {
        Self::of_json(to_raw_json(message))
    }

    /// The result of `homer_find_calls`.
    pub fn of_search(config: &ToolConfig, filter: &CallFilterFields, found: &FoundCalls) -> Self {
        Self::of_json(to_raw_json(&find_calls::FindResult::new(
            filter,
            found,
            config.max_window_hours,
            names::EXPORT_PCAP,
        )))
    }

    fn of_json(structured: Box<RawValue>) -> Self {
        Self {
            text: structured.get().to_string(),
            structured: Some(structured),
            attachment: Attachment::None,
        }
    }

    fn of_text(text: String) -> Self {
        Self {
            structured: None,
            text,
            attachment: Attachment::None,
        }
    }
}

/// An entry of `tools/list`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolDefinition {
    /// The name by which it is called.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What the tool does, when to use it, and how it fails; for the model.
    pub description: String,
    /// The JSON Schema of the arguments.
    pub input_schema: Box<RawValue>,
    /// The JSON Schema of the structured content, if the tool returns any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Box<RawValue>>,
    /// Hints for the client.
    pub annotations: ToolAnnotations,
}

/// Hints about a tool for the client, which may ask the user before a call (MCP, schema,
/// "ToolAnnotations").
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolAnnotations {
    read_only_hint: bool,
    /// Absent if the tool is read-only: then it has no meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    destructive_hint: Option<bool>,
    /// False: a tool can reach one configured Homer and nothing else. Some clients ask the user to
    /// confirm each result of an open-world tool.
    open_world_hint: bool,
}

impl ToolAnnotations {
    /// Of a tool that changes nothing.
    const READ_ONLY: Self = Self {
        read_only_hint: true,
        destructive_hint: None,
        open_world_hint: false,
    };
}

/// Longest result of `tools/list` in characters, inclusive: about 2,300 tokens, which some clients
/// send to their model with every request.
pub const MAX_DEFINITIONS: usize = 9000;

/// The definitions of the tools, always in the same order, as clients that cache them prefer (MCP
/// 2026-07-28, server/tools, "Listing Tools").
pub fn definitions(config: &ToolConfig) -> [ToolDefinition; 5] {
    [
        export_pcap::definition(config),
        read_message::definition(config),
        find_calls::definition(config),
        read_ladder::definition(config),
        compare_calls::definition(config),
    ]
}

/// The input schema `schema` of a tool that searches a window. `to_ts` describes the end of it; the
/// longest window is added.
fn window_schema(schema: &str, to_ts: &str, config: &ToolConfig) -> Box<RawValue> {
    let hours = config.max_window_hours;
    let to_ts = format!("{to_ts}, at most {hours} hours after from_ts");
    schema::with_member(
        schema::committed(schema).get(),
        &["properties", "to_ts", "description"],
        &to_raw_json(&to_ts),
    )
}
