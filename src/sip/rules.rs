//! The rules that can be checked once all header fields of a message are known.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::field::{HAS_FAULTY_ADDRESS, Name};
use super::message::{Message, StartLine, Truncation};
use crate::finding::Rule;

/// The fields that every request must have (RFC 3261 §8.1.1), in the order of [`Name`]. A response
/// must have all but the last (§8.2.6.2).
const MANDATORY: [&str; 6] = ["To", "From", "CSeq", "Call-ID", "Via", "Max-Forwards"];

/// Checks a message. `present` has the [`Name::bit`] of every field that it has, well-formed or
/// not; `is_whole` is false if the capture cut the message off.
pub(super) fn check(
    message: &Message<'_>,
    present: u16,
    is_whole: bool,
    on_finding: &mut dyn FnMut(Option<usize>, Rule),
) {
    // Something that is missing, or that two places contradict, has no offset.
    if is_whole
        && message.truncated.is_some()
        && let Some(rule) = truncation(message)
    {
        on_finding(None, rule);
    }
    // A field that is missing or wrong may only be cut off.
    if !message.is_header_complete() {
        return;
    }
    // Each check calls back instead of returning a rule: nearly no message breaks one, and an empty
    // result would have to be dropped each time.
    let on_rule = &mut |rule| on_finding(None, rule);
    check_mandatory_fields(message, present, on_rule);
    check_tag(message, present, on_rule);
    if present & Name::Contact.bit() == 0 && needs_contact(message) {
        on_rule(Rule::ContactMissing);
    }
    check_cseq_method(message, on_rule);
    check_branch(message, on_rule);
    check_content_length(message, present, is_whole, on_rule);
}

/// A message must not end within its header (RFC 3261 §7) or, on a stream, within its body (§18.3).
fn truncation(message: &Message<'_>) -> Option<Rule> {
    let body = match message.truncated? {
        Truncation::Header => None,
        Truncation::Body if message.may_have_lost_bytes() => return None,
        Truncation::Body => Some((message.content_length?, message.body.len())),
    };
    Some(Rule::MessageTruncated { body })
}

fn check_mandatory_fields(message: &Message<'_>, present: u16, on_rule: &mut dyn FnMut(Rule)) {
    let is_request = matches!(message.start, StartLine::Request { .. });
    let expected = match is_request {
        true => &MANDATORY[..],
        false => &MANDATORY[..MANDATORY.len() - 1],
    };
    // One comparison for the healthy message, which nearly all are.
    let all = (1 << expected.len()) - 1;
    if present & all == all {
        return;
    }
    let missing = expected
        .iter()
        .enumerate()
        .filter(|(bit, _)| present & (1 << bit) == 0);
    let names: Vec<&str> = missing.map(|(_, name)| *name).collect();
    on_rule(Rule::MandatoryFieldMissing {
        names: names.join(", "),
    });
}

/// From must have a tag in a request (RFC 3261 §8.1.1.3), and To in a response other than 100
/// (§8.2.6.2). A response only copies From, so that the fault is the request's alone.
///
/// Outside of dialogs the To tag identifies nothing, and registrars omit it without harm (recording
/// `export-profile-registration`).
fn check_tag(message: &Message<'_>, present: u16, on_rule: &mut dyn FnMut(Rule)) {
    let (name, field, tag) = match message.start {
        StartLine::Request { .. } => (Name::From, "From", message.from_tag),
        StartLine::Response { status: 101.., .. }
            if !matches!(
                message.method(),
                Some(b"REGISTER" | b"OPTIONS" | b"MESSAGE" | b"PUBLISH") | None
            ) =>
        {
            (Name::To, "To", message.to_tag)
        }
        _ => return,
    };
    let is_there = tag.is_some_and(|tag| !tag.is_empty());
    let is_certain = present & name.bit() != 0 && present & HAS_FAULTY_ADDRESS == 0;
    if !is_there && is_certain {
        on_rule(Rule::TagMissing { field });
    }
}

/// Whether Contact is mandatory: in an INVITE (RFC 3261 §8.1.1.8) and in a 2xx response to it
/// (§12.1.1).
fn needs_contact(message: &Message<'_>) -> bool {
    let is_in_place = match message.start {
        StartLine::Request { .. } => true,
        // A response without body may be to another request, and the method in CSeq wrong.
        StartLine::Response { status, .. } => {
            (200..300).contains(&status) && !message.content().is_empty()
        }
        StartLine::Malformed => false,
    };
    is_in_place && message.method() == Some(b"INVITE")
}

/// The method in CSeq must be that of the request (RFC 3261 §8.1.1.5).
fn check_cseq_method(message: &Message<'_>, on_rule: &mut dyn FnMut(Rule)) {
    if let StartLine::Request { method, .. } = message.start
        && let Some(cseq) = message.cseq
        && cseq.method != method
    {
        on_rule(Rule::CSeqMethodMismatch {
            cseq: Some(text(cseq.method)),
            request: text(method),
        });
    }
}

/// The branch of the topmost Via must begin with the magic cookie (RFC 3261 §8.1.1.7). In a
/// response the server only copies it, so that the fault is the request's alone.
fn check_branch(message: &Message<'_>, on_rule: &mut dyn FnMut(Rule)) {
    if let StartLine::Request { .. } = message.start
        && let Some(via) = message.via
        && !via.has_cookie()
    {
        on_rule(Rule::BranchWithoutCookie {
            missing: via.branch.is_none(),
        });
    }
}

/// Content-Length must fit the body (RFC 3261 §18.3), and must be there on a stream (§20.14).
fn check_content_length(
    message: &Message<'_>,
    present: u16,
    is_whole: bool,
    on_rule: &mut dyn FnMut(Rule),
) {
    let body = message.body;
    match message.content_length {
        Some(header) if is_whole && header != body.len() as u64 && !message.is_on_stream() => {
            let surplus = usize::try_from(header)
                .ok()
                .and_then(|header| body.get(header..));
            let is_wrong = match surplus {
                // Too few bytes. Homer's database may have lost some of a binary body.
                None => message.has_text_body(),
                // Too many. Agents and keep-alives append line ends, blanks and NUL, which a
                // receiver discards (§18.3).
                Some(surplus) => !surplus
                    .iter()
                    .all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)),
            };
            if is_wrong {
                on_rule(Rule::ContentLengthMismatch {
                    header,
                    body: body.len(),
                });
            }
        }
        // A malformed Content-Length has been reported and is not also missing.
        None if present & Name::ContentLength.bit() == 0 && message.needs_content_length() => {
            let transport = text(message.via.map_or(&[][..], |via| via.transport));
            on_rule(Rule::ContentLengthMissing { transport });
        }
        _ => {}
    }
}

/// The first 32 bytes of a token as text. A method may be as long as a packet, a finding may not.
fn text(token: &[u8]) -> String {
    let token = token.get(..32).unwrap_or(token);
    core::str::from_utf8(token).unwrap_or_default().to_string()
}
