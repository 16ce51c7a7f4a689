//! Logging in with a user name and password: `POST /api/v3/auth`, on Homer 7 and HOMER 11 alike.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::response::{self, NoCapture};
use super::{HomerServer, LoginType, Request};
use crate::error::ExportError;
use crate::origin::BaseUrl;
use crate::transport::ResponseHead;

/// The path of the login endpoint.
pub const LOGIN_PATH: &str = "/api/v3/auth";

/// The request that exchanges a user name and password for a token.
pub fn login_request(
    base_url: &BaseUrl,
    username: &str,
    password: &str,
    login_type: LoginType,
) -> Request {
    #[derive(Serialize)]
    struct LoginBody<'a> {
        username: &'a str,
        password: &'a str,
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        login_type: Option<&'a str>,
    }
    let body = LoginBody {
        username,
        password,
        login_type: login_type.member(),
    };
    Request::new(base_url.path(LOGIN_PATH), &body)
}

/// The token in the response to a login, or `None` if there is none that a header field can carry.
/// `body` is the beginning of the body, up to [`response::MAX_ERROR_BODY`] bytes.
///
/// homer-app responds with status 201 and `token` (recording `auth-ok`), HOMER 11 with status 200
/// and `data.token` (from its source).
pub fn token(head: &ResponseHead, body: &[u8]) -> Option<String> {
    // The other members, `scope` and `user`, do not matter to an export.
    #[derive(Deserialize)]
    struct LoginResponse {
        token: Option<String>,
        data: Option<TokenData>,
    }
    #[derive(Deserialize)]
    struct TokenData {
        token: String,
    }
    if !matches!(head.status, 200 | 201) {
        return None;
    }
    let response: LoginResponse = serde_json::from_slice(body).ok()?;
    let token = response.token.or(response.data.map(|data| data.token))?;
    // Any other byte would end the header field or begin another one.
    (!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).then_some(token)
}

/// The error if the response to a login contains no token.
pub fn error(head: &ResponseHead, body: &[u8], homer: &HomerServer) -> ExportError {
    if matches!(head.status, 200 | 201) {
        // A proxy may show its sign-on page to the login already.
        if body.trim_ascii_start().first() == Some(&b'<') {
            return response::not_a_capture(head, body, homer);
        }
        return ExportError::InvalidResponse(format!(
            "the login at {homer} returned HTTP {} without a token; check that HOMER_URL points to \
             Homer",
            head.status
        ));
    }
    match response::no_capture(head, body, homer) {
        NoCapture::Failed(error)
        | NoCapture::UnknownProfile(error)
        | NoCapture::UnknownEndpoint(error) => error,
        // These responses mean "nothing found", which makes no sense for a login.
        NoCapture::Empty => ExportError::InvalidResponse(format!(
            "the login at {homer} returned HTTP {} in a form that only an export uses; check that \
             HOMER_URL points to Homer",
            head.status
        )),
    }
}
