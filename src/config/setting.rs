//! The table of all settings: names, flags, ranges, defaults and help texts.
//!
//! Parsing, `--help` and the table in `docs/configuration.md` follow from it. The doc comment of a
//! setting is also its help text.

use alloc::format;
use alloc::string::{String, ToString};

use super::variables::{Given, Variables};
use crate::error::ExportError;
use crate::text::quoted;

/// A setting, named by an environment variable and, if it is not secret, by a flag.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable.
    pub variable: &'static str,
    /// The flag of the native programs, without the dashes.
    pub flag: Option<&'static str>,
    /// The form of its value.
    pub value: Value,
    /// What it does. The components, which show no help, do not contain it.
    #[cfg(not(target_family = "wasm"))]
    pub help: &'static str,
    /// The programs and components that read it.
    #[cfg(not(target_family = "wasm"))]
    pub readers: &'static [Reader],
}

/// The form of a setting's value.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Text, with the placeholder that stands for it in help texts.
    Text(&'static str),
    /// Text that must not be shown. The native programs also take it from a file.
    Secret,
    /// A whole number.
    Integer {
        /// The smallest value, inclusive.
        min: u64,
        /// The largest value, inclusive.
        max: u64,
        /// The value if none is given.
        default: u64,
        /// The unit, as the placeholder in help texts.
        unit: &'static str,
    },
    /// One of a few words, the first of which is the default.
    Choice(&'static [&'static str]),
}

/// A program or component that reads settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `homer-export`.
    CommandLine,
    /// `homer-export-mcp`.
    McpProgram,
    /// `homer-export.wasm`.
    Exporter,
    /// `homer-export-tool.wasm`.
    ExporterText,
    /// `homer-export-mcp.wasm`.
    McpComponent,
}

impl Reader {
    /// The name of the program or component file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::CommandLine => "homer-export",
            Self::McpProgram => "homer-export-mcp",
            Self::Exporter => "homer-export.wasm",
            Self::ExporterText => "homer-export-tool.wasm",
            Self::McpComponent => "homer-export-mcp.wasm",
        }
    }
}

impl Setting {
    /// The value of this setting, if it counts as set ([`Variables::get`]).
    pub fn get<'v>(&self, variables: &'v Variables) -> Option<Given<'v>> {
        variables.get(self.variable)
    }

    /// Sets this setting by its flag, which overrides the environment. Does nothing if it has no
    /// flag.
    pub fn set_by_flag(&self, variables: &mut Variables, value: String) {
        // As typed, with its dashes, so that an error names what the reader wrote.
        if let Some(flag) = self.flag {
            variables.set_by_flag(self.variable, format!("--{flag}"), value);
        }
    }

    /// The value of a setting that is a whole number.
    ///
    /// # Errors
    /// `misconfigured` if the value is not a whole number or out of range.
    pub fn integer(&self, variables: &Variables) -> Result<u64, ExportError> {
        self.integer_up_to(variables, self.default_integer(), u64::MAX)
    }

    /// The value of a setting that is a whole number, with a default and an upper limit (inclusive)
    /// of this program.
    ///
    /// # Errors
    /// As [`Self::integer`].
    pub fn integer_up_to(
        &self,
        variables: &Variables,
        default: u64,
        limit: u64,
    ) -> Result<u64, ExportError> {
        let Value::Integer { min, max, .. } = self.value else {
            unreachable!("not an integer")
        };
        // The smaller of the two, because a program may restrict a setting but not extend it.
        let max = max.min(limit);
        let Some(given) = self.get(variables) else {
            return Ok(default);
        };
        let expected = format!("a whole number from {min} to {max}");
        match given.value.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            // Who writes a flag sees its value anyway.
            _ if given.name.starts_with("--") || is_like_a_number(given.value) => {
                Err(unexpected(given, &expected))
            }
            // Possibly a secret, set in the wrong variable.
            _ => Err(ExportError::Misconfigured(format!(
                "{} is not a number; expected {expected}",
                given.name
            ))),
        }
    }

    /// The default of a setting that is a whole number.
    pub const fn default_integer(&self) -> u64 {
        match self.value {
            Value::Integer { default, .. } => default,
            _ => unreachable!(),
        }
    }

    /// The value of a setting that is one of a few words.
    ///
    /// # Errors
    /// `misconfigured` if the value is none of the words.
    pub fn choice(&self, variables: &Variables) -> Result<&'static str, ExportError> {
        let Value::Choice(choices) = self.value else {
            unreachable!("not a choice")
        };
        let Some(given) = self.get(variables) else {
            return Ok(choices.first().unwrap_or(&""));
        };
        match choices.iter().find(|choice| **choice == given.value) {
            Some(choice) => Ok(choice),
            None => Err(unexpected(given, &format!("one of {}", choices.join(", ")))),
        }
    }
}

