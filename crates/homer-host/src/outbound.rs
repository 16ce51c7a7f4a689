//! The component's only way out: requests to allowed origins, with the credential added here,
//! within the policy's limits.

mod body;
mod connection;
mod fault;
mod session;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use homer_export::homer::login;
use homer_export::homer::response::{self, MAX_ERROR_BODY};
use homer_export::origin::Scheme;
use homer_export::transport::ResponseHead;
use homer_export::{BaseUrl, Credential, ExportError, Origin};
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, TRANSFER_ENCODING,
    WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
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
use self::session::{Session, Token};
use crate::policy::{AllowedOrigin, Limits, Policy};

/// Longest request body that is kept to be sent anew after a fresh login, in bytes: 100 Call-IDs
/// take 210 KB at most.
const MAX_REQUEST_BODY: usize = 1024 * 1024;

/// How long an idle connection is kept for the next export.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where requests may go, with connections kept alive between exports. Shared by all instances.
#[derive(Clone)]
pub(crate) struct Outbound {
    targets: Arc<HashMap<Origin, Target>>,
    forbidden: ForbiddenHeaderFilter,
    limits: Limits,
    end_unproven: Arc<AtomicBool>,
}

/// An allowed origin.
struct Target {
    client: Client<Connector, WasiBody>,
    /// As the policy spells it: what the component wrote never reaches the wire.
    base: BaseUrl,
    credential: Secret,
}

/// How the host identifies itself at an origin.
enum Secret {
    None,
    Field(HeaderName, HeaderValue, Credential),
    Session(Session),
}

impl Outbound {
    /// From a policy.
    ///
    /// # Errors
    /// `misconfigured` if the policy's certificates cannot be read, or there are none and an HTTPS
    /// origin is allowed.
    pub(crate) fn new(policy: &Policy) -> Result<Self, ExportError> {
        let tls = tls::connector(policy)?;
        let mut targets = HashMap::new();
        let mut secret_headers = if policy.own_credentials {
            vec![]
        } else {
            vec![AUTHORIZATION, COOKIE]
        };
        for AllowedOrigin { base, credential } in &policy.allowed {
            let origin = base.origin();
            let credential = match credential {
                None => Secret::None,
                Some(Credential::Login { username, password }) => {
                    secret_headers.push(AUTHORIZATION);
                    Secret::Session(Session::new(username, password))
                }
                Some(credential) => {
                    // Both were parsed to what RFC 9110 allows.
                    let unusable = || {
                        ExportError::Misconfigured(
                            "the credential cannot be sent by HTTP".to_string(),
                        )
                    };
                    let (name, value) = credential.header().ok_or_else(unusable)?;
                    let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
                    value.set_sensitive(true);
                    let name = HeaderName::try_from(name).map_err(|_| unusable())?;
                    secret_headers.push(name.clone());
                    Secret::Field(name, value, credential.clone())
                }
            };
            let client = Client::builder(TokioExecutor::new())
                .pool_idle_timeout(KEEP_ALIVE)
                .pool_timer(TokioTimer::new())
                .http1_max_buf_size(policy.limits.response_header_bytes.max(8192))
                .build(Connector::new(origin, tls.as_ref(), policy.limits.connect));
            targets.insert(
                origin.clone(),
                Target {
                    client,
                    base: base.clone(),
                    credential,
                },
            );
        }
        // A guest that could set one of these could smuggle a credential of its own, or find out
        // about ours.
        let forbidden: ForbiddenHeaderFilter = Arc::new(move |name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name) || secret_headers.contains(name)
        });
        Ok(Self {
            targets: Arc::new(targets),
            forbidden,
            limits: policy.limits,
            end_unproven: Arc::default(),
        })
    }

    /// The same way out, for one instance.
    pub(crate) fn for_instance(&self) -> Self {
        Self {
            end_unproven: Arc::default(),
            ..self.clone()
        }
    }

    /// Whether this instance got a capture whose end only the closed connection showed, as HTTP/1.0
    /// servers and some proxies send it: if it was cut between two packet records, nobody can tell.
    pub(crate) fn end_is_unproven(&self) -> bool {
        self.end_unproven.load(Ordering::Relaxed)
    }

    /// `text` without any of our credentials: a server may have sent one back to us.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.targets
            .values()
            .fold(text.to_string(), |text, target| match &target.credential {
                Secret::None => text,
                Secret::Field(_, _, credential) => credential.redact(&text),
                Secret::Session(session) => session.redacted(&text),
            })
    }

    /// The request to an allowed origin, sent with the credential for it.
    async fn send(
        self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Response<WasiBody>, Error> {
        let target = origin(request.uri()).and_then(|origin| self.targets.get(&origin));
        let target = target.ok_or(Error::HttpRequestDenied)?;
        let mut request = target.prepare(request)?;
        let timeouts = Timeouts::new(options.unwrap_or_default(), &self.limits);
        match &target.credential {
            Secret::None => self.exchange(target, request, timeouts).await,
            Secret::Field(name, value, _) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.exchange(target, request, timeouts).await
            }
            Secret::Session(session) => self.exchange_in(session, target, request, timeouts).await,
        }
    }

    /// A request with the token of a login. If Homer refuses a token that was cached, there is one
    /// fresh login; the request was not worked on then.
    async fn exchange_in(
        &self,
        session: &Session,
        target: &Target,
        request: Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<Response<WasiBody>, Error> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_REQUEST_BODY)
            .collect()
            .await
            .map_err(|_| Error::HttpRequestBodySize(None))?
            .to_bytes();
        let mut refused: Option<Token> = None;
        loop {
            let log_in = self.log_in(session, target, timeouts);
            let unusable = || NoToken::Error(Error::HttpProtocolError);
            let token = match session.token(refused.as_ref(), log_in, unusable).await {
                Ok(token) => token,
                // The component reads the refusal of the login as that of the export.
                Err(NoToken::Reply(reply)) => return Ok(*reply),
                Err(NoToken::Error(error)) => return Err(error),
            };
            let mut head = head.clone();
            head.headers.insert(AUTHORIZATION, token.bearer.clone());
            let reply = self
                .exchange(
                    target,
                    Request::from_parts(head, whole(body.clone())),
                    timeouts,
                )
                .await?;
            if token.fresh || refused.is_some() {
                return Ok(reply);
            }
            let (reply, was_refused) = look_for_refusal(reply).await?;
            if !was_refused {
                return Ok(reply);
            }
            refused = Some(token);
        }
    }

    /// The token of a login at `target`.
    async fn log_in(
        &self,
        session: &Session,
        target: &Target,
        timeouts: Timeouts,
    ) -> Result<String, NoToken> {
        let login = login::login_request(&target.base, &session.username, &session.password);
        let request = Request::post(login.path)
            .header(CONTENT_TYPE, "application/json")
            .body(whole(login.body.into()))
            .map_err(|_| NoToken::Error(Error::HttpRequestUriInvalid))?;
        let request = target.prepare(request).map_err(NoToken::Error)?;
        let reply = self
            .exchange(target, request, timeouts)
            .await
            .map_err(NoToken::Error)?;
        let (head, said) = beginning(reply).await.map_err(NoToken::Error)?;
        let status = ResponseHead {
            status: head.status.as_u16(),
            ..ResponseHead::default()
        };
        match login::token(&status, &said) {
            Some(token) => Ok(token),
            None if head.status.is_success() => {
                let why =
                    "the login was answered without a token; is HOMER_URL the address of a Homer?";
                Err(NoToken::Error(Error::InternalError(Some(why.to_string()))))
            }
            None => Err(NoToken::Reply(Box::new(Response::from_parts(
                head,
                whole(said),
            )))),
        }
    }

    /// One request and the head of its reply, within the timeouts.
    async fn exchange(
        &self,
        target: &Target,
        mut request: Request<WasiBody>,
        timeouts: Timeouts,
    ) -> Result<Response<WasiBody>, Error> {
        let mut connected = capture_connection(&mut request);
        let mut reply = target.client.request(request);
        // The wait for the first byte begins when there is a connection, new or kept.
        let early = tokio::select! {
            reply = &mut reply => Some(reply),
            _ = connected.wait_for_connection_metadata() => None,
            () = tokio::time::sleep(timeouts.connect) => return Err(Error::ConnectionTimeout),
        };
        let reply = match early {
            Some(reply) => reply,
            None => tokio::time::timeout(timeouts.first_byte, reply)
                .await
                .map_err(|_| Error::ConnectionReadTimeout)?,
        };
        let mut reply = reply.map_err(|error| fault::of_request(&error))?;
        for name in [SET_COOKIE, WWW_AUTHENTICATE] {
            reply.headers_mut().remove(name);
        }
        let is_capture = reply.status() == StatusCode::OK;
        let framed = [CONTENT_LENGTH, TRANSFER_ENCODING]
            .iter()
            .any(|name| reply.headers().contains_key(name));
        self.end_unproven
            .store(is_capture && !framed, Ordering::Relaxed);
        // An error's text may be longer than the captures that are allowed.
        let limits = &self.limits;
        let limit = if is_capture {
            limits.response_bytes
        } else {
            limits.response_bytes.max(MAX_ERROR_BODY as u64)
        };
        if hyper::body::Body::size_hint(reply.body()).lower() > limit {
            return Err(Error::HttpResponseBodySize(Some(limit)));
        }
        Ok(reply.map(|body| LimitedBody::new(body, limit, timeouts.between_bytes).boxed_unsync()))
    }
}

