//! One message: start line, the header fields that tell calls, dialogs and transactions apart, body.

use alloc::string::{String, ToString};

use memchr::memchr;

use crate::finding::Flaw;

/// A SIP message, in parts of the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The start line, without its end.
    pub start_line: &'a [u8],
    /// What the start line says.
    pub start: Start<'a>,
    /// Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// CSeq, unless it is malformed.
    pub cseq: Option<CSeq<'a>>,
    /// The tag of From.
    pub from_tag: Option<&'a [u8]>,
    /// The tag of To.
    pub to_tag: Option<&'a [u8]>,
    /// The topmost Via.
    pub via: Option<Via<'a>>,
    /// Content-Length, the first if there are several, unless it is malformed.
    pub content_length: Option<u64>,
    /// Content-Type, parameters included.
    pub content_type: Option<&'a [u8]>,
    /// Whether there is a Content-Encoding: the body is not what Content-Type says, as it stands.
    pub is_encoded: bool,
    /// All bytes behind the empty line, whatever Content-Length says.
    pub body: &'a [u8],
    /// Where the body begins, in bytes from the beginning of the message.
    pub body_offset: usize,
}

/// What a start line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request.
    Request {
        /// Its method, a token.
        method: &'a [u8],
        /// What it asks for.
        uri: &'a [u8],
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase, possibly empty.
        reason: &'a [u8],
    },
    /// Neither, by the rules.
    Malformed,
}

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31.
    pub number: u32,
    /// A token.
    pub method: &'a [u8],
}

/// The topmost Via (RFC 3261 §20.42), as far as it is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS` and so on; empty if there is none.
    pub transport: &'a [u8],
    /// The branch parameter.
    pub branch: Option<&'a [u8]>,
}

/// What a branch begins with (RFC 3261 §8.1.1.7).
const COOKIE: &[u8] = b"z9hG4bK";

/// The fields that are looked at; those that every message has come first, in the order in which missing ones are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    To,
    From,
    CSeq,
    CallId,
    Via,
    MaxForwards,
    ContentLength,
    ContentType,
    ContentEncoding,
}

impl Name {
    /// In long or compact form (RFC 3261 §7.3.3), in any case.
    fn of(name: &[u8]) -> Option<Self> {
        let is = |long: &[u8]| name.eq_ignore_ascii_case(long);
        match name.len() {
            1 => match name.first()?.to_ascii_lowercase() {
                b'v' => Some(Self::Via),
                b'f' => Some(Self::From),
                b't' => Some(Self::To),
                b'i' => Some(Self::CallId),
                b'l' => Some(Self::ContentLength),
                b'c' => Some(Self::ContentType),
                b'e' => Some(Self::ContentEncoding),
                _ => None,
            },
            2 if is(b"To") => Some(Self::To),
            3 if is(b"Via") => Some(Self::Via),
            4 if is(b"From") => Some(Self::From),
            4 if is(b"CSeq") => Some(Self::CSeq),
            7 if is(b"Call-ID") => Some(Self::CallId),
            12 if is(b"Max-Forwards") => Some(Self::MaxForwards),
            12 if is(b"Content-Type") => Some(Self::ContentType),
            14 if is(b"Content-Length") => Some(Self::ContentLength),
            16 if is(b"Content-Encoding") => Some(Self::ContentEncoding),
            _ => None,
        }
    }
}

/// The fields that every request has (RFC 3261 §8.1.1), in the order of [`Name`]; a response has all but the last (§8.2.6.2).
const MANDATORY: [&str; 6] = ["To", "From", "CSeq", "Call-ID", "Via", "Max-Forwards"];

/// A line of a header. What is odd about its bytes is found on the way to its end.
#[derive(Clone, Copy)]
struct Line {
    /// Where it begins.
    start: usize,
    /// Where its text ends.
    end: usize,
    /// Where the next one begins.
    next: usize,
    odd: Odd,
}

/// Where bytes are first found in a header that have no place there.
#[derive(Clone, Copy, Default)]
struct Odd {
    /// LF that no CR goes before.
    bare_lf: Option<usize>,
    /// CR that no LF follows.
    bare_cr: Option<usize>,
    control: Option<usize>,
    /// A byte beyond ASCII, which may be UTF-8.
    beyond_ascii: Option<usize>,
}

impl Odd {
    fn and(self, later: Self) -> Self {
        Self {
            bare_lf: self.bare_lf.or(later.bare_lf),
            bare_cr: self.bare_cr.or(later.bare_cr),
            control: self.control.or(later.control),
            beyond_ascii: self.beyond_ascii.or(later.beyond_ascii),
        }
    }

