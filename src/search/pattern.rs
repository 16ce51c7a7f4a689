//! A text to search for, with `*` as the wildcard, and how Homer is asked for it.
//!
//! Homer's search has no way to quote a character (homer-app's `buildQuery`): `;` separates
//! alternatives, `%` turns the comparison into LIKE, in which `_` is any character, and `'`, `&`
//! and `"` are rewritten before they reach the database. So a text with such a character is asked
//! for with any character in its place, and the rows are compared exactly here.

use alloc::string::String;
use alloc::vec::Vec;

/// A text to search for. Comparison is exact and case-sensitive, as in Homer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    AnyChar,
    AnyText,
}

/// Characters that Homer does not compare as they are.
const UNQUOTABLE: [char; 7] = ['%', '_', '\\', ';', '\'', '&', '"'];

impl Pattern {
    /// A text as a person writes it: each `*` stands for any text, and every other character for
    /// itself.
    pub fn parse(text: &str) -> Self {
        let part = |c| match c {
            '*' => Part::AnyText,
            c => Part::Char(c),
        };
        Self {
            parts: text.chars().map(part).collect(),
        }
    }

    /// Exactly this text.
    pub fn exact(text: &str) -> Self {
        Self {
            parts: text.chars().map(Part::Char).collect(),
        }
    }

    /// Every text that begins with this one.
    pub fn prefix(text: &str) -> Self {
        let mut pattern = Self::exact(text);
        pattern.parts.push(Part::AnyText);
        pattern
    }

    /// Every text that ends with this one.
    pub fn suffix(text: &str) -> Self {
        let mut pattern = Self::exact(text);
        pattern.parts.insert(0, Part::AnyText);
        pattern
    }

    /// What Homer is asked for instead: this pattern, or one that matches more, if it contains a
    /// character that Homer cannot be asked for.
    pub fn for_homer(&self) -> Self {
        if self.exact_value().is_some() {
            return self.clone();
        }
        let relaxed = |part: &Part| match part {
            Part::Char(c) if UNQUOTABLE.contains(c) => Part::AnyChar,
            part => *part,
        };
        let mut parts: Vec<Part> = self.parts.iter().map(relaxed).collect();
        // Only a `%` makes Homer compare with LIKE.
        if !parts.contains(&Part::AnyText) {
            parts.push(Part::AnyText);
        }
        Self { parts }
    }

    /// The value of the condition in the request, for a pattern from [`Self::for_homer`].
    pub fn value(&self) -> String {
        let wildcard = |part: &Part| match part {
            Part::Char(c) => *c,
            Part::AnyChar => '_',
            Part::AnyText => '%',
        };
        self.parts.iter().map(wildcard).collect()
    }

    /// The text, if the pattern has no wildcard and Homer compares it as it is.
    pub fn exact_value(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                // Without a `%`, `_` and the backslash are ordinary characters.
                Part::Char(c) if !UNQUOTABLE.contains(c) || matches!(c, '_' | '\\') => {
                    text.push(*c)
                }
                _ => return None,
            }
        }
        // Words and prefixes with a meaning of their own.
        let is_special = text.is_empty()
            || matches!(text.as_str(), "isEmpty" | "isNull")
            || text.starts_with("||")
            || text.starts_with("!=");
        (!is_special).then_some(text)
    }

    /// Whether the pattern matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        // The usual method for patterns with one kind of run: after a mismatch, the last run takes
        // one more character. Time is the product of both lengths at most.
        let (parts, text): (&[Part], Vec<char>) = (&self.parts, text.chars().collect());
        let (mut at_part, mut at_char) = (0, 0);
        let mut last_run: Option<(usize, usize)> = None;
        while let Some(c) = text.get(at_char) {
            match parts.get(at_part) {
                Some(Part::AnyText) => {
                    at_part += 1;
                    last_run = Some((at_part, at_char));
                }
                Some(Part::AnyChar) => {
                    at_part += 1;
                    at_char += 1;
                }
                Some(Part::Char(wanted)) if wanted == c => {
                    at_part += 1;
                    at_char += 1;
                }
                _ => {
                    let Some((after_run, taken)) = last_run else {
                        return false;
                    };
                    last_run = Some((after_run, taken + 1));
                    (at_part, at_char) = (after_run, taken + 1);
                }
            }
        }
        parts
            .iter()
            .skip(at_part)
            .all(|part| *part == Part::AnyText)
    }
}
