//! Characters that must not be shown as they are, because nobody sees them or because they change
//! how the text around them looks.
//!
//! The only Unicode table in the components. The standard library's tables would add several
//! kilobytes; this one has 28 ranges.

/// The version of Unicode that [`UNPRINTABLE`] was made from.
pub const UNICODE_VERSION: &str = "18.0";

/// The ranges of unprintable characters, inclusive and in ascending order.
///
/// The test `unprintable_agrees_with_unicode` compares the table with the Unicode data of the crate
/// `icu_properties`. After an update of that crate, the test prints the table that the new version
/// needs; copy it to this place and change [`UNICODE_VERSION`].
const UNPRINTABLE: &[(u32, u32)] = &[
    (0x0000, 0x001f),
    (0x007f, 0x009f),
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Whether a character must be replaced or escaped before a text is shown.
///
/// These are the characters with the general category Cc (control), Cf (format), Zl or Zp (line and
/// paragraph separator), or with the property Default_Ignorable_Code_Point, in the version of
/// Unicode that [`UNICODE_VERSION`] names. Among them are escape, marks of direction, blanks of no
/// width, tag characters, variation selectors, and the Hangul and Khmer fillers. One character is
/// added: U+2800, a braille pattern without dots, which looks like a blank and is not one.
///
/// # Examples
/// ```
/// use homer_export::text::is_unprintable;
///
/// let hidden = ['\u{1b}', '\u{202e}', '\u{200b}', '\u{e0041}', '\u{fe0f}'];
/// assert!(hidden.into_iter().all(is_unprintable));
/// assert!(!is_unprintable('é') && !is_unprintable(' '));
/// ```
pub fn is_unprintable(c: char) -> bool {
    // Most characters by far.
    if matches!(c, ' '..='~') {
        return false;
    }
    let c = u32::from(c);
    let range = UNPRINTABLE.partition_point(|(_, last)| *last < c);
    UNPRINTABLE.get(range).is_some_and(|(first, _)| *first <= c)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
    use icu_properties::{CodePointMapData, CodePointSetData};

    use super::{UNPRINTABLE, is_unprintable};

    #[test]
    fn unprintable_agrees_with_unicode() {
        let category = CodePointMapData::<GeneralCategory>::new();
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let expected = |c: char| {
            let is_invisible = matches!(
                category.get(c),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            );
            is_invisible || ignorable.contains(c) || c == '\u{2800}'
        };
        let mut ranges: alloc::vec::Vec<(u32, u32)> = alloc::vec::Vec::new();
        for c in (char::MIN..=char::MAX).filter(|c| expected(*c)) {
            let c = u32::from(c);
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == c => *last = c,
                _ => ranges.push((c, c)),
            }
        }
        let table: String = ranges
            .iter()
            .map(|(first, last)| format!("    (0x{first:04x}, 0x{last:04x}),\n"))
            .collect();
        assert_eq!(UNPRINTABLE, ranges, "the table for this version:\n{table}");
        for c in char::MIN..=char::MAX {
            assert_eq!(is_unprintable(c), expected(c), "U+{:04X}", u32::from(c));
        }
    }
}
