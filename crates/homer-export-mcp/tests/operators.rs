//! What operators of the server use: the address, health, the log, tokens; what the server says
//! about itself; and how it treats clients that make mistakes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::process::Stdio;
use std::time::Duration;

use homer_export::mcp::{self, prompts, tools};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

const CALL: &str = "udp-normal-1@192.0.2.10";
const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;
const TIMEOUT: Duration = Duration::from_secs(20);

fn program(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export-mcp"));
    command
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true)
        .stderr(Stdio::piped());
    command
}

/// A server over HTTP.
struct HttpServer {
    _child: Child,
    address: String,
    said: Lines<BufReader<ChildStderr>>,
}

impl HttpServer {
    async fn start(http: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["--demo", "--http", http], args].concat();
        let is_guarded = env.iter().any(|(name, _)| *name == "HOMER_MCP_TOKEN");
        let open = [("HOMER_MCP_OPEN", "1")];
        let env = [env, if is_guarded { &[] } else { &open }].concat();
        let mut child = program(&args, &env).stdin(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut server = Self {
            _child: child,
            address: String::new(),
            said,
        };
        let line = server.said().await;
        let url = line.strip_prefix("homer-export-mcp: MCP at http://");
        let address = url.and_then(|url| url.strip_suffix("/mcp"));
        server.address = address.unwrap_or_else(|| panic!("{line}")).to_string();
        server
    }

    /// The next line on standard error.
    async fn said(&mut self) -> String {
        let line = tokio::time::timeout(TIMEOUT, self.said.next_line()).await;
        line.unwrap().unwrap().unwrap()
    }

    /// Sends a request, and returns the whole response.
    async fn send(&self, request: &str, fields: &str, body: &str) -> String {
        let port = self.address.rsplit_once(':').unwrap().1;
        let mut client = TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .unwrap();
        let host = match fields.contains("Host:") {
            true => String::new(),
            false => format!("Host: 127.0.0.1:{port}\r\n"),
        };
        let request = format!(
            "{request} HTTP/1.1\r\n{host}{fields}Connection: close\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let read = client.read_to_end(&mut response);
        tokio::time::timeout(TIMEOUT, read).await.unwrap().unwrap();
        String::from_utf8(response).unwrap()
    }

    /// Calls a tool in the stateless protocol.
    async fn call(&self, fields: &str, client: &str, arguments: &Value) -> String {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "homer_export_pcap",
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": client, "version": "1.2"},
            },
        }});
        let fields = format!(
            "{fields}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
             Mcp-Name: homer_export_pcap\r\n"
        );
        self.send("POST /mcp", &fields, &body.to_string()).await
    }
}

fn export() -> Value {
    json!({"callid": CALL, "from_ts": FROM, "to_ts": TO})
}

fn status(response: &str) -> &str {
    response.get(9..12).unwrap_or(response)
}

#[tokio::test]
async fn operator_may_give_a_port_alone_and_learns_who_can_call() {
    for http in ["0", "localhost:0"] {
        let mut server = HttpServer::start(http, &[], &[]).await;
        assert!(
            server.address.starts_with("127.0.0.1:"),
            "{}",
            server.address
        );
        assert_eq!(
            server.said().await,
            "homer-export-mcp: every user of this machine can call it, because HOMER_MCP_OPEN=1; \
             set HOMER_MCP_TOKEN instead to prevent this"
        );
    }
    let output = program(&["--demo", "--http", "homer:x"], &[])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("for example 8080 for this machine"), "{said}");
}

#[tokio::test]
async fn operator_learns_how_to_name_the_server() {
    let env = [("HOMER_MCP_TOKEN", "s3cret-of-callers")];
    let args = ["--http-host", "homer.example.net"];
    let mut server = HttpServer::start("0.0.0.0:0", &args, &env).await;
    assert_eq!(
        server.said().await,
        "homer-export-mcp: callers must use one of these host names, and get 403 for another one: \
         localhost, homer.example.net; add names with --http-host"
    );
    for (host, expected) in [("homer.example.net", "200"), ("other.example.net", "403")] {
        let fields = format!("Host: {host}\r\nAuthorization: Bearer s3cret-of-callers\r\n");
        let response = server.call(&fields, "test", &export()).await;
        assert_eq!(status(&response), expected, "{response}");
        assert_eq!(response.contains("--http-host NAME"), expected == "403");
    }
}

