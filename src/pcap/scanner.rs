//! Walks a capture file that arrives in pieces of any size, record by record to the last byte.

use alloc::vec::Vec;
use core::fmt;

use super::file_header::magic;
use super::{FILE_HEADER_LEN, FileHeader, MAX_CAPTURED_LEN, RECORD_HEADER_LEN, Resolution};

/// Unix time in microseconds at which 1970 ends. Homer dates a row without `timeSeconds` in 1970
/// (recording `export-odd-fields`), when there was no SIP.
pub const YEAR_1971_US: u64 = 31_536_000_000_000;

/// Bytes of a packet that are shown to a visitor, at most: as many as Wireshark accepts in one
/// record (`WTAP_MAX_PACKET_SIZE_STANDARD`). HEP3 caps packets at 65,535 bytes.
pub const MAX_PACKET_BYTES: usize = 262_144;

/// A packet record as it is shown to a visitor.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What the file's header says.
    pub file: FileHeader,
    /// Counted from 1.
    pub number: u64,
    /// Unix time in microseconds, below [`YEAR_1971_US`] if Homer had none.
    pub time_us: u64,
    /// Bytes of captured data in the file.
    pub captured_len: u32,
    /// Bytes that the packet had, by the record's header.
    pub original_len: u32,
    /// The captured data, the first [`MAX_PACKET_BYTES`] bytes of it at most.
    pub data: &'a [u8],
}

impl Record<'_> {
    /// Whether all of the packet is in [`Self::data`].
    pub fn is_whole(&self) -> bool {
        self.data.len() as u64 >= u64::from(self.original_len)
    }
}

/// Looks at a packet record.
pub type Visit<'a> = &'a mut dyn FnMut(&Record<'_>);

/// What a scan has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes seen.
    pub size_bytes: u64,
    /// Packet records begun, the last one perhaps not seen whole yet.
    pub packets: u64,
    /// Packet records dated 1970.
    pub undated_packets: u64,
    /// Earliest time of the other records, Unix time in microseconds.
    pub first_packet_us: Option<u64>,
    /// Latest time of the other records, Unix time in microseconds.
    pub last_packet_us: Option<u64>,
}

/// A part of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The file header.
    FileHeader,
    /// The header of a packet record, counted from 1.
    RecordHeader(u64),
    /// The captured data of a packet record, counted from 1.
    RecordData(u64),
}

/// Why bytes are not a whole capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The first four bytes are no magic number of a capture file.
    NotPcap,
    /// The first four bytes are those of a pcapng file.
    PcapNg,
    /// A capture file of a version other than 2.
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A packet record's header cannot be one: these are other bytes, read as a record.
    Implausible {
        /// Number of the record, counted from 1.
        record: u64,
        /// Where its header begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong with it.
        claim: Claim,
    },
    /// The file ends inside a part.
    Truncated {
        /// The part.
        inside: Part,
        /// Bytes seen in all.
        size: u64,
        /// Bytes missing from the part.
        missing: u32,
    },
}

/// What a packet record's header says that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// So many bytes of captured data: more than [`MAX_CAPTURED_LEN`], or none, where every packet
    /// has a link-layer header.
    CapturedLen(u32),
    /// A fraction of a second that is a second or more, in the file's resolution.
    Fraction(u32),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotPcap => {
                f.write_str("not a capture file: its first four bytes are no magic number of one")
            }
            Self::PcapNg => f.write_str("a pcapng file, where a pcap file was expected"),
            Self::Version { major, minor } => {
                write!(
                    f,
                    "a capture file of version {major}.{minor}, where 2.4 was expected"
                )
            }
            Self::Implausible {
                record,
                offset,
                claim,
            } => {
                write!(
                    f,
                    "damaged: packet record {record} at byte {offset} claims "
                )?;
                match claim {
                    Claim::CapturedLen(len) => {
                        write!(f, "{len} bytes, 1 to {MAX_CAPTURED_LEN} are plausible")
                    }
                    Claim::Fraction(units) => {
                        write!(
                            f,
                            "a fraction of a second of {units} units, more than a second has"
                        )
                    }
                }
            }
            Self::Truncated {
                inside,
                size,
                missing,
            } => {
                write!(f, "cut short: it ends after {size} bytes, ")?;
                match inside {
                    Part::FileHeader => {
                        write!(f, "{missing} bytes before the end of the file header")
                    }
                    Part::RecordHeader(n) => {
                        write!(
                            f,
                            "{missing} bytes before the end of the header of packet record {n}"
                        )
                    }
                    Part::RecordData(n) => {
                        write!(f, "{missing} bytes before the end of packet record {n}")
                    }
                }
            }
        }
    }
}

