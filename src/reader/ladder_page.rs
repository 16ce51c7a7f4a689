//! A page of the ladder as text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::ladder_query::LadderFilter;
use super::name_table::NameTable;
use crate::packet::endpoint;
use crate::pcap::{Stats, YEAR_1971_US};
use crate::query::CallId;
use crate::record::record;
use crate::report::{
    CaptureReport, LadderEntry, Watch, WatchedMessage, hash, letter, printable,
    quoted_from_message, shown_start_line,
};

/// Most bytes of the text of a page, inclusive; a page with one row may be longer. With the
/// sentences that a tool adds, a page has at most 8,000 characters.
pub const MAX_PAGE: usize = 7600;

/// Bytes of the fixed words around participants, calls and rows.
const FRAME: usize = 120;

/// Bytes reserved in each row for the time, the call, and the number of copies, which are known
/// only at the end: `4294967295.999`, `zzz`, ` x4294967295`.
const RESERVED: usize = 36;

/// Bytes shown of a method in CSeq.
const MAX_METHOD: usize = 32;

record! {
    ($, convert_ladder_page)
    /// A page of the ladder.
    pub struct LadderPage {
        /// Participants and calls with their letters, and one line for each row. A row is a
        /// message; its retransmissions and duplicates are counted in it, wherever they are in the
        /// capture. At most 7,600 bytes, unless one row is longer.
        pub text: String,
        /// Number of rows on the page.
        pub rows: u32,
        /// Number of rows before the page that meet the conditions.
        pub rows_before: u64,
        /// Number of rows that meet the conditions, in the whole capture up to `to-packet`.
        pub matching_rows: u64,
        /// Number of packet records in the capture.
        pub packets: u64,
        /// Packet of the first row of the next page; absent if this page is the last one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub next_packet: Option<u64>,
        /// Number of that row among the messages of its packet, counted from 1; absent if it is
        /// the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub next_part: Option<u32>,
    }
}

/// Collects the rows of one page. The whole capture is read, since a retransmission may come at its
/// end, and since only the whole tells how many rows there are.
#[derive(Debug)]
pub(super) struct PageBuilder {
    filter: LadderFilter,
    participants: NameTable,
    calls: NameTable,
    /// Whether several calls were requested.
    has_several: bool,
    rows: Vec<Row>,
    /// Bytes that the rows and the names in them take.
    used: usize,
    /// The place of the first row that has no room.
    next: Option<(u64, u32)>,
    before: u64,
    matching: u64,
    /// The packets with counted rows, one bit each; only if rows without findings are left out.
    counted: Vec<u64>,
}

/// Most words of that list: 32 million packets, which have more bytes than an export may have.
const MAX_WORDS: usize = 512 * 1024;

#[derive(Debug)]
struct Row {
    /// The packet, and the number of the message in it.
    place: (u64, u32),
    /// The number as it is shown: `12` or `12.2`.
    number: String,
    time: Time,
    call: Option<u32>,
    participants: [Option<u32>; 2],
    /// Participants, start line and CSeq.
    text: String,
    codes: Vec<String>,
    copies: u32,
    /// Hash of what copies have in common.
    key: u64,
    cost: usize,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    /// Unix time in microseconds.
    At(u64),
    /// Microseconds after the earliest packet.
    After(u64),
    Unknown,
}

impl PageBuilder {
    /// `requested` is the number of Call-IDs that were requested.
    pub(super) fn new(filter: LadderFilter, requested: usize) -> Self {
        Self {
            filter,
            participants: NameTable::default(),
            calls: NameTable::default(),
            has_several: requested > 1,
            rows: Vec::new(),
            used: FRAME,
            next: None,
            before: 0,
            matching: 0,
            counted: Vec::new(),
        }
    }

    /// The index of a participant, and how a row names it.
    fn participant(&mut self, address: &str) -> (Option<u32>, String) {
        let at = self.participants.index_of(address.as_bytes());
        let name = at.map_or_else(|| address.to_string(), |at| letter(at as usize, b'A'));
        (at, name)
    }

    /// Counts a row that meets the conditions on its content. Returns whether it may be on the
    /// page.
    fn count(&mut self, place: (u64, u32)) -> bool {
        if place.0 > self.filter.to_packet {
            return false;
        }
        if self.filter.findings_only {
            self.remember(place.0);
        }
        self.matching += 1;
        if place < self.filter.from {
            self.before += 1;
            return false;
        }
        self.next.is_none_or(|next| place < next)
    }

    fn remember(&mut self, packet: u64) {
        let at = usize::try_from(packet / 64).unwrap_or(usize::MAX);
        if at < MAX_WORDS {
            if self.counted.len() <= at {
                self.counted.resize(at + 1, 0);
            }
            if let Some(word) = self.counted.get_mut(at) {
                *word |= 1 << (packet % 64);
            }
        }
    }

    fn is_counted(&self, packet: u64) -> bool {
        let at = usize::try_from(packet / 64).unwrap_or(usize::MAX);
        let word = self.counted.get(at).copied().unwrap_or_default();
        word & (1 << (packet % 64)) != 0
    }

