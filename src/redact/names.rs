//! What a query names, as it is in the redacted capture.

use alloc::string::String;

use super::{Key, Redactor, Scope};
use crate::query::{CallId, Level, Query, Redaction};
use crate::sip::Content;

impl Redaction {
    /// What redacts a capture.
    pub fn redactor(&self) -> Redactor {
        let scope = match (self.level(), Key::new(self.key())) {
            (Level::Numbers, Ok(key)) => Scope::Numbers(key),
            (Level::Addresses, Ok(key)) => Scope::Addresses(key),
            // The constructor accepts no short key.
            (Level::Secrets, _) | (_, Err(_)) => Scope::Secrets,
        };
        let content = match self.shows_content() {
            true => Content::Show,
            false => Content::Redact,
        };
        Redactor::new(&scope, content)
    }

    /// A Call-ID as it is in the redacted capture.
    pub fn call_id(&self, id: &CallId) -> CallId {
        let redacted = self.redactor().field_value("Call-ID", id.as_str());
        // Redaction keeps the length and adds no control characters.
        CallId::parse(&redacted).unwrap_or_else(|_| id.clone())
    }
}

impl Query {
    /// A name for the capture: that of the first Call-ID, as it is in the capture.
    pub fn filename(&self) -> String {
        let first = self.call_ids().first();
        let id = first.map(|id| match self.redaction() {
            Some(redaction) => redaction.call_id(id).filename(),
            None => id.filename(),
        });
        id.unwrap_or_default()
    }

    /// The query with the Call-IDs as they are in the redacted capture.
    pub(crate) fn as_redacted(&self) -> Self {
        match self.redaction() {
            Some(redaction) => self.clone().map_call_ids(|id| redaction.call_id(id)),
            None => self.clone(),
        }
    }
}
