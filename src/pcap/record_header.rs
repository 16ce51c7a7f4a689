//! The 16 bytes before the data of a packet (draft-ietf-opsawg-pcap §5).

use super::{FileHeader, InvalidField, MAX_CAPTURED_LEN, RECORD_HEADER_LEN, Resolution};

/// The content of a packet record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Capture time, Unix time in microseconds.
    pub time_us: u64,
    /// Bytes of captured data that follow in the file: 1 to [`MAX_CAPTURED_LEN`].
    pub captured_len: u32,
    /// Bytes that the packet had when it was captured.
    pub original_len: u32,
}

impl RecordHeader {
    /// Parses a record header in a file with the header `file`.
    ///
    /// # Errors
    /// The field that cannot be right: a captured length of 0 or above [`MAX_CAPTURED_LEN`], or a
    /// fraction of a second or more.
    pub fn parse(file: FileHeader, header: &[u8; RECORD_HEADER_LEN]) -> Result<Self, InvalidField> {
        let [
            s0,
            s1,
            s2,
            s3, //
            f0,
            f1,
            f2,
            f3, //
            c0,
            c1,
            c2,
            c3, //
            o0,
            o1,
            o2,
            o3,
        ] = *header;
        let word = |bytes| file.byte_order.u32(bytes);
        // The original length is not checked: the draft allows it to be smaller than the captured
        // length.
        let (seconds, fraction) = (word([s0, s1, s2, s3]), word([f0, f1, f2, f3]));
        let (captured_len, original_len) = (word([c0, c1, c2, c3]), word([o0, o1, o2, o3]));
        // Zero is what padding after a capture looks like. Text is far too large: HOMER 11 may
        // append `{"error":{"title":…`, whose `:{"t` is 1,948,416,826.
        if !(1..=MAX_CAPTURED_LEN).contains(&captured_len) {
            return Err(InvalidField::CapturedLen(captured_len));
        }
        // Every report is in microseconds; nanoseconds are cut off.
        let units_per_us = match file.resolution {
            Resolution::Microseconds => 1,
            Resolution::Nanoseconds => 1000,
        };
        if fraction >= 1_000_000 * units_per_us {
            return Err(InvalidField::Fraction(fraction));
        }
        Ok(Self {
            time_us: u64::from(seconds) * 1_000_000 + u64::from(fraction / units_per_us),
            captured_len,
            original_len,
        })
    }
}
