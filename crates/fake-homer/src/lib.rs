//! A fake Homer 7 (homer-app 1.5.20) on a loopback port. It replays recorded exchanges, and has
//! calls of its own that show classic failures ([`DEMO_CALLS`]).
//!
//! It serves `--demo`, the tests and the benchmarks. A request is matched as Homer matches it:
//! path, then credential, then content type and shape of the body, then profile, Call-IDs and
//! window (docs/homer.md §2 to §5). Captures are assembled from the packet records of the
//! recordings. All other responses are sent as recorded. Where Homer closes the connection, the
//! fake one does so too. Searches are answered from the messages in the same packet records
//! (docs/homer.md §13), and from rows that a test adds ([`Archive::add_rows`]).
//!
//! It does not imitate exports from databases or nodes that fail, the lookup of B2BUA legs by
//! `…_b2b-1`, mappings other than the default one, or HOMER 11.
//!
//! # Examples
//!
//! ```
//! use fake_homer::{API_TOKEN, FakeHomer};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let homer = FakeHomer::start().await?;
//! // What a client of it needs as its environment.
//! let [(_, url), (_, token)] = homer.variables();
//! assert!(url.starts_with("http://127.0.0.1:"));
//! assert_eq!(token, API_TOKEN);
//! assert_eq!(homer.exports(), 0);
//! # Ok(())
//! # }
//! ```

