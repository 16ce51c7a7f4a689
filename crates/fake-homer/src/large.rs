//! Captures of any size, for tests and benches: calls like the recorded one, one after the other.

/// The recorded call of 7 messages.
const CALL: &[u8] = include_bytes!("../../../tests/data/export-ok-auth-token.pcap");

/// Bytes of a capture file's header.
const FILE_HEADER_LEN: usize = 24;

/// A capture of so many calls, 3,287 bytes each, with Call-ID, branch and tags of their own, and a
/// hundred beginning in a second. The same for the same number.
pub fn large_capture(calls: u32) -> Vec<u8> {
    let (header, records) = CALL.split_at(FILE_HEADER_LEN);
    let mut file = Vec::with_capacity(header.len() + records.len() * calls as usize);
    file.extend_from_slice(header);
    for call in 0..calls {
        let begin = file.len();
        file.extend_from_slice(records);
        let records = file.get_mut(begin..).unwrap_or_default();
        shift(records, call / 100);
        // What is one call's alone becomes a number of the same length.
        for name in [
            &b"udp-normal-1"[..],
            b"776asdhds",
            b"1928301774",
            b"a6c85cf",
        ] {
            replace(
                records,
                name,
                format!("{call:0len$}", len = name.len()).as_bytes(),
            );
        }
    }
    file
}

/// Dates records so many seconds later.
fn shift(mut records: &mut [u8], later: u32) {
    while let Some((header, rest)) = records.split_first_chunk_mut::<16>() {
        let [s0, s1, s2, s3, _, _, _, _, l0, l1, l2, l3, ..] = *header;
        let seconds = u32::from_le_bytes([s0, s1, s2, s3]).wrapping_add(later);
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        records = rest.get_mut(len..).unwrap_or_default();
    }
}

/// Puts one text in the place of another of the same length, everywhere.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let mut at = 0;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.windows(old.len()).position(|part| part == old))
    {
        if let Some(place) = bytes.get_mut(at + found..at + found + old.len()) {
            place.copy_from_slice(new);
        }
        at += found + old.len();
    }
}
