//! Runs the Homer export component in a sandbox: the reference host, and what the native programs
//! are made of.
//!
//! A [`Policy`] says what the component may do; an [`Exporter`] compiles it once and gives every
//! [`Export`] a fresh instance. Dependencies run from `policy` (data) through the sandbox and its
//! outbound hook to [`export`].

mod cache;
pub mod config;
mod convert;
pub mod export;
mod outbound;
mod partial_file;
pub mod policy;
mod sandbox;

pub use config::{Flags, HostConfig, McpFlags};
pub use export::{Export, Exporter, Failure, Finished, HashedExport, Query, WaitingFor};
pub use partial_file::PartialFile;
pub use policy::{AllowedOrigin, Limits, Policy};
pub use sandbox::LimitExceeded;

/// `homer-export.wasm`, as `cargo xtask dist` makes it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/homer-export.wasm"));
