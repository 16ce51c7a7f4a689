//! Why an export failed: `homer:capture/types.export-error`.

mod suggestion;

use alloc::string::String;
use core::fmt;

pub use suggestion::Suggestion;

/// Defines [`ExportError`] from one row per case, with the case's name in the WIT and the exit code
/// of the command line, and the macros that convert it to and from generated bindings. A case of
/// the first list has a text alone; one of the second list is a record in the WIT. The first token
/// is a `$`, which a macro cannot write into a macro that it defines.
macro_rules! export_errors {
    (
        $dollar:tt
        $($(#[$text_meta:meta])* $text:ident = $text_name:literal, $text_exit:literal;)*
        ---
        $(
            $(#[$meta:meta])*
            $case:ident as $record:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }
            = $name:literal, $exit:literal;
        )*
    ) => {
        /// Why an export failed.
        ///
        /// Every text says what happened, who refused, and what to change. No text contains a
        /// credential or anything from a captured message.
        ///
        /// # Examples
        /// ```
        /// use homer_export::{CallId, ExportError};
        ///
        /// let error = CallId::parse("").unwrap_err();
        /// assert!(matches!(error, ExportError::InvalidRequest(_)));
        /// assert_eq!((error.case(), error.exit_code()), ("invalid-request", 2));
        /// ```
        // Not `#[non_exhaustive]`: a host should decide what to do in each case.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ExportError {
            $($(#[$text_meta])* $text(String),)*
            $(
                $(#[$meta])*
                $case {
                    $($(#[$field_meta])* $field: $type,)*
                    /// What happened and what to change.
                    message: String,
                },
            )*
        }

        impl ExportError {
            /// The name of the case in the WIT, for instance `nothing-captured`.
            pub fn case(&self) -> &'static str {
                match self {
                    $(Self::$text(_) => $text_name,)*
                    $(Self::$case { .. } => $name,)*
                }
            }

            // Codes 0 and 1 are success and other errors of the command line itself. Codes never
            // change, because scripts compare them.
            /// The exit code of the command line.
            pub fn exit_code(&self) -> u8 {
                match self {
                    $(Self::$text(_) => $text_exit,)*
                    $(Self::$case { .. } => $exit,)*
                }
            }

            /// The text without the name of the case.
            pub fn message(&self) -> &str {
                match self {
                    $(Self::$text(text) => text,)*
                    $(Self::$case { message, .. } => message,)*
                }
            }

            /// The text, for changes.
            pub fn message_mut(&mut self) -> &mut String {
                match self {
                    $(Self::$text(text) => text,)*
                    $(Self::$case { message, .. } => message,)*
                }
            }
        }

        impl crate::record::Texts for ExportError {
            fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
                match self {
                    $(Self::$text(text) => change(text),)*
                    $(
                        Self::$case { $($field,)* message } => {
                            $(crate::record::Texts::each_text($field, change);)*
                            change(message);
                        }
                    )*
                }
            }
        }

        /// Implements [`Convert`](crate::record::Convert) from [`ExportError`] to the variant of
        /// the same name in `$bindings`, a module of generated bindings that is in scope.
        #[macro_export]
        macro_rules! error_to_bindings {
            ($dollar bindings:ident) => {
                $crate::convert_suggestion!(
                    $crate::error::Suggestion => $dollar bindings::Suggestion
                );
                impl $crate::record::Convert<$dollar bindings::ExportError>
                    for $crate::ExportError
                {
                    fn convert(self) -> $dollar bindings::ExportError {
                        match self {
                            $(Self::$text(text) => $dollar bindings::ExportError::$text(text),)*
                            $(
                                Self::$case { $($field,)* message } => {
                                    $dollar bindings::ExportError::$case(
                                        $dollar bindings::$record {
                                            $($field: $crate::record::Convert::convert($field),)*
                                            message,
                                        },
                                    )
                                }
                            )*
                        }
                    }
                }
            };
        }

        /// Implements [`Convert`](crate::record::Convert) to [`ExportError`] from the variant of
        /// the same name in `$bindings`, a module of generated bindings that is in scope.
        #[macro_export]
        macro_rules! error_from_bindings {
            ($dollar bindings:ident) => {
                $crate::convert_suggestion!(
                    $dollar bindings::Suggestion => $crate::error::Suggestion
                );
                impl $crate::record::Convert<$crate::ExportError>
                    for $dollar bindings::ExportError
                {
                    fn convert(self) -> $crate::ExportError {
                        match self {
                            $(Self::$text(text) => $crate::ExportError::$text(text),)*
                            $(
                                Self::$case($dollar bindings::$record { $($field,)* message }) => {
                                    $crate::ExportError::$case {
                                        $($field: $crate::record::Convert::convert($field),)*
                                        message,
                                    }
                                }
                            )*
                        }
                    }
                }
            };
        }
    };
}

export_errors! { $
    /// The caller's Call-ID, window or filter is invalid.
    InvalidRequest = "invalid-request", 2;
    /// The operator's configuration is incomplete or invalid.
    Misconfigured = "misconfigured", 3;
    /// The policy of the host forbids the outbound request.
    Denied = "denied", 4;
    /// Homer, or a proxy in front of it, refused the credential, or wants one that is not
    /// configured.
    Unauthorized = "unauthorized", 5;
    /// No connection to Homer could be made: name resolution, TCP or TLS failed.
    Unreachable = "unreachable", 6;
    /// Homer was reached but did not respond in time, or a proxy in front of it stopped waiting.
    TimedOut = "timed-out", 7;
    /// The response was cut off, or is not a complete capture file.
    InvalidResponse = "invalid-response", 10;
    ---
    /// Homer returned an empty capture. Either it has nothing for this call and window, or it
    /// cannot reach its own database: its response is the same.
    NothingCaptured as EmptyCapture {
        /// What to export instead, if Homer's search found it.
        suggestion: Option<Suggestion>,
    } = "nothing-captured", 8;
    /// Homer, or a proxy in front of it, rejected the request.
    Rejected as Rejection {
        /// The HTTP status code, outside of 2xx.
        status: u16,
    } = "rejected", 9;
    /// The capture exceeds a size limit.
    TooLarge as SizeLimit {
        /// The limit in bytes, inclusive.
        limit: u64,
        /// Bytes received before the export was stopped: more than the limit, but not necessarily
        /// the whole capture.
        seen: u64,
    } = "too-large", 11;
}

impl ExportError {
    /// The error of an empty capture, without a suggestion.
    pub fn nothing_captured(message: impl Into<String>) -> Self {
        Self::NothingCaptured {
            suggestion: None,
            message: message.into(),
        }
    }

    /// What to export instead, if the error has a suggestion.
    pub fn suggestion(&self) -> Option<&Suggestion> {
        match self {
            Self::NothingCaptured { suggestion, .. } => suggestion.as_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The case comes first, so that scripts and models need not understand the sentence.
        write!(f, "{}: {}", self.case(), self.message())
    }
}

impl core::error::Error for ExportError {}