    /// Adds a row at its place, and drops the last ones if there is no room for them.
    fn insert(&mut self, mut row: Row) {
        row.cost = row.len() + self.cost_of_names(&row);
        self.used += row.cost;
        let at = self.rows.partition_point(|other| other.place <= row.place);
        self.rows.insert(at, row);
        self.fit();
    }

    fn fit(&mut self) {
        while self.used > MAX_PAGE && self.rows.len() > 1 {
            if let Some(row) = self.rows.pop() {
                self.used -= row.cost;
                self.next = Some(row.place);
            }
        }
    }

    /// Bytes that the names of a row take, which no earlier row has.
    fn cost_of_names(&self, row: &Row) -> usize {
        let is_new = |at: &u32| {
            let mut others = self.rows.iter();
            !others.any(|other| other.participants.contains(&Some(*at)))
        };
        let participants = row.participants.iter().flatten().filter(|at| is_new(at));
        // `AA = `, and a comma.
        let participants: usize = participants
            .map(|at| self.participants.key(*at).len() + 10)
            .sum();
        let is_known = self.rows.iter().any(|other| other.call == row.call);
        let call = row.call.filter(|_| !is_known);
        participants + call.map_or(0, |at| self.call_text(at).len() + 10)
    }

    /// Bytes that all rows and the names in them take.
    fn rows_and_names(&self) -> usize {
        let (mut participants, mut calls) = (Vec::new(), Vec::new());
        for row in &self.rows {
            for at in row.participants.iter().flatten() {
                if !participants.contains(at) {
                    participants.push(*at);
                }
            }
            if let Some(at) = row.call.filter(|at| !calls.contains(at)) {
                calls.push(at);
            }
        }
        let addresses = participants
            .iter()
            .map(|at| self.participants.key(*at).len());
        let ids = calls.iter().map(|at| self.call_text(*at).len());
        let names: usize = addresses.chain(ids).map(|len| len + 10).sum();
        let rows: usize = self.rows.iter().map(Row::len).sum();
        FRAME + names + rows
    }

    fn call_text(&self, at: u32) -> String {
        quoted_from_message(self.calls.key(at), CallId::MAX_CHARS)
    }

    /// Adds the rows of findings that were not known when their message came, such as a response
    /// without its request. Those of the report are known.
    fn add_late_findings(&mut self, report: &CaptureReport) {
        for finding in &report.findings {
            if let Some(row) = (self.rows.iter_mut()).find(|row| row.place.0 == finding.packet) {
                if !row.codes.contains(&finding.code) {
                    let more = finding.code.len() + 4;
                    row.codes.push(finding.code.clone());
                    row.cost += more;
                    self.used += more;
                    self.fit();
                }
                continue;
            }
            if self.is_counted(finding.packet) {
                continue;
            }
            let place = (finding.packet, 1);
            // Without its message, nothing says whether it meets the other conditions.
            if self.filter.is_on_content() || !self.count(place) {
                continue;
            }
            let known = report.ladder.iter().find(|it| it.packet == finding.packet);
            let mut row = match known {
                Some(entry) => self.row_of_entry(entry, &report.call_ids),
                None => Row {
                    place,
                    number: finding.packet.to_string(),
                    time: Time::Unknown,
                    call: None,
                    participants: [None; 2],
                    text: "(see its message)".to_string(),
                    codes: Vec::new(),
                    copies: 1,
                    key: 0,
                    cost: 0,
                },
            };
            row.codes.push(finding.code.clone());
            self.insert(row);
        }
    }

    fn row_of_entry(&mut self, entry: &LadderEntry, call_ids: &[String]) -> Row {
        let id = entry.call.and_then(|at| call_ids.get(at as usize));
        let (from, from_name) = self.participant(&entry.source);
        let (to, to_name) = self.participant(&entry.destination);
        let arrow = if entry.directed { '>' } else { '-' };
        Row {
            place: (entry.packet, 1),
            number: entry.packet.to_string(),
            time: entry.after_us.map_or(Time::Unknown, Time::After),
            call: id.and_then(|id| self.calls.index_of(id.as_bytes())),
            participants: [from, to],
            text: row_text(&from_name, arrow, &to_name, &entry.line, &entry.cseq),
            codes: Vec::new(),
            copies: 1,
            key: 0,
            cost: 0,
        }
    }

    /// The page of a capture with this report.
    pub(super) fn finish(mut self, report: &CaptureReport, stats: &Stats) -> LadderPage {
        if self.filter.findings_only {
            self.add_late_findings(report);
        }
        // A late row may have brought back a name that a dropped one had brought first.
        while self.rows_and_names() > MAX_PAGE && self.rows.len() > 1 {
            self.next = self.rows.pop().map(|row| row.place).or(self.next);
        }
        let text = match self.rows.is_empty() {
            true => String::new(),
            false => self.text(stats.first_packet_us),
        };
        LadderPage {
            text,
            rows: u32::try_from(self.rows.len()).unwrap_or(u32::MAX),
            rows_before: self.before,
            matching_rows: self.matching,
            packets: stats.packets,
            next_packet: self.next.map(|(packet, _)| packet),
            next_part: self.next.map(|(_, part)| part).filter(|part| *part > 1),
        }
    }

