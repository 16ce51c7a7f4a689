//! How much of a capture is replaced: [`Level`].

use alloc::format;

use crate::error::ExportError;
use crate::text::quoted;

/// How much of a capture is replaced. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Secrets become asterisks.
    Secrets,
    /// Users and numbers become pseudonyms.
    Numbers,
    /// IP addresses become pseudonyms.
    Addresses,
}

impl Level {
    /// All levels, in ascending order.
    pub const ALL: [Self; 3] = [Self::Secrets, Self::Numbers, Self::Addresses];

    /// The name: `secrets`, `numbers` or `addresses`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Numbers => "numbers",
            Self::Addresses => "addresses",
        }
    }

    /// The level with this name. `parameter` is what the caller calls it in an error.
    ///
    /// # Errors
    /// `invalid-request` if there is none.
    pub fn parse(name: &str, parameter: &str) -> Result<Self, ExportError> {
        /// A longer value would bury the rest of the text.
        const MAX_SHOWN: usize = 20;
        let level = Self::ALL.into_iter().find(|level| level.name() == name);
        level.ok_or_else(|| {
            ExportError::InvalidRequest(format!(
                "{parameter} is {}; expected secrets, numbers or addresses",
                quoted(name, MAX_SHOWN)
            ))
        })
    }

    /// Whether this level has pseudonyms, and therefore needs a key.
    pub fn has_pseudonyms(self) -> bool {
        self >= Self::Numbers
    }
}
