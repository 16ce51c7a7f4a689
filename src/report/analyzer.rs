//! Analyzes the packet records of a capture, one after the other, and keeps a bounded amount of
//! state for the report, whatever the capture contains.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::calls::Calls;
use super::capture_report::{CaptureReport, Count, ProfilePackets};
use super::finding_list::{FindingList, MAX_FINDINGS_OF_A_KIND};
use super::homer11;
use super::kinds::{Kinds, MAX_KINDS};
use super::ladder::{Ladder, Observation};
use super::messages::{Content, Datagram, Messages, Received, Receiver};
use super::payload::{OTHER_KINDS, OTHER_NAMES, OtherKind};
use super::printable::printable;
use super::quality::Quality;
use super::retransmissions::{Repetition, Retransmissions};
use super::summary::counted;
use super::tag_evidence::TagEvidence;
use super::transactions::Transactions;
use super::unmatched_acks::report_unmatched_acks;
use super::watch::{Watch, WatchedMessage};
use crate::finding::Rule;
use crate::homer::Api;
use crate::homer::v11::MAX_ROWS;
use crate::packet::{Packet, Route, endpoint};
use crate::pcap::{MAX_PACKET_BYTES, Record, Stats, YEAR_1971_US};
use crate::query::{CallId, Query, Window};
use crate::sip::{Message, Sdp, StartLine, Truncation};

/// How the names of the profiles begin that hold SIP: 1 is its HEP protocol type (docs/homer.md
/// §4).
const SIP_PROFILES: &str = "1_";

/// Bytes kept of a method or transport.
const MAX_NAME: usize = 32;

/// Analyzes one capture.
///
/// # Examples
/// ```
/// use homer_export::homer::Api;
/// use homer_export::pcap::Scanner;
/// use homer_export::query::ParameterNames;
/// use homer_export::report::{Analyzer, ProfilePackets};
/// use homer_export::{CallId, Query, Window};
///
/// let file = std::fs::read("tests/data/export-ok-auth-token.pcap")?;
/// let window = Window::new(1_795_132_800_000, 1_795_219_200_000, 24, &ParameterNames::WIT)?;
/// let query = Query::new(vec![CallId::parse("udp-normal-1@192.0.2.10")?], window)?;
///
/// let mut scanner = Scanner::new();
/// let mut analyzer = Analyzer::new(&query);
/// for chunk in file.chunks(1024) {
///     scanner.scan_packets(chunk, Some(&mut |record| analyzer.record(record)))?;
/// }
/// let stats = scanner.finish()?;
/// let profiles = [ProfilePackets::new("1_call", stats.packets)];
/// let report = analyzer.report(&stats, &profiles, Api::V7);
/// assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
/// assert!(report.complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Analyzer {
    messages: Messages,
    analysis: Analysis,
}

/// What is known about the packets so far. It is apart from [`Messages`], which lends it one
/// message after the other.
#[derive(Clone, Debug)]
struct Analysis {
    calls: Calls,
    transactions: Transactions,
    repetitions: Retransmissions,
    ladder: Ladder,
    quality: Quality,
    findings: FindingList,
    tags: TagEvidence,
    /// Addresses, and whether their ports are known.
    participants: Vec<(SocketAddr, bool)>,
    requests: Kinds<Vec<u8>>,
    responses: Kinds<u16>,
    transports: Kinds<Vec<u8>>,
    others: [u64; OTHER_KINDS],
    /// The first packets that do not belong into a profile of SIP.
    not_sip: Vec<u64>,
    sip_messages: u64,
    retransmissions: u64,
    duplicates: u64,
    /// Messages without direction ([`Route::directed`]).
    undirected: u64,
    /// Time of the latest packet record that is not dated 1970.
    last_us: u64,
    /// Whether time has gone backwards.
    backwards: bool,
    /// Whether a list had no room.
    overflowed: bool,
}

impl Analyzer {
    /// Creates an analyzer for the capture that `query` requested.
    pub fn new(query: &Query) -> Self {
        Self::with_window(query.call_ids(), Some(query.window()))
    }

    /// Creates an analyzer for a capture of these calls. Its report does not say what is missing,
    /// since that depends on the window.
    pub(crate) fn of_calls(call_ids: &[CallId]) -> Self {
        Self::with_window(call_ids, None)
    }

    fn with_window(call_ids: &[CallId], window: Option<Window>) -> Self {
        let analysis = Analysis {
            calls: Calls::new(call_ids, window),
            transactions: Transactions::default(),
            repetitions: Retransmissions::default(),
            ladder: Ladder::default(),
            quality: Quality::default(),
            findings: FindingList::default(),
            tags: TagEvidence::default(),
            participants: Vec::new(),
            requests: Kinds::default(),
            responses: Kinds::default(),
            transports: Kinds::default(),
            others: [0; OTHER_KINDS],
            not_sip: Vec::new(),
            sip_messages: 0,
            retransmissions: 0,
            duplicates: 0,
            undirected: 0,
            last_us: 0,
            backwards: false,
            overflowed: false,
        };
        Self {
            messages: Messages::default(),
            analysis,
        }
    }

