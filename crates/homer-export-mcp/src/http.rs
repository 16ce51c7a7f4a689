//! The streamable HTTP transport, at `/mcp`.
//!
//! rmcp speaks the protocol. Around it, this module does what rmcp leaves to its user: who may
//! call, CORS, and limits on time, size, connections, sessions and calls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use homer_export::CallerPolicy;
use homer_export::mcp::auth::{CallerToken, cors_headers};
use homer_export::mcp::protocol::{HttpBody, HttpResponse, check_message, not_json};
use homer_export::mcp::{MAX_REQUEST_BYTES, REQUEST_INCOMPLETE, request_too_large};
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio_io_timeout::TimeoutStream;

use crate::call_limit::{CallLimit, PermitBody};
use crate::call_log::{CallLog, Caller};
use crate::connections::{Connection, Connections};
use crate::host_field;
use crate::now_ms;
use crate::server::Server;

/// A response in the types of hyper and rmcp.
type HyperResponse = Response<BoxBody<Bytes, Infallible>>;

/// The path of the MCP endpoint.
const PATH: &str = "/mcp";

/// The path that says that the server runs, to whoever asks.
const HEALTH_PATH: &str = "/health";

/// The body of the response at [`HEALTH_PATH`].
const HEALTH: &str = concat!(
    "{\"status\":\"ok\",\"version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\"}\n"
);

/// Sessions at a time, of clients that begin with `initialize`. Each has a task and its last
/// response.
const MAX_SESSIONS: usize = 128;

/// How long the server waits for a client.
#[derive(Clone, Copy, Debug)]
struct ClientTimeouts {
    /// For the header of the first request of a connection. Whoever has a token sends it at once.
    first_header: Duration,
    /// For the header of a further request, and for the body of each.
    request: Duration,
    /// For the client to read more of a response.
    read: Duration,
}

const CLIENT_TIMEOUTS: ClientTimeouts = ClientTimeouts {
    first_header: Duration::from_secs(5),
    request: Duration::from_secs(15),
    read: Duration::from_secs(30),
};

/// How long a session keeps a response for a client that lost its connection: SDK clients reconnect
/// after a few seconds (MCP 2025-11-25, basic/transports, "Resumability and Redelivery").
const COMPLETED_RESPONSE_TTL: Duration = Duration::from_secs(10);

/// The time between two comments on an event stream. Only when one cannot be written does the
/// server notice that a client has left, and cancels its call.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// How long calls may go on after the signal to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The text of the response to a request with another `Host`.
const UNKNOWN_HOST: &str = "the Host of the request is not one of this server's names; use another \
                            name, or let the operator add this one with --http-host NAME";

/// Which callers may use the server, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    callers: CallerPolicy,
    /// Host names of this server, in addition to those of loopback.
    hosts: Vec<String>,
    timeouts: ClientTimeouts,
}

impl HttpConfig {
    /// For a server at `address` that callers also reach under the names `hosts`.
    pub(crate) fn new(address: SocketAddr, callers: CallerPolicy, mut hosts: Vec<String>) -> Self {
        // An unspecified address, such as 0.0.0.0, is not one that callers use.
        if !address.ip().is_loopback() && !address.ip().is_unspecified() {
            hosts.push(address.ip().to_string());
        }
        Self {
            callers: callers.with_hosts(hosts.clone()),
            hosts,
            timeouts: CLIENT_TIMEOUTS,
        }
    }

    /// The configuration of rmcp. rmcp checks `Host`, against DNS rebinding; `Origin` is checked
    /// before, by [`CallerPolicy`], since the component needs the same check.
    fn for_rmcp(&self) -> StreamableHttpServerConfig {
        let loopback = ["localhost", "127.0.0.1", "[::1]", "::1"];
        let hosts = loopback
            .iter()
            .copied()
            .chain(self.hosts.iter().map(String::as_str));
        StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_max_request_body_bytes(MAX_REQUEST_BYTES)
            .with_sse_keep_alive(Some(KEEP_ALIVE))
    }

    /// Whether a request may go on to be read, and the name of its token.
    fn authorize(&self, request: &Parts) -> Result<Option<Arc<str>>, HttpResponse> {
        let values = |name: &str| {
            let values = request.headers.get_all(name).iter();
            values.map(HeaderValue::as_bytes).collect::<Vec<_>>()
        };
        let token = self
            .callers
            .authorize(request.method.as_str(), values, now_ms())?;
        if request.uri.path() != PATH {
            let text = format!("the MCP endpoint is {PATH}");
            return Err(HttpResponse::plain_text(404, &text));
        }
        Ok(token.and_then(CallerToken::name).map(Arc::from))
    }
}

