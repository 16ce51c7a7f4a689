//! The credential that authenticates this client to Homer.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::LoginType;

/// What stands in place of a credential in a text.
pub(super) const REDACTED: &str = "[credential]";

/// The credential that authenticates this client to Homer. Its value is never shown: `Debug` prints
/// only the kind.
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
    /// A user name and password, which are exchanged for a JSON web token.
    Login {
        /// The user name.
        username: String,
        /// The password.
        password: String,
        /// Where the server checks it.
        login_type: LoginType,
    },
}

/// Which part of a credential is invalid. The text says why, and never shows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCredential {
    /// The name of the API token's header field.
    HeaderName,
    /// The API token or JSON web token.
    Token,
    /// The user name.
    Username,
    /// The user name for a proxy.
    ProxyUsername,
    /// The password.
    Password,
}

impl fmt::Display for InvalidCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderName => "not a header field name; expected a name such as Auth-Token",
            Self::Token => {
                "empty, or contains a space, a line break or a character outside ASCII; check that \
                 it was copied completely and without its surroundings"
            }
            Self::ProxyUsername => {
                "empty, or contains a colon or a control character; HTTP Basic authentication \
                 allows neither in a user name"
            }
            Self::Username | Self::Password => {
                "empty, or contains a line break or another control character; check how it was \
                 copied"
            }
        })
    }
}

impl core::error::Error for InvalidCredential {}

impl Credential {
    /// Longest header field name accepted, in bytes, inclusive. Homer's own default has 10.
    pub const MAX_HEADER_NAME: usize = 64;

    /// An API token for the header field `header`.
    ///
    /// # Errors
    /// If `header` is not a header field name of at most [`Self::MAX_HEADER_NAME`] bytes (RFC 9110
    /// §5.1), or if the token is empty or contains anything but printable ASCII without spaces.
    ///
    /// # Examples
    /// ```
    /// use homer_export::homer::Credential;
    ///
    /// let credential = Credential::api_token("Auth-Token", "s3cret")?;
    /// assert_eq!(format!("{credential:?}"), "Credential(api-token)");
    /// # Ok::<(), homer_export::homer::InvalidCredential>(())
    /// ```
    pub fn api_token(header: &str, token: &str) -> Result<Self, InvalidCredential> {
        // RFC 9110 §5.6.2 allows more punctuation in a token; no header field in use has any.
        let name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if header.is_empty()
            || header.len() > Self::MAX_HEADER_NAME
            || !header.bytes().all(name_byte)
        {
            return Err(InvalidCredential::HeaderName);
        }
        Ok(Self::ApiToken {
            header: header.to_string(),
            token: parse_token(token)?,
        })
    }

    /// A JSON web token.
    ///
    /// # Errors
    /// If it is empty or contains anything but printable ASCII without spaces.
    pub fn jwt(token: &str) -> Result<Self, InvalidCredential> {
        Ok(Self::Jwt(parse_token(token)?))
    }

    /// A user name and password.
    ///
    /// # Errors
    /// If either is empty or contains a control character, such as a line break.
    pub fn login(username: &str, password: &str) -> Result<Self, InvalidCredential> {
        // Anything else is allowed, because JSON can express it: LDAP names and passphrases have
        // spaces.
        let invalid = |value: &str| value.is_empty() || value.chars().any(char::is_control);
        if invalid(username) {
            return Err(InvalidCredential::Username);
        }
        if invalid(password) {
            return Err(InvalidCredential::Password);
        }
        Ok(Self::Login {
            username: username.to_string(),
            password: password.to_string(),
            login_type: LoginType::Internal,
        })
    }

    /// The same credential, whose password the server checks as `login_type` says. Only a login
    /// has a type; other credentials do not change.
    #[must_use]
    pub fn with_login_type(mut self, new: LoginType) -> Self {
        if let Self::Login { login_type, .. } = &mut self {
            *login_type = new;
        }
        self
    }

    /// The kind, which is not secret.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::ApiToken { .. } => CredentialKind::ApiToken,
            Self::Jwt(_) => CredentialKind::Jwt,
            Self::Login { .. } => CredentialKind::Login,
        }
    }

    /// `text` with every occurrence of the token or password replaced by `[credential]`.
    ///
    /// Only for untrusted text: a short password may also be a word of one of our own sentences.
    pub fn redact(&self, text: &str) -> String {
        // A user name is not secret, and is often a word that error texts need.
        let secret = match self {
            Self::ApiToken { token: secret, .. }
            | Self::Jwt(secret)
            | Self::Login {
                password: secret, ..
            } => secret,
        };
        text.replace(secret.as_str(), REDACTED)
    }

    /// Name and value of the header field to send. `None` for a login, which first has to be
    /// exchanged for a token.
    pub fn header(&self) -> Option<(String, String)> {
        match self {
            Self::ApiToken { header, token } => Some((header.clone(), token.clone())),
            // Homer refuses a token without the scheme (recording `authz-no-scheme`).
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

fn parse_token(token: &str) -> Result<String, InvalidCredential> {
    // RFC 9110 §5.5 allows spaces within a value, but no token has one: it was copied with
    // something else. A line break would begin another header field.
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidCredential::Token);
    }
    Ok(token.to_string())
}

/// The kind of a credential. An error text uses it to name likely causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// No known credential.
    None,
    /// An API token.
    ApiToken,
    /// A JSON web token.
    Jwt,
    /// A user name and password.
    Login,
}

impl CredentialKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::None, Self::ApiToken, Self::Jwt, Self::Login];

    /// The name of the kind: the value by which a host tells the component about it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiToken => "api-token",
            Self::Jwt => "jwt",
            Self::Login => "login",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
