//! Outbound HTTP of a component: allow-list of endpoints, limits, credential injection.
//!
//! A component has no other way out. It cannot see the credential that the host adds here.

mod body;
mod connection;
mod error;
mod hashed_body;
mod redaction;
mod tls;
mod token_cache;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use homer_export::homer::login;
use homer_export::homer::response::{self, MAX_ERROR_BODY};
use homer_export::homer::search::{MAX_RESPONSE, SEARCH_PATH};
use homer_export::origin::Scheme;
use homer_export::transport::ResponseHead;
use homer_export::{BaseUrl, Credential, ExportError, Origin};
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use self::body::LimitedBody;
use self::connection::Connector;
use self::hashed_body::{HashedBody, LastResponse};
use self::token_cache::{Token, TokenCache};
use crate::extra_fields::ExtraFields;
use crate::policy::{AllowedOrigin, Limits, Policy};

pub(crate) use self::hashed_body::HashedResponse;

/// The largest request body in bytes that is kept, so that it can be sent again after a new login.
/// A request for 100 Call-IDs has at most 210 KB.
const MAX_REQUEST_BODY: usize = 1024 * 1024;

/// How long an idle connection is kept for the next export.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where requests may go, with connections that are kept alive between exports. All instances of
/// an exporter share it.
pub(crate) struct Outbound {
    targets: HashMap<Origin, Target>,
    forbidden: ForbiddenHeaderFilter,
    limits: Limits,
}

/// An allowed origin.
struct Target {
    client: Client<Connector, WasiBody>,
    /// The base URL as the policy states it. Requests are addressed with it, so that no authority
    /// that a component wrote reaches the network.
    base: BaseUrl,
    /// The paths that POST requests may go to.
    endpoints: Vec<String>,
    credential: TargetCredential,
    /// What a proxy in front of it gets to see.
    extra_fields: ExtraFields,
}

impl Target {
    /// Whether the policy allows a request to this origin: a POST to one of the endpoints, without
    /// a query.
    fn allows(&self, request: &Request<WasiBody>) -> bool {
        let path = request.uri().path_and_query().map(|path| path.as_str());
        request.method() == Method::POST
            && path.is_some_and(|path| self.endpoints.iter().any(|endpoint| endpoint == path))
    }

    /// The values that a response must not show to the component.
    fn to_redact(&self) -> Vec<String> {
        [self.extra_fields.secrets(), self.credential.to_redact()].concat()
    }
}

/// How the host authenticates itself at an origin.
enum TargetCredential {
    None,
    /// A fixed header field, and the token in it.
    Field(HeaderName, HeaderValue, String),
    /// A login, whose token goes into `Authorization`.
    Login(TokenCache),
}

impl TargetCredential {
    /// The host's side of a policy's credential.
    ///
    /// # Errors
    /// `misconfigured` if it does not fit into a header field. The constructors of [`Credential`]
    /// only accept what RFC 9110 §5.5 allows, so this does not occur.
    fn new(credential: Option<&Credential>) -> Result<Self, ExportError> {
        let (credential, token) = match credential {
            None => return Ok(Self::None),
            Some(Credential::Login {
                username,
                password,
                login_type,
            }) => {
                let tokens = TokenCache::new(username, password, *login_type);
                return Ok(Self::Login(tokens));
            }
            Some(credential @ (Credential::ApiToken { token, .. } | Credential::Jwt(token))) => {
                (credential, token)
            }
        };
        let unusable = || {
            ExportError::Misconfigured(
                "the credential cannot be sent in an HTTP header field".to_string(),
            )
        };
        let (name, value) = credential.header().ok_or_else(unusable)?;
        let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
        // Keeps the value out of debug output and of HTTP/2 header compression.
        value.set_sensitive(true);
        let name = HeaderName::try_from(name).map_err(|_| unusable())?;
        Ok(Self::Field(name, value, token.clone()))
    }

    /// The header field that carries the credential.
    fn header_name(&self) -> Option<HeaderName> {
        match self {
            Self::None => None,
            Self::Field(name, ..) => Some(name.clone()),
            Self::Login(_) => Some(AUTHORIZATION),
        }
    }

    /// The values that a response must not show to the component.
    fn to_redact(&self) -> Vec<String> {
        match self {
            Self::None => vec![],
            Self::Field(_, _, token) => vec![token.clone()],
            Self::Login(tokens) => tokens.to_redact(),
        }
    }
}

