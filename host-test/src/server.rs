//! A TCP server on loopback that answers with fixed bytes and then misbehaves.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::calls::recorded;

/// What a server does after its reply.
#[derive(Clone)]
pub enum Then {
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Stays silent with the connection open, until the client leaves.
    Hold,
    /// Sends these bytes after a pause, and closes the connection.
    Later(std::time::Duration, Vec<u8>),
    /// Sends these bytes over and over.
    Repeat(Vec<u8>),
    /// Sends one byte after the other, with this pause between them.
    Drip(std::time::Duration),
    /// Answers the next request.
    Serve,
}

/// A server on a loopback port with an answer for the first request, the second, and so on, the
/// last one for all that follow; it remembers what it was asked.
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
    pub async fn start(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_answers(vec![(reply.into(), then)]).await
    }

    /// One that misbehaves once, and then serves the capture that [`assert_alive`] expects.
    pub async fn misbehaving_once(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_answers(vec![
            (reply.into(), then),
            (whole(&recorded("export-ok-auth-token")), Then::Serve),
        ])
        .await
    }

    pub async fn with_answers(answers: Vec<(Vec<u8>, Then)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let (answers, shared) = (Arc::new(answers), Arc::clone(&state));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *shared.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&shared)));
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

    /// Waits until a client has left.
    pub async fn client_left(&self) {
        self.state.left.notified().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Vec<(Vec<u8>, Then)>>, state: Arc<State>) {
    while let Some(request) = read_request(&mut stream).await {
        let nth = {
            let mut requests = state.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let (reply, then) = &answers[nth.min(answers.len() - 1)];
        if stream.write_all(reply).await.is_err() {
            break;
        }
        match then {
            Then::Serve => continue,
            Then::Close => break,
            Then::Reset => {
                // What was written is to arrive before the reset does.
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

/// Head and body of a request with a content length, as text.
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

/// The head of Homer's reply with a capture.
pub const CAPTURE_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A whole capture as Homer sends it.
pub fn whole(capture: &[u8]) -> Vec<u8> {
    [CAPTURE_HEAD.as_bytes(), &chunk(capture), b"0\r\n\r\n"].concat()
}

/// One chunk of a chunked body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A server that speaks plain HTTP where its URL says https.
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
