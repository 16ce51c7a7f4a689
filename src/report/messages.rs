//! The messages in the payloads of a capture. On a stream transport, a payload holds one message,
//! several of them, or a part of one (RFC 3261 §18.3).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::continuation::{continues, has_empty_line, is_certain_start, is_cut_start_line};
use super::payload::is_log;
use crate::finding::Rule;
use crate::packet::Route;
use crate::sip::{Message, Parser, StartLine, Truncation};

/// Most bytes that wait for the rest of a message, inclusive. A message over TCP seldom has more
/// than a few kilobytes; Homer stores at most 64 KiB of one.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// Longest time between two segments of a message, in microseconds, inclusive. A lost segment comes
/// again after a second (RFC 6298 §2), and a few seconds if it is lost twice. What keeps a
/// connection open comes later (RFC 5626 §4.4.1: from 95 s on).
const MAX_PAUSE_US: u64 = 5_000_000;

/// Most payloads that wait for the rest of a message, inclusive: the segments of one message follow
/// each other at once, so that few others come between them.
const MAX_WAITING: usize = 64;

/// A payload with its packet.
#[derive(Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) packet: u64,
    pub(super) time_us: u64,
    /// False if the capture cut it off.
    pub(super) is_whole: bool,
    pub(super) route: Route,
    pub(super) payload: &'a [u8],
}

/// What the payloads hold.
pub(super) enum Content<'a> {
    Message(&'a Received<'a>),
    /// A start line without line end, after the last message of this packet, at this offset.
    CutStartLine(u64, usize),
    /// A payload without a message, and where it is.
    Other(&'a Segment, &'a Route, &'a [u8]),
}

/// Gets what the payloads hold, in the order of the file.
pub(super) trait Receiver {
    fn receive(&mut self, content: Content<'_>);
}

/// A broken rule, with its packet and its offset in the payload of the packet.
pub(super) type Broken = (u64, Option<usize>, Rule);

/// A message as it arrived.
pub(super) struct Received<'a> {
    /// The packet in which it begins, and the time of this packet.
    pub(super) packet: u64,
    pub(super) time_us: u64,
    pub(super) is_whole: bool,
    pub(super) route: Route,
    /// Its number among the messages that begin in the same packet; none if it is the only one.
    pub(super) part: Option<u32>,
    pub(super) bytes: &'a [u8],
    pub(super) message: &'a Message<'a>,
    /// The broken rules, each once, with packet and offset.
    pub(super) broken: &'a [Broken],
    place: Place<'a>,
}

impl Received<'_> {
    /// The packet that holds the byte at this offset of the message, and its offset there.
    pub(super) fn locate(&self, offset: usize) -> (u64, usize) {
        self.place.locate(offset)
    }
}

/// Where bytes come from: segments, and the offset of the message in them.
#[derive(Clone, Copy)]
struct Place<'a> {
    segments: &'a [Segment],
    at: usize,
}

impl Place<'_> {
    fn locate(&self, offset: usize) -> (u64, usize) {
        let at = self.at + offset;
        let segment = self.segments.iter().rfind(|segment| segment.start <= at);
        segment.map_or((0, at), |segment| {
            (segment.packet, at - segment.start + segment.offset)
        })
    }
}

/// The bytes of one packet among those of a message that several packets hold.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Segment {
    pub(super) packet: u64,
    pub(super) time_us: u64,
    /// Where its bytes begin among those of all segments.
    start: usize,
    /// Where they begin in the payload of the packet.
    offset: usize,
    /// Number of messages so far that begin in the packet.
    messages: u32,
}

/// The parser, and the payloads that wait for the rest of a message.
///
/// A message that ends too early on a stream waits for the next packet of the same stream. So that
/// messages stay in order, all later payloads wait with it; there are only a few.
#[derive(Clone, Default)]
pub(super) struct Messages {
    parser: Parser,
    waiting: VecDeque<Waiting>,
    /// Number of bytes in `waiting`.
    bytes: usize,
}

/// A copy of a payload, perhaps without the messages at its start, and with what continues it.
#[derive(Clone)]
struct Waiting {
    route: Route,
    is_whole: bool,
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// None if it has yet to be parsed.
    rest: Option<Rest>,
}

/// The rest that a message lacks.
#[derive(Clone, Copy)]
struct Rest {
    /// Length of the whole message, once its header is there.
    len: Option<usize>,
    /// The bytes before have no empty line. Without it, a message in pieces of one byte would be
    /// searched as often as it has bytes.
    searched: usize,
    /// Index of the next waiting payload that may continue the message.
    next: usize,
    /// So many bytes of the stream from there on do not tell whether they continue it.
    undecided: usize,
}