impl Outbound {
    /// The way out under this policy.
    ///
    /// # Errors
    /// `misconfigured` if the policy's certificates cannot be read, or if an HTTPS origin is
    /// allowed and no certificate is trusted.
    pub(crate) fn new(policy: &Policy) -> Result<Self, ExportError> {
        let tls = tls::connector(policy)?;
        let mut targets = HashMap::new();
        let mut credential_headers = if policy.own_credentials {
            vec![]
        } else {
            vec![AUTHORIZATION, COOKIE]
        };
        for allowed in &policy.allowed {
            let AllowedOrigin {
                base,
                credential,
                extra_fields,
            } = allowed;
            let origin = base.origin();
            let credential = TargetCredential::new(credential.as_ref())?;
            credential_headers.extend(credential.header_name());
            credential_headers.extend(extra_fields.names().cloned());
            let client = Client::builder(TokioExecutor::new())
                .pool_idle_timeout(KEEP_ALIVE)
                .pool_timer(TokioTimer::new())
                // hyper panics below 8 KiB.
                .http1_max_buf_size(policy.limits.response_header_bytes.max(8192))
                .build(Connector::new(origin, tls.as_ref(), policy.limits.connect));
            let target = Target {
                client,
                base: base.clone(),
                endpoints: allowed.endpoints(policy.own_credentials),
                credential,
                extra_fields: extra_fields.clone(),
            };
            targets.insert(origin.clone(), target);
        }
        // A component that could set one of these fields could send a credential of its own, or
        // find out about ours by a collision.
        let forbidden: ForbiddenHeaderFilter = Arc::new(move |name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name) || credential_headers.contains(name)
        });
        Ok(Self {
            targets,
            forbidden,
            limits: policy.limits,
        })
    }

    /// Sends a request to an allowed origin, with the credential for it.
    async fn send(
        &self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        end_unproven: &AtomicBool,
    ) -> Result<Response<WasiBody>, Error> {
        let target = origin(request.uri()).and_then(|origin| self.targets.get(&origin));
        let target = target.filter(|target| target.allows(&request));
        let target = target.ok_or(Error::HttpRequestDenied)?;
        let max_text = max_text(&request);
        let mut request = target.prepare(request)?;
        let timeouts = Timeouts::new(options.unwrap_or_default(), &self.limits);
        let (response, is_framed) = match &target.credential {
            TargetCredential::None => self.send_once(target, request, timeouts).await?,
            TargetCredential::Field(name, value, _) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.send_once(target, request, timeouts).await?
            }
            TargetCredential::Login(tokens) => {
                self.send_authenticated(tokens, target, request, timeouts)
                    .await?
            }
        };
        let response = redaction::redact(response, target.to_redact(), max_text);
        let is_capture = response.status() == StatusCode::OK;
        // An export has a capture for each profile, and each of them counts.
        end_unproven.fetch_or(is_capture && !is_framed, Ordering::Relaxed);
        Ok(response)
    }

    /// Sends a request with the token of a login. If Homer rejects a token from the cache, there is
    /// one new login and the request is sent again. This is safe: Homer checks the token before it
    /// begins to work.
    async fn send_authenticated(
        &self,
        tokens: &TokenCache,
        target: &Target,
        request: Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<(Response<WasiBody>, bool), Error> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_REQUEST_BODY)
            .collect()
            .await
            .map_err(|_| Error::HttpRequestBodySize(None))?
            .to_bytes();
        let mut rejected: Option<Token> = None;
        loop {
            let log_in = self.log_in(tokens, target, timeouts);
            let unusable = || LoginError::Transport(Error::HttpProtocolError);
            let token = match tokens.token(rejected.as_ref(), log_in, unusable).await {
                Ok(token) => token,
                // The component reads the rejected login as the response to its own request. The
                // core then explains it as it explains a login of the component itself.
                Err(LoginError::Rejected(response)) => return Ok((*response, true)),
                Err(LoginError::Transport(error)) => return Err(error),
            };
            let mut head = head.clone();
            head.headers.insert(AUTHORIZATION, token.bearer.clone());
            let request = Request::from_parts(head, in_memory(body.clone()));
            let (response, is_framed) = self.send_once(target, request, timeouts).await?;
            if token.fresh || rejected.is_some() {
                return Ok((response, is_framed));
            }
            let (response, rejects_token) = check_rejection(response).await?;
            if !rejects_token {
                return Ok((response, is_framed));
            }
            rejected = Some(token);
        }
    }

    /// Logs in at `target` and returns the token.
    async fn log_in(
        &self,
        tokens: &TokenCache,
        target: &Target,
        timeouts: Timeouts,
    ) -> Result<String, LoginError> {
        let login_request = login::login_request(
            &target.base,
            &tokens.username,
            &tokens.password,
            tokens.login_type,
        );
        let request = Request::post(login_request.path)
            .header(CONTENT_TYPE, "application/json")
            .body(in_memory(login_request.body.into()))
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        let request = target.prepare(request)?;
        let (response, _) = self.send_once(target, request, timeouts).await?;
        let (head, body) = read_prefix(response).await?;
        let status = ResponseHead {
            status: head.status.as_u16(),
            ..ResponseHead::default()
        };
        match login::token(&status, &body) {
            Some(token) => Ok(token),
            // A sign-on page of a proxy speaks for itself.
            None if head.status.is_success() && !body.trim_ascii_start().starts_with(b"<") => {
                let why = "the response to the login has no token; does HOMER_URL point to Homer?";
                Err(Error::InternalError(Some(why.to_string())).into())
            }
            None => Err(LoginError::Rejected(Box::new(Response::from_parts(
                head,
                in_memory(body),
            )))),
        }
    }

    /// Sends one request and waits for the head of the response, within the timeouts. Also
    /// returns whether the response states where its body ends.
    async fn send_once(
        &self,
        target: &Target,
        mut request: Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<(Response<WasiBody>, bool), Error> {
        let mut connected = capture_connection(&mut request);
        let mut response = target.client.request(request);
        // The wait for the first byte begins when there is a connection, whether new or kept alive.
        // A kept connection may respond before this is reported.
        let early = tokio::select! {
            response = &mut response => Some(response),
            _ = connected.wait_for_connection_metadata() => None,
            () = tokio::time::sleep(timeouts.connect) => return Err(Error::ConnectionTimeout),
        };
        let response = match early {
            Some(response) => response,
            None => tokio::time::timeout(timeouts.first_byte, response)
                .await
                .map_err(|_| Error::ConnectionReadTimeout)?,
        };
        let mut response = response.map_err(|error| error::of_request(&error))?;
        // The component does not need it, and it may be a credential.
        response.headers_mut().remove(SET_COOKIE);
        let is_framed = [CONTENT_LENGTH, TRANSFER_ENCODING]
            .iter()
            .any(|name| response.headers().contains_key(name));
        // The limit is one for captures. An error message may be longer than a small limit.
        let limit = if response.status() == StatusCode::OK {
            self.limits.response_bytes
        } else {
            self.limits.response_bytes.max(MAX_ERROR_BODY as u64)
        };
        // A Content-Length above the limit: there is no need to receive the body first.
        if hyper::body::Body::size_hint(response.body()).lower() > limit {
            return Err(Error::HttpResponseBodySize(Some(limit)));
        }
        let response = response
            .map(|body| LimitedBody::new(body, limit, timeouts.between_bytes).boxed_unsync());
        Ok((response, is_framed))
    }
}

