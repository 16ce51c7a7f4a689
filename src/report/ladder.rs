//! The ladder: the first and the last SIP messages of a capture, one entry each.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use memchr::memchr;

use super::capture_report::LadderEntry;
use super::printable::printable;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::sip::{Content, Message, RedactedKinds, StartLine, redact_line, uri_secrets};

/// Entries kept at each end. A call has 7 messages; with retransmissions and re-INVITEs it has some
/// dozens.
const MAX_KEPT: usize = 100;

/// Bytes kept of a start line.
const MAX_LINE: usize = 160;

/// Bytes kept of a method: half a line, so that some of the URI is kept as well.
const MAX_METHOD: usize = MAX_LINE / 2;

/// Bytes kept of the first word of a start line without `SIP/2.0`.
const MAX_WORD: usize = 16;

/// The first and the last messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    first: Vec<LadderMessage>,
    /// A ring buffer once it has [`MAX_KEPT`] messages.
    last: Vec<LadderMessage>,
    /// Number of messages that were put into `last`.
    later: usize,
}

/// A message as the analysis sees it.
pub(super) struct Observation<'a> {
    pub(super) packet: u64,
    pub(super) part: Option<u32>,
    pub(super) time_us: u64,
    pub(super) route: Route,
    pub(super) message: &'a Message<'a>,
    /// Index of its Call-ID.
    pub(super) call: Option<u32>,
    /// The packet that it repeats.
    pub(super) repeats: Option<u64>,
}

impl Ladder {
    /// Adds a message. The oldest of the last ones gives way.
    pub(super) fn push(&mut self, observation: &Observation<'_>) {
        let (kept, at) = match self.first.len() {
            len if len < MAX_KEPT => (&mut self.first, len),
            _ => {
                // The middle of the ladder is the least telling part of a long call.
                self.later += 1;
                (&mut self.last, (self.later - 1) % MAX_KEPT)
            }
        };
        if at == kept.len() {
            kept.push(LadderMessage::default());
        }
        if let Some(message) = kept.get_mut(at) {
            message.set(observation);
        }
    }

    /// The entries in the order of the file, and the number of messages omitted in the middle.
    /// `start_us` is the time of the earliest packet.
    pub(super) fn entries(&self, start_us: Option<u64>) -> (Vec<LadderEntry>, u64) {
        let oldest = match self.later > MAX_KEPT {
            true => self.later % MAX_KEPT,
            false => 0,
        };
        // A full ring begins with its oldest message at the place that is written next.
        let (newer, older) = self.last.split_at(oldest.min(self.last.len()));
        let messages = self.first.iter().chain(older).chain(newer);
        let mut endpoints = Endpoints::default();
        (
            messages
                .map(|message| message.entry(start_us, &mut endpoints))
                .collect(),
            self.later.saturating_sub(MAX_KEPT) as u64,
        )
    }
}

/// Addresses as text. Each is formatted once: a call has a few, and the ladder shows two of them in
/// each entry.
#[derive(Default)]
struct Endpoints(Vec<(SocketAddr, bool, String)>);

impl Endpoints {
    fn text(&mut self, address: SocketAddr, has_port: bool) -> String {
        let known = self
            .0
            .iter()
            .find(|known| (known.0, known.1) == (address, has_port));
        if let Some((.., text)) = known {
            return text.clone();
        }
        let text = endpoint(address, has_port);
        self.0.push((address, has_port, text.clone()));
        text
    }
}

/// A kept message. It is cheaper to fill than a [`LadderEntry`], since most are overwritten again:
/// its buffers are reused, and text is made for the report alone.
#[derive(Clone, Debug, Default)]
struct LadderMessage {
    packet: u64,
    part: Option<u32>,
    time_us: u64,
    route: Option<Route>,
    /// The start line; without version and secrets unless it is `raw`.
    line: Vec<u8>,
    /// Whether the line is as it was received. Secrets and version are then removed when the entry
    /// is made, because most messages give way to others before.
    raw: bool,
    cseq: Option<u32>,
    method: Vec<u8>,
    call: Option<u32>,
    repeats: Option<u64>,
}

