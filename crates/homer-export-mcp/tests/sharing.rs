//! Identical calls of `homer-export-mcp` at the same time. Homer holds their requests until the
//! test lets them go, so that nothing here depends on time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::process::Stdio;

use fake_homer::{DEMO_CALL_ID, DEMO_WINDOW_MS, FakeHomer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// A server, over standard input and output.
struct Server {
    homer: FakeHomer,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    files: tempfile::TempDir,
    _child: Child,
}

impl Server {
    /// Captures go into files if `files` is set.
    async fn start(files: bool) -> Self {
        let homer = FakeHomer::start().await.unwrap();
        homer.hold("");
        let directory = tempfile::tempdir().unwrap();
        let mut command = program::command(&homer);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if files {
            command.env("HOMER_OUTPUT_DIR", directory.path());
        }
        let mut child = command.spawn().unwrap();
        let mut server = Self {
            homer,
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            log: BufReader::new(child.stderr.take().unwrap()).lines(),
            files: directory,
            _child: child,
        };
        let parameters = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        server
            .send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": parameters}))
            .await;
        assert_eq!(server.read().await["id"], 0);
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        server.send(&initialized).await;
        server
    }

    async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Calls a tool, and returns once the call waits for Homer.
    async fn begin(&mut self, id: u64, tool: &str, arguments: &Value) {
        self.send(&json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": {"progressToken": id}},
        }))
        .await;
        loop {
            let message = self.read().await;
            let parameters = &message["params"];
            if parameters["progressToken"] == id && parameters["message"] == "waiting for Homer" {
                return;
            }
        }
    }

    async fn cancel(&mut self, id: u64) {
        let method = "notifications/cancelled";
        let parameters = json!({"requestId": id});
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": parameters}))
            .await;
        // The call is over once it is logged.
        while let Some(line) = self.log.next_line().await.unwrap() {
            if line.contains("cancelled") {
                return;
            }
        }
    }

    /// The result of the call that ends next, and its identity.
    async fn end(&mut self) -> (u64, Value) {
        loop {
            let message = self.read().await;
            if let Some(id) = message["id"].as_u64() {
                return (id, message["result"].clone());
            }
        }
    }

    fn saved(&self) -> usize {
        let entries = std::fs::read_dir(self.files.path()).unwrap();
        entries
            .filter(|entry| {
                let path = entry.as_ref().unwrap().path();
                path.extension()
                    .is_some_and(|extension| extension == "pcap")
            })
            .count()
    }
}

const EXPORT: &str = "homer_export_pcap";

/// Requests to Homer of one export: one for each default profile.
const REQUESTS: usize = 3;

fn export() -> Value {
    let (from, to) = DEMO_WINDOW_MS;
    json!({"callid": DEMO_CALL_ID, "from_ts": from, "to_ts": to})
}

#[tokio::test]
async fn identical_exports_share_one_request() {
    let mut server = Server::start(false).await;
    server.begin(1, EXPORT, &export()).await;
    server.begin(2, EXPORT, &export()).await;
    server.homer.let_go(100);
    let (first, second) = (server.end().await, server.end().await);
    assert_eq!(first.0 + second.0, 3);
    assert_eq!(first.1["structuredContent"]["size_bytes"], 3311);
    assert_eq!(first.1, second.1);
    assert_eq!(server.homer.exports(), REQUESTS);
    // It has ended, so that the next one asks Homer anew.
    server.begin(3, EXPORT, &export()).await;
    assert_eq!(server.end().await.0, 3);
    assert_eq!(server.homer.exports(), 2 * REQUESTS);
}

#[tokio::test]
async fn exports_of_different_windows_share_nothing() {
    let mut server = Server::start(false).await;
    let mut other = export();
    other["to_ts"] = json!(DEMO_WINDOW_MS.1 + 1);
    server.begin(1, EXPORT, &export()).await;
    server.begin(2, EXPORT, &other).await;
    server.homer.let_go(100);
    assert_eq!(server.end().await.0 + server.end().await.0, 3);
    assert_eq!(server.homer.exports(), 2 * REQUESTS);
}

#[tokio::test]
async fn identical_exports_get_a_file_each() {
    let mut server = Server::start(true).await;
    server.begin(1, EXPORT, &export()).await;
    server.begin(2, EXPORT, &export()).await;
    server.homer.let_go(100);
    let (first, second) = (server.end().await.1, server.end().await.1);
    let path = |result: &Value| {
        let path = &result["structuredContent"]["file_path"];
        path.as_str().unwrap().to_string()
    };
    assert_ne!(path(&first), path(&second));
    assert_eq!(
        std::fs::read(path(&first)).unwrap(),
        std::fs::read(path(&second)).unwrap()
    );
    assert_eq!((server.saved(), server.homer.exports()), (2, REQUESTS));
}

#[tokio::test]
async fn cancelled_call_does_not_end_the_export_of_another_one() {
    let mut server = Server::start(false).await;
    server.begin(1, EXPORT, &export()).await;
    server.begin(2, EXPORT, &export()).await;
    // The first one began the export.
    server.cancel(1).await;
    server.homer.let_go(100);
    let (id, result) = server.end().await;
    assert_eq!(id, 2);
    assert_eq!(result["structuredContent"]["size_bytes"], 3311);
    assert_eq!(server.homer.exports(), REQUESTS);
}

#[tokio::test]
async fn cancelled_calls_end_their_export_together() {
    let mut server = Server::start(false).await;
    server.begin(1, EXPORT, &export()).await;
    server.begin(2, EXPORT, &export()).await;
    server.homer.until_open(2).await;
    server.cancel(1).await;
    server.cancel(2).await;
    // The connections to Homer are closed.
    server.homer.until_open(0).await;
    assert_eq!(server.homer.exports(), 2);
}

#[tokio::test]
async fn identical_exports_share_an_error() {
    let mut server = Server::start(false).await;
    let mut unknown = export();
    unknown["callid"] = json!("nobody@nowhere");
    server.begin(1, EXPORT, &unknown).await;
    server.begin(2, EXPORT, &unknown).await;
    server.homer.let_go(100);
    let (first, second) = (server.end().await.1, server.end().await.1);
    assert_eq!(first["isError"], true);
    assert_eq!(first, second);
    assert_eq!(server.homer.exports(), REQUESTS);
}

#[tokio::test]
async fn identical_searches_share_one_request() {
    let mut server = Server::start(false).await;
    let (from, to) = DEMO_WINDOW_MS;
    let filter = json!({"from_ts": from, "to_ts": to, "party": "alice", "status": "2xx"});
    let mut other = filter.clone();
    other["party"] = json!("bob");
    server.begin(1, "homer_find_calls", &filter).await;
    server.begin(2, "homer_find_calls", &filter).await;
    server.homer.let_go(100);
    let (first, second) = (server.end().await.1, server.end().await.1);
    assert_eq!(first, second);
    // As many requests as the same search alone.
    let shared = server.homer.searches();
    server.begin(3, "homer_find_calls", &filter).await;
    assert_eq!(server.end().await.0, 3);
    assert_eq!(server.homer.searches(), 2 * shared);
    // Another filter is another search.
    server.begin(4, "homer_find_calls", &other).await;
    assert_eq!(server.end().await.0, 4);
    assert!(server.homer.searches() > 2 * shared);
}