/// Why a login returned no token.
enum LoginError {
    /// Homer rejected it with this response.
    Rejected(Box<Response<WasiBody>>),
    /// There was no response, or it could not be read.
    Transport(Error),
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

/// How long one request may take: what the component asks for, but no longer than the policy
/// allows.
#[derive(Clone, Copy)]
struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    fn new(asked: RequestOptions, limits: &Limits) -> Self {
        let at_most = |asked: Option<Duration>, limit: Duration| {
            asked.map_or(limit, |asked| asked.min(limit))
        };
        Self {
            connect: at_most(asked.connect_timeout, limits.connect),
            first_byte: at_most(asked.first_byte_timeout, limits.first_byte),
            between_bytes: at_most(asked.between_bytes_timeout, limits.between_bytes),
        }
    }
}

/// Most bytes that the component reads of the response to a request, if it is not a capture,
/// inclusive.
fn max_text(request: &Request<WasiBody>) -> usize {
    match request.uri().path().ends_with(SEARCH_PATH) {
        // One byte more shows the component that a response is too large.
        true => MAX_RESPONSE + 1,
        false => MAX_ERROR_BODY,
    }
}

/// A body that is in memory.
fn in_memory(bytes: Bytes) -> WasiBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The head of a response, and up to [`MAX_ERROR_BODY`] bytes of its body.
async fn read_prefix(
    response: Response<WasiBody>,
) -> Result<(http::response::Parts, Bytes), Error> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await.transpose()? {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_ERROR_BODY {
            bytes.truncate(MAX_ERROR_BODY);
            break;
        }
    }
    Ok((head, bytes.into()))
}

