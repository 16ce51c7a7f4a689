//! The bearer tokens of callers, with a name and an expiry: [`CallerToken`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use crate::ExportError;
use crate::config::{misconfigured, setting};
use crate::query::parse_instant;

/// Fewest characters of a token, inclusive. A shorter one could be guessed: 16 random characters
/// have at least 64 bits, even in hexadecimal.
pub const MIN_TOKEN_CHARS: usize = 16;

/// Most tokens in a file, inclusive. Each request is compared with all of them.
pub const MAX_TOKENS: usize = 1000;

/// Most characters of a token's name, inclusive.
const MAX_NAME_CHARS: usize = 64;

/// A bearer token.
#[derive(Clone)]
pub struct CallerToken {
    name: Option<String>,
    /// Unix time in milliseconds, inclusive; `None` for never.
    expires_ms: Option<i64>,
    secret: String,
}

impl CallerToken {
    /// The token of `HOMER_MCP_TOKEN`.
    pub(super) fn unnamed(secret: String) -> Self {
        Self {
            name: None,
            expires_ms: None,
            secret,
        }
    }

    /// Parses the file `HOMER_MCP_TOKENS_FILE`: one token per line, as `NAME EXPIRES TOKEN`,
    /// separated by spaces or tabs. `EXPIRES` is a date, on which the token is still valid until
    /// the end of the day in UTC, or a time in RFC 3339, or `never`. Empty lines, and lines that
    /// begin with `#`, are ignored.
    ///
    /// # Errors
    /// `misconfigured` with the number of the line, if a line has another form, if a token is
    /// shorter than [`MIN_TOKEN_CHARS`], if a name or a token appears twice, if there are more
    /// than [`MAX_TOKENS`], or none. No error repeats a part of the file, because what is in a
    /// wrong place may be a token.
    ///
    /// # Examples
    /// ```
    /// use homer_export::mcp::auth::CallerToken;
    ///
    /// let tokens = CallerToken::parse_file("alice 2027-01-31 16-chars-or-more\n")?;
    /// assert_eq!(tokens[0].name(), Some("alice"));
    /// assert!(tokens[0].is_expired(1_801_440_000_000)); // 2027-02-01T00:00:00Z
    /// # Ok::<(), homer_export::ExportError>(())
    /// ```
    pub fn parse_file(text: &str) -> Result<Vec<Self>, ExportError> {
        let variable = setting::MCP_TOKENS_FILE.variable;
        // Editors on Windows write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut tokens: Vec<Self> = Vec::new();
        for (line, number) in text.lines().zip(1_u32..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Self::parse_line(line).and_then(|token| {
                if tokens.iter().any(|known| known.name == token.name) {
                    return Err("the name appears twice; give each token its own".to_string());
                }
                if tokens.iter().any(|known| known.secret == token.secret) {
                    return Err("the token appears twice; give each caller its own".to_string());
                }
                Ok(token)
            });
            match token {
                Ok(token) => tokens.push(token),
                Err(why) => return misconfigured(&format!("{variable}, line {number}: {why}")),
            }
        }
        match tokens.len() {
            0 => misconfigured(&format!(
                "{variable} has no tokens; add a line NAME EXPIRES TOKEN, or remove the setting"
            )),
            number if number > MAX_TOKENS => misconfigured(&format!(
                "{variable} has {number} tokens; the maximum is {MAX_TOKENS}"
            )),
            _ => Ok(tokens),
        }
    }

    fn parse_line(line: &str) -> Result<Self, String> {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let [name, expires, secret] = fields[..] else {
            return Err(format!(
                "expected NAME EXPIRES TOKEN, found {} fields; for example alice 2027-01-31 \
                 followed by the token",
                fields.len()
            ));
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
        if name.len() > MAX_NAME_CHARS || !name.chars().all(is_name) {
            return Err(format!(
                "the name may have at most {MAX_NAME_CHARS} characters, which are letters, \
                 digits, and . _ @ -"
            ));
        }
        let expires_ms = expiry_ms(expires).ok_or(
            "the second field is neither a date such as 2027-01-31, nor a time such as \
             2027-01-31T18:00:00Z, nor never",
        )?;
        if let Some(why) = unusable(secret) {
            return Err(format!("the token {why}"));
        }
        Ok(Self {
            name: Some(name.to_string()),
            expires_ms,
            secret: secret.to_string(),
        })
    }

    /// Its name in the file; `None` for the token of `HOMER_MCP_TOKEN`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether it is no longer valid at this Unix time in milliseconds.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_ms
            .is_some_and(|expires_ms| now_ms > expires_ms)
    }

    pub(super) fn matches(&self, presented: &[u8]) -> bool {
        presented.ct_eq(self.secret.as_bytes()).into()
    }
}

impl core::fmt::Debug for CallerToken {
    /// Without the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CallerToken")
            .field("name", &self.name)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

/// The last millisecond at which a token is valid: `Some(None)` for never expiring, `None` if the
/// text is not an expiry.
fn expiry_ms(text: &str) -> Option<Option<i64>> {
    if text == "never" {
        return Some(None);
    }
    // Of the forms of `parse_instant`, only those that begin with a year.
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let time = match text.contains('T') {
        true => text.to_string(),
        false => format!("{text}T23:59:59.999Z"),
    };
    parse_instant("", &time, 0).ok().map(Some)
}

/// Why a token cannot be used, after its name.
pub(super) fn unusable(token: &str) -> Option<String> {
    // The value of a header field cannot carry it (RFC 9110 §5.5), or not safely.
    if token.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Some(
            "contains a space, a line break or a character beyond ASCII; use printable ASCII \
             characters without spaces"
                .to_string(),
        );
    }
    let length = token.len();
    (length < MIN_TOKEN_CHARS).then(|| {
        format!(
            "has {length} characters, and could be guessed; use at least {MIN_TOKEN_CHARS} random \
             ones, for example those that openssl rand -hex 32 prints"
        )
    })
}
