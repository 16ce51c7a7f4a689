//! Capture files (draft-ietf-opsawg-pcap), scanned record by record without holding the file.
//!
//! Not handled: pcapng, which no Homer sends. It is recognized, and has its own error.

mod error;
mod file_header;
mod record_header;
mod scanner;

pub use error::{Error, InvalidField, Section};
pub use file_header::{ByteOrder, FileHeader, Resolution, begins_like_pcap};
pub use record_header::RecordHeader;
pub use scanner::{MAX_PACKET_BYTES, OnPacket, Record, Scanner, Stats, YEAR_1971_US};

/// Length of the file header in bytes.
pub const FILE_HEADER_LEN: usize = 24;

/// Length of a packet record's header in bytes.
pub const RECORD_HEADER_LEN: usize = 16;

/// Largest captured length that is accepted, in bytes, inclusive. Homer writes records above its
/// own snaplen of 65,536 (docs/homer.md §6, long messages), while capture agents send at most
/// 65,535 bytes. A larger number means that other bytes were read as a record header.
pub const MAX_CAPTURED_LEN: u32 = 16 * 1024 * 1024;
