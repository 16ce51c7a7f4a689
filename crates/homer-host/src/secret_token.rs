//! A random token that nobody can guess.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Random bytes of a token: 256 bits.
const TOKEN_BYTES: usize = 32;

/// A new token of 43 characters, which can be sent in a header field as it is. It comes from the
/// random numbers of the operating system, through the provider of TLS.
///
/// # Errors
/// If the operating system has no random numbers.
///
/// # Examples
/// ```
/// let token = homer_host::secret_token()?;
/// assert_eq!(token.len(), 43);
/// assert_ne!(token, homer_host::secret_token()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn secret_token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("this system has no random numbers"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
