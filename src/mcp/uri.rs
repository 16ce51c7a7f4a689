//! The resource URI of a capture, and `resources/read`.
//!
//! The URI is the query itself. So it means the same on every server and after a restart, and no
//! server has to keep anything for it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use super::delivery::size;
use super::tools::{CallWindow, ToolConfig};
use crate::query::Level;
use crate::query::ParameterNames;
use crate::{CallId, ExportError, MEDIA_TYPE, Window};

/// The template of the resource URIs (RFC 6570).
pub const TEMPLATE: &str = "homer-pcap:///{callid}{?from_ts,to_ts,profiles,also_callids,redact}";

// Three slashes: the authority is empty, because the URI names no server (RFC 3986 §3.2).
const PREFIX: &str = "homer-pcap:///";

/// The characters that `{callid}` escapes: all but the unreserved ones (RFC 3986 §2.3, RFC 6570
/// §3.2.2).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Longest resource URI in bytes, inclusive. The URI of a Call-ID of 512 characters, all of them
/// escaped, has less than half of that. A limit is needed since responses repeat the URI.
const MAX_URI_BYTES: usize = 16 * 1024;

/// Most characters of a URI that an error repeats in its data.
const MAX_URI_ECHO_CHARS: usize = MAX_URI_BYTES / 4;

impl CallWindow {
    /// The resource URI of this call's capture.
    ///
    /// # Examples
    /// ```
    /// use homer_export::mcp::tools::CallWindow;
    /// use homer_export::query::ParameterNames;
    /// use homer_export::{CallId, Window};
    ///
    /// let names = &ParameterNames::MCP;
    /// let call = CallWindow::new(
    ///     CallId::parse("a84b4c76e66710@pc33.example.com")?,
    ///     Window::new(1_795_168_800_000, 1_795_169_100_000, 24, names)?,
    /// );
    /// let uri = "homer-pcap:///a84b4c76e66710%40pc33.example.com\
    ///            ?from_ts=1795168800000&to_ts=1795169100000";
    /// assert_eq!(call.resource_uri(), uri);
    /// assert_eq!(CallWindow::from_resource_uri(uri, 24)?, call);
    /// let in_one = call.with_profiles(["1_default"])?;
    /// assert_eq!(in_one.resource_uri(), format!("{uri}&profiles=1_default"));
    /// # Ok::<(), homer_export::ExportError>(())
    /// ```
    pub fn resource_uri(&self) -> String {
        let mut uri = format!(
            "{PREFIX}{}?from_ts={}&to_ts={}",
            utf8_percent_encode(self.call_id.as_str(), RESERVED),
            self.window.from_ms(),
            self.window.to_ms()
        );
        // A key has unreserved characters alone, so the comma separates (RFC 6570 §3.2.8).
        if !self.profiles.is_empty() {
            uri.push_str("&profiles=");
            uri.push_str(&self.profile_keys().join(","));
        }
        for (index, id) in self.also.iter().enumerate() {
            uri.push_str(if index == 0 { "&also_callids=" } else { "," });
            uri.extend(utf8_percent_encode(id.as_str(), RESERVED));
        }
        if let Some(level) = self.redact {
            uri.push_str("&redact=");
            uri.push_str(level.name());
        }
        uri
    }

    /// Whether the resource URI is short enough.
    ///
    /// # Errors
    /// `invalid-request` if it is not, because of many long Call-IDs.
    pub(super) fn check_uri(&self) -> Result<(), ExportError> {
        match self.resource_uri().len() {
            ..=MAX_URI_BYTES => Ok(()),
            bytes => Err(ExportError::InvalidRequest(format!(
                "the {} Call-IDs are too long together: the resource URI of their capture would \
                 have {bytes} bytes; the maximum is {MAX_URI_BYTES}. Export fewer at a time",
                self.also.len() + 1
            ))),
        }
    }

