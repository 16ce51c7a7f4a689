//! Outbound HTTP of a component: allow-list of endpoints, limits, credential injection.
//!
//! A component has no other way out. It cannot see the credential that the host adds here.

mod body;
mod connection;
mod credential_search;
mod decoded_text;
mod error;
mod exchange;
mod hashed_body;
mod measured_body;
mod redaction;
mod tls;
mod token_cache;
mod unread;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use homer_export::homer::login;
use homer_export::homer::response::{self, MAX_ERROR_BODY};
use homer_export::homer::search::{MAX_RESPONSE, SEARCH_PATH};
use homer_export::origin::Scheme;
use homer_export::transport::ResponseHead;
use homer_export::{BaseUrl, Credential, ExportError, Origin};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
};

use self::body::LimitedBody;
use self::connection::Connector;
use self::redaction::{Expected, MORE_TEXT};
use self::token_cache::{LoginError, Refusal, Token, TokenCache};
use self::unread::UnreadBytes;
use crate::extra_fields::ExtraFields;
use crate::policy::{AllowedOrigin, Limits, Policy, RESPONSE_FIELDS};

pub(crate) use self::exchange::{InstanceOutbound, TransferNotes};
pub(crate) use self::unread::UnreadBytes as Unread;

pub(crate) use self::hashed_body::HashedResponse;

/// The largest request body in bytes that is kept, so that it can be sent again after a new login.
/// A request for 100 Call-IDs has at most 210 KB.
const MAX_REQUEST_BODY: usize = 1024 * 1024;

/// Bytes of a response that are read to find out whether it rejects a credential, inclusive.
const MAX_PREFIX: usize = MAX_ERROR_BODY + MORE_TEXT;

/// How long an idle connection is kept for the next export.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where requests may go, with connections that are kept alive between exports. All instances of
/// an exporter share it.
pub(crate) struct Outbound {
    targets: HashMap<Origin, Target>,
    /// The header fields that a component may set in a request.
    request_fields: Arc<[HeaderName]>,
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
    Login(Box<TokenCache>),
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
                return Ok(Self::Login(Box::new(tokens)));
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
        // A component that could set one of the fields with credentials could send a credential of
        // its own, or find out about ours by a collision.
        let mut request_fields = policy.request_fields();
        request_fields.retain(|name| {
            !DEFAULT_FORBIDDEN_HEADERS.contains(name) && !credential_headers.contains(name)
        });
        let request_fields: Arc<[HeaderName]> = request_fields.into();
        let allowed = Arc::clone(&request_fields);
        // Wasmtime applies it to responses as well. `send` tells the two apart.
        let forbidden: ForbiddenHeaderFilter = Arc::new(move |name| {
            !allowed.contains(name) && !RESPONSE_FIELDS.contains(&name.as_str())
        });
        Ok(Self {
            targets,
            request_fields,
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
        unread: &UnreadBytes,
    ) -> Result<Response<WasiBody>, Error> {
        let target = origin(request.uri()).and_then(|origin| self.targets.get(&origin));
        let target = target.filter(|target| target.allows(&request));
        let target = target.ok_or(Error::HttpRequestDenied)?;
        let mut names = request.headers().keys();
        // The host itself adds the host and the length.
        if !names.all(|name| *name == HOST || self.request_fields.contains(name)) {
            return Err(Error::HttpRequestDenied);
        }
        let expected = expected(&request);
        let mut request = target.prepare(request)?;
        let timeouts = Timeouts::new(options.unwrap_or_default(), &self.limits);
        let (response, is_framed) = match &target.credential {
            TargetCredential::None => self.send_once(target, request, timeouts, unread).await?,
            TargetCredential::Field(name, value, _) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.send_once(target, request, timeouts, unread).await?
            }
            TargetCredential::Login(tokens) => {
                self.send_authenticated(tokens, target, request, timeouts, unread)
                    .await?
            }
        };
        let held = unread::Unread::new(unread);
        let response = redaction::redact(response, &target.to_redact(), expected, held);
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
        unread: &UnreadBytes,
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
            let token = match tokens.token(rejected.as_ref(), log_in).await {
                Ok(token) => token,
                // The component reads the rejected login as the response to its own request. The
                // core then explains it as it explains a login of the component itself.
                Err(LoginError::Rejected(refusal)) => return Ok((refusal.response(), true)),
                Err(LoginError::Transport(error)) => return Err(error),
            };
            let mut head = head.clone();
            head.headers.insert(AUTHORIZATION, token.bearer.clone());
            let request = Request::from_parts(head, in_memory(body.clone()));
            let sent = self.send_once(target, request, timeouts, unread);
            let (response, is_framed) = sent.await?;
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
        let unread = UnreadBytes::default();
        let sent = self.send_once(target, request, timeouts, &unread);
        let (head, body) = read_prefix(sent.await?.0).await?;
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
            None => Err(LoginError::Rejected(Refusal { head, body })),
        }
    }

    /// Sends one request and waits for the head of the response, within the timeouts. Also
    /// returns whether the response states where its body ends.
    async fn send_once(
        &self,
        target: &Target,
        mut request: Request<WasiBody>,
        timeouts: Timeouts,
        unread: &UnreadBytes,
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
        let is_framed = [CONTENT_LENGTH, TRANSFER_ENCODING]
            .iter()
            .any(|name| response.headers().contains_key(name));
        keep_response_fields(response.headers_mut());
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
            .map(|body| LimitedBody::new(body, limit, timeouts.between_bytes, unread))
            .map(BodyExt::boxed_unsync);
        Ok((response, is_framed))
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

/// What the response to a request may be, and how much of it the component reads.
fn expected(request: &Request<WasiBody>) -> Expected {
    match request.uri().path().ends_with(SEARCH_PATH) {
        // One byte more shows the component that a response is too large.
        true => Expected::Rows {
            max_text: MAX_RESPONSE + 1,
        },
        false => Expected::Capture {
            max_text: MAX_ERROR_BODY,
        },
    }
}

/// Removes the header fields of a response that the policy does not list.
fn keep_response_fields(fields: &mut HeaderMap) {
    let removed: Vec<HeaderName> = fields
        .keys()
        .filter(|name| !RESPONSE_FIELDS.contains(&name.as_str()))
        .cloned()
        .collect();
    for name in removed {
        fields.remove(name);
    }
}

/// A body that is in memory.
fn in_memory(bytes: Bytes) -> WasiBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The head of a response, and the beginning of its body: what the component reads of it, and what
/// the redaction needs in addition.
async fn read_prefix(
    response: Response<WasiBody>,
) -> Result<(http::response::Parts, Bytes), Error> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await.transpose()? {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_PREFIX {
            bytes.truncate(MAX_PREFIX);
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
    let message = response::message(body.get(..MAX_ERROR_BODY).unwrap_or(&body));
    let rejects = response::refuses_credential(head.status.as_u16(), &message.unwrap_or_default());
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

/// Why a response body ended early, for `wasi:http/types.http-error-code`.
pub(crate) fn body_error_code(error: &wasmtime::Error) -> Option<ErrorCode> {
    error.downcast_ref::<Error>().and_then(error::code)
}
