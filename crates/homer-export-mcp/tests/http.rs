//! The server over streamable HTTP: both protocols, authorization, and limits.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const CALL: &str = "udp-normal-1@192.0.2.10";
const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;

/// A server on a port of its own. It ends when this is dropped.
struct Server {
    child: Child,
    url: String,
}

fn program(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export-mcp"));
    command
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    // A file is no directory, so that no test leaves a token in the directory of the user.
    if env.iter().all(|(name, _)| *name != "XDG_STATE_HOME") {
        command.env("XDG_STATE_HOME", env!("CARGO_BIN_EXE_homer-export-mcp"));
    }
    command
}

impl Server {
    async fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["--http", "127.0.0.1:0"], args].concat();
        let is_guarded = env.iter().any(|(name, _)| *name == "HOMER_MCP_TOKEN");
        let open = [("HOMER_MCP_OPEN", "1")];
        let env = [env, if is_guarded { &[] } else { &open }].concat();
        let mut child = program(&args, &env).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.next_line().await.unwrap().unwrap();
        let url = line
            .strip_prefix("homer-export-mcp: MCP at ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_string();
        Self { child, url }
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: &str,
    ) -> (http::response::Parts, String) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request: Request<Full<Bytes>> = request
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let response: Response<_> = client.request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(Duration::from_secs(20), body.collect())
            .await
            .unwrap()
            .unwrap();
        (head, String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    /// A request with the header fields of an MCP client, and these.
    fn request(&self, fields: &[(&str, &str)]) -> http::request::Builder {
        let request = Request::post(&self.url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    /// Sends a request of the stateless protocol, and returns its response.
    async fn ask(
        &self,
        method: &str,
        params: Value,
        fields: &[(&str, &str)],
    ) -> (http::response::Parts, Value) {
        let mut params = params;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        });
        let name = params["name"]
            .as_str()
            .or(params["uri"].as_str())
            .map(str::to_string);
        let mut all = vec![
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", method),
        ];
        all.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
        all.extend(fields);
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let (head, body) = self.send(self.request(&all), &body).await;
        (head, last_message(&body))
    }
}

/// The last message of a body, in JSON or as events.
fn last_message(body: &str) -> Value {
    let mut data = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| !data.is_empty());
    serde_json::from_str(data.next_back().unwrap_or(body)).unwrap_or(Value::Null)
}

fn export() -> Value {
    let arguments = json!({"callid": CALL, "from_ts": FROM, "to_ts": TO});
    json!({"name": "homer_export_pcap", "arguments": arguments})
}

#[tokio::test]
async fn http_reads_ladders_and_compares_calls() {
    let server = Server::start(&["--demo"], &[]).await;
    let ladder = json!({
        "callid": CALL, "from_ts": FROM, "to_ts": TO, "method": "BYE", "to_packet": 6,
        "call_id": "misspelled",
    });
    let asked = json!({"name": "homer_read_ladder", "arguments": ladder});
    let (_, read) = server.ask("tools/call", asked, &[]).await;
    let text = read["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Rows 1 to 1 of 1; "), "{text}");
    assert!(text.contains("\n6 "), "{text}");
    let note = read["result"]["content"][1]["text"].as_str().unwrap();
    assert!(
        note.starts_with("Note: the unknown argument \"call_id\" was ignored; homer_read_ladder"),
        "{note}"
    );
    assert_eq!(read["result"].get("structuredContent"), None);
    let calls = json!({
        "callid_a": "busy@demo", "callid_b": CALL,
        "from_ts": "2026-11-20T14:00:00Z", "to_ts": "2026-11-20T15:00:00Z",
        "from_ts_b": FROM, "to_ts_b": TO,
    });
    let asked = json!({"name": "homer_compare_calls", "arguments": calls});
    let (_, compared) = server.ask("tools/call", asked, &[]).await;
    let text = compared["result"]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("\n1. Final status: A \"486\", B \"200\"\n"),
        "{text}"
    );
}

