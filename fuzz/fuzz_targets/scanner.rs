//! Any bytes in chunks of any size: the same result and packets as in one chunk.
#![no_main]

use homer_export::pcap::{Error, Scanner, Stats};
use libfuzzer_sys::fuzz_target;

fn scan<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Result<Stats, Error>, Vec<(u64, u64, Vec<u8>)>) {
    let mut scanner = Scanner::new();
    let mut packets = Vec::new();
    for chunk in chunks {
        let scanned = scanner.scan_packets(
            chunk,
            Some(&mut |record| {
                packets.push((record.number, record.time_us, record.data.to_vec()));
            }),
        );
        if let Err(error) = scanned {
            return (Err(error), packets);
        }
    }
    (scanner.finish(), packets)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    assert_eq!(
        scan(bytes.chunks(usize::from(size) + 1)),
        scan([bytes].into_iter())
    );
});
