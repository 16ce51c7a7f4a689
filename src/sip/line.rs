//! The lines of a header, and what is odd about their bytes.

use crate::finding::Rule;

/// A line of a header. What is odd about its bytes is found on the way to its end.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) start: usize,
    /// Where its text ends.
    pub(super) end: usize,
    /// Where the next one begins.
    pub(super) next: usize,
    pub(super) odd: Odd,
}

/// Where bytes are first found in a header that have no place there.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Odd {
    /// LF that no CR goes before.
    bare_lf: Option<usize>,
    /// CR that no LF follows.
    bare_cr: Option<usize>,
    control: Option<usize>,
    /// A byte beyond ASCII, which may be UTF-8.
    beyond_ascii: Option<usize>,
}

impl Odd {
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            bare_lf: self.bare_lf.or(later.bare_lf),
            bare_cr: self.bare_cr.or(later.bare_cr),
            control: self.control.or(later.control),
            beyond_ascii: self.beyond_ascii.or(later.beyond_ascii),
        }
    }

    pub(super) fn tell(self, header: &[u8], flawed: &mut dyn FnMut(Option<usize>, Rule)) {
        if let Some(at) = self.bare_lf {
            flawed(Some(at), Rule::BareLf);
        }
        if let Some(at) = self.bare_cr {
            flawed(Some(at), Rule::BareCr);
        }
        if let Some(at) = self.control {
            flawed(
                Some(at),
                Rule::ControlByte {
                    byte: header.get(at).copied().unwrap_or_default(),
                },
            );
        }
        if self.beyond_ascii.is_some()
            && let Err(error) = core::str::from_utf8(header)
        {
            let at = error.valid_up_to();
            flawed(
                Some(at),
                Rule::NotUtf8 {
                    byte: header.get(at).copied().unwrap_or_default(),
                },
            );
        }
    }
}

/// Where the next byte is that is not printable ASCII, from `from` on; the end if there is none.
fn unprintable(bytes: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = from;
    // Eight bytes at a time: the highest bit of a byte is set where it is below a blank, or a DEL
    // or beyond. A borrow or a carry only reaches bytes behind one that is found.
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

impl Line {
    /// The line that begins at `start`; the bytes' end may take the place of its own.
    pub(super) fn at(bytes: &[u8], start: usize) -> Self {
        let mut odd = Odd::default();
        let mut from = start;
        loop {
            let at = unprintable(bytes, from);
            match bytes.get(at) {
                None => {
                    return Self {
                        start,
                        end: at,
                        next: at,
                        odd,
                    };
                }
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    return Self {
                        start,
                        end: at,
                        next: at + 2,
                        odd,
                    };
                }
                Some(b'\n') => {
                    odd.bare_lf = Some(at);
                    return Self {
                        start,
                        end: at,
                        next: at + 1,
                        odd,
                    };
                }
                Some(b'\r') => odd.bare_cr = odd.bare_cr.or(Some(at)),
                Some(b'\t') => {}
                Some(0x80..) => odd.beyond_ascii = odd.beyond_ascii.or(Some(at)),
                Some(_) => odd.control = odd.control.or(Some(at)),
            }
            from = at + 1;
        }
    }

    /// The line that begins at `start` and those that it goes on in, which begin with a blank (RFC
    /// 3261 §7.3.1, folding), as one; an empty line is one alone.
    pub(super) fn unfolded_at(bytes: &[u8], start: usize) -> Self {
        let mut line = Self::at(bytes, start);
        while !line.is_empty() && matches!(bytes.get(line.next), Some(b' ' | b'\t')) {
            let folded = Self::at(bytes, line.next);
            line = Self {
                start,
                odd: line.odd.and(folded.odd),
                ..folded
            };
        }
        line
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}