/// The MCP endpoint.
struct Endpoint {
    config: HttpConfig,
    mcp: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    calls: CallLimit,
    log: CallLog,
}

impl Endpoint {
    fn new(server: Server, config: HttpConfig, for_rmcp: StreamableHttpServerConfig) -> Self {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.completed_cache_ttl = COMPLETED_RESPONSE_TTL;
        let sessions = Arc::new(sessions);
        let (calls, log) = (server.call_limit(), server.log());
        let new_server = move || Ok(server.clone());
        let mcp = StreamableHttpService::new(new_server, Arc::clone(&sessions), for_rmcp);
        Self {
            config,
            mcp,
            sessions,
            calls,
            log,
        }
    }

    /// The response, with CORS header fields if it goes to a page that may call. A page that may
    /// call also reads why its request was rejected.
    async fn respond(
        &self,
        request: Request<Incoming>,
        address: SocketAddr,
        connection: &Connection,
    ) -> HyperResponse {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read && request.uri().path() == HEALTH_PATH {
            return health();
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = self
            .respond_to_any(request, address, connection)
            .await
            .unwrap_or_else(to_hyper);
        let origin = origin.filter(|o| self.config.callers.allows_origin(Some(o.as_bytes())));
        if let Some(origin) = origin.as_ref().and_then(|origin| origin.to_str().ok()) {
            for (name, value) in cors_headers(origin) {
                set(&mut response, name, &value);
            }
        }
        response
    }

    /// # Errors
    /// The response that is sent instead of rmcp's.
    async fn respond_to_any(
        &self,
        request: Request<Incoming>,
        address: SocketAddr,
        connection: &Connection,
    ) -> Result<HyperResponse, HttpResponse> {
        let (mut parts, body) = request.into_parts();
        host_field::check(&parts)?;
        let token = self.config.authorize(&parts).inspect_err(|rejected| {
            if let (401 | 403, HttpBody::Text(why)) = (rejected.status, &rejected.body) {
                self.log.rejected(address, rejected.status, why.trim_end());
            }
        })?;
        connection.prove();
        parts.extensions.insert(Caller { address, token });
        let body = self.read(body).await?;
        // GET opens an event stream of a session, DELETE ends the session.
        if parts.method != Method::POST {
            let ends_session = parts.method == Method::DELETE;
            let request = Request::from_parts(parts, Full::new(body));
            let mut response = self.handle(request, address).await?;
            // The session has ended at once. rmcp says that it will, and the Python SDK warns of
            // every status but 200 and 204.
            if ends_session && response.status() == StatusCode::ACCEPTED {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            return Ok(response);
        }
        // rmcp would call both an unsupported media type.
        let message: Value = serde_json::from_slice(&body).map_err(|why| not_json(&why))?;
        check_message(&body)?;
        let begins_session =
            !parts.headers.contains_key("mcp-session-id") && message["method"] == "initialize";
        if begins_session && self.sessions.sessions.read().await.len() >= MAX_SESSIONS {
            let text = format!(
                "the server has {MAX_SESSIONS} open sessions, its maximum; a session ends when \
                 its client sends DELETE, or five minutes after its last request"
            );
            return Err(HttpResponse::plain_text(503, &text));
        }
        // Acquired here and not where the tool runs, so that it can go with the response. The tool
        // finds it in the request.
        let permit = self.calls.try_acquire();
        if let Some(permit) = &permit {
            parts.extensions.insert(permit.clone());
        }
        let request = Request::from_parts(parts, Full::new(body));
        let response = self.handle(request, address).await?;
        Ok(response.map(|body| PermitBody::new(body, permit).boxed()))
    }

    /// rmcp's response.
    ///
    /// # Errors
    /// The response to a request whose `Host` is none of this server's names: rmcp's does not say
    /// what to change.
    async fn handle(
        &self,
        request: Request<Full<Bytes>>,
        address: SocketAddr,
    ) -> Result<HyperResponse, HttpResponse> {
        let response = self.mcp.handle(request).await;
        if response.status() == StatusCode::FORBIDDEN {
            self.log.rejected(address, 403, UNKNOWN_HOST);
            return Err(HttpResponse::plain_text(403, UNKNOWN_HOST));
        }
        Ok(response)
    }

    /// The body of a request, all of it.
    async fn read(&self, body: Incoming) -> Result<Bytes, HttpResponse> {
        let timeout = self.config.timeouts.request;
        let read = Limited::new(body, MAX_REQUEST_BYTES).collect();
        match tokio::time::timeout(timeout, read).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(why)) if why.is::<LengthLimitError>() => {
                Err(HttpResponse::plain_text(413, &request_too_large()))
            }
            Ok(Err(_)) => Err(HttpResponse::plain_text(400, REQUEST_INCOMPLETE)),
            Err(_) => {
                let text = format!(
                    "the request body did not arrive within {} s",
                    timeout.as_secs()
                );
                Err(HttpResponse::plain_text(408, &text))
            }
        }
    }

