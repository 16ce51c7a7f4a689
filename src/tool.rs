//! The tools as an MCP model reads them: names, words, schemas, and the JSON shapes of results.

mod arguments;
mod blob;
pub mod export;
pub mod message;
mod uri;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use crate::config::{misconfigured, number};
use crate::{CallId, ExportError};

pub use arguments::{MessageArguments, WindowArguments};
pub use blob::Base64;
pub use uri::{TEMPLATE, query_of_uri, resource_template, resource_uri, uri_shown};

/// Largest capture that [`ResultMode::Auto`] embeds, in bytes, inclusive, unless
/// `HOMER_MAX_INLINE_BYTES` says otherwise.
pub const DEFAULT_INLINE_BYTES: u64 = 256 * 1024;

/// Largest capture in any message, in bytes, inclusive, unless `HOMER_MAX_READ_BYTES` says less:
/// base64 makes 8 MiB of 6, and clients drop the connection at a message of 10 MiB.
pub const MAX_READ_BYTES: u64 = 6 * 1024 * 1024;

/// How captures reach a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultMode {
    /// In a file if there is a place for files; else embedded if it is small, linked if it is not.
    #[default]
    Auto,
    /// As a blob in the result.
    Embed,
    /// As a link for `resources/read`.
    Link,
    /// In a file.
    File,
    /// As text in base64, for scripts that expect it.
    Base64,
}

impl ResultMode {
    /// All of them, with the names that an operator gives them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("embed", Self::Embed),
        ("link", Self::Link),
        ("file", Self::File),
        ("base64", Self::Base64),
    ];
}

/// What the tools' words state and results keep to, from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolConfig {
    /// Longest window in hours, inclusive.
    pub max_window_hours: u32,
    /// How captures reach a client.
    pub mode: ResultMode,
    /// Largest capture that [`ResultMode::Auto`] embeds, in bytes, inclusive.
    pub inline_bytes: u64,
    /// Largest capture in any message, in bytes, inclusive.
    pub read_bytes: u64,
    /// Whether there is a directory for files.
    pub output_dir: bool,
    /// Whether the server lives for one request alone: it tells no progress, and keeps no capture
    /// for the next.
    pub one_request: bool,
}

/// The way of one capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As a blob in the result.
    Embed,
    /// As a link for `resources/read`.
    Link,
    /// In a file.
    File,
    /// As text in base64.
    Text,
}

impl ToolConfig {
    /// From the settings that `setting` finds by name: `HOMER_RESULT_MODE`,
    /// `HOMER_MAX_INLINE_BYTES` and `HOMER_MAX_READ_BYTES`.
    ///
    /// # Errors
    /// `misconfigured` if one of them is unusable, or captures are to go into files where there is
    /// no place for files.
    pub fn new(
        setting: impl Fn(&str) -> Option<String>,
        max_window_hours: u32,
        output_dir: bool,
        one_request: bool,
    ) -> Result<Self, ExportError> {
        let bytes = |name, default, max| number(name, setting(name), default, 24..=max);
        let read_bytes = bytes("HOMER_MAX_READ_BYTES", MAX_READ_BYTES, MAX_READ_BYTES)?;
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
                    return misconfigured(
                        "HOMER_RESULT_MODE is none of auto, embed, link, file, base64",
                    );
                }
            },
        };
        match mode {
            ResultMode::File if one_request => {
                misconfigured("HOMER_RESULT_MODE is file, and this server has no files")
            }
            ResultMode::File if !output_dir => misconfigured(
                "HOMER_RESULT_MODE is file without HOMER_OUTPUT_DIR; name a directory",
            ),
            _ => Ok(Self {
                max_window_hours,
                mode,
                inline_bytes,
                read_bytes,
                output_dir,
                one_request,
            }),
        }
    }

    /// Why a capture of which this many bytes were seen reaches no client.
    pub fn too_large(&self, seen: u64) -> ExportError {
        let limit = self.read_bytes;
        let otherwise = if self.writes_files() {
            format!(
                "or export it with {}, which saves captures of any size in files",
                export::NAME
            )
        } else if self.one_request {
            "or ask the operator to save this one with the command line homer-export".to_string()
        } else {
            "or ask the operator to start the server with --output-dir, which saves captures of any size in files, or to save this \
             one with the command line homer-export"
                .to_string()
        };
        ExportError::TooLarge {
            limit,
            seen,
            message: format!(
                "the capture is larger than the {} that this server puts into a message. Narrow from_ts and to_ts to the part of \
                 the call that matters; {otherwise}",
                size(limit)
            ),
        }
    }

    /// The way of a capture of this many bytes; none if it is too large.
    pub fn delivery(&self, bytes: u64) -> Option<Delivery> {
        let (way, limit) = match self.mode {
            ResultMode::Auto | ResultMode::File if self.writes_files() => {
                return Some(Delivery::File);
            }
            ResultMode::Auto if bytes <= self.inline_bytes => (Delivery::Embed, self.inline_bytes),
            ResultMode::Auto | ResultMode::Link => (Delivery::Link, self.read_bytes),
            ResultMode::Embed => (Delivery::Embed, self.read_bytes),
            ResultMode::File => return None,
            ResultMode::Base64 => (Delivery::Text, self.read_bytes),
        };
        (bytes <= limit).then_some(way)
    }

    /// Whether captures are written into files.
    pub fn writes_files(&self) -> bool {
        self.output_dir && matches!(self.mode, ResultMode::Auto | ResultMode::File)
    }
}

