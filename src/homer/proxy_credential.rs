//! The user name and password for a proxy in front of Homer (RFC 7617).

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::credential::{InvalidCredential, REDACTED};

/// A user name and password for a proxy in front of Homer, sent as `Authorization: Basic`. Neither
/// is shown by `Debug`.
///
/// # Examples
/// ```
/// use homer_export::homer::ProxyCredential;
///
/// let credential = ProxyCredential::new("Aladdin", "open sesame")?;
/// assert_eq!(credential.header().1, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
/// assert_eq!(format!("{credential:?}"), "ProxyCredential");
/// # Ok::<(), homer_export::homer::InvalidCredential>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredential {
    password: String,
    /// User name and password as the header field carries them.
    encoded: String,
}

impl ProxyCredential {
    /// A user name and password.
    ///
    /// # Errors
    /// If either is empty or contains a control character, or if the user name contains a colon,
    /// which would end it (RFC 7617 §2).
    pub fn new(username: &str, password: &str) -> Result<Self, InvalidCredential> {
        let invalid = |value: &str| value.is_empty() || value.chars().any(char::is_control);
        if invalid(username) || username.contains(':') {
            return Err(InvalidCredential::ProxyUsername);
        }
        if invalid(password) {
            return Err(InvalidCredential::Password);
        }
        // As UTF-8, which RFC 7617 §2.1 prefers and all current proxies expect.
        let pair = format!("{username}:{password}");
        Ok(Self {
            password: password.to_string(),
            encoded: data_encoding::BASE64.encode(pair.as_bytes()),
        })
    }

    /// Name and value of the header field to send.
    pub fn header(&self) -> (String, String) {
        let value = format!("Basic {}", self.encoded);
        ("Authorization".to_string(), value)
    }

    /// The values that no text may show: the password, and the pair as it is sent.
    pub fn secrets(&self) -> [&str; 2] {
        [&self.encoded, &self.password]
    }

    /// `text` with every occurrence of the password, or of the pair as it is sent, replaced by
    /// `[credential]`. Only for untrusted text, as
    /// [`Credential::redact`](super::Credential::redact).
    pub fn redact(&self, text: &str) -> String {
        self.secrets()
            .into_iter()
            .fold(text.to_string(), |text, secret| {
                text.replace(secret, REDACTED)
            })
    }
}

impl fmt::Debug for ProxyCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyCredential")
    }
}

/// What a proxy in front of Homer gets to see, besides Homer's credential. An error text uses it to
/// say what to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyCredentialKind {
    /// Nothing.
    #[default]
    None,
    /// A user name and password, and possibly further header fields.
    Basic,
    /// Only further header fields, which the host adds.
    Fields,
}

impl ProxyCredentialKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::None, Self::Basic, Self::Fields];

    /// The name of the kind: the value by which a host tells the component about it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Fields => "fields",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
