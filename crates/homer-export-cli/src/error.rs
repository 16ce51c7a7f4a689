//! Why the program ends without a result.

use homer_export::ExportError;
use homer_host::Failure;

use crate::output::OutputError;

/// Why the program ends without a result.
#[derive(Debug)]
pub(crate) enum Error {
    /// The export or the search failed.
    Export(Failure),
    /// Homer captured nothing of the call, and its search found what may be meant.
    Suggestion {
        failure: Failure,
        /// The command that exports it.
        command: String,
    },
    /// The search found no call. The result was printed.
    NoCalls,
    /// The command line asks for something that this program does not do.
    Usage(String),
    /// Anything else.
    Other(String),
}

impl Error {
    /// 2 for usage and `invalid-request`, 3 to 11 for the other cases of the contract in their
    /// order, and 1 for anything else. Scripts depend on these numbers.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Export(Failure::Export(error))
            | Self::Suggestion {
                failure: Failure::Export(error),
                ..
            } => error.exit_code(),
            // As an export that finds nothing.
            Self::NoCalls => ExportError::nothing_captured("").exit_code(),
            Self::Usage(_) => 2,
            _ => 1,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Export(failure) => failure.fmt(f),
            Self::Suggestion { failure, command } => {
                write!(f, "{failure}\n\nTo export what Homer has:\n  {command}")
            }
            Self::NoCalls => f.write_str("no call was found"),
            Self::Usage(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Export(failure)
    }
}

impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        Self::Export(Failure::Export(error))
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Usage(why) => Self::Usage(why),
            OutputError::System(why) => Self::Other(why),
        }
    }
}
