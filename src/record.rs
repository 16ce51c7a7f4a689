//! Records of the contract (wit/homer-capture.wit), each defined once in Rust.
//!
//! Every side of the contract has its own types: this library, the bindings that wit-bindgen
//! generates for a component, and those that Wasmtime generates for a host. `record!` defines a
//! struct together with a macro that converts it, field by field, to and from a generated type with
//! the same fields. A field that is added here and in the WIT is then converted everywhere; one
//! that is forgotten in either place does not compile.

use alloc::string::String;
use alloc::vec::Vec;

/// Conversion between a type of this library and one of generated bindings.
///
/// Unlike [`From`], it can be implemented between `Vec`s and `Option`s of two types, and by a crate
/// that owns only the generated type.
pub trait Convert<T> {
    /// Converts the value.
    fn convert(self) -> T;
}

// Types that are the same on every side.
macro_rules! unchanged {
    ($($type:ty),*) => {$(
        impl Convert<$type> for $type {
            fn convert(self) -> $type {
                self
            }
        }
    )*};
}

/// A value that a component returned, and the texts in it.
pub trait Texts {
    /// Calls `change` with each text.
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String));
}

impl Texts for String {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        change(self);
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        self.iter_mut().for_each(|item| item.each_text(change));
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        self.iter_mut().for_each(|item| item.each_text(change));
    }
}

// Types without a text.
macro_rules! no_texts {
    ($($type:ty),*) => {$(
        impl Texts for $type {
            fn each_text(&mut self, _: &mut dyn FnMut(&mut String)) {}
        }
    )*};
}

no_texts!(bool, u8, u16, u32, u64, i64, f64);

unchanged!(bool, u8, u16, u32, u64, i64, f64, String);

impl<T: Convert<U>, U> Convert<Vec<U>> for Vec<T> {
    fn convert(self) -> Vec<U> {
        self.into_iter().map(Convert::convert).collect()
    }
}

impl<T: Convert<U>, U> Convert<Option<U>> for Option<T> {
    fn convert(self) -> Option<U> {
        self.map(Convert::convert)
    }
}

/// Defines a record, and an exported macro with the given name that implements [`Convert`] for it:
/// `name!(from => to)`. The macro must be handed a `$`, since a macro cannot write one into a macro
/// that it defines.
macro_rules! record {
    (
        ($dollar:tt, $convert:ident)
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        // `Serialize` makes the JSON of the report, and `JsonSchema` its schema, which only the
        // tests need: they compare it with the committed file.
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        #[cfg(test)]
        impl $name {
            /// The names of the fields in the order of the source.
            pub(crate) const FIELDS: &[&str] = &[$(stringify!($field)),*];
        }

        impl $crate::record::Texts for $name {
            fn each_text(&mut self, change: &mut dyn FnMut(&mut alloc::string::String)) {
                $($crate::record::Texts::each_text(&mut self.$field, change);)*
            }
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $convert {
            // Called in the crate that owns the bindings. The orphan rule allows it: one of the two
            // types is always local there.
            ($dollar from:path => $dollar to:path) => {
                impl $crate::record::Convert<$dollar to> for $dollar from {
                    fn convert(self) -> $dollar to {
                        $dollar to {
                            $($field: $crate::record::Convert::convert(self.$field),)*
                        }
                    }
                }
            };
        }
    };
}

pub(crate) use record;

/// Implements [`Convert`] from the report's records to the types of the same names in `$bindings`,
/// a module of generated bindings that is in scope.
#[macro_export]
macro_rules! report_to_bindings {
    ($bindings:ident) => {
        $crate::convert_capture_report!($crate::report::CaptureReport => $bindings::CaptureReport);
        $crate::convert_call_verdict!($crate::report::CallVerdict => $bindings::CallVerdict);
        $crate::convert_cause!($crate::report::Cause => $bindings::Cause);
        $crate::convert_count!($crate::report::Count => $bindings::Count);
        $crate::convert_profile_packets!(
            $crate::report::ProfilePackets => $bindings::ProfilePackets
        );
        $crate::convert_finding!($crate::finding::Finding => $bindings::Finding);
        $crate::convert_ladder_entry!($crate::report::LadderEntry => $bindings::LadderEntry);
        $crate::convert_media_quality!($crate::report::MediaQuality => $bindings::MediaQuality);
        $crate::convert_redaction_summary!(
            $crate::redact::RedactionSummary => $bindings::RedactionSummary
        );
    };
}

/// Implements [`Convert`] to the report's records from the types of the same names in `$bindings`,
/// a module of generated bindings that is in scope.
#[macro_export]
macro_rules! report_from_bindings {
    ($bindings:ident) => {
        $crate::convert_capture_report!($bindings::CaptureReport => $crate::report::CaptureReport);
        $crate::convert_call_verdict!($bindings::CallVerdict => $crate::report::CallVerdict);
        $crate::convert_cause!($bindings::Cause => $crate::report::Cause);
        $crate::convert_count!($bindings::Count => $crate::report::Count);
        $crate::convert_profile_packets!(
            $bindings::ProfilePackets => $crate::report::ProfilePackets
        );
        $crate::convert_finding!($bindings::Finding => $crate::finding::Finding);
        $crate::convert_ladder_entry!($bindings::LadderEntry => $crate::report::LadderEntry);
        $crate::convert_media_quality!($bindings::MediaQuality => $crate::report::MediaQuality);
        $crate::convert_redaction_summary!(
            $bindings::RedactionSummary => $crate::redact::RedactionSummary
        );
    };
}