    fn tell(self, header: &[u8], flawed: &mut dyn FnMut(Option<usize>, Flaw)) {
        if let Some(at) = self.bare_lf {
            flawed(Some(at), Flaw::BareLf);
        }
        if let Some(at) = self.bare_cr {
            flawed(Some(at), Flaw::BareCr);
        }
        if let Some(at) = self.control {
            flawed(Some(at), Flaw::ControlByte { byte: header.get(at).copied().unwrap_or_default() });
        }
        if self.beyond_ascii.is_some()
            && let Err(error) = core::str::from_utf8(header)
        {
            let at = error.valid_up_to();
            flawed(Some(at), Flaw::NotUtf8 { byte: header.get(at).copied().unwrap_or_default() });
        }
    }
}

/// Where the next byte is that is not printable ASCII, from `from` on; the end if there is none.
fn unprintable(bytes: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = from;
    // Eight bytes at a time: the highest bit of a byte is set where it is below a blank, or a DEL or beyond. A borrow or a
    // carry only reaches bytes behind one that is found.
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        let below_blank = word.wrapping_sub(EACH * 0x20) & !word;
        let found = (below_blank | word | word.wrapping_add(EACH)) & (EACH << 7);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| !matches!(byte, b' '..=b'~')).map_or(bytes.len(), |found| at + found)
}