    /// Serves one connection until it ends, or until `connections` shuts down.
    fn serve_connection(
        self: Arc<Self>,
        socket: TcpStream,
        address: SocketAddr,
        (admitted, evicted): (Connection, oneshot::Receiver<()>),
        connections: &GracefulShutdown,
    ) -> impl Future<Output = ()> + use<> {
        let timeouts = self.config.timeouts;
        // Without it, the last part of a response waits for the acknowledgement of the part before
        // it, which may take 40 ms (Nagle's algorithm, RFC 896, with delayed acknowledgements).
        let _ = socket.set_nodelay(true);
        // A client that stops reading would otherwise hold its response in memory for ever.
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(timeouts.read));
        let admitted = Arc::new(admitted);
        let began = Arc::new(Notify::new());
        let first_request = Arc::clone(&began);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            began.notify_one();
            let (endpoint, admitted) = (Arc::clone(&self), Arc::clone(&admitted));
            async move { Ok::<_, Infallible>(endpoint.respond(request, address, &admitted).await) }
        });
        let no_request = async move {
            let first = first_request.notified();
            if tokio::time::timeout(timeouts.first_header, first)
                .await
                .is_ok()
            {
                std::future::pending::<()>().await;
            }
        };
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.request)
            .serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = connections.watch(connection);
        async move {
            tokio::select! {
                // An error means that the client has left, or does not use HTTP.
                _ = connection => {}
                () = no_request => {}
                // It makes room for another one.
                _ = evicted => {}
            }
        }
    }
}