/// What became of a payload.
enum Outcome {
    NotSip,
    Done,
    /// A message at this offset needs its rest; the length of the message, if it is known.
    Truncated(usize, Option<usize>),
}

impl core::fmt::Debug for Messages {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Messages")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Messages {
    /// Whether payloads wait for the rest of a message.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Adds the next payload. `receiver` gets what is complete.
    pub(super) fn add(&mut self, datagram: &Datagram<'_>, receiver: &mut impl Receiver) {
        let segment = Segment {
            packet: datagram.packet,
            time_us: datagram.time_us,
            start: 0,
            offset: 0,
            messages: 0,
        };
        let mut segments = [segment];
        let (route, payload) = (&datagram.route, datagram.payload);
        if self.waiting.is_empty() {
            let mut read = Reading {
                parser: &mut self.parser,
                route,
                is_whole: datagram.is_whole,
                bytes: payload,
                may_wait: true,
            };
            match read.all(&mut segments, receiver) {
                Outcome::Done => return,
                Outcome::NotSip => {
                    let [segment] = &segments;
                    return receiver.receive(Content::Other(segment, route, payload));
                }
                Outcome::Truncated(at, len) => {
                    self.push(Waiting::new(*route, payload, &segments, at, len));
                }
            }
            return;
        }
        self.push(Waiting {
            route: *route,
            is_whole: datagram.is_whole,
            bytes: payload.to_vec(),
            segments: segments.to_vec(),
            rest: None,
        });
        self.drain(false, receiver);
    }

    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes.len();
        self.waiting.push_back(waiting);
    }

    /// Reads the waiting payloads as far as possible, or all of them.
    pub(super) fn drain(&mut self, all: bool, receiver: &mut impl Receiver) {
        while let Some(first) = self.waiting.front() {
            let mut may_wait = true;
            if first.rest.is_some() {
                match self.join() {
                    Joined::Complete => {}
                    Joined::Incomplete => continue,
                    Joined::NotContinued => may_wait = false,
                    Joined::NotYet => {
                        let is_full =
                            self.bytes > MAX_WAITING_BYTES || self.waiting.len() > MAX_WAITING;
                        if !all && !is_full {
                            return;
                        }
                        may_wait = false;
                    }
                }
            }
            let Some(first) = self.waiting.pop_front() else {
                return;
            };
            self.bytes -= first.bytes.len();
            self.read(first, may_wait, receiver);
        }
    }

    /// Reads the payload that has waited longest.
    fn read(&mut self, mut first: Waiting, may_wait: bool, receiver: &mut impl Receiver) {
        let mut read = Reading {
            parser: &mut self.parser,
            route: &first.route,
            is_whole: first.is_whole,
            bytes: &first.bytes,
            may_wait,
        };
        match read.all(&mut first.segments, receiver) {
            Outcome::Done => {}
            Outcome::NotSip => match first.segments.first() {
                // The rest of a payload that held messages.
                Some(segment) if segment.offset > 0 => {
                    receiver.receive(Content::CutStartLine(segment.packet, segment.offset));
                }
                Some(segment) => {
                    receiver.receive(Content::Other(segment, &first.route, &first.bytes))
                }
                None => {}
            },
            Outcome::Truncated(at, len) => {
                let rest = Waiting::new(first.route, &first.bytes, &first.segments, at, len);
                self.bytes += rest.bytes.len();
                self.waiting.push_front(rest);
            }
        }
    }

    /// Appends the next payload of the same stream to the first one, if it continues it.
    fn join(&mut self) -> Joined {
        let Some((first, later)) = split_first(&mut self.waiting) else {
            return Joined::NotYet;
        };
        let Some(rest) = &mut first.rest else {
            return Joined::Complete;
        };
        // The next bytes of the stream. Those of one payload may not suffice to tell whether they
        // continue the message.
        let mut ahead = Vec::new();
        let (mut bytes, mut segments) = (&first.bytes, &first.segments);
        for (index, next) in later.iter().enumerate().skip(rest.next) {
            let is_unrelated = next.route != first.route
                || next.bytes.is_empty()
                || is_captured_twice(bytes, segments, next);
            if is_unrelated {
                if ahead.is_empty() {
                    rest.next = index + 1;
                }
                continue;
            }
            if is_late(segments, next) {
                return Joined::NotContinued;
            }
            ahead.extend_from_slice(&next.bytes);
            (bytes, segments) = (&next.bytes, &next.segments);
            if ahead.len() <= rest.undecided {
                continue;
            }
            match continues(&first.bytes, rest.len, &ahead) {
                Some(true) => return self.append(),
                Some(false) => return Joined::NotContinued,
                None => rest.undecided = ahead.len(),
            }
        }
        Joined::NotYet
    }

    /// Appends the payload at [`Rest::next`] to the first one.
    fn append(&mut self) -> Joined {
        let next = (self.waiting.front())
            .and_then(|first| first.rest)
            // The front itself has index 0.
            .and_then(|rest| self.waiting.remove(rest.next + 1));
        let Some((next, first)) = next.zip(self.waiting.front_mut()) else {
            return Joined::NotContinued;
        };
        let at = first.bytes.len();
        first.bytes.extend_from_slice(&next.bytes);
        first.is_whole &= next.is_whole;
        let segments = next.segments.iter().map(|segment| Segment {
            start: at + segment.start,
            ..*segment
        });
        first.segments.extend(segments);
        let is_complete = first.rest.as_mut().is_none_or(|rest| {
            rest.undecided = 0;
            match rest.len {
                Some(len) => first.bytes.len() >= len,
                None => has_empty_line(&first.bytes, &mut rest.searched),
            }
        });
        if is_complete {
            first.rest = None;
            return Joined::Complete;
        }
        Joined::Incomplete
    }
}