#[tokio::test]
async fn http_serves_the_stateless_protocol() {
    let server = Server::start(&["--demo"], &[]).await;
    let (_, discovered) = server.ask("server/discover", json!({}), &[]).await;
    let versions = discovered["result"]["supportedVersions"]
        .as_array()
        .unwrap_or_else(|| panic!("{discovered}"));
    assert!(versions.contains(&json!("2026-07-28")), "{discovered}");
    assert_eq!(
        (
            &discovered["result"]["ttlMs"],
            &discovered["result"]["cacheScope"]
        ),
        (&json!(3_600_000), &json!("public"))
    );
    let (_, listed) = server.ask("tools/list", json!({}), &[]).await;
    let result = &listed["result"];
    assert_eq!(result["tools"].as_array().unwrap().len(), 5);
    assert_eq!(
        (&result["ttlMs"], &result["cacheScope"]),
        (&json!(3_600_000), &json!("public"))
    );
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "homer-export-mcp"
    );
    let (_, exported) = server.ask("tools/call", export(), &[]).await;
    assert_eq!(exported["result"]["structuredContent"]["size_bytes"], 3311);
    assert_eq!(exported["result"]["resultType"], "complete");
    let uri = exported["result"]["structuredContent"]["resource_uri"].clone();
    let (_, read) = server
        .ask("resources/read", json!({ "uri": uri }), &[])
        .await;
    assert_eq!(
        read["result"]["contents"][0]["blob"]
            .as_str()
            .unwrap()
            .len(),
        3311_usize.div_ceil(3) * 4
    );
    assert_eq!(
        (&read["result"]["ttlMs"], &read["result"]["cacheScope"]),
        (&json!(0), &json!("private"))
    );
    let (_, listed) = server.ask("prompts/list", json!({}), &[]).await;
    assert_eq!(listed["result"]["prompts"][0]["name"], "diagnose_call");
    assert_eq!(listed["result"]["ttlMs"], 3_600_000);
    let prompt = json!({"name": "diagnose_call", "arguments": {"callid": CALL}});
    let (_, got) = server.ask("prompts/get", prompt, &[]).await;
    assert_eq!(got["result"]["resultType"], "complete");
    assert_eq!(got["result"]["messages"][0]["role"], "user");
    let details = &discovered["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(details["title"], "Homer call export");
    let (_, missing) = server
        .ask("resources/read", json!({"uri": "file:///etc/passwd"}), &[])
        .await;
    assert_eq!(missing["error"]["code"], -32602, "{missing}");
}

#[tokio::test]
async fn http_serves_clients_that_initialize() {
    let server = Server::start(&["--demo"], &[]).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let (head, body) = server
        .send(server.request(&[]), &initialize.to_string())
        .await;
    let initialized = last_message(&body);
    assert_eq!(initialized["result"]["protocolVersion"], "2025-06-18");
    let session = head.headers["mcp-session-id"].to_str().unwrap().to_string();
    let fields = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-06-18"),
    ];
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert_eq!(
        server
            .send(server.request(&fields), &notification)
            .await
            .0
            .status,
        202
    );
    let call =
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": export()}).to_string();
    let exported = last_message(&server.send(server.request(&fields), &call).await.1);
    assert_eq!(
        exported["result"]["structuredContent"]["delivery"],
        "embedded"
    );
    // Nothing of the newer protocol.
    assert_eq!(exported["result"].get("resultType"), None);
}

