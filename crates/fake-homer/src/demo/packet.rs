//! Packet records as Homer makes them up around a payload (docs/homer.md §6).

use super::message::Address;

/// Length of the shortest Ethernet frame, to which Homer pads with zeros.
const MIN_FRAME_LEN: usize = 60;

/// A payload with its time and addresses.
pub(super) struct Packet {
    /// Milliseconds from the start of the call.
    pub(super) at_ms: u64,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) payload: Vec<u8>,
}

impl Packet {
    /// The packet record: a header in little-endian, and an Ethernet frame.
    pub(super) fn record(&self, time_us: u64) -> Vec<u8> {
        let frame = self.frame();
        let len = frame.len() as u64;
        let words = [time_us / 1_000_000, time_us % 1_000_000, len, len];
        let header = words.iter().flat_map(|word| (*word as u32).to_le_bytes());
        header.chain(frame.iter().copied()).collect()
    }

    /// The frame: Ethernet, IPv4 and UDP, with correct checksums.
    fn frame(&self) -> Vec<u8> {
        let udp_len = (self.payload.len() + 8) as u16;
        let mut ip = vec![0x45, 0];
        ip.extend((udp_len + 20).to_be_bytes());
        ip.extend([0, 0, 0, 0, 54, 17, 0, 0]);
        ip.extend(self.from.host);
        ip.extend(self.to.host);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());

        let mut udp = Vec::with_capacity(udp_len.into());
        udp.extend(self.from.port.to_be_bytes());
        udp.extend(self.to.port.to_be_bytes());
        udp.extend(udp_len.to_be_bytes());
        udp.extend([0, 0]);
        udp.extend(&self.payload);
        // The checksum covers the addresses, the protocol and the length as well (RFC 768).
        let mut covered = [&self.from.host[..], &self.to.host, &[0, 17]].concat();
        covered.extend(udp_len.to_be_bytes());
        covered.extend(&udp);
        let sum = checksum(&covered);
        udp[6..8].copy_from_slice(&sum.to_be_bytes());

        let mut frame = vec![0x06, 0x3d, 0x20, 0x12, 0x10, 0x20];
        frame.extend([0x02, 0x5d, 0x69, 0x74, 0x20, 0x12, 0x08, 0x00]);
        frame.extend(ip);
        frame.extend(udp);
        frame.resize(frame.len().max(MIN_FRAME_LEN), 0);
        frame
    }
}

/// The checksum of the Internet protocols (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default()));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
