//! The settings of redaction: [`RedactSettings`].

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use super::{Variables, setting};
use crate::error::ExportError;
use crate::query::{Level, Redaction};

/// What is redacted in captures, and with which key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RedactSettings {
    /// `HOMER_REDACT`: how much is redacted in every capture, whatever its caller asks for.
    pub level: Option<Level>,
    /// `HOMER_REDACT_KEY`: the key of pseudonyms.
    pub key: Option<Vec<u8>>,
    /// `HOMER_SHOW_CONTENT`: whether texts of MESSAGE requests and DTMF digits stay.
    pub show_content: bool,
}

impl RedactSettings {
    /// Parses the settings.
    ///
    /// # Errors
    /// `misconfigured` if a value is none of those expected, or if the key is too short.
    pub fn new(variables: &Variables) -> Result<Self, ExportError> {
        let level = setting::REDACT.choice(variables)?;
        let key = setting::REDACT_KEY.get(variables);
        if let Some(given) = key.filter(|given| given.value.len() < Redaction::MIN_KEY_LEN) {
            return Err(ExportError::Misconfigured(alloc::format!(
                "{} has {} bytes; pseudonyms need a key of at least {}",
                given.name,
                given.value.len(),
                Redaction::MIN_KEY_LEN
            )));
        }
        Ok(Self {
            level: Level::ALL.into_iter().find(|known| known.name() == level),
            key: key.map(|given| given.value.as_bytes().to_vec()),
            show_content: setting::SHOW_CONTENT.choice(variables)? == "on",
        })
    }

    /// The redaction of an export whose caller asks for `requested`: the higher of this level and
    /// that of the settings.
    ///
    /// # Errors
    /// `misconfigured` if the level has pseudonyms and there is no key.
    pub fn redaction(&self, requested: Option<Level>) -> Result<Option<Redaction>, ExportError> {
        let Some(level) = self.level.max(requested) else {
            return Ok(None);
        };
        if level.has_pseudonyms() && self.key.is_none() {
            return Err(ExportError::Misconfigured(
                "pseudonyms need a key, and HOMER_REDACT_KEY is not set; set it to a secret of at \
                 least 16 bytes, or redact secrets alone"
                    .to_string(),
            ));
        }
        let key = self.key.as_deref().unwrap_or_default();
        Redaction::new(level, key, self.show_content).map(Some)
    }
}

/// Does not show the key.
impl fmt::Debug for RedactSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactSettings")
            .field("level", &self.level)
            .field("show_content", &self.show_content)
            .finish_non_exhaustive()
    }
}
