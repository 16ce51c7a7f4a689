//! Behaviour of the host: the component in its sandbox, over real sockets on loopback, and the
//! command line.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

mod configuration;
mod errors_page;
mod export;
mod fake_homer;
mod login;
mod outbound;
mod sandbox;
mod tls;
mod versions;
