//! The rows of the ladder: its messages, with repeated ones folded into one row.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::capture_report::LadderEntry;

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
