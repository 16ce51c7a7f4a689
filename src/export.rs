//! The export algorithm: which requests are sent, in which order, and when a capture is complete.
//!
//! An export logs in if the credential is a user name and password, then searches all profiles. If
//! the API version is not configured, it tries Homer 7 first and HOMER 11 if Homer 7's endpoint
//! does not exist. Every byte of a capture is checked before it is passed on.
//!
//! The capture of the first profile with packets is streamed. Those of the others are held in
//! memory, up to [`MAX_HELD_BYTES`], and merged into it by time. They are complete before the first
//! byte is passed on, so that a slow reader keeps one exchange with Homer open and no more. If no
//! other profile has packets, the file is Homer's, byte for byte.
//!
//! The order runs on top of [`Transport`](crate::transport::Transport), so that native tests drive
//! it with recorded exchanges.
//!
//! | noun | what it is |
//! |---|---|
//! | [`PcapStream`] | a running export, as a caller reads it |
//! | `Search` | the requests and their order, and which failure counts |
//! | `CaptureResponse` | the response with the capture of one profile, and its checks |
//! | `HeldProfiles` | the captures of the other profiles |
//! | `Merge` | the file that is made from several captures |

mod buffered_capture;
mod capture_response;
mod held_profiles;
mod merge;
mod pcap_stream;
mod search;

pub use buffered_capture::BufferedCapture;
pub use pcap_stream::PcapStream;

/// Most exchanges with Homer that one export has open at a time, inclusive.
// The next profile is searched while one is waited for. More would let one export keep the server
// from all others: hosts limit the open exchanges for each server.
pub const MAX_OPEN_EXCHANGES: usize = 2;

/// Most bytes of captures that are held in memory to be merged into the streamed one, inclusive.
// A call has a few KiB outside of its first profile. The limit is for the sandbox, which gives an
// instance 32 MiB (docs/limits.md).
pub const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;
