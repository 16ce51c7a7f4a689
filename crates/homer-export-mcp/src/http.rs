//! The streamable HTTP transport, at `/mcp`.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use homer_export::CallerPolicy;
use homer_export::http_auth::page_may_read;
use homer_export::mcp::MAX_REQUEST;
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use crate::server::Server;
use crate::turns::Turns;

/// An HTTP response.
type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The path that speaks MCP.
const PATH: &str = "/mcp";

/// Connections at once.
const MAX_CONNECTIONS: usize = 512;

/// Sessions of clients that initialize, at once; each has a task, and what was last sent in it.
const MAX_SESSIONS: usize = 128;

/// How long a client is waited for.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For the header of a request, and then for its body.
    request: Duration,
    /// For it to read.
    read: Duration,
}

const PATIENCE: Patience = Patience {
    request: Duration::from_secs(15),
    read: Duration::from_secs(30),
};

/// How long an answer is kept for a client of a session that lost its connection meanwhile; they
/// come back after three seconds.
const COMPLETED: Duration = Duration::from_secs(10);

/// How often a stream of events shows that it is alive, which is when a client that has left is
/// noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// How long connections may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Who may call, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    http_auth: CallerPolicy,
    /// Names of this server beside those of loopback.
    hosts: Vec<String>,
    patience: Patience,
}

impl Door {
    /// The door of a server at `address`, which is also known by the names `hosts`.
    pub(crate) fn new(
        address: SocketAddr,
        http_auth: CallerPolicy,
        mut hosts: Vec<String>,
    ) -> Self {
        if !address.ip().is_loopback() && !address.ip().is_unspecified() {
            hosts.push(address.ip().to_string());
        }
        Self {
            http_auth: http_auth.with_hosts(hosts.clone()),
            hosts,
            patience: PATIENCE,
        }
    }

    /// What the protocol's own transport is told; whether a page may call is looked at before,
    /// here.
    fn config(&self) -> StreamableHttpServerConfig {
        let loopback = ["localhost", "127.0.0.1", "[::1]", "::1"];
        let hosts = loopback
            .iter()
            .copied()
            .chain(self.hosts.iter().map(String::as_str));
        StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_max_request_body_bytes(MAX_REQUEST)
            .with_sse_keep_alive(Some(KEEP_ALIVE))
    }

    /// Why a request does not reach the protocol; none if it does.
    fn refusal(&self, request: &Parts) -> Option<Answer> {
        let values = |name: &str| {
            request
                .headers
                .get_all(name)
                .iter()
                .map(HeaderValue::as_bytes)
                .collect::<Vec<_>>()
        };
        if let Err(gate) = self.http_auth.gate(request.method.as_str(), values) {
            let mut answer = refused(gate.status, gate.text);
            set(&mut answer, gate.fields.iter().copied());
            return Some(answer);
        }
        (request.uri.path() != PATH).then(|| refused(404, "MCP is spoken at /mcp"))
    }
}

/// The transport, and what it is not to have too much of.
struct Service {
    door: Door,
    mcp: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    turns: Turns,
}

