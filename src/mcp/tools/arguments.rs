//! The tools' arguments, as models send them.
//!
//! They are parsed by hand and not by serde: models write integers in several ways, and an error
//! must tell them which argument is wrong and what to send instead.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::config::ToolConfig;
use super::message_format::MessageFormat;
use crate::mcp::MAX_ECHO_CHARS;
use crate::query::{DEFAULT_PROFILES, ParameterNames, Profile};
use crate::text::{quoted, truncate_for_display};
use crate::{CallId, ExportError, Query, Window};

/// One call in a window of time, and where to search for it: the arguments of `homer_export_pcap`,
/// and what a resource URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallWindow {
    /// The Call-ID.
    pub call_id: CallId,
    /// The window.
    pub window: Window,
    /// The search profiles. Empty for [`DEFAULT_PROFILES`]: one search has one name, so that a
    /// resource URI and a cached capture are found again.
    pub profiles: Vec<Profile>,
}

/// The arguments of `homer_read_message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageArguments {
    /// The capture that contains the packet.
    pub call: CallWindow,
    /// The packet's number, counted from 1.
    pub packet: u64,
    /// Text or hex dump.
    pub format: MessageFormat,
    /// The first byte to show, counted from 0.
    pub offset: u64,
}

const WINDOW_ARGUMENTS: &[&str] = &["callid", "from_ts", "to_ts", "profiles"];
const MESSAGE_ARGUMENTS: &[&str] = &[
    "callid", "from_ts", "to_ts", "profiles", "packet", "format", "offset",
];

type Arguments = Map<String, Value>;

/// An argument. Clients that fill in all properties of the schema send null for those that their
/// model left out, so null means that there is none.
fn argument<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a Value> {
    arguments.get(name).filter(|value| !value.is_null())
}

impl CallWindow {
    /// A call in a window, searched for in the default profiles.
    pub fn new(call_id: CallId, window: Window) -> Self {
        Self {
            call_id,
            window,
            profiles: Vec::new(),
        }
    }

    /// The same call in other profiles. An empty list keeps the default ones.
    ///
    /// # Errors
    /// `invalid-request` as [`Profile::parse_list`].
    pub fn with_profiles<K: AsRef<str>>(
        mut self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self, ExportError> {
        self.profiles = Profile::parse_list(keys)?;
        if self
            .profiles
            .iter()
            .map(Profile::as_str)
            .eq(DEFAULT_PROFILES)
        {
            self.profiles = Vec::new();
        }
        Ok(self)
    }

    /// The keys of the profiles, none for the default ones.
    pub fn profile_keys(&self) -> Vec<String> {
        let keys = self.profiles.iter().map(Profile::as_str);
        keys.map(String::from).collect()
    }

    /// The query for this call.
    ///
    /// # Errors
    /// None in practice, because its parts are valid.
    pub fn query(&self) -> Result<Query, ExportError> {
        Query::new([self.call_id.clone()].into(), self.window)?.with_profiles(&self.profile_keys())
    }

    /// Parses the arguments of `homer_export_pcap`.
    ///
    /// # Errors
    /// `invalid-request` with a text for the model: which argument is wrong, and what to send.
    pub(super) fn parse(arguments: &Arguments, config: &ToolConfig) -> Result<Self, ExportError> {
        reject_unknown(arguments, WINDOW_ARGUMENTS).map_err(ExportError::InvalidRequest)?;
        Self::of(arguments, config)
    }

    fn of(arguments: &Arguments, config: &ToolConfig) -> Result<Self, ExportError> {
        let call_id = text(arguments, "callid").map_err(ExportError::InvalidRequest)?;
        let from_ts = milliseconds(arguments, "from_ts").map_err(ExportError::InvalidRequest)?;
        let to_ts = milliseconds(arguments, "to_ts").map_err(ExportError::InvalidRequest)?;
        let profiles = profile_keys(arguments).map_err(ExportError::InvalidRequest)?;
        let (max_hours, names) = (config.max_window_hours, &ParameterNames::MCP);
        let call_id = CallId::parse(call_id)?;
        let window = Window::new(from_ts, to_ts, max_hours, names)?;
        Self::new(call_id, window).with_profiles(profiles)
    }
}

impl MessageArguments {
    /// Parses the arguments of `homer_read_message`; `format` and `offset` have defaults.
    ///
    /// # Errors
    /// As [`CallWindow::parse`].
    pub(super) fn parse(arguments: &Arguments, config: &ToolConfig) -> Result<Self, ExportError> {
        reject_unknown(arguments, MESSAGE_ARGUMENTS).map_err(ExportError::InvalidRequest)?;
        let call = CallWindow::of(arguments, config)?;
        let (packet, format, offset) =
            Self::which_part(arguments).map_err(ExportError::InvalidRequest)?;
        Ok(Self {
            call,
            packet,
            format,
            offset,
        })
    }

