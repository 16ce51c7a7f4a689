//! A caller or callee to search for: a telephone number in any of its usual forms, or a user name.

use alloc::string::String;

use super::Pattern;

/// Digits from which a number is compared by its end, inclusive. Shorter ones are extensions and
/// emergency numbers, of which the end alone would match too many others.
const SUFFIX_DIGITS: usize = 6;

/// Characters with which people group the digits of a number.
const SEPARATORS: [char; 6] = [' ', '-', '.', '/', '(', ')'];

/// The pattern for a caller or callee.
///
/// A text of digits is a telephone number. Spaces and other separators in it do not count. From
/// six digits on, the `+`, `00` or national `0` at its start does not count either, and every user
/// that ends with the remaining digits matches. So `01701234567`, `1701234567` and `+491701234567`
/// find each other, except that a number with a country code does not find one in national form:
/// nothing says how long the country code is. A shorter number, and every other text, matches
/// exactly.
///
/// A text with `*` is a pattern, as [`Pattern::parse`] reads it; nothing of it is left out.
///
/// # Examples
/// ```
/// use homer_export::search::party_pattern;
///
/// assert!(party_pattern("0170 1234567").matches("+491701234567"));
/// assert!(party_pattern("+49170*").matches("+491701234567"));
/// assert!(!party_pattern("1001").matches("+4930551001"));
/// ```
pub fn party_pattern(text: &str) -> Pattern {
    if text.contains('*') {
        return Pattern::parse(text);
    }
    match significant_digits(text) {
        Some(digits) if digits.len() >= SUFFIX_DIGITS => Pattern::suffix(&digits),
        _ => Pattern::exact(text),
    }
}

/// The digits of a telephone number without `+`, `00` or national `0`, or `None` if the text is
/// not a number.
fn significant_digits(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    let digits = compact.strip_prefix('+').unwrap_or(&compact);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let national = digits
        .strip_prefix("00")
        .or_else(|| digits.strip_prefix('0'));
    // A number of zeros alone stays as it is.
    Some(String::from(
        national.filter(|rest| !rest.is_empty()).unwrap_or(digits),
    ))
}
