//! Untrusted text, made safe to quote in one of our sentences.

use alloc::format;
use alloc::string::String;

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

/// The first `max_chars` characters of `text`, on one line: each control character becomes a space.
/// An ellipsis marks a text that was longer.
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
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(max_chars).map(printable).collect();
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}
