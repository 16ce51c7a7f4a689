//! One header field: its name, and the part of its value that the analysis uses (RFC 3261 §7.3).

use memchr::memchr;

use super::address::AddressFault;
use super::message::Message;
use super::multipart::BodyKind;
use super::token::{decimal, eq_ignore_case, is_token};
use super::value::{CSeq, Transport, Via, tag};
use crate::finding::Rule;

/// A parsed header field. All positions count from the start of the field, so that a cached field
/// applies to the same bytes at another place in another message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    /// None if the analysis does not use the field.
    name: Option<Name>,
    value: FieldValue,
    fault: Option<AddressFault>,
}

/// The useful part of a field's value.
#[derive(Clone, Copy, Debug, Default)]
enum FieldValue {
    /// Only the presence of the field matters.
    #[default]
    Presence,
    /// Call-ID: the whole value.
    CallId(Span),
    /// Content-Type: the whole value, and what it says.
    ContentType(Span, BodyKind),
    /// From, To: the tag.
    Tag(Option<Span>),
    /// Via: transport and branch of the first value.
    Via(Transport, Span, Option<Span>),
    /// CSeq: number and method; `None` if malformed.
    CSeq(Option<(u32, Span)>),
    /// Content-Length: the number; `None` if malformed.
    Length(Option<u64>),
}

/// Why a line is no header field.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotAField {
    WithoutColon,
    /// The name in front of the colon is not a token.
    WithoutName,
}

impl NotAField {
    /// The rule that the line breaks.
    pub(super) fn rule(self) -> Rule {
        match self {
            Self::WithoutColon => Rule::HeaderWithoutColon,
            Self::WithoutName => Rule::HeaderNameMalformed,
        }
    }
}

/// A range of bytes in a field.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The place of `part` in `field`, of which it is a slice. The place of an empty part means
    /// nothing.
    fn of(part: &[u8], field: &[u8]) -> Self {
        // Subtracting addresses is safe and needs no search. An empty slice made by
        // `unwrap_or_default` lies outside the field, hence the wrapping subtraction.
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

/// The fields that the analysis uses. The mandatory fields come first, in the order in which a
/// finding lists missing ones (`rules::MANDATORY`).
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
    Contact,
}

/// The bit beside those of [`Name::bit`] that says that From or To has a malformed address, so that
/// it may seem to lack its tag.
pub(super) const HAS_FAULTY_ADDRESS: u16 = 1 << 15;

/// The fields that a message has once at most (RFC 3261 §20). Content-Length has a rule of its own.
const SINGLE: u16 = Name::To.bit()
    | Name::From.bit()
    | Name::CSeq.bit()
    | Name::CallId.bit()
    | Name::MaxForwards.bit()
    | Name::ContentType.bit();

impl Name {
    /// Recognizes the long and the compact form (RFC 3261 §7.3.3) in upper and lower case.
    fn parse(name: &[u8]) -> Option<Self> {
        let is = |long: &[u8]| eq_ignore_case(name, long);
        // The length comes first: it rules out most names without comparing a byte.
        match name.len() {
            1 => match name.first()?.to_ascii_lowercase() {
                b'v' => Some(Self::Via),
                b'f' => Some(Self::From),
                b't' => Some(Self::To),
                b'i' => Some(Self::CallId),
                b'l' => Some(Self::ContentLength),
                b'c' => Some(Self::ContentType),
                b'e' => Some(Self::ContentEncoding),
                b'm' => Some(Self::Contact),
                _ => None,
            },
            2 if is(b"To") => Some(Self::To),
            3 if is(b"Via") => Some(Self::Via),
            4 if is(b"From") => Some(Self::From),
            4 if is(b"CSeq") => Some(Self::CSeq),
            7 if is(b"Call-ID") => Some(Self::CallId),
            7 if is(b"Contact") => Some(Self::Contact),
            12 if is(b"Max-Forwards") => Some(Self::MaxForwards),
            12 if is(b"Content-Type") => Some(Self::ContentType),
            14 if is(b"Content-Length") => Some(Self::ContentLength),
            16 if is(b"Content-Encoding") => Some(Self::ContentEncoding),
            _ => None,
        }
    }

