//! Conversions from the types of the component's bindings to the library's, for the report and
//! errors.

use crate::sandbox::types;

homer_export::report_from_bindings!(types);
homer_export::error_from_bindings!(types);
