//! The text that stands behind percent-encoding and the escapes of JSON.

use alloc::vec::Vec;
use core::ops::Range;

/// A text without its escapes, and the place of each of its bytes in the text with them.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The decoded bytes. They may be changed, but not their number.
    pub(crate) bytes: Vec<u8>,
    /// As it was decoded, so that changes can be found.
    original: Vec<u8>,
    /// Where the source of each byte begins, and at the end, the length of the source.
    starts: Vec<u32>,
}

impl Decoded {
    /// Decodes percent-encoding (RFC 3986 §2.1) and backslash escapes (RFC 8259 §7) once, and
    /// leaves out NUL, which stands between the letters of UTF-16. `None` if nothing is encoded.
    pub(crate) fn new(source: &[u8]) -> Option<Self> {
        let first = memchr::memchr3(b'%', b'\\', 0, source)?;
        let mut decoded = Self {
            bytes: Vec::with_capacity(source.len()),
            original: Vec::new(),
            starts: Vec::with_capacity(source.len() + 1),
        };
        decoded
            .bytes
            .extend_from_slice(source.get(..first).unwrap_or_default());
        decoded.starts.extend(0..first as u32);
        let mut at = first;
        let mut is_changed = false;
        while let Some(rest) = source.get(at..)
            && let Some(first) = rest.first()
        {
            let (byte, len) = match rest {
                [b'%', high, low, ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => (Some(high << 4 | low), 3),
                    _ => (Some(b'%'), 1),
                },
                [b'\\', b'u', b'0', b'0', high, low, ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => (Some(high << 4 | low), 6),
                    _ => (Some(b'\\'), 1),
                },
                [b'\\', escaped, ..] => match escaped {
                    b'"' | b'\\' | b'/' | b'\'' => (Some(*escaped), 2),
                    b'r' => (Some(b'\r'), 2),
                    b'n' => (Some(b'\n'), 2),
                    b't' => (Some(b'\t'), 2),
                    _ => (Some(b'\\'), 1),
                },
                [0, ..] => (None, 1),
                _ => (Some(*first), 1),
            };
            if let Some(byte) = byte {
                decoded.bytes.push(byte);
                decoded.starts.push(at as u32);
            }
            is_changed |= len > 1 || byte.is_none();
            at += len;
        }
        decoded.starts.push(at as u32);
        decoded.original.extend_from_slice(&decoded.bytes);
        is_changed.then_some(decoded)
    }

