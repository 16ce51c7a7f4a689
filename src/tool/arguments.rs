//! The tools' arguments, as models send them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::message::Format;
use crate::ExportError;

/// What both tools ask for, in form only: what it means is for [`CallId`](crate::CallId) and
/// [`Window`](crate::Window) to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowArguments {
    /// The Call-ID.
    pub callid: String,
    /// Start of the window, Unix time in milliseconds.
    pub from_ts: i64,
    /// End of the window, Unix time in milliseconds.
    pub to_ts: i64,
}

/// What to show of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageArguments {
    /// Of which capture.
    pub window: WindowArguments,
    /// Number of the packet, counted from 1.
    pub packet: u64,
    /// As text or as a dump.
    pub format: Format,
    /// The first byte to show, counted from 0.
    pub offset: u64,
}

const WINDOW: [&str; 3] = ["callid", "from_ts", "to_ts"];

impl WindowArguments {
    /// Takes a string and two integers; an integer may be written as `1.0e12` or in quotes, as some
    /// clients do.
    ///
    /// # Errors
    /// `invalid-request` with a text for the model that says which argument is wrong and what it
    /// should be.
    pub fn parse(arguments: Option<&Map<String, Value>>) -> Result<Self, ExportError> {
        let none = Map::new();
        let arguments = arguments.unwrap_or(&none);
        only(arguments, &WINDOW)
            .and_then(|()| Self::of(arguments))
            .map_err(ExportError::InvalidRequest)
    }

    fn of(arguments: &Map<String, Value>) -> Result<Self, String> {
        let callid = match arguments.get("callid") {
            Some(Value::String(callid)) => callid.clone(),
            Some(_) => {
                return Err("callid is not a string; pass one Call-ID as a string".to_string());
            }
            None => {
                return Err(
                    "callid is missing; pass the value of the SIP Call-ID header".to_string(),
                );
            }
        };
        Ok(Self {
            callid,
            from_ts: milliseconds(arguments, "from_ts")?,
            to_ts: milliseconds(arguments, "to_ts")?,
        })
    }
}

impl MessageArguments {
    /// Takes the packet's number as well, and possibly format and offset.
    ///
    /// # Errors
    /// As [`WindowArguments::parse`].
    pub fn parse(arguments: Option<&Map<String, Value>>) -> Result<Self, ExportError> {
        let none = Map::new();
        let arguments = arguments.unwrap_or(&none);
        Self::of(arguments).map_err(ExportError::InvalidRequest)
    }

    fn of(arguments: &Map<String, Value>) -> Result<Self, String> {
        let known: Vec<&str> = WINDOW
            .into_iter()
            .chain(["packet", "format", "offset"])
            .collect();
        only(arguments, &known)?;
        let window = WindowArguments::of(arguments)?;
        let packet = match arguments.get("packet") {
            None => {
                return Err(
                    "packet is missing; pass the number of a packet, counted from 1".to_string(),
                );
            }
            Some(value) => integer(value)
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| *number > 0),
        };
        let packet =
            packet.ok_or("packet is not a number from 1 on; packets are counted from 1")?;
        let format = match arguments.get("format") {
            None => Format::default(),
            Some(Value::String(name)) => {
                let named = Format::ALL.into_iter().find(|(known, _)| known == name);
                named
                    .map(|(_, format)| format)
                    .ok_or("format is neither text nor hex")?
            }
            Some(_) => return Err("format is neither text nor hex".to_string()),
        };
        let offset = arguments
            .get("offset")
            .map_or(Some(0), |value| u64::try_from(integer(value)?).ok());
        let offset = offset.ok_or("offset is not a number of bytes from 0 on")?;
        Ok(Self {
            window,
            packet,
            format,
            offset,
        })
    }
}

/// Refuses arguments that a tool does not have.
fn only(arguments: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match arguments
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            Err(format!(
                "there is no argument {name:?}; the arguments are {}",
                known.join(", ")
            ))
        }
        None => Ok(()),
    }
}

fn milliseconds(arguments: &Map<String, Value>, name: &str) -> Result<i64, String> {
    let value = arguments
        .get(name)
        .ok_or_else(|| format!("{name} is missing; pass Unix time in milliseconds, UTC"))?;
    integer(value).ok_or_else(|| {
        format!("{name} is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000")
    })
}

/// An integer, however it is written.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The integer that a floating-point number is, if it is one that both can hold exactly.
fn integral(number: f64) -> Option<i64> {
    const MAX_EXACT: u64 = (1 << 53) - 1;
    // Saturates, and is 0 for what is no number.
    let integer = number as i64;
    (integer as f64 == number && integer.unsigned_abs() <= MAX_EXACT).then_some(integer)
}
