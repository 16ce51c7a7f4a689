//! The rows of the ladder: its messages, with repeated ones folded into one row.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::{CaptureReport, LadderEntry};

/// Most participants that have a name in a ladder, inclusive: `A` to `Z`, and `AA` to `ZZ`.
const MAX_PARTICIPANTS: usize = 702;

/// A row of the ladder.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The first copy of the message.
    pub entry: &'a LadderEntry,
    /// Index of the entry in the ladder.
    pub at: usize,
    /// Number of copies of the message in the ladder.
    pub copies: u32,
}

impl Row<'_> {
    /// The packet with the first copy, if the ladder does not show it.
    pub fn elided_first(&self) -> Option<u64> {
        self.entry.repeats
    }

    /// The number of the packet, and of the message in it: `12` or `12.2`.
    pub fn packet(&self) -> String {
        let packet = self.entry.packet;
        match self.entry.part {
            Some(part) => format!("{packet}.{part}"),
            None => packet.to_string(),
        }
    }

    /// Whether an entry is another copy of this message.
    fn has_copy(&self, entry: &LadderEntry) -> bool {
        // The packet of the first copy. It may hold other messages as well.
        let first = |entry: &LadderEntry| entry.repeats.unwrap_or(entry.packet);
        let message = |entry: &LadderEntry| (entry.call, entry.line.clone(), entry.cseq.clone());
        entry.repeats.is_some()
            && first(entry) == first(self.entry)
            && message(entry) == message(self.entry)
    }
}

/// The rows. A retransmission or duplicate is counted in the row of its first copy, or in that of
/// the first repetition if the first copy is omitted.
pub fn rows(ladder: &[LadderEntry]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (at, entry) in ladder.iter().enumerate() {
        match rows.iter_mut().find(|row| row.has_copy(entry)) {
            Some(row) => row.copies += 1,
            None => rows.push(Row {
                entry,
                at,
                copies: 1,
            }),
        }
    }
    rows
}

/// The addresses in the ladder in the order of their first message; the first 702.
pub fn participants(ladder: &[LadderEntry]) -> Vec<&str> {
    let mut participants: Vec<&str> = Vec::new();
    for end in ladder
        .iter()
        .flat_map(|entry| [&entry.source, &entry.destination])
    {
        // A linear search: a ladder has few hundred messages and seldom more than five
        // participants.
        if !participants.contains(&end.as_str()) && participants.len() < MAX_PARTICIPANTS {
            participants.push(end);
        }
    }
    participants
}

/// The name of the participant or call at an index: `A` to `Z`, then `AA` to `ZZ`, and so on.
/// `first` is the first letter, `b'A'` or `b'a'`.
pub fn letter(at: usize, first: u8) -> String {
    let last = char::from(first + (at % 26) as u8);
    match at / 26 {
        0 => last.to_string(),
        before => format!("{}{last}", letter(before - 1, first)),
    }
}

/// The letters that stand for participants and calls in the rows of a ladder as text: `A`, `B` for
/// addresses, `a`, `b` for Call-IDs.
#[derive(Clone, Debug)]
pub struct Legend<'a> {
    participants: Vec<&'a str>,
    /// Indices in `call_ids`, in the order of the ladder. Empty if rows need no letter, since all
    /// are of one call.
    calls: Vec<u32>,
    call_ids: &'a [String],
}

impl<'a> Legend<'a> {
    /// Of the ladder of this report.
    pub fn new(report: &'a CaptureReport) -> Self {
        let mut calls: Vec<u32> = Vec::new();
        for entry in &report.ladder {
            if let Some(call) = entry.call.filter(|call| !calls.contains(call)) {
                calls.push(call);
            }
        }
        if report.call_ids.len() < 2 {
            calls.clear();
        }
        Self {
            participants: participants(&report.ladder),
            calls,
            call_ids: &report.call_ids,
        }
    }

    /// Each participant with its letter: `A = 192.0.2.10:5060`.
    pub fn participants(&self) -> Vec<String> {
        let names = self.participants.iter().enumerate();
        let names = names.map(|(at, address)| format!("{} = {address}", letter(at, b'A')));
        names.collect()
    }

    /// Each Call-ID in the ladder with its letter, in the order of the ladder. Empty if all rows
    /// are of one call.
    pub fn legs(&self) -> Vec<(String, &'a str)> {
        let legs = self.calls.iter().enumerate().map(|(at, call)| {
            let id = self.call_ids.get(*call as usize);
            (letter(at, b'a'), id.map_or("", String::as_str))
        });
        legs.collect()
    }

    /// As [`Self::legs`], each as text: `a = 1@example.com`. At most `most`, and then the number of
    /// the others.
    pub fn legs_in_text(&self, most: usize) -> Vec<String> {
        let legs = self.legs();
        let named = legs.iter().take(most);
        let named = named.map(|(letter, id)| format!("{letter} = {id}"));
        let more = match legs.len().saturating_sub(most) {
            0 => None,
            more => Some(format!("and {more} more")),
        };
        named.chain(more).collect()
    }

    /// A row as text: packet, seconds since the first packet, letter of the call if there are
    /// several, sender and receiver, start line, CSeq, and the number of copies. Between two
    /// addresses of which the file does not say which one is the sender, there is `-` in place of
    /// `>`.
    pub fn row(&self, row: &Row<'_>) -> String {
        let name = |end: &str| {
            let at = self.participants.iter().position(|known| *known == end);
            at.map_or_else(|| "?".to_string(), |at| letter(at, b'A'))
        };
        let entry = row.entry;
        let seconds = entry.after_us.map_or_else(
            || "-".to_string(),
            |us| format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1000),
        );
        let call = match entry.call {
            _ if self.calls.is_empty() => String::new(),
            Some(call) => {
                let at = self.calls.iter().position(|known| *known == call);
                format!(" {}", letter(at.unwrap_or_default(), b'a'))
            }
            None => " ?".to_string(),
        };
        let arrow = if entry.directed { '>' } else { '-' };
        let cseq = match entry.cseq.as_str() {
            "" => String::new(),
            cseq => format!(" ({cseq})"),
        };
        let copies = match (row.copies, row.elided_first()) {
            (1, None) => String::new(),
            (1, Some(first)) => format!(" repeats packet {first}"),
            (copies, _) => format!(" x{copies}"),
        };
        format!(
            "{} {seconds}{call} {} {arrow} {} {}{cseq}{copies}",
            row.packet(),
            name(&entry.source),
            name(&entry.destination),
            entry.line
        )
    }
}
