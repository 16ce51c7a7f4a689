//! The Call-ID header field's value (RFC 3261 §8.1.1.4), opaque and case-sensitive.

use alloc::format;
use alloc::string::{String, ToString};

use serde::Serialize;

use super::quoted;
use crate::ExportError;

/// The value of a SIP Call-ID header field as captured.
///
/// RFC 3261 §25.1 allows `word [ "@" word ]`; real traffic holds blanks, quotes and letters of all
/// scripts as well (recordings `export-callid-awkward-*`), and a malformed Call-ID is just what one
/// wants to look at. So only what Homer cannot find is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CallId(String);

impl CallId {
    /// Longest Call-ID accepted, in characters, inclusive. RFC 3261 sets no limit; those seen in
    /// the wild stay below 256, and one that long still fits a URI and an error text.
    pub const MAX_CHARS: usize = 512;

    /// Takes 1 to [`Self::MAX_CHARS`] characters, none of them a control character, no white space
    /// at either end.
    ///
    /// # Errors
    /// `invalid-request` for anything else, and for a whole header line instead of its value. White
    /// space at the ends is not cut off in silence: Homer compares exactly, and a Call-ID that was
    /// mangled on its way is worth knowing of.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let refuse = |why: String| Err(ExportError::InvalidRequest(why));
        if text.is_empty() {
            return refuse(
                "the Call-ID is empty; pass the value of the SIP Call-ID header field".to_string(),
            );
        }
        let chars = text.chars().count();
        if chars > Self::MAX_CHARS {
            return refuse(format!(
                "the Call-ID has {chars} characters, at most {} are taken",
                Self::MAX_CHARS
            ));
        }
        if let Some((at, c)) = text.chars().enumerate().find(|(_, c)| c.is_control()) {
            return refuse(format!(
                "the Call-ID has the control character U+{:04X} at position {}; pass the value of one Call-ID header \
                 field without line breaks",
                u32::from(c),
                at + 1
            ));
        }
        if text.trim() != text {
            return refuse(format!(
                "the Call-ID {} has white space at its start or end; Homer compares exactly, so remove it",
                quoted(text, 64)
            ));
        }
        if text
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("call-id:"))
        {
            return refuse(
                "the Call-ID begins with \"Call-ID:\"; pass the header field's value alone"
                    .to_string(),
            );
        }
        Ok(Self(text.to_string()))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file name for this call's capture, ending in `.pcap`, safe on all platforms: ASCII
    /// letters, digits and `.`, `_`, `-`, `@` stay, anything else becomes `_`; no leading dot or
    /// dash, no device name of Windows, at most 101 characters before the ending. Two Call-IDs may
    /// share a name.
    pub fn filename(&self) -> String {
        const MAX_STEM: usize = 100;
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
        let numbered_device = device.len() == 4
            && (device.starts_with("com") || device.starts_with("lpt"))
            && device.ends_with(|c: char| c.is_ascii_digit());
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
