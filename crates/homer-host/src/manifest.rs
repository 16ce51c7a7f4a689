//! The manifest beside a redacted capture file: [`Manifest`].

use std::path::{Path, PathBuf};

use homer_export::redact::RedactionSummary;
use serde_json::{Map, Value, json};

/// What whoever keeps the original of a redacted capture needs to recognize it, and whoever gets
/// the redacted file needs to know about it. It contains nothing from the capture.
///
/// # Examples
/// ```
/// use std::path::Path;
///
/// use homer_host::{Manifest, RedactionSummary};
///
/// let redaction = RedactionSummary {
///     level: "numbers".to_string(),
///     original_sha256: Some("6bfd…".to_string()),
///     ..RedactionSummary::default()
/// };
/// let manifest = Manifest::new(Path::new("/tmp/call.pcap"), "ab12…", &redaction);
/// assert_eq!(manifest.path(), Path::new("/tmp/call.manifest.json"));
/// assert_eq!(manifest.json()["original"]["sha256"], "6bfd…");
/// ```
#[derive(Clone, Debug)]
pub struct Manifest {
    path: PathBuf,
    json: Value,
}

impl Manifest {
    /// The manifest of the capture file at `capture`. `sha256` is that of the redacted file.
    pub fn new(capture: &Path, sha256: &str, redaction: &RedactionSummary) -> Self {
        let counts = |counts: &[homer_export::report::Count]| -> Map<String, Value> {
            let counts = counts.iter();
            counts
                .map(|count| (count.name.clone(), count.count.into()))
                .collect()
        };
        let file = capture
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let mut json = json!({
            "file": file,
            "sha256": sha256,
            "size_bytes": redaction.original_size_bytes,
            "redacted_by": concat!("homer-export ", env!("CARGO_PKG_VERSION")),
            "level": redaction.level,
            "content_shown": redaction.content_shown,
            "key_id": redaction.key_id,
            "packets": redaction.packets,
            "packets_changed": redaction.packets_changed,
            "redacted": counts(&redaction.redacted),
            "not_redacted": counts(&redaction.not_redacted),
            "original": {
                "sha256": redaction.original_sha256,
                "size_bytes": redaction.original_size_bytes,
            },
        });
        if let Value::Object(members) = &mut json {
            members.retain(|_, value| !value.is_null());
        }
        Self {
            path: Self::path_for(capture),
            json,
        }
    }

    /// Where the manifest of a capture file is: beside it, with `.manifest.json` in the place of
    /// the extension.
    pub fn path_for(capture: &Path) -> PathBuf {
        capture.with_extension("manifest.json")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its content.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Its content as text.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.json)
    }
}
