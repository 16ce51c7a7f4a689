//! Finds users and numbers in a line of text.

use core::ops::Range;

use memchr::{memchr, memrchr};

use super::pseudonyms::Pseudonyms;

/// Header fields that hold counters, times and lengths. A changed one would break a rule.
const PROTECTED: [&[u8]; 16] = [
    b"cseq",
    b"content-length",
    b"l",
    b"max-forwards",
    b"expires",
    b"min-expires",
    b"session-expires",
    b"x",
    b"min-se",
    b"rseq",
    b"rack",
    b"timestamp",
    b"date",
    b"retry-after",
    b"mime-version",
    b"refer-sub",
];

/// Parts of the names of JSON members that measure something (RTCP as JSON, and logs).
const MEASURED: [&[u8]; 14] = [
    b"time", b"ssrc", b"octet", b"packet", b"ntp", b"rtp", b"count", b"lost", b"jitter", b"lsr",
    b"seq", b"delay", b"mos", b"size",
];

/// Fewest and most digits of a number outside of a URI, inclusive (ITU-T E.164 allows 15).
const DIGITS: (usize, usize) = (7, 15);

/// The schemes of URIs with users or numbers.
const SCHEMES: [&[u8]; 9] = [
    b"sip:", b"sips:", b"tel:", b"mailto:", b"im:", b"pres:", b"xmpp:", b"h323:", b"fax:",
];

/// Longest part of a URI in which its user is looked for, in bytes.
const MAX_URI: usize = 1024;

/// Replaces the users and numbers in a line, which may be folded.
pub(super) fn replace(line: &mut [u8], pseudonyms: &mut Pseudonyms) {
    let mut text = Text { line, pseudonyms };
    let name = count(text.line, 0, is_name);
    let colon = name + count(text.line, name, |byte| matches!(byte, b' ' | b'\t'));
    match *text.line {
        [b'o', b'=', ..] => return text.origin(),
        // Times, bandwidths, media and attributes of a session description have no numbers of a
        // person, except in a URI.
        [b't' | b'r' | b'z' | b'b' | b'm' | b'v' | b'c', b'=', ..] => return,
        [b'a', b'=', ..] => return text.scan(2, Mode::Uris),
        [b'p', b'=', ..] => return text.name(2..text.line.len()),
        [b'e', b'=', ..] => text.email(),
        _ => {}
    }
    if name > 0 && text.line.get(colon) == Some(&b':') {
        let field = text.line.get(..name).unwrap_or_default();
        if PROTECTED
            .iter()
            .any(|known| field.eq_ignore_ascii_case(known))
        {
            return;
        }
        // A URI may begin the line as well: in the list of a text body, for example.
        let is_uri = scheme_len(text.line).is_some();
        let start = if is_uri { 0 } else { colon + 1 };
        let value = text.display_name(start);
        return text.scan(value, Mode::Field);
    }
    text.scan(0, Mode::Text);
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// URIs alone.
    Uris,
    /// Also numbers by themselves.
    Text,
    /// Also display names: in the value of a header field.
    Field,
}

struct Text<'a> {
    line: &'a mut [u8],
    pseudonyms: &'a mut Pseudonyms,
}

