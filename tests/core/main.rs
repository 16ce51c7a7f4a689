//! Behavior of the library, without I/O except for reading recordings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arguments;
mod auth;
mod capture;
mod config;
mod documentation;
mod export;
mod finding;
mod homer;
mod origin;
mod outcomes;
mod packet;
mod pcap;
mod protocol;
mod public_cases;
mod query;
mod recordings;
mod redact;
mod redact_shapes;
mod redactor;
mod replay;
mod report;
mod sip;
mod stream;
mod tools;
mod tshark;
mod verdict;
