//! Any bytes, cut anywhere: the same answer as in one piece, and the same packets up to their bound.
#![no_main]

use homer_export::pcap::{MAX_SHOWN, Malformed, Scanner, Tally};
use libfuzzer_sys::fuzz_target;

fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Result<Tally, Malformed>, Vec<Vec<u8>>) {
    let mut scanner = Scanner::new();
    let mut packets = Vec::new();
    for piece in pieces {
        let mut visit = |_, packet: &[u8]| packets.push(packet[..packet.len().min(MAX_SHOWN)].to_vec());
        if let Err(error) = scanner.scan_packets(piece, Some(&mut visit)) {
            return (Err(error), packets);
        }
    }
    (scanner.finish(), packets)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    assert_eq!(scan(bytes.chunks(usize::from(size) + 1)), scan([bytes].into_iter()));
});