/// That a tool is not known.
pub fn unknown(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    format!(
        "there is no tool {name:?}; there are {} and {}",
        export::NAME,
        message::NAME
    )
}

/// The input schema of a tool that asks for a call in a window, and possibly more; `required` names
/// the arguments beyond the first three.
fn window_schema(max_window_hours: u32, more: &[(&str, Value)], required: &[&str]) -> Value {
    // JSON numbers are exact to 2^53 - 1. The bounds are wider than what is accepted, so that
    // seconds and microseconds reach us and are answered with the right number.
    let max_exact = 9_007_199_254_740_991_u64;
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "callid": {
                "type": "string",
                "title": "SIP Call-ID",
                "description": "Value of the SIP Call-ID header exactly as captured: case-sensitive, including any @host \
                    part, without the header name, added quotes or wildcards. One call per request; for a call that crossed \
                    a B2BUA, export each leg's own Call-ID.",
                "minLength": 1,
                "maxLength": CallId::MAX_CHARS,
                "examples": ["a84b4c76e66710@pc33.atlanta.example.com"],
            },
            "from_ts": {
                "type": "integer",
                "title": "Window start (Unix ms)",
                "description": "Start of the search window, inclusive, as Unix time in milliseconds UTC (13 digits today, \
                    not seconds). Start a little before the call, for example 60000 ms, to allow for clock skew between \
                    capture agents.",
                "minimum": 0,
                "maximum": max_exact,
                "examples": [1_763_805_600_000_u64],
            },
            "to_ts": {
                "type": "integer",
                "title": "Window end (Unix ms)",
                "description": format!(
                    "End of the search window, inclusive, as Unix time in milliseconds UTC. Must be later than from_ts, and \
                     no more than {max_window_hours} hours later."
                ),
                "minimum": 0,
                "maximum": max_exact,
                "examples": [1_763_809_200_000_u64],
            },
        },
        "required": ["callid", "from_ts", "to_ts"],
        "additionalProperties": false,
    });
    for (name, property) in more {
        schema["properties"][*name] = property.clone();
    }
    if let Some(names) = schema["required"].as_array_mut() {
        names.extend(required.iter().map(|name| Value::from(*name)));
    }
    schema
}

/// The schema of an object with these properties, and possibly those.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)], description: &str) -> Value {
    let properties: serde_json::Map<String, Value> = required
        .iter()
        .chain(optional)
        .map(|(name, schema)| ((*name).to_string(), schema.clone()))
        .collect();
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Bytes in lower-case hexadecimal.
pub fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number of bytes for a sentence: in KiB or MiB where it is a whole number of them.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        b if b >= MIB && b.is_multiple_of(MIB) => format!("{} MiB", b / MIB),
        b if b >= KIB && b.is_multiple_of(KIB) => format!("{} KiB", b / KIB),
        b => format!("{b} bytes"),
    }
}
