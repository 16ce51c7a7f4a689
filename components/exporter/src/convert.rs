//! Conversions from the library's types to those of the world's bindings, for the report, searches,
//! readers and errors.

use homer_export::CallId;
use homer_export::ExportError;
use homer_export::reader::{Found, Reading};
use homer_export::record::Convert as _;

use crate::{reader, search, types};

homer_export::report_to_bindings!(types);
homer_export::error_to_bindings!(types);
homer_export::search_to_bindings!(search);
homer_export::reader_to_bindings!(reader);

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