impl Service {
    /// The answer, which a page that may call is let read.
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let origin = request.headers().get(ORIGIN).cloned();
        let mut answer = self.answer_any(request).await;
        let page = origin.filter(|origin| self.door.http_auth.allows(Some(origin.as_bytes())));
        if let Some(origin) = page.as_ref().and_then(|origin| origin.to_str().ok()) {
            set(
                &mut answer,
                page_may_read(origin)
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            );
        }
        answer
    }

    async fn answer_any(&self, request: Request<Incoming>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if let Some(refusal) = self.door.refusal(&parts) {
            return refusal;
        }
        let patience = self.door.patience.request;
        let body =
            match tokio::time::timeout(patience, Limited::new(body, MAX_REQUEST).collect()).await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(why)) if why.is::<LengthLimitError>() => {
                    return refused(413, "a request here has at most 256 KiB");
                }
                Ok(Err(_)) => return refused(400, "the request broke off"),
                Err(_) => return refused(408, "the request did not come in time"),
            };
        if parts.method != Method::POST {
            // A stream of events without a request, or the end of a session.
            return self
                .mcp
                .handle(Request::from_parts(parts, Full::new(body)))
                .await;
        }
        // To the transport beneath, this is a wrong media type.
        let Ok(message) = serde_json::from_slice::<Value>(&body) else {
            let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the request is not JSON"}}"#;
            let mut answer = refused(400, error);
            set(
                &mut answer,
                [("content-type", "application/json")].into_iter(),
            );
            return answer;
        };
        if is_initialize(&parts, &message)
            && self.sessions.sessions.read().await.len() >= MAX_SESSIONS
        {
            let text = "as many sessions as this server keeps are open; they end with DELETE, or after five minutes";
            return refused(503, text);
        }
        // Taken here and not where the tool runs, and given back when the answer has gone out: that
        // is when its memory is free.
        let turn = self.turns.take();
        if let Some(turn) = &turn {
            parts.extensions.insert(turn.clone());
        }
        self.mcp
            .handle(Request::from_parts(parts, Full::new(body)))
            .await
            .map(|body| {
                body.map_frame(move |frame| {
                    let _ = &turn;
                    frame
                })
                .boxed()
            })
    }
}

/// Whether a session would begin with this.
fn is_initialize(parts: &Parts, message: &Value) -> bool {
    !parts.headers.contains_key("mcp-session-id") && message["method"] == "initialize"
}

/// Sets header fields.
fn set<'a>(answer: &mut Answer, fields: impl Iterator<Item = (&'static str, &'a str)>) {
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    }
}

fn refused(status: u16, text: &'static str) -> Answer {
    let body = if text.is_empty() {
        Bytes::new()
    } else {
        Bytes::from(format!("{text}\n"))
    };
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !text.is_empty() {
        set(
            &mut response,
            [("content-type", "text/plain; charset=utf-8")].into_iter(),
        );
    }
    response
}

