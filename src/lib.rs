//! Exports the packets of one SIP call from a Homer capture server: what the components and their
//! hosts share.
//!
//! The core is pure: it takes bytes and values and returns values, without I/O, clock or allocator
//! of its own (`no_std` + `alloc`), so that the same code runs in the component, in the native host
//! and in the tests. The edge to WASI is `wasi`, compiled for WebAssembly alone.
//!
//! | module | noun |
//! |---|---|
//! | [`query`] | what to ask for: [`CallId`], [`Window`], [`Query`] |
//! | [`config`] | the environment's configuration: [`Config`], [`Credential`] |
//! | [`origin`] | where to ask: [`Origin`], [`BaseUrl`] |
//! | [`homer`] | the requests Homer understands and what its replies mean |
//! | [`pcap`] | the capture file, scanned to its last byte: [`pcap::Scanner`] |
//! | [`packet`], [`sip`] | what is in a packet record: the headers around a message, the message |
//! | [`report`] | what a capture holds: [`CaptureReport`], kept by [`report::Analyzer`] |
//! | [`finding`] | what is odd in it: [`finding::Rule`] |
//! | [`error`] | why an export failed: [`ExportError`] |
//! | [`tool`] | names, words and schemas that an MCP model reads, its arguments, and results in their shape |
//! | [`mcp`] | an MCP server of one HTTP request at a time: [`mcp::Server`] |
//! | [`http_auth`] | who may call an MCP server over HTTP: [`CallerPolicy`] |
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod error;
pub mod export;
pub mod finding;
pub mod homer;
pub mod http_auth;
pub mod mcp;
#[cfg(target_family = "wasm")]
mod memcmp;
pub mod origin;
pub mod packet;
pub mod pcap;
pub mod query;
pub mod record;
pub mod report;
pub mod sip;
pub mod text;
pub mod tool;
pub mod transport;
#[cfg(target_family = "wasm")]
pub mod wasi;

pub use config::Config;
pub use error::ExportError;
pub use homer::Credential;
pub use http_auth::CallerPolicy;
pub use origin::{BaseUrl, Origin};
pub use query::{CallId, Query, Window};
pub use report::CaptureReport;

/// Media type of a capture file, as registered with IANA.
pub const MEDIA_TYPE: &str = "application/vnd.tcpdump.pcap";
