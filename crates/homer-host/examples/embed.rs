//! A program of your own on top of `homer_host`. Run it with
//! `HOMER_URL=… HOMER_API_TOKEN=… cargo run --example embed CALL-ID FROM-MS TO-MS > call.pcap`

use std::io::{self, Write as _};

use homer_host::{ExportRequest, Exporter, Flags, HostConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [call_id, from_ms, to_ms] = arguments.as_slice() else {
        return Err("usage: embed CALL-ID FROM-MS TO-MS".into());
    };
    // Homer's URL, its credential and the limits come from the environment. Only this Homer can be
    // reached.
    let policy = HostConfig::of_process(&Flags::default())?.policy();
    let exporter = Exporter::new(policy)?;
    let request = ExportRequest::for_call(call_id, from_ms.parse()?, to_ms.parse()?);
    let mut export = exporter.open(&request).await?;
    // The bytes are a complete capture only after `next` has returned `None`.
    while let Some(bytes) = export.next().await? {
        io::stdout().write_all(&bytes)?;
    }
    writeln!(io::stderr(), "{}", export.finish().await?.summary())?;
    Ok(())
}
