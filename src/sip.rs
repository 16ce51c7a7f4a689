//! SIP messages (RFC 3261) and their session descriptions (RFC 8866), as captured, well-formed or
//! not.
//!
//! The parser is our own. The maintained crates (rsip, rvoip-sip-core, sip-core, ezk-sip-types;
//! sdp-types and webrtc-sdp for SDP) need `std`, which the component does not have. sipmsg does
//! not need it, but stops at the first irregularity. All of them return a tree or an error; none
//! says which rule a message breaks at which byte, which is what this parser is for.

mod address;
mod escape;
mod field;
mod field_cache;
mod line;
mod message;
mod multipart;
mod parser;
mod redact;
mod rules;
mod sdp;
mod token;
mod value;

pub use escape::{escape, hex_dump};
pub use message::{Message, StartLine, Truncation};
pub use parser::Parser;
pub use redact::{Content, redact, redact_with};
pub use sdp::Sdp;
pub use value::{CSeq, Via};

pub(crate) use line::line_ends;
pub(crate) use message::begins_with_start_line;
pub(crate) use redact::{
    LineRewriter, Meaning, RedactedKinds, redact_line, redact_lines, redact_rest_of_line,
    uri_secrets,
};
