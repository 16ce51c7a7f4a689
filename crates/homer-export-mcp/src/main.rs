//! `homer-export-mcp`: an MCP server that exports SIP calls from Homer, over standard input and
//! output or over HTTP.

mod call_limit;
mod call_log;
mod capture_cache;
mod connections;
mod files;
mod held_bytes;
mod host_field;
mod http;
mod listen_address;
mod own_token;
mod progress;
mod server;
mod shared_export;
mod single_flight;
mod stdio;
mod tokens_file;
mod tool_error;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use homer_export::config::{Variables, setting};
use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::ToolConfig;
use homer_export::{CallerPolicy, ExportError};
use homer_host::config::{process_variables, read_secret};
use homer_host::{Exporter, Flags, HostConfig, McpFlags};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use tokio::net::TcpListener;

use self::call_log::{CallLog, LogFormat};
use self::files::OutputDir;
use self::listen_address::parse_listen_address;
use self::own_token::OwnToken;
use self::server::Server;
use self::stdio::StdioTransport;

/// MCP server that exports the packets of SIP calls from a Homer capture server
///
/// Serves one MCP client over standard input and output until its input ends, or many clients over
/// HTTP. Each export runs as a WebAssembly component in a sandbox that can reach your Homer and
/// nothing else.
#[derive(Debug, Parser)]
#[command(version = env!("HOMER_EXPORT_VERSION"), name = "homer-export-mcp")]
#[command(after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    /// Use a built-in fake Homer with calls that show classic failures; no configuration needed.
    /// `homer-export --demo --list` lists them
    #[cfg(feature = "demo")]
    #[arg(long)]
    demo: bool,

    /// Check that exports will work, report, and exit (0 if so)
    #[arg(long)]
    check: bool,

    /// Serve streamable HTTP at this address and path /mcp instead of standard input and output; a
    /// port alone, such as 8080, means 127.0.0.1. Callers must send HOMER_MCP_TOKEN (or the
    /// contents of HOMER_MCP_TOKEN_FILE), or a token of --tokens-file, as a bearer token, unless
    /// HOMER_MCP_OPEN=1. If none of them is set and only this machine can reach the address, the
    /// server makes a token and prints it. HOMER_MCP_ORIGINS lists the origins of web pages that
    /// may call
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = parse_listen_address)]
    http: Option<SocketAddr>,

    #[command(flatten)]
    mcp_flags: McpFlags,

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
    // Canceled calls remove their partial files meanwhile. Longer would not help: a read of
    // standard input cannot be canceled.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    // It serves until the end of this function.
    #[cfg(feature = "demo")]
    let fake_homer = match arguments.demo {
        true => Some(
            fake_homer::FakeHomer::start()
                .await
                .map_err(|why| format!("{why:#}"))?,
        ),
        false => None,
    };
    let (variables, mut warnings) = variables(&arguments).map_err(|error| error.to_string())?;
    #[cfg(feature = "demo")]
    let configuration = match &fake_homer {
        None => HostConfig::new(variables.clone()),
        // The demo ignores the environment, so that no credential of a real Homer is used.
        Some(homer) => HostConfig::isolated(&arguments.flags, homer.variables()),
    };
    #[cfg(not(feature = "demo"))]
    let configuration = HostConfig::new(variables.clone());
    let configuration = configuration.map_err(|error| error.to_string())?;
    warnings.extend(configuration.warnings.iter().cloned());
    let serves_stdio = arguments.http.is_none();
    let max_hours = configuration.config.max_window_hours;
    let redact = configuration.config.redact.clone();
    let (tools, output_dir) = tool_config(&variables, max_hours, serves_stdio)?;
    warnings.extend(output_dir.as_ref().and_then(OutputDir::warning));
    let exporter = Exporter::new(configuration.policy()).map_err(|failure| failure.to_string())?;
    if arguments.check {
        for line in &warnings {
            log(line);
        }
        let checked = homer_host::check(&exporter, &configuration).await;
        for line in checked.map_err(|failure| failure.to_string())? {
            log(&line);
        }
        return Ok(());
    }
    let format = setting::MCP_LOG
        .choice(&variables)
        .map_err(|error| error.to_string())?;
    let call_log = CallLog::start(LogFormat::from_name(format));
    let server = Server::new(exporter, tools, redact, output_dir, call_log.clone());
    let served = serve(arguments.http, server, variables, warnings).await;
    call_log.flush();
    served
}

