//! A text without escapes and without characters that nobody sees, and where each byte of it comes
//! from.

use std::ops::Range;

/// A text, and for each of its bytes the bytes of the source that stand for it.
pub(super) struct DecodedText {
    pub(super) bytes: Vec<u8>,
    /// Where the source of each byte begins and ends.
    sources: Vec<(u32, u32)>,
}

impl DecodedText {
    /// A text as it is, but without invisible characters. It has less than 4 GiB.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut visible = Self {
            bytes: Vec::with_capacity(text.len()),
            sources: Vec::with_capacity(text.len()),
        };
        let mut rest = text;
        let mut at = 0;
        while let Some((first, _)) = rest.split_first() {
            let length = match invisible(rest) {
                0 => {
                    visible.push(*first, position(at), position(at + 1));
                    1
                }
                length => length,
            };
            at += length;
            rest = rest.get(length..).unwrap_or_default();
        }
        visible
    }

    /// The text with one level of escapes decoded. `None` if it has none.
    pub(super) fn decode(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| b"\\%&".contains(byte)) {
            return None;
        }
        let mut decoded = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            sources: Vec::with_capacity(self.bytes.len()),
        };
        let mut has_escapes = false;
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (bytes, length) = match escape(rest) {
                Some((bytes, length)) => {
                    has_escapes = true;
                    (bytes, length)
                }
                None => (rest.get(..1).unwrap_or_default().to_vec(), 1),
            };
            let source = self.source(at..at + length);
            for byte in bytes {
                decoded.push(byte, position(source.start), position(source.end));
            }
            at += length;
        }
        has_escapes.then(|| decoded.visible())
    }

    /// The bytes of the source that stand for a range of this text.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        let sources = self.sources.get(range).unwrap_or_default();
        match (sources.first(), sources.last()) {
            (Some((begin, _)), Some((_, end))) => *begin as usize..*end as usize,
            _ => 0..0,
        }
    }

    fn push(&mut self, byte: u8, begin: u32, end: u32) {
        self.bytes.push(byte);
        self.sources.push((begin, end));
    }

    /// The same text without the invisible characters that were escaped.
    fn visible(self) -> Self {
        let inner = Self::of(&self.bytes);
        let sources = inner.sources.iter();
        let sources = sources.filter_map(|(at, _)| self.sources.get(*at as usize).copied());
        Self {
            sources: sources.collect(),
            bytes: inner.bytes,
        }
    }
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The number of bytes of the character at the beginning if it is invisible, or 0: control
/// characters, among them line ends, and what Unicode 17.0 calls `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt), with the format characters that are not.
fn invisible(text: &[u8]) -> usize {
    match text {
        [0..=0x1f | 0x7f, ..] => 1,
        // U+0080 to U+00A0: control characters and the no-break space. U+00AD: soft hyphen.
        [0xc2, 0x80..=0xa0 | 0xad, ..] => 2,
        // U+034F: combining grapheme joiner. U+061C: Arabic letter mark.
        [0xcd, 0x8f, ..] | [0xd8, 0x9c, ..] => 2,
        // U+115F, U+1160: Hangul fillers. U+17B4, U+17B5: Khmer vowels.
        [0xe1, 0x85, 0x9f | 0xa0, ..] | [0xe1, 0x9e, 0xb4 | 0xb5, ..] => 3,
        // U+180B to U+180F: Mongolian variation selectors.
        [0xe1, 0xa0, 0x8b..=0x8f, ..] => 3,
        // U+2000 to U+200F: spaces and zero-width characters. U+2028 to U+202F: separators and
        // bidirectional controls. U+205F to U+206F: the same.
        [0xe2, 0x80, 0x80..=0x8f | 0xa8..=0xaf, ..] => 3,
        [0xe2, 0x81, 0x9f..=0xaf, ..] => 3,
        // U+3000: ideographic space. U+3164: Hangul filler.
        [0xe3, 0x80, 0x80, ..] | [0xe3, 0x85, 0xa4, ..] => 3,
        // U+FE00 to U+FE0F: variation selectors. U+FEFF: byte order mark. U+FFA0: Hangul filler.
        [0xef, 0xb8, 0x80..=0x8f, ..] | [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbe, 0xa0, ..] => 3,
        // U+FFF0 to U+FFFB: unassigned, and interlinear annotations.
        [0xef, 0xbf, 0xb0..=0xbb, ..] => 3,
        // U+1BCA0 to U+1BCA3: shorthand format controls. U+1D173 to U+1D17A: musical symbols.
        [0xf0, 0x9b, 0xb2, 0xa0..=0xa3, ..] | [0xf0, 0x9d, 0x85, 0xb3..=0xba, ..] => 4,
        // U+E0000 to U+E0FFF: tags and variation selectors.
        [0xf3, 0xa0, 0x80..=0xbf, _, ..] => 4,
        _ => 0,
    }
}

/// The escape at the beginning: its bytes, and its length.
fn escape(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text {
        [b'%', high, low, ..] => Some((vec![hex_byte(*high, *low)?], 3)),
        [b'\\', b'u', ..] => json_unicode(text),
        [b'\\', b'x', high, low, ..] => Some((vec![hex_byte(*high, *low)?], 4)),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => Some((vec![b'\n'], 2)),
        [b'\\', other @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((vec![*other], 2)),
        [b'&', rest @ ..] => html_entity(rest).map(|(bytes, length)| (bytes, length + 1)),
        _ => None,
    }
}

/// `\uXXXX`, or two of them for a character beyond U+FFFF (RFC 8259 §7).
fn json_unicode(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let unit = |at: usize| match text.get(at..at + 6)? {
        [b'\\', b'u', digits @ ..] => u16::try_from(hex(digits)?).ok(),
        _ => None,
    };
    let (first, second) = (unit(0)?, unit(6));
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    let (char, length) = match pair {
        Some(char) if char > '\u{ffff}' => (char, 12),
        _ => (char::from_u32(first.into())?, 6),
    };
    Some((char.to_string().into_bytes(), length))
}

/// An entity of HTML, behind its `&`.
fn html_entity(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    // The longest one here: `#x10ffff;`.
    const MAX: usize = 9;
    let end = text.iter().take(MAX).position(|byte| *byte == b';')?;
    let char = match text.get(..end)? {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((char.to_string().into_bytes(), end + 1))
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    u8::try_from(hex(&[high, low])?).ok()
}

/// Hexadecimal digits, at least one.
fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
