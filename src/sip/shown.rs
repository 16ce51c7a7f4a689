//! A message as text that shows every byte.

use alloc::format;
use alloc::string::String;

/// Bytes in a line of a hex dump.
const DUMP_WIDTH: usize = 16;

/// Text with escapes: `\r`, `\t`, `\n` with a line break behind it, `\\`, `\x00` for other control
/// bytes and what is not UTF-8, `\u{202e}` for characters that change how the text around them is
/// shown.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                '\0'..='\x1f' | '\x7f' => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                // C1 controls; marks of direction, and other characters without a shape (Unicode,
                // category Cf).
                '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}' => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A hex dump: offset in the message, 16 bytes, and what of them is printable ASCII. `offset` is
/// that of the first byte.
pub fn hex_dump(bytes: &[u8], offset: usize) -> String {
    let mut text = String::with_capacity(bytes.len() * 5);
    for (line, bytes) in bytes.chunks(DUMP_WIDTH).enumerate() {
        text.push_str(&format!("{:06x} ", offset + line * DUMP_WIDTH));
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