impl LadderMessage {
    fn set(&mut self, observation: &Observation<'_>) {
        let message = observation.message;
        self.packet = observation.packet;
        self.part = observation.part;
        self.time_us = observation.time_us;
        self.route = Some(observation.route);
        self.call = observation.call;
        self.repeats = observation.repeats;
        self.cseq = message.cseq.map(|cseq| cseq.number);
        let method = message.cseq.map_or(&[][..], |cseq| cseq.method);
        self.method.clear();
        self.method
            .extend_from_slice(&method[..method.len().min(MAX_METHOD)]);
        self.line.clear();
        self.raw = message.start_line.len() <= MAX_LINE;
        if self.raw {
            self.line.extend_from_slice(message.start_line);
        } else {
            // Secrets are removed before the line is cut, or half of a password might stay.
            push_redacted(&mut self.line, message.start_line, message.start);
            self.line.truncate(MAX_LINE);
        }
    }

    /// The start line without its version and without secrets.
    fn start_line(&self) -> Cow<'_, [u8]> {
        if !self.raw {
            return Cow::Borrowed(&self.line);
        }
        let mut line = Vec::new();
        push_redacted(&mut line, &self.line, StartLine::parse(&self.line));
        line.truncate(MAX_LINE);
        Cow::Owned(line)
    }

    fn entry(&self, start_us: Option<u64>, endpoints: &mut Endpoints) -> LadderEntry {
        let time_us = (self.time_us >= YEAR_1971_US).then_some(self.time_us);
        let mut address = |pick: fn(&Route) -> SocketAddr| {
            self.route.map_or_else(String::new, |route| {
                endpoints.text(pick(&route), route.directed)
            })
        };
        LadderEntry {
            packet: self.packet,
            part: self.part,
            after_us: time_us
                .zip(start_us)
                .map(|(time, start)| time.saturating_sub(start)),
            source: address(|route| route.source),
            destination: address(|route| route.destination),
            directed: self.route.is_some_and(|route| route.directed),
            line: printable(&self.start_line()),
            cseq: self.cseq.map_or_else(String::new, |number| {
                format!("{number} {}", printable(&self.method))
            }),
            call: self.call,
            repeats: self.repeats,
        }
    }
}

/// A start line without its version and without secrets, cut after 160 bytes.
pub(crate) fn shown_start_line(start_line: &[u8], start: StartLine<'_>) -> String {
    let mut line = Vec::new();
    push_redacted(&mut line, start_line, start);
    line.truncate(MAX_LINE);
    printable(&line)
}

/// Appends a start line without its version and without secrets, as `homer_read_message` shows
/// them; it may be longer than [`MAX_LINE`].
fn push_redacted(line: &mut Vec<u8>, start_line: &[u8], start: StartLine<'_>) {
    push_start_line(line, start_line, start);
    redact_line(line, Content::Redact, &mut RedactedKinds::default());
}

/// Appends a start line without its version and without the secrets of its URI; it may be longer
/// than [`MAX_LINE`].
fn push_start_line(line: &mut Vec<u8>, start_line: &[u8], start: StartLine<'_>) {
    const VERSION: &[u8] = b"SIP/2.0";
    match start {
        StartLine::Request { method, uri } => {
            line.extend_from_slice(&method[..method.len().min(MAX_METHOD)]);
            line.push(b' ');
            push_without_secrets(line, uri);
        }
        StartLine::Response { .. } => {
            let rest = start_line.get(VERSION.len() + 1..).unwrap_or_default();
            line.extend_from_slice(&rest[..rest.len().min(MAX_LINE)]);
        }
        StartLine::Malformed
            if start_line
                .windows(VERSION.len())
                .any(|part| part == VERSION) =>
        {
            push_without_secrets(line, start_line);
        }
        // Without its version, a start line may be anything: in a message that lost its first
        // line, a header field with credentials.
        StartLine::Malformed => {
            let word = start_line
                .iter()
                .take(MAX_WORD)
                .take_while(|byte| byte.is_ascii_alphanumeric());
            line.extend(word);
            line.extend_from_slice("…".as_bytes());
        }
    }
}

/// Appends a URI, or a line that contains one, with `***` for a password and for header fields.
fn push_without_secrets(line: &mut Vec<u8>, text: &[u8]) {
    // After the scheme. A line has one too, since a method cannot contain a colon.
    let (scheme, uri) = text.split_at(memchr(b':', text).map_or(0, |colon| colon + 1));
    line.extend_from_slice(scheme);
    let secrets = uri_secrets(uri);
    let mut shown = 0;
    for secret in [secrets.password, secrets.header_fields]
        .into_iter()
        .flatten()
    {
        line.extend_from_slice(&uri[shown..secret.start]);
        line.extend_from_slice(b"***");
        shown = secret.end;
    }
    line.extend_from_slice(&uri[shown..]);
}