impl core::error::Error for Malformed {}

/// An incremental scan of one capture file. Holds 24 bytes of it at most, whatever the size of the
/// pieces, and one packet if packets are looked at.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// The beginning of a packet whose data comes in several pieces.
    packet: Vec<u8>,
    /// The part being collected: a header, byte by byte if need be.
    partial: [u8; FILE_HEADER_LEN],
    filled: usize,
    state: State,
    stats: Stats,
}

#[derive(Clone, Copy, Debug)]
enum State {
    FileHeader,
    RecordHeader(FileHeader),
    RecordData {
        header: FileHeader,
        record: RecordHeader,
        remaining: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct RecordHeader {
    time_us: u64,
    captured_len: u32,
    original_len: u32,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Before the first byte.
    pub fn new() -> Self {
        Self {
            packet: Vec::new(),
            partial: [0; FILE_HEADER_LEN],
            filled: 0,
            state: State::FileHeader,
            stats: Stats::default(),
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// As [`Self::scan_packets`].
    pub fn scan(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.scan_packets(bytes, None)
    }

    /// Takes the next bytes of the file, and shows each packet record whose last byte is among them
    /// to `visit`, which is to be given from a packet's first byte on.
    ///
    /// # Errors
    /// Any [`Malformed`] but `Truncated`, as soon as its bytes are there: a wrong magic number
    /// after four. The scan is then over; what further calls return is not specified, only that
    /// they do not panic.
    pub fn scan_packets(
        &mut self,
        mut bytes: &[u8],
        mut visit: Option<Visit<'_>>,
    ) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let taken = match self.state {
                State::FileHeader => {
                    let taken = self.fill(bytes, FILE_HEADER_LEN);
                    // A reply that is no capture file is often shorter than a file header: judge it
                    // by four bytes.
                    let [a, b, c, d, ..] = self.partial;
                    if self.filled >= 4 {
                        magic([a, b, c, d])?;
                    }
                    if self.filled == FILE_HEADER_LEN {
                        self.state = State::RecordHeader(FileHeader::parse(&self.partial)?);
                        self.filled = 0;
                    }
                    taken
                }
                State::RecordHeader(header) => {
                    let taken = self.fill(bytes, RECORD_HEADER_LEN);
                    if self.filled == RECORD_HEADER_LEN {
                        let offset =
                            self.stats.size_bytes + taken as u64 - RECORD_HEADER_LEN as u64;
                        let record = self.record(header, offset)?;
                        self.filled = 0;
                        self.state = State::RecordData {
                            header,
                            record,
                            remaining: record.captured_len,
                        };
                    }
                    taken
                }
                State::RecordData {
                    header,
                    record,
                    remaining,
                } => {
                    let available = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    let taken = remaining.min(available);
                    let ends = taken == remaining;
                    if let Some(visit) = &mut visit {
                        self.show(header, record, &bytes[..taken as usize], ends, visit);
                    }
                    self.state = match ends {
                        true => State::RecordHeader(header),
                        false => State::RecordData {
                            header,
                            record,
                            remaining: remaining - taken,
                        },
                    };
                    taken as usize
                }
            };
            self.stats.size_bytes += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// The end of the file: what it holds.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] unless the last byte was the last of a packet record, or of the
    /// file header.
    pub fn finish(&self) -> Result<Stats, Malformed> {
        let (inside, missing) = match self.state {
            State::RecordHeader(_) if self.filled == 0 => return Ok(self.stats),
            State::FileHeader => (Part::FileHeader, FILE_HEADER_LEN - self.filled),
            State::RecordHeader(_) => (
                Part::RecordHeader(self.stats.packets + 1),
                RECORD_HEADER_LEN - self.filled,
            ),
            State::RecordData { remaining, .. } => {
                (Part::RecordData(self.stats.packets), remaining as usize)
            }
        };
        Err(Malformed::Truncated {
            inside,
            size: self.stats.size_bytes,
            missing: missing as u32,
        })
    }

    /// What has been counted so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether the file header is past and the first packet record has begun: the file is not
    /// empty.
    pub fn has_packets(&self) -> bool {
        self.stats.size_bytes > FILE_HEADER_LEN as u64
    }

    /// Shows a packet that `data` completes, or keeps the beginning of one that it does not.
    fn show(
        &mut self,
        file: FileHeader,
        header: RecordHeader,
        data: &[u8],
        ends: bool,
        visit: &mut Visit<'_>,
    ) {
        let RecordHeader {
            time_us,
            captured_len,
            original_len,
        } = header;
        let number = self.stats.packets;
        let room = MAX_PACKET_BYTES.saturating_sub(self.packet.len());
        let data = &data[..data.len().min(room)];
        if ends && self.packet.is_empty() {
            return visit(&Record {
                file,
                number,
                time_us,
                captured_len,
                original_len,
                data,
            });
        }
        self.packet.extend_from_slice(data);
        if ends {
            visit(&Record {
                file,
                number,
                time_us,
                captured_len,
                original_len,
                data: &self.packet,
            });
            self.packet.clear();
        }
    }

    /// Copies bytes until `self.partial` holds `want`; returns how many.
    fn fill(&mut self, bytes: &[u8], want: usize) -> usize {
        if let (0, RECORD_HEADER_LEN, Some(whole)) =
            (self.filled, want, bytes.first_chunk::<RECORD_HEADER_LEN>())
        {
            // Nearly every time. A copy of a known length needs no call.
            self.partial[..RECORD_HEADER_LEN].copy_from_slice(whole);
            self.filled = want;
            return want;
        }
        let taken = bytes.len().min(want - self.filled);
        self.partial[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        taken
    }

    /// Counts the record whose header has been collected.
    fn record(&mut self, header: FileHeader, offset: u64) -> Result<RecordHeader, Malformed> {
        let [
            s0,
            s1,
            s2,
            s3,
            f0,
            f1,
            f2,
            f3,
            c0,
            c1,
            c2,
            c3,
            o0,
            o1,
            o2,
            o3,
            ..,
        ] = self.partial;
        let order = header.byte_order;
        // The original length is not compared: the draft lets it be smaller than the captured
        // length.
        let captured_len = order.u32([c0, c1, c2, c3]);
        let implausible = |claim| Malformed::Implausible {
            record: self.stats.packets + 1,
            offset,
            claim,
        };
        if !(1..=MAX_CAPTURED_LEN).contains(&captured_len) {
            return Err(implausible(Claim::CapturedLen(captured_len)));
        }
        let fraction = order.u32([f0, f1, f2, f3]);
        let units_per_us = match header.resolution {
            Resolution::Microseconds => 1,
            Resolution::Nanoseconds => 1000,
        };
        if fraction >= 1_000_000 * units_per_us {
            return Err(implausible(Claim::Fraction(fraction)));
        }
        let time_us =
            u64::from(order.u32([s0, s1, s2, s3])) * 1_000_000 + u64::from(fraction / units_per_us);

        let stats = &mut self.stats;
        stats.packets += 1;
        if time_us < YEAR_1971_US {
            stats.undated_packets += 1;
        } else {
            stats.first_packet_us = Some(
                stats
                    .first_packet_us
                    .map_or(time_us, |first| first.min(time_us)),
            );
            stats.last_packet_us = Some(
                stats
                    .last_packet_us
                    .map_or(time_us, |last| last.max(time_us)),
            );
        }
        Ok(RecordHeader {
            time_us,
            captured_len,
            original_len: order.u32([o0, o1, o2, o3]),
        })
    }
}
