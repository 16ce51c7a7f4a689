//! Looks at the packet records of a capture, one after the other, and keeps what a report needs of
//! them: a bounded amount, whatever comes.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::SocketAddr;

use hashbrown::HashTable;

use super::call::{Call, Outcome};
use super::ladder::{Ladder, Step};
use super::repeats::{Repeat, Repeats};
use super::transactions::{Calls, Transactions};
use super::{CaptureReport, Count, Findings, MAX_NAME, hash, printable};
use crate::finding::Rule;
use crate::homer::Api;
use crate::homer::v11::MAX_ROWS;
use crate::packet::{Packet, Route, endpoint};
use crate::pcap::{MAX_PACKET_BYTES, Record, Stats, YEAR_1971_US};
use crate::query::{CallId, Query, Window};
use crate::sip::{Message, Reader, Sdp, Start};

/// Call-IDs remembered, beside those that were asked for: others that Homer correlates.
const MAX_CALLS: usize = 256;

/// Bytes of a Call-ID that are remembered: those of the longest that can be asked for.
const MAX_CALL_ID: usize = 4 * CallId::MAX_CHARS;

/// Addresses remembered; methods, statuses and transports, each.
const MAX_KINDS: usize = 32;

/// Keeps what a report needs of a capture.
#[derive(Clone, Debug)]
pub struct Analyzer {
    asked: Vec<CallId>,
    window: Window,
    reader: Reader,
    calls: Vec<Call>,
    /// Hashes of Call-IDs, and where in `calls` they are.
    call_index: HashTable<(u64, u32)>,
    transactions: Transactions,
    repeats: Repeats,
    ladder: Ladder,
    findings: Findings,
    /// Addresses, and whether their ports are known.
    participants: Vec<(SocketAddr, bool)>,
    requests: Vec<(Vec<u8>, u64)>,
    responses: Vec<(u16, u64)>,
    transports: Vec<(Vec<u8>, u64)>,
    others: [u64; OTHERS.len()],
    sip_messages: u64,
    retransmissions: u64,
    duplicates: u64,
    undirected: u64,
    /// Time of the last packet so far that is not dated 1970.
    last_us: u64,
    /// Whether it has been said that time goes backwards.
    backwards: bool,
    /// Whether some table had no room.
    overflowed: bool,
}

/// What a packet is that is no SIP message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    Rtcp,
    Json,
    Log,
    Empty,
    Text,
    Data,
    Segment,
    Fragment,
    Unread,
}

/// Names of [`Other`], in its order.
const OTHERS: [&str; 9] = [
    "RTCP as JSON",
    "JSON",
    "log line",
    "empty or keep-alive",
    "text",
    "other data",
    "TCP or SCTP segment",
    "IP fragment",
    "no UDP over IP",
];

impl Other {
    /// Homer has logs without ports (recording `export-rtcp-log`).
    fn is_log(route: &Route) -> bool {
        route.source.port() == 0 && route.destination.port() == 0 && route.directed
    }

    fn of(route: &Route, payload: &[u8]) -> Self {
        match payload.trim_ascii() {
            [] => Self::Empty,
            _ if Self::is_log(route) => Self::Log,
            [b'{', ..] => {
                let beginning = payload.get(..512).unwrap_or(payload);
                let says = |name: &[u8]| beginning.windows(name.len()).any(|part| part == name);
                match says(b"\"report_blocks\"")
                    || says(b"\"sender_information\"")
                    || says(b"\"report_count\"")
                {
                    true => Self::Rtcp,
                    false => Self::Json,
                }
            }
            [b' '..=b'~', ..] => Self::Text,
            _ => Self::Data,
        }
    }
}

impl Analyzer {
    /// Before the first packet of the answer to `query`.
    pub fn new(query: &Query) -> Self {
        Self {
            asked: query.call_ids().to_vec(),
            window: query.window(),
            reader: Reader::default(),
            calls: Vec::new(),
            call_index: HashTable::new(),
            transactions: Transactions::default(),
            repeats: Repeats::default(),
            ladder: Ladder::default(),
            findings: Findings::default(),
            participants: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            transports: Vec::new(),
            others: [0; OTHERS.len()],
            sip_messages: 0,
            retransmissions: 0,
            duplicates: 0,
            undirected: 0,
            last_us: 0,
            backwards: false,
            overflowed: false,
        }
    }

