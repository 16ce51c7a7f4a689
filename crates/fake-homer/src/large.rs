//! Captures of any size for tests and benchmarks: copies of one recorded call, one after the other.

/// The recorded call of 7 messages.
const CALL: &[u8] = include_bytes!("../../../tests/data/export-ok-auth-token.pcap");

/// Bytes of a capture file header.
const FILE_HEADER_LEN: usize = 24;

/// A capture with this number of calls, of 3,287 bytes each. Each call has its own Call-ID, branch
/// and tags, and a hundred calls begin in each second. The result depends only on `calls`.
///
/// # Examples
///
/// ```
/// assert_eq!(fake_homer::large_capture(10).len(), 24 + 10 * 3287);
/// ```
pub fn large_capture(calls: u32) -> Vec<u8> {
    let (header, records) = CALL.split_at(FILE_HEADER_LEN);
    let mut file = Vec::with_capacity(header.len() + records.len() * calls as usize);
    file.extend_from_slice(header);
    for call in 0..calls {
        let begin = file.len();
        file.extend_from_slice(records);
        let records = file.get_mut(begin..).unwrap_or_default();
        shift(records, call / 100);
        // Identifiers become numbers of the same length, so that no length field changes.
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

/// Moves the timestamps of records to `later` seconds after.
fn shift(mut records: &mut [u8], later: u32) {
    while let Some((header, rest)) = records.split_first_chunk_mut::<16>() {
        let [s0, s1, s2, s3, _, _, _, _, l0, l1, l2, l3, ..] = *header;
        let seconds = u32::from_le_bytes([s0, s1, s2, s3]).wrapping_add(later);
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        records = rest.get_mut(len..).unwrap_or_default();
    }
}

/// Replaces every occurrence of `old` by `new`, which has the same length.
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
