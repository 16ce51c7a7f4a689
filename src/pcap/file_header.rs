//! The 24 bytes before the first packet record (draft-ietf-opsawg-pcap §4).

use super::{FILE_HEADER_LEN, Malformed};

/// Which end of a number comes first, in a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first: what Homer writes.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// The number in four bytes.
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// The unit of the fraction in a packet record's timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Magic number `a1b2c3d4`: what Homer writes.
    Microseconds,
    /// Magic number `a1b23c4d`.
    Nanoseconds,
}

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Of all numbers in the file.
    pub byte_order: ByteOrder,
    /// Of all timestamps in the file.
    pub resolution: Resolution,
    /// Bytes kept of each packet, at most; Homer writes 65,536 and exceeds it.
    pub snaplen: u32,
    /// What a packet begins with: 1 for Ethernet. Only the lower 16 bits of the field are the link
    /// type.
    pub link_type: u16,
}

impl FileHeader {
    /// Reads a file header. The magic number's bytes in the order of the file tell the byte order:
    /// `a1 b2 …` is big-endian.
    ///
    /// # Errors
    /// [`Malformed::NotPcap`], [`Malformed::PcapNg`] by the first four bytes;
    /// [`Malformed::Version`] unless the major version is 2.
    pub fn parse(bytes: &[u8; FILE_HEADER_LEN]) -> Result<Self, Malformed> {
        let [a, b, c, d, v0, v1, v2, v3, ..] = *bytes;
        let (byte_order, resolution) = magic([a, b, c, d])?;
        let major = byte_order.u16([v0, v1]);
        if major != 2 {
            return Err(Malformed::Version {
                major,
                minor: byte_order.u16([v2, v3]),
            });
        }
        let word =
            |at: usize| byte_order.u32([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Self {
            byte_order,
            resolution,
            snaplen: word(16),
            link_type: (word(20) & 0xffff) as u16,
        })
    }
}

/// What the first four bytes of a file say of the rest.
pub(super) fn magic(bytes: [u8; 4]) -> Result<(ByteOrder, Resolution), Malformed> {
    match bytes {
        [0xa1, 0xb2, 0xc3, 0xd4] => Ok((ByteOrder::Big, Resolution::Microseconds)),
        [0xd4, 0xc3, 0xb2, 0xa1] => Ok((ByteOrder::Little, Resolution::Microseconds)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Ok((ByteOrder::Big, Resolution::Nanoseconds)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Ok((ByteOrder::Little, Resolution::Nanoseconds)),
        // The section header block that a pcapng file begins with.
        [0x0a, 0x0d, 0x0d, 0x0a] => Err(Malformed::PcapNg),
        _ => Err(Malformed::NotPcap),
    }
}
