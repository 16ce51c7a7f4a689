//! Untrusted text, made safe to quote in one of our sentences.

pub(crate) mod decoded;
mod unprintable;

use alloc::format;
use alloc::string::String;

pub use unprintable::{UNICODE_VERSION, is_unprintable};

/// Puts untrusted text in quotation marks, as [`truncate_for_display`] makes it.
///
/// `{:?}` would do this too, but it would bring Unicode's property tables into the components.
///
/// # Examples
/// ```
/// assert_eq!(homer_export::text::quoted("a\nb", 10), "\"a b\"");
/// ```
pub fn quoted(text: &str, max_chars: usize) -> String {
    format!("\"{}\"", truncate_for_display(text, max_chars))
}

/// The first `max_chars` characters of `text`, on one line: each control character becomes a space,
/// and each other [unprintable](is_unprintable) character becomes U+FFFD. An ellipsis marks a text
/// that was longer.
///
/// # Examples
/// ```
/// use homer_export::text::truncate_for_display;
///
/// assert_eq!(truncate_for_display("sip:bob", 7), "sip:bob");
/// assert_eq!(truncate_for_display("sip:bob@example.net", 7), "sip:bob…");
/// ```
pub fn truncate_for_display(text: &str, max_chars: usize) -> String {
    // A line break would let a message forge a second line of our output.
    let printable = |c: char| match c {
        c if !is_unprintable(c) => c,
        c if c.is_control() => ' ',
        // What is there and cannot be seen must not look like nothing.
        _ => char::REPLACEMENT_CHARACTER,
    };
    let mut shown: String = text.chars().take(max_chars).map(printable).collect();
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}
