//! The login at one origin. Its token is cached until shortly before it expires, and all exports
//! share it.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use homer_export::homer::LoginType;
use http::{HeaderValue, Response};
use serde_json::Value;
use tokio::sync::Mutex;
use wasmtime_wasi_http::{Error, WasiBody};

use super::in_memory;

/// How long before its expiry a token is no longer used. A token of Homer is valid for 20 hours by
/// default (docs/homer.md §3). The margin covers clocks that differ, and the time that a request
/// needs to arrive.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);

/// How long a rejected login is remembered. A model that tries again and again would otherwise lock
/// the account.
const REFUSAL_KEPT: Duration = Duration::from_secs(60);

/// Tokens that are redacted in responses: the one in use, and those before it. A response to a
/// request with an earlier one may still be under way.
const REDACTED_TOKENS: usize = 4;

/// User name and password for one origin, and what the last login returned.
pub(super) struct TokenCache {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) login_type: LoginType,
    last: Mutex<LastLogin>,
    /// The last tokens, newest first. Not in `last`, because that is locked during a login, and
    /// responses to other exports arrive meanwhile.
    tokens: std::sync::Mutex<VecDeque<String>>,
}

/// What the last login returned.
#[derive(Default)]
struct LastLogin {
    token: Option<Token>,
    /// Why it failed, and when.
    failure: Option<(Instant, LoginError)>,
}

/// The response with which Homer rejected a login, and the beginning of its body.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) head: http::response::Parts,
    pub(super) body: Bytes,
}

impl Refusal {
    pub(super) fn response(self) -> Response<WasiBody> {
        Response::from_parts(self.head, in_memory(self.body))
    }

    /// Whether another login with the same password would be rejected as well, and might count as
    /// one more wrong password: the server rejected or redirected the request and has not failed
    /// (RFC 9110 §15.4 to §15.6), and it did not ask for patience.
    fn is_final(&self) -> bool {
        matches!(self.head.status.as_u16(), 300..=401 | 403 | 422 | 423)
    }
}

/// Why a login returned no token.
pub(super) enum LoginError {
    /// Homer rejected it.
    Rejected(Refusal),
    /// There was no response, or it could not be read.
    Transport(Error),
}

impl LoginError {
    /// Whether a login that is wanted now would fail in the same way. `wanted` is the time since
    /// when it is.
    fn still_holds(&self, at: Instant, wanted: Instant) -> bool {
        match self {
            Self::Rejected(refusal) if refusal.is_final() => at.elapsed() < REFUSAL_KEPT,
            // Exports that waited for a login share its failure. Otherwise each of them would wait
            // for another timeout, one after the other.
            Self::Rejected(_) | Self::Transport(_) => wanted < at,
        }
    }

    /// The same error again, unless it is of a kind that occurs only once.
    fn again(&self) -> Option<Self> {
        let error = match self {
            Self::Rejected(refusal) => return Some(Self::Rejected(refusal.clone())),
            Self::Transport(error) => match error {
                Error::ConnectionReadTimeout => Error::ConnectionReadTimeout,
                Error::ConnectionRefused => Error::ConnectionRefused,
                Error::ConnectionTerminated => Error::ConnectionTerminated,
                Error::ConnectionTimeout => Error::ConnectionTimeout,
                Error::DestinationUnavailable => Error::DestinationUnavailable,
                Error::HttpProtocolError => Error::HttpProtocolError,
                Error::InternalError(why) => Error::InternalError(why.clone()),
                Error::TlsCertificateError => Error::TlsCertificateError,
                Error::TlsProtocolError => Error::TlsProtocolError,
                _ => return None,
            },
        };
        Some(Self::Transport(error))
    }
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

/// A token that Homer issued.
#[derive(Clone)]
pub(super) struct Token {
    /// The value of the `Authorization` header field.
    pub(super) bearer: HeaderValue,
    /// The number of the login that returned this token, counted from 1.
    login: u64,
    /// Whether the caller of [`TokenCache::token`] caused this login, so that the token is not
    /// from the cache.
    pub(super) fresh: bool,
    use_until: Option<SystemTime>,
}

impl TokenCache {
    pub(super) fn new(username: &str, password: &str, login_type: LoginType) -> Self {
        Self {
            username: username.to_string(),
            password: password.to_string(),
            login_type,
            last: Mutex::default(),
            tokens: std::sync::Mutex::default(),
        }
    }

    /// The cached token, or the token of a new login. `rejected` is a token that Homer no longer
    /// accepts.
    ///
    /// # Errors
    /// As `log_in`. A rejection is returned again for a minute, and any failure to those who have
    /// waited for this login. Also if the token does not fit into
    /// a header field.
    pub(super) async fn token(
        &self,
        rejected: Option<&Token>,
        log_in: impl Future<Output = Result<String, LoginError>>,
    ) -> Result<Token, LoginError> {
        // The lock is held during the login. Concurrent exports wait for it and use its token, so
        // that a full queue of exports logs in once and not a hundred times.
        let wanted = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(token) = &last.token
            && token
                .use_until
                .is_none_or(|until| SystemTime::now() < until)
            // Another export may have replaced the rejected token already.
            && rejected.is_none_or(|rejected| rejected.login != token.login)
        {
            return Ok(Token {
                fresh: false,
                ..token.clone()
            });
        }
        if let Some((at, failure)) = &last.failure
            && failure.still_holds(*at, wanted)
            && let Some(again) = failure.again()
        {
            return Err(again);
        }
        let logged_in = log_in.await;
        let failure = logged_in.as_ref().err().and_then(LoginError::again);
        last.failure = failure.map(|failure| (Instant::now(), failure));
        let jwt = logged_in?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {jwt}"))
            .map_err(|_| LoginError::Transport(Error::HttpProtocolError))?;
        bearer.set_sensitive(true);
        self.remember(jwt.clone());
        let login = last.token.as_ref().map_or(1, |token| token.login + 1);
        let token = Token {
            bearer,
            login,
            fresh: true,
            use_until: expiry(&jwt).map(|expiry| expiry - EXPIRY_MARGIN),
        };
        last.token = Some(token.clone());
        Ok(token)
    }

    fn remember(&self, jwt: String) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.push_front(jwt);
        tokens.truncate(REDACTED_TOKENS);
    }

    /// The password, and the last tokens.
    pub(super) fn to_redact(&self) -> Vec<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = vec![self.password.clone()];
        secrets.extend(tokens.iter().cloned());
        secrets
    }
}

/// The expiry of a JSON web token (RFC 7519 §4.1.4), if it states one. Its signature is not
/// checked; only Homer can do that.
fn expiry(jwt: &str) -> Option<SystemTime> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    UNIX_EPOCH
        .checked_add(Duration::from_secs(claims["exp"].as_u64()?))
        // An earlier one could not be reduced by the margin.
        .filter(|expiry| *expiry > UNIX_EPOCH + EXPIRY_MARGIN)
}
