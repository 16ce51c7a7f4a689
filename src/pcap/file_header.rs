//! The 24 bytes before the first packet record (draft-ietf-opsawg-pcap §4).

use super::{Error, FILE_HEADER_LEN};

/// The byte order of all numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first. Homer writes this.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// Reads a 32-bit number.
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

/// The unit of the fraction of a second in a packet record's timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Magic number `a1b2c3d4`. Homer writes this.
    Microseconds,
    /// Magic number `a1b23c4d`.
    Nanoseconds,
}

/// The content of the file header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Byte order of all numbers in the file.
    pub byte_order: ByteOrder,
    /// Resolution of all timestamps in the file.
    pub resolution: Resolution,
    /// Largest number of bytes kept of each packet. Homer writes 65,536 and exceeds it.
    pub snaplen: u32,
    /// Type of the link-layer header in front of each packet: 1 for Ethernet.
    pub link_type: u16,
}

impl FileHeader {
    /// Whether a packet record means the same in a file with this header as in one with the other.
    pub fn has_equal_records(&self, other: &Self) -> bool {
        let format = |header: &Self| (header.byte_order, header.resolution, header.link_type);
        format(self) == format(other)
    }

    /// Checks the first four bytes of a file.
    ///
    /// # Errors
    /// Returns [`Error::NotPcap`] or [`Error::PcapNg`].
    pub(crate) fn check_magic(bytes: [u8; 4]) -> Result<(), Error> {
        magic(bytes).map(drop)
    }

    /// Parses a file header.
    ///
    /// # Errors
    /// Returns [`Error::NotPcap`] or [`Error::PcapNg`] by the first four bytes, and
    /// [`Error::Version`] unless the major version is 2.
    pub fn parse(bytes: &[u8; FILE_HEADER_LEN]) -> Result<Self, Error> {
        // Magic number, major and minor version, 8 unused bytes, snaplen, link type.
        let [a, b, c, d, v0, v1, v2, v3, ..] = *bytes;
        let (byte_order, resolution) = magic([a, b, c, d])?;
        let major = byte_order.u16([v0, v1]);
        // The minor version is 4 in every known file, and the draft tells readers not to check it.
        if major != 2 {
            return Err(Error::Version {
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
            // The upper 16 bits of the field say how long the frame check sequences are.
            link_type: (word(20) & 0xffff) as u16,
        })
    }
}

/// Whether a file that begins with these bytes may be a pcap file. `None` if they are too few to
/// tell.
///
/// # Examples
/// ```
/// use homer_export::pcap::begins_like_pcap;
///
/// assert_eq!(begins_like_pcap(b"\xd4\xc3\xb2\xa1\x02\0"), Some(true));
/// assert_eq!(begins_like_pcap(b"\xd4\xc3"), None);
/// assert_eq!(begins_like_pcap(b"{}"), Some(false));
/// ```
pub fn begins_like_pcap(bytes: &[u8]) -> Option<bool> {
    match bytes.first_chunk() {
        Some(first) => Some(magic(*first).is_ok()),
        None if MAGIC.iter().any(|magic| magic.starts_with(bytes)) => None,
        None => Some(false),
    }
}

/// The magic numbers, as [`magic`] reads them.
const MAGIC: [[u8; 4]; 4] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
];

/// Byte order and resolution of a file, by its first four bytes.
pub(super) fn magic(bytes: [u8; 4]) -> Result<(ByteOrder, Resolution), Error> {
    // In the order of the file: `a1 b2 …` is big-endian. The draft's section on byte order says the
    // opposite; the definition of the field and all other programs agree on this.
    let [big_us, little_us, big_ns, little_ns] = MAGIC;
    match bytes {
        magic if magic == big_us => Ok((ByteOrder::Big, Resolution::Microseconds)),
        magic if magic == little_us => Ok((ByteOrder::Little, Resolution::Microseconds)),
        magic if magic == big_ns => Ok((ByteOrder::Big, Resolution::Nanoseconds)),
        magic if magic == little_ns => Ok((ByteOrder::Little, Resolution::Nanoseconds)),
        // The type of the section header block, with which every pcapng file begins.
        [0x0a, 0x0d, 0x0d, 0x0a] => Err(Error::PcapNg),
        _ => Err(Error::NotPcap),
    }
}
