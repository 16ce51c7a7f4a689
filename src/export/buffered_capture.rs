//! A complete capture in memory: [`BufferedCapture`].

use alloc::string::String;
use alloc::vec::Vec;

use crate::report::CaptureReport;

/// A complete capture.
#[derive(Debug)]
pub struct BufferedCapture {
    /// The bytes, in chunks as they arrived. `None` if the capture is larger than the buffer limit.
    pub chunks: Option<Vec<Vec<u8>>>,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What the capture contains.
    pub report: CaptureReport,
}
