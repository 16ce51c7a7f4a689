//! Why an export failed: `homer:capture/types.export-error`.

use alloc::string::String;
use core::fmt;

/// Why an export failed. The cases are grouped by who can act on them; every text says what
/// happened, who refused, and what to change, and carries neither credentials nor anything out of a
/// captured message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// The caller: Call-ID, window, units.
    InvalidRequest(String),
    /// The operator: no `HOMER_URL`, not a URL, two credentials.
    Misconfigured(String),
    /// The host's policy refused the outbound request.
    Denied(String),
    /// Homer refused the credentials.
    Unauthorized(String),
    /// Homer was not reached: name, connection, TLS.
    Unreachable(String),
    /// Homer was reached and stayed silent for too long.
    TimedOut(String),
    /// Homer holds nothing for this call and window, or cannot reach its own data: it says the same
    /// to both.
    NothingCaptured(String),
    /// Homer, or a proxy before it, answered with an error.
    Rejected {
        /// HTTP status code.
        status: u16,
        /// What happened and what to change.
        message: String,
    },
    /// The reply was cut off, or is not a whole capture file.
    InvalidResponse(String),
    /// The capture is over a limit.
    TooLarge {
        /// The largest capture accepted, in bytes, inclusive.
        limit: u64,
        /// Bytes seen before giving up.
        seen: u64,
        /// What happened and what to change.
        message: String,
    },
}

impl ExportError {
    /// The case's name in WIT, for instance `nothing-captured`.
    pub fn case(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid-request",
            Self::Misconfigured(_) => "misconfigured",
            Self::Denied(_) => "denied",
            Self::Unauthorized(_) => "unauthorized",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed-out",
            Self::NothingCaptured(_) => "nothing-captured",
            Self::Rejected { .. } => "rejected",
            Self::InvalidResponse(_) => "invalid-response",
            Self::TooLarge { .. } => "too-large",
        }
    }

    /// The text alone, without the case's name.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidRequest(text)
            | Self::Misconfigured(text)
            | Self::Denied(text)
            | Self::Unauthorized(text)
            | Self::Unreachable(text)
            | Self::TimedOut(text)
            | Self::NothingCaptured(text)
            | Self::InvalidResponse(text)
            | Self::Rejected { message: text, .. }
            | Self::TooLarge { message: text, .. } => text,
        }
    }

    /// The text, to be changed.
    pub fn message_mut(&mut self) -> &mut String {
        match self {
            Self::InvalidRequest(text)
            | Self::Misconfigured(text)
            | Self::Denied(text)
            | Self::Unauthorized(text)
            | Self::Unreachable(text)
            | Self::TimedOut(text)
            | Self::NothingCaptured(text)
            | Self::InvalidResponse(text)
            | Self::Rejected { message: text, .. }
            | Self::TooLarge { message: text, .. } => text,
        }
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case(), self.message())
    }
}

impl core::error::Error for ExportError {}
