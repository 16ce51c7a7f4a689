//! The captures of all profiles but the streamed one, in memory: [`HeldProfiles`].

use alloc::vec::Vec;
use core::ops::Range;

use super::MAX_HELD_BYTES;
use super::capture_response::OpenCapture;
use crate::client::Server;
use crate::error::ExportError;
use crate::pcap::{FILE_HEADER_LEN, FileHeader, RECORD_HEADER_LEN, Record, YEAR_1971_US};
use crate::query::Profile;
use crate::transport::ResponseBody;

/// Complete captures of profiles, to be merged into the capture that is streamed.
#[derive(Debug, Default)]
pub(super) struct HeldProfiles {
    /// The files of all profiles, one after the other.
    bytes: Vec<u8>,
    /// Their packet records; in the order of the merged file once [`Self::sort`] was called.
    records: Vec<HeldRecord>,
    /// Indexes into `records`, in the order of the records' bytes. Filled by [`Self::sort`].
    by_bytes: Vec<usize>,
    /// The profiles that were held completely, with the number of their packets that were written.
    profiles: Vec<(Profile, u64)>,
    /// The first of `records` that is not written or skipped.
    next: usize,
}

/// A packet record that is held.
#[derive(Clone, Debug)]
struct HeldRecord {
    /// The record with its header, in [`HeldProfiles::bytes`].
    at: Range<usize>,
    /// When to write it: its time, or that of the packet before if it is dated 1970.
    order_us: u64,
    /// Index of its profile.
    profile: usize,
    /// Whether another profile has the same packet, which is written instead.
    duplicate: bool,
    /// Whether it has been written.
    written: bool,
    /// Whether an equal record of the streamed profile was found.
    matched: bool,
}

/// Why the capture of a profile is not held.
#[derive(Debug)]
pub(super) enum NotHeld {
    /// It could not be received.
    Failed(ExportError),
    /// It has more bytes than this, which is what the profiles before have left of the limit.
    TooLarge(usize),
    /// Its file header differs from that of the streamed capture.
    OtherFormat,
}

impl HeldProfiles {
    /// Receives the rest of a capture and holds it. `format` is the file header of the streamed
    /// capture.
    ///
    /// # Errors
    /// [`NotHeld`]. Nothing of the capture is then held.
    pub(super) fn add<B: ResponseBody>(
        &mut self,
        capture: OpenCapture<B>,
        server: &Server,
        format: FileHeader,
    ) -> Result<(), NotHeld> {
        let profile = capture.response.profile().clone();
        let (start, first) = (self.bytes.len(), self.records.len());
        let added = self.receive(capture, server, format);
        match added {
            Ok(()) => self.profiles.push((profile, 0)),
            Err(_) => {
                self.records.truncate(first);
                self.bytes.truncate(start);
            }
        }
        added
    }

    /// Counts a profile that was searched and has no packets.
    pub(super) fn add_empty(&mut self, profile: Profile) {
        self.profiles.push((profile, 0));
    }

    /// Whether no packet is held.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The profiles that were searched, with the number of packets that were written.
    pub(super) fn profiles(&self) -> &[(Profile, u64)] {
        &self.profiles
    }