/// The response, and whether it rejects the credential. Only the body of a response that may do so
/// is read; all others are returned untouched.
async fn check_rejection(
    response: Response<WasiBody>,
) -> Result<(Response<WasiBody>, bool), Error> {
    if !matches!(response.status().as_u16(), 400 | 401 | 403) {
        return Ok((response, false));
    }
    let (head, body) = read_prefix(response).await?;
    let rejects = response::refuses_credential(
        head.status.as_u16(),
        &response::message(&body).unwrap_or_default(),
    );
    Ok((Response::from_parts(head, in_memory(body)), rejects))
}

impl Target {
    /// The request as it goes out: addressed to the authority of the policy, and with the header
    /// fields for a proxy.
    fn prepare(&self, request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.base.origin().authority();
        head.uri = Uri::builder()
            .scheme(self.base.origin().scheme().as_str())
            .authority(authority.as_str())
            .path_and_query(path)
            .build()
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        head.headers.insert(
            HOST,
            HeaderValue::try_from(authority).map_err(|_| Error::HttpRequestUriInvalid)?,
        );
        self.extra_fields.set_in(&mut head.headers);
        Ok(Request::from_parts(head, body))
    }
}

/// The origin of a request, or `None` if its URI has no valid one. A URI with user information
/// (`http://user@host`) has none.
fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    Origin::from_parts(scheme, uri.authority()?.as_str()).ok()
}

/// What the host noticed about the transfers of one instance, and the component cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransferNotes {
    /// The last capture had neither a Content-Length nor chunked encoding, as HTTP/1.0 servers and
    /// some proxies send it (docs/homer.md §7). Then only the closed connection shows its end (RFC
    /// 9112 §6.3, item 8), and a cut between two packet records cannot be detected.
    pub(crate) end_unproven: bool,
}

/// The way out of one instance: the shared one, and the notes about its transfers.
pub(crate) struct InstanceOutbound {
    shared: Arc<Outbound>,
    // Shared with the requests under way, which outlive the calls that started them.
    end_unproven: Arc<AtomicBool>,
    /// The number of requests of this instance so far.
    requests: AtomicU32,
    /// The last response, if responses are hashed.
    last_response: Option<LastResponse>,
}

impl InstanceOutbound {
    pub(crate) fn new(shared: &Arc<Outbound>) -> Self {
        Self {
            shared: Arc::clone(shared),
            end_unproven: Arc::default(),
            requests: AtomicU32::new(0),
            last_response: None,
        }
    }

    /// From now on, hashes each response that may be a capture.
    pub(crate) fn hash_responses(&mut self) {
        self.last_response = Some(LastResponse::default());
    }

    /// The last response that was received to its end, if responses are hashed.
    pub(crate) fn last_response(&self) -> Option<HashedResponse> {
        self.last_response.as_ref()?.get()
    }

    /// What was noticed until now.
    pub(crate) fn notes(&self) -> TransferNotes {
        TransferNotes {
            end_unproven: self.end_unproven.load(Ordering::Relaxed),
        }
    }
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for InstanceOutbound {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&self.shared.forbidden)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let shared = Arc::clone(&self.shared);
        let end_unproven = Arc::clone(&self.end_unproven);
        let last_response = self.last_response.clone();
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        Box::new(async move {
            let limit = shared.limits.requests;
            if before >= limit {
                let why = format!("more than {limit} requests of one export or search");
                return Err(Error::InternalError(Some(why)));
            }
            let mut response = shared.send(request, options, &end_unproven).await?;
            if let Some(last) = last_response.filter(|_| response.status() == StatusCode::OK) {
                response = response.map(|body| HashedBody::new(body, last).boxed_unsync());
            }
            // wasmtime-wasi-http polls this for as long as the response is read. hyper's client
            // runs the connection in a task of its own, so there is nothing to do.
            let nothing_more: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, nothing_more))
        })
    }
}

/// Why a response body ended early, for `wasi:http/types.http-error-code`.
pub(crate) fn body_error_code(error: &wasmtime::Error) -> Option<ErrorCode> {
    error.downcast_ref::<Error>().and_then(error::code)
}