/// Sets a header field. A value that is not one, which would be our bug, is left out.
fn set(response: &mut HyperResponse, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The response at [`HEALTH_PATH`]. hyper leaves out the body if the method is HEAD.
fn health() -> HyperResponse {
    let mut response = Response::new(Full::new(Bytes::from_static(HEALTH.as_bytes())).boxed());
    set(&mut response, "content-type", "application/json");
    set(&mut response, "cache-control", "no-store");
    response
}

fn to_hyper(response: HttpResponse) -> HyperResponse {
    let body = match response.body {
        HttpBody::Empty => String::new(),
        HttpBody::Text(text) => text,
        HttpBody::Capture { .. } => unreachable!("rmcp sends the responses with captures"),
    };
    let mut hyper = Response::new(Full::new(Bytes::from(body)).boxed());
    *hyper.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &response.fields {
        set(&mut hyper, name, value);
    }
    hyper
}

/// Serves until `shutdown` is ready. Then accepts no more connections, closes idle ones, and gives
/// the others two seconds to finish.
pub(crate) async fn serve(
    listener: TcpListener,
    server: Server,
    config: HttpConfig,
    shutdown: impl Future<Output = ()>,
) {
    let for_rmcp = config.for_rmcp();
    let end_streams = for_rmcp.cancellation_token.clone();
    let endpoint = Arc::new(Endpoint::new(server, config, for_rmcp));
    let connections = GracefulShutdown::new();
    let admissions = Connections::default();
    tokio::pin!(shutdown);
    loop {
        let (socket, address, admitted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &admissions) => accepted,
        };
        let endpoint = Arc::clone(&endpoint);
        tokio::spawn(endpoint.serve_connection(socket, address, admitted, &connections));
    }
    // Event streams of sessions have no end of their own.
    end_streams.cancel();
    // The runtime ends what is left after that.
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    admissions: &Connections,
) -> (TcpStream, SocketAddr, (Connection, oneshot::Receiver<()>)) {
    loop {
        match listener.accept().await {
            Ok((socket, address)) => {
                let admitted = admissions.admit(address.ip()).await;
                return (socket, address, admitted);
            }
            // Often the process has no file descriptor left. Other connections will end.
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use fake_homer::{FakeHomer, large_capture};
    use homer_export::CallerPolicy;
    use homer_export::config::RedactSettings;
    use homer_export::mcp::delivery::ResultMode;
    use homer_export::mcp::tools::ToolConfig;
    use homer_host::{Exporter, HostConfig};
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::{ClientTimeouts, HttpConfig, MAX_SESSIONS, serve};
    use crate::call_limit::{CallLimit, MAX_CALLS};
    use crate::call_log::{CallLog, LogFormat};
    use crate::server::Server;

    const SHORT_TIMEOUTS: ClientTimeouts = ClientTimeouts {
        first_header: Duration::from_millis(500),
        request: Duration::from_millis(500),
        read: Duration::from_millis(500),
    };

    /// A server with short timeouts, and a fake Homer that has one capture of about 3 MB.
    struct TestServer {
        address: std::net::SocketAddr,
        calls: CallLimit,
        _homer: FakeHomer,
    }

    async fn start() -> TestServer {
        let homer = FakeHomer::with_capture(large_capture(1000)).await.unwrap();
        let configuration =
            HostConfig::from_vars([("HOMER_URL".to_string(), homer.url())]).unwrap();
        let exporter = Exporter::new(configuration.policy()).unwrap();
        let read_bytes = 6 << 20;
        let tools = ToolConfig {
            max_window_hours: 24,
            mode: ResultMode::Embed,
            inline_bytes: read_bytes,
            read_bytes,
            output_dir: false,
            stateless: false,
        };
        let log = CallLog::start(LogFormat::Off);
        let server = Server::new(exporter, tools, RedactSettings::default(), None, log);
        let calls = server.call_limit();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = HttpConfig::new(
            address,
            CallerPolicy::new(None, Some("1"), None).unwrap(),
            vec![],
        );
        config.timeouts = SHORT_TIMEOUTS;
        tokio::spawn(serve(listener, server, config, std::future::pending()));
        TestServer {
            address,
            calls,
            _homer: homer,
        }
    }

    impl TestServer {
        /// A connection over which the first `sent` bytes of a request's body have been sent.
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
            let fields = match method {
                "initialize" => String::new(),
                _ => format!(
                    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n\
                     Mcp-Name: {name}\r\n"
                ),
            };
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
                 {fields}Content-Length: {}\r\n\r\n",
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
            "callid": "000000000000@192.0.2.10",
            "from_ts": 1_795_168_800_000_i64,
            "to_ts": 1_795_169_100_000_i64,
        });
        json!({"name": "homer_export_pcap", "arguments": arguments})
    }

    async fn read_response(mut client: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset also ends the response.
        let read =
            tokio::time::timeout(Duration::from_secs(60), client.read_to_end(&mut bytes)).await;
        let _ = read.unwrap();
        bytes
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_request_that_does_not_arrive_is_rejected() {
        let server = start().await;
        let response = read_response(server.send("tools/list", json!({}), 10).await).await;
        assert!(
            response.starts_with(b"HTTP/1.1 408 "),
            "{}",
            response.escape_ascii()
        );
        let response = read_response(server.send("tools/list", json!({}), usize::MAX).await).await;
        assert!(
            response.starts_with(b"HTTP/1.1 200 "),
            "{}",
            response.escape_ascii()
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_response_that_is_not_read_holds_its_permit_until_the_timeout() {
        let server = start().await;
        let read = read_response(server.send("tools/call", export(), usize::MAX).await).await;
        assert!(read.len() > 3_000_000, "{}", read.len());
        let client = server.send("tools/call", export(), usize::MAX).await;
        // The call itself ends soon; its response holds the permit.
        while server.calls.available() == MAX_CALLS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while server.calls.available() < MAX_CALLS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = read_response(client).await;
        assert!(left.len() < read.len(), "{} of {}", left.len(), read.len());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn http_sessions_are_bounded() {
        let server = start().await;
        let initialize = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        for number in 0..=MAX_SESSIONS {
            let response = read_response(
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
                response.starts_with(expected.as_bytes()),
                "{number}: {}",
                response.escape_ascii()
            );
        }
        // Clients of the stateless protocol need no session.
        let response = read_response(server.send("tools/list", json!({}), usize::MAX).await).await;
        assert!(
            response.starts_with(b"HTTP/1.1 200 "),
            "{}",
            response.escape_ascii()
        );
    }
}
