//! The rules of SIP, SDP, IP and pcap that the analysis checks: `homer:capture/types.finding`.

use alloc::format;
use alloc::string::String;

use crate::record::record;

record! {
    ($, convert_finding)
    /// A rule that a packet or message breaks.
    pub struct Finding {
        /// Number of the packet record, counted from 1.
        pub packet: u64,
        /// Offset of the violation in bytes from the start of the payload; absent if it concerns
        /// the whole packet, or something that is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub offset: Option<u32>,
        /// Code of the broken rule, such as `bare-lf`. Codes never change.
        pub code: String,
        /// One sentence that says how the rule is broken.
        pub text: String,
        /// Document and section that state the rule.
        pub rule: String,
    }
}

impl Finding {
    /// The finding without its code: `packet 3, byte 12: … (RFC 3261 §7)`.
    pub fn sentence(&self) -> String {
        let place = self
            .offset
            .map_or_else(String::new, |offset| format!(", byte {offset}"));
        format!(
            "packet {}{place}: {} ({})",
            self.packet, self.text, self.rule
        )
    }
}

/// Defines [`Rule`] from one row per rule: the values that its text quotes, its code, the document
/// that states it, and its text.
macro_rules! rules {
    ($(
        $rule:ident $({ $($value:ident: $type:ty),* })?
        = $code:literal, $reference:literal, $text:expr;
    )*) => {
        /// A rule that a message, packet or record can break.
        ///
        /// Only what is certain is reported: a healthy call has no finding. The texts quote nothing
        /// of a message except the names of header fields, methods and transports, numbers and
        /// single bytes. docs/findings.md lists them all.
        ///
        /// # Examples
        /// ```
        /// use homer_export::finding::Rule;
        ///
        /// let rule = Rule::ControlByte { byte: 0 };
        /// assert_eq!(rule.code(), "control-byte");
        /// assert_eq!(rule.text(), "header contains the control byte 0x00");
        /// assert_eq!(rule.reference(), "RFC 3261 §25.1");
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each rule's text says what it means")]
        pub enum Rule {
            $($rule $({ $($value: $type),* })?,)*
        }

        // Three matches from one row each: the compiler makes tables of them.

        impl Rule {
            /// The codes of all rules, in the order of docs/findings.md.
            pub const CODES: &[&str] = &[$($code),*];

            /// The code, for programs. It never changes.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$rule { .. } => $code,)*
                }
            }

            /// The document and section that state the rule.
            pub fn reference(&self) -> &'static str {
                match self {
                    $(Self::$rule { .. } => $reference,)*
                }
            }

            /// One sentence that says how the rule is broken.
            pub fn text(&self) -> String {
                match self {
                    $(Self::$rule $({ $($value),* })? => String::from($text),)*
                }
            }
        }
    };
}

