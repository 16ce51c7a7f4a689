//! The types that describe how a capture is delivered to an MCP client: attached, as a link, or as
//! a file. [`ToolConfig::delivery`](super::tools::ToolConfig::delivery) decides.
//!
//! No part of MCP limits the size of a message, but its clients do: the TypeScript SDK drops the
//! whole connection at a line of 10 MiB, and Claude Code at a few MiB more (docs/mcp-clients.md).

use alloc::format;
use alloc::string::String;

/// The first version of MCP with resource links (2025-06-18, changelog). A client of an earlier one
/// may discard a whole result because of a content block that it does not know: the Python SDK 1.9
/// does.
pub const FIRST_WITH_LINKS: &str = "2025-06-18";

/// How captures reach a client, as the operator configured it (`HOMER_RESULT_MODE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultMode {
    /// As a file if there is a directory for files, which over standard input and output there is.
    /// Otherwise attached if the capture is small, and as a link if it is not.
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
    /// Not at all, because it is too large for a message. The report arrives nevertheless.
    Withheld,
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
    /// No block: the result needs no bytes, or they are in a file, or they are too large.
    None,
}

/// A number of bytes for a sentence, in KiB or MiB if it is a whole number of them.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    // No fractions: limits are inclusive, so a rounded one would be wrong at its end.
    match bytes {
        b if b >= MIB && b.is_multiple_of(MIB) => format!("{} MiB", b / MIB),
        b if b >= KIB && b.is_multiple_of(KIB) => format!("{} KiB", b / KIB),
        b => format!("{b} bytes"),
    }
}