impl Line {
    /// The line that begins at `start`; the bytes' end may take the place of its own.
    fn at(bytes: &[u8], start: usize) -> Self {
        let mut odd = Odd::default();
        let mut from = start;
        loop {
            let at = unprintable(bytes, from);
            match bytes.get(at) {
                None => return Self { start, end: at, next: at, odd },
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => return Self { start, end: at, next: at + 2, odd },
                Some(b'\n') => {
                    odd.bare_lf = Some(at);
                    return Self { start, end: at, next: at + 1, odd };
                }
                Some(b'\r') => odd.bare_cr = odd.bare_cr.or(Some(at)),
                Some(b'\t') => {}
                Some(0x80..) => odd.beyond_ascii = odd.beyond_ascii.or(Some(at)),
                Some(_) => odd.control = odd.control.or(Some(at)),
            }
            from = at + 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl<'a> Message<'a> {
    /// Reads a datagram's payload, and tells `flawed` at which byte it breaks which rule, some of them more than once. `is_whole` is to be false if the payload is cut off, so that nothing is said of its length. None if it
    /// is no SIP message: its start line says nothing of SIP, and it lacks Call-ID or CSeq.
    pub fn read(payload: &'a [u8], is_whole: bool, flawed: &mut dyn FnMut(Option<usize>, Flaw)) -> Option<Self> {
        // Empty lines before a message are no part of it (RFC 3261 §7.5).
        let first = payload.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let line = Line::at(payload, first);
        let start_line = &payload[first..line.end];
        let start = Start::read(start_line);
        let mut message = Self {
            start_line,
            start,
            call_id: None,
            cseq: None,
            from_tag: None,
            to_tag: None,
            via: None,
            content_length: None,
            content_type: None,
            is_encoded: false,
            body: &[],
            body_offset: payload.len(),
        };
        if start == Start::Malformed {
            // Quietly first: it may be no SIP at all.
            message.read_fields(payload, &line, &mut |_, _| {});
            if message.call_id.is_none() || message.cseq.is_none() {
                return None;
            }
            flawed(Some(first), Flaw::StartLineMalformed);
            message = Self { call_id: None, cseq: None, via: None, content_length: None, ..message };
        }
        let present = message.read_fields(payload, &line, flawed);
        message.check_fields(present, is_whole, flawed);
        Some(message)
    }

    /// Reads the header fields behind the start line; returns which [`Name`]s are there, well-formed or not, one bit each.
    fn read_fields(
        &mut self,
        payload: &'a [u8],
        start_line: &Line,
        flawed: &mut dyn FnMut(Option<usize>, Flaw),
    ) -> u16 {
        let mut present = 0;
        let mut odd = start_line.odd;
        let mut at = start_line.next;
        let mut header_end = payload.len();
        while at < payload.len() {
            let mut line = Line::at(payload, at);
            odd = odd.and(line.odd);
            at = line.next;
            if line.is_empty() {
                header_end = line.start;
                self.body_offset = line.next;
                self.body = &payload[line.next..];
                break;
            }
            // A value goes on in lines that begin with a blank (RFC 3261 §7.3.1, folding).
            while matches!(payload.get(at), Some(b' ' | b'\t')) {
                let folded = Line::at(payload, at);
                odd = odd.and(folded.odd);
                at = folded.next;
                line.end = folded.end;
            }
            let field = &payload[line.start..line.end];
            let Some(colon) = memchr(b':', field) else {
                flawed(Some(line.start), Flaw::HeaderWithoutColon);
                continue;
            };
            let name = field[..colon].trim_ascii_end();
            match Name::of(name) {
                Some(name) => {
                    present |= 1 << name as u16;
                    let value = field[colon + 1..].trim_ascii();
                    self.read_field(name, value, line.start, flawed);
                }
                None if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) => {
                    flawed(Some(line.start), Flaw::HeaderNameMalformed);
                }
                None => {}
            }
        }
        odd.tell(&payload[..header_end], flawed);
        present
    }

    fn read_field(&mut self, name: Name, value: &'a [u8], at: usize, flawed: &mut dyn FnMut(Option<usize>, Flaw)) {
        match name {
            Name::Via if self.via.is_none() => self.via = Some(Via::read(value)),
            Name::From if self.from_tag.is_none() => self.from_tag = tag(value),
            Name::To if self.to_tag.is_none() => self.to_tag = tag(value),
            Name::CallId if self.call_id.is_none() => self.call_id = Some(value),
            Name::ContentEncoding => self.is_encoded = true,
            Name::ContentType if self.content_type.is_none() => self.content_type = Some(value),
            Name::CSeq if self.cseq.is_none() => {
                self.cseq = CSeq::read(value);
                if self.cseq.is_none() {
                    flawed(Some(at), Flaw::CSeqMalformed);
                }
            }
            Name::ContentLength => match (self.content_length, decimal(value)) {
                (_, None) => flawed(Some(at), Flaw::ContentLengthMalformed),
                (None, length) => self.content_length = length,
                (Some(first), Some(other)) if first != other => {
                    flawed(Some(at), Flaw::ContentLengthRepeated { first, other });
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// What can be said once all fields are known.
    fn check_fields(&self, present: u16, is_whole: bool, flawed: &mut dyn FnMut(Option<usize>, Flaw)) {
        let is_request = matches!(self.start, Start::Request { .. });
        let expected = if is_request { &MANDATORY[..] } else { &MANDATORY[..MANDATORY.len() - 1] };
        let mut names = String::new();
        for (bit, name) in expected.iter().enumerate() {
            if present & (1 << bit) == 0 {
                names.push_str(if names.is_empty() { "" } else { ", " });
                names.push_str(name);
            }
        }
        if !names.is_empty() {
            flawed(None, Flaw::MandatoryFieldMissing { names });
        }
        if let (Start::Request { method, .. }, Some(cseq)) = (self.start, self.cseq)
            && method != cseq.method
        {
            let [cseq, request] = [cseq.method, method].map(text);
            flawed(None, Flaw::CSeqMethodMismatch { cseq, request });
        }
        if let (Start::Request { .. }, Some(via)) = (self.start, self.via)
            && !via.has_cookie()
        {
            flawed(None, Flaw::BranchWithoutCookie { missing: via.branch.is_none() });
        }
        match self.content_length {
            // Lines and bytes of nothing behind a message are common, and do no harm (RFC 3261 §18.3: discarded).
            Some(says) if is_whole && says != self.body.len() as u64 && !self.is_on_stream() => {
                let surplus = usize::try_from(says).ok().and_then(|says| self.body.get(says..));
                let misfit = match surplus {
                    None => self.is_text(),
                    Some(surplus) => surplus.iter().any(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | 0)),
                };
                if misfit {
                    flawed(None, Flaw::ContentLengthMismatch { says, body: self.body.len() });
                }
            }
            None if present & (1 << Name::ContentLength as u16) == 0 && self.is_on_stream() => {
                let transport = text(self.via.map_or(&[][..], |via| via.transport));
                flawed(None, Flaw::ContentLengthMissing { transport });
            }
            _ => {}
        }
    }

    /// Whether the body is a session description.
    pub fn is_sdp(&self) -> bool {
        !self.is_encoded && self.media_type().eq_ignore_ascii_case(b"application/sdp")
    }

    /// Content-Type without parameters; empty if there is none.
    fn media_type(&self) -> &'a [u8] {
        let kind = self.content_type.unwrap_or_default();
        kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
    }

    /// Whether the body is one that capture agents and servers keep as it is: they strip NUL and what is not UTF-8 from others
    /// (homer.md §6), such as the ISUP of SIP-I.
    fn is_text(&self) -> bool {
        let kind = self.media_type();
        let is_text = kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"));
        kind.is_empty() || (!self.is_encoded && (is_text || self.is_sdp()))
    }

    /// Whether the topmost Via names a transport that knows no messages: agents put into a packet what a segment had, part
    /// of a message or several.
    fn is_on_stream(&self) -> bool {
        let transport = self.via.map_or(&[][..], |via| via.transport);
        ["TCP", "TLS"].iter().any(|stream| transport.eq_ignore_ascii_case(stream.as_bytes()))
    }

    /// Whether the start line is that of a response, well-formed or not.
    pub fn is_status_line(&self) -> bool {
        self.start_line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    }

    /// The body, as far as Content-Length goes.
    pub fn content(&self) -> &'a [u8] {
        let len = self.content_length.and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        self.body.get(..len).unwrap_or(self.body)
    }

    /// The method: a request's own, a response's by its CSeq.
    pub fn method(&self) -> Option<&'a [u8]> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            _ => self.cseq.map(|cseq| cseq.method),
        }
    }
}

impl<'a> Start<'a> {
    const VERSION: &'static [u8] = b"SIP/2.0";

