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
use crate::query::Level;
#[cfg(doc)]
use crate::query::MAX_CALL_IDS;
use crate::query::{DEFAULT_PROFILES, ParameterNames, Profile, parse_instant};
use crate::text::truncate_for_display;
use crate::{CallId, ExportError, Query, Window};

/// One call in a window of time, and where to search for it: the arguments of `homer_export_pcap`,
/// and what a resource URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallWindow {
    /// The Call-ID.
    pub call_id: CallId,
    /// Further Call-IDs whose messages go into the same capture: other legs of the call. Different
    /// from each other and from the first one.
    pub also: Vec<CallId>,
    /// The window.
    pub window: Window,
    /// The search profiles. Empty for [`DEFAULT_PROFILES`]: one search has one name, so that a
    /// resource URI and a cached capture are found again.
    pub profiles: Vec<Profile>,
    /// How much is redacted in the capture; `None` for nothing.
    pub redact: Option<Level>,
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

pub(super) const WINDOW_ARGUMENTS: &[&str] = &[
    "callid",
    "also_callids",
    "from_ts",
    "to_ts",
    "profiles",
    "redact",
];
pub(super) const MESSAGE_ARGUMENTS: &[&str] = &[
    "callid",
    "also_callids",
    "from_ts",
    "to_ts",
    "profiles",
    "packet",
    "format",
    "offset",
];

pub(super) type Arguments = Map<String, Value>;

/// An argument. Clients that fill in all properties of the schema send null for those that their
/// model left out, so null means that there is none.
pub(super) fn argument<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a Value> {
    arguments.get(name).filter(|value| !value.is_null())
}

impl CallWindow {
    /// A call in a window, searched for in the default profiles.
    pub fn new(call_id: CallId, window: Window) -> Self {
        Self {
            call_id,
            also: Vec::new(),
            window,
            profiles: Vec::new(),
            redact: None,
        }
    }

    /// The same capture, redacted at least this much.
    #[must_use]
    pub fn redacted(mut self, level: Option<Level>) -> Self {
        self.redact = self.redact.max(level);
        self
    }

    /// A name for the capture. It has no Call-ID if that has a pseudonym in the capture.
    pub fn filename(&self) -> String {
        match self.redact {
            Some(level) if level.has_pseudonyms() => "redacted.pcap".to_string(),
            _ => self.call_id.filename(),
        }
    }

    /// The same capture with the messages of further calls. Duplicates are dropped: one capture has
    /// one name.
    ///
    /// # Errors
    /// `invalid-request` if a Call-ID is not valid, if there are more than [`MAX_CALL_IDS`]
    /// together with the first one, or if they are too long for a resource URI.
    pub fn with_also<I: AsRef<str>>(
        mut self,
        call_ids: impl IntoIterator<Item = I>,
    ) -> Result<Self, ExportError> {
        for id in call_ids {
            let id = CallId::parse(id.as_ref())?;
            if id != self.call_id && !self.also.contains(&id) {
                self.also.push(id);
            }
        }
        // Checks the number.
        Query::new(self.call_ids(), self.window)?;
        self.check_uri()?;
        Ok(self)
    }

    /// All Call-IDs, the first one first.
    pub fn call_ids(&self) -> Vec<CallId> {
        let also = self.also.iter();
        core::iter::once(&self.call_id)
            .chain(also)
            .cloned()
            .collect()
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
        Query::new(self.call_ids(), self.window)?.with_profiles(&self.profile_keys())
    }

    /// Parses the arguments of `homer_export_pcap`.
    ///
    /// # Errors
    /// `invalid-request` with a text for the model: which argument is wrong, and what to send.
    pub(super) fn parse(
        arguments: &Arguments,
        config: &ToolConfig,
        now_ms: i64,
    ) -> Result<Self, ExportError> {
        let redact = redact(arguments)?;
        Ok(Self::of(arguments, config, now_ms)?.redacted(redact))
    }

