//! The key of pseudonyms, and the function that everything is computed with.

use core::fmt;

use sha2::{Digest as _, Sha256};

use super::siphash::SipKey;
use crate::query::Redaction;

/// Length of a block of SHA-256 in bytes.
const BLOCK_LEN: usize = 64;

/// A secret key. Pseudonyms of two files are the same if the files were redacted with one key.
///
/// # Examples
/// ```
/// use homer_export::redact::{Key, KeyTooShort};
///
/// assert!(Key::new(&[7; 16]).is_ok());
/// assert_eq!(Key::new(b"short").err(), Some(KeyTooShort));
/// ```
#[derive(Clone)]
pub struct Key {
    /// For each [`Purpose`], a key that HMAC-SHA-256 derives from the secret.
    of_purpose: [SipKey; Purpose::COUNT],
    fingerprint: [u8; 4],
}

/// A key has fewer than [`Key::MIN_LEN`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTooShort;

/// What a value is computed for. No two purposes share a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Number,
    User,
    Ipv4,
    Ipv6,
    Mac,
}

impl Purpose {
    const COUNT: usize = Self::Mac as usize + 1;
}

impl Key {
    /// Fewest bytes of a key.
    pub const MIN_LEN: usize = Redaction::MIN_KEY_LEN;

    /// A key with the content of a key file, or with random bytes. Its length has no upper limit.
    ///
    /// # Errors
    /// Returns [`KeyTooShort`] for fewer than [`Self::MIN_LEN`] bytes.
    pub fn new(secret: &[u8]) -> Result<Self, KeyTooShort> {
        if secret.len() < Self::MIN_LEN {
            return Err(KeyTooShort);
        }
        let derived = |purpose: usize| hmac(secret, &[purpose as u8]);
        let [f0, f1, f2, f3, ..] = derived(Purpose::COUNT);
        Ok(Self {
            of_purpose: core::array::from_fn(|purpose| {
                let hash = derived(purpose);
                SipKey::new(core::array::from_fn(|at| hash[at]))
            }),
            fingerprint: [f0, f1, f2, f3],
        })
    }

    /// Fills `words` with pseudorandom numbers that depend on the purpose, the context and the
    /// input.
    pub(super) fn fill(&self, purpose: Purpose, context: &[u8], input: &[u8], words: &mut [u16]) {
        let key = self.of_purpose[purpose as usize];
        for (block, words) in words.chunks_mut(8).enumerate() {
            // The length keeps context and input apart.
            let head = [context.len() as u8, (block >> 8) as u8, block as u8];
            let bytes = key.hash(&[&head, context, input]);
            for (word, two) in words.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *word = u16::from_be_bytes(*two);
            }
        }
    }

    /// Eight hexadecimal digits by which two files can be recognized to share a key.
    pub fn fingerprint(&self) -> alloc::string::String {
        data_encoding::HEXLOWER.encode(&self.fingerprint)
    }
}

/// HMAC-SHA-256 (RFC 2104) of `data`.
fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK_LEN];
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let start = |pad: u8| Sha256::new().chain_update(block.map(|byte| byte ^ pad));
    let inner = start(0x36).chain_update(data).finalize();
    start(0x5c).chain_update(inner).finalize().into()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl fmt::Display for KeyTooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a key for pseudonyms needs at least {} bytes",
            Key::MIN_LEN
        )
    }
}

impl core::error::Error for KeyTooShort {}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::hmac;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        // Test cases 1, 2 and 6.
        let mac = |key: &[u8], data: &[u8]| HEXLOWER.encode(&hmac(key, data));
        assert_eq!(
            mac(&[0x0b; 20], b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            mac(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            mac(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            ),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
