//! A host of one's own on `homer_host`: `HOMER_URL=… HOMER_API_TOKEN=… cargo run --example embed
//! CALL-ID FROM-MS TO-MS > call.pcap`

use std::io::{self, Write as _};

use homer_host::{Exporter, Flags, HostConfig, Query};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [call_id, from_ms, to_ms] = arguments.as_slice() else {
        return Err("CALL-ID FROM-MS TO-MS".into());
    };
    // Homer, its credential and the limits, from the environment: one origin, and nothing else, can
    // be reached.
    let policy = HostConfig::of_process(&Flags::default())?.policy();
    let exporter = Exporter::new(policy)?;
    let mut export = exporter
        .open(&Query::of_call(call_id, from_ms.parse()?, to_ms.parse()?))
        .await?;
    // Bytes are those of a whole capture once none are left, and not before.
    while let Some(bytes) = export.next().await? {
        io::stdout().write_all(&bytes)?;
    }
    writeln!(io::stderr(), "{}", export.finish().await?.summary())?;
    Ok(())
}
