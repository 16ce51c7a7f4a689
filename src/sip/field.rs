//! One header field: its name, and what of its value is of use here.

use memchr::memchr;

use super::message::{CSeq, Message, Via};
use crate::finding::Rule;

/// A header field, in places counted from its beginning, so that it says the same wherever its
/// bytes stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    /// None if it is not looked at.
    name: Option<Name>,
    says: Says,
}

/// What a field says.
#[derive(Clone, Copy, Debug, Default)]
enum Says {
    /// Nothing more than that it is there.
    #[default]
    Presence,
    /// Call-ID, Content-Type: all of the value.
    Text(Span),
    /// From, To: the tag.
    Tag(Option<Span>),
    /// Transport and branch of the first value.
    Via(Span, Option<Span>),
    /// Number and method, unless malformed.
    CSeq(Option<(u32, Span)>),
    /// Content-Length, unless malformed.
    Length(Option<u64>),
}

/// A part of a field.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where in `field` its `part` stands; an empty one may stand anywhere.
    fn of(part: &[u8], field: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(field.as_ptr().addr());
        Self {
            start: start as u32,
            end: (start + part.len()) as u32,
        }
    }

    fn within(self, field: &[u8]) -> &[u8] {
        field
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// The fields that are looked at; those that every message has come first, in the order in which
/// missing ones are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
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
        let is = |long: &[u8]| is(name, long);
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

    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Field {
    /// Reads a field without the end of its last line.
    ///
    /// # Errors
    /// If it has no name, or something else in the place of one.
    pub(super) fn read(field: &[u8]) -> Result<Self, Rule> {
        let colon = memchr(b':', field).ok_or(Rule::HeaderWithoutColon)?;
        let name = field[..colon].trim_ascii_end();
        let Some(name) = Name::of(name) else {
            return match !name.is_empty() && name.iter().all(|byte| is_token(*byte)) {
                true => Ok(Self {
                    name: None,
                    says: Says::Presence,
                }),
                false => Err(Rule::HeaderNameMalformed),
            };
        };
        let value = field[colon + 1..].trim_ascii();
        let span = |part: &[u8]| Span::of(part, field);
        let says = match name {
            Name::Via => {
                let Via { transport, branch } = via(value);
                Says::Via(span(transport), branch.map(span))
            }
            Name::From | Name::To => Says::Tag(tag(value).map(span)),
            Name::CallId | Name::ContentType => Says::Text(span(value)),
            Name::CSeq => Says::CSeq(cseq(value).map(|cseq| (cseq.number, span(cseq.method)))),
            Name::ContentLength => Says::Length(decimal(value)),
            Name::MaxForwards | Name::ContentEncoding => Says::Presence,
        };
        Ok(Self {
            name: Some(name),
            says,
        })
    }

    /// One bit for its [`Name`].
    pub(super) fn presence(&self) -> u16 {
        self.name.map_or(0, Name::bit)
    }

    /// Tells a message what this field, which `bytes` begin with, and which begins at `at`, says of
    /// it.
    pub(super) fn tell<'a>(
        &self,
        bytes: &'a [u8],
        at: usize,
        message: &mut Message<'a>,
        flawed: &mut dyn FnMut(Option<usize>, Rule),
    ) {
        let Some(name) = self.name else { return };
        match (name, self.says) {
            (_, Says::Via(transport, branch)) if message.via.is_none() => {
                let branch = branch.map(|branch| branch.within(bytes));
                message.via = Some(Via {
                    transport: transport.within(bytes),
                    branch,
                });
            }
            (Name::From, Says::Tag(tag)) if message.from_tag.is_none() => {
                message.from_tag = tag.map(|tag| tag.within(bytes));
            }
            (Name::To, Says::Tag(tag)) if message.to_tag.is_none() => {
                message.to_tag = tag.map(|tag| tag.within(bytes))
            }
            (Name::CallId, Says::Text(value)) if message.call_id.is_none() => {
                message.call_id = Some(value.within(bytes));
            }
            (Name::ContentType, Says::Text(value)) if message.content_type.is_none() => {
                message.content_type = Some(value.within(bytes));
            }
            (Name::ContentEncoding, _) => message.is_encoded = true,
            (_, Says::CSeq(cseq)) if message.cseq.is_none() => match cseq {
                Some((number, method)) => {
                    message.cseq = Some(CSeq {
                        number,
                        method: method.within(bytes),
                    })
                }
                None => flawed(Some(at), Rule::CSeqMalformed),
            },
            (_, Says::Length(length)) => match (message.content_length, length) {
                (_, None) => flawed(Some(at), Rule::ContentLengthMalformed),
                (None, length) => message.content_length = length,
                (Some(first), Some(other)) if first != other => {
                    flawed(Some(at), Rule::ContentLengthRepeated { first, other });
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// The first value of a field that may have several, separated by commas.
fn via(value: &[u8]) -> Via<'_> {
    let value = &value[..memchr(b',', value).unwrap_or(value.len())];
    let (sent, parameters) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
    // Blanks are allowed around the slashes of SIP / 2.0 / UDP.
    let transport = sent
        .splitn(3, |byte| *byte == b'/')
        .nth(2)
        .unwrap_or_default()
        .trim_ascii_start();
    let end = transport
        .iter()
        .position(|byte| !is_token(*byte))
        .unwrap_or(transport.len());
    Via {
        transport: &transport[..end],
        branch: parameter(parameters, b"branch"),
    }
}

fn cseq(value: &[u8]) -> Option<CSeq<'_>> {
    let digits = value.iter().position(|byte| !byte.is_ascii_digit())?;
    let number = decimal(&value[..digits]).filter(|number| *number < 1 << 31)?;
    let method = value[digits..].trim_ascii_start();
    let separated = method.len() < value.len() - digits;
    let well_formed = separated && !method.is_empty() && method.iter().all(|byte| is_token(*byte));
    well_formed.then_some(CSeq {
        number: number as u32,
        method,
    })
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
            && is(parameter[..equals].trim_ascii(), name)
        {
            return Some(parameter[equals + 1..].trim_ascii());
        }
        rest = behind?;
    }
}

/// A number in digits alone, below 2^53.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}

/// Whether a token is `known`, in any case (RFC 3261 §7.3.1). Nearly always it is written as here,
/// which is told faster.
pub(super) fn is(token: &[u8], known: &[u8]) -> bool {
    token == known || token.eq_ignore_ascii_case(known)
}

/// RFC 3261 §25.1, `token`.
pub(super) fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