    fn receive<B: ResponseBody>(
        &mut self,
        capture: OpenCapture<B>,
        server: &Server,
        format: FileHeader,
    ) -> Result<(), NotHeld> {
        let OpenCapture {
            mut response,
            opening,
            ..
        } = capture;
        if !format.has_equal_records(&capture.format) {
            return Err(NotHeld::OtherFormat);
        }
        let Self {
            bytes,
            records,
            profiles,
            ..
        } = self;
        let start = bytes.len();
        let room = MAX_HELD_BYTES.saturating_sub(start);
        let mut at = start + FILE_HEADER_LEN;
        let mut order_us = 0;
        let mut on_packet = |record: &Record<'_>| {
            // Homer's files are in the order of time, except for packets dated 1970, which may be
            // anywhere (docs/homer.md §6). They stay behind the packet that they follow.
            if record.time_us >= YEAR_1971_US {
                order_us = record.time_us;
            }
            let end = at + RECORD_HEADER_LEN + record.captured_len as usize;
            records.push(HeldRecord {
                at: at..end,
                order_us,
                profile: profiles.len(),
                duplicate: false,
                written: false,
                matched: false,
            });
            at = end;
        };
        response
            .scan_again(server, &opening, &mut on_packet)
            .map_err(NotHeld::Failed)?;
        let mut more = opening;
        while !more.is_empty() {
            // Checked before the bytes are kept, so memory holds at most one chunk beyond the
            // limit.
            if bytes.len() - start + more.len() > room {
                return Err(NotHeld::TooLarge(room));
            }
            bytes.extend_from_slice(&more);
            more = response
                .receive(server, &[], Some(&mut on_packet))
                .map_err(NotHeld::Failed)?;
        }
        Ok(())
    }

    /// Brings the records of all profiles into the order of time, and finds the packets that two of
    /// them have in common.
    pub(super) fn sort(&mut self) {
        // Packets of the same time stay in the order of the profiles, which is that of their bytes.
        // The sorts of the standard library that are stable by themselves have 20 KiB of code.
        self.records
            .sort_unstable_by_key(|record| (record.order_us, record.at.start));
        let Self { bytes, records, .. } = self;
        self.by_bytes = (0..records.len()).collect();
        // The profile decides between equal records. Those of one profile stay in their order.
        self.by_bytes.sort_unstable_by(|a, b| {
            let key = |index: &usize| {
                let record = records.get(*index)?;
                Some((bytes.get(record.at.clone())?, record.profile, *index))
            };
            key(a).cmp(&key(b))
        });
        self.drop_common_packets();
    }

    /// Marks the packets that an earlier profile has as well. Equal packets within one profile are
    /// Homer's, and remain.
    fn drop_common_packets(&mut self) {
        // Of the run of equal records that ends here: how many earlier profiles have, how many of
        // those this profile has repeated, and how many this profile has.
        let (mut of_earlier, mut of_this) = (0_usize, 0_usize);
        let mut previous: Option<(Range<usize>, usize)> = None;
        for index in &self.by_bytes {
            let Some(record) = self.records.get_mut(*index) else {
                continue;
            };
            match previous {
                Some((at, _))
                    if self.bytes.get(at.clone()) != self.bytes.get(record.at.clone()) =>
                {
                    (of_earlier, of_this) = (0, 0);
                }
                Some((_, profile)) if profile != record.profile => {
                    of_earlier = of_earlier.max(of_this);
                    of_this = 0;
                }
                _ => {}
            }
            of_this += 1;
            record.duplicate = of_this <= of_earlier;
            previous = Some((record.at.clone(), record.profile));
        }
    }

    /// Writes the packets that come before `time_us`.
    pub(super) fn write_before(&mut self, time_us: u64, file: &mut Vec<u8>) {
        while let Some(record) = self.records.get_mut(self.next)
            && record.order_us < time_us
        {
            self.next += 1;
            if record.duplicate {
                continue;
            }
            record.written = true;
            file.extend_from_slice(self.bytes.get(record.at.clone()).unwrap_or_default());
            if let Some((_, packets)) = self.profiles.get_mut(record.profile) {
                *packets += 1;
            }
        }
    }

    /// Whether a held record begins with these bytes.
    pub(super) fn has_beginning(&self, header: &[u8]) -> bool {
        let first = self.first_from(header);
        let record = self
            .by_bytes
            .get(first)
            .and_then(|index| self.record(*index));
        record.is_some_and(|record| record.starts_with(header))
    }

    /// Takes note of a packet record of the streamed profile. Returns whether the same packet has
    /// been written already. If it is still held, it will not be written.
    pub(super) fn matches(&mut self, streamed: &[u8]) -> bool {
        let first = self.first_from(streamed);
        for index in self.by_bytes.get(first..).unwrap_or_default() {
            if self.record(*index) != Some(streamed) {
                return false;
            }
            if let Some(record) = self.records.get_mut(*index)
                && !record.duplicate
                && !record.matched
            {
                record.matched = true;
                record.duplicate = !record.written;
                return record.written;
            }
        }
        false
    }

    /// The place in `by_bytes` of the first record that is not below `bytes`.
    fn first_from(&self, bytes: &[u8]) -> usize {
        self.by_bytes
            .partition_point(|index| self.record(*index).is_some_and(|record| record < bytes))
    }

    fn record(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(self.records.get(index)?.at.clone())
    }
}
