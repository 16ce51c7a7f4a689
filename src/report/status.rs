//! Standard names of SIP status codes (RFC 3261 §21 and the IANA registry) and of Q.850 causes
//! (ITU-T Q.850 table 1). Our sentences prefer them to the texts in messages.

use alloc::format;
use alloc::string::{String, ToString};

use super::printable::quoted_from_message;

/// Characters shown of a reason phrase.
const MAX_PHRASE_CHARS: usize = 40;

/// The names of status codes from 300 on, and of those that end a call well.
const STATUSES: [(u16, &str); 62] = [
    (200, "OK"),
    (202, "Accepted"),
    (204, "No Notification"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Moved Temporarily"),
    (305, "Use Proxy"),
    (380, "Alternative Service"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (410, "Gone"),
    (412, "Conditional Request Failed"),
    (413, "Request Entity Too Large"),
    (414, "Request-URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Unsupported URI Scheme"),
    (420, "Bad Extension"),
    (421, "Extension Required"),
    (422, "Session Interval Too Small"),
    (423, "Interval Too Brief"),
    (428, "Use Identity Header"),
    (430, "Flow Failed"),
    (433, "Anonymity Disallowed"),
    (436, "Bad Identity Info"),
    (437, "Unsupported Credential"),
    (438, "Invalid Identity Header"),
    (439, "First Hop Lacks Outbound Support"),
    (480, "Temporarily Unavailable"),
    (481, "Call/Transaction Does Not Exist"),
    (482, "Loop Detected"),
    (483, "Too Many Hops"),
    (484, "Address Incomplete"),
    (485, "Ambiguous"),
    (486, "Busy Here"),
    (487, "Request Terminated"),
    (488, "Not Acceptable Here"),
    (489, "Bad Event"),
    (491, "Request Pending"),
    (493, "Undecipherable"),
    (494, "Security Agreement Required"),
    (500, "Server Internal Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Server Time-out"),
    (505, "Version Not Supported"),
    (513, "Message Too Large"),
    (555, "Push Notification Service Not Supported"),
    (580, "Precondition Failure"),
    (600, "Busy Everywhere"),
    (603, "Decline"),
    (604, "Does Not Exist Anywhere"),
    (606, "Not Acceptable"),
    (607, "Unwanted"),
    (608, "Rejected"),
];

/// A status code with its standard name, and the reason phrase of the message if it says something
/// else: `486 Busy Here`, `403 Forbidden ("no credit" in the message)`.
pub(super) fn status_text(status: u16, phrase: &[u8]) -> String {
    let known = STATUSES.iter().find(|(known, _)| *known == status);
    let name = known.map_or("", |(_, name)| *name);
    let mut text = status.to_string();
    if !name.is_empty() {
        text.push(' ');
        text.push_str(name);
    }
    let phrase = phrase.trim_ascii();
    let says_more = !phrase.is_empty() && !phrase.eq_ignore_ascii_case(name.as_bytes());
    if says_more && status >= 300 {
        let phrase = quoted_from_message(phrase, MAX_PHRASE_CHARS);
        text.push_str(&format!(" ({phrase} in the message)"));
    }
    text
}

/// The names of Q.850 causes.
const CAUSES: [(u32, &str); 63] = [
    (1, "unallocated number"),
    (2, "no route to specified transit network"),
    (3, "no route to destination"),
    (4, "send special information tone"),
    (5, "misdialled trunk prefix"),
    (6, "channel unacceptable"),
    (
        7,
        "call awarded and being delivered in an established channel",
    ),
    (8, "preemption"),
    (9, "preemption, circuit reserved for reuse"),
    (14, "query on release, ported number"),
    (16, "normal call clearing"),
    (17, "user busy"),
    (18, "no user responding"),
    (19, "no answer from user"),
    (20, "subscriber absent"),
    (21, "call rejected"),
    (22, "number changed"),
    (23, "redirection to new destination"),
    (24, "call rejected due to feature at the destination"),
    (25, "exchange routing error"),
    (26, "non-selected user clearing"),
    (27, "destination out of order"),
    (28, "invalid number format"),
    (29, "facility rejected"),
    (30, "response to status enquiry"),
    (31, "normal, unspecified"),
    (34, "no circuit or channel available"),
    (38, "network out of order"),
    (39, "permanent frame mode connection out of service"),
    (40, "permanent frame mode connection operational"),
    (41, "temporary failure"),
    (42, "switching equipment congestion"),
    (43, "access information discarded"),
    (44, "requested circuit or channel not available"),
    (46, "precedence call blocked"),
    (47, "resource unavailable, unspecified"),
    (49, "quality of service unavailable"),
    (50, "requested facility not subscribed"),
    (53, "outgoing calls barred within closed user group"),
    (55, "incoming calls barred within closed user group"),
    (57, "bearer capability not authorized"),
    (58, "bearer capability not presently available"),
    (62, "inconsistency in outgoing access information"),
    (63, "service or option not available, unspecified"),
    (65, "bearer capability not implemented"),
    (66, "channel type not implemented"),
    (69, "requested facility not implemented"),
    (
        70,
        "only restricted digital information bearer capability is available",
    ),
    (79, "service or option not implemented, unspecified"),
    (81, "invalid call reference value"),
    (82, "identified channel does not exist"),
    (
        83,
        "a suspended call exists, but this call identity does not",
    ),
    (84, "call identity in use"),
    (85, "no call suspended"),
    (
        86,
        "call having the requested call identity has been cleared",
    ),
    (87, "user not member of closed user group"),
    (88, "incompatible destination"),
    (95, "invalid message, unspecified"),
    (96, "mandatory information element is missing"),
    (97, "message type non-existent or not implemented"),
    (102, "recovery on timer expiry"),
    (111, "protocol error, unspecified"),
    (127, "interworking, unspecified"),
];

/// A Q.850 cause: `Q.850 cause 17, user busy`.
pub(super) fn q850_text(cause: u32) -> String {
    match CAUSES.iter().find(|(known, _)| *known == cause) {
        Some((_, name)) => format!("Q.850 cause {cause}, {name}"),
        None => format!("Q.850 cause {cause}"),
    }
}
