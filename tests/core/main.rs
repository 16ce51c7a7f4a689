//! Behaviour of the library, without I/O but for reading recordings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arguments;
mod capture;
mod config;
mod export;
mod finding;
mod homer;
mod http_auth;
mod mcp;
mod origin;
mod outcomes;
mod packet;
mod pcap;
mod query;
mod recordings;
mod redact;
mod replay;
mod report;
mod sip;
mod tool;
mod tshark;
