//! The requests to Homer, and what its responses mean: the only module that knows its API.
//!
//! Requests ([`Api::export_request`], [`login`]) and the classification of responses ([`response`],
//! [`transport_failure`]) are values; [`crate::export`] decides their order and sends them. Facts
//! about Homer's behavior are in `docs/homer.md`.

mod api;
mod credential;
pub mod login;
mod login_type;
mod proxy;
mod proxy_credential;
mod request;
pub mod response;
pub mod search;
pub mod search_v11;
mod server;
pub mod transport_failure;
pub mod v11;
pub mod v7;
mod web_page;

pub use api::Api;
pub use credential::{Credential, CredentialKind, InvalidCredential};
pub use login_type::LoginType;
pub use proxy_credential::{ProxyCredential, ProxyCredentialKind};
pub use request::Request;
pub use server::HomerServer;
