//! Text with line breaks between words.

use console::{Style, measure_text_width, truncate_str};

use super::Page;

/// Columns in front of a continued line.
const INDENT: usize = 6;

/// A paragraph that fits on the page.
pub(super) struct Paragraph {
    page: Page,
    text: String,
    /// Columns taken in the last line.
    used: usize,
    indent: usize,
}

impl Paragraph {
    /// A paragraph that begins at the left edge.
    pub(super) fn new(page: Page) -> Self {
        Self {
            page,
            text: String::new(),
            used: 0,
            indent: INDENT,
        }
    }

    /// A paragraph that begins with a text that is never broken, such as a file name that someone
    /// may copy.
    pub(super) fn after(page: Page, text: String) -> Self {
        let mut paragraph = Self::new(page);
        paragraph.used = measure_text_width(&text);
        paragraph.text = text;
        paragraph
    }

    /// An indented paragraph with a heading in its first line.
    pub(super) fn headed(page: Page, heading: &str, style: Style) -> Self {
        let mut paragraph = Self::new(page);
        paragraph.text = format!("  {}", style.apply_to(heading));
        paragraph.used = 2 + measure_text_width(heading);
        paragraph
    }

    /// A paragraph whose first line begins at this column.
    pub(super) fn indented(page: Page, indent: usize) -> Self {
        let mut paragraph = Self::new(page);
        paragraph.text = " ".repeat(indent.saturating_sub(1));
        paragraph.used = paragraph.text.len();
        paragraph.indent = indent;
        paragraph
    }

    /// Appends words.
    pub(super) fn text(self, words: &str) -> Self {
        self.styled(words, &Style::new())
    }

    /// Appends words in a style.
    pub(super) fn styled(mut self, words: &str, style: &Style) -> Self {
        for word in words.split(' ') {
            // A word that is longer than a line is truncated.
            let word = truncate_str(word, self.page.width - self.indent, "~");
            let width = measure_text_width(&word);
            let gap = usize::from(!self.text.is_empty());
            if self.used + gap + width > self.page.width {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(self.indent));
                self.used = self.indent;
            } else {
                self.text.push_str(&" ".repeat(gap));
                self.used += gap;
            }
            self.text.push_str(&style.apply_to(word).to_string());
            self.used += width;
        }
        self
    }

    /// Appends the paragraph to a text, as lines of their own.
    pub(super) fn write(self, text: &mut String) {
        text.push_str(&self.text);
        text.push('\n');
    }
}
