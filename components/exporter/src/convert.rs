//! Conversions from the library's types to those of the world's bindings, for the report and
//! errors.

use crate::{search, types};

homer_export::report_to_bindings!(types);
homer_export::error_to_bindings!(types);
homer_export::search_to_bindings!(search);