    /// Analyzes the next packet record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.record_watched(record, None);
    }

    /// As [`Self::record`], and shows each message to `watch`.
    pub(crate) fn record_watched(&mut self, record: &Record<'_>, watch: Option<&mut dyn Watch>) {
        let Self { messages, analysis } = self;
        // What is left belongs to a packet without a message.
        analysis.findings.take_latest();
        analysis.check_record(record);
        // Homer only writes UDP. The other cases exist for captures from other programs.
        match Packet::parse(record.file.link_type, record.data) {
            Packet::Udp {
                route,
                payload,
                length_overflow,
            } => {
                if let Some(len) = length_overflow {
                    let rule = Rule::IpLengthWrapped { len };
                    analysis.findings.push(record.number, None, rule);
                }
                let datagram = Datagram {
                    packet: record.number,
                    time_us: record.time_us,
                    is_whole: record.is_whole(),
                    route,
                    payload,
                };
                messages.add(&datagram, &mut Watched { analysis, watch });
            }
            Packet::TcpOrSctp => analysis.count_other(OtherKind::TcpOrSctp),
            Packet::Fragment => analysis.count_other(OtherKind::Fragment),
            Packet::Other => analysis.count_other(OtherKind::NotUdp),
        }
    }

    /// The report on the packets so far, in a file of which the scan has counted `stats`, and to
    /// which `profiles` contributed.
    pub fn report(&self, stats: &Stats, profiles: &[ProfilePackets], api: Api) -> CaptureReport {
        if self.messages.is_waiting() {
            // A copy, since the rest of a message may still come.
            let Self {
                mut messages,
                mut analysis,
            } = self.clone();
            let analysis_and_watch = &mut Watched {
                analysis: &mut analysis,
                watch: None,
            };
            messages.drain(true, analysis_and_watch);
            return analysis.report(stats, profiles, api);
        }
        self.analysis.report(stats, profiles, api)
    }

    /// The report on all packets, after the messages that waited for their rest were shown to
    /// `watch`.
    pub(crate) fn finish(mut self, stats: &Stats, watch: &mut dyn Watch) -> CaptureReport {
        let analysis_and_watch = &mut Watched {
            analysis: &mut self.analysis,
            watch: Some(watch),
        };
        self.messages.drain(true, analysis_and_watch);
        self.analysis.report(stats, &[], Api::V7)
    }
}

/// The analysis, and who else looks at its messages. (One receiver for both cases: it is generic
/// code, which would otherwise be in the component twice.)
struct Watched<'a, 'w> {
    analysis: &'a mut Analysis,
    watch: Option<&'w mut dyn Watch>,
}

impl Receiver for Watched<'_, '_> {
    /// Analyzes what a payload holds.
    fn receive(&mut self, content: Content<'_>) {
        let analysis = &mut *self.analysis;
        match content {
            Content::Message(received) => {
                let repeats = analysis.message(received);
                let codes = analysis.findings.take_latest();
                if let Some(watch) = &mut self.watch {
                    watch.message(&WatchedMessage {
                        packet: received.packet,
                        part: received.part,
                        time_us: received.time_us,
                        route: received.route,
                        bytes: received.bytes,
                        message: received.message,
                        repeats,
                        codes: &codes,
                    });
                }
            }
            Content::CutStartLine(packet, offset) => {
                let rule = Rule::MessageTruncated { body: None };
                analysis.findings.push(packet, Some(offset), rule);
            }
            Content::Other(place, route, payload) => {
                let kind = OtherKind::of(route, payload);
                analysis.count_other(kind);
                if kind == OtherKind::Rtcp {
                    analysis.quality.add(place.time_us, route, payload);
                }
                if kind.is_foreign(payload) && analysis.not_sip.len() < MAX_FINDINGS_OF_A_KIND {
                    analysis.not_sip.push(place.packet);
                }
            }
        }
    }
}

