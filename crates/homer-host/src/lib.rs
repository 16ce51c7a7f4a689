//! Runs the Homer export component in a sandbox.
//!
//! This is the reference host: the command line and the MCP server are built on it. A program of
//! your own looks like this:
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! A [`Policy`] states what the component may do. It is plain data, and [`HostConfig`] builds one
//! from the environment. An [`Exporter`] compiles the component once, and runs each [`Export`] in a
//! fresh instance of it, so that no export can affect another one. [`Exporter::find_calls`]
//! searches for calls in the same way, and [`Exporter::open_reader`] reads a part of a capture.
//!
//! Dependencies run one way: [`policy`] and [`environment`] are data, the sandbox and its outbound
//! requests are built from them, and [`export`] drives the sandbox.

pub mod admission;
mod cache;
mod check;
pub mod config;
mod convert;
mod deadline;
pub mod environment;
pub mod export;
mod extra_fields;
mod failure;
mod manifest;
mod outbound;
mod partial_file;
mod permit;
pub mod policy;
mod private_directory;
mod reader;
mod sandbox;
mod search;
mod secret_token;

pub use check::check;
pub use config::{Flags, HostConfig, McpFlags};
pub use environment::ComponentEnvironment;
pub use export::{CompletedExport, Export, ExportRequest, Exporter, HashedExport, WaitingFor};
pub use extra_fields::{ExtraFields, InvalidExtraFields, ReservedField};
pub use failure::Failure;
pub use manifest::Manifest;
pub use partial_file::{CompleteFile, PartialFile};
pub use policy::{AllowedOrigin, Limits, Policy};
pub use private_directory::{create_private, writable_by_others};
pub use reader::CaptureReader;
pub use sandbox::LimitExceeded;
pub use secret_token::secret_token;

// The types of the core in this library's interface, so that an embedder needs one dependency.
pub use homer_export::homer::{Api, CredentialKind, ProxyCredential, ProxyCredentialKind};
pub use homer_export::reader::{Found, LadderQuery, MessageQuery, Reading};
pub use homer_export::redact::{Level, Redaction, RedactionSummary};
pub use homer_export::search::{CallFilterFields, FoundCall, FoundCalls, UnsearchedPart};
pub use homer_export::{BaseUrl, CaptureReport, Credential, ExportError};

/// The component `homer-export.wasm`, the same bytes that `cargo xtask dist` creates.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/homer-export.wasm"));
