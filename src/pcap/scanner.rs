//! Scans a capture file that arrives in chunks of any size, to its last byte
//! (draft-ietf-opsawg-pcap §5).

use alloc::vec::Vec;

use super::file_header::magic;
use super::{Error, FILE_HEADER_LEN, FileHeader, RECORD_HEADER_LEN, RecordHeader, Section};

/// The start of 1971 in Unix time, in microseconds. Homer dates a row without `timeSeconds` in 1970
/// (docs/homer.md §6, recording `v1_5_10-odd-fields`), long before the first SIP message.
pub const YEAR_1971_US: u64 = 31_536_000_000_000;

/// Most bytes of one packet that are passed to a callback. Wireshark accepts as many in one record
/// (`WTAP_MAX_PACKET_SIZE_STANDARD`), and HEP3 limits a packet to 65,535 bytes.
pub const MAX_PACKET_BYTES: usize = 262_144;

/// A packet record, as passed to a callback.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The file's header.
    pub file: FileHeader,
    /// Number of the packet record, counted from 1.
    pub number: u64,
    /// Capture time, Unix time in microseconds; below [`YEAR_1971_US`] if Homer had none.
    pub time_us: u64,
    /// Bytes of captured data in the file.
    pub captured_len: u32,
    /// Bytes that the packet had when it was captured, by the record's header.
    pub original_len: u32,
    /// The captured data, but no more than its first [`MAX_PACKET_BYTES`] bytes.
    pub data: &'a [u8],
}

impl Record<'_> {
    /// Whether [`Self::data`] is the whole packet.
    pub fn is_whole(&self) -> bool {
        self.data.len() as u64 >= u64::from(self.original_len)
    }
}

/// A callback that gets each packet record. A callback and not an iterator, since a record borrows
/// bytes that are gone with the next chunk of the file.
pub type OnPacket<'a> = &'a mut dyn FnMut(&Record<'_>);

/// The counts of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes scanned.
    pub size_bytes: u64,
    /// Packet records whose header is complete; the data of the last one may still be missing.
    pub packets: u64,
    /// Packet records dated 1970.
    pub undated_packets: u64,
    /// Earliest capture time of all packets not dated 1970, Unix time in microseconds.
    pub first_packet_us: Option<u64>,
    /// Latest capture time of all packets not dated 1970, Unix time in microseconds.
    pub last_packet_us: Option<u64>,
}

/// An incremental scan of one capture file.
///
/// It holds at most 24 bytes, whatever the size of the chunks, and one packet if a callback wants
/// the packets.
///
/// # Examples
/// ```
/// use homer_export::pcap::{Error, Scanner, Section};
///
/// // A little-endian file header, and the first three bytes of a record header.
/// let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
/// file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
/// file.extend([1, 2, 3]);
///
/// let mut scanner = Scanner::new();
/// for chunk in file.chunks(10) {
///     scanner.scan(chunk)?;
/// }
/// let error = scanner.finish().unwrap_err();
/// let section = Section::RecordHeader(1);
/// assert_eq!(error, Error::Truncated { section, size: 27, missing: 13 });
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scanner {
    /// The start of a packet whose data arrives in several chunks.
    packet: Vec<u8>,
    /// The header that is being collected, byte by byte if need be.
    partial: [u8; FILE_HEADER_LEN],
    /// Bytes in `partial`.
    filled: usize,
    state: State,
    stats: Stats,
}

