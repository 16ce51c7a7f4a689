//! Conversions from the types of the component's bindings to the library's, for the report, the
//! results of searches and readers, and errors.

use crate::sandbox::{reader, search, types};

homer_export::report_from_bindings!(types);
homer_export::error_from_bindings!(types);
homer_export::search_from_bindings!(search);
homer_export::reader_from_bindings!(reader);