#[tokio::test]
async fn http_requires_the_token() {
    let server = Server::start(&["--demo"], &[("HOMER_MCP_TOKEN", "s3cret-of-callers")]).await;
    let (head, listed) = server
        .ask(
            "tools/list",
            json!({}),
            &[("Authorization", "bearer s3cret-of-callers")],
        )
        .await;
    assert_eq!(
        (
            head.status.as_u16(),
            listed["result"]["tools"].as_array().map(Vec::len)
        ),
        (200, Some(5))
    );
    for fields in [
        &[][..],
        &[("Authorization", "Bearer s3cret-of-callerS")],
        &[("Authorization", "Basic s3cret-of-callers")],
        &[
            ("Authorization", "Bearer s3cret-of-callers"),
            ("Authorization", "Bearer another"),
        ],
    ] {
        let (head, response) = server.ask("tools/list", json!({}), fields).await;
        assert_eq!((head.status.as_u16(), response), (401, Value::Null));
        let scheme = head.headers["www-authenticate"].to_str().unwrap();
        assert!(scheme.starts_with("Bearer"), "{scheme}");
    }
}

#[tokio::test]
async fn http_rejects_other_origins_and_hosts() {
    let pages = [(
        "HOMER_MCP_ORIGINS",
        "https://app.example.net, http://intranet:8080",
    )];
    let server = Server::start(&["--demo", "--http-host", "homer.example.net"], &pages).await;
    for (field, value, status) in [
        ("Origin", "https://app.example.net", 200),
        ("Origin", "http://app.example.net", 403),
        ("Origin", "http://intranet:8080", 200),
        ("Origin", "http://intranet", 403),
        ("Origin", "http://localhost:5173", 200),
        ("Origin", "https://homer.example.net:8443", 200),
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
        ("Host", "homer.example.net", 200),
        ("Host", "evil.example", 403),
    ] {
        let (head, _) = server.ask("tools/list", json!({}), &[(field, value)]).await;
        assert_eq!(head.status.as_u16(), status, "{field}: {value}");
    }
}

#[tokio::test]
async fn http_sends_cors_fields_to_allowed_origins() {
    let env = [
        ("HOMER_MCP_TOKEN", "s3cret-of-callers"),
        ("HOMER_MCP_ORIGINS", "https://app.example.net"),
    ];
    let server = Server::start(&["--demo"], &env).await;
    for (origin, status) in [
        ("https://app.example.net", 204),
        ("https://evil.example", 403),
    ] {
        let request = Request::options(&server.url).header("Origin", origin);
        // Browsers send a preflight request without the token.
        let (head, _) = server
            .send(request.header("Access-Control-Request-Method", "POST"), "")
            .await;
        let allowed = head
            .headers
            .get("access-control-allow-origin")
            .map(|value| value.to_str().unwrap().to_string());
        assert_eq!(
            (head.status.as_u16(), allowed.as_deref()),
            (status, (status == 204).then_some(origin))
        );
        let fields = head
            .headers
            .get("access-control-allow-headers")
            .map(|value| value.to_str().unwrap().to_string());
        assert_eq!(
            fields.is_some_and(|fields| fields.contains("authorization")),
            status == 204
        );
    }
    let page = ("Origin", "https://app.example.net");
    let (head, _) = server
        .ask(
            "tools/list",
            json!({}),
            &[page, ("Authorization", "Bearer s3cret-of-callers")],
        )
        .await;
    assert_eq!(
        (
            head.status.as_u16(),
            &head.headers["access-control-allow-origin"]
        ),
        (200, &http::HeaderValue::from_static(page.1))
    );
    // A page can also read why its request was rejected.
    let (head, _) = server.ask("tools/list", json!({}), &[page]).await;
    assert_eq!(
        (
            head.status.as_u16(),
            &head.headers["access-control-allow-origin"]
        ),
        (401, &http::HeaderValue::from_static(page.1))
    );
}

#[tokio::test]
async fn http_rejects_invalid_requests_and_goes_on() {
    let server = Server::start(&["--demo"], &[]).await;
    let large = format!(
        "{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"{}\"}}",
        "x".repeat(300_000)
    );
    let (head, _) = server.send(server.request(&[]), &large).await;
    assert_eq!(head.status, 413);
    let (head, _) = server.send(server.request(&[]), "{nonsense").await;
    assert_eq!(head.status, 400);
    let (head, _) = server
        .send(Request::get(server.url.replace("/mcp", "/etc/passwd")), "")
        .await;
    assert_eq!(head.status, 404);
    let (_, exported) = server.ask("tools/call", export(), &[]).await;
    assert_eq!(exported["result"]["structuredContent"]["size_bytes"], 3311);
}

