//! Arguments that a tool does not have. They are ignored, since clients add some of their own, and
//! the result says so, since a misspelled one would otherwise go unnoticed.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::arguments::{MESSAGE_ARGUMENTS, WINDOW_ARGUMENTS};
use super::schema::{Members, to_raw_json};
use super::{compare_calls, export_pcap, find_calls, read_ladder, read_message};
use crate::mcp::MAX_ECHO_CHARS;
use crate::text::quoted;

/// Most ignored arguments that a note names, inclusive.
const MAX_NAMED: usize = 5;

/// The sentence about the arguments that the tool does not have, for the model. `None` if there
/// are none, or no tool of this name.
///
/// # Examples
/// ```
/// use homer_export::mcp::tools::note_on_unknown_arguments;
///
/// let arguments = serde_json::json!({"call_id": "a84b4c76e66710@pc33.example.com"});
/// let note = note_on_unknown_arguments("homer_export_pcap", arguments.as_object());
/// assert_eq!(
///     note.as_deref(),
///     Some(
///         "Note: the unknown argument \"call_id\" was ignored; homer_export_pcap takes callid, \
///          also_callids, from_ts, to_ts, profiles."
///     )
/// );
/// ```
pub fn note_on_unknown_arguments(
    tool: &str,
    arguments: Option<&Map<String, Value>>,
) -> Option<String> {
    let known = match tool {
        export_pcap::NAME => WINDOW_ARGUMENTS,
        read_message::NAME => MESSAGE_ARGUMENTS,
        find_calls::NAME => find_calls::ARGUMENTS,
        read_ladder::NAME => read_ladder::ARGUMENTS,
        compare_calls::NAME => compare_calls::ARGUMENTS,
        _ => return None,
    };
    let unknown: Vec<_> = arguments?
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    let named: Vec<_> = unknown
        .iter()
        .take(MAX_NAMED)
        .map(|name| quoted(name, MAX_ECHO_CHARS))
        .collect();
    let named = named.join(", ");
    let ignored = match unknown.len() {
        0 => return None,
        1 => format!("the unknown argument {named} was ignored"),
        number if number > MAX_NAMED => {
            let more = number.saturating_sub(MAX_NAMED);
            format!("the unknown arguments {named} and {more} more were ignored")
        }
        _ => format!("the unknown arguments {named} were ignored"),
    };
    Some(format!(
        "Note: {ignored}; {tool} takes {}.",
        known.join(", ")
    ))
}

/// A structured result whose summary ends with this note. Some clients show a model nothing but
/// the structured content. Unchanged if the result has no summary.
pub(in crate::mcp) fn with_note(structured: &RawValue, note: &str) -> Box<RawValue> {
    let noted = serde_json::from_str::<Members<'_>>(structured.get())
        .ok()
        .and_then(|mut members| {
            let summary = members.member("summary")?;
            let text: String = serde_json::from_str(summary.get()).ok()?;
            *summary.to_mut() = to_raw_json(&format!("{text} {note}"));
            Some(to_raw_json(&members))
        });
    noted.unwrap_or_else(|| structured.to_owned())
}
