//! What a redaction did, for the manifest that stands beside the redacted file.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::record::record;
use crate::report::Count;

record! {
    ($, convert_redaction_summary)
    /// What was redacted in a capture file, and what could not be.
    pub struct RedactionSummary {
        /// How much was replaced: `secrets`, `numbers` or `addresses`.
        pub level: String,
        /// Whether texts of MESSAGE requests and DTMF digits were left as they were.
        pub content_shown: bool,
        /// Eight hexadecimal digits that are the same for all files redacted with one key. Absent
        /// if there are no pseudonyms.
        pub key_id: Option<String>,
        /// Number of packet records.
        pub packets: u64,
        /// Number of packet records that were changed.
        pub packets_changed: u64,
        /// Kinds of secrets that were overwritten, with the number of packets that had each.
        pub redacted: Vec<Count>,
        /// What could not be read and may still hold something that should have been replaced, such
        /// as encrypted bodies, with the number of packets of each kind.
        pub not_redacted: Vec<Count>,
        /// Size of the original file in bytes. Redaction does not change it.
        pub original_size_bytes: u64,
        /// SHA-256 of the original file, in lower-case hexadecimal. Absent if the original is the
        /// body of the last response from Homer, byte for byte, so that the host can hash it.
        pub original_sha256: Option<String>,
    }
}

/// Counts one packet in which something was found.
pub(super) fn count(counts: &mut Vec<Count>, what: &str) {
    match counts.iter_mut().find(|count| count.name == what) {
        Some(count) => count.count += 1,
        None => counts.push(Count {
            name: what.to_string(),
            count: 1,
        }),
    }
}

impl RedactionSummary {
    /// What a reader of the report must know, as sentences.
    pub fn warnings(&self) -> Vec<String> {
        let replaced = match self.level.as_str() {
            "secrets" => "secrets",
            "numbers" => "secrets, users and numbers",
            _ => "secrets, users, numbers and IP addresses",
        };
        let mut warnings = Vec::from([alloc::format!(
            "this capture is redacted: {replaced} are replaced in {} of {} packets; this report \
             describes the redacted file",
            self.packets_changed,
            self.packets
        )]);
        warnings.extend(self.not_redacted.iter().map(|what| {
            let noun = match what.count {
                1 => "packet",
                _ => "packets",
            };
            alloc::format!(
                "{} {noun} could not be redacted completely: {}; look at what is in there before \
                 you share the file",
                what.count,
                what.name
            )
        }));
        warnings
    }
}
