//! Faults of the addresses in From, To and Contact (RFC 3261 §20.10, §25.1).

use memchr::{memchr, memchr2, memchr3};

use crate::finding::Rule;

/// A certain fault of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressFault {
    /// A quotation mark that is not closed.
    Quotes,
    /// `<` without `>`.
    Unclosed,
    /// A blank inside the angle brackets, or in an address without them.
    Blank,
    /// A comma outside of quotation marks and angle brackets.
    Comma,
}

impl AddressFault {
    /// The first fault in the value of a field. Contact is a list, in which commas separate
    /// addresses; From and To are not.
    pub(super) fn find(value: &[u8], is_list: bool) -> Option<Self> {
        if is_plain(value) {
            return None;
        }
        // Where the address ends and its parameters begin.
        let mut address_end: Option<usize> = None;
        let mut has_brackets = false;
        let mut at = 0;
        while let Some(byte) = value.get(at) {
            let rest = value.get(at + 1..).unwrap_or_default();
            at += 1;
            match byte {
                b'"' => match quoted_len(rest) {
                    Some(len) => at += len,
                    None => return Some(Self::Quotes),
                },
                b'<' if address_end.is_none() => {
                    let Some(len) = memchr(b'>', rest) else {
                        return Some(Self::Unclosed);
                    };
                    if rest.iter().take(len).any(is_blank) {
                        return Some(Self::Blank);
                    }
                    has_brackets = true;
                    at += len + 1;
                }
                b',' if is_list => address_end = None,
                b',' if address_end.is_none() => return Some(Self::Comma),
                b';' => address_end = address_end.or(Some(at - 1)),
                _ => {}
            }
        }
        // In a list, an address is only looked at inside its brackets.
        let address = value.get(..address_end.unwrap_or(value.len()))?;
        let has_blank = !is_list && !has_brackets && address.trim_ascii().iter().any(is_blank);
        has_blank.then_some(Self::Blank)
    }

    /// The rule that the fault breaks in this field.
    pub(super) fn rule(self, field: &'static str) -> Rule {
        let why = match self {
            Self::Quotes => return Rule::QuotesUnbalanced { field },
            Self::Unclosed => "an angle bracket is not closed",
            Self::Blank => "the URI contains a blank",
            Self::Comma => "a comma stands outside of quotation marks and angle brackets",
        };
        Rule::AddressMalformed { field, why }
    }
}

/// Whether a value is nothing but a name, a URI in angle brackets, and parameters without quotation
/// marks, as nearly all are.
fn is_plain(value: &[u8]) -> bool {
    let Some((name, rest)) = memchr(b'<', value).map(|open| value.split_at(open + 1)) else {
        return false;
    };
    let Some((uri, after)) = memchr(b'>', rest).map(|close| rest.split_at(close)) else {
        return false;
    };
    let name = match name.strip_prefix(b"\"") {
        Some(quoted) => match quoted_len(quoted) {
            Some(len) => quoted.get(len..).unwrap_or_default(),
            None => return false,
        },
        None => name,
    };
    // Most addresses have no name, or a quoted one.
    let is_name_plain = name.is_empty() || memchr3(b'"', b',', b';', name).is_none();
    is_name_plain
        && memchr2(b' ', b'\t', uri).is_none()
        && memchr3(b'"', b',', b'<', after).is_none()
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The length of a quoted string after its first quotation mark, including the second one. A
/// backslash takes the special meaning from the next byte (RFC 3261 §25.1, `quoted-pair`).
pub(super) fn quoted_len(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}
