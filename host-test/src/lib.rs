//! What the component tests share.
//!
//! [`untyped_host`] is a small Wasmtime host that knows nothing of the components: it calls their
//! functions with JSON, as generic gateways do. [`server`] is a TCP server that misbehaves, and
//! [`calls`] has the recorded call that tests export.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "test code fails by panicking; names say what each is"
)]

pub mod calls;
pub mod serve;
pub mod server;
pub mod untyped_host;