#[tokio::test]
async fn health_needs_no_token_and_tells_no_secret() {
    let env = [("HOMER_MCP_TOKEN", "s3cret-of-callers")];
    let server = HttpServer::start("127.0.0.1:0", &[], &env).await;
    let response = server.send("GET /health", "", "").await;
    let body = format!(
        "{{\"status\":\"ok\",\"version\":\"{}\"}}\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{response}");
    assert_eq!(status(&response), "200");
    let response = server.send("HEAD /health", "", "").await;
    assert_eq!(status(&response), "200");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
    for request in ["GET /mcp", "POST /health", "GET /health/x"] {
        let response = server.send(request, "", "").await;
        assert_eq!(status(&response), "401", "{request}: {response}");
    }
}

#[tokio::test]
async fn session_that_is_deleted_gets_a_status_without_a_warning() {
    let server = HttpServer::start("127.0.0.1:0", &[], &[]).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let initialized = server.send("POST /mcp", "", &initialize.to_string()).await;
    let session = initialized
        .lines()
        .find_map(|line| line.strip_prefix("mcp-session-id: "))
        .unwrap_or_else(|| panic!("{initialized}"));
    let fields = format!("Mcp-Session-Id: {session}\r\n");
    // The Python SDK accepts 200 and 204.
    assert_eq!(
        status(&server.send("DELETE /mcp", &fields, "").await),
        "204"
    );
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).to_string();
    assert_eq!(
        status(&server.send("POST /mcp", &fields, &list).await),
        "404"
    );
}

#[tokio::test]
async fn log_has_one_line_for_each_call() {
    let env = [("HOMER_MCP_TOKEN", "s3cret-of-callers")];
    let token = "Authorization: Bearer s3cret-of-callers\r\n";
    let mut server = HttpServer::start("127.0.0.1:0", &[], &env).await;
    let response = server
        .call(token, "te\u{1b}[31mst\" token=\"root", &export())
        .await;
    assert_eq!(status(&response), "200", "{response}");
    let line = server.said().await;
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
    let start = format!(
        "tools/call \"homer_export_pcap\" ok call_id=\"{CALL}\" from=2026-11-20T10:00:00Z \
         to=2026-11-20T10:05:00Z bytes=3311 ms="
    );
    assert!(rest.starts_with(&start), "{line}");
    let end = " client=\"te [31mst\\\" token=\\\"root\" version=\"1.2\" address=127.0.0.1:";
    assert!(rest.contains(end), "{line}");
    // A call that fails, and one that is not allowed.
    server.call(token, "test", &json!({"callid": "a"})).await;
    let line = server.said().await;
    assert!(
        line.contains("\"homer_export_pcap\" invalid-request bytes=0 ms="),
        "{line}"
    );
    server
        .call(
            "Authorization: Bearer guessed-by-others\r\n",
            "test",
            &export(),
        )
        .await;
    let line = server.said().await;
    assert!(line.contains(" http 401 address=127.0.0.1:"), "{line}");
    assert!(
        !line.contains("guessed") && !line.contains("s3cret"),
        "{line}"
    );
}

