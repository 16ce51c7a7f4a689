//! A SIP message (RFC 3261), read as leniently as it takes to tell which call it belongs to.

/// The value of the Call-ID header field, in long or compact form (RFC 3261 §20.8), or none if the message has none before
/// the end of its header. The start line is not looked at: a malformed one does not make a message another call's.
pub fn call_id(message: &[u8]) -> Option<&[u8]> {
    let mut lines = message.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).skip(1);
    while let Some(line) = lines.next() {
        if line.is_empty() {
            return None;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if !(name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i")) {
            continue;
        }
        let value = line[colon + 1..].trim_ascii();
        if value.is_empty() {
            // A value may begin on the next line (RFC 3261 §7.3.1, folding).
            let next = lines.next().filter(|next| next.starts_with(b" ") || next.starts_with(b"\t"));
            return next.map(<[u8]>::trim_ascii);
        }
        return Some(value);
    }
    None
}
