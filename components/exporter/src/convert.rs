//! Conversions between the library's types and those of the world's bindings, for the report,
//! errors, and what to redact.

use homer_export::ExportError;
use homer_export::record::Convert;
use homer_export::redact::{Level, Redaction};

use crate::{search, stream, types};

homer_export::report_to_bindings!(types);
homer_export::error_to_bindings!(types);
homer_export::search_to_bindings!(search);

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
