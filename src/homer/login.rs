//! Logging in: `POST /api/v3/auth`, the same on Homer 7 and HOMER 11.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Request;
use super::reply::{self, Head, Refusal};
use crate::{BaseUrl, Config, ExportError};

/// The endpoint.
pub const LOGIN_PATH: &str = "/api/v3/auth";

/// The request for a token.
pub fn login_request(homer: &BaseUrl, username: &str, password: &str) -> Request {
    #[derive(Serialize)]
    struct Body<'a> {
        username: &'a str,
        password: &'a str,
    }
    Request::new(homer.path(LOGIN_PATH), &Body { username, password })
}

/// What a reply to a login without a token in it means.
pub fn failure(head: &Head, body: &[u8], config: &Config) -> ExportError {
    if matches!(head.status, 200 | 201) {
        return ExportError::InvalidResponse(format!(
            "Homer at {} answered the login with HTTP {} and no token; is HOMER_URL the address of a Homer?",
            config.homer, head.status
        ));
    }
    match reply::refusal(head, body, config) {
        Refusal::Failed(error)
        | Refusal::UnknownProfile(error)
        | Refusal::UnknownEndpoint(error) => error,
        // Said of an export alone.
        Refusal::Nothing => ExportError::InvalidResponse(format!(
            "Homer at {} refused the login in a way of its own",
            config.homer
        )),
    }
}

/// The token in a reply: of status 201 at `token` in homer-app (recording `auth-ok`), of status 200
/// at `data.token` in HOMER 11 (from its source); none if Homer refused, or the token is not one
/// that a header field can carry.
pub fn token(head: &Head, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Reply {
        token: Option<String>,
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    struct Data {
        token: String,
    }
    if !matches!(head.status, 200 | 201) {
        return None;
    }
    let reply: Reply = serde_json::from_slice(body).ok()?;
    let token = reply.token.or(reply.data.map(|data| data.token))?;
    (!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).then_some(token)
}
