//! The finished components in a host that knows nothing of them: all of WASI 0.2 linked, values
//! without types, credentials by the environment, Wasmtime's own limits. So wassette and `wasmtime
//! run --invoke` call them, and `wasmtime serve` serves them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod exporter;
mod exporter_text;
mod mcp_server;
