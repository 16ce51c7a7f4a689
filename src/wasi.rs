//! The edge to WASI 0.2, compiled for WebAssembly only. It moves bytes and knows nothing about
//! Homer.

mod abi;
mod environment;
pub mod incoming;
mod transport;

pub use environment::variables;
pub use transport::{HttpTransport, WasiBody};
