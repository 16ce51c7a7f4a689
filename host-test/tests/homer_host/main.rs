//! The component in `homer_host`, over real sockets on loopback. No test reaches another machine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints what it skips"
)]

mod boundary;
mod concurrency;
mod configuration;
mod errors_page;
mod export;
mod fake_homer;
mod login;
mod outbound;
mod profiles;
mod proxy;
mod reader;
mod redaction;
mod sandbox;
mod search;
mod tls;
mod versions;
