//! Redacts our credentials in a response, before the component sees it.
//!
//! A server may send a credential back, for example in an error message, and error texts quote what
//! a server says. The component's own texts are not searched: a short credential may also be a word
//! of one of our own sentences. A capture passes unchanged, because its bytes are evidence.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use homer_export::pcap::begins_like_pcap;
use http::header::CONTENT_ENCODING;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, WasiBody};

use super::credential_search::{CredentialSearch, MIN_RUN, OVERLAP};
use super::unread::Unread;

/// What stands in place of a header field whose value cannot be redacted.
const REDACTED: &str = "[credential]";

/// Bytes of a text that are searched in addition to those that are passed on: a credential that
/// begins just before the end must still be recognized.
pub(super) const MORE_TEXT: usize = OVERLAP;

/// Least part of a credential that is redacted in the rows of a search, in characters, inclusive.
/// Rows hold Call-IDs and host names, which share words with many passwords, and an export needs
/// them as they are.
const MIN_RUN_IN_ROWS: usize = 16;

/// What the response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// An export: a capture, or a text of which the component reads this many bytes.
    Capture {
        /// Most bytes of a text that are passed on, inclusive.
        max_text: usize,
    },
    /// A search: rows as JSON.
    Rows {
        /// Most bytes that are passed on, inclusive.
        max_text: usize,
    },
}

impl Expected {
    fn max_text(self) -> usize {
        match self {
            Self::Capture { max_text } | Self::Rows { max_text } => max_text,
        }
    }
}

/// The response without `credentials`, in its header fields and, unless it is a capture, in its
/// body. Of a body that is not a capture, only what the component reads remains. Of a compressed
/// body, which could not be searched, nothing remains: the component does not accept one.
pub(super) fn redact(
    response: Response<WasiBody>,
    credentials: &[String],
    expected: Expected,
    unread: Unread,
) -> Response<WasiBody> {
    let (mut head, body) = response.into_parts();
    let is_success = head.status == StatusCode::OK;
    let min_run = match expected {
        Expected::Rows { .. } if is_success => MIN_RUN_IN_ROWS,
        _ => MIN_RUN,
    };
    if let Some(search) = CredentialSearch::new(credentials, MIN_RUN) {
        for value in head.headers.values_mut() {
            let redacted = search.redact(value.as_bytes());
            if redacted != value.as_bytes() {
                // Only visible characters replace visible ones, so the value stays valid.
                *value = HeaderValue::from_bytes(&redacted)
                    .unwrap_or_else(|_| HeaderValue::from_static(REDACTED));
            }
        }
    }
    let is_encoded = head.headers.contains_key(CONTENT_ENCODING);
    let state = match (CredentialSearch::new(credentials, min_run), is_encoded) {
        (_, true) => State::Ended(None),
        (None, false) => State::Unchanged,
        (Some(search), false) => State::Beginning(Text {
            bytes: Vec::new(),
            search,
            may_be_capture: is_success && matches!(expected, Expected::Capture { .. }),
        }),
    };
    let body = RedactedBody {
        inner: body,
        max_text: expected.max_text(),
        unread,
        state,
    };
    Response::from_parts(head, body.boxed_unsync())
}

/// A body that is redacted unless it is a capture. Trailers do not pass: the component has no use
/// for them.
struct RedactedBody {
    inner: WasiBody,
    /// Most bytes of a text that are passed on, inclusive.
    max_text: usize,
    /// Counts the text that is held.
    unread: Unread,
    state: State,
}

/// A text that arrives. A credential may be split between chunks, so it is passed on as a whole.
struct Text {
    bytes: Vec<u8>,
    search: CredentialSearch,
    /// Whether it may still turn out to be a capture.
    may_be_capture: bool,
}

enum State {
    /// All chunks pass: those of a capture, or of any response if there is no credential.
    Unchanged,
    /// This much has arrived of a text, or of what may still be a capture.
    Beginning(Text),
    /// The text was passed on. It ended in this error, or regularly.
    Ended(Option<Error>),
}

