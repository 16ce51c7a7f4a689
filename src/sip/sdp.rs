//! Session descriptions (RFC 8866), as far as the signalling depends on them.

use memchr::memchr_iter;

use crate::finding::Rule;

/// The parts of a session description that the analysis uses.
///
/// # Examples
/// ```
/// use homer_export::finding::Rule;
/// use homer_export::sip::Sdp;
///
/// let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
/// // No `c=` line says where to send the audio to.
/// assert_eq!(Sdp::parse(body), Err((44, Rule::SdpConnectionMissing)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sdp {
    /// Number of media descriptions (`m=`).
    pub media: u32,
}

impl Sdp {
    /// Parses the body of a message.
    ///
    /// # Errors
    /// Returns a broken rule and its offset in bytes from the start of the body: the description is
    /// unreadable, or a medium that is not rejected (port 0) has no connection (`c=`).
    pub fn parse(body: &[u8]) -> Result<Self, (usize, Rule)> {
        let mut media = 0;
        let mut session_connection = false;
        // Offset of the latest medium, until its own `c=` line comes.
        let mut unconnected: Option<usize> = None;
        // Offset of the first medium that ended without one. A `c=` line for the session cannot
        // follow a medium (§5), but the last medium is only over at the end of the body.
        let mut lacking: Option<usize> = None;
        let mut next = 0;
        // Lines end in CR LF, but parsers should also accept LF alone (§5).
        for (number, end) in memchr_iter(b'\n', body).chain([body.len()]).enumerate() {
            let (line, start) = (&body[next..end], next);
            next = end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let unreadable = |why| Err((start, Rule::SdpUnreadable { why }));
            let (kind, value) = match line {
                _ if number == 0 && line != b"v=0" => {
                    return unreadable("it does not begin with v=0");
                }
                // Empty lines are common at the end.
                [] => continue,
                [kind, b'=', value @ ..] => (*kind, value),
                _ => return unreadable("a line does not have the form letter=value"),
            };
            match kind {
                b'c' if media == 0 => session_connection = true,
                b'c' => unconnected = None,
                b'm' => {
                    lacking = lacking.or(unconnected);
                    media += 1;
                    let Some(port) = port(value) else {
                        return unreadable(
                            "an m= line does not have the form media port protocol formats",
                        );
                    };
                    // A rejected medium needs no connection (RFC 3264 §6).
                    unconnected = (port != 0).then_some(start);
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

/// The port in the value of an `m=` line (§5.14): `audio 49170 RTP/AVP 0` or
/// `audio 49170/2 RTP/AVP 0`.
fn port(value: &[u8]) -> Option<u32> {
    let mut words = value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    // At least one format should follow, but a rejected medium often has none.
    let (_media, port, _protocol) = (words.next()?, words.next()?, words.next()?);
    let port = port.split(|byte| *byte == b'/').next()?;
    core::str::from_utf8(port).ok()?.parse().ok()
}
