//! The login at one origin. Its token is cached until shortly before it expires, and all exports
//! share it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use homer_export::homer::LoginType;
use http::HeaderValue;
use serde_json::Value;
use tokio::sync::Mutex;

/// How long before its expiry a token is no longer used. A token of Homer is valid for 20 hours by
/// default (docs/homer.md §3). The margin covers clocks that differ, and the time that a request
/// needs to arrive.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);

/// User name and password for one origin, and the token that the last login returned.
pub(super) struct TokenCache {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) login_type: LoginType,
    token: Mutex<Option<Token>>,
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
            token: Mutex::new(None),
        }
    }

    /// The cached token, or the token of a new login. `rejected` is a token that Homer no longer
    /// accepts. `unusable` is the error if the token does not fit into a header field.
    pub(super) async fn token<E>(
        &self,
        rejected: Option<&Token>,
        log_in: impl Future<Output = Result<String, E>>,
        unusable: impl FnOnce() -> E,
    ) -> Result<Token, E> {
        // The lock is held during the login. Concurrent exports wait for it and use its token, so
        // that a full queue of exports logs in once and not a hundred times.
        let mut cached = self.token.lock().await;
        if let Some(token) = &*cached
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
        let jwt = log_in.await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {jwt}")).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        let login = cached.as_ref().map_or(1, |token| token.login + 1);
        let token = Token {
            bearer,
            login,
            fresh: true,
            use_until: expiry(&jwt).map(|expiry| expiry - EXPIRY_MARGIN),
        };
        *cached = Some(token.clone());
        Ok(token)
    }

    /// The password, and the token if there is one.
    pub(super) fn to_redact(&self) -> Vec<String> {
        let cached = self.token.try_lock().ok().and_then(|token| token.clone());
        let token = cached.as_ref().and_then(|token| token.bearer.to_str().ok());
        let jwt = token.and_then(|token| token.strip_prefix("Bearer "));
        [Some(self.password.as_str()), jwt]
            .into_iter()
            .flatten()
            .map(str::to_string)
            .collect()
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
