use homer_export::pcap::{
    ByteOrder, Error, FileHeader, InvalidField, MAX_CAPTURED_LEN, Resolution, Scanner, Section,
    Stats, YEAR_1971_US,
};
use proptest::prelude::*;

use crate::recordings;

fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Stats, Error> {
    let mut scanner = Scanner::new();
    chunks
        .into_iter()
        .try_for_each(|chunk| scanner.scan(chunk))?;
    scanner.finish()
}

/// A capture file in any byte order and resolution: times in microseconds, and the packets' data.
fn file(order: ByteOrder, resolution: Resolution, packets: &[(u64, &[u8])]) -> Vec<u8> {
    let u32 = |n: u32| {
        if order == ByteOrder::Big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let u16 = |n: u16| {
        if order == ByteOrder::Big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let (magic, units) = match resolution {
        Resolution::Microseconds => (0xa1b2_c3d4, 1),
        Resolution::Nanoseconds => (0xa1b2_3c4d, 1000),
    };
    let mut file = [
        &u32(magic)[..],
        &u16(2),
        &u16(4),
        &u32(0),
        &u32(0),
        &u32(65_536),
        &u32(1),
    ]
    .concat();
    for (time_us, data) in packets {
        let fraction = (time_us % 1_000_000) as u32 * units;
        let len = u32(data.len() as u32);
        file.extend([u32((time_us / 1_000_000) as u32), u32(fraction), len, len].concat());
        file.extend_from_slice(data);
    }
    file
}

const T: u64 = 1_795_168_800_123_456;

#[test]
fn scanner_result_is_the_same_for_any_chunks() {
    for (name, bytes) in recordings::captures() {
        let whole = scan([&bytes[..]]).unwrap();
        assert_eq!(whole.size_bytes, bytes.len() as u64);
        for size in [1, 2, 3, 7, 4096] {
            assert_eq!(
                scan(bytes.chunks(size)),
                Ok(whole),
                "{name} in chunks of {size}"
            );
        }
    }
}

#[test]
fn scanner_counts_a_recorded_call() {
    let stats = scan([&recordings::capture("export-ok-auth-token")[..]]).unwrap();
    let expected = Stats {
        size_bytes: 3311,
        packets: 7,
        undated_packets: 0,
        first_packet_us: Some(1_795_168_800_123_456),
        last_packet_us: Some(1_795_168_897_394_456),
    };
    assert_eq!(stats, expected);
}

#[test]
fn scanner_counts_undated_packets_apart() {
    let stats = scan([&recordings::capture("v1_5_10-odd-fields")[..]]).unwrap();
    assert_eq!((stats.packets, stats.undated_packets), (4, 2));
    assert_eq!(stats.first_packet_us, Some(1_795_173_122_123_456));
}

#[test]
fn scanner_rejects_prefixes_that_end_inside_a_record() {
    for (name, bytes) in recordings::captures() {
        let mut boundaries = vec![24];
        while let Some(header) = bytes
            .get(boundaries[boundaries.len() - 1]..)
            .filter(|rest| rest.len() >= 16)
        {
            let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
            boundaries.push(boundaries[boundaries.len() - 1] + 16 + len);
        }
        assert_eq!(boundaries.last(), Some(&bytes.len()));
        // One scanner, which is asked after every byte whether the file may end here.
        let mut scanner = Scanner::new();
        for end in 0..bytes.len() {
            let result = scanner.finish();
            assert_eq!(
                result.is_ok(),
                boundaries.contains(&end),
                "{name} cut after {end} bytes: {result:?}"
            );
            scanner.scan(&bytes[end..=end]).unwrap();
        }
    }
}

#[test]
fn scanner_reads_both_byte_orders_and_resolutions() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for resolution in [Resolution::Microseconds, Resolution::Nanoseconds] {
            let file = file(
                order,
                resolution,
                &[(T, b"one"), (T + 5, b"2"), (T - 5, b"three")],
            );
            let stats = scan([&file[..]]).unwrap();
            let expected = Stats {
                size_bytes: 24 + 3 * 16 + 9,
                packets: 3,
                undated_packets: 0,
                first_packet_us: Some(T - 5),
                last_packet_us: Some(T + 5),
            };
            assert_eq!(stats, expected, "{order:?} {resolution:?}");
            let header = FileHeader::parse(file[..24].try_into().unwrap()).unwrap();
            assert_eq!(
                header,
                FileHeader {
                    byte_order: order,
                    resolution,
                    snaplen: 65_536,
                    link_type: 1
                }
            );
        }
    }
}