/// Serves until `end` comes, then lets what runs finish within two seconds.
///
/// # Errors
/// If the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    server: Server,
    door: Door,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let config = door.config();
    let patience = door.patience;
    let stop = config.cancellation_token.clone();
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.completed_cache_ttl = COMPLETED;
    let sessions = Arc::new(sessions);
    let turns = server.turns();
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&sessions), config);
    let service = Arc::new(Service {
        door,
        mcp,
        sessions,
        turns,
    });
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(end);
    loop {
        // Those beyond them wait where the system keeps them.
        let next = async {
            let turn = Arc::clone(&free).acquire_owned().await;
            (turn, listener.accept().await)
        };
        let (turn, accepted) = tokio::select! {
            () = &mut end => break,
            next = next => next,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((socket, _)) = accepted else {
            // Out of file descriptors, perhaps: others end in a while.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = Arc::clone(&service);
        // An answer goes out as it comes: waiting for more would wait for the other side's
        // acknowledgement, 40 ms.
        let _ = socket.set_nodelay(true);
        // A client that does not read what it has asked for is left.
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(patience.read));
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            // A client that leaves is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience.request)
                .serve_connection(TokioIo::new(Box::pin(socket)), service)
                .await;
            drop(turn);
        });
    }
    stop.cancel();
    let _ = tokio::time::timeout(GRACE, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use fake_homer::{FakeHomer, large_capture};
    use homer_export::CallerPolicy;
    use homer_export::tool::{ResultMode, ToolConfig};
    use homer_host::{Exporter, HostConfig};
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::{Door, MAX_SESSIONS, Patience, serve};
    use crate::server::Server;
    use crate::turns::{MAX_CALLS, Turns};

    const PATIENCE: Patience = Patience {
        request: Duration::from_millis(500),
        read: Duration::from_millis(500),
    };

    /// A server with a Homer behind it that has one capture of about 3 MB.
    struct Impatient {
        address: std::net::SocketAddr,
        turns: Turns,
        _homer: FakeHomer,
    }

    async fn impatient() -> Impatient {
        let homer = FakeHomer::with_capture(large_capture(1000)).await.unwrap();
        let configuration =
            HostConfig::from_vars([("HOMER_URL".to_string(), homer.url())]).unwrap();
        let exporter = Exporter::new(configuration.policy()).unwrap();
        let read_bytes = 6 << 20;
        let terms = ToolConfig {
            max_window_hours: 24,
            mode: ResultMode::Embed,
            inline_bytes: read_bytes,
            read_bytes,
            output_dir: false,
            one_request: false,
        };
        let server = Server::new(exporter, terms, None).unwrap();
        let turns = server.turns();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(
            address,
            CallerPolicy::new(None, None, None, true).unwrap(),
            vec![],
        );
        door.patience = PATIENCE;
        tokio::spawn(serve(listener, server, door, std::future::pending()));
        Impatient {
            address,
            turns,
            _homer: homer,
        }
    }

    impl Impatient {
        /// A connection on which this much of a request has been sent.
        async fn send(&self, method: &str, mut params: Value, sent: usize) -> TcpStream {
            if method != "initialize" {
                params["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
            }
            let name = params["name"].as_str().unwrap_or_default().to_string();
            let body =
                json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
            let modern = match method {
                "initialize" => String::new(),
                _ => format!(
                    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: {name}\r\n"
                ),
            };
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: \
                 application/json, text/event-stream\r\n{modern}Content-Length: {}\r\n\r\n",
                self.address,
                body.len()
            );
            let mut client = TcpStream::connect(self.address).await.unwrap();
            client.write_all(head.as_bytes()).await.unwrap();
            client
                .write_all(&body.as_bytes()[..sent.min(body.len())])
                .await
                .unwrap();
            client
        }
    }

    fn export() -> Value {
        let arguments = json!({
            "callid": "000000000000@192.0.2.10", "from_ts": 1_795_168_800_000_i64, "to_ts": 1_795_169_100_000_i64,
        });
        json!({"name": "homer_export_pcap", "arguments": arguments})
    }

    async fn rest(mut client: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A connection that is reset has had its end as well.
        let read =
            tokio::time::timeout(Duration::from_secs(60), client.read_to_end(&mut bytes)).await;
        let _ = read.unwrap();
        bytes
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_request_that_does_not_come_is_not_waited_for() {
        let server = impatient().await;
        let answer = rest(server.send("tools/list", json!({}), 10).await).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 408 "),
            "{}",
            answer.escape_ascii()
        );
        let answer = rest(server.send("tools/list", json!({}), usize::MAX).await).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            answer.escape_ascii()
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_answer_that_is_not_read_holds_its_turn_and_is_given_up() {
        let server = impatient().await;
        let read = rest(server.send("tools/call", export(), usize::MAX).await).await;
        assert!(read.len() > 3_000_000, "{}", read.len());
        let client = server.send("tools/call", export(), usize::MAX).await;
        // The call is over long before; what it holds is its answer.
        while server.turns.free() == MAX_CALLS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while server.turns.free() < MAX_CALLS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = rest(client).await;
        assert!(left.len() < read.len(), "{} of {}", left.len(), read.len());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_sessions_are_bounded() {
        let server = impatient().await;
        let initialize = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        for number in 0..=MAX_SESSIONS {
            let answer = rest(
                server
                    .send("initialize", initialize.clone(), usize::MAX)
                    .await,
            )
            .await;
            let expected = if number < MAX_SESSIONS {
                "HTTP/1.1 200 "
            } else {
                "HTTP/1.1 503 "
            };
            assert!(
                answer.starts_with(expected.as_bytes()),
                "{number}: {}",
                answer.escape_ascii()
            );
        }
        // Clients of the stateless protocol need none.
        let answer = rest(server.send("tools/list", json!({}), usize::MAX).await).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            answer.escape_ascii()
        );
    }
}
