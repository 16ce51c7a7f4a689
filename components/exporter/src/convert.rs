//! Conversions between the library's types and those of the world's bindings, for the report,
//! searches, readers, errors, and what to redact.

use homer_export::CallId;
use homer_export::ExportError;
use homer_export::reader::{Found, Reading};
use homer_export::record::Convert;
use homer_export::redact::{Level, Redaction};

use crate::{reader, search, stream, types};

homer_export::report_to_bindings!(types);
homer_export::error_to_bindings!(types);
homer_export::search_to_bindings!(search);
homer_export::reader_to_bindings!(reader);

impl Convert<Result<Redaction, ExportError>> for stream::Redaction {
    fn convert(self) -> Result<Redaction, ExportError> {
        let level = match self.level {
            stream::RedactionLevel::Secrets => Level::Secrets,
            stream::RedactionLevel::Numbers => Level::Numbers,
            stream::RedactionLevel::Addresses => Level::Addresses,
        };
        Redaction::new(level, &self.key, self.show_content)
    }
}

/// What is to be read.
///
/// # Errors
/// `invalid-request` if a Call-ID is malformed.
pub(crate) fn reading(reading: reader::Reading) -> Result<Reading, ExportError> {
    Ok(match reading {
        reader::Reading::Ladder(query) => Reading::Ladder(query.convert()),
        reader::Reading::Message(query) => Reading::Message(query.convert()),
        reader::Reading::Comparison((first, second)) => {
            Reading::Comparison([CallId::parse(&first)?, CallId::parse(&second)?])
        }
    })
}

/// What was read.
pub(crate) fn found(found: Found) -> reader::Found {
    match found {
        Found::Ladder(page) => reader::Found::Ladder(page.convert()),
        Found::Message(message) => reader::Found::Message(message.convert()),
        Found::Comparison(comparison) => reader::Found::Comparison(comparison.convert()),
    }
}
