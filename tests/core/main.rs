//! Behaviour of the library, without I/O but for reading recordings.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arguments;
mod auth;
mod capture;
mod config;
mod finding;
mod homer;
mod mask;
mod origin;
mod outcomes;
mod packet;
mod pcap;
mod protocol;
mod query;
mod recordings;
mod report;
mod sip;
mod tools;
mod tshark;
