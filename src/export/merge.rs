//! The capture file that is made from several profiles: [`Merge`].

use alloc::vec::Vec;

use super::held_profiles::HeldProfiles;
use crate::pcap::{
    self, FILE_HEADER_LEN, FileHeader, OnPacket, RECORD_HEADER_LEN, RecordHeader, Scanner,
    YEAR_1971_US,
};

/// Merges held captures into a capture that is streamed, by time.
///
/// Both sides have been checked. Memory holds the held captures, and of the streamed one only a
/// record that may be in a held capture as well.
#[derive(Debug)]
pub(super) struct Merge {
    held: HeldProfiles,
    /// The header of the merged file, which is that of the streamed one.
    header: FileHeader,
    /// Bytes of the streamed file from which on the next record is looked for: the rest of the file
    /// header or of a record.
    passing: usize,
    /// The beginning of a streamed record whose rest has not arrived.
    partial: Vec<u8>,
    /// The scan of the merged file.
    scanner: Scanner,
}

impl Merge {
    /// Begins the file with this header, which no byte of the streamed capture has entered yet.
    pub(super) fn new(mut held: HeldProfiles, header: FileHeader) -> Self {
        held.sort();
        Self {
            held,
            header,
            passing: FILE_HEADER_LEN,
            partial: Vec::new(),
            scanner: Scanner::new(),
        }
    }

    /// The held captures.
    pub(super) fn held(&self) -> &HeldProfiles {
        &self.held
    }

    /// The scan of the merged file so far.
    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// Adds bytes of the streamed capture, and returns those that the merged file continues with:
    /// none if more are needed first.
    ///
    /// # Errors
    /// None in practice, because both sides were scanned before.
    pub(super) fn add(
        &mut self,
        streamed: &[u8],
        on_packet: Option<OnPacket<'_>>,
    ) -> Result<Vec<u8>, pcap::Error> {
        let mut file = Vec::with_capacity(streamed.len());
        let mut partial = core::mem::take(&mut self.partial);
        let mut rest = match partial.is_empty() {
            true => streamed,
            false => {
                partial.extend_from_slice(streamed);
                &partial
            }
        };
        loop {
            let (passed, behind) = rest.split_at(self.passing.min(rest.len()));
            file.extend_from_slice(passed);
            self.passing -= passed.len();
            rest = behind;
            let Some(header) = rest.first_chunk::<RECORD_HEADER_LEN>() else {
                break;
            };
            // Valid, because the scan of the streamed capture came first.
            let Ok(record) = RecordHeader::parse(self.header, header) else {
                break;
            };
            let len = RECORD_HEADER_LEN + record.captured_len as usize;
            // A packet dated 1970 stays behind the one that it follows.
            if record.time_us >= YEAR_1971_US {
                self.held.write_before(record.time_us, &mut file);
            }
            if self.held.has_beginning(header) {
                // Only here is a whole record needed. It is no longer than the held one.
                let Some((whole, behind)) = rest.split_at_checked(len) else {
                    break;
                };
                if self.held.matches(whole) {
                    rest = behind;
                    continue;
                }
            }
            self.passing = len;
        }
        self.partial = rest.to_vec();
        self.scanner.scan_packets(&file, on_packet)?;
        Ok(file)
    }

    /// The end of the merged file, once the streamed capture has ended.
    ///
    /// # Errors
    /// None in practice, as [`Self::add`].
    pub(super) fn finish(
        &mut self,
        on_packet: Option<OnPacket<'_>>,
    ) -> Result<Vec<u8>, pcap::Error> {
        let mut file = Vec::new();
        self.held.write_before(u64::MAX, &mut file);
        self.scanner.scan_packets(&file, on_packet)?;
        self.scanner.finish()?;
        Ok(file)
    }
}