/// What became of the attempt to find the rest of a message.
enum Joined {
    /// The message may be complete.
    Complete,
    /// Some of the rest was found.
    Incomplete,
    /// The next packet of the stream begins another message.
    NotContinued,
    /// The next packet of the stream has not come yet.
    NotYet,
}

/// The first payload, and those after it.
fn split_first(waiting: &mut VecDeque<Waiting>) -> Option<(&mut Waiting, &mut [Waiting])> {
    waiting.make_contiguous().split_first_mut()
}

/// Whether a payload is the last segment again: another agent, or a mirror port, captured it. Some
/// bytes may be the same by chance, such as two line ends.
fn is_captured_twice(bytes: &[u8], segments: &[Segment], next: &Waiting) -> bool {
    const MIN_LEN: usize = 16;
    let Some(segment) = segments.last() else {
        return false;
    };
    // Messages before the one that waits are part of the same payload.
    let last = bytes.get(segment.start..).unwrap_or_default();
    last.len() >= MIN_LEN
        && next.bytes.len() == segment.offset + last.len()
        && next.bytes.ends_with(last)
}

/// Whether a payload comes too long after the last segment to continue it.
fn is_late(segments: &[Segment], next: &Waiting) -> bool {
    let times = segments.last().zip(next.segments.first());
    times.is_some_and(|(last, next)| last.time_us.abs_diff(next.time_us) > MAX_PAUSE_US)
}

impl Waiting {
    /// Keeps the payload from the message at `at` on, which lacks its rest.
    fn new(
        route: Route,
        payload: &[u8],
        segments: &[Segment],
        at: usize,
        len: Option<usize>,
    ) -> Self {
        let bytes = payload.get(at..).unwrap_or_default().to_vec();
        // Segments before the message have been read.
        let first = segments.iter().rposition(|it| it.start <= at).unwrap_or(0);
        let segments = segments.iter().skip(first).map(|segment| Segment {
            start: segment.start.saturating_sub(at),
            offset: segment.offset + at.saturating_sub(segment.start),
            ..*segment
        });
        let searched = bytes.len();
        Self {
            route,
            // What the capture cut off does not wait.
            is_whole: true,
            bytes,
            segments: segments.collect(),
            rest: Some(Rest {
                len,
                searched,
                next: 0,
                undecided: 0,
            }),
        }
    }
}

/// Reads the messages of one payload, or of several that were joined.
struct Reading<'a, 'p> {
    parser: &'p mut Parser,
    route: &'a Route,
    is_whole: bool,
    bytes: &'a [u8],
    /// Whether a message at the end may wait for its rest.
    may_wait: bool,
}

