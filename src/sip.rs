//! SIP messages (RFC 3261) and the session descriptions in them (RFC 8866), read from what was
//! captured, broken or not.
//!
//! The reader is our own. The maintained crates (rsip, rvoip-sip-core, sip-core, ezk-sip-types;
//! sdp-types, webrtc-sdp for SDP) need `std`, which the component has not; sipmsg, which does not,
//! gives a message up at its first irregularity. All of them build a tree or an error, and none
//! tells at which byte a message breaks which rule, which is what this reader is for.

mod familiar;
mod field;
mod line;
mod mask;
mod message;
mod reader;
mod sdp;
mod shown;

pub use mask::mask;
pub use message::{CSeq, Message, Start, Via};
pub use reader::Reader;
pub use sdp::Sdp;
pub use shown::{escaped, hex_dump};

pub(crate) use mask::password;
