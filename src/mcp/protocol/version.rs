//! The versions of the protocol.

use alloc::string::String;

use serde::Serialize;

/// The supported versions, the oldest first.
pub(super) const VERSIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    FIRST_STATELESS,
];

/// The first version without sessions. Versions are dates, so later ones are greater.
pub(super) const FIRST_STATELESS: &str = "2026-07-28";

/// The two kinds of protocol. Clients of both kinds are common (basic/versioning).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Up to 2025-11-25: a client begins with `initialize`.
    Handshake,
    /// Since 2026-07-28: each request states its version and what its client can do.
    Stateless,
}

/// The data of the error about an unsupported version.
#[derive(Debug, Serialize)]
pub(super) struct UnsupportedVersion {
    pub(super) requested: String,
    pub(super) supported: &'static [&'static str],
}
