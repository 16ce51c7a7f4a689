//! Bytes from messages as text that is safe to print.

use alloc::string::String;

use crate::text::is_unprintable;

/// Replaces unprintable characters and invalid UTF-8 by U+FFFD: an escape sequence in a reason
/// phrase must not reach a terminal, and a text in tag characters must not reach a model.
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