#[tokio::test]
async fn log_can_be_json_or_off() {
    let env = [
        ("HOMER_MCP_TOKEN", "s3cret-of-callers"),
        ("HOMER_MCP_LOG", "off"),
    ];
    let token = "Authorization: Bearer s3cret-of-callers\r\n";
    let mut server = HttpServer::start("127.0.0.1:0", &["--log", "json"], &env).await;
    server.call(token, "test", &export()).await;
    let line: Value = serde_json::from_str(&server.said().await).unwrap();
    for (name, value) in [
        ("mcp.tool.name", json!("homer_export_pcap")),
        ("mcp.client.name", json!("test")),
        ("mcp.client.version", json!("1.2")),
        ("client.address", json!("127.0.0.1")),
        ("sip.call_id", json!(CALL)),
        ("outcome", json!("ok")),
        ("homer.bytes", json!(3311)),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert!(line["duration_ms"].is_u64(), "{line}");
    let mut server = HttpServer::start("127.0.0.1:0", &[], &env).await;
    server.call(token, "test", &export()).await;
    let more = tokio::time::timeout(Duration::from_millis(500), server.said.next_line()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn tokens_file_names_the_caller_and_expires() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let tokens =
        "# NAME EXPIRES TOKEN\nalice never token-of-alice-1\nbob 2026-01-01 token-of-bob-123\n";
    std::fs::write(path, tokens).unwrap();
    let env = [
        ("HOMER_MCP_TOKENS_FILE", path),
        ("HOMER_MCP_TOKEN", "s3cret-of-callers"),
    ];
    let mut server = HttpServer::start("127.0.0.1:0", &[], &env).await;
    let line = server.said().await;
    assert_eq!(
        line,
        format!("homer-export-mcp: expired tokens in {path}: bob")
    );
    for (token, expected, logged) in [
        ("token-of-alice-1", "200", " token=alice"),
        ("s3cret-of-callers", "200", " address=127.0.0.1:"),
        ("token-of-bob-123", "401", "the bearer token has expired"),
        ("token-of-nobody1", "401", "not one that this server knows"),
    ] {
        let fields = format!("Authorization: Bearer {token}\r\n");
        let response = server.call(&fields, "test", &export()).await;
        assert_eq!(status(&response), expected, "{token}: {response}");
        let line = server.said().await;
        assert!(line.contains(logged) && !line.contains(token), "{line}");
    }
    for (tokens, why) in [
        (
            "alice token-of-alice-1",
            "line 1: expected NAME EXPIRES TOKEN, found 2 fields",
        ),
        (
            "bob 2026-01-01 token-of-bob-123",
            "have expired; add one that has not",
        ),
        ("", "has no tokens"),
    ] {
        std::fs::write(path, tokens).unwrap();
        let args = ["--demo", "--http", "0", "--tokens-file", path];
        let output = program(&args, &[]).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why) && !said.contains("token-of"), "{said}");
    }
}

/// A server over standard input and output, and a client that writes lines.
struct StdioServer {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    said: Lines<BufReader<ChildStderr>>,
}

impl StdioServer {
    fn start() -> Self {
        let mut command = program(&["--demo"], &[]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            said: BufReader::new(child.stderr.take().unwrap()).lines(),
            _child: child,
        }
    }

    async fn write(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(TIMEOUT, self.output.next_line()).await;
        serde_json::from_str(&line.unwrap().unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.write(&request.to_string()).await;
        self.read().await
    }

    async fn initialize(&mut self) {
        let client = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1.2"},
        });
        let initialized = self.ask("initialize", client).await;
        assert_eq!(initialized["result"]["protocolVersion"], "2025-11-25");
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.write(&notification.to_string()).await;
    }
}

#[tokio::test]
async fn stdio_line_that_is_not_json_gets_an_error() {
    let mut server = StdioServer::start();
    // Also before the client initializes.
    server.write("{nonsense").await;
    assert_eq!(server.read().await["error"]["code"], -32700);
    server.initialize().await;
    server.write("").await;
    for (line, code, why) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#,
            -32700,
            "the line is not JSON: ",
        ),
        ("hello", -32700, "; send one JSON-RPC message per line"),
        (&"[".repeat(300), -32700, "recursion limit"),
        (&"x".repeat(300_000), -32600, "the maximum is 256 KiB"),
    ] {
        server.write(line).await;
        let response = server.read().await;
        assert_eq!(response["error"]["code"], code, "{response}");
        let message = response["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
        // Clients ignore a response without the id of their request.
        let id = Some(json!(1)).filter(|_| line.contains("ud800"));
        assert_eq!(response["id"], id.unwrap_or_default(), "{response}");
    }
    assert_eq!(server.ask("ping", json!({})).await["result"], json!({}));
    // The error about the last line is sent although the input has ended.
    server.write("{").await;
    drop(std::mem::replace(
        &mut server.input,
        StdioServer::start().input,
    ));
    assert_eq!(server.read().await["error"]["code"], -32700);
}

