//! One message of a capture, with its secrets redacted.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::invalid_capture;
use crate::ExportError;
use crate::packet::{Packet, Route, endpoint};
use crate::pcap::{Record, Scanner, YEAR_1971_US};
use crate::record::record;
use crate::sip::{Parser, escape, hex_dump, redact};

/// Most bytes of a message in one result. As text or hex dump, they become about five times as many
/// characters, which is what models read at a time without trouble.
pub const MAX_MESSAGE_BYTES: usize = 4096;

record! {
    ($, convert_message_query)
    /// Which message to read, and which part of it.
    #[derive(Eq)]
    pub struct MessageQuery {
        /// Number of the packet record, counted from 1.
        pub packet: u64,
        /// Position of the first byte to show, counted from 0.
        pub offset: u64,
        /// Whether to show a hex dump, and not text with escapes.
        pub hex: bool,
    }
}

record! {
    ($, convert_packet_message)
    /// One message, or a part of it.
    #[derive(Eq)]
    pub struct PacketMessage {
        /// Number of the packet record, counted from 1.
        pub packet: u64,
        /// Number of packet records in the capture.
        pub packets: u64,
        /// `sip`: a SIP message; `other`: the payload of another datagram, such as RTCP as JSON or
        /// a log line; `packet`: the whole packet record, because it is not UDP.
        pub kind: String,
        /// Capture time of the packet as Unix time in microseconds; absent if Homer had none.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub time_us: Option<u64>,
        /// Address and port of the sender; absent if `kind` is `packet`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// Address and port of the receiver; absent if `kind` is `packet`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub destination: Option<String>,
        /// Length of the whole message in bytes.
        pub total_bytes: u64,
        /// Number of bytes shown, from the requested offset on; at most 4,096.
        pub shown_bytes: u64,
        /// Offset of the next part; absent if this part is the last one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub next_offset: Option<u64>,
        /// Names of the secrets that asterisks of the same length replace.
        pub redacted: Vec<String>,
        /// The bytes shown, as text with escapes or as a hex dump.
        pub text: String,
    }
}

/// Finds one packet in a capture file, and keeps that packet alone.
#[derive(Debug)]
pub(super) struct MessageReader {
    query: MessageQuery,
    scanner: Scanner,
    found: Option<FoundPacket>,
}

impl MessageReader {
    pub(super) fn new(query: MessageQuery) -> Self {
        Self {
            query,
            scanner: Scanner::new(),
            found: None,
        }
    }

    /// As [`super::CaptureReader::feed`].
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let Self {
            query,
            scanner,
            found,
        } = self;
        let mut keep = |record: &Record<'_>| {
            if record.number == query.packet {
                *found = Some(FoundPacket::new(record));
            }
        };
        scanner
            .scan_packets(bytes, Some(&mut keep))
            .map_err(invalid_capture)
    }

    /// As [`super::CaptureReader::finish`].
    pub(super) fn finish(self) -> Result<PacketMessage, ExportError> {
        let packets = self.scanner.finish().map_err(invalid_capture)?.packets;
        match self.found {
            Some(found) => found.render(&self.query, packets),
            None => Err(ExportError::InvalidRequest(format!(
                "packet {} does not exist; the capture has {packets} packets, counted from 1",
                self.query.packet
            ))),
        }
    }
}

#[derive(Debug)]
struct FoundPacket {
    time_us: u64,
    /// `None` if the packet is not UDP.
    route: Option<Route>,
    kind: &'static str,
    bytes: Vec<u8>,
}

impl FoundPacket {
    fn new(record: &Record<'_>) -> Self {
        let (route, bytes) = match Packet::parse(record.file.link_type, record.data) {
            Packet::Udp { route, payload, .. } => (Some(route), payload),
            _ => (None, record.data),
        };
        // The message's own findings are in the report already.
        let mut parser = Parser::default();
        let is_sip = route.is_some() && parser.parse(bytes, true, &mut |_, _| {}).is_some();
        let kind = match (route, is_sip) {
            (None, _) => "packet",
            (_, true) => "sip",
            (_, false) => "other",
        };
        Self {
            time_us: record.time_us,
            route,
            kind,
            bytes: bytes.to_vec(),
        }
    }

    fn render(mut self, query: &MessageQuery, packets: u64) -> Result<PacketMessage, ExportError> {
        let total = self.bytes.len();
        let start = usize::try_from(query.offset).unwrap_or(usize::MAX);
        // An empty message can be shown, from offset 0.
        if start > 0 && start >= total {
            return Err(ExportError::InvalidRequest(format!(
                "offset {start} is beyond the end of packet {}, which carries {total} bytes",
                query.packet
            )));
        }
        // The whole message is redacted and then cut: a secret may begin before the part that is
        // shown, and the part alone would not tell that it is one.
        let redacted = redact(&mut self.bytes);
        let end = total.min(start.saturating_add(MAX_MESSAGE_BYTES));
        let part = self.bytes.get(start..end).unwrap_or_default();
        let text = match query.hex {
            true => hex_dump(part, start),
            false => escape(part),
        };
        let endpoint = |of: fn(&Route) -> SocketAddr| {
            let route = self.route.as_ref()?;
            Some(endpoint(of(route), route.directed))
        };
        Ok(PacketMessage {
            packet: query.packet,
            packets,
            kind: self.kind.to_string(),
            // Homer dates packets without a time to 1970.
            time_us: (self.time_us >= YEAR_1971_US).then_some(self.time_us),
            source: endpoint(|route| route.source),
            destination: endpoint(|route| route.destination),
            total_bytes: total as u64,
            shown_bytes: part.len() as u64,
            next_offset: (end < total).then_some(end as u64),
            redacted: redacted.into_iter().map(String::from).collect(),
            text,
        })
    }
}