/// The section that the next byte belongs to.
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

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Creates a scanner for a file of which no byte has arrived.
    pub fn new() -> Self {
        Self {
            packet: Vec::new(),
            partial: [0; FILE_HEADER_LEN],
            filled: 0,
            state: State::FileHeader,
            stats: Stats::default(),
        }
    }

    /// Scans the next bytes of the file.
    ///
    /// # Errors
    /// As [`Self::scan_packets`].
    pub fn scan(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.scan_packets(bytes, None)
    }

    /// Scans the next bytes of the file, and passes each packet record that they complete to
    /// `on_packet`. A callback must be given in every call or in none.
    ///
    /// # Errors
    /// Returns any [`Error`] except `Truncated`, as soon as the bytes that show it have arrived: a
    /// wrong magic number after four bytes. The scan is then over. Further calls do not panic, but
    /// their results mean nothing.
    pub fn scan_packets(
        &mut self,
        mut bytes: &[u8],
        mut on_packet: Option<OnPacket<'_>>,
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            let taken = match self.state {
                State::FileHeader => self.file_header(bytes)?,
                State::RecordHeader(header) => self.record_header(header, bytes)?,
                State::RecordData {
                    header,
                    record,
                    remaining,
                } => {
                    // A chunk may be longer than 4 GiB, a packet may not.
                    let available = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    let taken = remaining.min(available);
                    let is_last = taken == remaining;
                    if let Some(on_packet) = &mut on_packet {
                        let data = &bytes[..taken as usize];
                        self.pass(header, record, data, is_last, on_packet);
                    }
                    // The data is not copied: only its length matters without a callback.
                    self.state = match is_last {
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

    /// Ends the scan and returns its counts.
    ///
    /// # Errors
    /// Returns [`Error::Truncated`] unless the last byte ended the file header or a packet record.
    pub fn finish(&self) -> Result<Stats, Error> {
        let (section, missing) = match self.state {
            // Between two records, the only place where a file may end. A file header alone is a
            // complete file: it is how Homer says that it has nothing (docs/homer.md §1).
            State::RecordHeader(_) if self.filled == 0 => return Ok(self.stats),
            State::FileHeader => (Section::FileHeader, FILE_HEADER_LEN - self.filled),
            State::RecordHeader(_) => (
                Section::RecordHeader(self.stats.packets + 1),
                RECORD_HEADER_LEN - self.filled,
            ),
            State::RecordData { remaining, .. } => {
                (Section::RecordData(self.stats.packets), remaining as usize)
            }
        };
        Err(Error::Truncated {
            section,
            size: self.stats.size_bytes,
            missing: missing as u32,
        })
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether the first packet record has begun: whether the capture is not empty.
    pub fn has_packets(&self) -> bool {
        self.stats.size_bytes > FILE_HEADER_LEN as u64
    }

    /// Collects the file header; returns the number of bytes taken.
    fn file_header(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let taken = self.fill(bytes, FILE_HEADER_LEN);
        // A response that is not a capture file, such as `{}`, is often shorter than a file header.
        // Four bytes are enough to recognize it.
        let [a, b, c, d, ..] = self.partial;
        if self.filled >= 4 {
            magic([a, b, c, d])?;
        }
        // The version is only known now.
        if self.filled == FILE_HEADER_LEN {
            self.state = State::RecordHeader(FileHeader::parse(&self.partial)?);
            self.filled = 0;
        }
        Ok(taken)
    }

    /// Collects a packet record's header; returns the number of bytes taken.
    fn record_header(&mut self, header: FileHeader, bytes: &[u8]) -> Result<usize, Error> {
        let taken = self.fill(bytes, RECORD_HEADER_LEN);
        if self.filled == RECORD_HEADER_LEN {
            // `size_bytes` does not count this chunk yet.
            let offset = self.stats.size_bytes + taken as u64 - RECORD_HEADER_LEN as u64;
            let record = self.parse_record_header(header, offset)?;
            self.count(record.time_us);
            self.filled = 0;
            self.state = State::RecordData {
                header,
                record,
                remaining: record.captured_len,
            };
        }
        Ok(taken)
    }

    /// Passes on the packet that `data` ends, or keeps `data` until the rest arrives.
    fn pass(
        &mut self,
        file: FileHeader,
        header: RecordHeader,
        data: &[u8],
        is_last: bool,
        on_packet: &mut OnPacket<'_>,
    ) {
        let room = MAX_PACKET_BYTES.saturating_sub(self.packet.len());
        let data = &data[..data.len().min(room)];
        let number = self.stats.packets;
        let record = |data| Record {
            file,
            number,
            time_us: header.time_us,
            captured_len: header.captured_len,
            original_len: header.original_len,
            data,
        };
        // Most packets lie in one chunk and are passed on without a copy.
        if is_last && self.packet.is_empty() {
            return on_packet(&record(data));
        }
        self.packet.extend_from_slice(data);
        if is_last {
            on_packet(&record(&self.packet));
            self.packet.clear();
        }
    }

    /// Copies bytes until `self.partial` holds `want` of them; returns the number copied.
    fn fill(&mut self, bytes: &[u8], want: usize) -> usize {
        // The usual case on its own: a copy of constant length is inlined, which shows in the
        // throughput of captures with small packets.
        if let (0, RECORD_HEADER_LEN, Some(whole)) =
            (self.filled, want, bytes.first_chunk::<RECORD_HEADER_LEN>())
        {
            self.partial[..RECORD_HEADER_LEN].copy_from_slice(whole);
            self.filled = want;
            return want;
        }
        let taken = bytes.len().min(want - self.filled);
        self.partial[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        taken
    }

    /// Parses the header in `self.partial`, which begins at byte `offset` of the file.
    fn parse_record_header(&self, file: FileHeader, offset: u64) -> Result<RecordHeader, Error> {
        let [header @ .., _, _, _, _, _, _, _, _] = &self.partial;
        RecordHeader::parse(file, header).map_err(|field| Error::Implausible {
            record: self.stats.packets + 1,
            offset,
            field,
        })
    }

    /// Counts a packet record with this capture time.
    fn count(&mut self, time_us: u64) {
        let stats = &mut self.stats;
        stats.packets += 1;
        if time_us < YEAR_1971_US {
            stats.undated_packets += 1;
            return;
        }
        let earliest = |first: u64| first.min(time_us);
        let latest = |last: u64| last.max(time_us);
        stats.first_packet_us = Some(stats.first_packet_us.map_or(time_us, earliest));
        stats.last_packet_us = Some(stats.last_packet_us.map_or(time_us, latest));
    }
}