#[tokio::test]
async fn http_client_that_disconnects_ends_its_export() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let homer = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", homer.local_addr().unwrap());
    let server = Server::start(&[], &[("HOMER_URL", &url)]).await;
    let mut params = export();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let address = server
        .url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/mcp")
        .unwrap();
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: homer_export_pcap\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut connection, _) = homer.accept().await.unwrap();
    connection.read_exact(&mut [0; 4]).await.unwrap();
    drop(client);
    let mut rest = Vec::new();
    // The server notices it at the next comment on the event stream.
    tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn http_beyond_loopback_requires_a_token() {
    let output = program(&["--demo", "--http", "0.0.0.0:0"], &[])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1)
            && said.contains("HOMER_MCP_TOKEN is not set, but others can reach this"),
        "{said}"
    );
    for (env, why) in [
        (
            [("HOMER_MCP_TOKEN", "a b"), ("X", "")],
            "HOMER_MCP_TOKEN contains a space",
        ),
        (
            [
                ("HOMER_MCP_TOKEN", "s3cret-of-callers"),
                ("HOMER_MCP_OPEN", "1"),
            ],
            "HOMER_MCP_TOKEN and HOMER_MCP_OPEN are both set",
        ),
        (
            [("HOMER_MCP_TOKEN", "fifteen-letters"), ("X", "")],
            "HOMER_MCP_TOKEN has 15 characters, and could be guessed",
        ),
        (
            [("HOMER_MCP_OPEN", "yes"), ("X", "")],
            "HOMER_MCP_OPEN is \"yes\", expected 1",
        ),
        (
            [("HOMER_MCP_TOKEN", "${user_config.token}"), ("X", "")],
            "HOMER_MCP_TOKEN is a placeholder",
        ),
        (
            [
                ("HOMER_MCP_ORIGINS", "app.example.net"),
                ("HOMER_MCP_OPEN", "1"),
            ],
            "HOMER_MCP_ORIGINS has an invalid entry",
        ),
        (
            [("HOMER_MCP_TOKEN", "a"), ("HOMER_MCP_TOKEN_FILE", "b")],
            "are both set",
        ),
        (
            [("HOMER_MCP_TOKEN_FILE", "/nonexistent"), ("X", "")],
            "HOMER_MCP_TOKEN_FILE: cannot read /nonexistent",
        ),
    ] {
        let output = program(&["--demo", "--http", "127.0.0.1:0"], &env)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && said.contains(why),
            "{said}"
        );
    }
}

/// A server on a loopback address with this state directory, and the lines that it prints at its
/// start.
#[cfg(unix)]
async fn start_without_settings(state: &str) -> (Vec<String>, Child, String) {
    let args = ["--demo", "--http", "127.0.0.1:0"];
    let mut child = program(&args, &[("XDG_STATE_HOME", state)])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said
        .iter()
        .any(|line: &String| line.contains("HOMER_MCP_OPEN=1"))
    {
        said.push(lines.next_line().await.unwrap().unwrap());
    }
    let url = said[0].strip_prefix("homer-export-mcp: MCP at ").unwrap();
    let url = url.to_string();
    (said, child, url)
}

