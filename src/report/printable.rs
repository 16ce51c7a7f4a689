//! Bytes from messages as text that is safe to print.

use alloc::string::String;

use crate::text::is_unprintable;

/// Replaces unprintable characters and invalid UTF-8 by U+FFFD: an escape sequence in a reason
/// phrase must not reach a terminal, and a text in tag characters must not reach a model.
pub(crate) fn printable(bytes: &[u8]) -> String {
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

/// At most `max_chars` characters from a message, in quotation marks. Those within it are escaped,
/// so that it cannot seem to end, and to be followed by a sentence of ours.
pub(crate) fn quoted_from_message(bytes: &[u8], max_chars: usize) -> String {
    let text = printable(bytes);
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for c in text.chars().take(max_chars) {
        if matches!(c, '"' | '\\') {
            shown.push('\\');
        }
        shown.push(c);
    }
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown.push('"');
    shown
}
