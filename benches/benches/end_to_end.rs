//! Whole programs: the MCP server over both transports, compared with a native client and with a
//! typical Python client. The clients take turns in one run, and the results are ratios of medians.
//! It also measures the start of the server. `cargo bench -p benches --bench end_to_end` on a quiet
//! machine writes the results to docs/benchmarks.md. It installs httpx once below target/.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench fails by panicking, and prints"
)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fake_homer::{FakeHomer, large_capture};
use homer_host::{ExportRequest, Exporter, HostConfig};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use benches::goals::Bound::{AtLeast, AtMost};
use benches::goals::{self, goal};
use benches::{EXPORT_REQUEST, figures};

/// The path of the MCP server, built with the release profile.
fn mcp_program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| benches::program("homer-export-mcp", "homer-export-mcp"))
}

/// The directory for files that are kept between runs.
fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf()
}

/// A Python interpreter with httpx, for the Python client.
fn python() -> PathBuf {
    let venv = scratch().join("httpx");
    if !venv.join("done").exists() {
        let run =
            |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv));
        let pip = [
            "-q",
            "--disable-pip-version-check",
            "install",
            "httpx==0.28.*",
        ];
        run(Command::new(venv.join("bin/pip")).args(pip));
        std::fs::write(venv.join("done"), "").unwrap();
    }
    venv.join("bin/python")
}