    fn text(&self, start_us: Option<u64>) -> String {
        // In the order of their letters.
        let used = |count: usize, is_used: &dyn Fn(u32) -> bool| -> Vec<u32> {
            let all = 0..u32::try_from(count).unwrap_or(u32::MAX);
            all.filter(|at| is_used(*at)).collect()
        };
        let participants = used(self.participants.len(), &|at| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.participants.contains(&Some(at)))
        });
        let names: Vec<String> = participants
            .iter()
            .map(|at| {
                let address = printable(self.participants.key(*at));
                format!("{} = {address}", letter(*at as usize, b'A'))
            })
            .collect();
        let mut text = format!("Participants: {}\n", names.join(", "));
        let has_calls = self.has_several || self.calls.len() > 1;
        if has_calls {
            let calls = used(self.calls.len(), &|at| {
                self.rows.iter().any(|row| row.call == Some(at))
            });
            let names: Vec<String> = calls
                .iter()
                .map(|at| format!("{} = {}", letter(*at as usize, b'a'), self.call_text(*at)))
                .collect();
            text.push_str(&format!("Calls: {}\n", names.join(", ")));
        }
        let call = if has_calls { " call," } else { "" };
        text.push_str(&format!(
            "Messages (packet, seconds,{call} from > to, message, CSeq):\n"
        ));
        for row in &self.rows {
            row.push_line(&mut text, start_us, has_calls);
        }
        text
    }
}

impl Watch for PageBuilder {
    fn message(&mut self, watched: &WatchedMessage<'_>) {
        let (route, message) = (&watched.route, watched.message);
        // Letters are those of the whole capture, so that pages agree.
        let (from, from_name) = self.participant(&endpoint(route.source, route.directed));
        let (to, to_name) = self.participant(&endpoint(route.destination, route.directed));
        let call = message.call_id.and_then(|id| self.calls.index_of(id));
        let key = hash(message.start_line) ^ hash(message.call_id.unwrap_or_default());
        if let Some(first) = watched.repeats {
            let mut rows = self.rows.iter_mut();
            if let Some(row) = rows.find(|row| row.place.0 == first && row.key == key) {
                row.copies = row.copies.saturating_add(1);
            }
            return;
        }
        let place = (watched.packet, watched.part.unwrap_or(1));
        if !self.filter.accepts(watched) || !self.count(place) {
            return;
        }
        let line = shown_start_line(message.start_line, message.start);
        let cseq = message.cseq.map_or_else(String::new, |cseq| {
            let method = cseq.method.get(..MAX_METHOD).unwrap_or(cseq.method);
            format!("{} {}", cseq.number, printable(method))
        });
        let arrow = if route.directed { '>' } else { '-' };
        self.insert(Row {
            place,
            number: match watched.part {
                Some(part) => format!("{}.{part}", watched.packet),
                None => watched.packet.to_string(),
            },
            time: match watched.time_us >= YEAR_1971_US {
                true => Time::At(watched.time_us),
                false => Time::Unknown,
            },
            call,
            participants: [from, to],
            text: row_text(&from_name, arrow, &to_name, &line, &cseq),
            codes: watched.codes.iter().map(ToString::to_string).collect(),
            copies: 1,
            key,
            cost: 0,
        });
    }
}

impl Row {
    /// Bytes that its line takes at most.
    fn len(&self) -> usize {
        let codes: usize = self.codes.iter().map(|code| code.len() + 2).sum();
        self.number.len() + self.text.len() + codes + 4 + RESERVED
    }

    fn push_line(&self, text: &mut String, start_us: Option<u64>, has_calls: bool) {
        text.push_str(&self.number);
        let after_us = match self.time {
            Time::At(time_us) => start_us.map(|start| time_us.saturating_sub(start)),
            Time::After(us) => Some(us),
            Time::Unknown => None,
        };
        match after_us {
            Some(us) => {
                let (seconds, ms) = (us / 1_000_000, us % 1_000_000 / 1000);
                text.push_str(&format!(" {seconds}.{ms:03} "));
            }
            None => text.push_str(" - "),
        }
        if has_calls {
            let call = self.call.map(|at| letter(at as usize, b'a'));
            text.push_str(call.as_deref().unwrap_or("?"));
            text.push(' ');
        }
        text.push_str(&self.text);
        if self.copies > 1 {
            text.push_str(&format!(" x{}", self.copies));
        }
        if !self.codes.is_empty() {
            text.push_str(&format!(" [{}]", self.codes.join(", ")));
        }
        text.push('\n');
    }
}

/// Participants, message and CSeq: `A > B INVITE sip:bob@example.net (1 INVITE)`.
fn row_text(from: &str, arrow: char, to: &str, line: &str, cseq: &str) -> String {
    let cseq = match cseq {
        "" => String::new(),
        cseq => format!(" ({cseq})"),
    };
    format!("{from} {arrow} {to} {line}{cseq}")
}