mod archive;
mod demo;
mod gate;
mod large;
mod recording;
mod row;
mod search;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use homer_export::config::setting;
use homer_export::homer::search::SEARCH_PATH;
use homer_export::pcap::FILE_HEADER_LEN;
use http::{Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use self::gate::Gate;

pub use archive::Archive;
pub use demo::{DEMO_CALLS, DemoCall};
pub use large::large_capture;
pub use recording::Recording;
pub use row::Row;
pub use search::SearchBehavior;

/// The API token that the fake Homer accepts. It is not valid anywhere else.
pub const API_TOKEN: &str = "demo-token-of-the-fake-homer";

/// The JSON web token that the fake Homer accepts.
pub const JWT: &str = "demo.jwt.of-the-fake-homer";

/// The name of the only user who can log in.
pub const USERNAME: &str = "demo-user";

/// The password of that user.
pub const PASSWORD: &str = "demo password of the fake homer";

/// The Call-ID of a bundled call with 7 packets in 3,311 bytes.
pub const DEMO_CALL_ID: &str = "udp-normal-1@192.0.2.10";

/// A window around that call: 2026-11-20, 10:00 to 10:05 UTC, in Unix milliseconds.
pub const DEMO_WINDOW_MS: (i64, i64) = (1_795_168_800_000, 1_795_169_100_000);

#[derive(Debug, Default)]
struct State {
    archive: Archive,
    /// What searches find.
    rows: Vec<Row>,
    /// What happens to searches.
    search: Mutex<SearchBehavior>,
    /// Number of searches so far.
    searches: AtomicUsize,
    /// The captures of profiles, instead of the calls of the archive.
    captures: Option<Vec<(String, Bytes)>>,
    /// Number of requests for an export so far.
    exports: AtomicUsize,
    /// The exports whose response has not been sent completely.
    open: Open,
    /// How long an export takes, in milliseconds.
    delay_ms: AtomicU64,
    /// What exports and searches wait for before their response begins.
    gate: Gate,
    /// Number of logins so far. The token of login n ends in `.n`.
    logins: AtomicUsize,
    /// The last login whose token is rejected.
    revoked: AtomicUsize,
}

/// A fake Homer. It serves until it is dropped.
#[derive(Debug)]
pub struct FakeHomer {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeHomer {
    /// Starts on a free port of 127.0.0.1 with the recordings that are bundled with this library.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start() -> Result<Self> {
        Self::with_archive(Archive::bundled()?).await
    }

    /// Starts with other recordings.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn with_archive(archive: Archive) -> Result<Self> {
        Self::with_state(State {
            rows: archive.rows(),
            archive,
            ..State::default()
        })
        .await
    }

    async fn with_state(state: State) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no loopback port for the fake Homer")?;
        let address = listener.local_addr()?;
        let state = Arc::new(state);
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Starts as a Homer that responds to every request for an export from the profile `1_call`
    /// with this capture, without checking credentials. Other profiles are empty.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn with_capture(capture: Vec<u8>) -> Result<Self> {
        Self::with_captures([("1_call", capture)]).await
    }

    /// Starts as a Homer that responds to every request for an export with the capture of its
    /// profile, without checking credentials. Other profiles are empty.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn with_captures(
        captures: impl IntoIterator<Item = (&str, Vec<u8>)>,
    ) -> Result<Self> {
        let captures = captures.into_iter();
        let captures = captures.map(|(profile, capture)| (profile.to_string(), capture.into()));
        Self::with_state(State {
            captures: Some(captures.collect()),
            ..State::default()
        })
        .await
    }

    /// Starts as a Homer with the call `transfer-notify-elsewhere@public.example`: 8 packets in the
    /// profile `1_call`, and the NOTIFY of its transfer with 3 others in `1_default`.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn with_transfer_in_two_profiles() -> Result<Self> {
        macro_rules! public {
            ($name:literal) => {
                include_bytes!(concat!("../../../tests/data/public/", $name, ".pcap")).to_vec()
            };
        }
        Self::with_captures([
            ("1_call", public!("transfer-notify-elsewhere")),
            ("1_default", public!("transfer-notify-elsewhere.default")),
        ])
        .await
    }

    /// Number of requests for an export so far.
    pub fn exports(&self) -> usize {
        self.state.exports.load(Ordering::SeqCst)
    }

    /// Number of searches so far.
    pub fn searches(&self) -> usize {
        self.state.searches.load(Ordering::SeqCst)
    }

    /// Changes what happens to searches.
    pub fn set_search(&self, behavior: SearchBehavior) {
        let search = &self.state.search;
        *search.lock().unwrap_or_else(PoisonError::into_inner) = behavior;
    }

    /// The most exports that were open at a time: from the request to the end of the response.
    pub fn most_open(&self) -> usize {
        self.state.open.most.load(Ordering::SeqCst)
    }

    /// Holds all exports and searches whose request contains this text, for example a profile, from
    /// now on. Their responses begin when [`Self::let_go`] says so.
    pub fn hold(&self, text: &str) {
        self.state.gate.hold(text);
    }

    /// Lets this many of the requests go on that are held now or will be: first come, first served.
    pub fn let_go(&self, requests: usize) {
        self.state.gate.let_go(requests);
    }

    /// Number of exports that are open now.
    pub fn open(&self) -> usize {
        self.state.open.now.load(Ordering::SeqCst)
    }

    /// Returns when this many exports are open.
    pub async fn until_open(&self, exports: usize) {
        while self.open() != exports {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Number of logins so far.
    pub fn logins(&self) -> usize {
        self.state.logins.load(Ordering::SeqCst)
    }

    /// Lets each export take this long, as it does in a Homer with much data.
    pub fn respond_after_ms(&self, delay_ms: u64) {
        self.state.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    /// Rejects all tokens issued so far, as a Homer does whose signing secret was changed.
    pub fn revoke_tokens(&self) {
        self.state.revoked.store(self.logins(), Ordering::SeqCst);
    }

    /// The configuration of a client as environment variables: the URL, and the token that is
    /// accepted.
    pub fn variables(&self) -> [(String, String); 2] {
        [
            (setting::URL.variable.to_string(), self.url()),
            (
                setting::API_TOKEN.variable.to_string(),
                API_TOKEN.to_string(),
            ),
        ]
    }

    /// The base URL, for `HOMER_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FakeHomer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropping this task drops the set, which ends all connections.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                let state = Arc::clone(&state);
                let service = hyper::service::service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { respond(&state, request).await }
                });
                connections.spawn(async move {
                    // An error means that the client disconnected, or that `Crashed` closed the
                    // connection. Both are expected.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Homer's handler crashed, so the connection is closed without a response.
#[derive(Debug)]
struct Crashed;

impl std::fmt::Display for Crashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the handler crashed")
    }
}

impl std::error::Error for Crashed {}

async fn respond(
    state: &Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Crashed> {
    let (head, body) = request.into_parts();
    // A client that disconnects while it sends gets no response.
    let Ok(body) = body.collect().await else {
        return Err(Crashed);
    };
    let body = body.to_bytes();
    let mut exchange = None;
    if head.uri.path().ends_with(EXPORT_PATH) {
        state.exports.fetch_add(1, Ordering::SeqCst);
        exchange = Some(Exchange::begin(state));
        let delay_ms = state.delay_ms.load(Ordering::SeqCst);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        state.gate.pass(&body).await;
        if let Some(captures) = &state.captures {
            let capture = capture_of(captures, &body);
            let response =
                Response::builder().header(header::CONTENT_TYPE, "application/octet-stream");
            return response
                .body(Chunked(Some(capture), exchange).boxed())
                .map_err(|_| Crashed);
        }
    }
    let behavior = *state.search.lock().unwrap_or_else(PoisonError::into_inner);
    if head.uri.path() == SEARCH_PATH {
        state.searches.fetch_add(1, Ordering::SeqCst);
        state.gate.pass(&body).await;
        if let SearchBehavior::Slow(ms) = behavior {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
    let (recording, body) = match choose_reaction(state, &head, &body) {
        Reaction::AsRecorded(recording) => (recording, recording.body.clone()),
        Reaction::Modified { like, body } => (like, Bytes::from(body)),
        Reaction::Search(body) => return search_response(state, behavior, body),
        Reaction::Crash => return Err(Crashed),
    };
    let mut response = Response::builder().status(recording.status);
    for (name, value) in &recording.response_headers {
        // hyper writes these fields itself.
        if !["transfer-encoding", "content-length", "date", "connection"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            response = response.header(name, value);
        }
    }
    let body = if recording.is_chunked() {
        // Homer sends a capture chunked, without a Content-Length.
        Chunked(Some(body), exchange).boxed()
    } else {
        Full::new(body).boxed()
    };
    response.body(body).map_err(|_| Crashed)
}

/// The response to a search that is authorized.
fn search_response(
    state: &State,
    behavior: SearchBehavior,
    request: &[u8],
) -> Result<Response<BoxBody<Bytes, Infallible>>, Crashed> {
    let (status, body) = match behavior {
        SearchBehavior::Forbidden => (403, r#"{"message":"exports only"}"#.to_string()),
        SearchBehavior::DatabaseDown => search::answer([].iter(), request)
            .response()
            .ok_or(Crashed)?,
        SearchBehavior::Answers | SearchBehavior::Slow(_) => {
            search::answer(state.rows.iter(), request)
                .response()
                .ok_or(Crashed)?
        }
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)).boxed())
        .map_err(|_| Crashed)
}

/// The capture of the profile that a request names. One without packets has the file header alone.
fn capture_of(captures: &[(String, Bytes)], request: &[u8]) -> Bytes {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let search = request["param"]["search"].as_object();
    let of_profile = captures
        .iter()
        .find(|(profile, _)| search.is_some_and(|search| search.contains_key(profile)));
    match (of_profile, captures.first()) {
        (Some((_, capture)), _) => capture.clone(),
        (None, Some((_, other))) => other.slice(..FILE_HEADER_LEN.min(other.len())),
        (None, None) => Bytes::new(),
    }
}

/// Counts the exports that are open.
#[derive(Debug, Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// An export that is open until this is dropped.
struct Exchange(Arc<State>);

impl Exchange {
    fn begin(state: &Arc<State>) -> Self {
        let now = state.open.now.fetch_add(1, Ordering::SeqCst) + 1;
        state.open.most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.open.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A body without a known length, so that hyper sends it chunked.
struct Chunked(
    Option<Bytes>,
    #[expect(dead_code, reason = "open until the body is dropped")] Option<Exchange>,
);

impl http_body::Body for Chunked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What the fake Homer does with a request.
enum Reaction<'a> {
    /// Send this recording.
    AsRecorded(&'a Recording),
    /// With status and header fields of a recording, but another body.
    Modified { like: &'a Recording, body: Vec<u8> },
    /// Search with this request body.
    Search(&'a [u8]),
    /// Close the connection.
    Crash,
}

const EXPORT_PATH: &str = "/api/v3/export/call/messages/pcap";

const LOGIN_PATH: &str = "/api/v3/auth";

/// The reaction to a login: the recorded response with a token of our own, or a recorded rejection.
fn log_in<'a>(state: &'a State, head: &http::request::Parts, body: &[u8]) -> Reaction<'a> {
    let archive = &state.archive;
    let as_recorded = |name: &str| {
        archive
            .response(name)
            .map_or(Reaction::Crash, Reaction::AsRecorded)
    };
    if !head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
    {
        return as_recorded("auth-no-content-type");
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return as_recorded("auth-malformed-json");
    };
    if body["username"] != USERNAME || body["password"] != PASSWORD {
        return as_recorded("auth-wrong-password");
    }
    let Some(like) = archive.response("auth-ok") else {
        return Reaction::Crash;
    };
    // Each login gets another token, so that tests can revoke the old ones.
    let number = state.logins.fetch_add(1, Ordering::SeqCst) + 1;
    let text = String::from_utf8_lossy(&like.body).replace("<JWT>", &format!("{JWT}.{number}"));
    Reaction::Modified {
        like,
        body: text.into_bytes(),
    }
}

/// Whether a JSON web token is [`JWT`] itself, or comes from a login that was not revoked.
fn accepts(state: &State, token: &str) -> bool {
    let number = token
        .strip_prefix(JWT)
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|number| number.parse().ok());
    let (revoked, logins) = (
        state.revoked.load(Ordering::SeqCst),
        state.logins.load(Ordering::SeqCst),
    );
    token == JWT || number.is_some_and(|number: usize| number > revoked && number <= logins)
}

/// The reaction to a request. Checks run in Homer's order, because the first failed one determines
/// the response.
fn choose_reaction<'a>(
    state: &'a State,
    head: &http::request::Parts,
    body: &'a [u8],
) -> Reaction<'a> {
    let archive = &state.archive;
    let as_recorded = |name: &str| {
        archive
            .response(name)
            .map_or(Reaction::Crash, Reaction::AsRecorded)
    };
    let path = head.uri.path();
    // Everything outside the API is Homer's web interface.
    if !path.starts_with("/api/v3/") {
        return as_recorded("http-404-outside");
    }
    if path == LOGIN_PATH && head.method == http::Method::POST {
        return log_in(state, head, body);
    }
    // Homer checks credentials before it looks for a route (recording http-404-api-noauth). A valid
    // API token wins over an invalid bearer token.
    let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if field("auth-token") != Some(API_TOKEN) {
        match field("authorization").and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                if !accepts(state, token) {
                    return as_recorded("authz-garbage-bearer");
                }
            }
            _ => return as_recorded("authz-none"),
        }
    }
    if path == SEARCH_PATH && head.method == http::Method::POST {
        return Reaction::Search(body);
    }
    if path != EXPORT_PATH || head.method != http::Method::POST {
        return as_recorded("http-404-api-authorized");
    }
    let content_type = head
        .headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    if !content_type.starts_with(b"application/json") {
        return as_recorded("export-content-type-text");
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return as_recorded("export-malformed-json");
    };
    // Homer decodes both times into 64-bit integers: a missing one is 0, and any other type of JSON
    // is an error.
    let time = |name: &str| match &body["timestamp"][name] {
        Value::Null => Some(0),
        value => value.as_i64(),
    };
    let (Some(from_ms), Some(to_ms)) = (time("from"), time("to")) else {
        return as_recorded("export-float-ts");
    };

    let mut found = Vec::new();
    if let Some(search) = body["param"]["search"].as_object() {
        for (profile, criteria) in search {
            if !archive.knows_profile(profile) {
                return as_recorded("export-bad-profile");
            }
            // Homer asserts this type in Go without a check, so another one makes it panic.
            let Some(call_ids) = criteria["callid"].as_array() else {
                return Reaction::Crash;
            };
            let call_ids: Vec<&str> = call_ids.iter().filter_map(Value::as_str).collect();
            // Homer truncates both ends to the second. Of several profiles, the last one wins.
            found = archive.packets(
                profile,
                &call_ids,
                from_ms.div_euclid(1000),
                to_ms.div_euclid(1000),
            );
        }
    }
    match archive.response("export-unknown-callid") {
        None => Reaction::Crash,
        Some(empty) if found.is_empty() => Reaction::AsRecorded(empty),
        Some(empty) => {
            // All recordings have the same file header.
            let mut file = empty.body.to_vec();
            found
                .iter()
                .for_each(|packet| file.extend_from_slice(packet));
            Reaction::Modified {
                like: empty,
                body: file,
            }
        }
    }
}
