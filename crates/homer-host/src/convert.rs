//! Conversions from the types of the component's bindings to the library's, for the report, the
//! results of searches and readers, and errors.

use homer_export::record::{Convert, Texts};
use homer_export::redact::{Level, Redaction};
use homer_export::text::is_unprintable;

use crate::sandbox::{reader, search, stream, types};

/// A value that a component returned, without unprintable characters, which become U+FFFD. Our own
/// component has none in its texts. Another one might, and terminals and models read them: this is
/// the trust boundary.
pub(crate) fn printable<T: Texts>(value: T) -> T {
    without(value, is_unprintable)
}

/// As [`printable`], for texts of several lines.
pub(crate) fn printable_lines<T: Texts>(value: T) -> T {
    without(value, |c| c != '\n' && is_unprintable(c))
}

fn without<T: Texts>(mut value: T, is_bad: impl Fn(char) -> bool) -> T {
    value.each_text(&mut |text| {
        if text.chars().any(&is_bad) {
            *text = text.replace(&is_bad, "\u{fffd}");
        }
    });
    value
}

homer_export::report_from_bindings!(types);
homer_export::error_from_bindings!(types);
homer_export::search_from_bindings!(search);
homer_export::reader_from_bindings!(reader);

impl Convert<stream::Redaction> for Redaction {
    fn convert(self) -> stream::Redaction {
        stream::Redaction {
            level: match self.level() {
                Level::Secrets => stream::RedactionLevel::Secrets,
                Level::Numbers => stream::RedactionLevel::Numbers,
                Level::Addresses => stream::RedactionLevel::Addresses,
            },
            key: self.key().to_vec(),
            show_content: self.shows_content(),
        }
    }
}
