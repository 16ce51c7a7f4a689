//! The tools' arguments, as models send them.

use homer_export::tool::message::Format;
use serde_json::{Map, Value};

use crate::recent::Key;

/// What both tools ask for, in form only: what it means is the component's to judge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WindowArguments {
    pub(crate) callid: String,
    pub(crate) from_ts: i64,
    pub(crate) to_ts: i64,
}

/// What to show of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MessageArguments {
    pub(crate) window: WindowArguments,
    pub(crate) packet: u64,
    pub(crate) format: Format,
    pub(crate) offset: u64,
}

const WINDOW: [&str; 3] = ["callid", "from_ts", "to_ts"];

impl WindowArguments {
    /// Takes a string and two integers; an integer may be written as `1.0e12` or in quotes, as some clients do.
    ///
    /// # Errors
    /// A text for the model that says which argument is wrong and what it should be.
    pub(crate) fn parse(arguments: Option<&Map<String, Value>>) -> Result<Self, String> {
        let none = Map::new();
        let arguments = arguments.unwrap_or(&none);
        only(arguments, &WINDOW)?;
        Self::of(arguments)
    }

    fn of(arguments: &Map<String, Value>) -> Result<Self, String> {
        let callid = match arguments.get("callid") {
            Some(Value::String(callid)) => callid.clone(),
            Some(_) => return Err("callid is not a string; pass one Call-ID as a string".to_string()),
            None => return Err("callid is missing; pass the value of the SIP Call-ID header".to_string()),
        };
        Ok(Self { callid, from_ts: milliseconds(arguments, "from_ts")?, to_ts: milliseconds(arguments, "to_ts")? })
    }

    /// The same in a form to compare.
    pub(crate) fn key(&self) -> Key {
        (self.callid.clone(), self.from_ts, self.to_ts)
    }
}

impl MessageArguments {
    /// Takes the packet's number as well, and possibly format and offset.
    ///
    /// # Errors
    /// As [`WindowArguments::parse`].
    pub(crate) fn parse(arguments: Option<&Map<String, Value>>) -> Result<Self, String> {
        let none = Map::new();
        let arguments = arguments.unwrap_or(&none);
        only(arguments, &[&WINDOW[..], &["packet", "format", "offset"]].concat())?;
        let window = WindowArguments::of(arguments)?;
        let packet = match arguments.get("packet") {
            None => return Err("packet is missing; pass the number of a packet, counted from 1".to_string()),
            Some(value) => integer(value).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0),
        };
        let packet = packet.ok_or("packet is not a number from 1 on; packets are counted from 1")?;
        let format = match arguments.get("format") {
            None => Format::default(),
            Some(Value::String(name)) => {
                let named = Format::ALL.into_iter().find(|(known, _)| known == name);
                named.map(|(_, format)| format).ok_or("format is neither text nor hex")?
            }
            Some(_) => return Err("format is neither text nor hex".to_string()),
        };
        let offset = arguments.get("offset").map_or(Some(0), |value| u64::try_from(integer(value)?).ok());
        let offset = offset.ok_or("offset is not a number of bytes from 0 on")?;
        Ok(Self { window, packet, format, offset })
    }
}

/// Refuses arguments that a tool does not have.
fn only(arguments: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match arguments.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            Err(format!("there is no argument {name:?}; the arguments are {}", known.join(", ")))
        }
        None => Ok(()),
    }
}

fn milliseconds(arguments: &Map<String, Value>, name: &str) -> Result<i64, String> {
    let value = arguments.get(name).ok_or_else(|| format!("{name} is missing; pass Unix time in milliseconds, UTC"))?;
    integer(value).ok_or_else(|| {
        format!("{name} is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000")
    })
}

/// An integer, however it is written.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The integer that a floating-point number is, if it is one that both can hold exactly.
fn integral(number: f64) -> Option<i64> {
    const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
    (number.fract() == 0.0 && number.abs() <= MAX_EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use homer_export::tool::message::Format;

    use super::{MessageArguments, WindowArguments};

    fn parse(arguments: &Value) -> Result<WindowArguments, String> {
        WindowArguments::parse(arguments.as_object())
    }

    #[test]
    fn arguments_accept_integers_however_written() {
        for from_ts in [json!(1_795_168_800_000_i64), json!(1_795_168_800_000.0), json!("1795168800000")] {
            let arguments = parse(&json!({"callid": "a@b", "from_ts": from_ts, "to_ts": 5}));
            assert_eq!(arguments, Ok(WindowArguments { callid: "a@b".into(), from_ts: 1_795_168_800_000, to_ts: 5 }));
        }
    }

    #[test]
    fn arguments_refuse_with_the_name_and_the_form() {
        for (arguments, why) in [
            (json!({}), "callid is missing; pass the value of the SIP Call-ID header"),
            (json!({"callid": ["a"]}), "callid is not a string; pass one Call-ID as a string"),
            (json!({"callid": "a"}), "from_ts is missing; pass Unix time in milliseconds, UTC"),
            (
                json!({"callid": "a", "from_ts": 1.5}),
                "from_ts is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000",
            ),
            (
                json!({"callid": "a", "from_ts": 1, "to_ts": "soon"}),
                "to_ts is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000",
            ),
            (
                json!({"callid": "a", "from_ts": 1, "to_ts": 2, "url": "http://x"}),
                "there is no argument \"url\"; the arguments are callid, from_ts, to_ts",
            ),
        ] {
            assert_eq!(parse(&arguments), Err(why.to_string()));
        }
    }

    #[test]
    fn arguments_of_a_message_have_defaults() {
        let parse = |more: &str| {
            let text = format!(r#"{{"callid": "a", "from_ts": 1, "to_ts": 2 {more}}}"#);
            MessageArguments::parse(serde_json::from_str::<Value>(&text).unwrap_or_default().as_object())
        };
        let window = || WindowArguments { callid: "a".into(), from_ts: 1, to_ts: 2 };
        let default = MessageArguments { window: window(), packet: 3, format: Format::Text, offset: 0 };
        assert_eq!(parse(r#", "packet": "3""#), Ok(default));
        let all = MessageArguments { window: window(), packet: 3, format: Format::Hex, offset: 40 };
        assert_eq!(parse(r#", "packet": 3.0, "format": "hex", "offset": 40"#), Ok(all));
        for (more, why) in [
            ("", "packet is missing; pass the number of a packet, counted from 1"),
            (r#", "packet": 0"#, "packet is not a number from 1 on; packets are counted from 1"),
            (r#", "packet": 1, "format": "xml""#, "format is neither text nor hex"),
            (r#", "packet": 1, "offset": -1"#, "offset is not a number of bytes from 0 on"),
        ] {
            assert_eq!(parse(more), Err(why.to_string()));
        }
    }
}
