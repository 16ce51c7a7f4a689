//! The columns of the ladder: one for each participant, with arrows between them.

use std::fmt::Write as _;

use console::{measure_text_width, truncate_str};
use homer_export::report::{Row, letter};

/// Fewest columns between two participants: room for an arrow and `INVITE`.
const NARROWEST: usize = 12;

/// Most columns between two participants.
const WIDEST: usize = 60;

/// Fewest columns in which a part of a URI says something.
const URI_ROOM: usize = 16;

/// How the messages of the ladder are drawn.
pub(super) struct Columns {
    participants: usize,
    /// Columns from one participant to the next. Zero if there is no room for columns: each row
    /// then names its two participants by their letters.
    pitch: usize,
    /// Columns of a row.
    room: usize,
}

impl Columns {
    /// Columns for this number of participants, in `room` columns of the page.
    pub(super) fn new(participants: usize, room: usize) -> Self {
        let gaps = participants.saturating_sub(1).max(1);
        let pitch = (room.saturating_sub(2) / gaps).min(WIDEST);
        Self {
            participants,
            pitch: if pitch < NARROWEST { 0 } else { pitch },
            room,
        }
    }

    /// The letters above the columns.
    pub(super) fn heading(&self) -> String {
        let mut text = String::new();
        if self.pitch > 0 {
            for at in 0..self.participants {
                let width = if at == 0 { 2 } else { self.pitch };
                let _ = write!(text, "{:>width$}", letter(at, b'A'));
            }
        }
        text
    }

    /// The message of a row between two participants, given by their index.
    pub(super) fn draw(&self, row: &Row<'_>, from: Option<usize>, to: Option<usize>) -> String {
        match (from, to) {
            (Some(from), Some(to)) if self.pitch > 0 && from != to => self.arrow(row, from, to),
            _ => self.sentence(row, from, to),
        }
    }

    /// `|--- INVITE sip:bob@example.net --->|`, an arrow between two columns.
    fn arrow(&self, row: &Row<'_>, from: usize, to: usize) -> String {
        let (left, right) = (from.min(to), from.max(to));
        // Between the two bars. The label needs a space and a dash on both sides.
        let room = self.pitch * (right - left) - 1;
        let label = label(row, room.saturating_sub(4));
        let dashes = room.saturating_sub(measure_text_width(&label) + 2);
        let (mut before, mut after) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
        match (row.entry.directed, from < to) {
            // Some packets do not tell who sent them, so the line has no arrowhead.
            (false, _) => {}
            (true, true) => after.replace_range(after.len().saturating_sub(1).., ">"),
            (true, false) => before.replace_range(..before.len().min(1), "<"),
        }
        let mut line = String::from(" |");
        for column in 0..self.participants.saturating_sub(1) {
            if column == left {
                let _ = write!(line, "{before} {label} {after}|");
            } else if column < left || column >= right {
                let _ = write!(line, "{}|", " ".repeat(self.pitch - 1));
            }
        }
        line
    }

    /// `A -> B  INVITE sip:bob@example.net`, for a message to its own sender, and for all messages
    /// if there is no room for columns.
    fn sentence(&self, row: &Row<'_>, from: Option<usize>, to: Option<usize>) -> String {
        let name = |at: Option<usize>| at.map_or("?".to_string(), |at| letter(at, b'A'));
        let sign = if row.entry.directed { "->" } else { "--" };
        let ends = format!(" {} {sign} {}  ", name(from), name(to));
        let label = label(row, self.room.saturating_sub(ends.len()));
        format!("{ends}{label}")
    }
}

/// The start line of a message and how often it was seen, in at most `room` columns.
fn label(row: &Row<'_>, room: usize) -> String {
    let mut again = String::new();
    if row.copies > 1 {
        again = format!(" ×{}", row.copies);
    }
    if let Some(first) = row.elided_first() {
        again.push_str(&format!(" (again, first in {first})"));
    }
    let again_width = measure_text_width(&again);
    let (again, again_width) = match again_width < room {
        true => (again, again_width),
        false => (String::new(), 0),
    };
    let line = row.entry.line.as_str();
    let room = room - again_width;
    let method = line.split(' ').next().unwrap_or_default();
    let is_request = !method.starts_with(|c: char| c.is_ascii_digit());
    let fits = measure_text_width(line) <= room;
    let line = if !fits && is_request && room < URI_ROOM {
        method
    } else {
        line
    };
    format!("{}{again}", truncate_str(line, room, "~"))
}
