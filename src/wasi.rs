//! The edge to WASI 0.2, compiled for WebAssembly alone: one HTTP request out, one in, the
//! environment, and what a `no_std` component needs to be one.

mod abi;
mod environment;
mod http;
pub mod incoming;
mod stream;

pub use environment::Environment;
pub use stream::{BufferedCapture, PcapStream};
