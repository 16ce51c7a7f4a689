//! A minimal Wasmtime host for the release artifacts, and what the tests that run them share.
//!
//! [`untyped_host`] is a host with dynamic values: it knows no types of the components in advance.
//! It calls their functions with JSON, as generic gateways do, and serves HTTP with them, as edge
//! runtimes do ([`serve`]). [`server`] is a TCP server that misbehaves in every way that a Homer or
//! a proxy may. [`calls`] has the recorded call that most tests export.
//!
//! ```no_run
//! use host_test::untyped_host::Host;
//! use serde_json::json;
//!
//! # #[tokio::main]
//! # async fn main() {
//! let homer = fake_homer::FakeHomer::start().await.unwrap();
//! let environment = homer.variables();
//! let environment = environment.each_ref().map(|(name, value)| (&**name, &**value));
//! // Builds the component if necessary, and compiles it once for the whole process.
//! let host = Host::new(xtask::artifact::EXPORTER_TEXT, &environment);
//! let (from, to) = fake_homer::DEMO_WINDOW_MS;
//! let arguments = json!({ "callid": fake_homer::DEMO_CALL_ID, "from-ts": from, "to-ts": to });
//! let result = host.call(None, "homer-export-pcap", arguments).await.unwrap();
//! assert!(result["ok"].as_str().unwrap().contains("7 packets"));
//! # }
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "test code fails by panicking, and its names are its documentation"
)]

pub mod calls;
pub mod serve;
pub mod server;
pub mod untyped_host;
