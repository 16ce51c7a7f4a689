//! A session description (RFC 8866), as far as the signalling depends on it.

use memchr::memchr_iter;

use crate::finding::Rule;

/// What a session description offers or answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sdp {
    /// Media descriptions (`m=`).
    pub media: u32,
}

impl Sdp {
    /// Reads a body.
    ///
    /// # Errors
    /// Where it cannot be read, in bytes from its beginning, and why; or that no connection is told
    /// for some medium that is not refused (port 0).
    pub fn read(body: &[u8]) -> Result<Self, (usize, Rule)> {
        let mut media = 0;
        let mut session_connection = false;
        // A medium that has no connection yet.
        let mut unconnected: Option<usize> = None;
        let mut lacking: Option<usize> = None;
        let mut offset = 0;
        // Lines end in CR LF; readers are to accept LF alone (§5).
        for (number, end) in memchr_iter(b'\n', body).chain([body.len()]).enumerate() {
            let (line, begin) = (&body[offset..end], offset);
            offset = end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let unreadable = |why| Err((begin, Rule::SdpUnreadable { why }));
            let (kind, value) = match line {
                [] if number == 0 => return unreadable("it does not begin with v=0"),
                [] => continue,
                [kind, b'=', value @ ..] => (*kind, value),
                _ => return unreadable("a line is not of the form letter=value"),
            };
            match kind {
                _ if number == 0 && line != b"v=0" => {
                    return unreadable("it does not begin with v=0");
                }
                b'c' => match media {
                    0 => session_connection = true,
                    _ => unconnected = None,
                },
                b'm' => {
                    lacking = lacking.or(unconnected);
                    media += 1;
                    let Some(port) = port(value) else {
                        return unreadable(
                            "an m= line is not of the form media port protocol formats",
                        );
                    };
                    unconnected = (port != 0).then_some(begin);
                }
                _ => {}
            }
        }
        match lacking.or(unconnected) {
            Some(offset) if !session_connection => Err((offset, Rule::SdpConnectionMissing)),
            _ => Ok(Self { media }),
        }
    }
}

/// The port in the value of an `m=` line (§5.14): `audio 49170 RTP/AVP 0`, `audio 49170/2 RTP/AVP
/// 0`.
fn port(value: &[u8]) -> Option<u32> {
    let mut words = value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    // A medium that is refused often comes without a format.
    let (_media, port, _protocol) = (words.next()?, words.next()?, words.next()?);
    let port = port.split(|byte| *byte == b'/').next()?;
    core::str::from_utf8(port).ok()?.parse().ok()
}