/// Why a login brought no token.
enum NoToken {
    /// Homer's refusal.
    Reply(Box<Response<WasiBody>>),
    /// There was no reply, or none that could be read.
    Error(Error),
}

/// How long one request may take: what the component asks for, or what the policy allows if that is
/// less.
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

/// A body that is in memory.
fn whole(bytes: Bytes) -> WasiBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The head of a reply and the beginning of its body, up to [`MAX_ERROR_BODY`] bytes.
async fn beginning(reply: Response<WasiBody>) -> Result<(http::response::Parts, Bytes), Error> {
    let (head, mut body) = reply.into_parts();
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

/// The reply, and whether it refuses the credentials; the body of any other passes through
/// untouched.
async fn look_for_refusal(reply: Response<WasiBody>) -> Result<(Response<WasiBody>, bool), Error> {
    if !matches!(reply.status().as_u16(), 400 | 401 | 403) {
        return Ok((reply, false));
    }
    let (head, said) = beginning(reply).await?;
    let refused = response::refuses_credential(
        head.status.as_u16(),
        &response::message(&said).unwrap_or_default(),
    );
    Ok((Response::from_parts(head, whole(said)), refused))
}

impl Target {
    /// The request as it goes out: to the policy's authority.
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
        Ok(Request::from_parts(head, body))
    }
}

/// The origin of a request, or none if its URI has no proper one; a user name in it is none.
fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    Origin::from_parts(scheme, uri.authority()?.as_str()).ok()
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Outbound {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&self.forbidden)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let outbound = self.clone();
        Box::new(async move {
            let response = outbound.send(request, options).await?;
            let nothing_more: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, nothing_more))
        })
    }
}

/// What broke a reply's body off, for `wasi:http/types.http-error-code`.
pub(crate) fn body_error_code(error: &wasmtime::Error) -> Option<ErrorCode> {
    error.downcast_ref::<Error>().and_then(fault::code)
}
