//! Bytes from messages as text that is safe to print.

use alloc::string::String;

use crate::sip::is_invisible;

/// Replaces control characters, invisible ones and invalid UTF-8 by U+FFFD: an escape sequence in a
/// reason phrase must not reach a terminal, and a mark of direction must not reorder a line.
pub(super) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| match is_unprintable(c) {
            true => char::REPLACEMENT_CHARACTER,
            false => c,
        }));
        // One replacement for each invalid sequence, as `String::from_utf8_lossy` does.
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

fn is_unprintable(c: char) -> bool {
    c.is_control() || is_invisible(c)
}
