//! What is odd in a packet or a message: `homer:capture/types.finding`.

use alloc::format;
use alloc::string::{String, ToString};

/// One oddity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Number of the packet record, counted from 1.
    pub packet: u64,
    /// Where in the message, in bytes from its beginning; none if it concerns the packet, or
    /// something that is missing.
    pub offset: Option<u32>,
    /// [`Rule::code`].
    pub code: String,
    /// [`Rule::text`].
    pub text: String,
    /// [`Rule::rule`].
    pub rule: String,
}

/// A rule that is broken. The texts quote nothing of a message but header field names, methods, a
/// transport, numbers and single bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentences in `text` say what each is")]
pub enum Rule {
    StartLineMalformed,
    HeaderWithoutColon,
    HeaderNameMalformed,
    BareLf,
    BareCr,
    ControlByte {
        byte: u8,
    },
    NotUtf8 {
        byte: u8,
    },
    ContentLengthMismatch {
        says: u64,
        body: usize,
    },
    ContentLengthMalformed,
    ContentLengthMissing {
        transport: String,
    },
    ContentLengthRepeated {
        first: u64,
        other: u64,
    },
    MandatoryFieldMissing {
        names: String,
    },
    CSeqMalformed,
    CSeqMethodMismatch {
        cseq: String,
        request: String,
    },
    BranchWithoutCookie {
        missing: bool,
    },
    CallIdChanged {
        request: u64,
    },
    TagChanged {
        field: &'static str,
        request: Option<u64>,
    },
    SdpUnreadable {
        why: &'static str,
    },
    SdpConnectionMissing,
    SdpMediaMissing {
        offered: u32,
        answered: u32,
    },
    ResponseWithoutRequest,
    IpLengthWrapped {
        len: usize,
    },
    RecordAboveSnaplen {
        len: u32,
        snaplen: u32,
    },
    RecordTooLongForWireshark {
        len: u32,
    },
    TimeBackwards {
        by_us: u64,
    },
}

