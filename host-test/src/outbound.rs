//! The component's only way out: requests to allowed origins, with the credential added here, within the policy's limits.

mod body;
mod connection;
mod fault;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use homer_export::homer::reply::MAX_ERROR_BODY;
use homer_export::origin::Scheme;
use homer_export::{ExportError, Origin};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use self::body::LimitedBody;
use self::connection::Connector;
use crate::policy::{AllowedOrigin, Limits, Policy};

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
    origin: Origin,
    credential: Option<(HeaderName, HeaderValue)>,
}

impl Outbound {
    /// From a policy.
    ///
    /// # Errors
    /// `misconfigured` if the policy's certificates cannot be read, or there are none and an HTTPS origin is allowed.
    pub(crate) fn new(policy: &Policy) -> Result<Self, ExportError> {
        let tls = connection::tls(policy)?;
        let mut targets = HashMap::new();
        let mut secret_headers = vec![AUTHORIZATION, COOKIE];
        for AllowedOrigin { origin, credential } in &policy.allowed {
            let credential = match credential.as_ref().map(homer_export::Credential::header) {
                None => None,
                Some((name, value)) => {
                    // Both were parsed to what RFC 9110 allows.
                    let unusable = || ExportError::Misconfigured("the credential cannot be sent by HTTP".to_string());
                    let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
                    value.set_sensitive(true);
                    let name = HeaderName::try_from(name).map_err(|_| unusable())?;
                    secret_headers.push(name.clone());
                    Some((name, value))
                }
            };
            let client = Client::builder(TokioExecutor::new())
                .pool_idle_timeout(KEEP_ALIVE)
                .pool_timer(TokioTimer::new())
                .http1_max_buf_size(policy.limits.response_header_bytes.max(8192))
                .build(Connector::new(origin, tls.as_ref(), policy.limits.connect));
            targets.insert(origin.clone(), Target { client, origin: origin.clone(), credential });
        }
        // A guest that could set one of these could smuggle a credential of its own, or find out about ours.
        let forbidden: ForbiddenHeaderFilter =
            Arc::new(move |name| DEFAULT_FORBIDDEN_HEADERS.contains(name) || secret_headers.contains(name));
        Ok(Self { targets: Arc::new(targets), forbidden, limits: policy.limits, end_unproven: Arc::default() })
    }

    /// The same way out, for one instance.
    pub(crate) fn for_instance(&self) -> Self {
        Self { end_unproven: Arc::default(), ..self.clone() }
    }

    /// Whether this instance got a capture whose end only the closed connection showed, as HTTP/1.0 servers and some
    /// proxies send it: if it was cut between two packet records, nobody can tell.
    pub(crate) fn end_is_unproven(&self) -> bool {
        self.end_unproven.load(Ordering::Relaxed)
    }

    /// The request to an allowed origin, sent.
    async fn send(
        self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Response<WasiBody>, Error> {
        let target = origin(request.uri()).and_then(|origin| self.targets.get(&origin));
        let target = target.ok_or(Error::HttpRequestDenied)?;
        let mut request = target.prepare(request)?;

        let limits = &self.limits;
        let at_most = |asked: Option<Duration>, limit: Duration| asked.map_or(limit, |asked| asked.min(limit));
        let options = options.unwrap_or_default();
        let connect = at_most(options.connect_timeout, limits.connect);
        let first_byte = at_most(options.first_byte_timeout, limits.first_byte);
        let between_bytes = at_most(options.between_bytes_timeout, limits.between_bytes);

        let mut connected = capture_connection(&mut request);
        let mut reply = target.client.request(request);
        // The wait for the first byte begins when there is a connection, new or kept.
        let early = tokio::select! {
            reply = &mut reply => Some(reply),
            _ = connected.wait_for_connection_metadata() => None,
            () = tokio::time::sleep(connect) => return Err(Error::ConnectionTimeout),
        };
        let reply = match early {
            Some(reply) => reply,
            None => tokio::time::timeout(first_byte, reply).await.map_err(|_| Error::ConnectionReadTimeout)?,
        };
        let mut reply = reply.map_err(|error| fault::of_request(&error))?;
        for name in [SET_COOKIE, WWW_AUTHENTICATE] {
            reply.headers_mut().remove(name);
        }
        let is_capture = reply.status() == StatusCode::OK;
        let framed = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| reply.headers().contains_key(name));
        self.end_unproven.store(is_capture && !framed, Ordering::Relaxed);
        // An error's text may be longer than the captures that are allowed.
        let limit = if is_capture { limits.response_bytes } else { limits.response_bytes.max(MAX_ERROR_BODY as u64) };
        if hyper::body::Body::size_hint(reply.body()).lower() > limit {
            return Err(Error::HttpResponseBodySize(Some(limit)));
        }
        Ok(reply.map(|body| LimitedBody::new(body, limit, between_bytes).boxed_unsync()))
    }
}

impl Target {
    /// The request as it goes out: to the policy's authority, with the policy's credential.
    fn prepare(&self, request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.origin.authority();
        head.uri = Uri::builder()
            .scheme(self.origin.scheme().as_str())
            .authority(authority.as_str())
            .path_and_query(path)
            .build()
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        head.headers.insert(HOST, HeaderValue::try_from(authority).map_err(|_| Error::HttpRequestUriInvalid)?);
        if let Some((name, value)) = &self.credential {
            head.headers.insert(name.clone(), value.clone());
        }
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

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

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
            let nothing_more: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, nothing_more))
        })
    }
}

/// What broke a reply's body off, for `wasi:http/types.http-error-code`.
pub(crate) fn body_error_code(error: &wasmtime::Error) -> Option<ErrorCode> {
    error.downcast_ref::<Error>().and_then(fault::code)
}
