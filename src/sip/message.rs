//! One message: start line, the header fields that tell calls, dialogs and transactions apart,
//! body.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use memchr::memchr;

use super::field::{Name, decimal, is, is_token};
use super::reader::Reader;
use crate::finding::Rule;

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

/// The fields that every request has (RFC 3261 §8.1.1), in the order of [`Name`]; a response has
/// all but the last (§8.2.6.2).
const MANDATORY: [&str; 6] = ["To", "From", "CSeq", "Call-ID", "Via", "Max-Forwards"];

impl<'a> Message<'a> {
    /// Reads one message alone, as [`Reader::read`] does.
    pub fn read(
        payload: &'a [u8],
        is_whole: bool,
        flawed: &mut dyn FnMut(Option<usize>, Rule),
    ) -> Option<Self> {
        Reader::default().read(payload, is_whole, flawed)
    }

    /// What can be said once all fields are known.
    pub(super) fn check_fields(
        &self,
        present: u16,
        is_whole: bool,
        flawed: &mut dyn FnMut(Option<usize>, Rule),
    ) {
        let is_request = matches!(self.start, Start::Request { .. });
        let expected = if is_request {
            &MANDATORY[..]
        } else {
            &MANDATORY[..MANDATORY.len() - 1]
        };
        let all = (1 << expected.len()) - 1;
        if present & all != all {
            let missing = expected
                .iter()
                .enumerate()
                .filter(|(bit, _)| present & (1 << bit) == 0);
            let names = missing
                .map(|(_, name)| *name)
                .collect::<Vec<_>>()
                .join(", ");
            flawed(None, Rule::MandatoryFieldMissing { names });
        }
        if let (Start::Request { method, .. }, Some(cseq)) = (self.start, self.cseq)
            && method != cseq.method
        {
            let [cseq, request] = [cseq.method, method].map(text);
            flawed(None, Rule::CSeqMethodMismatch { cseq, request });
        }
        if let (Start::Request { .. }, Some(via)) = (self.start, self.via)
            && !via.has_cookie()
        {
            flawed(
                None,
                Rule::BranchWithoutCookie {
                    missing: via.branch.is_none(),
                },
            );
        }
        match self.content_length {
            // Lines and bytes of nothing behind a message are common, and do no harm (RFC 3261
            // §18.3: discarded).
            Some(says) if is_whole && says != self.body.len() as u64 && !self.is_on_stream() => {
                let surplus = usize::try_from(says)
                    .ok()
                    .and_then(|says| self.body.get(says..));
                let misfit = match surplus {
                    None => self.is_text(),
                    Some(surplus) => surplus
                        .iter()
                        .any(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | 0)),
                };
                if misfit {
                    flawed(
                        None,
                        Rule::ContentLengthMismatch {
                            says,
                            body: self.body.len(),
                        },
                    );
                }
            }
            None if present & Name::ContentLength.bit() == 0 && self.is_on_stream() => {
                let transport = text(self.via.map_or(&[][..], |via| via.transport));
                flawed(None, Rule::ContentLengthMissing { transport });
            }
            _ => {}
        }
    }

    /// Whether the body is a session description.
    pub fn is_sdp(&self) -> bool {
        !self.is_encoded && is(self.media_type(), b"application/sdp")
    }

    /// Content-Type without parameters; empty if there is none.
    fn media_type(&self) -> &'a [u8] {
        let kind = self.content_type.unwrap_or_default();
        kind[..memchr(b';', kind).unwrap_or(kind.len())].trim_ascii()
    }

    /// Whether the body is one that capture agents and servers keep as it is: they strip NUL and
    /// what is not UTF-8 from others (homer.md §6), such as the ISUP of SIP-I.
    fn is_text(&self) -> bool {
        let kind = self.media_type();
        let is_text = kind.get(..5).is_some_and(|start| is(start, b"text/"));
        kind.is_empty() || (!self.is_encoded && (is_text || self.is_sdp()))
    }

    /// Whether the topmost Via names a transport that knows no messages: agents put into a packet
    /// what a segment had, part of a message or several.
    fn is_on_stream(&self) -> bool {
        let transport = self.via.map_or(&[][..], |via| via.transport);
        ["TCP", "TLS"]
            .iter()
            .any(|stream| is(transport, stream.as_bytes()))
    }

    /// Whether the start line is that of a response, well-formed or not.
    pub fn is_status_line(&self) -> bool {
        self.start_line
            .get(..4)
            .is_some_and(|start| is(start, b"SIP/"))
    }

    /// The body, as far as Content-Length goes.
    pub fn content(&self) -> &'a [u8] {
        let len = self
            .content_length
            .and_then(|len| usize::try_from(len).ok())
            .unwrap_or(usize::MAX);
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

    pub(super) fn read(line: &'a [u8]) -> Self {
        Self::response(line)
            .or_else(|| Self::request(line))
            .unwrap_or(Self::Malformed)
    }

    /// `SIP/2.0 200 OK`; without a reason phrase, the blank before it may be missing.
    fn response(line: &'a [u8]) -> Option<Self> {
        let rest = line
            .get(..Self::VERSION.len())
            .filter(|version| is(version, Self::VERSION));
        let rest = line.get(rest?.len()..)?.strip_prefix(b" ")?;
        let (digits, rest) = rest.split_at_checked(3)?;
        let status = decimal(digits).filter(|status| (100..700).contains(status))?;
        let reason = if rest.is_empty() {
            rest
        } else {
            rest.strip_prefix(b" ")?
        };
        Some(Self::Response {
            status: status as u16,
            reason,
        })
    }

    /// `INVITE sip:bob@example.net SIP/2.0`.
    fn request(line: &'a [u8]) -> Option<Self> {
        let (method, rest) = line.split_at_checked(memchr(b' ', line)?)?;
        let (uri, version) = rest
            .get(1..)?
            .split_at_checked(memchr(b' ', rest.get(1..)?)?)?;
        let version = version.strip_prefix(b" ")?;
        let well_formed = !method.is_empty()
            && method.iter().all(|byte| is_token(*byte))
            && !uri.is_empty()
            && is(version, Self::VERSION);
        well_formed.then_some(Self::Request { method, uri })
    }
}

impl<'a> Via<'a> {
    /// Whether the branch tells transactions apart (RFC 3261 §8.1.1.7). The cookie is compared
    /// without regard to case, as any token (§7.3.1).
    pub fn has_cookie(&self) -> bool {
        let start = self.branch.and_then(|branch| branch.get(..COOKIE.len()));
        start.is_some_and(|start| is(start, COOKIE))
    }
}

/// A short token as text.
fn text(token: &[u8]) -> String {
    let token = token.get(..32).unwrap_or(token);
    core::str::from_utf8(token).unwrap_or_default().to_string()
}