#[cfg(unix)]
#[tokio::test]
async fn http_on_loopback_makes_a_token_and_requires_it() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_str().unwrap();
    let (said, child, url) = start_without_settings(state).await;
    let token = said[1].rsplit(' ').next().unwrap().to_string();
    assert_eq!(token.len(), 43, "{said:?}");
    let path = format!("{state}/homer-export/mcp-token");
    assert!(said[2].contains(&path), "{said:?}");
    let stored = std::fs::read_to_string(&path).unwrap();
    assert_eq!(stored.trim(), token);
    let mode = std::fs::metadata(&path).unwrap().permissions();
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode);
    assert_eq!(mode & 0o777, 0o600);
    let server = Server { child, url };
    let bearer = format!("Bearer {token}");
    for (fields, status) in [
        (&[][..], 401),
        (&[("Authorization", "Bearer another-token-of-a-user")], 401),
        (&[("Authorization", bearer.as_str())], 200),
    ] {
        let (head, _) = server.ask("tools/list", json!({}), fields).await;
        assert_eq!(head.status.as_u16(), status);
    }
    // The token stays, and is not shown again.
    let (said, child, url) = start_without_settings(state).await;
    assert!(said.iter().all(|line| !line.contains(&token)), "{said:?}");
    assert!(said[1].contains(&path), "{said:?}");
    let server = Server { child, url };
    let (head, _) = server
        .ask("tools/list", json!({}), &[("Authorization", &bearer)])
        .await;
    assert_eq!(head.status, 200);
}

#[tokio::test]
async fn http_without_a_place_for_a_token_says_what_to_set() {
    let args = ["--demo", "--http", "127.0.0.1:0"];
    let output = program(&args, &[]).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("callers need a token, and the server cannot make one: ")
            && said.contains("set HOMER_MCP_TOKEN")
            && said.contains("HOMER_MCP_OPEN=1"),
        "{said}"
    );
}

/// Sends bytes on a new connection, and returns the status of the response.
async fn status_of(url: &str, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = url.strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/mcp").unwrap();
    let request = request.replace("ADDRESS", address);
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = client.read_to_end(&mut response);
    let _ = tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap();
    let response = String::from_utf8_lossy(&response).into_owned();
    response.get(9..12).unwrap_or_default().to_string()
}

#[tokio::test]
async fn http_requires_one_host_that_is_that_of_the_target() {
    let server = Server::start(&["--demo"], &[]).await;
    let health = "Connection: close\r\n\r\n";
    for (head, status) in [
        ("GET /mcp HTTP/1.1\r\nHost: ADDRESS\r\n", "406"),
        (
            "GET http://ADDRESS/mcp HTTP/1.1\r\nHost: ADDRESS\r\n",
            "406",
        ),
        ("GET /mcp HTTP/1.1\r\n", "400"),
        (
            "GET /mcp HTTP/1.1\r\nHost: ADDRESS\r\nHost: evil.example\r\n",
            "400",
        ),
        ("GET /mcp HTTP/1.1\r\nHost: x@ADDRESS\r\n", "400"),
        (
            "GET http://evil.example/mcp HTTP/1.1\r\nHost: ADDRESS\r\n",
            "400",
        ),
        (
            "GET http://ADDRESS/mcp HTTP/1.1\r\nHost: evil.example\r\n",
            "400",
        ),
    ] {
        let got = status_of(&server.url, &format!("{head}{health}")).await;
        assert_eq!(got, status, "{head}");
    }
}

#[tokio::test]
async fn http_rejects_json_that_is_no_json_rpc() {
    let server = Server::start(&["--demo"], &[]).await;
    for (body, id, why) in [
        ("[]", Value::Null, "the request must be one JSON-RPC object"),
        (
            "null",
            Value::Null,
            "the request must be one JSON-RPC object",
        ),
        ("{\"id\": 7}", json!(7), "jsonrpc must be \"2.0\""),
        (
            "{\"jsonrpc\": \"2.0\", \"id\": 7}",
            json!(7),
            "method is missing",
        ),
    ] {
        let (head, text) = server.send(server.request(&[]), body).await;
        assert_eq!(head.status, 400, "{body}");
        assert_eq!(head.headers["content-type"], "application/json");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&error["id"], &error["error"]["code"]),
            (&id, &json!(-32600))
        );
        assert_eq!(error["error"]["message"], why);
    }
}