    /// The place of the byte with this index in the source, and the byte, for each that has been
    /// changed.
    fn changes(&self) -> impl Iterator<Item = (Range<usize>, u8)> + '_ {
        let changed = self.bytes.iter().zip(&self.original).enumerate();
        changed.filter_map(|(at, (new, old))| {
            let (start, end) = (self.starts.get(at)?, self.starts.get(at + 1)?);
            (new != old).then_some((*start as usize..*end as usize, *new))
        })
    }

    /// Overwrites the source of every changed byte with asterisks.
    pub(crate) fn overwrite(&self, source: &mut [u8]) {
        for (place, _) in self.changes() {
            if let Some(place) = source.get_mut(place) {
                // A NUL that was left out stays.
                place
                    .iter_mut()
                    .filter(|byte| **byte != 0)
                    .for_each(|byte| *byte = b'*');
            }
        }
    }

    /// Writes every changed byte back into the source, encoded as it was. The new byte must be one
    /// that needs no escape.
    pub(crate) fn write_back(&self, source: &mut [u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for (place, new) in self.changes() {
            let digits = [HEX[usize::from(new >> 4)], HEX[usize::from(new & 15)]];
            match source.get_mut(place) {
                Some([b'%', high, low]) | Some([b'\\', b'u', _, _, high, low]) => {
                    // In upper case where the source is, as URIs usually have it.
                    let upper = high.is_ascii_uppercase() || low.is_ascii_uppercase();
                    let case = |digit: u8| match upper {
                        true => digit.to_ascii_uppercase(),
                        false => digit,
                    };
                    (*high, *low) = (case(digits[0]), case(digits[1]));
                }
                Some([byte, ..]) => *byte = new,
                _ => {}
            }
        }
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// How a run of letters and digits encodes a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Hex,
    Base64,
}

/// A run of hexadecimal or base64 digits that stands for printable text.
#[derive(Debug)]
pub(crate) struct EncodedRun {
    /// Where the run is.
    pub(crate) place: Range<usize>,
    /// The text. It may be changed, but not its length.
    pub(crate) text: Vec<u8>,
    encoding: Encoding,
}

/// Shortest run that is decoded. Of random bytes, 4 in 10 are printable: nearly every run of 8 such
/// bytes has been a text.
const MIN_RUN: usize = 16;

impl EncodedRun {
    /// The first encoded run from `from` on.
    pub(crate) fn find(line: &[u8], from: usize) -> Option<Self> {
        let mut at = from;
        loop {
            let is_digit = |byte: &u8| IS_BASE64[usize::from(*byte)];
            let start = at + line.get(at..)?.iter().position(is_digit)?;
            let rest = line.get(start..)?;
            // A run that is too short is passed in one step, backwards from where it would end.
            let window = rest.get(..MIN_RUN)?;
            if let Some(gap) = window.iter().rposition(|byte| !is_digit(byte)) {
                at = start + gap + 1;
                continue;
            }
            let len = rest
                .iter()
                .position(|byte| !is_digit(byte))
                .unwrap_or(rest.len());
            if let Some(run) = Self::decode(line, start..start + len) {
                return Some(run);
            }
            at = start + len;
        }
    }

    fn decode(line: &[u8], place: Range<usize>) -> Option<Self> {
        let run = line.get(place.clone())?;
        let (encoding, text) = match hex(run) {
            Some(text) => (Encoding::Hex, text),
            None => (Encoding::Base64, base64(run)?),
        };
        Some(Self {
            place,
            text,
            encoding,
        })
    }

    /// Overwrites the digits of every byte of the text that is not the same in `original`.
    pub(crate) fn overwrite(&self, original: &[u8], line: &mut [u8]) {
        let Some(run) = line.get_mut(self.place.clone()) else {
            return;
        };
        for (at, (new, old)) in self.text.iter().zip(original).enumerate() {
            if new == old {
                continue;
            }
            let digits = match self.encoding {
                Encoding::Hex => 2 * at..2 * at + 2,
                // Byte n has the bits from 8 n to 8 n + 7; each digit has 6.
                Encoding::Base64 => at * 8 / 6..(at * 8 + 7) / 6 + 1,
            };
            if let Some(digits) = run.get_mut(digits) {
                digits.fill(b'*');
            }
        }
    }

    /// Encodes the text again, in place of the run.
    pub(crate) fn write_back(&self, line: &mut [u8]) {
        const LOWER: &[u8; 16] = b"0123456789abcdef";
        const UPPER: &[u8; 16] = b"0123456789ABCDEF";
        let Some(run) = line.get_mut(self.place.clone()) else {
            return;
        };
        match self.encoding {
            Encoding::Hex => {
                let digits = match run.iter().any(u8::is_ascii_uppercase) {
                    true => UPPER,
                    false => LOWER,
                };
                for (pair, byte) in run.chunks_exact_mut(2).zip(&self.text) {
                    pair[0] = digits[usize::from(byte >> 4)];
                    pair[1] = digits[usize::from(byte & 15)];
                }
            }
            Encoding::Base64 => {
                let url = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
                for (at, place) in run.iter_mut().enumerate() {
                    // Digit n has the six bits from bit 6 n on, of one byte or of two.
                    let (byte, bit) = (at * 6 / 8, at * 6 % 8);
                    let Some(first) = self.text.get(byte) else {
                        break;
                    };
                    let second = self.text.get(byte + 1).copied().unwrap_or_default();
                    let word = u16::from_be_bytes([*first, second]);
                    *place = base64_digit((word >> (10 - bit) & 63) as u8, url);
                }
            }
        }
    }
}

/// Which bytes are digits of base64, in either alphabet (RFC 4648 §4, §5).
static IS_BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_'
        );
        byte += 1;
    }
    table
};

fn base64_digit(value: u8, url: bool) -> u8 {
    match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        62 if url => b'-',
        62 => b'+',
        _ if url => b'_',
        _ => b'/',
    }
}

/// Whether decoded bytes may be text. UTF-8 counts, controls other than line ends do not.
fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// The text behind hexadecimal digits, if it is printable throughout.
fn hex(run: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = run.as_chunks::<2>() else {
        return None;
    };
    // Stops at the first byte that is none, which in nearly all runs is one of the first few.
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?).filter(|byte| is_text(*byte)))
        .collect()
}

/// The text behind base64, if it is printable throughout.
pub(crate) fn base64(run: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut bits = 0u32;
    let mut held = 0;
    for byte in run {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held & 0xff) as u8;
            if !is_text(byte) {
                return None;
            }
            text.push(byte);
        }
    }
    Some(text)
}