impl Rule {
    /// Its code, which stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StartLineMalformed => "start-line-malformed",
            Self::HeaderWithoutColon => "header-without-colon",
            Self::HeaderNameMalformed => "header-name-malformed",
            Self::BareLf => "bare-lf",
            Self::BareCr => "bare-cr",
            Self::ControlByte { .. } => "control-byte",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::ContentLengthMismatch { .. } => "content-length-mismatch",
            Self::ContentLengthMalformed => "content-length-malformed",
            Self::ContentLengthMissing { .. } => "content-length-missing",
            Self::ContentLengthRepeated { .. } => "content-length-repeated",
            Self::MandatoryFieldMissing { .. } => "mandatory-field-missing",
            Self::CSeqMalformed => "cseq-malformed",
            Self::CSeqMethodMismatch { .. } => "cseq-method-mismatch",
            Self::BranchWithoutCookie { .. } => "branch-without-cookie",
            Self::CallIdChanged { .. } => "call-id-changed",
            Self::TagChanged { .. } => "tag-changed",
            Self::SdpUnreadable { .. } => "sdp-unreadable",
            Self::SdpConnectionMissing => "sdp-connection-missing",
            Self::SdpMediaMissing { .. } => "sdp-media-missing",
            Self::ResponseWithoutRequest => "response-without-request",
            Self::IpLengthWrapped { .. } => "ip-length-wrapped",
            Self::RecordAboveSnaplen { .. } => "record-above-snaplen",
            Self::RecordTooLongForWireshark { .. } => "record-too-long-for-wireshark",
            Self::TimeBackwards { .. } => "time-backwards",
        }
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::StartLineMalformed => "RFC 3261 §7.1, §7.2",
            Self::HeaderWithoutColon | Self::ContentLengthRepeated { .. } => "RFC 3261 §7.3.1",
            Self::HeaderNameMalformed | Self::ControlByte { .. } | Self::NotUtf8 { .. } => {
                "RFC 3261 §25.1"
            }
            Self::BareLf | Self::BareCr => "RFC 3261 §7",
            Self::ContentLengthMismatch { .. } | Self::ContentLengthMissing { .. } => {
                "RFC 3261 §18.3"
            }
            Self::ContentLengthMalformed => "RFC 3261 §20.14",
            Self::MandatoryFieldMissing { .. } => "RFC 3261 §8.1.1, §8.2.6.2",
            Self::CSeqMalformed => "RFC 3261 §20.16",
            Self::CSeqMethodMismatch { .. } => "RFC 3261 §8.1.1.5",
            Self::BranchWithoutCookie { .. } => "RFC 3261 §8.1.1.7",
            Self::CallIdChanged { .. } => "RFC 3261 §8.2.6.2",
            Self::TagChanged { .. } => "RFC 3261 §8.2.6.2, §12.2.1.1",
            Self::SdpUnreadable { .. } => "RFC 8866 §5",
            Self::SdpConnectionMissing => "RFC 8866 §5.7",
            Self::SdpMediaMissing { .. } => "RFC 3264 §6",
            Self::ResponseWithoutRequest => "RFC 3261 §17.1.3",
            Self::IpLengthWrapped { .. } => "RFC 791 §3.1",
            Self::RecordAboveSnaplen { .. } => "draft-ietf-opsawg-pcap §4",
            Self::RecordTooLongForWireshark { .. } => "Wireshark, WTAP_MAX_PACKET_SIZE_STANDARD",
            Self::TimeBackwards { .. } => "homer.md §6: Homer sorts by capture time",
        }
    }

    /// One sentence.
    pub fn text(&self) -> String {
        match self {
            Self::StartLineMalformed => {
                "the start line is neither \"METHOD URI SIP/2.0\" nor \"SIP/2.0 NNN REASON\" with single blanks"
                    .to_string()
            }
            Self::HeaderWithoutColon => "a header line has no colon".to_string(),
            Self::HeaderNameMalformed => "a header field's name has a character that no name has".to_string(),
            Self::BareLf => "a line of the header ends in LF without CR".to_string(),
            Self::BareCr => "the header has a CR that no LF follows".to_string(),
            Self::ControlByte { byte } => format!("the header has the control byte {byte:#04x}"),
            Self::NotUtf8 { byte } => format!("the header is not UTF-8: byte {byte:#04x}"),
            Self::ContentLengthMismatch { says, body } => {
                // homer.md §6.
                let stripped = match *says > *body as u64 {
                    true => "; capture servers strip NUL and what is not UTF-8, so that it may have been longer",
                    false => "",
                };
                format!("Content-Length says {says}, the body has {body} bytes{stripped}")
            }
            Self::ContentLengthMalformed => "Content-Length is no number".to_string(),
            Self::ContentLengthMissing { transport } => {
                format!("there is no Content-Length, though the topmost Via names the stream transport {transport}")
            }
            Self::ContentLengthRepeated { first, other } => {
                format!("Content-Length is there twice, with {first} and with {other}")
            }
            Self::MandatoryFieldMissing { names } => format!("there is no {names}"),
            Self::CSeqMalformed => "CSeq is not a number below 2^31 and a method".to_string(),
            Self::CSeqMethodMismatch { cseq, request } => {
                format!("CSeq says {cseq}, where the request is {request}")
            }
            Self::BranchWithoutCookie { missing: true } => "the topmost Via has no branch".to_string(),
            Self::BranchWithoutCookie { missing: false } => {
                "the branch of the topmost Via does not begin with z9hG4bK".to_string()
            }
            Self::CallIdChanged { request } => {
                format!("the response has another Call-ID than the request in packet {request}")
            }
            Self::TagChanged { field, request: Some(request) } => {
                format!("the response has another {field} tag than the request in packet {request}")
            }
            Self::TagChanged { field, request: None } => {
                format!("the {field} tag is none of the dialogs that the call has set up")
            }
            Self::SdpUnreadable { why } => format!("the SDP cannot be read: {why}"),
            Self::SdpConnectionMissing => {
                "the SDP has a media description without c=, and none for the session".to_string()
            }
            Self::SdpMediaMissing { offered, answered } => {
                format!("the answer has {answered} media descriptions (m=) to an offer of {offered}")
            }
            Self::ResponseWithoutRequest => {
                "no request with this CSeq is in the capture, though earlier ones of the call are".to_string()
            }
            Self::IpLengthWrapped { len } => format!(
                "the IPv4 packet has {len} bytes, more than its length field can say, which has wrapped: other programs show a \
                 shorter or empty message"
            ),
            Self::RecordAboveSnaplen { len, snaplen } => {
                format!("the packet record has {len} bytes, the file's header announces {snaplen} at most")
            }
            Self::RecordTooLongForWireshark { len } => format!(
                "the packet record has {len} bytes; Wireshark takes 262144 at most, and reads nothing of the file from here on"
            ),
            Self::TimeBackwards { by_us } => {
                format!("the packet is dated {by_us} µs before the one that it follows")
            }
        }
    }
}