    fn read(line: &'a [u8]) -> Self {
        Self::response(line).or_else(|| Self::request(line)).unwrap_or(Self::Malformed)
    }

    /// `SIP/2.0 200 OK`; without a reason phrase, the blank before it may be missing.
    fn response(line: &'a [u8]) -> Option<Self> {
        let rest = line.get(..Self::VERSION.len()).filter(|version| version.eq_ignore_ascii_case(Self::VERSION));
        let rest = line.get(rest?.len()..)?.strip_prefix(b" ")?;
        let (digits, rest) = rest.split_at_checked(3)?;
        let status = decimal(digits).filter(|status| (100..700).contains(status))?;
        let reason = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
        Some(Self::Response { status: status as u16, reason })
    }

    /// `INVITE sip:bob@example.net SIP/2.0`.
    fn request(line: &'a [u8]) -> Option<Self> {
        let (method, rest) = line.split_at_checked(memchr(b' ', line)?)?;
        let (uri, version) = rest.get(1..)?.split_at_checked(memchr(b' ', rest.get(1..)?)?)?;
        let version = version.strip_prefix(b" ")?;
        let well_formed = !method.is_empty()
            && method.iter().all(|byte| is_token(*byte))
            && !uri.is_empty()
            && version.eq_ignore_ascii_case(Self::VERSION);
        well_formed.then_some(Self::Request { method, uri })
    }
}

impl<'a> CSeq<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let digits = value.iter().position(|byte| !byte.is_ascii_digit())?;
        let number = decimal(&value[..digits]).filter(|number| *number < 1 << 31)?;
        let method = value[digits..].trim_ascii_start();
        let separated = method.len() < value.len() - digits;
        let well_formed = separated && !method.is_empty() && method.iter().all(|byte| is_token(*byte));
        well_formed.then_some(Self { number: number as u32, method })
    }
}

impl<'a> Via<'a> {
    /// Whether the branch tells transactions apart (RFC 3261 §8.1.1.7). The cookie is compared without regard to case, as any
    /// token (§7.3.1).
    pub fn has_cookie(&self) -> bool {
        let start = self.branch.and_then(|branch| branch.get(..COOKIE.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(COOKIE))
    }

    /// The first value of a field that may have several, separated by commas.
    fn read(value: &'a [u8]) -> Self {
        let value = &value[..memchr(b',', value).unwrap_or(value.len())];
        let (sent, parameters) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
        // Blanks are allowed around the slashes of SIP / 2.0 / UDP.
        let transport = sent.splitn(3, |byte| *byte == b'/').nth(2).unwrap_or_default().trim_ascii_start();
        let end = transport.iter().position(|byte| !is_token(*byte)).unwrap_or(transport.len());
        Self { transport: &transport[..end], branch: parameter(parameters, b"branch") }
    }
}

/// The tag of a From or To field: a parameter of the field, not of the URI in it (RFC 3261 §20.10).
fn tag(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let mut at = 0;
        loop {
            match quoted.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        rest = &quoted[at + 1..];
    }
    if let Some(open) = memchr(b'<', rest) {
        rest = &rest[open..];
        rest = &rest[memchr(b'>', rest)?..];
    }
    parameter(&rest[memchr(b';', rest)?..], b"tag")
}

/// The value of `;name=value` among parameters, each with its semicolon.
fn parameter<'a>(parameters: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = parameters;
    loop {
        let (parameter, behind) = match memchr(b';', rest) {
            Some(at) => (&rest[..at], rest.get(at + 1..)),
            None => (rest, None),
        };
        if let Some(equals) = memchr(b'=', parameter)
            && parameter[..equals].trim_ascii().eq_ignore_ascii_case(name)
        {
            return Some(parameter[equals + 1..].trim_ascii());
        }
        rest = behind?;
    }
}

/// A number in digits alone, below 2^53.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}

/// RFC 3261 §25.1, `token`.
fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// A short token as text.
fn text(token: &[u8]) -> String {
    let token = token.get(..32).unwrap_or(token);
    core::str::from_utf8(token).unwrap_or_default().to_string()
}
