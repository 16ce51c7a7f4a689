//! Why bytes are not a complete capture file.

use core::fmt;

use super::MAX_CAPTURED_LEN;

/// Why bytes are not a complete capture file.
///
/// The text completes a sentence that begins "the capture is": `cut short: …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first four bytes are not the magic number of a capture file.
    NotPcap,
    /// The first four bytes are those of a pcapng file.
    PcapNg,
    /// The file has a major version other than 2.
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A packet record's header has an impossible value, so that these bytes are something else.
    Implausible {
        /// Number of the packet record, counted from 1.
        record: u64,
        /// Offset of its header in bytes from the start of the file.
        offset: u64,
        /// The impossible value.
        field: InvalidField,
    },
    /// The file ends in the middle of a section.
    Truncated {
        /// The section.
        section: Section,
        /// Bytes in the file.
        size: u64,
        /// Bytes that are missing from the section.
        missing: u32,
    },
}

/// A field of a packet record's header with an impossible value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidField {
    /// The captured length in bytes. It is above [`MAX_CAPTURED_LEN`], or 0, although every packet
    /// has at least a link-layer header.
    CapturedLen(u32),
    /// The fraction of a second, in the file's resolution. It is a second or more.
    Fraction(u32),
}

/// A section of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The file header.
    FileHeader,
    /// The header of the packet record with this number, counted from 1.
    RecordHeader(u64),
    /// The captured data of the packet record with this number, counted from 1.
    RecordData(u64),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotPcap => {
                f.write_str("not a pcap file: its first four bytes are not a pcap magic number")
            }
            Self::PcapNg => f.write_str("a pcapng file; expected a pcap file"),
            Self::Version { major, minor } => {
                write!(f, "a pcap file of version {major}.{minor}; expected 2.4")
            }
            Self::Implausible {
                record,
                offset,
                field,
            } => {
                write!(f, "damaged: packet record {record} at byte {offset} has ")?;
                field.fmt(f)
            }
            Self::Truncated {
                section,
                size,
                missing,
            } => {
                let unit = if missing == 1 { "byte" } else { "bytes" };
                write!(
                    f,
                    "cut short: it ends after {size} bytes, {missing} {unit} before the end of "
                )?;
                section.fmt(f)
            }
        }
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CapturedLen(len) => write!(
                f,
                "a captured length of {len} bytes; expected 1 to {MAX_CAPTURED_LEN}"
            ),
            Self::Fraction(units) => write!(
                f,
                "a fraction of a second of {units} units, which is a second or more"
            ),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FileHeader => f.write_str("the file header"),
            Self::RecordHeader(n) => write!(f, "the header of packet record {n}"),
            Self::RecordData(n) => write!(f, "packet record {n}"),
        }
    }
}

impl core::error::Error for Error {}
