//! The streamable HTTP transport, at `/mcp`.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::server::Server;

/// The path that speaks MCP.
const PATH: &str = "/mcp";

/// Longest request in bytes, inclusive: a Call-ID and two numbers.
const MAX_REQUEST: usize = 256 * 1024;

/// Connections at once.
const MAX_CONNECTIONS: usize = 512;

/// Longest wait for the header of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a stream of events shows that it is alive, which is when a client that has left is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// How long connections may go on when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Who may call, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// What callers have to show as a bearer token.
    token: Option<String>,
    /// Names of this server beside those of loopback.
    hosts: Vec<String>,
}

impl Access {
    /// Without a token only callers on the same machine are served.
    ///
    /// # Errors
    /// If others could call without one, or the token cannot be sent in a header field.
    pub(crate) fn new(address: SocketAddr, token: Option<String>, mut hosts: Vec<String>) -> Result<Self, String> {
        match &token {
            None if !address.ip().is_loopback() => {
                return Err(format!(
                    "--http {address} can be reached from other machines; set HOMER_MCP_TOKEN, or HOMER_MCP_TOKEN_FILE, to a \
                     secret that callers send as a bearer token, or listen on 127.0.0.1"
                ));
            }
            Some(token) if token.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                return Err("HOMER_MCP_TOKEN has a blank, a line break, or a character beyond ASCII".to_string());
            }
            _ => {}
        }
        if !address.ip().is_loopback() && !address.ip().is_unspecified() {
            hosts.push(address.ip().to_string());
        }
        Ok(Self { token, hosts })
    }

    /// Whether a request shows the token, if there is one.
    fn admits(&self, request: &Request<Incoming>) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let shown = match shown.split_at_checked(7) {
            Some((scheme, shown)) if scheme.eq_ignore_ascii_case(b"Bearer ") => shown,
            _ => return false,
        };
        // In a time that does not tell how much of it is right.
        shown.len() == token.len() && shown.iter().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }

    fn config(&self) -> StreamableHttpServerConfig {
        let loopback = ["localhost", "127.0.0.1", "[::1]", "::1"];
        let hosts = loopback.iter().copied().chain(self.hosts.iter().map(String::as_str));
        // Clients that are no browsers send no Origin; a page from elsewhere is refused.
        let origins = ["localhost", "127.0.0.1", "[::1]"].into_iter().chain(self.hosts.iter().map(String::as_str));
        let origins = origins.flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")]);
        StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_allowed_origins(origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(MAX_REQUEST)
            .with_sse_keep_alive(Some(KEEP_ALIVE))
    }
}

/// Serves until `end` comes, then lets what runs finish within two seconds.
///
/// # Errors
/// If the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    server: Server,
    access: Access,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let config = access.config();
    let stop = config.cancellation_token.clone();
    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let access = Arc::new(access);
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
        let (mcp, access) = (mcp.clone(), Arc::clone(&access));
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (mcp, access) = (mcp.clone(), Arc::clone(&access));
                async move {
                    Ok::<_, Infallible>(match refusal(&request, &access) {
                        Some(response) => response,
                        None => mcp.handle(request).await,
                    })
                }
            });
            // A client that leaves is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(socket), service)
                .await;
            drop(turn);
        });
    }
    stop.cancel();
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Why a request does not reach the protocol; none if it does.
fn refusal(request: &Request<Incoming>, access: &Access) -> Option<Response<BoxBody<Bytes, Infallible>>> {
    let (status, text) = if !access.admits(request) {
        (StatusCode::UNAUTHORIZED, "this server wants a bearer token in Authorization: that of HOMER_MCP_TOKEN\n")
    } else if request.uri().path() != PATH {
        (StatusCode::NOT_FOUND, "MCP is spoken at /mcp\n")
    } else {
        return None;
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    Some(response)
}
