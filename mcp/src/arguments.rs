//! The tool's arguments, as models send them.

use serde_json::{Map, Value};

/// The three arguments, in form only: what they mean is the component's to judge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ToolArguments {
    pub(crate) callid: String,
    pub(crate) from_ts: i64,
    pub(crate) to_ts: i64,
}

impl ToolArguments {
    /// Takes a string and two integers; an integer may be written as `1.0e12` or in quotes, as some clients do.
    ///
    /// # Errors
    /// A text for the model that says which argument is wrong and what it should be.
    pub(crate) fn parse(arguments: Option<&Map<String, Value>>) -> Result<Self, String> {
        let none = Map::new();
        let arguments = arguments.unwrap_or(&none);
        if let Some(name) = arguments.keys().find(|name| !["callid", "from_ts", "to_ts"].contains(&name.as_str())) {
            return Err(format!("there is no argument {name:?}; the arguments are callid, from_ts and to_ts"));
        }
        let callid = match arguments.get("callid") {
            Some(Value::String(callid)) => callid.clone(),
            Some(_) => return Err("callid is not a string; pass one Call-ID as a string".to_string()),
            None => return Err("callid is missing; pass the value of the SIP Call-ID header".to_string()),
        };
        Ok(Self { callid, from_ts: milliseconds(arguments, "from_ts")?, to_ts: milliseconds(arguments, "to_ts")? })
    }
}

fn milliseconds(arguments: &Map<String, Value>, name: &str) -> Result<i64, String> {
    let value = arguments.get(name).ok_or_else(|| format!("{name} is missing; pass Unix time in milliseconds, UTC"))?;
    let integer = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    integer.ok_or_else(|| {
        format!("{name} is not an integer; pass Unix time in milliseconds, UTC, for example 1795168800000")
    })
}

/// The integer that a floating-point number is, if it is one that both can hold exactly.
fn integral(number: f64) -> Option<i64> {
    const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
    (number.fract() == 0.0 && number.abs() <= MAX_EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ToolArguments;

    fn parse(arguments: &Value) -> Result<ToolArguments, String> {
        ToolArguments::parse(arguments.as_object())
    }

    #[test]
    fn arguments_accept_integers_however_written() {
        for from_ts in [json!(1_795_168_800_000_i64), json!(1_795_168_800_000.0), json!("1795168800000")] {
            let arguments = parse(&json!({"callid": "a@b", "from_ts": from_ts, "to_ts": 5}));
            assert_eq!(arguments, Ok(ToolArguments { callid: "a@b".into(), from_ts: 1_795_168_800_000, to_ts: 5 }));
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
                "there is no argument \"url\"; the arguments are callid, from_ts and to_ts",
            ),
        ] {
            assert_eq!(parse(&arguments), Err(why.to_string()));
        }
    }
}
