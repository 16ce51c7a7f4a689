//! The WASI 0.2 adapter, compiled for WebAssembly only. It moves bytes and knows nothing about
//! Homer.

mod abi;
mod environment;
pub mod incoming;
mod transport;

pub use environment::{now_ms, variables};
pub use transport::{HttpTransport, WasiBody};