    fn of(arguments: &Arguments, config: &ToolConfig, now_ms: i64) -> Result<Self, ExportError> {
        let call_id = call_id(arguments, "callid")?;
        let also = list(arguments, "also_callids", "[\"b7d1@192.0.2.20\"]")?;
        let (from_ts, to_ts) = window_ms(arguments, now_ms)?;
        let profiles = list(arguments, "profiles", "[\"1_call\"]")?;
        let (max_hours, names) = (config.max_window_hours, &ParameterNames::MCP);
        let window = Window::new(from_ts, to_ts, max_hours, names)?;
        Self::new(call_id, window)
            .with_profiles(profiles)?
            .with_also(also)
    }
}

impl MessageArguments {
    /// Parses the arguments of `homer_read_message`; `format` and `offset` have defaults.
    ///
    /// # Errors
    /// As [`CallWindow::parse`].
    pub(super) fn parse(
        arguments: &Arguments,
        config: &ToolConfig,
        now_ms: i64,
    ) -> Result<Self, ExportError> {
        let call = CallWindow::of(arguments, config, now_ms)?;
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

/// The Call-ID in an argument.
pub(super) fn call_id(arguments: &Arguments, name: &str) -> Result<CallId, ExportError> {
    CallId::parse(text(arguments, name).map_err(ExportError::InvalidRequest)?)
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

/// An optional list of texts. Null is what some clients send for an argument that is left out, and
/// a string alone is what some models send for a list of one.
fn list<'a>(
    arguments: &'a Arguments,
    name: &str,
    example: &str,
) -> Result<Vec<&'a str>, ExportError> {
    let list = match argument(arguments, name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(one) => core::slice::from_ref(one),
    };
    let texts = list.iter().map(Value::as_str).collect::<Option<_>>();
    texts.ok_or_else(|| {
        let found = arguments.get(name).unwrap_or(&Value::Null);
        let expected = format!("a list of strings such as {example}");
        ExportError::InvalidRequest(wrong(name, &expected, found))
    })
}

/// How much to redact: a level, or true for secrets.
fn redact(arguments: &Arguments) -> Result<Option<Level>, ExportError> {
    match argument(arguments, "redact") {
        None | Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(Level::Secrets)),
        Some(Value::String(name)) => Level::parse(name, "redact").map(Some),
        Some(other) => Err(ExportError::InvalidRequest(wrong(
            "redact",
            "true, secrets, numbers or addresses",
            other,
        ))),
    }
}

/// The times of a window in Unix milliseconds. Only their form is checked here. `Window` decides
/// whether the numbers can be milliseconds, so that all programs report that in the same way.
pub(super) fn window_ms(arguments: &Arguments, now_ms: i64) -> Result<(i64, i64), ExportError> {
    let names = &ParameterNames::MCP;
    Ok((
        instant(arguments, names.from, now_ms)?,
        instant(arguments, names.to, now_ms)?,
    ))
}

pub(super) fn instant(arguments: &Arguments, name: &str, now_ms: i64) -> Result<i64, ExportError> {
    const FORMS: &str = "pass Unix time in milliseconds, UTC (1795168800000), RFC 3339 with an \
                         offset (2026-11-20T10:00:00Z), or a time relative to now (-2h, now)";
    match argument(arguments, name) {
        Some(Value::String(text)) => parse_instant(name, text, now_ms),
        Some(value) => integer(value).ok_or_else(|| {
            let why = wrong(name, "an integer or a string", value);
            ExportError::InvalidRequest(format!("{why}; {FORMS}"))
        }),
        None => Err(ExportError::InvalidRequest(format!(
            "{name} is missing; {FORMS}"
        ))),
    }
}

pub(super) fn whole_number(value: &Value, name: &str, min: u64) -> Result<u64, String> {
    integer(value)
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number >= min)
        .ok_or_else(|| wrong(name, &format!("a whole number of at least {min}"), value))
}

/// The sentence about an argument of another form than expected.
pub(super) fn wrong(name: &str, expected: &str, found: &Value) -> String {
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