/// A program that responds to each line with a line.
struct Lines {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Lines {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            input,
            output: BufReader::new(output),
        }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut response = String::new();
        self.output.read_line(&mut response).unwrap();
        response
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(homer: &str, more: &[&str], cache: &Path) -> Command {
    let mut command = Command::new(mcp_program());
    command
        .args(more)
        .env_clear()
        .env("HOMER_URL", homer)
        .env("HOMER_API", "7")
        .env("XDG_CACHE_HOME", cache);
    command
}

fn message(method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// A call with a different window each time, so that no capture comes from the server's cache.
fn export(moment: i64) -> String {
    let (from, to) = (1_795_168_800_000_i64 - moment, 1_795_169_100_000_i64);
    let arguments = json!({ "callid": "000000000000@192.0.2.10", "from_ts": from, "to_ts": to });
    message(
        "tools/call",
        json!({ "name": "homer_export_pcap", "arguments": arguments }),
    )
}

fn assert_exported(response: &str, len: usize) {
    assert!(
        response.contains(&format!("\"size_bytes\":{len}")),
        "{}",
        &response[..response.len().min(400)]
    );
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

async fn native(client: &HttpClient, url: &str) -> usize {
    let request = http::Request::post(url)
        .body(Full::new(Bytes::from_static(EXPORT_REQUEST)))
        .unwrap();
    client
        .request(request)
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .len()
}

fn exporter(homer: &str, report: &str) -> Exporter {
    let vars = [
        ("HOMER_URL", homer),
        ("HOMER_REPORT", report),
        ("HOMER_API", "7"),
    ];
    let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
    Exporter::new(HostConfig::from_vars(vars).unwrap().policy()).unwrap()
}

async fn streamed(exporter: &Exporter) -> usize {
    let request = ExportRequest::for_call(
        "000000000000@192.0.2.10",
        1_795_168_800_000,
        1_795_169_100_000,
    );
    let mut export = exporter.open(&request).await.unwrap().hashed();
    let mut received = 0;
    while let Some(bytes) = export.next().await.unwrap() {
        received += bytes.len();
    }
    assert!(!export.finish().await.unwrap().sha256.is_empty());
    received
}

async fn over_http(client: &HttpClient, url: &str, body: String) -> String {
    let request = http::Request::post(url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "homer_export_pcap")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let body = client
        .request(request)
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

const KINDS: [&str; 6] = [
    "native, in memory",
    "`homer_host`, report off",
    "`homer_host`",
    "MCP, stdio",
    "MCP, HTTP",
    "Python, httpx",
];

async fn exports(text: &mut String, goals: &mut String, cache: &Path) {
    let interpreter = python();
    writeln!(
        text,
        "Values are medians in ms. Values in parentheses are speeds relative to the Python client \
         (httpx with keep-alive, base64, JSON). The native client only reads the capture into \
         memory. `homer_host` reads it in chunks and calculates its SHA-256. The MCP server adds \
         the report. It embeds captures up to 256 KiB, links captures up to 6 MiB, and saves \
         92 MB in a file.\n"
    )
    .unwrap();
    writeln!(
        text,
        "| capture | {} |\n|---|{}",
        KINDS.join(" | "),
        "---|".repeat(KINDS.len())
    )
    .unwrap();
    let files = tempfile::tempdir().unwrap();
    for (calls, name) in [(1, "3 KB"), (3, "10 KB"), (300, "1 MB"), (28_000, "92 MB")] {
        let capture = large_capture(calls);
        let len = capture.len();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let homer = FakeHomer::with_capture(capture).await.unwrap();
                tell.send(homer.url()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let homer: String = told.recv().unwrap();
        let url = format!("{homer}/api/v3/export/call/messages/pcap");
        let dir = files.path().to_str().unwrap();
        let more: &[&str] = if calls > 1000 {
            &["--output-dir", dir]
        } else {
            &[]
        };
        let mut stdio = Lines::start(&mut server(&homer, more, cache));
        let mut http = server(&homer, &[&["--http", "127.0.0.1:0"], more].concat(), cache);
        let mut http = http
            .env("HOMER_MCP_OPEN", "1")
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(http.stderr.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mcp = line
            .trim()
            .strip_prefix("homer-export-mcp: MCP at ")
            .unwrap()
            .to_string();
        let mut usual = Lines::start(
            Command::new(&interpreter)
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/client.py"))
                .arg(&url),
        );
        let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
        let (off, on) = (exporter(&homer, "off"), exporter(&homer, "on"));
        let rounds = if calls > 1000 { 7 } else { 101 };
        let mut times = vec![Vec::new(); KINDS.len()];
        for round in 0..=rounds {
            for (kind, times) in times.iter_mut().enumerate() {
                let begin = Instant::now();
                match kind {
                    0 => assert_eq!(native(&client, &url).await, len),
                    1 => assert_eq!(streamed(&off).await, len),
                    2 => assert_eq!(streamed(&on).await, len),
                    3 => assert_exported(&stdio.ask(&export(round)), len),
                    4 => assert_exported(&over_http(&client, &mcp, export(round)).await, len),
                    _ => assert!(usual.ask("").contains(' ')),
                }
                let took = begin.elapsed();
                for file in std::fs::read_dir(files.path()).unwrap() {
                    std::fs::remove_file(file.unwrap().path()).unwrap();
                }
                // The first round is a warm-up.
                if round > 0 {
                    times.push(took);
                }
            }
        }
        let _ = http.kill();
        let _ = http.wait();
        let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
        let python = medians[KINDS.len() - 1];
        let times = |kind: usize| python / medians[kind];
        match name {
            "10 KB" => goals.push_str(&goal(
                "10 KB with `homer_host`, relative to the Python client",
                times(2),
                AtLeast(2.0),
                "×",
            )),
            "92 MB" => {
                goals.push_str(&goal(
                    "92 MB with `homer_host`, report off, relative to the Python client",
                    times(1),
                    AtLeast(5.0),
                    "×",
                ));
                goals.push_str(&goal(
                    "92 MB with `homer_host`, relative to the Python client",
                    times(2),
                    AtLeast(5.0),
                    "×",
                ));
            }
            _ => {}
        }
        write!(text, "| {name} |").unwrap();
        for took in &medians {
            write!(text, " {took:.2} ({:.1} ×) |", python / took).unwrap();
        }
        writeln!(text).unwrap();
        eprintln!("{}", text.lines().next_back().unwrap_or_default());
    }
}

/// The time from the start of the server to the response to `tools/list`.
fn start_up(goals: &mut String, cache: &Path) {
    let start = || {
        let begin = Instant::now();
        let mut server = Lines::start(&mut server("http://127.0.0.1:1", &[], cache));
        assert!(
            server
                .ask(&message("tools/list", json!({})))
                .contains("homer_export_pcap")
        );
        begin.elapsed()
    };
    let cold = start().as_secs_f64() * 1000.0;
    let warm = median(&mut (0..31).map(|_| start()).collect::<Vec<_>>());
    goals.push_str(&goal(
        "start of `homer-export-mcp` to `tools/list`, cold",
        cold,
        AtMost(1000.0),
        "ms",
    ));
    goals.push_str(&goal(
        "start of `homer-export-mcp` to `tools/list`, warm",
        warm,
        AtMost(50.0),
        "ms",
    ));
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this program without the argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let cache = tempfile::tempdir_in(scratch()).unwrap();
    let (mut text, mut reached) = (String::new(), goals::GOALS.to_string());
    start_up(&mut reached, cache.path());
    exports(&mut text, &mut reached, cache.path()).await;
    text.push_str(&reached);
    println!("{text}");
    figures::write(
        "Whole programs",
        "cargo bench -p benches --bench end_to_end",
        &text,
    );
}