    /// The name as the RFC spells it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::To => "To",
            Self::From => "From",
            Self::CSeq => "CSeq",
            Self::CallId => "Call-ID",
            Self::Via => "Via",
            Self::MaxForwards => "Max-Forwards",
            Self::ContentLength => "Content-Length",
            Self::ContentType => "Content-Type",
            Self::ContentEncoding => "Content-Encoding",
            Self::Contact => "Contact",
        }
    }

    /// The bit of this name in a set of names.
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Field {
    /// Parses a field, given without the end of its last line.
    ///
    /// # Errors
    /// Fails if there is no colon, or no valid name in front of it.
    pub(super) fn parse(field: &[u8]) -> Result<Self, NotAField> {
        let colon = memchr(b':', field).ok_or(NotAField::WithoutColon)?;
        let name = field[..colon].trim_ascii_end();
        let Some(name) = Name::parse(name) else {
            // Any other header field is fine, as long as its name is one.
            let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
            return is_name.then(Self::default).ok_or(NotAField::WithoutName);
        };
        // Blanks may surround the colon, and a folded value may begin in the next line:
        // `F:\r\n sip:a@h`.
        let bytes = field[colon + 1..].trim_ascii();
        let span = |part: &[u8]| Span::of(part, field);
        let value = match name {
            Name::Via => {
                let Via { transport, branch } = Via::parse(bytes);
                let kind = Transport::of(transport);
                FieldValue::Via(kind, span(transport), branch.map(span))
            }
            Name::From | Name::To => FieldValue::Tag(tag(bytes).map(span)),
            Name::CallId => FieldValue::CallId(span(bytes)),
            Name::ContentType => FieldValue::ContentType(span(bytes), BodyKind::of(bytes)),
            Name::CSeq => {
                let cseq = CSeq::parse(bytes);
                FieldValue::CSeq(cseq.map(|cseq| (cseq.number, span(cseq.method))))
            }
            Name::ContentLength => FieldValue::Length(decimal(bytes)),
            Name::MaxForwards | Name::ContentEncoding | Name::Contact => FieldValue::Presence,
        };
        let fault = match name {
            Name::From | Name::To => AddressFault::find(bytes, false),
            Name::Contact => AddressFault::find(bytes, true),
            _ => None,
        };
        Ok(Self {
            name: Some(name),
            value,
            fault,
        })
    }

    /// Stores the value in `message`, and adds the bit of the name to `present`. `bytes` starts
    /// with the field, which begins at byte `offset` of the message.
    // Inlined, since calling it takes longer than what it does (`cargo bench -p benches --bench
    // throughput`).
    #[inline(always)]
    pub(super) fn apply_to<'a>(
        &self,
        message: &mut Message<'a>,
        present: &mut u16,
        bytes: &'a [u8],
        offset: usize,
        on_finding: &mut dyn FnMut(Option<usize>, Rule),
    ) {
        let Some(name) = self.name else { return };
        let bit = name.bit();
        // This runs for each field of each message, and nearly always there is nothing to report.
        if *present & bit & SINGLE != 0 || self.fault.is_some() {
            self.report(name, present, offset, on_finding);
        }
        *present |= bit;
        // Of a field that stands several times, the first counts. For Via that is the rule: the
        // topmost one belongs to the sender (RFC 3261 §18.1.1).
        match self.value {
            FieldValue::Presence => message.is_encoded |= name == Name::ContentEncoding,
            FieldValue::Via(..) if message.via.is_some() => {}
            FieldValue::Via(kind, transport, branch) => {
                message.transport = kind;
                message.via = Some(Via {
                    transport: transport.within(bytes),
                    branch: branch.map(|branch| branch.within(bytes)),
                });
            }
            FieldValue::Tag(tag) => {
                let slot = match name {
                    Name::From => &mut message.from_tag,
                    _ => &mut message.to_tag,
                };
                if slot.is_none() {
                    *slot = tag.map(|tag| tag.within(bytes));
                }
            }
            FieldValue::CallId(value) => {
                message.call_id.get_or_insert_with(|| value.within(bytes));
            }
            FieldValue::ContentType(..) if message.content_type.is_some() => {}
            FieldValue::ContentType(value, kind) => {
                message.content_type = Some(value.within(bytes));
                message.body_kind = kind;
            }
            FieldValue::CSeq(_) if message.cseq.is_some() => {}
            FieldValue::CSeq(None) => on_finding(Some(offset), Rule::CSeqMalformed),
            FieldValue::CSeq(Some((number, method))) => {
                let method = method.within(bytes);
                message.cseq = Some(CSeq { number, method });
            }
            FieldValue::Length(length) => match (message.content_length, length) {
                (_, None) => on_finding(Some(offset), Rule::ContentLengthMalformed),
                (None, length) => message.content_length = length,
                // Two equal values do no harm; two different ones make readers disagree about
                // where the message ends.
                (Some(first), Some(other)) if first != other => {
                    on_finding(Some(offset), Rule::ContentLengthRepeated { first, other });
                }
                _ => {}
            },
        }
    }

    /// Reports a field that stands twice, and the fault of an address.
    #[cold]
    fn report(
        &self,
        name: Name,
        present: &mut u16,
        offset: usize,
        on_finding: &mut dyn FnMut(Option<usize>, Rule),
    ) {
        let text = name.as_str();
        if *present & name.bit() & SINGLE != 0 {
            on_finding(Some(offset), Rule::HeaderRepeated { name: text });
        }
        if let Some(fault) = self.fault {
            *present |= HAS_FAULTY_ADDRESS;
            on_finding(Some(offset), fault.rule(text));
        }
    }
}