impl Analysis {
    fn report(&self, stats: &Stats, profiles: &[ProfilePackets], api: Api) -> CaptureReport {
        let mut report = CaptureReport::of_file(stats, profiles, api);
        self.report_counts(&mut report);
        (report.ladder, report.ladder_elided) = self.ladder.entries(stats.first_packet_us);
        report.quality = self.quality.report();

        // A copy, since the report may be asked for before the capture is complete, and only then
        // is it known which responses have no request.
        let mut findings = self.findings.clone();
        self.transactions
            .report_unmatched(self.calls.as_slice(), &mut findings);
        for call in self.calls.as_slice() {
            report_unmatched_acks(&call.leg(), &mut findings);
        }
        // Only then is it known which profiles had packets. Those of others are no fault.
        let is_of_sip = profiles
            .iter()
            .all(|it| it.packets == 0 || it.profile.starts_with(SIP_PROFILES));
        let not_sip = self
            .not_sip
            .get(..)
            .filter(|_| is_of_sip)
            .unwrap_or_default();
        for packet in not_sip {
            findings.push(*packet, None, Rule::NotSip);
        }
        (report.findings, report.findings_elided) = findings.finish();

        let two_agents = self.repetitions.seen_by_two_agents();
        self.calls.report(&mut report, two_agents, not_sip);
        if let Some(full) = report.profile_at_row_limit() {
            let reason = format!(
                "row-limit: HOMER 11 exports at most {MAX_ROWS} rows, and this capture has {} \
                 packets of profile {}: narrow the window",
                full.packets, full.profile
            );
            report.incomplete_reasons.push(reason);
        }
        // Complete is what has no reason not to be; there is no second source for it.
        report.complete = report.incomplete_reasons.is_empty();
        self.warn(&mut report);
        report
    }

    /// Checks what the record's own header says.
    fn check_record(&mut self, record: &Record<'_>) {
        let (packet, len) = (record.number, record.captured_len);
        let snaplen = record.file.snaplen;
        // The longer record breaks both rules; what it does to Wireshark matters more.
        if len as usize > MAX_PACKET_BYTES {
            self.findings
                .push(packet, None, Rule::RecordTooLongForWireshark { len });
        } else if len > snaplen {
            self.findings
                .push(packet, None, Rule::RecordAboveSnaplen { len, snaplen });
        }
        // Homer sorts by capture time, except for packets dated 1970, which may be anywhere
        // (docs/homer.md §6).
        if record.time_us < YEAR_1971_US {
            return;
        }
        if record.time_us < self.last_us && !self.backwards {
            // Reported once: in a mixture of two orders, every other packet goes backwards.
            self.backwards = true;
            let by_us = self.last_us - record.time_us;
            self.findings
                .push(packet, None, Rule::TimeBackwards { by_us });
        }
        self.last_us = record.time_us;
    }

