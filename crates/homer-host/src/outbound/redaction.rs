//! Redacts our credential in a response, before the component sees it.
//!
//! A server may send the credential back, for example in an error message, and error texts quote
//! what a server says. The component's own texts could not be redacted: a short credential may also
//! be a word of one of our own sentences. A capture passes unchanged, because its bytes are
//! evidence.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use homer_export::pcap::begins_like_pcap;
use http::{HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, WasiBody};

/// What stands in place of a credential.
const REDACTED: &str = "[credential]";

/// The response without `credentials`, in its header fields and, unless it is a capture, in its
/// body. Of a body that is not a capture, at most `max_text` bytes remain: the component does not
/// read more.
pub(super) fn redact(
    response: Response<WasiBody>,
    credentials: Vec<String>,
    max_text: usize,
) -> Response<WasiBody> {
    let credentials: Vec<String> = credentials
        .into_iter()
        // An empty one would match everywhere.
        .filter(|credential| !credential.is_empty())
        .collect();
    if credentials.is_empty() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    for value in head.headers.values_mut() {
        let redacted = redact_bytes(value.as_bytes(), &credentials);
        if redacted != value.as_bytes() {
            // Only visible characters replace visible ones, so the value stays valid.
            *value = HeaderValue::from_bytes(&redacted)
                .unwrap_or_else(|_| HeaderValue::from_static(REDACTED));
        }
    }
    let body = RedactedBody {
        inner: body,
        credentials,
        max_text,
        state: State::Beginning(Vec::new()),
    };
    Response::from_parts(head, body.boxed_unsync())
}

fn redact_bytes(bytes: &[u8], credentials: &[String]) -> Vec<u8> {
    credentials
        .iter()
        .fold(bytes.to_vec(), |bytes, credential| {
            let credential = credential.as_bytes();
            let mut redacted = Vec::with_capacity(bytes.len());
            let mut rest = bytes.as_slice();
            while let Some((first, after)) = rest.split_first() {
                if let Some(after) = rest.strip_prefix(credential) {
                    redacted.extend_from_slice(REDACTED.as_bytes());
                    rest = after;
                } else {
                    redacted.push(*first);
                    rest = after;
                }
            }
            redacted
        })
}

/// A body that is redacted unless it begins like a pcap file.
struct RedactedBody {
    inner: WasiBody,
    credentials: Vec<String>,
    /// Most bytes of a text that are passed on, inclusive.
    max_text: usize,
    state: State,
}

enum State {
    /// These bytes have arrived, too few to tell a capture from a text.
    Beginning(Vec<u8>),
    /// A capture: all chunks pass.
    Capture,
    /// A text, of which these bytes have arrived. A credential may be split between chunks, so the
    /// text is passed on as a whole.
    Text(Vec<u8>),
    /// The text was passed on. It ended in this error, or regularly.
    Ended(Option<Error>),
}

impl RedactedBody {
    /// Passes the collected text on.
    fn finish(&mut self, text: &[u8], error: Option<Error>) -> Option<Result<Frame<Bytes>, Error>> {
        self.state = State::Ended(error);
        if text.is_empty() {
            return self.end();
        }
        // Redacted before it is cut, because half a credential could not be found.
        let mut text = redact_bytes(text, &self.credentials);
        text.truncate(self.max_text);
        Some(Ok(Frame::data(text.into())))
    }

    fn end(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        match &mut self.state {
            State::Ended(error) => error.take().map(Err),
            _ => None,
        }
    }
}

impl Body for RedactedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            match &self.state {
                State::Capture => return Pin::new(&mut self.inner).poll_frame(cx),
                State::Ended(_) => return Poll::Ready(self.end()),
                State::Beginning(_) | State::Text(_) => {}
            }
            let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
            let state = std::mem::replace(&mut self.state, State::Ended(None));
            let (mut bytes, is_text) = match state {
                State::Text(bytes) => (bytes, true),
                State::Beginning(bytes) => (bytes, false),
                State::Capture | State::Ended(_) => (Vec::new(), true),
            };
            let data = match frame {
                None => return Poll::Ready(self.finish(&bytes, None)),
                Some(Err(error)) => return Poll::Ready(self.finish(&bytes, Some(error))),
                // Trailers mean nothing to the component.
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            // The usual case is a first chunk that begins with a magic number. It is not copied.
            let bytes = match bytes.is_empty() {
                true => data,
                false => {
                    bytes.extend_from_slice(&data);
                    bytes.into()
                }
            };
            let is_capture = match is_text {
                true => Some(false),
                false => begins_like_pcap(&bytes),
            };
            match is_capture {
                Some(true) => {
                    self.state = State::Capture;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                None => self.state = State::Beginning(bytes.into()),
                Some(false) if bytes.len() >= self.max_text => {
                    return Poll::Ready(self.finish(&bytes, None));
                }
                Some(false) => self.state = State::Text(bytes.into()),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};
    use wasmtime_wasi_http::Error;

    use super::redact;

    const MAX_TEXT: usize = 100;

    async fn body(chunks: &[&[u8]], credential: &str) -> Vec<u8> {
        let chunks: Vec<Result<Frame<Bytes>, Error>> = chunks
            .iter()
            .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let body = StreamBody::new(futures::stream::iter(chunks)).boxed_unsync();
        let response = redact(Response::new(body), vec![credential.to_string()], MAX_TEXT);
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec()
    }

    #[tokio::test]
    async fn redaction_finds_a_credential_that_is_split_between_chunks() {
        let text = b"{\"message\":\"bad token s3cret-token\"}";
        for at in 0..text.len() {
            let (begin, end) = text.split_at(at);
            let redacted = body(&[begin, end], "s3cret-token").await;
            assert_eq!(
                redacted, b"{\"message\":\"bad token [credential]\"}",
                "{at}"
            );
        }
    }

    #[tokio::test]
    async fn redaction_passes_on_a_limited_text() {
        let rows = [b"{\"sid\":\"s3cret\"}".as_slice(), &[b' '; 150]].concat();
        for chunks in [vec![rows.as_slice()], rows.chunks(60).collect()] {
            let redacted = body(&chunks, "s3cret").await;
            assert_eq!(redacted.len(), MAX_TEXT);
            assert!(redacted.starts_with(b"{\"sid\":\"[credential]\"}  "));
        }
        assert_eq!(body(&[&rows[..MAX_TEXT]], "other").await, rows[..MAX_TEXT]);
    }

    #[tokio::test]
    async fn redaction_does_not_touch_a_capture() {
        let file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0 Authorization: s3cret-token";
        for at in 0..file.len() {
            let (begin, end) = file.split_at(at);
            assert_eq!(body(&[begin, end], "s3cret-token").await, file, "{at}");
        }
    }

    #[tokio::test]
    async fn redaction_covers_header_fields() {
        let response = Response::builder().header("location", "/login?token=s3cret");
        let response = response.body(StreamBody::new(futures::stream::empty()).boxed_unsync());
        let redacted = redact(response.unwrap(), vec!["s3cret".to_string()], MAX_TEXT);
        assert_eq!(redacted.headers()["location"], "/login?token=[credential]");
    }
}
