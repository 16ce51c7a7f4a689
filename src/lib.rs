//! Exports the packets of SIP calls from a Homer capture server: the core that the components and
//! their hosts share.
//!
//! # Examples
//! An export needs a [`Transport`](transport::Transport), which moves the bytes. This one replays a
//! recorded capture; the components use `wasi:http`:
//!
//! ```
//! use homer_export::export::PcapStream;
//! use homer_export::query::ParameterNames;
//! use homer_export::transport::*;
//! use homer_export::{Config, Query};
//!
//! struct Replay;
//! struct Body(Vec<u8>);
//!
//! impl Transport for Replay {
//!     type Body = Body;
//!     type Pending = ();
//!
//!     fn start(&mut self, _: &OutboundRequest<'_>) -> Result<(), TransportError> {
//!         Ok(())
//!     }
//!
//!     fn receive(&mut self, _: ()) -> Result<OutboundResponse<Body>, TransportError> {
//!         let file = std::fs::read("tests/data/export-ok-auth-token.pcap").expect("a recording");
//!         let head = ResponseHead { status: 200, ..ResponseHead::default() };
//!         Ok(OutboundResponse { head, body: Body(file) })
//!     }
//! }
//!
//! impl ResponseBody for Body {
//!     fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError> {
//!         let end = self.0.len().min(max as usize);
//!         Ok(self.0.drain(..end).collect())
//!     }
//! }
//!
//! let config = Config::from_vars([("HOMER_URL", "http://homer:9080")])?;
//! let (from, to) = (1_795_168_800_000, 1_795_169_100_000);
//! let call_id = "udp-normal-1@192.0.2.10";
//! let query = Query::of_call(call_id, from, to, config.max_window_hours, &ParameterNames::WIT)?;
//!
//! let mut stream = PcapStream::open(&query, &config, &mut Replay)?;
//! let file = stream.read_all(config.max_bytes)?;
//! let report = stream.report();
//! assert_eq!((file.len(), report.packets, report.final_status), (3311, 7, Some(200)));
//! # Ok::<(), homer_export::ExportError>(())
//! ```
//!
//! # Modules
//! The core is pure: it takes bytes and values and returns values, without I/O and without a clock
//! (`no_std` and `alloc`). The same code therefore runs in the components, in the native host and
//! in the tests. Only the module `wasi`, which is compiled for WebAssembly, does I/O.
//!
//! | module | noun |
//! |---|---|
//! | [`query`] | what to request: [`CallId`], [`Window`], [`Query`] |
//! | [`config`] | the table of settings, and [`Config`] |
//! | [`origin`] | where a server is: [`Origin`], [`BaseUrl`] |
//! | [`homer`] | Homer's requests, and what its responses mean; [`Credential`] |
//! | [`transport`] | HTTP requests and their responses: [`Transport`](transport::Transport) |
//! | `client` | login, and requests with the credentials, for exports and searches |
//! | [`export`] | the order of requests, and the merged file: [`PcapStream`](export::PcapStream) |
//! | [`pcap`] | the capture file: [`Scanner`](pcap::Scanner) |
//! | [`packet`], [`sip`] | a packet record, and the SIP message in it |
//! | [`report`] | what a capture contains: [`CaptureReport`] |
//! | [`reader`] | any part of a capture: [`CaptureReader`](reader::CaptureReader) |
//! | [`search`] | the calls that Homer holds: [`find_calls`](search::find_calls) |
//! | [`redact`] | a capture without secrets, numbers or addresses: [`Redactor`](redact::Redactor) |
//! | [`finding`] | a rule that a message breaks: [`Rule`](finding::Rule) |
//! | [`error`] | why an export failed: [`ExportError`] |
//! | [`record`] | conversion of these types from and to those of the WIT bindings |
//! | [`text`] | untrusted text, made safe for a sentence |
//! | [`mcp`] | the MCP server: who may call, tools, delivery of captures, protocol |
//!
//! The contract of the components is `wit/homer-capture.wit`. `docs/architecture.md` shows how data
//! flows through the modules.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod client;
#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod error;
pub mod export;
pub mod finding;
pub mod homer;
pub mod mcp;
#[cfg(target_family = "wasm")]
mod memcmp;
pub mod origin;
pub mod packet;
pub mod pcap;
pub mod query;
pub mod reader;
pub mod record;
pub mod redact;
pub mod report;
mod rtcp;
pub mod search;
pub mod sip;
pub mod text;
pub mod transport;
#[cfg(target_family = "wasm")]
pub mod wasi;

pub use config::Config;
pub use error::{ExportError, Suggestion};
pub use homer::Credential;
pub use mcp::auth::CallerPolicy;
pub use origin::{BaseUrl, Origin};
pub use query::{CallId, Query, Window};
pub use report::CaptureReport;

/// Media type of a capture file, as registered with IANA.
pub const MEDIA_TYPE: &str = "application/vnd.tcpdump.pcap";
