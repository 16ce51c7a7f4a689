//! The capture file (draft-ietf-opsawg-pcap): its header and its packet records, scanned without
//! being held.
//!
//! Not handled: pcapng, which no Homer sends; it is told apart from anything else that is no
//! capture file.

mod file_header;
mod scanner;

pub use file_header::{ByteOrder, FileHeader, Resolution};
pub use scanner::{
    Claim, MAX_PACKET_BYTES, Malformed, Part, Record, Scanner, Stats, Visit, YEAR_1971_US,
};

/// Length of the file header in bytes.
pub const FILE_HEADER_LEN: usize = 24;

/// Length of a packet record's header in bytes.
pub const RECORD_HEADER_LEN: usize = 16;

/// Longest packet record accepted, in bytes of captured data, inclusive. Homer writes records above
/// its own snaplen of 65,536 (recordings `export-big-message-*`, up to 262,144 bytes of payload);
/// agents send at most 65,535. A length above this is no packet but other bytes read as one.
pub const MAX_CAPTURED_LEN: u32 = 16 * 1024 * 1024;
pub use scanner::Malformed as Error;