    /// The call, window and profiles that a resource URI names. The order of the parameters does
    /// not matter.
    ///
    /// # Errors
    /// `invalid-request` if the URI has another form or is too long, if its Call-ID or window is
    /// not valid, or if the window is longer than `max_window_hours`.
    pub fn from_resource_uri(uri: &str, max_window_hours: u32) -> Result<Self, ExportError> {
        if uri.len() > MAX_URI_BYTES {
            return Err(ExportError::InvalidRequest(format!(
                "the resource URI is {} bytes long; the maximum is {MAX_URI_BYTES}",
                uri.len()
            )));
        }
        let malformed = |why: &str| {
            ExportError::InvalidRequest(format!(
                "the resource URI {why}; expected \
                 homer-pcap:///<Call-ID, percent-encoded>?from_ts=<Unix ms>&to_ts=<Unix ms>, \
                 and optionally &profiles=<profile>,<profile>, &also_callids=<Call-ID>,<Call-ID> \
                 and &redact=<level>"
            ))
        };
        let rest = uri
            .strip_prefix(PREFIX)
            .ok_or_else(|| malformed("does not begin with homer-pcap:///"))?;
        let (path, query) = rest
            .split_once('?')
            .ok_or_else(|| malformed("has no query part"))?;
        let call_id = percent_decoded(path)
            .ok_or_else(|| malformed("has a Call-ID that is not percent-encoded UTF-8"))?;
        let (mut from_ts, mut to_ts, mut profiles, mut also) = (None, None, None, None);
        let mut redact = None;
        for parameter in query.split('&') {
            let (slot, value) = match parameter.split_once('=') {
                Some(("from_ts", value)) => (&mut from_ts, value),
                Some(("to_ts", value)) => (&mut to_ts, value),
                Some(("profiles", value)) => (&mut profiles, value),
                Some(("also_callids", value)) => (&mut also, value),
                Some(("redact", value)) => (&mut redact, value),
                _ => {
                    return Err(malformed(
                        "has a parameter other than from_ts, to_ts, profiles, also_callids and \
                         redact",
                    ));
                }
            };
            // Of two values, a proxy in between may have looked at the other one.
            if slot.replace(value).is_some() {
                return Err(malformed("has the same parameter twice"));
            }
        }
        let time = |value: Option<&str>| {
            let value = value.ok_or_else(|| malformed("lacks from_ts or to_ts"))?;
            let time: Result<i64, _> = value.parse();
            time.map_err(|_| malformed("has a time that is not a whole number"))
        };
        let (from_ts, to_ts) = (time(from_ts)?, time(to_ts)?);
        // A client may escape the commas.
        let profiles = percent_decoded(profiles.unwrap_or_default())
            .ok_or_else(|| malformed("has profiles that are not percent-encoded UTF-8"))?;
        let keys = profiles.split(',').filter(|key| !key.is_empty());
        // A comma within a Call-ID is escaped, so the list is split before it is decoded.
        let also = also
            .unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty())
            .map(percent_decoded)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| malformed("has also_callids that are not percent-encoded UTF-8"))?;
        let call_id = CallId::parse(&call_id)?;
        let window = Window::new(from_ts, to_ts, max_window_hours, &ParameterNames::MCP)?;
        let redact = redact.map(|name| Level::parse(name, "redact in the resource URI"));
        Ok(Self::new(call_id, window)
            .with_profiles(keys)?
            .with_also(also)?
            .redacted(redact.transpose()?))
    }
}

/// Percent-decoded text (RFC 3986 §2.1); `None` if it is malformed or not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    // The library leaves a malformed escape as it is. Two URIs would then name the same Call-ID.
    let well_formed = text.split('%').skip(1).all(|behind| {
        let digits = behind.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !well_formed {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// A `resources/read` request, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRequest {
    /// The URI as the client sent it; the response repeats it.
    pub uri: String,
    /// The call, window and profiles that it names.
    pub call: CallWindow,
}

impl ResourceRequest {
    /// Parses the URI of the request.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`] if the URI does not name a capture.
    pub fn parse(uri: &str, config: &ToolConfig) -> Result<Self, ResourceError> {
        match CallWindow::from_resource_uri(uri, config.max_window_hours) {
            Ok(call) => Ok(Self {
                uri: uri.to_string(),
                call,
            }),
            Err(error) => Err(ResourceError::of_export(uri, &error)),
        }
    }

    /// The error to send when the export failed.
    pub fn failed(&self, error: &ExportError) -> ResourceError {
        ResourceError::of_export(&self.uri, error)
    }
}

/// Why a resource cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceError {
    /// There is no such resource (MCP, server/resources, "Error Handling").
    NotFound {
        /// What happened and what to change.
        message: String,
        /// More about it, for programs.
        data: ResourceErrorData,
    },
    /// There may be one, but the export failed.
    Failed {
        /// What happened and what to change.
        message: String,
    },
}

/// The `data` of a not-found error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceErrorData {
    /// The URI, or the beginning of one that is too long.
    pub uri: String,
}

impl ResourceError {
    fn of_export(uri: &str, error: &ExportError) -> Self {
        let message = error.to_string();
        match error {
            // These mean that the URI names no capture. Other failures say nothing about the
            // resource.
            ExportError::NothingCaptured { .. } | ExportError::InvalidRequest(_) => {
                Self::NotFound {
                    message,
                    data: ResourceErrorData {
                        uri: uri.chars().take(MAX_URI_ECHO_CHARS).collect(),
                    },
                }
            }
            _ => Self::Failed { message },
        }
    }
}

/// An entry of `resources/templates/list`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplate {
    uri_template: &'static str,
    name: &'static str,
    title: &'static str,
    description: String,
    mime_type: &'static str,
}

/// The resource template of the captures.
pub fn resource_template(config: &ToolConfig) -> ResourceTemplate {
    // Only a server that lives longer than one request can keep captures.
    let kept = if config.stateless {
        ""
    } else {
        ", unless it was exported in the last few minutes"
    };
    ResourceTemplate {
        uri_template: TEMPLATE,
        name: "homer-pcap",
        title: "SIP call as pcap",
        description: format!(
            "The captured packets of one SIP call as a pcap file of at most {}. from_ts and to_ts \
             are Unix time in milliseconds, UTC. profiles, a list of Homer's search profiles \
             separated by commas, and also_callids, a list of further Call-IDs, are optional. \
             Reading the resource fetches the capture from Homer{kept}.",
            size(config.read_bytes)
        ),
        mime_type: MEDIA_TYPE,
    }
}