impl Text<'_> {
    /// Goes through the line once, from `at` on.
    fn scan(&mut self, mut at: usize, mode: Mode) {
        // Where the current run of letters, digits and hyphens begins: a scheme only counts there.
        let mut is_word_start = true;
        while let Some(byte) = self.line.get(at).copied() {
            let rest = self.line.get(at..).unwrap_or_default();
            if is_word_start && let Some(len) = scheme_len(rest) {
                at = self.uri(at, at + len);
                is_word_start = false;
                continue;
            }
            is_word_start = !is_name(byte);
            if !byte.is_ascii_digit() && byte != b',' {
                at += 1;
                // The rest of a word has neither a scheme nor, without a digit, a number.
                if !is_word_start {
                    at += count(self.line, at, |byte| {
                        is_name(byte) && !byte.is_ascii_digit()
                    });
                }
                continue;
            }
            let after_dot =
                at >= 2 && self.line[at - 1] == b'.' && self.line[at - 2].is_ascii_digit();
            if byte.is_ascii_digit() && mode != Mode::Uris {
                let len = count(rest, 0, |byte| byte.is_ascii_digit());
                let end = at + len;
                // A number of seconds with a fraction is none to call.
                let before_dot = self.line.get(end) == Some(&b'.')
                    && self.line.get(end + 1).is_some_and(u8::is_ascii_digit);
                let place = self.international(at).unwrap_or(at..end);
                if place.len() > len || !(after_dot || before_dot) {
                    self.digits(place.clone());
                }
                at = place.end;
            } else {
                at += 1;
                if byte == b',' && mode == Mode::Field {
                    at = self.display_name(at);
                }
            }
        }
    }

    /// A number after `+`, with the separators of RFC 3966 §3 or blanks in it.
    fn international(&self, start: usize) -> Option<Range<usize>> {
        if start
            .checked_sub(1)
            .and_then(|before| self.line.get(before))
            != Some(&b'+')
        {
            return None;
        }
        let rest = self.line.get(start..)?;
        // Of a longer text, only so much can be one number.
        let rest = rest.get(..32).unwrap_or(rest);
        let mut end = 0;
        let mut digits = 0;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    end = at + 1;
                }
                b'-' | b'.' | b'(' | b')' | b' ' if at == end || at == end + 1 => {}
                _ => break,
            }
        }
        (DIGITS.0..=DIGITS.1)
            .contains(&digits)
            .then_some(start..start + end)
    }

    /// Replaces a run of digits if it has the length of a number.
    fn digits(&mut self, place: Range<usize>) {
        let Some(run) = self.line.get(place.clone()) else {
            return;
        };
        let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
        if (DIGITS.0..=DIGITS.1).contains(&digits)
            && !is_measured(self.line, place.start)
            && let Some(run) = self.line.get_mut(place)
        {
            self.pseudonyms.number(run);
        }
    }

    /// Replaces the user in a URI whose scheme is from `start` to `end`. Returns where to go on.
    fn uri(&mut self, start: usize, end: usize) -> usize {
        let rest = self.line.get(end..).unwrap_or_default();
        let rest = rest.get(..MAX_URI).unwrap_or(rest);
        let before = start
            .checked_sub(1)
            .and_then(|before| self.line.get(before));
        let is_bracketed = before == Some(&b'<');
        // A URI in angle brackets may contain commas and, malformed, blanks.
        let len = count(rest, 0, |byte| match byte {
            b'<' | b'>' | b'"' | b'\r' | b'\n' => false,
            b' ' | b'\t' | b',' | b'\'' => is_bracketed,
            _ => true,
        });
        let uri = rest.get(..len).unwrap_or_default();
        let scheme = self.line.get(start..end).unwrap_or_default();
        let is_tel = scheme.eq_ignore_ascii_case(b"tel:") || scheme.eq_ignore_ascii_case(b"fax:");
        let user = match is_tel {
            true => count(uri, 0, |byte| !matches!(byte, b'?' | b' ' | b',')),
            false => match user_len(uri) {
                Some(len) => len,
                None => return end,
            },
        };
        self.user(end, end + user);
        end + user
    }

    /// Replaces the user with its parameters: `+4930123456;phone-context=+49`.
    fn user(&mut self, start: usize, end: usize) {
        let user = self.line.get(start..end).unwrap_or_default();
        // The password after the colon has been overwritten.
        let end = start + memchr(b':', user).unwrap_or(user.len());
        let mut at = start;
        let mut is_user = true;
        while at < end {
            let rest = self.line.get(at..end).unwrap_or_default();
            let len = memchr(b';', rest).unwrap_or(rest.len());
            if is_user {
                self.name(at..at + len);
            } else if let Some(equals) = memchr(b'=', rest.get(..len).unwrap_or_default()) {
                let value = at + equals + 1..at + len;
                let is_number = self
                    .line
                    .get(value.clone())
                    .is_some_and(|value| value.iter().all(|byte| !byte.is_ascii_alphabetic()));
                if is_number {
                    self.name(value);
                }
            }
            is_user = false;
            at += len + 1;
        }
    }

    /// Replaces the display name that begins at `at`, if a URI in angle brackets follows. Returns
    /// where the name ends.
    fn display_name(&mut self, at: usize) -> usize {
        let blanks = count(self.line, at, |byte| byte.is_ascii_whitespace());
        let start = at + blanks;
        let Some(rest) = self.line.get(start..) else {
            return at;
        };
        let (place, end) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let Some(len) = quoted_len(quoted) else {
                    return at;
                };
                (start + 1..start + 1 + len, start + len + 2)
            }
            None => {
                let len = count(rest, 0, |byte| {
                    !matches!(byte, b'<' | b',' | b'"' | b';' | b':' | b'=' | b'>')
                });
                (start..start + len, start + len)
            }
        };
        let end = end + count(self.line, end, |byte| byte.is_ascii_whitespace());
        let is_name = self
            .line
            .get(end..)
            .and_then(|rest| rest.strip_prefix(b"<"))
            .is_some_and(|uri| scheme_len(uri).is_some());
        if !is_name {
            return at;
        }
        self.words(place);
        end
    }

    /// Replaces each word of a display name, or the whole if it is a number.
    fn words(&mut self, place: Range<usize>) {
        let Some(name) = self.line.get_mut(place) else {
            return;
        };
        let has_letters = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
        if !name.iter().any(has_letters) {
            return self.pseudonyms.number(name);
        }
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        for word in name.split_mut(|byte| !is_word(byte)) {
            if !word.is_empty() {
                self.pseudonyms.name(word);
            }
        }
    }

    fn name(&mut self, place: Range<usize>) {
        if let Some(name) = self.line.get_mut(place) {
            self.pseudonyms.name(name);
        }
    }

    /// Replaces the user in `o=alice 2890844526 1 IN IP4 h` (RFC 8866 §5.2).
    fn origin(&mut self) {
        let len = count(self.line, 2, |byte| byte != b' ');
        self.name(2..2 + len);
    }

    /// Replaces the user in `e=j.doe@example.com (Jane Doe)` (RFC 8866 §5.6).
    fn email(&mut self) {
        if let Some(at) = memchr(b'@', self.line) {
            let start = memrchr(b'<', self.line.get(..at).unwrap_or_default());
            self.words(start.map_or(2, |start| start + 1)..at);
            let len = self.line.len();
            if let Some(comment) = memchr(b'(', self.line) {
                self.words(comment..len);
            }
        }
    }
}

