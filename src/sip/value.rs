//! The values of Via, CSeq, From and To, as far as they identify dialogs and transactions
//! (RFC 3261 §20).

use memchr::memchr;

use super::address::quoted_len;
use super::token::{decimal, eq_ignore_case, is_token};

/// The sequence number and method of a CSeq field (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number, less than 2^31.
    pub number: u32,
    /// The method, a token.
    pub method: &'a [u8],
}

/// Transport and branch of the topmost Via field (RFC 3261 §20.42).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS` and so on; empty if the field names no transport.
    pub transport: &'a [u8],
    /// The value of the branch parameter.
    pub branch: Option<&'a [u8]>,
}

/// The start of every branch that was made by the rules of RFC 3261 (§8.1.1.7). Branches without it
/// come from RFC 2543 devices and may be the same in several transactions.
const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// What kind of transport a Via names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    /// TCP or TLS, on which Content-Length is mandatory (RFC 3261 §20.14). WebSocket has frames of
    /// its own (RFC 7118 §5), and so has SCTP (RFC 4168 §5).
    NeedsContentLength,
    /// Any other stream.
    OtherStream,
    /// None, or one that is not known.
    #[default]
    Other,
}

impl Transport {
    pub(super) fn of(name: &[u8]) -> Self {
        let is = |names: &[&[u8]]| names.iter().any(|known| eq_ignore_case(name, known));
        match name {
            _ if is(&[b"UDP"]) => Self::Udp,
            _ if is(&[b"TCP", b"TLS"]) => Self::NeedsContentLength,
            _ if is(&[b"WS", b"WSS", b"SCTP", b"TLS-SCTP"]) => Self::OtherStream,
            _ => Self::Other,
        }
    }
}

impl<'a> Via<'a> {
    /// Reads the first of the field's comma-separated values.
    pub(super) fn parse(value: &'a [u8]) -> Self {
        let value = &value[..memchr(b',', value).unwrap_or(value.len())];
        let (sent_by, parameters) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
        // Blanks may surround the slashes: `SIP / 2.0 / UDP` (RFC 3261 §25.1, `sent-protocol`).
        let transport = sent_by
            .splitn(3, |byte| *byte == b'/')
            .nth(2)
            .unwrap_or_default()
            .trim_ascii_start();
        let end = transport
            .iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(transport.len());
        Self {
            transport: &transport[..end],
            branch: parameter(parameters, b"branch"),
        }
    }

    /// Whether the branch identifies one transaction: whether it starts with `z9hG4bK`
    /// (RFC 3261 §8.1.1.7).
    pub fn has_cookie(&self) -> bool {
        let start = self
            .branch
            .and_then(|branch| branch.get(..MAGIC_COOKIE.len()));
        // Case does not matter, as in any token (§7.3.1); some devices write `Z9HG4BK`.
        start.is_some_and(|start| eq_ignore_case(start, MAGIC_COOKIE))
    }
}

impl<'a> CSeq<'a> {
    /// Reads `314159 INVITE`. Returns none unless blanks separate a number below 2^31 from a
    /// method.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        let digits = value.iter().position(|byte| !byte.is_ascii_digit())?;
        let number = decimal(&value[..digits]).filter(|number| *number < 1 << 31)?;
        let method = value[digits..].trim_ascii_start();
        // `1ACK` has a number and a method, but nothing between them.
        let separated = method.len() < value.len() - digits;
        let is_method = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
        (separated && is_method).then_some(Self {
            number: number as u32,
            method,
        })
    }
}

/// The tag of a From or To field. A parameter inside the URI's angle brackets is not a parameter of
/// the field (RFC 3261 §20.10).
pub(super) fn tag(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    // A display name may contain `<` and `;tag=`: `"A \" <x>;tag=no" <sip:a@h>;tag=aaa`.
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        rest = &quoted[quoted_len(quoted)?..];
    }
    if let Some(open) = memchr(b'<', rest) {
        rest = &rest[open..];
        rest = &rest[memchr(b'>', rest)?..];
    }
    parameter(&rest[memchr(b';', rest)?..], b"tag")
}

/// The value of one `;name=value` in a list of parameters.
pub(super) fn parameter<'a>(parameters: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = parameters;
    loop {
        let (parameter, after) = match memchr(b';', rest) {
            Some(at) => (&rest[..at], rest.get(at + 1..)),
            None => (rest, None),
        };
        if let Some(equals) = memchr(b'=', parameter)
            && eq_ignore_case(parameter[..equals].trim_ascii(), name)
        {
            return Some(parameter[equals + 1..].trim_ascii());
        }
        rest = after?;
    }
}
