//! Shows the bytes of a message as text: with escapes, or as a hex dump.

use alloc::format;
use alloc::string::String;

use crate::text::is_unprintable;

/// Bytes in one line of a hex dump.
const DUMP_WIDTH: usize = 16;

/// Shows bytes as text without control characters other than line breaks.
///
/// | bytes | shown as |
/// |---|---|
/// | CR, TAB, backslash | `\r`, `\t`, `\\` |
/// | LF | `\n` and a line break |
/// | other control characters, invalid UTF-8 | `\x00` |
/// | other [unprintable](is_unprintable) characters, such as marks of direction | `\u{202e}` |
///
/// # Examples
/// ```
/// use homer_export::sip::escape;
///
/// assert_eq!(escape(b"To: \"\xc3\xa9\xff\"\r\n"), "To: \"é\\xff\"\\r\\n\n");
/// ```
pub fn escape(bytes: &[u8]) -> String {
    // Nearly all bytes are shown as they are; two per line are not.
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                '\0'..='\x1f' | '\x7f' => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                // They can make a text look like another one.
                c if is_unprintable(c) => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A hex dump of 16 bytes per line: offset, bytes, and the printable ASCII among them. `offset` is
/// that of the first byte.
///
/// # Examples
/// ```
/// use homer_export::sip::hex_dump;
///
/// let dump = hex_dump(b"Call-ID: a\xe9@b\r\n", 32);
/// assert_eq!(dump, "000020  43 61 6c 6c 2d 49 44 3a 20 61 e9 40 62 0d 0a     Call-ID: a.@b..\n");
/// ```
pub fn hex_dump(bytes: &[u8], offset: usize) -> String {
    let mut text = String::with_capacity(bytes.len() * 5);
    for (line, bytes) in bytes.chunks(DUMP_WIDTH).enumerate() {
        text.push_str(&format!("{:06x} ", offset + line * DUMP_WIDTH));
        // The last line is padded, so that the text column stays in its place.
        for at in 0..DUMP_WIDTH {
            match bytes.get(at) {
                Some(byte) => text.push_str(&format!(" {byte:02x}")),
                None => text.push_str("   "),
            }
        }
        text.push_str("  ");
        text.extend(bytes.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
        text.push('\n');
    }
    text
}