rules! {
    StartLineMalformed = "start-line-malformed", "RFC 3261 §7.1, §7.2",
        "start line has neither the form \"METHOD URI SIP/2.0\" nor \"SIP/2.0 STATUS REASON\" with \
         single spaces";

    HeaderWithoutColon = "header-without-colon", "RFC 3261 §7.3.1",
        "header line has no colon";

    HeaderNameMalformed = "header-name-malformed", "RFC 3261 §25.1",
        "header name contains an invalid character";

    BareLf = "bare-lf", "RFC 3261 §7",
        "header line ends in LF without CR";

    BareCr = "bare-cr", "RFC 3261 §7",
        "header contains a CR that is not followed by LF";

    ControlByte { byte: u8 } = "control-byte", "RFC 3261 §25.1",
        format!("header contains the control byte {byte:#04x}");

    NotUtf8 { byte: u8, field: String } = "not-utf8", "RFC 3261 §25.1",
        format!("header is not valid UTF-8: byte {byte:#04x} in {field}");

    NotSip = "not-sip", "docs/homer.md §6: profiles of SIP hold SIP messages",
        "packet in a profile of SIP is neither a SIP message nor RTCP, a log row or a keep-alive";

    ContentLengthMismatch { header: u64, body: usize } = "content-length-mismatch",
        "RFC 3261 §18.3", {
            // heplify-server removes bytes before it stores a message (docs/homer.md §6), so that a
            // short body is not always the sender's fault.
            let cause = match *header > *body as u64 {
                true => "; the capture server may have removed NUL bytes and invalid UTF-8",
                false => "",
            };
            format!("Content-Length is {header}, but the body has {body} bytes{cause}")
        };

    MessageTruncated { body: Option<(u64, usize)> } = "message-truncated", "RFC 3261 §7, §18.3",
        match body {
            None => String::from("message ends within its header: the empty line is missing"),
            Some((header, body)) => format!(
                "message ends within its body: Content-Length is {header}, but the body has {body} \
                 bytes"
            ),
        };

    ContentLengthMalformed = "content-length-malformed", "RFC 3261 §20.14",
        "Content-Length is not a number";

    ContentLengthMissing { transport: String } = "content-length-missing", "RFC 3261 §18.3",
        format!(
            "missing header field: Content-Length, which is mandatory on {transport}, the \
             transport \
             in the topmost Via"
        );

    ContentLengthRepeated { first: u64, other: u64 } = "content-length-repeated",
        "RFC 3261 §7.3.1",
        format!("Content-Length appears twice with different values: {first} and {other}");

    MandatoryFieldMissing { names: String } = "mandatory-field-missing",
        "RFC 3261 §8.1.1, §8.2.6.2", {
            let plural = if names.contains(',') { "s" } else { "" };
            format!("missing header field{plural}: {names}")
        };

    HeaderRepeated { name: &'static str } = "header-repeated", "RFC 3261 §7.3.1, §20",
        format!("{name} appears more than once; a message may have only one");

    TagMissing { field: &'static str } = "tag-missing", "RFC 3261 §8.1.1.3, §8.2.6.2, §12.2.1.1",
        format!("{field} has no tag");

    ContactMissing = "contact-missing", "RFC 3261 §8.1.1.8, §12.1.1",
        "missing header field: Contact, which is mandatory in an INVITE and in a 2xx response to \
         it";

    QuotesUnbalanced { field: &'static str } = "quotes-unbalanced", "RFC 3261 §25.1",
        format!("{field} has a quotation mark that is not closed");

    AddressMalformed { field: &'static str, why: &'static str } = "address-malformed",
        "RFC 3261 §7.1, §20.10, §25.1",
        format!("{field} is malformed: {why}");

    CSeqMalformed = "cseq-malformed", "RFC 3261 §20.16",
        "CSeq is not a number below 2^31 followed by a method";

    CSeqNotIncreased { cseq: u32, before: u32, packet: u64 } = "cseq-not-increased",
        "RFC 3261 §12.2.1.1",
        format!(
            "CSeq {cseq} is not higher than {before}, which its sender used in packet {packet} of \
             the same dialog"
        );

    AckWithoutInvite { cseq: u32, invite: u32 } = "ack-without-invite",
        "RFC 3261 §13.2.2.4",
        format!(
            "ACK has CSeq {cseq}, which no INVITE of its dialog has; the accepted one has {invite}"
        );

    // A response repeats the CSeq of its request. Without the method, its request is recognized by
    // the number and the branch alone, and the method in the response may be anything.
    CSeqMethodMismatch { cseq: Option<String>, request: String } = "cseq-method-mismatch",
        "RFC 3261 §8.1.1.5",
        match cseq {
            Some(cseq) => format!("CSeq has the method {cseq}, but the request is {request}"),
            None => format!("CSeq has another method than the request, which is {request}"),
        };

    // RFC 2543, which RFC 3261 replaced, required neither.
    BranchWithoutCookie { missing: bool } = "branch-without-cookie", "RFC 3261 §8.1.1.7",
        match missing {
            true => "topmost Via has no branch parameter",
            false => "branch of the topmost Via does not begin with z9hG4bK",
        };

    CallIdChanged { request: u64 } = "call-id-changed", "RFC 3261 §8.2.6.2",
        format!("Call-ID of the response differs from that of the request in packet {request}");

    TagChanged { field: &'static str, request: Option<u64> } = "tag-changed",
        "RFC 3261 §8.2.6.2, §12.2.1.1",
        match request {
            Some(request) => format!(
                "{field} tag of the response differs from that of the request in packet {request}"
            ),
            None => format!("{field} tag does not belong to any dialog of the call"),
        };

    SdpUnreadable { why: &'static str } = "sdp-unreadable", "RFC 8866 §5",
        format!("SDP cannot be parsed: {why}");

    SdpConnectionMissing = "sdp-connection-missing", "RFC 8866 §5.7",
        "SDP has a media description without a connection (c=), and no connection for the session";

    SdpMediaMissing { offered: u32, answered: u32 } = "sdp-media-missing", "RFC 3264 §6", {
        let plural = if *answered == 1 { "" } else { "s" };
        format!(
            "SDP answer has {answered} media description{plural} (m=), but the offer has {offered}"
        )
    };

    ResponseWithoutRequest = "response-without-request", "RFC 3261 §17.1.3",
        "capture contains earlier requests of the call, but none with the CSeq of this response";

    // Homer writes such packets for messages above 65,507 bytes (docs/homer.md §6).
    IpLengthWrapped { len: usize } = "ip-length-wrapped", "RFC 791 §3.1",
        format!(
            "IPv4 packet has {len} bytes, more than its 16-bit length field can hold; other \
             programs show a shorter or empty message"
        );

    // Homer writes such records: long messages exceed its snaplen of 65,536 (docs/homer.md §6).
    RecordAboveSnaplen { len: u32, snaplen: u32 } = "record-above-snaplen",
        "draft-ietf-opsawg-pcap §4",
        format!("packet record has {len} bytes, but the file header allows {snaplen} (snaplen)");

    RecordTooLongForWireshark { len: u32 } = "record-too-long-for-wireshark",
        "Wireshark, WTAP_MAX_PACKET_SIZE_STANDARD",
        format!(
            "packet record has {len} bytes; Wireshark accepts at most 262144 and does not read the \
             file any further"
        );

    TimeBackwards { by_us: u64 } = "time-backwards",
        "docs/homer.md §6: Homer sorts packets by capture time",
        format!("capture time is {by_us} µs earlier than that of a previous packet");
}
