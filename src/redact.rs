//! Redaction of a whole capture, so that the file can be handed to somebody else.
//!
//! [`Redactor`] takes the bytes of a capture file and returns as many bytes of a capture file in
//! which secrets, numbers or addresses are replaced ([`Scope`]). Nothing changes its length: not a
//! value, not a message, not a record. Content-Length, the length fields of IP and UDP and the
//! headers of the records therefore stay right, and every offset in a finding still points to the
//! same place. Checksums are corrected.
//!
//! # Pseudonyms
//! They depend on the [`Key`] alone. The same number has the same pseudonym in all files that were
//! redacted with one key, and whoever has another key cannot compute it.
//!
//! - **Numbers** are enciphered digit by digit within their length (a Feistel network like that of
//!   FF1 in NIST SP 800-38G, with SipHash-2-4 as round function, whose keys HMAC-SHA-256 derives
//!   from [`Key`]): different numbers stay different. Only digits count: `+49 30 123456`,
//!   `+4930123456` and `4930123456` have the same
//!   pseudonym, in each spelling; `030123456` is another number. **User names** and display names
//!   are enciphered in the same way; letters stay letters of the same case, digits stay digits,
//!   and everything else stays. `anonymous`, `unavailable`, `restricted` and `unknown` stay. A
//!   number is recognized in URIs, display names, the `o=` line of SDP, and anywhere else if it has
//!   7 to 15 digits. In JSON, members that measure something (`ssrc`, timestamps, octets) stay, and
//!   so do header fields that hold counters and times.
//! - **Addresses** keep their prefixes, as in Crypto-PAn: two addresses that begin with the same
//!   octets (IPv4) or groups (IPv6) have pseudonyms that begin with the same octets or groups. Not
//!   bits but octets and groups are replaced, and each by one of the same number of digits, so that
//!   the text of an address keeps its length in Via, Contact and SDP. Loopback, unspecified,
//!   multicast and broadcast addresses stay. Private addresses (RFC 1918, RFC 6598, RFC 3927,
//!   RFC 4193, RFC 4291 §2.5.6) become private addresses of the same range, public ones become
//!   public ones. Documentation addresses count as public. Host names stay.
//!
//! What the length of a value reveals, its pseudonym reveals as well: the number of digits, and the
//! digits of each octet. Four digits or one octet are few enough to be guessed by trying if the key
//! is known, so the key must stay secret.

mod address_text;
mod frame;
mod key;
mod line_cache;
mod names;
mod number_text;
mod permutation;
mod pseudonyms;
mod rewriter;
mod siphash;
mod stream;
mod summary;
mod text_cache;

pub use key::{Key, KeyTooShort};
pub use stream::Redactor;
pub use summary::RedactionSummary;

pub use crate::query::{Level, Redaction};

/// What is replaced in a capture.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Secrets, as [`redact`](crate::sip::redact()) finds them, become asterisks.
    Secrets,
    /// Also users and numbers, which become pseudonyms.
    Numbers(Key),
    /// Also IP addresses, which become pseudonyms.
    Addresses(Key),
}

impl Scope {
    /// How much is replaced.
    pub fn level(&self) -> Level {
        match self {
            Self::Secrets => Level::Secrets,
            Self::Numbers(_) => Level::Numbers,
            Self::Addresses(_) => Level::Addresses,
        }
    }
}
