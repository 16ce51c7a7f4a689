//! The stand-in for Homer, for hosts other than ours: prints its URL, the API token it accepts, and
//! serves until it is ended.
//!
//!     cargo run --example stand-in            the recorded calls
//!     cargo run --example stand-in 9000       one capture with so many calls in it, some 3,300 bytes each, for every request

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use fake_homer::{API_TOKEN, FakeHomer, large_capture};

#[tokio::main]
async fn main() -> Result<()> {
    let homer = match std::env::args().nth(1) {
        None => FakeHomer::start().await?,
        Some(calls) => {
            FakeHomer::with_capture(large_capture(
                calls.parse().context("not a number of calls")?,
            ))
            .await?
        }
    };
    writeln!(io::stdout(), "{} {API_TOKEN}", homer.url())?;
    std::future::pending::<()>().await;
    Ok(())
}
