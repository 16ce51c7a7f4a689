//! A login at one origin: its token, cached until shortly before it expires, and shared by all
//! exports.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde_json::Value;
use tokio::sync::Mutex;

/// How long before its expiry a token is no longer used: an export may wait for its turn at Homer,
/// and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// The login at one origin.
pub(super) struct Session {
    pub(super) username: String,
    pub(super) password: String,
    token: Mutex<Option<Token>>,
}

/// A token that Homer issued.
#[derive(Clone)]
pub(super) struct Token {
    /// The value of the `Authorization` header field.
    pub(super) bearer: HeaderValue,
    /// Which login it came from, counted from 1.
    number: u64,
    /// Whether this very call logged in for it.
    pub(super) fresh: bool,
    use_until: Option<SystemTime>,
}

impl Session {
    pub(super) fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.to_string(),
            password: password.to_string(),
            token: Mutex::new(None),
        }
    }

    /// The cached token, or that of a login now; `refused` is one that Homer no longer takes.
    /// Others who ask meanwhile wait and get the same token.
    pub(super) async fn token<E>(
        &self,
        refused: Option<&Token>,
        log_in: impl Future<Output = Result<String, E>>,
        unusable: impl FnOnce() -> E,
    ) -> Result<Token, E> {
        let mut cached = self.token.lock().await;
        if let Some(token) = &*cached
            && token
                .use_until
                .is_none_or(|until| SystemTime::now() < until)
            && refused.is_none_or(|refused| refused.number != token.number)
        {
            return Ok(Token {
                fresh: false,
                ..token.clone()
            });
        }
        let jwt = log_in.await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {jwt}")).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        let number = cached.as_ref().map_or(1, |token| token.number + 1);
        let token = Token {
            bearer,
            number,
            fresh: true,
            use_until: expiry(&jwt).map(|expiry| expiry - MARGIN),
        };
        *cached = Some(token.clone());
        Ok(token)
    }

    /// `text` without password and token.
    pub(super) fn redacted(&self, text: &str) -> String {
        let text = text.replace(&self.password, "[credential]");
        let cached = self.token.try_lock().ok().and_then(|token| token.clone());
        match cached
            .as_ref()
            .and_then(|token| token.bearer.to_str().ok()?.strip_prefix("Bearer "))
        {
            Some(jwt) => text.replace(jwt, "[credential]"),
            None => text,
        }
    }
}

/// When a JSON web token expires (RFC 7519 §4.1.4), as far as it says so. It is not verified: that
/// is Homer's to do.
fn expiry(jwt: &str) -> Option<SystemTime> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    UNIX_EPOCH
        .checked_add(Duration::from_secs(claims["exp"].as_u64()?))
        .filter(|expiry| *expiry > UNIX_EPOCH + MARGIN)
}
