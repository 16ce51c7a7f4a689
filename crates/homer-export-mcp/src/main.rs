//! `homer-export-mcp`: the export of SIP calls from Homer as MCP tools, over standard input and
//! output or HTTP.

mod check;
mod files;
mod http;
mod progress;
mod recent;
mod server;
mod turns;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fake_homer::FakeHomer;
use homer_export::config::is_set;
use homer_export::mcp::MAX_REQUEST;
use homer_export::tool::ToolConfig;
use homer_export::{CallerPolicy, ExportError};
use homer_host::config::{secret, variable};
use homer_host::{Exporter, Flags, HostConfig};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::net::TcpListener;

use self::files::OutputDir;
use self::server::Server;

/// Export the packets of SIP calls from a Homer capture server, as a tool for MCP clients.
///
/// Speaks MCP over standard input and output, and ends when its input does, or over HTTP. Every
/// export runs in a WebAssembly component in a sandbox that can reach one Homer and nothing else.
#[derive(Debug, Parser)]
#[command(version, name = "homer-export-mcp", after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    /// Serve a stand-in for Homer inside this program, which replays recorded calls; nothing need
    /// be configured
    #[arg(long)]
    demo: bool,

    /// Ask Homer for a call that is not there, say what works, and end: 0 if an export would work
    #[arg(long)]
    check: bool,

    /// Serve streamable HTTP on this address, at /mcp, instead of standard input and output;
    /// callers from other machines need HOMER_MCP_TOKEN (or HOMER_MCP_TOKEN_FILE) as bearer token,
    /// unless HOMER_MCP_OPEN is 1; HOMER_MCP_ORIGINS names pages that may call
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Name under which callers reach this server over HTTP, beside those of loopback
    /// (HOMER_MCP_HOSTS, separated by commas)
    #[arg(long, value_name = "NAME")]
    http_host: Vec<String>,

    /// How captures reach the client (HOMER_RESULT_MODE): auto, embed, link, file or base64
    /// [default: auto, which is file with an output directory, else embed up to the inline limit,
    /// link above]
    #[arg(long, value_name = "MODE")]
    result_mode: Option<String>,

    /// Largest capture that auto attaches to a result, in bytes (HOMER_MAX_INLINE_BYTES) [default:
    /// 262144]
    #[arg(long, value_name = "BYTES")]
    inline_limit: Option<String>,

    /// Largest capture in any message, attached or read from a link, in bytes
    /// (HOMER_MAX_READ_BYTES) [default: 6291456, which is also the most]
    #[arg(long, value_name = "BYTES")]
    read_limit: Option<String>,

    /// Directory for captures in files (HOMER_OUTPUT_DIR): new files of any size, readable by their
    /// owner alone
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,

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
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(why) => return complain(&format!("cannot start: {why}")),
    };
    let result = runtime.block_on(run(arguments));
    // Calls that were left have to clear their files away; a read of standard input that nobody
    // answers is not worth more.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let fake_homer = match arguments.demo {
        true => Some(FakeHomer::start().await.map_err(|why| format!("{why:#}"))?),
        false => None,
    };
    let configuration = match &fake_homer {
        None => HostConfig::of_process(&arguments.flags),
        // The demonstration ignores the environment, so that it sends nothing anywhere but to the
        // fake Homer.
        Some(fake_homer) => {
            HostConfig::isolated(&arguments.flags, fake_homer.variables())
        }
    }
    .map_err(|error| error.to_string())?;
    let (terms, output_dir) = terms(&arguments, configuration.config.max_window_hours)?;
    let exporter = Exporter::new(configuration.policy()).map_err(|failure| failure.to_string())?;
    if arguments.check {
        let works = check::check(&exporter, &configuration).await?;
        tell(&works.replace('\n', "\nhomer-export-mcp: "));
        return Ok(());
    }
    let server = Server::new(exporter, terms, output_dir)?;
    if let Some(address) = arguments.http {
        let http_auth = http_auth(address).map_err(|error| error.to_string())?;
        let door = http::Door::new(address, http_auth, hosts(arguments.http_host));
        let refused = |why: std::io::Error| format!("cannot listen on {address}: {why}");
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let local = listener.local_addr().map_err(refused)?;
        let end = ended();
        tell(&format!("MCP at http://{local}/mcp"));
        return http::serve(listener, server, door, end)
            .await
            .map_err(refused);
    }
    tokio::select! {
        served = serve_stdio(server) => served,
        // Dropping the service drops its exports.
        () = ended() => Ok(()),
    }
}

async fn serve_stdio(server: Server) -> Result<(), String> {
    let (input, output) = rmcp::transport::stdio();
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_REQUEST);
    let service = match server.serve(transport).await {
        Ok(service) => service,
        // The input ended before a client said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(why) => return Err(format!("no MCP client: {why}")),
    };
    service.waiting().await.map_err(|why| why.to_string())?;
    Ok(())
}

/// What the tools keep to, from flags and environment.
fn terms(
    arguments: &Arguments,
    max_window_hours: u32,
) -> Result<(ToolConfig, Option<OutputDir>), String> {
    let setting = |name: &str| {
        let flag = match name {
            "HOMER_RESULT_MODE" => &arguments.result_mode,
            "HOMER_MAX_INLINE_BYTES" => &arguments.inline_limit,
            "HOMER_MAX_READ_BYTES" => &arguments.read_limit,
            "HOMER_OUTPUT_DIR" => &arguments.output_dir,
            _ => &None,
        };
        flag.clone()
            .filter(|text| is_set(text))
            .or_else(|| variable(name))
    };
    let output_dir = setting("HOMER_OUTPUT_DIR")
        .map(|path| OutputDir::open(path.as_ref()))
        .transpose()?;
    let terms = ToolConfig::new(setting, max_window_hours, output_dir.is_some(), false)
        .map_err(|error| error.to_string())?;
    Ok((terms, output_dir))
}

/// Who may call over HTTP, from the environment.
fn http_auth(address: SocketAddr) -> Result<CallerPolicy, ExportError> {
    // Not left out where it is a placeholder: then the door would stand open.
    let (open, origins) = (
        std::env::var("HOMER_MCP_OPEN").ok(),
        variable("HOMER_MCP_ORIGINS"),
    );
    CallerPolicy::new(
        token()?,
        open.as_deref(),
        origins.as_deref(),
        address.ip().is_loopback(),
    )
}

/// What callers have to show, from the environment or a file that it names.
fn token() -> Result<Option<String>, ExportError> {
    const NAME: &str = "HOMER_MCP_TOKEN";
    let names = [NAME.to_string(), format!("{NAME}_FILE")].into_iter();
    let mut vars = names
        .filter_map(|name| {
            std::env::var(&name)
                .ok()
                .filter(|value| !value.is_empty())
                .map(|value| (name, value))
        })
        .collect();
    secret(&mut vars, NAME)
}

/// Names of this server, from flags, else from the environment.
fn hosts(flags: Vec<String>) -> Vec<String> {
    if !flags.is_empty() {
        return flags;
    }
    let names = variable("HOMER_MCP_HOSTS").unwrap_or_default();
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_string)
        .collect()
}

/// Waits for whoever runs this to end it, from the call on and not only once it is waited for.
fn ended() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        )
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Says something on standard error: standard output carries protocol only.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "homer-export-mcp: {text}");
}

/// Says what is wrong.
fn complain(why: &str) -> ExitCode {
    tell(why);
    ExitCode::FAILURE
}