#[tokio::test]
async fn stdio_error_about_an_unknown_method_says_what_the_server_offers() {
    let mut server = StdioServer::start();
    server.initialize().await;
    for (method, params) in [
        (
            "completion/complete",
            json!({
                "ref": {"type": "ref/prompt", "name": "diagnose_call"},
                "argument": {"name": "callid", "value": "a"},
            }),
        ),
        ("logging/setLevel", json!({"level": "info"})),
        ("homer/guess", json!({})),
    ] {
        let error = server.ask(method, params).await["error"].take();
        assert_eq!(error["code"], -32601, "{method}");
        let start = format!(
            "unknown method \"{method}\"; this server offers tools, resources and \
             prompts: "
        );
        assert!(
            error["message"].as_str().unwrap().starts_with(&start),
            "{error}"
        );
    }
}

/// As it is sent, in both versions of the protocol, and with files as well as without.
#[tokio::test]
async fn stdio_list_of_tools_is_short() {
    let mut server = StdioServer::start();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let current = server.ask("tools/list", json!({ "_meta": meta })).await;
    let mut server = StdioServer::start();
    server.initialize().await;
    let older = server.ask("tools/list", json!({})).await;
    for listed in [current, older] {
        let length = listed["result"].to_string().chars().count();
        assert!(length <= tools::MAX_DEFINITIONS, "{length}");
        assert_eq!(listed["result"]["tools"][0]["name"], "homer_export_pcap");
    }
}

#[tokio::test]
async fn stdio_introduces_the_server_and_returns_the_prompt() {
    let mut server = StdioServer::start();
    let client = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1.2"},
    });
    let initialized = server.ask("initialize", client).await["result"].take();
    let details = serde_json::to_value(mcp::server_details()).unwrap();
    assert_eq!(initialized["serverInfo"], details);
    assert_eq!(initialized["capabilities"]["prompts"], json!({}));
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    server.write(&notification.to_string()).await;
    let listed = server.ask("prompts/list", json!({})).await["result"].take();
    let defined = serde_json::to_value(prompts::definitions()).unwrap();
    assert_eq!(listed["prompts"], defined);
    let arguments = json!({"callid": CALL, "around": "2026-11-20T10:00:00Z"});
    let params = json!({"name": "diagnose_call", "arguments": arguments});
    let got = server.ask("prompts/get", params).await["result"].take();
    let text = got["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("from_ts 2026-11-20T09:30:00Z"), "{text}");
    let short = serde_json::to_value(mcp::server_info()).unwrap();
    assert_eq!(got["_meta"][mcp::SERVER_INFO_KEY], short);
    // Nothing of the newer protocol.
    assert_eq!(got.get("resultType"), None);
    for params in [json!({"name": "guess"}), json!({"name": "diagnose_call"})] {
        let error = server.ask("prompts/get", params).await["error"].take();
        assert_eq!(error["code"], -32602, "{error}");
    }
}

#[tokio::test]
async fn stdio_call_is_logged_and_says_which_arguments_were_ignored() {
    let mut server = StdioServer::start();
    server.initialize().await;
    let mut arguments = export();
    arguments["url"] = json!("http://evil.example");
    arguments["profiles"] = Value::Null;
    let params = json!({"name": "homer_export_pcap", "arguments": arguments});
    let result = server.ask("tools/call", params).await["result"].take();
    let note = "Note: the unknown argument \"url\" was ignored; homer_export_pcap takes callid, \
                also_callids, from_ts, to_ts, profiles.";
    let blocks = result["content"].as_array().unwrap();
    assert!(
        blocks.contains(&json!({"type": "text", "text": note})),
        "{result}"
    );
    let summary = result["structuredContent"]["summary"].as_str().unwrap();
    assert!(summary.ends_with(note), "{summary}");
    let said = tokio::time::timeout(TIMEOUT, server.said.next_line()).await;
    let line = said.unwrap().unwrap().unwrap();
    assert!(line.contains(" ok call_id="), "{line}");
    assert!(line.ends_with(" client=\"test\" version=\"1.2\""), "{line}");
}
