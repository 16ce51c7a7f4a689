//! Why there is no capture.

use std::fmt;

use homer_export::ExportError;
use homer_export::record::Convert as _;

use crate::convert::printable;
use crate::sandbox::{LimitExceeded, types};

/// Why there is no capture, or no result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error of the contract.
    Export(ExportError),
    /// The component exceeded a limit of the sandbox. Ours does not do so in normal use.
    Limit(LimitExceeded),
    /// The component trapped. This is a bug of the component.
    Trap(String),
    /// The embedding program called [`crate::Export`] in the wrong order. This is a bug of that
    /// program.
    Misuse(&'static str),
}

impl Failure {
    /// [`crate::Export::next`] or [`crate::Export::finish`] was called after a failure.
    pub(crate) const OVER: Self =
        Self::Misuse("the export is over: an earlier call failed or was dropped");

    /// [`crate::Export::finish`] was called too early.
    pub(crate) const NOT_READ: Self = Self::Misuse("finish was called before next returned None");

    /// A [`crate::CaptureReader`] was used after a failure.
    pub(crate) const READER_OVER: Self =
        Self::Misuse("the reader is over: an earlier call failed or was dropped");

    /// An error that the component returned.
    pub(crate) fn of_component(error: types::ExportError) -> Self {
        Self::Export(printable(error.convert()))
    }

    pub(crate) fn of_sandbox(error: &wasmtime::Error) -> Self {
        match error.downcast_ref::<LimitExceeded>() {
            Some(limit) => Self::Limit(*limit),
            None => Self::Trap(error.root_cause().to_string()),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(error) => error.fmt(f),
            Self::Limit(limit) => write!(f, "stopped by the sandbox: {limit}"),
            Self::Trap(why) => {
                write!(
                    f,
                    "the component failed; this is a bug in homer-export: {why}"
                )
            }
            Self::Misuse(why) => write!(f, "homer_host was used in the wrong order: {why}"),
        }
    }
}

impl std::error::Error for Failure {}
