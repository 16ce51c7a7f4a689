//! The release artifacts in a host that knows nothing about them: all of WASI 0.2 is linked,
//! values are dynamic, credentials come from the environment, and only Wasmtime's own limits apply.
//! wassette and `wasmtime run --invoke` call them like this, and `wasmtime serve` serves them like
//! this.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod exporter;
mod exporter_text;
mod mcp_server;
