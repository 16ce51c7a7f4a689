//! Generates captures with calls, messages and packets that no recording contains.

use std::net::{IpAddr, SocketAddr};

/// A capture file being written: little-endian with microseconds, as Homer writes it.
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self::with_snaplen(65_536)
    }

    pub(crate) fn with_snaplen(snaplen: u32) -> Self {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0]);
        bytes.extend([0; 8]);
        bytes.extend(snaplen.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        Self { bytes }
    }

    pub(crate) fn record(&mut self, time_us: u64, frame: &[u8]) -> &mut Self {
        self.cut_record(time_us, frame, frame.len())
    }

    /// Adds a record of a frame that the capture cut off; it had `original_len` bytes.
    pub(crate) fn cut_record(
        &mut self,
        time_us: u64,
        frame: &[u8],
        original_len: usize,
    ) -> &mut Self {
        let words = [
            time_us / 1_000_000,
            time_us % 1_000_000,
            frame.len() as u64,
            original_len as u64,
        ];
        self.bytes
            .extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
        self.bytes.extend(frame);
        self
    }

    pub(crate) fn messages(sent: &[Sent]) -> Vec<u8> {
        let mut capture = Self::new();
        for message in sent {
            capture.record(message.time_us, &message.frame());
        }
        capture.bytes
    }
}

/// A message with its time and route.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) time_us: u64,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) message: Vec<u8>,
}

impl Sent {
    pub(crate) fn frame(&self) -> Vec<u8> {
        udp(self.from, self.to, &self.message)
    }

    /// Replaces the first occurrence of a text, which must exist.
    pub(crate) fn replace(&mut self, old: &str, new: &str) {
        self.replace_bytes(old, new.as_bytes());
    }

    pub(crate) fn replace_bytes(&mut self, old: &str, new: &[u8]) {
        let at = self.find(old);
        self.message.splice(at..at + old.len(), new.iter().copied());
    }

    /// The offset of a text, which must exist.
    pub(crate) fn find(&self, text: &str) -> usize {
        let found = self
            .message
            .windows(text.len())
            .position(|part| part == text.as_bytes());
        found.unwrap_or_else(|| panic!("no {text:?} in {}", String::from_utf8_lossy(&self.message)))
    }
}

/// Time of the first packet.
pub(crate) const BEGIN_US: u64 = 1_795_168_800_000_000;

pub(crate) const CALLER: &str = "192.0.2.10:5060";
pub(crate) const CALLEE: &str = "192.0.2.20:5060";
pub(crate) const CALL_ID: &str = "made@192.0.2.10";

/// A healthy call: INVITE, 100, 180, 200, ACK, BYE, 200.
pub(crate) fn healthy() -> Vec<Sent> {
    let caller: SocketAddr = CALLER.parse().unwrap();
    let callee: SocketAddr = CALLEE.parse().unwrap();
    let sdp = |host: &str| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 \
             RTP/AVP 0 8\r\na=sendrecv\r\n"
        )
    };
    let with_body = |body: String| {
        format!(
            "Contact: <sip:192.0.2.30>\r\nContent-Type: application/sdp\r\nContent-Length: \
             {}\r\n\r\n{body}",
            body.len()
        )
    };
    let empty = "Content-Length: 0\r\n\r\n".to_string();
    let fields = |branch: &str, to_tag: &str, cseq: &str| {
        format!(
            "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{branch}\r\nFrom: \"Alice\" \
             <sip:alice@example.net>;tag=aaa\r\n\
             To: <sip:bob@example.net>{to_tag}\r\nCall-ID: {CALL_ID}\r\nCSeq: {cseq}\r\n"
        )
    };
    let tag = ";tag=bbb";
    let request = |method: &str, branch: &str, to_tag: &str, cseq: &str, rest: String| {
        format!(
            "{method} sip:bob@192.0.2.20 SIP/2.0\r\nMax-Forwards: 70\r\n{}{rest}",
            fields(branch, to_tag, cseq)
        )
    };
    let response = |status: &str, branch: &str, to_tag: &str, cseq: &str, rest: String| {
        format!("SIP/2.0 {status}\r\n{}{rest}", fields(branch, to_tag, cseq))
    };
    [
        (
            0,
            true,
            request("INVITE", "1", "", "1 INVITE", with_body(sdp("192.0.2.10"))),
        ),
        (
            1_000,
            false,
            response("100 Trying", "1", "", "1 INVITE", empty.clone()),
        ),
        (
            700_000,
            false,
            response("180 Ringing", "1", tag, "1 INVITE", empty.clone()),
        ),
        (
            4_000_000,
            false,
            response("200 OK", "1", tag, "1 INVITE", with_body(sdp("192.0.2.20"))),
        ),
        (
            4_100_000,
            true,
            request("ACK", "2", tag, "1 ACK", empty.clone()),
        ),
        (
            64_000_000,
            true,
            request("BYE", "3", tag, "2 BYE", empty.clone()),
        ),
        (
            64_010_000,
            false,
            response("200 OK", "3", tag, "2 BYE", empty),
        ),
    ]
    .into_iter()
    .map(|(after_us, by_caller, text)| {
        let (from, to) = if by_caller {
            (caller, callee)
        } else {
            (callee, caller)
        };
        Sent {
            time_us: BEGIN_US + after_us,
            from,
            to,
            message: text.into_bytes(),
        }
    })
    .collect()
}

/// An Ethernet frame with a UDP datagram in IPv4 or IPv6, padded to 60 bytes. Length fields
/// overflow if the datagram is too long for them.
pub(crate) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    let len = payload.len() + 8;
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(
        (if from.is_ipv6() && len > 65_535 {
            0
        } else {
            len as u16
        })
        .to_be_bytes(),
    );
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(from.ip(), to.ip(), 17, &datagram)
}

/// An Ethernet frame with an IP packet.
pub(crate) fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match from {
        IpAddr::V4(_) => ethernet(0x0800, &ip_packet(from, to, protocol, payload)),
        IpAddr::V6(_) => ethernet(0x86dd, &ip_packet(from, to, protocol, payload)),
    }
}

pub(crate) fn ethernet(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(packet);
    frame.resize(frame.len().max(60), 0);
    frame
}

pub(crate) fn ip_packet(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend(((payload.len() + 20) as u16).to_be_bytes());
            packet.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            let len = if payload.len() > 65_535 {
                0
            } else {
                payload.len() as u16
            };
            packet.extend(len.to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        _ => panic!("{from} and {to} are not of one family"),
    }
    packet.extend(payload);
    packet
}
