//! Captures of 3 KB, 1 MB, 9 MB and 92 MB with every delivery and both transports: the right bytes
//! or the right error, and a connection that still works. Prints the server's peak memory: `cargo
//! test --package homer-export-mcp --test large -- --nocapture`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints"
)]

use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use fake_homer::{FakeHomer, large_capture};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest message that all clients accept, with a margin: 9 MiB.
const MAX_MESSAGE: usize = 9 * 1024 * 1024;

/// A client of the stateless protocol that checks the length of messages.
enum Transport {
    Stdio {
        input: ChildStdin,
        output: BufReader<ChildStdout>,
    },
    Http {
        url: String,
    },
}

struct Session {
    child: Child,
    transport: Transport,
}

impl Session {
    async fn start(http: bool, homer: &str, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export-mcp"));
        command
            .args(args)
            .env_clear()
            .env("HOMER_URL", homer)
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            // A file is no directory, so that captures are attached unless the arguments say
            // otherwise.
            .env("XDG_STATE_HOME", env!("CARGO_BIN_EXE_homer-export-mcp"));
        command
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if http {
            command.args(["--http", "127.0.0.1:0"]);
            command.env("HOMER_MCP_OPEN", "1");
        }
        let mut child = command.spawn().unwrap();
        let transport = match http {
            true => {
                let line = BufReader::new(child.stderr.take().unwrap())
                    .lines()
                    .next_line()
                    .await
                    .unwrap()
                    .unwrap();
                Transport::Http {
                    url: line
                        .strip_prefix("homer-export-mcp: MCP at ")
                        .unwrap()
                        .to_string(),
                }
            }
            false => Transport::Stdio {
                input: child.stdin.take().unwrap(),
                output: BufReader::new(child.stdout.take().unwrap()),
            },
        };
        Self { child, transport }
    }

    /// Sends a request, and returns its response. Fails if that is too long for some client.
    async fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = params["name"]
            .as_str()
            .or(params["uri"].as_str())
            .unwrap_or_default()
            .to_string();
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let message = match &mut self.transport {
            Transport::Stdio { input, output } => {
                input
                    .write_all(format!("{request}\n").as_bytes())
                    .await
                    .unwrap();
                let mut line = String::new();
                output.read_line(&mut line).await.unwrap();
                line
            }
            Transport::Http { url } => {
                let client = Client::builder(TokioExecutor::new()).build_http();
                let request = http::Request::post(url.as_str())
                    .header("Content-Type", "application/json")
                    .header("Accept", "application/json, text/event-stream")
                    .header("MCP-Protocol-Version", "2026-07-28")
                    .header("Mcp-Method", method)
                    .header("Mcp-Name", name)
                    .body(Full::new(Bytes::from(request)))
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
                let text = String::from_utf8(body.to_vec()).unwrap();
                let mut data = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .filter(|line| !line.is_empty());
                data.next_back().unwrap_or(&text).to_string()
            }
        };
        assert!(
            message.len() <= MAX_MESSAGE,
            "a message of {} bytes",
            message.len()
        );
        serde_json::from_str(&message).unwrap_or_else(|why| panic!("{why}: {message}"))
    }

    async fn export(&mut self) -> Value {
        let arguments = json!({
            "callid": "000000000000@192.0.2.10",
            "from_ts": 1_795_168_800_000_i64,
            "to_ts": 1_795_169_100_000_i64,
        });
        self.ask(
            "tools/call",
            json!({"name": "homer_export_pcap", "arguments": arguments}),
        )
        .await["result"]
            .take()
    }

    /// In MiB; `None` except on Linux.
    fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_captures_are_delivered_or_rejected_in_every_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for (calls, size) in [
        (1, "3 KB"),
        (300, "1 MB"),
        (2_770, "9 MB"),
        (28_000, "92 MB"),
    ] {
        let capture = Arc::new(large_capture(calls));
        let homer = FakeHomer::with_capture(capture.to_vec()).await.unwrap();
        let fits = capture.len() <= 6 * 1024 * 1024;
        for http in [false, true] {
            for (args, delivery) in [
                (&[][..], if calls == 1 { "embedded" } else { "link" }),
                (&["--result-mode", "embed"], "embedded"),
                (&["--result-mode", "link"], "link"),
                (&["--result-mode", "base64"], "base64"),
                (&["--output-dir", path], "file"),
            ] {
                let mut session = Session::start(http, &homer.url(), args).await;
                let what = format!(
                    "{size} over {} {args:?}",
                    if http { "HTTP" } else { "stdio" }
                );
                let result = session.export().await;
                if !fits && delivery != "file" {
                    let structured = &result["structuredContent"];
                    assert_eq!(structured["delivery"], "withheld", "{what}: {result}");
                    assert_eq!(structured["report"]["packets"], calls * 7, "{what}");
                    assert_eq!(result["content"].as_array().map(Vec::len), Some(1));
                } else {
                    let structured = &result["structuredContent"];
                    assert_eq!(
                        structured["delivery"], delivery,
                        "{what}: {}",
                        result["content"][0]
                    );
                    assert!(
                        structured["report"].to_string().len() <= homer_export::report::MAX_JSON
                    );
                    let bytes = match delivery {
                        "embedded" => decoded(&result["content"][1]["resource"]["blob"]),
                        "base64" => decoded(&result["content"][1]["text"]),
                        "link" => {
                            let uri = structured["resource_uri"].clone();
                            let read = session.ask("resources/read", json!({ "uri": uri })).await;
                            decoded(&read["result"]["contents"][0]["blob"])
                        }
                        _ => {
                            let file = structured["file_path"].as_str().unwrap();
                            let bytes = std::fs::read(file).unwrap();
                            std::fs::remove_file(file).unwrap();
                            bytes
                        }
                    };
                    assert!(bytes == *capture, "{what}: {} other bytes", bytes.len());
                }
                // The connection still works.
                assert_eq!(
                    session.ask("tools/list", json!({})).await["result"]["tools"]
                        .as_array()
                        .map(Vec::len),
                    Some(5)
                );
                let peak = session
                    .peak_memory()
                    .map_or_else(|| "unknown".to_string(), |mib| format!("{mib} MiB"));
                println!("{what}: {delivery}, peak memory of the server {peak}");
            }
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

fn decoded(base64: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(base64.as_str().unwrap()).unwrap()
}
