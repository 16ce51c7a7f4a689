//! `homer-export-mcp`: an MCP server that exports SIP calls from Homer, over standard input and
//! output or over HTTP.

mod call_limit;
mod capture_cache;
mod check;
mod files;
mod http;
mod progress;
mod server;
mod tool_error;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fake_homer::FakeHomer;
use homer_export::config::is_set;
use homer_export::mcp::MAX_REQUEST_BYTES;
use homer_export::mcp::tools::ToolConfig;
use homer_export::{CallerPolicy, ExportError};
use homer_host::config::{secret, variable};
use homer_host::{Exporter, Flags, HostConfig};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::net::TcpListener;

use self::files::OutputDir;
use self::server::Server;

/// MCP server that exports the packets of SIP calls from a Homer capture server
///
/// Serves one MCP client over standard input and output until its input ends, or many clients over
/// HTTP. Each export runs as a WebAssembly component in a sandbox that can reach your Homer and
/// nothing else.
#[derive(Debug, Parser)]
#[command(version, name = "homer-export-mcp", after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    /// Use a built-in fake Homer with recorded calls; no configuration needed
    #[arg(long)]
    demo: bool,

    /// Check that exports will work, report, and exit (0 if so)
    #[arg(long)]
    check: bool,

    /// Serve streamable HTTP at this address and path /mcp instead of standard input and output. If
    /// other machines can reach the address, callers must send HOMER_MCP_TOKEN (or the contents of
    /// HOMER_MCP_TOKEN_FILE) as a bearer token, unless HOMER_MCP_OPEN=1. HOMER_MCP_ORIGINS lists
    /// the origins of web pages that may call
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Host name that callers use for this server over HTTP, in addition to loopback names; may be
    /// repeated (HOMER_MCP_HOSTS, separated by commas)
    #[arg(long, value_name = "NAME")]
    http_host: Vec<String>,

    /// How captures reach the client (HOMER_RESULT_MODE): auto, embed, link, file or base64. auto
    /// means file if there is an output directory; otherwise embed up to the inline limit, and link
    /// above it [default: auto]
    #[arg(long, value_name = "MODE")]
    result_mode: Option<String>,

    /// Largest capture that auto embeds in a result, in bytes (HOMER_MAX_INLINE_BYTES) [default:
    /// 262144]
    #[arg(long, value_name = "BYTES")]
    inline_limit: Option<String>,

    /// Largest capture in any message, embedded or read through a link, in bytes
    /// (HOMER_MAX_READ_BYTES) [default and maximum: 6291456]
    #[arg(long, value_name = "BYTES")]
    read_limit: Option<String>,

    /// Directory in which captures of any size are saved as new files that only their owner can
    /// read (HOMER_OUTPUT_DIR)
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,

    #[command(flatten)]
    flags: Flags,
}

const AFTER_HELP: &str = "\
Credentials are set by environment variables only: HOMER_API_TOKEN, or HOMER_JWT, or HOMER_USERNAME
and HOMER_PASSWORD. To read a secret from a file, append _FILE to the variable's name and set it to
the path, for example HOMER_API_TOKEN_FILE. The component never sees credentials.

Example configuration of an MCP client:
  {\"mcpServers\": {\"homer\": {\"command\": \"homer-export-mcp\",
    \"env\": {\"HOMER_URL\": \"http://homer:9080\",
            \"HOMER_API_TOKEN_FILE\": \"/path/to/token\"}}}}";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(why) => return fail(&format!("cannot start the async runtime: {why}")),
    };
    let result = runtime.block_on(run(arguments));
    // Cancelled calls remove their partial files meanwhile. Longer would not help: a read of
    // standard input cannot be cancelled.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
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
            HostConfig::from_vars(arguments.flags.variables().chain(fake_homer.variables()))
        }
    }
    .map_err(|error| error.to_string())?;
    let (tools, output_dir) = tool_config(&arguments, configuration.config.max_window_hours)?;
    let exporter = Exporter::new(configuration.policy()).map_err(|failure| failure.to_string())?;
    if arguments.check {
        for line in check::check(&exporter, &configuration).await? {
            log(&line);
        }
        return Ok(());
    }
    let server = Server::new(exporter, tools, output_dir);
    if let Some(address) = arguments.http {
        let callers = caller_policy(address).map_err(|error| error.to_string())?;
        let config = http::HttpConfig::new(address, callers, hosts(arguments.http_host));
        let cannot_listen = |why: std::io::Error| format!("cannot listen on {address}: {why}");
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let local = listener.local_addr().map_err(cannot_listen)?;
        let shutdown = shutdown_signal();
        log(&format!("MCP at http://{local}/mcp"));
        http::serve(listener, server, config, shutdown).await;
        return Ok(());
    }
    tokio::select! {
        served = serve_stdio(server) => served,
        // Dropping the service cancels its calls, and they end their exports.
        () = shutdown_signal() => Ok(()),
    }
}

async fn serve_stdio(server: Server) -> Result<(), String> {
    let (input, output) = rmcp::transport::stdio();
    let transport =
        AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_REQUEST_BYTES);
    let service = match server.serve(transport).await {
        Ok(service) => service,
        // The input ended before the first request.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(why) => return Err(format!("the MCP client did not initialize: {why}")),
    };
    service.waiting().await.map_err(|why| why.to_string())?;
    Ok(())
}

/// The settings of the tools, from flags and environment.
fn tool_config(
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
    let tools = ToolConfig::new(setting, max_window_hours, output_dir.is_some(), false)
        .map_err(|error| error.to_string())?;
    Ok((tools, output_dir))
}

/// Which callers may use the server over HTTP, from the environment.
fn caller_policy(address: SocketAddr) -> Result<CallerPolicy, ExportError> {
    // As it is, even if it is a placeholder: `CallerPolicy` rejects one, so that a mistake does not
    // open the server.
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

/// The bearer token of the callers, from the environment or from a file that it names.
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

/// Host names of this server, from flags or else from the environment.
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

/// Ready once a signal asks the program to end. A signal counts from this call on, and not only
/// once the future is awaited.
fn shutdown_signal() -> impl Future<Output = ()> {
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

/// Writes a line to standard error; standard output is for the protocol alone (MCP,
/// basic/transports, "stdio").
fn log(text: &str) {
    let _ = writeln!(std::io::stderr(), "homer-export-mcp: {text}");
}

/// Reports why the program cannot go on.
fn fail(why: &str) -> ExitCode {
    log(why);
    ExitCode::FAILURE
}
