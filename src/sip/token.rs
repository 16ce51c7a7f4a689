//! The smallest parts of a message: tokens and numbers (RFC 3261 §25.1).

/// Whether a byte may stand in a `token` (RFC 3261 §25.1): a method, a field name, a parameter
/// name.
pub(super) fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'!'
            | b'%'
            | b'*'
            | b'_'
            | b'+'
            | b'`'
            | b'\''
            | b'~'
    )
}

/// Whether two tokens are the same; case does not matter (RFC 3261 §7.3.1).
pub(super) fn eq_ignore_case(token: &[u8], known: &[u8]) -> bool {
    // Nearly every device spells names as the RFC does, and comparing bytes is faster.
    token == known || token.eq_ignore_ascii_case(known)
}

/// The number that 1 to 15 digits spell, so at most 999,999,999,999,999. Anything else, a sign or a
/// blank included, is not a number here.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    // `str::parse` would also accept a leading `+`, which `1*DIGIT` does not allow.
    digits.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}