impl RedactedBody {
    /// Passes the collected text on.
    fn finish(&mut self, text: &Text, error: Option<Error>) -> Option<Result<Frame<Bytes>, Error>> {
        self.state = State::Ended(error);
        if text.bytes.is_empty() {
            return self.end();
        }
        // Redacted before it is cut, because the rest of a credential could not be recognized.
        let mut redacted = text.search.redact(&text.bytes);
        redacted.truncate(self.max_text);
        Some(Ok(Frame::data(redacted.into())))
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
            if let State::Ended(_) = &self.state {
                return Poll::Ready(self.end());
            }
            let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
            let frame = frame.map(|frame| frame.map(|frame| frame.into_data()));
            let state = std::mem::replace(&mut self.state, State::Ended(None));
            let mut text = match state {
                State::Beginning(text) => text,
                // `Ended` was returned above.
                State::Unchanged | State::Ended(_) => {
                    self.state = State::Unchanged;
                    match frame {
                        Some(Ok(Ok(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                        Some(Ok(Err(_trailers))) => continue,
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => return Poll::Ready(None),
                    }
                }
            };
            let data = match frame {
                None => return Poll::Ready(self.finish(&text, None)),
                Some(Err(error)) => return Poll::Ready(self.finish(&text, Some(error))),
                Some(Ok(frame)) => frame.unwrap_or_default(),
            };
            // The usual case is a first chunk that begins with a magic number. It is not copied.
            let is_first = text.bytes.is_empty();
            if text.may_be_capture && is_first && begins_like_pcap(&data) == Some(true) {
                self.state = State::Unchanged;
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            text.bytes.extend_from_slice(&data);
            if text.may_be_capture {
                match begins_like_pcap(&text.bytes) {
                    Some(true) => {
                        self.state = State::Unchanged;
                        return Poll::Ready(Some(Ok(Frame::data(text.bytes.into()))));
                    }
                    Some(false) => text.may_be_capture = false,
                    None => {}
                }
            }
            self.unread.set(text.bytes.len());
            if text.bytes.len() >= self.max_text.saturating_add(MORE_TEXT) {
                return Poll::Ready(self.finish(&text, None));
            }
            self.state = State::Beginning(text);
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Unchanged => self.inner.is_end_stream(),
            State::Beginning(_) => false,
            State::Ended(error) => error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Unchanged => self.inner.size_hint(),
            State::Beginning(_) | State::Ended(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Response};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};
    use wasmtime_wasi_http::{Error, WasiBody};

    use super::{Expected, MORE_TEXT, redact};
    use crate::outbound::unread::{Unread, UnreadBytes};

    const MAX_TEXT: usize = 100;
    const CAPTURE: Expected = Expected::Capture { max_text: MAX_TEXT };
    const FILE: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0 Authorization: s3cret-token";

    fn chunked(chunks: &[&[u8]]) -> WasiBody {
        let chunks: Vec<Result<Frame<Bytes>, Error>> = chunks
            .iter()
            .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        StreamBody::new(futures::stream::iter(chunks)).boxed_unsync()
    }

    async fn bytes_of(response: Response<WasiBody>, credential: &str, what: Expected) -> Vec<u8> {
        let unread = Unread::new(&UnreadBytes::default());
        let response = redact(response, &[credential.to_string()], what, unread);
        let body = response.into_body().collect().await.unwrap();
        assert!(body.trailers().is_none());
        body.to_bytes().to_vec()
    }

    async fn body(chunks: &[&[u8]], credential: &str) -> Vec<u8> {
        bytes_of(Response::new(chunked(chunks)), credential, CAPTURE).await
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
        let rows = [b"{\"sid\":\"s3cret\"}".as_slice(), &[b' '; 1500]].concat();
        for chunks in [vec![rows.as_slice()], rows.chunks(60).collect()] {
            let redacted = body(&chunks, "s3cret").await;
            assert_eq!(redacted.len(), MAX_TEXT);
            assert!(redacted.starts_with(b"{\"sid\":\"[credential]\"}  "));
        }
        assert_eq!(body(&[&rows[..MAX_TEXT]], "other").await, rows[..MAX_TEXT]);
    }

    #[tokio::test]
    async fn redaction_finds_a_credential_around_the_end_of_a_limited_text() {
        let credential = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH".repeat(40);
        for offset in MAX_TEXT - 40..MAX_TEXT + 10 {
            let text = format!("{}{credential}", "x".repeat(offset)).into_bytes();
            let mut expected = "x".repeat(offset) + "[credential]";
            expected.truncate(MAX_TEXT);
            for chunks in [vec![text.as_slice()], text.chunks(60).collect()] {
                let redacted = String::from_utf8(body(&chunks, &credential).await).unwrap();
                assert_eq!(redacted, expected, "{offset}");
            }
        }
        assert!(credential.len() > MORE_TEXT);
    }

    #[tokio::test]
    async fn redaction_does_not_touch_a_capture() {
        for at in 0..FILE.len() {
            let (begin, end) = FILE.split_at(at);
            assert_eq!(body(&[begin, end], "s3cret-token").await, FILE, "{at}");
        }
    }

    #[tokio::test]
    async fn redaction_takes_only_the_success_of_an_export_for_a_capture() {
        let mut rejected = Response::new(chunked(&[FILE]));
        *rejected.status_mut() = http::StatusCode::BAD_REQUEST;
        let rows = Expected::Rows { max_text: MAX_TEXT };
        for (response, expected) in [(rejected, CAPTURE), (Response::new(chunked(&[FILE])), rows)] {
            let bytes = bytes_of(response, "s3cret-token", expected).await;
            assert!(bytes.ends_with(b" Authorization: [credential]"));
        }
    }

    #[tokio::test]
    async fn redaction_drops_a_compressed_body() {
        let mut response = Response::new(chunked(&[b"\x1f\x8bs3cret-token"]));
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert("content-encoding", gzip);
        assert_eq!(bytes_of(response, "s3cret-token", CAPTURE).await, b"");
    }

    #[tokio::test]
    async fn redaction_drops_trailers() {
        for credential in ["s3cret-token", ""] {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-echo", HeaderValue::from_static("s3cret-token"));
            let frames: Vec<Result<Frame<Bytes>, Error>> = vec![
                Ok(Frame::data(Bytes::from_static(FILE))),
                Ok(Frame::trailers(trailers)),
            ];
            let stream = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
            assert_eq!(
                bytes_of(Response::new(stream), credential, CAPTURE).await,
                FILE
            );
        }
    }

    #[tokio::test]
    async fn redaction_covers_header_fields() {
        let response = Response::builder().header("location", "/login?token=s3cret");
        let response = response.body(chunked(&[])).unwrap();
        let unread = Unread::new(&UnreadBytes::default());
        let redacted = redact(response, &["s3cret".to_string()], CAPTURE, unread);
        assert_eq!(redacted.headers()["location"], "/login?token=[credential]");
    }
}
