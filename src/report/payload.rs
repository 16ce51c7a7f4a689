//! Packets that are not SIP messages: what Homer stores beside SIP, and what it does not write but
//! other programs may (docs/homer.md §6).

use crate::packet::Route;

/// A kind of packet that is not a SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherKind {
    Rtcp,
    Json,
    Log,
    Empty,
    Text,
    Data,
    TcpOrSctp,
    Fragment,
    NotUdp,
}

/// Number of kinds.
pub(super) const OTHER_KINDS: usize = OTHER_NAMES.len();

/// The names of all kinds in a report, in the order of [`OtherKind`].
pub(super) const OTHER_NAMES: [&str; 9] = [
    "RTCP as JSON",
    "JSON",
    "log line",
    "empty or keep-alive",
    "text",
    "other data",
    "TCP or SCTP segment",
    "IP fragment",
    "not UDP over IP",
];

impl OtherKind {
    /// The kind of a datagram.
    pub(super) fn of(route: &Route, payload: &[u8]) -> Self {
        match payload.trim_ascii() {
            // Line ends alone keep a NAT binding open (RFC 5626 §3.5.1).
            [] => Self::Empty,
            _ if is_log(route) => Self::Log,
            [b'{', ..] if is_rtcp(payload) => Self::Rtcp,
            [b'{', ..] => Self::Json,
            [b' '..=b'~', ..] => Self::Text,
            _ => Self::Data,
        }
    }

    /// Whether the payload does not belong into a profile of SIP. A STUN request keeps a NAT
    /// binding open, as line ends do (RFC 5626 §3.5.2), and so do a few bytes of any kind, such as
    /// `jaK`.
    /// Statistics on media name their call.
    pub(super) fn is_foreign(self, payload: &[u8]) -> bool {
        const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
        match self {
            Self::Json => !contains_key(payload.get(..512).unwrap_or(payload), b"CORRELATION_ID"),
            Self::Text | Self::Data => {
                payload.len() > 4
                    && payload.get(4..8) != Some(&STUN_COOKIE)
                    && payload.iter().any(|byte| *byte != 0)
            }
            _ => false,
        }
    }
}

/// Whether a datagram is a line of a log. Homer writes those from port 0 to port 0 (recording
/// `export-rtcp-log`). An undirected route has no ports either, but its messages do.
pub(super) fn is_log(route: &Route) -> bool {
    route.source.port() == 0 && route.destination.port() == 0 && route.directed
}

/// Whether JSON is an RTCP report as capture agents send it. The keys stand near its start, and
/// reading the whole payload would cost more than the distinction is worth.
fn is_rtcp(payload: &[u8]) -> bool {
    let start = payload.get(..512).unwrap_or(payload);
    [
        "report_blocks",
        "sender_information",
        "report_count",
        "extended_report_information",
    ]
    .iter()
    .any(|key| contains_key(start, key.as_bytes()))
}

/// Whether JSON contains `"key"`.
fn contains_key(json: &[u8], key: &[u8]) -> bool {
    json.windows(key.len() + 2)
        .any(|part| part[0] == b'"' && part[1..=key.len()] == *key && part[key.len() + 1] == b'"')
}
