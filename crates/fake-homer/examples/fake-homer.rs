//! A fake Homer for hosts other than ours. It prints its URL and the API token that it accepts, and
//! serves until it is stopped.
//!
//! ```text
//! cargo run -p fake-homer --example fake-homer         with the recorded calls
//! cargo run -p fake-homer --example fake-homer 9000    with one capture of 9000 calls (30 MB)
//! cargo run -p fake-homer --example fake-homer 3 50    the same with 3 calls, after 50 ms
//! ```

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use fake_homer::{API_TOKEN, FakeHomer, large_capture};

#[tokio::main]
async fn main() -> Result<()> {
    let homer = match std::env::args().nth(1) {
        None => FakeHomer::start().await?,
        Some(calls) => {
            let calls = calls
                .parse()
                .context("the number of calls is not a number")?;
            FakeHomer::with_capture(large_capture(calls)).await?
        }
    };
    if let Some(delay_ms) = std::env::args().nth(2) {
        homer.respond_after_ms(
            delay_ms
                .parse()
                .context("the delay is not a number of milliseconds")?,
        );
    }
    writeln!(io::stdout(), "{} {API_TOKEN}", homer.url())?;
    std::future::pending::<()>().await;
    Ok(())
}
