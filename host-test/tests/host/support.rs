//! What the tests share: servers that misbehave, and short ways to an export.

use std::sync::{Arc, Mutex};

use homer_export::{BaseUrl, ExportError};
use homer_host::stand_in::{API_TOKEN, StandIn};
use homer_host::{AllowedOrigin, Configuration, Exporter, Failure, Finished, Policy, Query};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A window around all calls of the archive: 2026-11-20, UTC.
pub(crate) const DAY: (i64, i64) = (1_795_132_800_000, 1_795_219_200_000);

/// The call of the archive that most tests export: 7 packets, 3,311 bytes.
pub(crate) const CALL: &str = "udp-normal-1@192.0.2.10";

/// SHA-256 of that call's capture.
pub(crate) const CALL_SHA256: &str = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f";

/// A recorded capture.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../tests/data/{name}.pcap", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn query(call_id: &str) -> Query {
    let (from_ts, to_ts) = DAY;
    Query::of_call(call_id, from_ts, to_ts)
}

/// The policy of a configuration for this URL, with a token.
pub(crate) fn policy(url: &str) -> Policy {
    let vars = [("HOMER_URL", url), ("HOMER_API_TOKEN", API_TOKEN)];
    Configuration::from_vars(vars.map(|(name, value)| (name.to_string(), value.to_string()))).unwrap().policy()
}

pub(crate) fn allow(url: &str) -> AllowedOrigin {
    AllowedOrigin { base: BaseUrl::parse(url).unwrap(), credential: None }
}

/// An export read to its end.
pub(crate) async fn export(exporter: &Exporter, query: &Query) -> Result<(Vec<u8>, Finished), Failure> {
    let mut export = exporter.open(query).await?.hashed();
    let mut capture = Vec::new();
    while let Some(bytes) = export.next().await? {
        assert!(!bytes.is_empty());
        capture.extend(bytes);
    }
    Ok((capture, export.finish().await?))
}

/// The contract's error that an export of the usual call ends in.
pub(crate) async fn error(policy: Policy) -> ExportError {
    error_of(&Exporter::new(policy).unwrap()).await
}

/// As [`error`], from an exporter that may go on.
pub(crate) async fn error_of(exporter: &Exporter) -> ExportError {
    match export(exporter, &query(CALL)).await.unwrap_err() {
        Failure::Export(error) => error,
        failure => panic!("{failure}"),
    }
}

/// That an exporter still works: the usual call, from a stand-in that its policy allows.
pub(crate) async fn assert_alive(exporter: &Exporter) {
    let (capture, finished) = export(exporter, &query(CALL)).await.unwrap();
    assert_eq!((capture.len(), finished.sha256.as_str()), (3311, CALL_SHA256));
}

/// A stand-in and its URL.
pub(crate) async fn homer() -> (StandIn, String) {
    let homer = StandIn::start().await.unwrap();
    let url = homer.url();
    (homer, url)
}

/// What a server does after its reply.
#[derive(Clone)]
pub(crate) enum Then {
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

/// A server on a loopback port with an answer for the first request, the second, and so on, the last one for all that follow;
/// it remembers what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
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
    pub(crate) async fn start(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_answers(vec![(reply.into(), then)]).await
    }

    /// One that misbehaves once, and then serves the capture that [`assert_alive`] expects.
    pub(crate) async fn misbehaving_once(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::with_answers(vec![(reply.into(), then), (whole(&recorded("export-ok-auth-token")), Then::Serve)]).await
    }

    pub(crate) async fn with_answers(answers: Vec<(Vec<u8>, Then)>) -> Self {
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

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until a client has left.
    pub(crate) async fn client_left(&self) {
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
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

/// The head of Homer's reply with a capture.
pub(crate) const CAPTURE_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A whole capture as Homer sends it.
pub(crate) fn whole(capture: &[u8]) -> Vec<u8> {
    [CAPTURE_HEAD.as_bytes(), &chunk(capture), b"0\r\n\r\n"].concat()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