    fn count_other(&mut self, kind: OtherKind) {
        if let Some(count) = self.others.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Analyzes a message. Returns the packet that it repeats.
    fn message(&mut self, received: &Received<'_>) -> Option<u64> {
        let Received {
            packet,
            time_us,
            route,
            message,
            ..
        } = *received;
        self.count_message(&route, message);
        let repetition = self
            .repetitions
            .add(packet, time_us, &route, received.bytes);
        // Repetitions are in the ladder as well: they are what a lossy network looks like.
        let call = message.call_id.and_then(|id| self.calls.index_of(id));
        let repeats = repetition.map(Repetition::first);
        self.ladder.push(&Observation {
            packet,
            part: received.part,
            time_us,
            route,
            message,
            call,
            repeats,
        });
        match repetition {
            Some(Repetition::Retransmission(_)) => self.retransmissions += 1,
            Some(Repetition::Duplicate(_)) => self.duplicates += 1,
            // Counting it either way might be wrong.
            Some(Repetition::Undated(_)) | None => {}
        }
        if let Some(repetition) = repetition {
            // The first copy has had all its findings. What two agents saw was sent once.
            if matches!(repetition, Repetition::Retransmission(_))
                && let Some(call) = call.and_then(|call| self.calls.get_mut(call))
            {
                call.repeat(packet, time_us, message);
            }
            return repeats;
        }
        for (packet, offset, rule) in received.broken {
            if let Some(call) = call.and_then(|call| self.calls.get_mut(call)) {
                call.faults.add(*packet, rule, message);
            }
            self.findings.push(*packet, *offset, rule.clone());
        }
        // The order matters: a transaction compares the SDP of offer and answer.
        let media = self.count_media(received);
        if let Some(call) = call {
            self.transactions
                .add(packet, call, message, media, &mut self.findings);
            if self.tags.lacks_to_tag(call, message) {
                let rule = Rule::TagMissing { field: "To" };
                self.findings.push(packet, None, rule);
            }
            let unknown = self
                .calls
                .get_mut(call)
                .and_then(|call| call.add(packet, time_us, &route, message, received.bytes));
            if let Some(field) = unknown
                && self.tags.shows(field, call, &route)
                // The tag may be cut off.
                && message.truncated != Some(Truncation::Header)
            {
                let request = None;
                self.findings
                    .push(packet, None, Rule::TagChanged { field, request });
            }
            self.tags.add(call, &route, message);
            let fault = self
                .calls
                .get_mut(call)
                .and_then(|call| call.sequence_fault(packet, time_us, &route, message));
            if let Some(rule) = fault {
                self.findings.push(packet, None, rule);
            }
        }
        repeats
    }

    /// The number of media descriptions in a message's SDP; `None` if it has no readable SDP.
    fn count_media(&mut self, received: &Received<'_>) -> Option<u32> {
        let message = received.message;
        // An SDP that is cut off would break rules that the sender did not break. As a part of a
        // multipart body, it has its end, even if other parts have lost bytes.
        let is_cut = !received.is_whole
            || message
                .content_length
                .is_some_and(|len| message.is_sdp() && len > message.body.len() as u64);
        let (start, sdp) = message.session_description().filter(|_| !is_cut)?;
        if sdp.is_empty() {
            return None;
        }
        match Sdp::parse(sdp) {
            Ok(sdp) => Some(sdp.media),
            Err((at, rule)) => {
                let (packet, offset) = received.locate(message.body_offset + start + at);
                self.findings.push(packet, Some(offset), rule);
                None
            }
        }
    }

    /// Counts a message, its repetitions included.
    fn count_message(&mut self, route: &Route, message: &Message<'_>) {
        self.sip_messages += 1;
        self.undirected += u64::from(!route.directed);
        for address in [route.source, route.destination] {
            // Undirected packets have no ports, so that an address may be there twice.
            let participant = (address, route.directed);
            if !self.participants.contains(&participant) {
                match self.participants.len() < MAX_KINDS {
                    true => self.participants.push(participant),
                    false => self.overflowed = true,
                }
            }
        }
        // A method may be as long as a packet.
        let short = |name: &[u8]| -> usize { name.len().min(MAX_NAME) };
        let has_room = match message.start {
            StartLine::Request { method, .. } => self.requests.count(&method[..short(method)]),
            StartLine::Response { status, .. } => self.responses.count(&status),
            // Counted as a message, but its method may be anything.
            StartLine::Malformed => true,
        };
        self.overflowed |= !has_room;
        let transport = message.via.map_or(&[][..], |via| via.transport);
        if !transport.is_empty() {
            let has_room = self.transports.count(&transport[..short(transport)]);
            self.overflowed |= !has_room;
        }
    }

    /// Writes counts and lists into the report.
    fn report_counts(&self, report: &mut CaptureReport) {
        let count = |name: String, count: u64| Count { name, count };
        report.sip_messages = self.sip_messages;
        report.other_packets = self.others.iter().sum();
        // Only kinds that occur, in the order of the enum and not of appearance.
        report.others = OTHER_NAMES
            .iter()
            .zip(self.others)
            .filter(|(_, number)| *number > 0)
            .map(|(name, number)| count((*name).to_string(), number))
            .collect();
        report.requests = self
            .requests
            .iter()
            .map(|(method, number)| count(printable(method), number))
            .collect();
        report.responses = self
            .responses
            .iter()
            .map(|(status, number)| count(status.to_string(), number))
            .collect();
        report.transports = self
            .transports
            .iter()
            .map(|(name, _)| printable(name))
            .collect();
        report.participants = self
            .participants
            .iter()
            .map(|(address, has_port)| endpoint(*address, *has_port))
            .collect();
        report.retransmissions = self.retransmissions;
        report.duplicates = self.duplicates;
        report.counts_truncated = self.overflowed
            || self.calls.overflowed
            || self.transactions.overflowed
            || self.quality.overflowed
            || self.repetitions.evicted;
    }

    /// Adds warnings about the capture as a whole.
    fn warn(&self, report: &mut CaptureReport) {
        let others = |kind: OtherKind| self.others.get(kind as usize).copied().unwrap_or_default();
        let unread = others(OtherKind::TcpOrSctp) + others(OtherKind::Fragment);
        if unread > 0 {
            report.warnings.push(format!(
                "TCP segments, SCTP chunks and IP fragments are not reassembled: messages in {} \
                 are \
                 missing from this report",
                counted(unread, "packet")
            ));
        }
        if self.duplicates > 0 {
            report.warnings.push(format!(
                "{} appeared again within 50 ms, which is too soon for a retransmission: two \
                 capture agents saw the call",
                counted(self.duplicates, "message")
            ));
        }
        if self.retransmissions > 1 && self.repetitions.seen_by_two_agents() {
            report.warnings.push(
                "every message appears twice, probably because two capture agents with different \
                 clocks saw the call"
                    .to_string(),
            );
        }
        if self.undirected > 0 {
            report.warnings.push(format!(
                "the file does not show the direction of {} between an IPv4 and an IPv6 address",
                counted(self.undirected, "message")
            ));
        }
        if report.api == Api::V11.number() {
            let addresses = self.participants.iter().map(|(address, _)| address.ip());
            let warnings = homer11::warnings(addresses, self.backwards, self.duplicates);
            report.warnings.extend(warnings);
        }
    }
}