    /// Takes the next packet record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.record_itself(record);
        match Packet::read(record.file.link_type, record.data) {
            Packet::Udp {
                route,
                payload,
                wrapped,
            } => {
                if let Some(len) = wrapped {
                    self.findings
                        .push(record.number, None, Rule::IpLengthWrapped { len });
                }
                if !self.message(record, route, payload) {
                    self.other(Other::of(&route, payload));
                }
            }
            Packet::Segment => self.other(Other::Segment),
            Packet::Fragment => self.other(Other::Fragment),
            Packet::Other => self.other(Other::Unread),
        }
    }

    /// What can be said of a record without a look into it.
    fn record_itself(&mut self, record: &Record<'_>) {
        let (len, snaplen) = (record.captured_len, record.file.snaplen);
        if len as usize > MAX_PACKET_BYTES {
            self.findings
                .push(record.number, None, Rule::RecordTooLongForWireshark { len });
        } else if len > snaplen {
            self.findings.push(
                record.number,
                None,
                Rule::RecordAboveSnaplen { len, snaplen },
            );
        }
        // Homer sorts by capture time; rows that have none are dated 1970, and stand anywhere.
        if record.time_us >= YEAR_1971_US {
            if record.time_us < self.last_us && !self.backwards {
                // Said once: where two orders are mixed, every other packet does so.
                self.backwards = true;
                let by_us = self.last_us - record.time_us;
                self.findings
                    .push(record.number, None, Rule::TimeBackwards { by_us });
            }
            self.last_us = record.time_us;
        }
    }

    fn other(&mut self, other: Other) {
        if let Some(count) = self.others.get_mut(other as usize) {
            *count += 1;
        }
    }

    /// Takes a datagram's payload; false if it is no SIP message.
    fn message(&mut self, record: &Record<'_>, route: Route, payload: &[u8]) -> bool {
        let packet = record.number;
        // Rules that it breaks, each once, kept until it is known to be no repetition.
        let mut flaws: Vec<(Option<usize>, Rule)> = Vec::new();
        let read = self
            .reader
            .read(payload, record.is_whole(), &mut |at, flaw| {
                if flaws.iter().all(|(_, other)| other.code() != flaw.code()) {
                    flaws.push((at, flaw));
                }
            });
        let Some(message) = &read else { return false };
        if message.start == Start::Malformed && Other::is_log(&route) {
            // A log of SIP messages is no message.
            return false;
        }
        self.sip_messages += 1;
        self.count(&route, message);
        let repeat = self.repeats.of(packet, record.time_us, &route, payload);
        let call = message.call_id.and_then(|id| self.call(id));
        let repeats = repeat.map(Repeat::first);
        self.ladder.push(&Step {
            packet,
            time_us: record.time_us,
            route,
            message,
            call,
            repeats,
        });
        match repeat {
            Some(Repeat::Retransmission(_)) => self.retransmissions += 1,
            Some(Repeat::Duplicate(_)) => self.duplicates += 1,
            Some(Repeat::Unknown(_)) | None => {}
        }
        if repeat.is_some() {
            // All has been said of the first.
            return true;
        }
        for (offset, flaw) in flaws {
            self.findings.push(packet, offset, flaw);
        }
        let media = self.media(packet, record.is_whole(), message);
        if let Some(call) = call {
            self.transactions
                .message(packet, call, message, media, &mut self.findings);
            if let Some(known) = self.calls.get_mut(call as usize)
                && let Some(field) = known.message(packet, record.time_us, &route, message)
            {
                self.findings.push(
                    packet,
                    None,
                    Rule::TagChanged {
                        field,
                        request: None,
                    },
                );
            }
        }
        true
    }

    /// The number of media descriptions, if there is a session description.
    fn media(&mut self, packet: u64, is_whole: bool, message: &Message<'_>) -> Option<u32> {
        let content = message.content();
        if content.is_empty() || !message.is_sdp() || !is_whole {
            return None;
        }
        match Sdp::read(content) {
            Ok(sdp) => Some(sdp.media),
            Err((at, flaw)) => {
                self.findings
                    .push(packet, Some(message.body_offset + at), flaw);
                None
            }
        }
    }

    fn count(&mut self, route: &Route, message: &Message<'_>) {
        self.undirected += u64::from(!route.directed);
        for end in [route.source, route.destination] {
            let end = (end, route.directed);
            if !self.participants.contains(&end) {
                match self.participants.len() < MAX_KINDS {
                    true => self.participants.push(end),
                    false => self.overflowed = true,
                }
            }
        }
        match message.start {
            Start::Request { method, .. } => {
                let method = &method[..method.len().min(MAX_NAME)];
                self.overflowed |= !count(
                    &mut self.requests,
                    |known| known == method,
                    || method.to_vec(),
                );
            }
            Start::Response { status, .. } => {
                self.overflowed |= !count(&mut self.responses, |known| *known == status, || status);
            }
            Start::Malformed => {}
        }
        let transport = message.via.map_or(&[][..], |via| via.transport);
        if !transport.is_empty() {
            let transport = &transport[..transport.len().min(MAX_NAME)];
            self.overflowed |= !count(
                &mut self.transports,
                |known| known == transport,
                || transport.to_vec(),
            );
        }
    }

    /// Where in `calls` the one with this Call-ID is; none if there is no room for it.
    fn call(&mut self, id: &[u8]) -> Option<u32> {
        let id = &id[..id.len().min(MAX_CALL_ID)];
        let key = hash(id);
        if let Some((_, at)) = self.call_index.find(key, |(known, _)| *known == key) {
            // Two that someone made to have one hash are not taken for each other.
            let same = self
                .calls
                .get(*at as usize)
                .is_some_and(|call| call.id == id);
            self.overflowed |= !same;
            return same.then_some(*at);
        }
        // There is always room for those that were asked for.
        if self.calls.len() >= MAX_CALLS
            && !self
                .asked
                .iter()
                .any(|asked| asked.as_str().as_bytes() == id)
        {
            self.overflowed = true;
            return None;
        }
        let at = self.calls.len() as u32;
        self.calls.push(Call::new(id));
        self.call_index
            .insert_unique(key, (key, at), |(key, _)| *key);
        Some(at)
    }

    /// The call that was asked for with this Call-ID.
    fn asked_call(&self, asked: &CallId) -> Option<&Call> {
        let id = asked.as_str().as_bytes();
        let key = hash(id);
        let (_, at) = self.call_index.find(key, |(known, _)| *known == key)?;
        self.calls.get(*at as usize).filter(|call| call.id == id)
    }

    /// What the packets so far hold, in a file of which the scan has counted `stats`.
    pub fn report(&self, stats: &Stats, profile: &str, api: Api) -> CaptureReport {
        let mut report = CaptureReport::of_file(stats, profile, api);
        let counts = |counts: &[(Vec<u8>, u64)]| -> Vec<Count> {
            counts
                .iter()
                .map(|(name, count)| Count {
                    name: printable(name),
                    count: *count,
                })
                .collect()
        };
        report.sip_messages = self.sip_messages;
        report.other_packets = self.others.iter().sum();
        let others = OTHERS
            .iter()
            .zip(self.others)
            .filter(|(_, count)| *count > 0);
        report.others = others
            .map(|(name, count)| Count {
                name: (*name).to_string(),
                count,
            })
            .collect();
        report.requests = counts(&self.requests);
        report.responses = self
            .responses
            .iter()
            .map(|(status, count)| Count {
                name: status.to_string(),
                count: *count,
            })
            .collect();
        report.transports = self
            .transports
            .iter()
            .map(|(name, _)| printable(name))
            .collect();
        report.participants = self
            .participants
            .iter()
            .map(|(end, has_port)| endpoint(*end, *has_port))
            .collect();
        report.retransmissions = self.retransmissions;
        report.duplicates = self.duplicates;
        report.counts_truncated =
            self.overflowed || self.transactions.overflowed || self.repeats.forgot;
        (report.ladder, report.ladder_elided) = self.ladder.entries(stats.first_packet_us);

        let mut findings = self.findings.clone();
        self.transactions.orphans(self, &mut findings);
        (report.findings, report.findings_elided) = findings.finish();

        self.report_calls(&mut report, api);
        self.warn(&mut report);
        report
    }

    fn report_calls(&self, report: &mut CaptureReport, api: Api) {
        let is_asked = |call: &Call| {
            self.asked
                .iter()
                .any(|asked| asked.as_str().as_bytes() == call.id)
        };
        report.call_ids = self.calls.iter().map(|call| printable(&call.id)).collect();
        report.other_call_ids = self
            .calls
            .iter()
            .filter(|call| !is_asked(call))
            .map(|call| printable(&call.id))
            .collect();
        let several = self.asked.len() > 1;
        let mut outcome: Option<Outcome> = None;
        for asked in &self.asked {
            let Some(call) = self.asked_call(asked) else {
                report.missing_call_ids.push(asked.as_str().to_string());
                continue;
            };
            if let Some(lack) = call.lack(&self.window) {
                report.incomplete_reasons.push(match several {
                    true => format!("{lack} (Call-ID {asked})", asked = asked.as_str()),
                    false => lack,
                });
            }
            // Of several calls, the first that says how it ended.
            if outcome
                .as_ref()
                .is_none_or(|outcome| outcome.final_status.is_none())
            {
                outcome = Some(call.outcome());
            }
        }
        if !report.missing_call_ids.is_empty() {
            let (missing, asked) = (report.missing_call_ids.len(), self.asked.len());
            report.incomplete_reasons.push(format!(
                "call-id-missing: no SIP message has {missing} of the {asked} Call-IDs that were asked for"
            ));
        }
        if api == Api::V11 && report.packets >= MAX_ROWS {
            report.incomplete_reasons.push(format!(
                "row-limit: HOMER 11 puts at most {MAX_ROWS} rows into a capture, and this one has {}: narrow the window",
                report.packets
            ));
        }
        report.complete = report.incomplete_reasons.is_empty();
        let Outcome {
            final_status,
            ringing_after_us,
            final_after_us,
            ended_with,
            ended_by,
        } = outcome.unwrap_or_default();
        report.final_status = final_status;
        report.ringing_after_us = ringing_after_us;
        report.final_after_us = final_after_us;
        report.ended_with = ended_with;
        report.ended_by = ended_by;
    }

    fn warn(&self, report: &mut CaptureReport) {
        let others = |kinds: &[Other]| -> u64 {
            kinds
                .iter()
                .filter_map(|kind| self.others.get(*kind as usize))
                .sum()
        };
        let segments = others(&[Other::Segment, Other::Fragment]);
        if segments > 0 {
            report.warnings.push(format!(
                "{segments} packets are TCP or SCTP segments or IP fragments, which are not put together: what they carry is \
                 not in this report"
            ));
        }
        if self.duplicates > 0 {
            report.warnings.push(format!(
                "{} messages came again within 50 ms, sooner than SIP retransmits: two capture agents saw them",
                self.duplicates
            ));
        }
        // Every message twice is no loss of packets, which is what retransmissions are for.
        if self.retransmissions > 1
            && 2 * (self.retransmissions + self.duplicates) >= self.sip_messages
        {
            report.warnings.push(
                "every message came again: two capture agents saw the call, and their clocks differ, rather than that all was \
                 retransmitted"
                    .to_string(),
            );
        }
        if self.undirected > 0 {
            report.warnings.push(format!(
                "{} messages ran between an IPv4 and an IPv6 address; the file does not say in which direction",
                self.undirected
            ));
        }
    }
}

impl Calls for Analyzer {
    fn begin(&self, call: u32) -> Option<u64> {
        self.calls.get(call as usize)?.begin_packet
    }

    fn has_requests(&self, call: u32) -> bool {
        self.calls
            .get(call as usize)
            .is_some_and(|call| call.has_requests)
    }
}

/// Counts one more of a kind; false if there is no room for it.
fn count<T>(counts: &mut Vec<(T, u64)>, is: impl Fn(&T) -> bool, kind: impl FnOnce() -> T) -> bool {
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| is(known)) {
        *count += 1;
        return true;
    }
    let has_room = counts.len() < MAX_KINDS;
    if has_room {
        counts.push((kind(), 1));
    }
    has_room
}
