//! What Homer knows a caller by.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::misconfigured;
use crate::ExportError;

/// What Homer knows a caller by. Its value is never shown: `Debug` prints the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API token, sent in a header field of its own.
    ApiToken {
        /// The header field's name.
        header: String,
        /// The token.
        token: String,
    },
    /// A JSON web token, sent as `Authorization: Bearer`.
    Jwt(String),
    /// A user name and password, exchanged for a JSON web token.
    Login {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
}

impl Credential {
    /// An API token for the header field `header`.
    ///
    /// # Errors
    /// `misconfigured` if the header's name is not one (RFC 9110 §5.1), or the token is empty or
    /// has blanks, line breaks or characters other than ASCII.
    pub fn api_token(header: &str, token: &str) -> Result<Self, ExportError> {
        // RFC 9110 §5.6.2, less the punctuation no one uses.
        let name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if header.is_empty() || header.len() > 64 || !header.bytes().all(name_byte) {
            return misconfigured(
                "HOMER_TOKEN_HEADER is not the name of a header field, for example Auth-Token",
            );
        }
        Ok(Self::ApiToken {
            header: header.to_string(),
            token: token_text("HOMER_API_TOKEN", token)?,
        })
    }

    /// A JSON web token.
    ///
    /// # Errors
    /// `misconfigured` if it is empty or has blanks, line breaks or characters other than ASCII.
    pub fn jwt(token: &str) -> Result<Self, ExportError> {
        Ok(Self::Jwt(token_text("HOMER_JWT", token)?))
    }

    /// A user name and password.
    ///
    /// # Errors
    /// `misconfigured` if one is empty or has a control character, such as a line break.
    pub fn login(username: &str, password: &str) -> Result<Self, ExportError> {
        for (name, value) in [("HOMER_USERNAME", username), ("HOMER_PASSWORD", password)] {
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(ExportError::Misconfigured(format!(
                    "{name} is empty, or has a line break or another control character; was it copied with its surroundings?"
                )));
            }
        }
        Ok(Self::Login {
            username: username.to_string(),
            password: password.to_string(),
        })
    }

    /// The kind, which may be told.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::ApiToken { .. } => CredentialKind::ApiToken,
            Self::Jwt(_) => CredentialKind::Jwt,
            Self::Login { .. } => CredentialKind::Login,
        }
    }

    /// `text` without this credential's value.
    pub fn redacted(&self, text: &str) -> String {
        let (Self::ApiToken { token: secret, .. }
        | Self::Jwt(secret)
        | Self::Login {
            password: secret, ..
        }) = self;
        text.replace(secret.as_str(), "[credential]")
    }

    /// Name and value of the header field to send; none before a login.
    pub fn header(&self) -> Option<(String, String)> {
        match self {
            Self::ApiToken { header, token } => Some((header.clone(), token.clone())),
            Self::Jwt(token) => Some(("Authorization".to_string(), format!("Bearer {token}"))),
            Self::Login { .. } => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.kind().name())
    }
}

fn token_text(name: &str, value: &str) -> Result<String, ExportError> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ExportError::Misconfigured(format!(
            "{name} is empty, or has a blank, a line break or a character other than ASCII; was it cut or copied with its \
             surroundings?"
        )));
    }
    Ok(value.to_string())
}

/// Which kind of credential goes with the requests; texts name likely causes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// None that we know of.
    None,
    /// An API token.
    ApiToken,
    /// A JSON web token.
    Jwt,
    /// A user name and password.
    Login,
}

impl CredentialKind {
    /// The value of `HOMER_CREDENTIAL_KIND`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiToken => "api-token",
            Self::Jwt => "jwt",
            Self::Login => "login",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, ExportError> {
        match name {
            "none" => Ok(Self::None),
            "api-token" => Ok(Self::ApiToken),
            "jwt" => Ok(Self::Jwt),
            "login" => Ok(Self::Login),
            _ => misconfigured("HOMER_CREDENTIAL_KIND is none of none, api-token, jwt, login"),
        }
    }
}
