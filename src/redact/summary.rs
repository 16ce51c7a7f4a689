//! What a redaction did, for the manifest that stands beside the redacted file.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

/// The manifest of a redacted file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// What was replaced: `secrets`, `numbers` or `addresses`.
    pub scope: &'static str,
    /// Whether the texts of MESSAGE and DTMF digits were left as they were.
    pub content_shown: bool,
    /// Eight hexadecimal digits that are the same for all files redacted with one key. Absent
    /// without pseudonyms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file as it was.
    pub original: Original,
    /// Number of packet records.
    pub packets: u64,
    /// Number of packet records that were changed.
    pub packets_changed: u64,
    /// The kinds of secrets that were overwritten, in the order in which they were found.
    pub redacted: Vec<Count>,
    /// What could not be read, and may still hold something that should have been replaced, in the
    /// order in which it was found.
    pub not_redacted: Vec<Count>,
}

/// The file before its redaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Original {
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 in lower-case hexadecimal. Absent if it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Something, and the number of packets in which it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// What was found.
    pub what: &'static str,
    /// In how many packets.
    pub packets: u64,
}

/// Counts one packet in which something was found.
pub(super) fn count(counts: &mut Vec<Count>, what: &'static str) {
    match counts.iter_mut().find(|count| count.what == what) {
        Some(count) => count.packets += 1,
        None => counts.push(Count { what, packets: 1 }),
    }
}
