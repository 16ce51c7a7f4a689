//! Runs the Homer export component in a sandbox: the reference host, and what the native programs are made of.
//!
//! A [`Policy`] says what the component may do; an [`Exporter`] compiles it once and gives every [`Export`] a fresh
//! instance. Dependencies run from `policy` (data) through the sandbox and its outbound hook to [`export`].

mod cache;
pub mod configuration;
pub mod export;
mod outbound;
pub mod policy;
mod sandbox;
pub mod stand_in;
mod unfinished;

pub use configuration::{Configuration, Flags};
pub use export::{Export, Exporter, Failure, Finished, HashedExport, Query, Waiting};
pub use policy::{AllowedOrigin, Limits, Policy};
pub use sandbox::LimitHit;
pub use unfinished::Unfinished;

/// `homer-export.wasm`, as `cargo xtask dist` makes it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/homer-export.wasm"));
