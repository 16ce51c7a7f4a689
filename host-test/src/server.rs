//! A TCP server on a loopback port that responds with fixed bytes and then misbehaves.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::calls::recorded;

/// What a server does after its response.
#[derive(Clone)]
pub enum Then {
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Keeps the connection open and sends nothing, until the client disconnects.
    Hold,
    /// Sends these bytes after a pause, and closes the connection.
    Later(std::time::Duration, Vec<u8>),
    /// Sends these bytes repeatedly.
    Repeat(Vec<u8>),
    /// Sends one byte after the other, with this pause between them.
    Drip(std::time::Duration),
    /// Responds to the next request.
    Serve,
}

/// A server with one response for each request. The last response is repeated. It records the
/// requests.
pub struct Server {
    pub url: String,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    connections: Mutex<usize>,
    requests: Mutex<Vec<String>>,
    left: tokio::sync::Notify,
}

impl Server {
    pub async fn start(response: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_responses(vec![(response.into(), then)]).await
    }

    /// A server that misbehaves once, and then serves the capture that
    /// [`crate::calls::assert_alive`] expects.
    pub async fn misbehaving_once(response: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_responses(vec![
            (response.into(), then),
            (whole(&recorded("export-ok-auth-token")), Then::Serve),
        ])
        .await
    }

    pub async fn with_responses(responses: Vec<(Vec<u8>, Then)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let (responses, shared) = (Arc::new(responses), Arc::clone(&state));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *shared.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&responses), Arc::clone(&shared)));
            }
        });
        Self { url, state, task }
    }

    pub fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until a client has disconnected.
    pub async fn client_left(&self) {
        self.state.left.notified().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, responses: Arc<Vec<(Vec<u8>, Then)>>, state: Arc<State>) {
    while let Some(request) = read_request(&mut stream).await {
        let nth = {
            let mut requests = state.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let (response, then) = &responses[nth.min(responses.len() - 1)];
        if stream.write_all(response).await.is_err() {
            break;
        }
        match then {
            Then::Serve => continue,
            Then::Close => break,
            Then::Reset => {
                // The reset would discard bytes that have not arrived yet.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                stream.set_zero_linger().unwrap();
                break;
            }
            Then::Hold => while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {},
            Then::Drip(pause) => {
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(*pause).await;
                }
            }
            Then::Later(pause, bytes) => {
                tokio::time::sleep(*pause).await;
                let _ = stream.write_all(bytes).await;
            }
            Then::Repeat(bytes) => while stream.write_all(bytes).await.is_ok() {},
        }
        break;
    }
    state.left.notify_one();
}

/// The head and the body of a request with a Content-Length, as text.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

/// The head of Homer's response with a capture.
pub const CAPTURE_HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: application/octet-stream\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

/// A complete response with a capture, as Homer sends it.
pub fn whole(capture: &[u8]) -> Vec<u8> {
    [CAPTURE_HEAD.as_bytes(), &chunk(capture), b"0\r\n\r\n"].concat()
}

/// One chunk of a chunked body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A server without TLS whose URL has the scheme https.
pub async fn plain_http() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
        }
    });
    url
}