/// Serves over HTTP if there is an address, and otherwise over standard input and output.
async fn serve(
    http: Option<SocketAddr>,
    server: Server,
    mut variables: Variables,
    mut warnings: Vec<String>,
) -> Result<(), String> {
    if let Some(address) = http {
        let (tokens, more) =
            tokens_file::read(&variables, now_ms()).map_err(|error| error.to_string())?;
        warnings.extend(more);
        let own = match address.ip().is_loopback() && tokens.is_empty() && says_nothing(&variables)
        {
            true => Some(OwnToken::of_user()?),
            false => None,
        };
        if let Some(own) = &own {
            variables.set(setting::MCP_TOKEN.variable, own.token.clone());
        }
        let callers = CallerPolicy::from_settings_and_tokens(&variables, tokens)
            .map_err(|error| error.to_string())?;
        let hint = reachability(address, callers.is_open(), &hosts(&variables));
        let config = http::HttpConfig::new(address, callers, hosts(&variables));
        let cannot_listen = |why: std::io::Error| format!("cannot listen on {address}: {why}");
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let local = listener.local_addr().map_err(cannot_listen)?;
        let shutdown = shutdown_signal();
        log(&format!("MCP at http://{local}/mcp"));
        let own = own.map(|own| own.notice());
        for line in hint.iter().chain(&own).chain(&warnings) {
            log(line);
        }
        http::serve(listener, server, config, shutdown).await;
        return Ok(());
    }
    for line in &warnings {
        log(line);
    }
    tokio::select! {
        served = serve_stdio(server) => served,
        // Dropping the service cancels its calls, and they end their exports.
        () = shutdown_signal() => Ok(()),
    }
}

async fn serve_stdio(server: Server) -> Result<(), String> {
    let (input, output) = rmcp::transport::stdio();
    let transport = StdioTransport::start(input, output);
    let service = match server.serve(transport).await {
        Ok(service) => service,
        // The input ended before the first request.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(why) => return Err(format!("the MCP client did not initialize: {why}")),
    };
    service.waiting().await.map_err(|why| why.to_string())?;
    Ok(())
}

/// Whether the operator has set neither a token of callers nor that they need none.
fn says_nothing(variables: &Variables) -> bool {
    [&setting::MCP_TOKEN, &setting::MCP_OPEN]
        .into_iter()
        .filter_map(|setting| variables.get_raw(setting.variable))
        .all(|given| given.value.is_empty())
}

/// The settings of this program, from its environment, the configuration file and its flags, and
/// what the operator should know about them. The demo uses them as well, without the file, which
/// concerns Homer.
fn variables(arguments: &Arguments) -> Result<(Variables, Vec<String>), ExportError> {
    #[cfg(feature = "demo")]
    let is_demo = arguments.demo;
    #[cfg(not(feature = "demo"))]
    let is_demo = false;
    let mut variables = if is_demo {
        let mut variables = process_variables()?;
        arguments.flags.apply(&mut variables);
        variables
    } else {
        arguments.flags.variables()?
    };
    arguments.mcp_flags.apply(&mut variables);
    let warning = read_secret(&mut variables, &setting::MCP_TOKEN)?;
    Ok((variables, warning.into_iter().collect()))
}

/// The settings of the tools, and the directory for files if there is one.
fn tool_config(
    variables: &Variables,
    max_window_hours: u32,
    serves_stdio: bool,
) -> Result<(ToolConfig, Option<OutputDir>), String> {
    let max_bytes = setting::OUTPUT_MAX_BYTES.integer(variables);
    let max_bytes = max_bytes.map_err(|error| error.to_string())?;
    let output_dir = match setting::OUTPUT_DIR.get(variables) {
        Some(given) => Some(OutputDir::open(given.value.as_ref(), max_bytes)?),
        // The client runs on this machine as the same user, so that it can open a file. Three of
        // four clients lose what is attached (docs/mcp-clients.md).
        None if serves_stdio && wants_files(variables)? => OutputDir::of_user(max_bytes)
            .map(Some)
            .unwrap_or_else(|why| {
                log(&format!(
                    "captures are attached to results and not saved as files: {why}"
                ));
                None
            }),
        None => None,
    };
    let tools = ToolConfig::new(variables, max_window_hours, output_dir.is_some(), false)
        .map_err(|error| error.to_string())?;
    Ok((tools, output_dir))
}

/// Whether captures are to be saved as files if there is a directory for them.
fn wants_files(variables: &Variables) -> Result<bool, String> {
    let mode = setting::RESULT_MODE.choice(variables);
    let mode = mode.map_err(|error| error.to_string())?;
    Ok(matches!(
        ResultMode::from_name(mode),
        Some(ResultMode::Auto | ResultMode::File)
    ))
}

/// Host names of this server.
fn hosts(variables: &Variables) -> Vec<String> {
    let names = setting::MCP_HOSTS
        .get(variables)
        .map_or("", |given| given.value);
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::to_string).collect()
}

/// What the operator should know about who can reach the server; `open` states that callers need
/// no token.
fn reachability(address: SocketAddr, open: bool, hosts: &[String]) -> Option<String> {
    let ip = address.ip();
    match (ip.is_loopback(), open) {
        (true, true) => Some(
            "every user of this machine can call it, because HOMER_MCP_OPEN=1; set \
             HOMER_MCP_TOKEN instead to prevent this"
                .to_string(),
        ),
        (true, false) => None,
        (false, _) => {
            let own = Some(ip.to_string()).filter(|_| !ip.is_unspecified());
            let names = hosts.iter().cloned().chain(own);
            let names: Vec<_> = ["localhost".to_string()].into_iter().chain(names).collect();
            Some(format!(
                "callers must use one of these host names, and get 403 for another one: {}; add \
                 names with --http-host",
                names.join(", ")
            ))
        }
    }
}

/// The current Unix time in milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
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
