//! `homer-export-mcp`: the export of SIP calls from Homer as an MCP tool, over standard input and output.

mod arguments;
mod progress;
mod server;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use homer_export::settings::number;
use homer_host::stand_in::StandIn;
use homer_host::{Configuration, Exporter, Flags};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;

use self::server::Server;

/// Largest capture attached to a result, in bytes, inclusive, unless `HOMER_MAX_INLINE_BYTES` says otherwise.
const DEFAULT_INLINE_BYTES: u64 = 256 * 1024;

/// Largest value taken for it: base64 makes 8 MiB of 6, and clients drop the connection at a message of 10 MiB.
const MAX_INLINE_BYTES: u64 = 6 * 1024 * 1024;

/// Export the packets of SIP calls from a Homer capture server, as a tool for MCP clients.
///
/// Speaks MCP over standard input and output, and ends when its input does. Every export runs in a WebAssembly component
/// in a sandbox that can reach one Homer and nothing else.
#[derive(Debug, Parser)]
#[command(version, name = "homer-export-mcp", after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    /// Serve a stand-in for Homer inside this program, which replays recorded calls; nothing need be configured
    #[arg(long)]
    demo: bool,

    /// Largest capture attached to a result, in bytes (HOMER_MAX_INLINE_BYTES) [default: 262144]
    #[arg(long, value_name = "BYTES")]
    inline_limit: Option<String>,

    #[command(flatten)]
    flags: Flags,
}

const AFTER_HELP: &str = "\
Credentials come from the environment alone: HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME and
HOMER_PASSWORD; a secret may stand in a file, named by its variable with _FILE behind it, for example
HOMER_API_TOKEN_FILE. The component never sees them.

For a client's configuration:
  {\"mcpServers\": {\"homer\": {\"command\": \"homer-export-mcp\",
    \"env\": {\"HOMER_URL\": \"http://homer:9080\", \"HOMER_API_TOKEN_FILE\": \"/path/to/token\"}}}}";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(&format!("cannot start: {why}")),
    };
    let result = runtime.block_on(run(arguments));
    // A read of standard input that nobody answers, or a name lookup, is not worth waiting for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let stand_in = match arguments.demo {
        true => Some(StandIn::start().await.map_err(|why| format!("{why:#}"))?),
        false => None,
    };
    let configuration =
        Configuration::of_process(&arguments.flags, stand_in.as_ref()).map_err(|error| error.to_string())?;
    let inline = arguments.inline_limit.or_else(|| std::env::var("HOMER_MAX_INLINE_BYTES").ok());
    let inline_bytes = number(
        "HOMER_MAX_INLINE_BYTES",
        inline.filter(|text| !text.is_empty()),
        DEFAULT_INLINE_BYTES,
        24..=MAX_INLINE_BYTES,
    )
    .map_err(|error| error.to_string())?;
    let exporter = Exporter::new(configuration.policy()).map_err(|failure| failure.to_string())?;
    let server = Server::new(exporter, configuration.settings.max_window_hours, inline_bytes)?;
    let service = match server.serve(rmcp::transport::stdio()).await {
        Ok(service) => service,
        // The input ended before a client said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(why) => return Err(format!("no MCP client: {why}")),
    };
    service.waiting().await.map_err(|why| why.to_string())?;
    Ok(())
}

/// Says what is wrong, on standard error: standard output carries protocol only.
fn complain(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "homer-export-mcp: {why}");
    ExitCode::FAILURE
}
