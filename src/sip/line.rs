//! The lines of a message header, and bytes in them that do not belong there (RFC 3261 §7, §25.1).

use alloc::string::String;

use memchr::{memchr, memrchr};

use super::token::is_token;
use crate::finding::Rule;

/// Longest name of a field that a finding names, in bytes, inclusive.
const MAX_NAME: usize = 32;

/// A header line, or a folded field of several lines.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Offset of the first byte.
    pub(super) start: usize,
    /// Offset of the line end, exclusive end of the text.
    pub(super) end: usize,
    /// Offset of the next line.
    pub(super) next: usize,
    /// What was noticed while looking for the line end.
    pub(super) anomalies: Anomalies,
}

/// Offsets of the first bytes in a header that do not belong there, one for each kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Anomalies {
    /// LF without CR in front of it.
    bare_lf: Option<usize>,
    /// CR without LF after it.
    bare_cr: Option<usize>,
    /// Any other control byte except TAB.
    control: Option<usize>,
    /// A byte from 0x80 on, which may be part of valid UTF-8.
    non_ascii: Option<usize>,
}

impl Anomalies {
    /// Combines the anomalies of two parts of a header; of each kind, the first one is kept.
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            bare_lf: self.bare_lf.or(later.bare_lf),
            bare_cr: self.bare_cr.or(later.bare_cr),
            control: self.control.or(later.control),
            non_ascii: self.non_ascii.or(later.non_ascii),
        }
    }

    /// Reports the anomalies of the whole header, which ends where `header` does.
    pub(super) fn report(self, header: &[u8], on_finding: &mut dyn FnMut(Option<usize>, Rule)) {
        let byte_at = |at: usize| header.get(at).copied().unwrap_or_default();
        if let Some(at) = self.bare_lf {
            on_finding(Some(at), Rule::BareLf);
        }
        if let Some(at) = self.bare_cr {
            on_finding(Some(at), Rule::BareCr);
        }
        if let Some(at) = self.control {
            on_finding(Some(at), Rule::ControlByte { byte: byte_at(at) });
        }
        // UTF-8 is allowed (`Élise` in a display name), so that the bytes themselves decide. The
        // check is only made for headers that have such bytes at all.
        if self.non_ascii.is_some()
            && let Err(error) = core::str::from_utf8(header)
        {
            let at = error.valid_up_to();
            let (byte, field) = (byte_at(at), field_at(header, at));
            on_finding(Some(at), Rule::NotUtf8 { byte, field });
        }
    }
}

/// The name of the field that has the byte at `at`.
fn field_at(header: &[u8], at: usize) -> String {
    let mut start = at;
    loop {
        let line_end = header
            .get(..start)
            .and_then(|before| memrchr(b'\n', before));
        start = line_end.map_or(0, |end| end + 1);
        // A line that begins with a blank continues the field before (RFC 3261 §7.3.1).
        if start == 0 || !matches!(header.get(start), Some(b' ' | b'\t')) {
            break;
        }
        start -= 1;
    }
    let (before, field) = header.split_at_checked(start).unwrap_or_default();
    if before.trim_ascii().is_empty() {
        return String::from("the start line");
    }
    let name = memchr(b':', field).and_then(|colon| field.get(..colon));
    let name = name.unwrap_or_default().trim_ascii();
    let is_name = (1..=MAX_NAME).contains(&name.len()) && name.iter().all(|byte| is_token(*byte));
    match core::str::from_utf8(name) {
        Ok(name) if is_name => String::from(name),
        _ => String::from("a field without a valid name"),
    }
}

/// Number of bytes of the line ends at the start.
pub(crate) fn line_ends(bytes: &[u8]) -> usize {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let first = bytes.iter().position(|byte| !is_line_end(byte));
    first.unwrap_or(bytes.len())
}

/// The offset of the first byte from `from` on that is not printable ASCII; the length of `bytes`
/// if there is none.
fn find_unprintable(bytes: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = from;
    // Eight bytes at a time. The highest bit of a byte in `found` is set if the byte is below
    // 0x20, is 0x7f, or is above. A borrow or carry may set wrong bits, but only in bytes after
    // the first one found, which are not looked at.
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        let below_blank = word.wrapping_sub(EACH * 0x20) & !word;
        let found = (below_blank | word | word.wrapping_add(EACH)) & (EACH << 7);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|byte| !matches!(byte, b' '..=b'~'))
        .map_or(bytes.len(), |found| at + found)
}

/// How far a field has been searched for quotation marks, and whether that place is inside a quoted
/// string. Each byte is looked at once, however many control bytes there are.
struct Quotes {
    at: usize,
    is_open: bool,
}

impl Quotes {
    fn from(start: usize) -> Self {
        Self {
            at: start,
            is_open: false,
        }
    }

    /// Whether the byte at `at` follows a backslash in a quoted string, where any byte but CR and
    /// LF may stand (RFC 3261 §25.1, `quoted-pair`).
    #[cold]
    fn is_escaped(&mut self, bytes: &[u8], at: usize) -> bool {
        // Nearly always false.
        if at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\\') {
            return false;
        }
        while self.at < at {
            match bytes.get(self.at) {
                Some(b'\\') if self.is_open => self.at += 2,
                Some(b'"') => {
                    self.is_open = !self.is_open;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        // Skipped by the backslash before it.
        self.is_open && self.at == at + 1
    }
}

impl Line {
    /// The line that begins at `start`. It ends in CR LF, in LF alone, or with `bytes`.
    pub(super) fn at(bytes: &[u8], start: usize) -> Self {
        Self::in_field(bytes, start, &mut Quotes::from(start))
    }

    #[inline]
    /// The line that begins at `start`; `quotes` covers the lines of the same field before it.
    fn in_field(bytes: &[u8], start: usize, quotes: &mut Quotes) -> Self {
        let mut anomalies = Anomalies::default();
        let mut from = start;
        // One pass both finds the line end and checks the bytes before it.
        loop {
            let at = find_unprintable(bytes, from);
            let end_len = match bytes.get(at) {
                None => Some(0),
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => Some(2),
                Some(b'\n') => {
                    anomalies.bare_lf = Some(at);
                    Some(1)
                }
                // At the end of a message that is cut off, the LF may be what was cut off.
                Some(b'\r') if at + 1 == bytes.len() => None,
                Some(b'\r') => {
                    anomalies.bare_cr = anomalies.bare_cr.or(Some(at));
                    None
                }
                Some(b'\t') => None,
                Some(0x80..) => {
                    anomalies.non_ascii = anomalies.non_ascii.or(Some(at));
                    None
                }
                Some(_) if quotes.is_escaped(bytes, at) => None,
                Some(_) => {
                    anomalies.control = anomalies.control.or(Some(at));
                    None
                }
            };
            if let Some(end_len) = end_len {
                return Self {
                    start,
                    end: at,
                    next: at + end_len,
                    anomalies,
                };
            }
            from = at + 1;
        }
    }

    /// The line that begins at `start`, together with the lines that continue it, which begin with
    /// a blank (RFC 3261 §7.3.1, folding). An empty line is never continued: it ends the header.
    pub(super) fn unfolded_at(bytes: &[u8], start: usize) -> Self {
        let mut quotes = Quotes::from(start);
        let mut line = Self::in_field(bytes, start, &mut quotes);
        while !line.is_empty() && matches!(bytes.get(line.next), Some(b' ' | b'\t')) {
            let folded = Self::in_field(bytes, line.next, &mut quotes);
            line = Self {
                start,
                anomalies: line.anomalies.and(folded.anomalies),
                ..folded
            };
        }
        line
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}
