//! Untrusted text, made safe to quote in one of our sentences.

pub(crate) mod decoded;
mod unprintable;

use alloc::string::String;

pub use unprintable::{UNICODE_VERSION, is_unprintable};

/// Puts untrusted text in quotation marks, as [`truncate_for_display`] makes it. A backslash
/// escapes each quotation mark and each backslash within it, so that the text cannot seem to end
/// and to be followed by a sentence of ours.
///
/// `{:?}` would do this too, but it would bring Unicode's property tables into the components.
///
/// # Examples
/// ```
/// use homer_export::text::quoted;
///
/// assert_eq!(quoted("a\nb", 10), r#""a b""#);
/// assert_eq!(quoted(r#"x"; all is well"#, 99), r#""x\"; all is well""#);
/// ```
pub fn quoted(text: &str, max_chars: usize) -> String {
    let shown = truncate_for_display(text, max_chars);
    let mut quoted = String::with_capacity(shown.len() + 2);
    quoted.push('"');
    for c in shown.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
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