#[test]
fn scanner_says_where_a_file_is_cut() {
    let file = file(
        ByteOrder::Little,
        Resolution::Microseconds,
        &[(T, b"first"), (T, b"second")],
    );
    for (len, inside, text) in [
        (
            0,
            Section::FileHeader,
            "cut short: it ends after 0 bytes, 24 bytes before the end of the file header",
        ),
        (
            23,
            Section::FileHeader,
            "cut short: it ends after 23 bytes, 1 byte before the end of the file header",
        ),
        (
            25,
            Section::RecordHeader(1),
            "cut short: it ends after 25 bytes, 15 bytes before the end of the header of packet \
             record 1",
        ),
        (
            41,
            Section::RecordData(1),
            "cut short: it ends after 41 bytes, 4 bytes before the end of packet record 1",
        ),
        (
            46,
            Section::RecordHeader(2),
            "cut short: it ends after 46 bytes, 15 bytes before the end of the header of packet \
             record 2",
        ),
    ] {
        let error = scan([&file[..len]]).unwrap_err();
        assert!(
            matches!(error, Error::Truncated { section: part, .. } if part == inside),
            "{error:?}"
        );
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn scanner_rejects_other_files_by_their_first_bytes() {
    for (bytes, error, text) in [
        (
            &b"{\"message\":"[..],
            Error::NotPcap,
            "not a pcap file: its first four bytes are not a pcap magic number",
        ),
        (
            b"<htm",
            Error::NotPcap,
            "not a pcap file: its first four bytes are not a pcap magic number",
        ),
        (
            b"\x0a\x0d\x0d\x0a",
            Error::PcapNg,
            "a pcapng file; expected a pcap file",
        ),
    ] {
        assert_eq!(scan([bytes]), Err(error));
        assert_eq!(scan(bytes.chunks(1)), Err(error));
        assert_eq!(error.to_string(), text);
    }
    let mut version = file(ByteOrder::Big, Resolution::Microseconds, &[]);
    version[5] = 3;
    let error = scan([&version[..]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a pcap file of version 3.4; expected 2.4"
    );
}

#[test]
fn scanner_rejects_bytes_after_the_last_record() {
    // HOMER 11 may append an error to a capture. Read as a record header, its text has an
    // impossible captured length.
    let mut file = file(
        ByteOrder::Little,
        Resolution::Microseconds,
        &[(T, b"first")],
    );
    file.extend_from_slice(b"{\"error\":{\"title\":\"x\"}}");
    let error = scan([&file[..]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged: packet record 2 at byte 45 has a captured length of 1948416826 bytes; expected 1 \
         to 16777216"
    );
}

#[test]
fn scanner_rejects_padding_and_impossible_times() {
    let mut padded = recordings::capture("export-ok-auth-token");
    padded.extend([0; 160]);
    let error = scan([&padded[..]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged: packet record 8 at byte 3311 has a captured length of 0 bytes; expected 1 to \
         16777216"
    );

    for (resolution, fraction) in [
        (Resolution::Microseconds, 1_000_000_u32),
        (Resolution::Nanoseconds, 1_000_000_000),
    ] {
        let mut late = file(ByteOrder::Little, resolution, &[(T, b"x")]);
        late[28..32].copy_from_slice(&(fraction - 1).to_le_bytes());
        assert_eq!(scan([&late[..]]).unwrap().packets, 1);
        late[28..32].copy_from_slice(&fraction.to_le_bytes());
        let why = format!(
            "damaged: packet record 1 at byte 24 has a fraction of a second of {fraction} units, \
             which is a second or more"
        );
        assert_eq!(scan([&late[..]]).unwrap_err().to_string(), why);
    }
}

#[test]
fn scanner_accepts_records_up_to_its_bound() {
    // Above the snaplen of 65,536, as Homer writes them (docs/homer.md §6).
    let big = vec![b'x'; 70_000];
    assert_eq!(
        scan([&file(ByteOrder::Little, Resolution::Microseconds, &[(T, &big)])[..]])
            .unwrap()
            .packets,
        1
    );
    let mut bound = file(ByteOrder::Little, Resolution::Microseconds, &[(T, b"x")]);
    bound.pop();
    bound[32..36].copy_from_slice(&MAX_CAPTURED_LEN.to_le_bytes());
    assert!(matches!(
        scan([&bound[..]]),
        Err(Error::Truncated {
            missing: MAX_CAPTURED_LEN,
            ..
        })
    ));
    bound[32..36].copy_from_slice(&(MAX_CAPTURED_LEN + 1).to_le_bytes());
    assert!(matches!(
        scan([&bound[..]]),
        Err(Error::Implausible {
            record: 1,
            offset: 24,
            field: InvalidField::CapturedLen(_)
        })
    ));
}

proptest! {
    /// Any bytes, with or without a valid file header, in any chunks: never a panic, and always
    /// the same result.
    #[test]
    fn scanner_result_for_any_bytes_is_the_same_for_any_chunks(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        valid_header in any::<bool>(),
        sizes in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let mut input = match valid_header {
            true => file(ByteOrder::Little, Resolution::Microseconds, &[]),
            false => Vec::new(),
        };
        input.extend(bytes);
        let whole = scan([&input[..]]);
        let mut chunks = Vec::new();
        let mut rest = &input[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = behind;
        }
        prop_assert_eq!(scan(chunks), whole);
    }

    /// Any packets, written as a file: all packets and bytes are counted.
    #[test]
    fn scanner_counts_any_packets(
        packets in prop::collection::vec(
            (T..T * 2, prop::collection::vec(any::<u8>(), 1..200)),
            0..20,
        ),
    ) {
        // A record header has room for 2^32 seconds.
        let packets: Vec<(u64, &[u8])> = packets
            .iter()
            .map(|(time, data)| (time % 4_000_000_000_000_000, &data[..]))
            .collect();
        let file = file(ByteOrder::Big, Resolution::Nanoseconds, &packets);
        let stats = scan(file.chunks(5)).unwrap();
        prop_assert_eq!(stats.packets, packets.len() as u64);
        prop_assert_eq!(stats.size_bytes, file.len() as u64);
        let dated = packets.iter().map(|(time, _)| *time).filter(|time| *time >= YEAR_1971_US);
        prop_assert_eq!(stats.last_packet_us, dated.max());
    }
}
