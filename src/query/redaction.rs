//! What an export is to redact: [`Redaction`].

use alloc::vec::Vec;
use core::fmt;

use super::Level;
use crate::error::ExportError;

/// What an export is to redact: `homer:capture/homer-export-stream.redaction`, parsed.
///
/// # Examples
/// ```
/// use homer_export::CallId;
/// use homer_export::redact::{Level, Redaction};
///
/// let redaction = Redaction::new(Level::Addresses, b"the content of a key file", false)?;
/// let call_id = CallId::parse("a84b4c76@192.0.2.10")?;
/// assert_ne!(redaction.call_id(&call_id), call_id);
/// assert!(Redaction::new(Level::Numbers, b"short", false).is_err());
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Redaction {
    level: Level,
    /// The secret that pseudonyms depend on. Empty for a level without pseudonyms.
    key: Vec<u8>,
    show_content: bool,
}

impl Redaction {
    /// Fewest bytes of a key.
    pub const MIN_KEY_LEN: usize = 16;

    /// A redaction. `key` is not used if the level has no pseudonyms. `show_content` keeps texts of
    /// MESSAGE requests and DTMF digits.
    ///
    /// # Errors
    /// `invalid-request` if the level has pseudonyms and the key has fewer than
    /// [`Self::MIN_KEY_LEN`] bytes.
    pub fn new(level: Level, key: &[u8], show_content: bool) -> Result<Self, ExportError> {
        let key = if level.has_pseudonyms() { key } else { &[] };
        if level.has_pseudonyms() && key.len() < Self::MIN_KEY_LEN {
            return Err(ExportError::InvalidRequest(alloc::format!(
                "the key for redaction has {} bytes; pseudonyms need at least {}",
                key.len(),
                Self::MIN_KEY_LEN
            )));
        }
        Ok(Self {
            level,
            key: key.to_vec(),
            show_content,
        })
    }

    /// How much is replaced.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The key for the pseudonyms. Empty for a level without them.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether texts of MESSAGE requests and DTMF digits stay.
    pub fn shows_content(&self) -> bool {
        self.show_content
    }
}

/// Does not show the key.
impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("level", &self.level)
            .field("show_content", &self.show_content)
            .finish_non_exhaustive()
    }
}