#[tokio::test]
async fn http_connections_that_send_nothing_make_room() {
    let server = Server::start(&["--demo"], &[]).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/mcp").unwrap();
    let mut silent = Vec::new();
    // A process may have 1024 open files.
    for _ in 0..600 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let (head, _) = server.ask("tools/list", json!({}), &[]).await;
    assert_eq!(head.status, 200);
    // The oldest one was closed.
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent[0], &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn http_beyond_loopback_is_open_if_configured() {
    let args = ["--demo", "--http", "0.0.0.0:0"];
    let mut child = program(&args, &[("HOMER_MCP_OPEN", "1")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .next_line()
        .await
        .unwrap()
        .unwrap();
    assert!(
        line.starts_with("homer-export-mcp: MCP at http://0.0.0.0:"),
        "{line}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn http_exits_successfully_on_a_signal() {
    let mut server = Server::start(&["--demo"], &[]).await;
    let id = server.child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap()
            .success()
    );
    let ended = tokio::time::timeout(Duration::from_secs(10), server.child.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn http_survives_a_thousand_calls_at_once() {
    let server = Server::start(&["--demo"], &[("HOMER_MAX_CONCURRENT", "8")]).await;
    let server = std::sync::Arc::new(server);
    // A process may have 1024 open files.
    let connections = std::sync::Arc::new(tokio::sync::Semaphore::new(500));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (server, connections) = (
            std::sync::Arc::clone(&server),
            std::sync::Arc::clone(&connections),
        );
        calls.spawn(async move {
            let _permit = connections.acquire().await.unwrap();
            let (_, exported) = server.ask("tools/call", export(), &[]).await;
            let result = &exported["result"];
            match result["isError"] == json!(true) {
                true => {
                    let text = result["content"][0]["text"].as_str().unwrap().to_string();
                    assert!(
                        text.starts_with("busy: the server is handling 64 calls"),
                        "{text}"
                    );
                    0
                }
                false => {
                    assert_eq!(
                        result["structuredContent"]["size_bytes"], 3311,
                        "{exported}"
                    );
                    1
                }
            }
        });
    }
    let mut served = 0;
    while let Some(call) = calls.join_next().await {
        served += call.unwrap();
    }
    assert!(served >= 64, "only {served} of 1000");
    let (_, exported) = server.ask("tools/call", export(), &[]).await;
    assert_eq!(exported["result"]["structuredContent"]["size_bytes"], 3311);
}

/// The resident memory of a process in MiB.
#[cfg(target_os = "linux")]
fn resident_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024
}

/// 64 clients ask for a capture of 6 MB each, which is 8 MB in base64, and do not read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn http_responses_that_nobody_reads_take_bounded_memory() {
    use tokio::io::AsyncWriteExt as _;

    let homer = fake_homer::FakeHomer::with_capture(fake_homer::large_capture(1900));
    let homer = homer.await.unwrap();
    let args = ["--result-mode", "embed", "--inline-limit", "6291456"];
    let server = Server::start(&args, &[("HOMER_URL", &homer.url())]).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/mcp").unwrap();
    let process = server.child.id().unwrap();
    let before = resident_mib(process);
    let mut clients = Vec::new();
    for number in 0..64 {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "homer_export_pcap",
            "arguments": {
                "callid": "000000000000@192.0.2.10",
                // Another window each time, so that none is in the cache.
                "from_ts": FROM + number,
                "to_ts": TO,
            },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        }})
        .to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
             Mcp-Name: homer_export_pcap\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        clients.push(client);
    }
    let mut peak = 0;
    // Until the memory has not grown for two seconds.
    let mut unchanged = 0;
    while unchanged < 20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = resident_mib(process);
        unchanged = if now > peak { 0 } else { unchanged + 1 };
        peak = peak.max(now);
    }
    // A release build has 14 MiB before.
    let grown = peak - before;
    assert!(grown <= 136, "{grown} MiB");
    drop(clients);
}
