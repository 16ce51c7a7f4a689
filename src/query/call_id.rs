//! The Call-ID header field's value (RFC 3261 §8.1.1.4), opaque and case-sensitive.

use alloc::format;
use alloc::string::{String, ToString};

use serde::Serialize;

use crate::error::ExportError;
use crate::text::quoted;

/// The value of a SIP Call-ID header field as captured.
///
/// RFC 3261 §25.1 allows `word [ "@" word ]`. Real traffic also contains spaces, quotes and letters
/// of all scripts (recordings `export-callid-awkward-*`), and a call with a malformed Call-ID is
/// exactly what people want to look at. So only values that Homer cannot find are rejected.
///
/// # Examples
/// ```
/// use homer_export::CallId;
///
/// let call_id = CallId::parse("a84b4c76e66710@pc33.example.com")?;
/// assert_eq!(call_id.filename(), "a84b4c76e66710@pc33.example.com.pcap");
/// assert!(CallId::parse("Call-ID: a84b4c76e66710").is_err());
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CallId(String);

impl CallId {
    /// Longest Call-ID accepted, in characters, inclusive.
    ///
    /// RFC 3261 sets no limit. Call-IDs in use have fewer than 256, and one of this length still
    /// fits into a URI and an error text.
    pub const MAX_CHARS: usize = 512;

    /// Parses 1 to [`Self::MAX_CHARS`] characters without control characters and without white
    /// space at either end.
    ///
    /// White space at the ends is not removed silently: Homer compares exactly, and a caller should
    /// know that a Call-ID was changed on its way.
    ///
    /// # Errors
    /// `invalid-request` for anything else, and for a whole header line instead of its value.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let invalid = |why: String| Err(ExportError::InvalidRequest(why));
        if text.is_empty() {
            return invalid(
                "the Call-ID is empty; give the value of the SIP Call-ID header field".to_string(),
            );
        }
        // In characters, as the error says it: Call-IDs in all scripts occur (recordings
        // `export-callid-awkward-*`).
        let chars = text.chars().count();
        if chars > Self::MAX_CHARS {
            return invalid(format!(
                "the Call-ID has {chars} characters; the maximum is {}",
                Self::MAX_CHARS
            ));
        }
        // A line break shows that more than one header field was pasted. NUL is never stored:
        // heplify-server removes it (docs/homer.md §6).
        if let Some((at, c)) = text.chars().enumerate().find(|(_, c)| c.is_control()) {
            return invalid(format!(
                "the Call-ID contains the control character U+{:04X} at position {}; give the \
                 value of one Call-ID header field without line breaks",
                u32::from(c),
                at + 1
            ));
        }
        // Homer finds nothing then (recording `export-callid-trailing-space`).
        if text.trim() != text {
            return invalid(format!(
                "the Call-ID {} has white space at its start or end; remove it, because Homer \
                 compares exactly",
                quoted(text, 64)
            ));
        }
        if text
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("call-id:"))
        {
            return invalid(
                "the Call-ID begins with \"Call-ID:\"; give only the header field's value"
                    .to_string(),
            );
        }
        Ok(Self(text.to_string()))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file name for this call's capture that is safe on all platforms and ends in `.pcap`.
    ///
    /// ASCII letters, digits and `.`, `_`, `-`, `@` stay; every other character becomes `_`. The
    /// name does not begin with a dot or dash and is not a Windows device name. It has at most 101
    /// characters before the ending. Two Call-IDs may have the same name.
    pub fn filename(&self) -> String {
        const MAX_STEM: usize = 100;
        // Windows opens the device, whatever follows a dot: `con.pcap` is the console.
        const WINDOWS_DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
        let mut stem: String = self
            .0
            .chars()
            .take(MAX_STEM)
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let device = stem
            .split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        // COM1 to COM9 and LPT1 to LPT9.
        let numbered_device = device.len() == 4
            && (device.starts_with("com") || device.starts_with("lpt"))
            && device.ends_with(|c: char| c.is_ascii_digit());
        // A leading dot hides a file, and `..` is a directory. A leading dash looks like a flag.
        if stem.starts_with(['.', '-'])
            || WINDOWS_DEVICES.contains(&device.as_str())
            || numbered_device
        {
            stem.insert(0, '_');
        }
        stem.push_str(".pcap");
        stem
    }
}
