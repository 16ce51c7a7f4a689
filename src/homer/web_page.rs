//! What a web page in place of Homer's response says about itself: its title, and whether it asks
//! for a sign-on.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Most bytes of an element or line that are read.
const MAX_TEXT: usize = 400;

/// What only sign-on pages contain, in lower case: the form of a login, or the names of products.
const SIGN_ON: &[&str] = &[
    "type=\"password\"",
    "type='password'",
    "type=password",
    "sign in",
    "sign-in",
    "log in",
    "single sign-on",
    "cloudflareaccess",
    "cloudflare access",
    "/oauth2/",
    "authelia",
    "keycloak",
    "samlrequest",
];

/// A body that begins like a web page.
pub(super) struct WebPage<'a>(&'a [u8]);

impl<'a> WebPage<'a> {
    /// The page, if the body begins with a tag. The content type does not matter, because a proxy
    /// may set it to anything.
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        let body = body.trim_ascii_start();
        (body.first() == Some(&b'<')).then_some(Self(body))
    }

    /// The text of the title or, if there is none, of the first heading.
    pub(super) fn title(&self) -> Option<String> {
        self.element("<title").or_else(|| self.element("<h1"))
    }

    /// Whether the page asks for a sign-on.
    pub(super) fn is_sign_on(&self) -> bool {
        let title = self.title().unwrap_or_default();
        contains_ignoring_case(title.as_bytes(), "login")
            || SIGN_ON
                .iter()
                .any(|text| contains_ignoring_case(self.0, text))
    }

    /// The text of the first element that begins with `tag`, up to the next tag, on one line.
    fn element(&self, tag: &str) -> Option<String> {
        let at = position_ignoring_case(self.0, tag)?;
        let element = self.0.get(at..)?;
        let start = element.iter().position(|byte| *byte == b'>')?;
        let text = element.get(start + 1..)?;
        let end = text.iter().position(|byte| *byte == b'<')?;
        let text = text.get(..end.min(MAX_TEXT))?;
        let words: Vec<String> = String::from_utf8_lossy(text)
            .split_whitespace()
            .map(ToString::to_string)
            .collect();
        Some(words.join(" ")).filter(|text| !text.is_empty())
    }
}

/// The first line of a text that is not empty.
pub(super) fn first_line(body: &[u8]) -> String {
    let line = body
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    String::from_utf8_lossy(line.get(..MAX_TEXT).unwrap_or(line)).into_owned()
}

/// Whether `body` contains `text`, which is in lower case, in any case.
pub(super) fn contains_ignoring_case(body: &[u8], text: &str) -> bool {
    position_ignoring_case(body, text).is_some()
}

fn position_ignoring_case(body: &[u8], text: &str) -> Option<usize> {
    body.windows(text.len())
        .position(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}