impl<'a> Reading<'a, '_> {
    fn all(&mut self, segments: &mut [Segment], receiver: &mut impl Receiver) -> Outcome {
        let mut broken = Vec::new();
        let mut message = Message::EMPTY;
        if !self.parse(&mut message, segments, 0, &mut broken) {
            let waits = self.may_wait
                && self.is_whole
                && is_certain_start(self.bytes)
                && !is_log(self.route);
            return match waits {
                true => Outcome::Truncated(0, None),
                false => Outcome::NotSip,
            };
        }
        // A log that quotes a message: its first line is not a start line, but Call-ID and CSeq
        // follow.
        if message.start == StartLine::Malformed && is_log(self.route) {
            return Outcome::NotSip;
        }
        let mut at = 0;
        loop {
            if self.waits(&message) {
                let start = message.start_offset(&self.bytes[at..]);
                let len = message
                    .content_length
                    .filter(|_| message.truncated == Some(Truncation::Body))
                    .map(|len| (message.body_offset - start).saturating_add(len as usize));
                // A message that is too long would only displace others.
                if len.is_none_or(|len| len <= MAX_WAITING_BYTES) {
                    return Outcome::Truncated(at + start, len);
                }
            }
            let end = at + message.end;
            let (mut next, mut next_broken, mut is_cut) = (None, Vec::new(), false);
            let mut len = message.end;
            if end < self.bytes.len() {
                let mut found = Message::EMPTY;
                let is_message = self.parse(&mut found, segments, end, &mut next_broken);
                next = is_message.then_some(found);
                let tail = self.bytes.get(end..).unwrap_or_default();
                is_cut = next.is_none() && is_cut_start_line(tail);
                // Without the line ends between two messages.
                len = message.body_offset + message.body.len();
            }
            let part = part(segments, at, (next.is_some() || is_cut).then_some(end));
            let place = Place { segments, at };
            let (packet, time_us) = place.begin(message.start_offset(&self.bytes[at..]));
            receiver.receive(Content::Message(&Received {
                packet,
                time_us,
                is_whole: self.is_whole,
                route: *self.route,
                part,
                bytes: &self.bytes[at..at + len],
                message: &message,
                broken: &broken,
                place,
            }));
            match next {
                Some(next) => (message, broken, at) = (next, next_broken, end),
                None if is_cut && self.may_wait && self.is_whole => {
                    return Outcome::Truncated(end, None);
                }
                None if is_cut && self.is_whole => {
                    let (packet, offset) = Place { segments, at: end }.locate(0);
                    receiver.receive(Content::CutStartLine(packet, offset));
                    return Outcome::Done;
                }
                None => return Outcome::Done,
            }
        }
    }

    /// Whether a message waits for its rest.
    fn waits(&self, message: &Message<'_>) -> bool {
        let lacks_rest = match message.truncated {
            // The field that names the transport may be cut off as well.
            Some(Truncation::Header) => !message.is_on_udp(),
            Some(Truncation::Body) => message.is_on_stream(),
            None => false,
        };
        lacks_rest && self.may_wait && self.is_whole && message.start != StartLine::Malformed
    }

    /// Parses the message at `at`, and adds the rules that it breaks, each once.
    /// Returns false if there is none.
    fn parse(
        &mut self,
        message: &mut Message<'a>,
        segments: &[Segment],
        at: usize,
        broken: &mut Vec<Broken>,
    ) -> bool {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let place = Place { segments, at };
        let mut on_finding = |offset: Option<usize>, rule: Rule| {
            if broken.iter().all(|(.., other)| other.code() != rule.code()) {
                let (packet, place) = place.locate(offset.unwrap_or_default());
                broken.push((packet, offset.map(|_| place), rule));
            }
        };
        self.parser
            .parse_into(message, bytes, self.is_whole, &mut on_finding)
    }
}

impl Place<'_> {
    /// The packet and time of the segment that holds the byte at this offset of the message.
    fn begin(&self, offset: usize) -> (u64, u64) {
        // Nearly all messages have a packet of their own.
        if let [segment] = self.segments {
            return (segment.packet, segment.time_us);
        }
        let at = self.at + offset;
        let segment = self.segments.iter().rfind(|segment| segment.start <= at);
        segment.map_or((0, 0), |segment| (segment.packet, segment.time_us))
    }
}

/// Counts the message at `at`. Returns its number among those that begin in the same packet, and
/// none if it is the only one. `next` is the offset of the next message, if there is one.
fn part(segments: &mut [Segment], at: usize, next: Option<usize>) -> Option<u32> {
    let index = segments.iter().rposition(|segment| segment.start <= at)?;
    let end = segments.get(index + 1).map_or(usize::MAX, |it| it.start);
    let segment = segments.get_mut(index)?;
    segment.messages += 1;
    let is_only = segment.messages == 1 && next.is_none_or(|next| next >= end);
    (!is_only).then_some(segment.messages)
}
