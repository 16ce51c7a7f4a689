//! A capture file of datagrams.

/// Ethernet, IPv4 and UDP around each payload, a second between two.
pub(crate) fn capture(payloads: &[u8]) -> Vec<u8> {
    let mut file = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0,
    ];
    for (number, payload) in payloads.split(|byte| *byte == 0xff).enumerate() {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(((payload.len() + 28) as u16).to_be_bytes());
        // From one of two addresses to the other.
        let (from, to) = (payload.len() as u8 & 1, !(payload.len() as u8) & 1);
        frame.extend([
            0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, from, 192, 0, 2, to, 19, 196, 19, 196,
        ]);
        frame.extend(((payload.len() + 8) as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        let words = [
            1_795_168_800 + number as u32,
            0,
            frame.len() as u32,
            frame.len() as u32,
        ];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        file.extend(frame);
    }
    file
}
