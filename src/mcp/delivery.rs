//! How the bytes of a capture reach an MCP client: attached, behind a link, or in a file.
//!
//! No part of MCP limits the size of a message, but its clients do: the TypeScript SDK drops the
//! whole connection at a line of 10 MiB, and Claude Code at a few MiB more (docs/mcp-clients.md).

use alloc::format;
use alloc::string::{String, ToString};

use super::tools::{ToolConfig, export_pcap};
use crate::ExportError;

/// How captures reach a client, as the operator configured it (`HOMER_RESULT_MODE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultMode {
    /// As a file if there is a directory for files; otherwise attached if the capture is small, and
    /// as a link if it is not.
    #[default]
    Auto,
    /// Attached to the result as a binary resource.
    Embed,
    /// As a link for `resources/read`.
    Link,
    /// As a file.
    File,
    /// Attached to the result as base64 text, for scripts that expect that.
    Base64,
}

impl ResultMode {
    /// The mode of this name: one of the words of [`crate::config::setting::RESULT_MODE`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "embed" => Some(Self::Embed),
            "link" => Some(Self::Link),
            "file" => Some(Self::File),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }
}

/// How one capture reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Attached to the result as a binary resource.
    Embed,
    /// As a link for `resources/read`.
    Link,
    /// As a file.
    File,
    /// Attached to the result as base64 text.
    Text,
}

/// The content block that carries the bytes of a capture, or leads to them. A result has at most
/// one: some clients reject results with both a binary resource and a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// An embedded resource.
    Blob {
        /// The resource's URI.
        uri: String,
    },
    /// A link to a resource.
    Link {
        /// The resource's URI.
        uri: String,
        /// The resource's name.
        filename: String,
        /// The resource's size in bytes.
        size_bytes: u64,
    },
    /// Base64 text.
    Text,
    /// No block: the result needs no bytes, or they are in a file.
    None,
}

impl ToolConfig {
    /// How a capture of this many bytes reaches the client; `None` if it is too large.
    pub fn delivery(&self, bytes: u64) -> Option<Delivery> {
        let (delivery, limit) = match self.mode {
            ResultMode::Auto | ResultMode::File if self.writes_files() => {
                return Some(Delivery::File);
            }
            ResultMode::Auto if bytes <= self.inline_bytes => (Delivery::Embed, self.inline_bytes),
            ResultMode::Auto | ResultMode::Link => (Delivery::Link, self.read_bytes),
            ResultMode::Embed => (Delivery::Embed, self.read_bytes),
            ResultMode::File => return None,
            ResultMode::Base64 => (Delivery::Text, self.read_bytes),
        };
        (bytes <= limit).then_some(delivery)
    }

    /// Whether captures are written to files.
    pub fn writes_files(&self) -> bool {
        self.output_dir && matches!(self.mode, ResultMode::Auto | ResultMode::File)
    }

    /// The error for a capture that is too large for a message; `seen` is the number of bytes that
    /// had arrived when that was known.
    pub fn too_large(&self, seen: u64) -> ExportError {
        // What helps depends on the server: a model cannot start it with other options, and the
        // component has no files at all.
        let otherwise = if self.writes_files() {
            format!(
                "export it with {}, which saves captures of any size as files",
                export_pcap::NAME
            )
        } else if self.stateless {
            "ask the operator to save it with the command line program homer-export".to_string()
        } else {
            "ask the operator to start the server with --output-dir, which saves captures of any \
             size as files, or to save this one with the command line program homer-export"
                .to_string()
        };
        ExportError::TooLarge {
            limit: self.read_bytes,
            seen,
            message: format!(
                "the capture is larger than {}, the maximum for one message of this server. \
                 Narrow from_ts and to_ts to the part of the call that matters, or {otherwise}",
                size(self.read_bytes)
            ),
        }
    }
}

/// A number of bytes for a sentence, in KiB or MiB if it is a whole number of them.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        b if b >= MIB && b.is_multiple_of(MIB) => format!("{} MiB", b / MIB),
        b if b >= KIB && b.is_multiple_of(KIB) => format!("{} KiB", b / KIB),
        b => format!("{b} bytes"),
    }
}