/// Whether a value is meant as a number: it begins like one, and has at most a unit behind it.
fn is_like_a_number(value: &str) -> bool {
    /// Letters of the longest unit that people write, such as `seconds`.
    const MAX_UNIT: usize = 7;
    let trimmed = value.trim();
    let digits = trimmed.trim_start_matches(['-', '+']);
    let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit() || "., _'".contains(c));
    trimmed.is_empty()
        || (unit.len() < digits.len()
            && unit.len() <= MAX_UNIT
            && unit.chars().all(char::is_alphabetic))
}

fn unexpected(given: Given<'_>, expected: &str) -> ExportError {
    /// A longer value would bury the rest of the text.
    const MAX_SHOWN: usize = 20;
    ExportError::Misconfigured(format!(
        "{} is {}; expected {expected}",
        given.name,
        quoted(given.value, MAX_SHOWN)
    ))
}

impl Value {
    /// The default as help texts show it. Empty if there is none.
    pub fn default_text(&self) -> String {
        match self {
            Self::Text(_) | Self::Secret => String::new(),
            Self::Integer { default, .. } => default.to_string(),
            Self::Choice(choices) => choices.first().map_or("", |first| first).to_string(),
        }
    }
}

/// Defines the constants and [`ALL`]. A doc comment becomes the help text as well.
macro_rules! settings {
    ($(
        $(#[doc = $help:literal])+
        $name:ident = $variable:literal, $flag:expr, $value:expr, [$($reader:ident),*];
    )*) => {
        $(
            $(#[doc = $help])+
            pub const $name: Setting = Setting {
                variable: $variable,
                flag: $flag,
                value: $value,
                #[cfg(not(target_family = "wasm"))]
                help: concat!($($help),+),
                #[cfg(not(target_family = "wasm"))]
                readers: &[$(Reader::$reader),*],
            };
        )*

        /// All settings, in the order of the documentation.
        #[cfg(not(target_family = "wasm"))]
        pub const ALL: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    /// Homer's base URL, with its path prefix if any, for example http://homer:9080
    URL = "HOMER_URL", Some("url"), Value::Text("URL"),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// API token for Homer
    API_TOKEN = "HOMER_API_TOKEN", None, Value::Secret,
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// JSON web token for Homer, in place of an API token
    JWT = "HOMER_JWT", None, Value::Secret,
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// User name for Homer, in place of a token
    USERNAME = "HOMER_USERNAME", None, Value::Text("NAME"),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Password of the user
    PASSWORD = "HOMER_PASSWORD", None, Value::Secret,
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Where HOMER 11 checks the password; Homer 7 ignores it
    LOGIN_TYPE = "HOMER_LOGIN_TYPE", Some("login-type"), Value::Choice(&["internal", "ldap"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Name of the header field that carries the API token; Auth-Token if not set
    TOKEN_HEADER = "HOMER_TOKEN_HEADER", Some("token-header"), Value::Text("NAME"),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// User name for a proxy in front of Homer that wants HTTP Basic authentication
    PROXY_USERNAME = "HOMER_PROXY_USERNAME", None, Value::Text("NAME"),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Password for that proxy
    PROXY_PASSWORD = "HOMER_PROXY_PASSWORD", None, Value::Secret,
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// File of further header fields for each request to Homer, one `Name: value` per line
    EXTRA_HEADERS_FILE = "HOMER_EXTRA_HEADERS_FILE", Some("extra-headers-file"),
        Value::Text("FILE"), [CommandLine, McpProgram];
    /// Version of Homer's API; auto detects it
    API = "HOMER_API", Some("api"), Value::Choice(&["auto", "7", "11"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Longest wait for the first byte of a response, in milliseconds
    // Homer builds the whole file in memory before it responds: 200,000 messages took 53 to 75 s
    // (docs/homer.md §7).
    TIMEOUT_MS = "HOMER_TIMEOUT_MS", Some("timeout-ms"),
        Value::Integer { min: 1, max: 3_600_000, default: 120_000, unit: "MS" },
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Longest time window in hours, inclusive
    // 87,600 hours are ten years.
    MAX_WINDOW_HOURS = "HOMER_MAX_WINDOW_HOURS", Some("max-window-hours"),
        Value::Integer { min: 1, max: 87_600, default: 24, unit: "HOURS" },
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Whether to analyze the packets; off checks only the file
    REPORT = "HOMER_REPORT", Some("report"), Value::Choice(&["on", "off"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Whether to search Homer, if an export finds nothing, for the reason
    EXPLAIN = "HOMER_EXPLAIN", Some("explain"), Value::Choice(&["on", "off"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Days before and after the window in which this search looks for the call
    // A search for a Call-ID uses an index, so that 30 days took 6 ms (docs/homer.md §13).
    EXPLAIN_DAYS = "HOMER_EXPLAIN_DAYS", Some("explain-days"),
        Value::Integer { min: 1, max: 3650, default: 7, unit: "DAYS" },
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// What to replace in every capture: secrets by asterisks, with numbers also users and numbers
    /// by pseudonyms, with addresses also IP addresses
    REDACT = "HOMER_REDACT", Some("redact"),
        Value::Choice(&["off", "secrets", "numbers", "addresses"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Key of the pseudonyms, at least 16 bytes; captures that were redacted with one key have the
    /// same pseudonyms
    REDACT_KEY = "HOMER_REDACT_KEY", None, Value::Secret,
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are
    SHOW_CONTENT = "HOMER_SHOW_CONTENT", Some("show-content"), Value::Choice(&["off", "on"]),
        [CommandLine, McpProgram, Exporter, ExporterText, McpComponent];
    /// PEM file with the certificates to trust for HTTPS, instead of the system's
    CA_FILE = "HOMER_CA_FILE", Some("ca-file"), Value::Text("FILE"),
        [CommandLine, McpProgram];
    /// Largest capture in bytes, inclusive
    // A capture file has at least its 24-byte header.
    EXPORT_MAX_BYTES = "HOMER_EXPORT_MAX_BYTES", Some("export-max-bytes"),
        Value::Integer { min: 24, max: u64::MAX, default: 1_073_741_824, unit: "BYTES" },
        [CommandLine, McpProgram];
    /// Longest duration of an export, in milliseconds
    EXPORT_DEADLINE_MS = "HOMER_EXPORT_DEADLINE_MS", Some("export-deadline-ms"),
        Value::Integer { min: 1, max: 86_400_000, default: 300_000, unit: "MS" },
        [CommandLine, McpProgram];
    /// Number of concurrent exports and of their requests to Homer, and more while all of them
    /// prove small; further exports are queued
    MAX_CONCURRENT = "HOMER_MAX_CONCURRENT", Some("max-concurrent"),
        Value::Integer { min: 1, max: 1000, default: 4, unit: "N" },
        [CommandLine, McpProgram];
    /// Largest capture that `export-pcap` returns, in bytes, inclusive
    // Hosts with dynamic values trap on lists above about 2.8 MB (docs/wasm.md §2).
    MAX_BYTES = "HOMER_MAX_BYTES", None,
        Value::Integer { min: 24, max: 0xffff_ffff, default: 2 * 1024 * 1024, unit: "BYTES" },
        [Exporter];
    /// How captures reach the client
    RESULT_MODE = "HOMER_RESULT_MODE", Some("result-mode"),
        Value::Choice(&["auto", "embed", "link", "file", "base64"]),
        [McpProgram, McpComponent];
    /// Existing directory in which captures are saved; over standard input and output, a private
    /// directory of the user unless set
    OUTPUT_DIR = "HOMER_OUTPUT_DIR", Some("output-dir"), Value::Text("DIR"),
        [McpProgram];
    /// Most bytes in the directory for captures, inclusive. Nothing is deleted to make room
    OUTPUT_MAX_BYTES = "HOMER_OUTPUT_MAX_BYTES", Some("output-max-bytes"),
        Value::Integer {
            min: 1024 * 1024, max: 1 << 50, default: 10 * 1024 * 1024 * 1024, unit: "BYTES"
        },
        [McpProgram];
    /// Largest capture that mode auto embeds in a result, in bytes, inclusive; in
    /// homer-export-tool.wasm, the largest capture in its text, with a default of 32768
    MAX_INLINE_BYTES = "HOMER_MAX_INLINE_BYTES", Some("inline-limit"),
        Value::Integer { min: 24, max: MAX_MESSAGE_BYTES, default: 262_144, unit: "BYTES" },
        [McpProgram, ExporterText, McpComponent];
    /// Largest capture in any message, embedded or read through a link, in bytes, inclusive
    MAX_READ_BYTES = "HOMER_MAX_READ_BYTES", Some("read-limit"),
        Value::Integer {
            min: 24, max: MAX_MESSAGE_BYTES, default: MAX_MESSAGE_BYTES, unit: "BYTES"
        },
        [McpProgram, McpComponent];
    /// Bearer token that callers must send over HTTP
    MCP_TOKEN = "HOMER_MCP_TOKEN", None, Value::Secret,
        [McpProgram, McpComponent];
    /// File of further bearer tokens, each with a name and an expiry date, one
    /// `NAME EXPIRES TOKEN` per line
    MCP_TOKENS_FILE = "HOMER_MCP_TOKENS_FILE", Some("tokens-file"), Value::Text("FILE"),
        [McpProgram];
    /// 1 to accept callers without a token over HTTP
    MCP_OPEN = "HOMER_MCP_OPEN", None, Value::Text("1"),
        [McpProgram, McpComponent];
    /// Origins of web pages that may call over HTTP, separated by commas; loopback origins are
    /// always allowed
    MCP_ORIGINS = "HOMER_MCP_ORIGINS", None, Value::Text("ORIGINS"),
        [McpProgram, McpComponent];
    /// Host name that callers use for this server over HTTP; loopback names are always accepted. In
    /// the variable, several names are separated by commas
    MCP_HOSTS = "HOMER_MCP_HOSTS", Some("http-host"), Value::Text("NAME"),
        [McpProgram];
    /// Format of the log on standard error, which has one line per call
    MCP_LOG = "HOMER_MCP_LOG", Some("log"), Value::Choice(&["text", "json", "off"]),
        [McpProgram];
}

/// Name of the header field of an API token if none is set: `auth_settings.auth_token_header` of
/// homer-app as shipped.
pub const DEFAULT_TOKEN_HEADER: &str = "Auth-Token";

/// Largest capture that `homer-export-tool.wasm` puts into its text if no limit is set, in bytes,
/// inclusive. Gateways pass this text to a model, or cut it (docs/wasm.md §4).
pub const DEFAULT_TEXT_INLINE_BYTES: u64 = 32 * 1024;

/// Largest capture in any MCP message, in bytes, inclusive. As base64, 6 MiB become 8 MiB, which
/// leaves room below the clients' limit of 10 MiB.
pub const MAX_MESSAGE_BYTES: u64 = 6 * 1024 * 1024;

/// The kind of credential that the host adds to requests, so that error texts can name likely
/// causes. The host sets it for the component; people do not.
pub const CREDENTIAL_KIND: Setting = Setting {
    variable: "HOMER_CREDENTIAL_KIND",
    flag: None,
    value: Value::Text("KIND"),
    #[cfg(not(target_family = "wasm"))]
    help: "Kind of the credential that the host adds",
    #[cfg(not(target_family = "wasm"))]
    readers: &[],
};

/// What the host adds to requests for a proxy in front of Homer, so that error texts can say what
/// to change. The host sets it for the component; people do not.
pub const PROXY_CREDENTIAL_KIND: Setting = Setting {
    variable: "HOMER_PROXY_CREDENTIAL_KIND",
    flag: None,
    value: Value::Text("KIND"),
    #[cfg(not(target_family = "wasm"))]
    help: "Kind of the credential for a proxy that the host adds",
    #[cfg(not(target_family = "wasm"))]
    readers: &[],
};
