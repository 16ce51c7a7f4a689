//! The formats in which `homer_read_message` shows a message.

use serde::Serialize;

/// How a message is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageFormat {
    /// As text with escapes.
    #[default]
    Text,
    /// As a hex dump with offsets.
    Hex,
}

impl MessageFormat {
    /// All formats with their names.
    pub const ALL: [(&'static str, Self); 2] = [("text", Self::Text), ("hex", Self::Hex)];
}
