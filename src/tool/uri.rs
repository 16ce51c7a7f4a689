//! The URI of a capture: the query itself, so that it means the same everywhere and needs nothing
//! to be kept.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::{ToolConfig, WindowArguments, size};
use crate::{CallId, ExportError, MEDIA_TYPE};

/// The template of such URIs (RFC 6570).
pub const TEMPLATE: &str = "homer-pcap:///{callid}{?from_ts,to_ts}";

/// The URI of a capture, `homer-pcap:///{callid}{?from_ts,to_ts}`: the query itself, so that it
/// means the same everywhere.
pub fn resource_uri(arguments: &WindowArguments) -> String {
    let WindowArguments {
        callid,
        from_ts,
        to_ts,
    } = arguments;
    let mut uri = "homer-pcap:///".to_string();
    for byte in callid.bytes() {
        // RFC 3986 §2.3: the unreserved characters; everything else is escaped.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str(&format!("?from_ts={from_ts}&to_ts={to_ts}"));
    uri
}

/// Longest such URI in bytes, inclusive: that of a Call-ID of 512 characters, all of them escaped,
/// is not half as long; and it goes back with the bytes.
const MAX_URI: usize = 16 * 1024;

/// The query in such a URI. The order of the two parameters does not matter.
///
/// # Errors
/// `invalid-request` if it is not of that form, or too long.
pub fn query_of_uri(uri: &str) -> Result<WindowArguments, ExportError> {
    if uri.len() > MAX_URI {
        return Err(ExportError::InvalidRequest(format!(
            "the resource URI is longer than {MAX_URI} bytes"
        )));
    }
    let malformed = |why: &str| {
        ExportError::InvalidRequest(format!(
            "the resource URI {why}; the form is homer-pcap:///<Call-ID, percent-encoded>?from_ts=<ms>&to_ts=<ms>"
        ))
    };
    let rest = uri
        .strip_prefix("homer-pcap:///")
        .ok_or_else(|| malformed("does not begin with homer-pcap:///"))?;
    let (path, query) = rest
        .split_once('?')
        .ok_or_else(|| malformed("has no query"))?;
    let call_id = decoded(path)
        .ok_or_else(|| malformed("has a Call-ID that is not percent-encoded UTF-8"))?;
    let (mut from_ts, mut to_ts) = (None, None);
    for parameter in query.split('&') {
        let slot = match parameter.split_once('=') {
            Some(("from_ts", value)) => (&mut from_ts, value),
            Some(("to_ts", value)) => (&mut to_ts, value),
            _ => return Err(malformed("has another parameter than from_ts and to_ts")),
        };
        let value = slot
            .1
            .parse()
            .map_err(|_| malformed("has a time that is no whole number"))?;
        if slot.0.replace(value).is_some() {
            return Err(malformed("has a parameter twice"));
        }
    }
    match (from_ts, to_ts) {
        (Some(from_ts), Some(to_ts)) => {
            let callid = CallId::parse(&call_id)?.as_str().to_string();
            Ok(WindowArguments {
                callid,
                from_ts,
                to_ts,
            })
        }
        _ => Err(malformed("lacks from_ts or to_ts")),
    }
}

/// The data of an error about a resource: its URI, or the beginning of one that is too long.
pub fn uri_shown(uri: &str) -> Value {
    json!({ "uri": uri.chars().take(MAX_URI / 4).collect::<String>() })
}

/// The template of such URIs as `resources/templates/list` returns it.
pub fn resource_template(terms: &ToolConfig) -> Value {
    let kept = if terms.one_request {
        ""
    } else {
        ", unless it was exported in the last minutes"
    };
    json!({
        "uriTemplate": TEMPLATE,
        "name": "homer-pcap",
        "title": "SIP call as pcap",
        "description": format!(
            "The captured packets of one SIP call as a pcap file of at most {}; from_ts and to_ts are Unix time in milliseconds, \
             UTC. Reading it asks Homer{kept}.",
            size(terms.read_bytes)
        ),
        "mimeType": MEDIA_TYPE,
    })
}

/// Percent-encoded text (RFC 3986 §2.1), or none if it is not well-formed or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            rest = behind;
            // `from_str_radix` takes a sign as well.
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?);
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