    fn which_part(arguments: &Arguments) -> Result<(u64, MessageFormat, u64), String> {
        let packet = argument(arguments, "packet")
            .ok_or("packet is missing; pass the number of a packet, counted from 1")?;
        // From 1, as Wireshark and the ladder count.
        let packet = whole_number(packet, "packet", 1)?;
        let format = match argument(arguments, "format") {
            None => MessageFormat::default(),
            Some(value) => MessageFormat::ALL
                .into_iter()
                .find(|(name, _)| value.as_str() == Some(name))
                .map(|(_, format)| format)
                .ok_or_else(|| wrong("format", "text or hex", value))?,
        };
        let offset = match argument(arguments, "offset") {
            None => 0,
            Some(value) => whole_number(value, "offset", 0)?,
        };
        Ok((packet, format, offset))
    }
}

/// Rejects arguments that the tool does not have: a misspelled one would otherwise be ignored.
fn reject_unknown(arguments: &Arguments, known: &[&str]) -> Result<(), String> {
    match arguments
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        Some(name) => Err(format!(
            "unknown argument {}; the arguments are {}",
            quoted(name, MAX_ECHO_CHARS),
            known.join(", ")
        )),
        None => Ok(()),
    }
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    match argument(arguments, name) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong(name, "one Call-ID as a string", other)),
        None => Err(format!(
            "{name} is missing; pass the value of the SIP Call-ID header"
        )),
    }
}

/// The optional list of profiles. Null is what some clients send for an argument that is left out,
/// and a string alone is what some models send for a list of one.
fn profile_keys(arguments: &Arguments) -> Result<Vec<&str>, String> {
    let list = match arguments.get("profiles") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(list)) => list,
        Some(one) => core::slice::from_ref(one),
    };
    let keys = list.iter().map(Value::as_str).collect::<Option<_>>();
    keys.ok_or_else(|| {
        let found = arguments.get("profiles").unwrap_or(&Value::Null);
        wrong("profiles", "a list of strings such as [\"1_call\"]", found)
    })
}

fn milliseconds(arguments: &Arguments, name: &str) -> Result<i64, String> {
    // Only the form is checked here. `Window` decides whether the number can be milliseconds, so
    // that all programs report that in the same way.
    let value = argument(arguments, name)
        .ok_or_else(|| format!("{name} is missing; pass Unix time in milliseconds, UTC"))?;
    integer(value).ok_or_else(|| {
        format!(
            "{}; pass Unix time in milliseconds, UTC, for example 1795168800000",
            wrong(name, "an integer", value)
        )
    })
}

fn whole_number(value: &Value, name: &str, min: u64) -> Result<u64, String> {
    integer(value)
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number >= min)
        .ok_or_else(|| wrong(name, &format!("a whole number of at least {min}"), value))
}

/// The sentence about an argument of another form than expected.
fn wrong(name: &str, expected: &str, found: &Value) -> String {
    // As JSON, which shows the difference between `5` and `"5"`.
    let found = found.to_string();
    let found = truncate_for_display(&found, MAX_ECHO_CHARS);
    format!("{name} must be {expected}, found {found}")
}

/// An integer, in any of the ways in which clients write it: `5`, `5.0`, `5e0`, `"5"`.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The integer that a floating-point number represents exactly.
fn integral(number: f64) -> Option<i64> {
    // Above 2^53 - 1, different integers have the same floating-point number (RFC 8259 §6).
    const MAX_EXACT: u64 = (1 << 53) - 1;
    // The cast saturates, and turns NaN into 0; the comparison below rejects all of these.
    let integer = number as i64;
    (integer as f64 == number && integer.unsigned_abs() <= MAX_EXACT).then_some(integer)
}