/// The length of the user information in a URI without its scheme: up to the `@` before the host.
fn user_len(uri: &[u8]) -> Option<usize> {
    let headers = memchr(b'?', uri).unwrap_or(uri.len());
    let (before, after) = uri.split_at(headers);
    if let Some(at) = memrchr(b'@', before) {
        return Some(at);
    }
    // The user may contain question marks (RFC 3261 §25.1, `user-unreserved`).
    let at = memrchr(b'@', after)?;
    memchr(b'=', after.get(..at)?)
        .is_none()
        .then_some(headers + at)
}

/// The length of the scheme of a URI with users or numbers, including its colon.
fn scheme_len(text: &[u8]) -> Option<usize> {
    // The first letters of all schemes.
    if !matches!(
        text.first()? | 0x20,
        b's' | b't' | b'm' | b'i' | b'p' | b'x' | b'h' | b'f'
    ) {
        return None;
    }
    SCHEMES.iter().find_map(|scheme| {
        let found = text.get(..scheme.len())?;
        found.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    })
}

/// Whether a number is the value of a JSON member that measures something.
fn is_measured(line: &[u8], start: usize) -> bool {
    // `"packets_lost": 1234567`, not in quotation marks.
    let before = line
        .get(start.saturating_sub(48)..start)
        .unwrap_or_default();
    let before = before.trim_ascii_end();
    let Some(before) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) else {
        return false;
    };
    let Some(key) = before.strip_suffix(b"\"") else {
        return false;
    };
    let key = key.get(memrchr(b'"', key).map_or(0, |quote| quote + 1)..);
    let key = key.unwrap_or_default();
    MEASURED.iter().any(|word| {
        key.windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    })
}

/// The length of a quoted string without its second quotation mark.
fn quoted_len(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The number of bytes from `from` on that fulfill a condition.
fn count(bytes: &[u8], from: usize, condition: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().take_while(|byte| condition(**byte)).count()
}
