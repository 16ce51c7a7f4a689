//! The ladder: one entry per SIP message, bounded.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use memchr::memchr;

use super::printable;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::sip::{CSeq, Message, Start, password};

/// Entries kept at either end: a call has 7 messages, one with retransmissions and re-INVITEs some
/// dozens.
const MAX_KEPT: usize = 100;

/// Bytes kept of a start line.
const MAX_LINE: usize = 160;

/// What a start line has of SIP.
const VERSION: &[u8] = b"SIP/2.0";

/// Bytes kept of the first word of a start line that has nothing of SIP.
const MAX_WORD: usize = 16;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LadderEntry {
    /// Number of the packet record, counted from 1.
    pub packet: u64,
    /// Microseconds after the earliest packet; none if this one is dated 1970.
    pub after_us: Option<u64>,
    /// Address and port, without port if `directed` is false.
    pub source: String,
    /// Likewise.
    pub destination: String,
    /// False where the file does not say which of the two sent the message.
    pub directed: bool,
    /// `INVITE sip:bob@example.net`, `180 Ringing`, or a malformed start line, of one without
    /// `SIP/2.0` the first word alone: at most 160 bytes, control characters and what is not UTF-8
    /// replaced by U+FFFD, a URI's password and header fields by `***`.
    pub line: String,
    /// `1 INVITE`; empty if malformed.
    pub cseq: String,
    /// Which of the report's `call_ids`, counted from 0; none if it has no Call-ID, or the list no
    /// room for it.
    pub call: Option<u32>,
    /// The earlier packet that this one repeats byte for byte between the same addresses.
    pub repeats: Option<u64>,
}

/// The first and the last messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    first: Vec<Rung>,
    /// A ring once it is full.
    last: Vec<Rung>,
    /// How many have been put into `last`.
    later: usize,
}

/// An entry as it is kept; buffers are used again.
#[derive(Clone, Debug, Default)]
struct Rung {
    packet: u64,
    time_us: u64,
    route: Option<Route>,
    line: Vec<u8>,
    cseq: Option<u32>,
    method: Vec<u8>,
    call: Option<u32>,
    repeats: Option<u64>,
}

/// What the ladder is told of a message.
pub(super) struct Step<'a> {
    pub(super) packet: u64,
    pub(super) time_us: u64,
    pub(super) route: Route,
    pub(super) message: &'a Message<'a>,
    pub(super) call: Option<u32>,
    pub(super) repeats: Option<u64>,
}

impl Ladder {
    pub(super) fn push(&mut self, step: &Step<'_>) {
        let (kept, at) = match self.first.len() {
            len if len < MAX_KEPT => (&mut self.first, len),
            _ => {
                self.later += 1;
                (&mut self.last, (self.later - 1) % MAX_KEPT)
            }
        };
        if at == kept.len() {
            kept.push(Rung::default());
        }
        if let Some(rung) = kept.get_mut(at) {
            rung.set(step);
        }
    }

    /// The entries in the order of the file, and how many are left out in the middle.
    pub(super) fn entries(&self, begin_us: Option<u64>) -> (Vec<LadderEntry>, u64) {
        let oldest = if self.later > MAX_KEPT {
            self.later % MAX_KEPT
        } else {
            0
        };
        let (newer, older) = self.last.split_at(oldest.min(self.last.len()));
        let rungs = self.first.iter().chain(older).chain(newer);
        let mut endpoints = Endpoints::default();
        (
            rungs
                .map(|rung| rung.entry(begin_us, &mut endpoints))
                .collect(),
            self.later.saturating_sub(MAX_KEPT) as u64,
        )
    }
}

/// Endpoints as text, each made once: a call has a few, and a ladder two in each entry.
#[derive(Default)]
struct Endpoints(Vec<(SocketAddr, bool, String)>);

impl Endpoints {
    fn text(&mut self, end: SocketAddr, has_port: bool) -> String {
        let known = self
            .0
            .iter()
            .find(|known| (known.0, known.1) == (end, has_port));
        if let Some((.., text)) = known {
            return text.clone();
        }
        let text = endpoint(end, has_port);
        self.0.push((end, has_port, text.clone()));
        text
    }
}

impl Rung {
    fn set(&mut self, step: &Step<'_>) {
        let Step {
            packet,
            time_us,
            route,
            message,
            call,
            repeats,
        } = *step;
        self.line.clear();
        match message.start {
            Start::Request { method, uri } => {
                self.line
                    .extend_from_slice(&method[..method.len().min(MAX_LINE / 2)]);
                self.line.push(b' ');
                push_without_password(&mut self.line, uri);
            }
            // Without `SIP/2.0 `.
            Start::Response { .. } => {
                let rest = message.start_line.get(8..).unwrap_or_default();
                self.line
                    .extend_from_slice(&rest[..rest.len().min(MAX_LINE)]);
            }
            // One that lacks its version may be anything, a header field with credentials among
            // others.
            Start::Malformed => match message
                .start_line
                .windows(VERSION.len())
                .any(|part| part == VERSION)
            {
                true => push_without_password(&mut self.line, message.start_line),
                false => {
                    let word = message
                        .start_line
                        .iter()
                        .take(MAX_WORD)
                        .take_while(|byte| byte.is_ascii_alphanumeric());
                    self.line.extend(word);
                    self.line.extend_from_slice("…".as_bytes());
                }
            },
        }
        self.line.truncate(MAX_LINE);
        let method = message.cseq.map_or(&[][..], |CSeq { method, .. }| method);
        self.method.clear();
        self.method
            .extend_from_slice(&method[..method.len().min(MAX_LINE / 2)]);
        self.cseq = message.cseq.map(|cseq| cseq.number);
        (
            self.packet,
            self.time_us,
            self.route,
            self.call,
            self.repeats,
        ) = (packet, time_us, Some(route), call, repeats);
    }

    fn entry(&self, begin_us: Option<u64>, endpoints: &mut Endpoints) -> LadderEntry {
        let dated = (self.time_us >= YEAR_1971_US).then_some(self.time_us);
        let mut end = |pick: fn(&Route) -> SocketAddr| {
            self.route.map_or_else(String::new, |route| {
                endpoints.text(pick(&route), route.directed)
            })
        };
        LadderEntry {
            packet: self.packet,
            after_us: dated
                .zip(begin_us)
                .map(|(time, begin)| time.saturating_sub(begin)),
            source: end(|route| route.source),
            destination: end(|route| route.destination),
            directed: self.route.is_some_and(|route| route.directed),
            line: printable(&self.line),
            cseq: self.cseq.map_or_else(String::new, |number| {
                format!("{number} {}", printable(&self.method))
            }),
            call: self.call,
            repeats: self.repeats,
        }
    }
}

/// Appends a URI, or a line with one, without what in it may be secret: the password of
/// `sip:user:password@host` and the header fields of `sip:host?header=value` (RFC 3261 §19.1.1).
fn push_without_password(line: &mut Vec<u8>, text: &[u8]) {
    let text = match memchr(b'?', text) {
        Some(at) => [&text[..at], b"?***"],
        None => [text, b""],
    };
    let [uri, headers] = text;
    let user = memchr(b':', uri).map_or(0, |colon| colon + 1);
    match password(&uri[user..]) {
        Some(password) => {
            line.extend_from_slice(&uri[..user + password.start]);
            line.extend_from_slice(b"***");
            line.extend_from_slice(&uri[user + password.end..]);
        }
        None => line.extend_from_slice(uri),
    }
    line.extend_from_slice(headers);
}
