//! A response body within the limits of the policy.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::error;
use super::unread::{Unread, UnreadBytes};

/// Size in bytes from which on a body is received ahead of the component. Below it, a task of its
/// own costs more than it saves.
const READ_AHEAD_THRESHOLD: u64 = 512 * 1024;

/// Chunks that are received ahead. A chunk is at most as large as the read buffer of a connection,
/// which [`crate::Limits::response_header_bytes`] bounds.
const CHUNKS_AHEAD: usize = 8;

/// A chunk of a body as it arrives from the network, or `None` at the end.
type Chunk = Option<Result<Frame<Bytes>, hyper::Error>>;

/// A response body that counts its bytes against one limit and the time between its chunks against
/// another.
pub(super) struct LimitedBody {
    source: Source,
    received: u64,
    limit: u64,
    between_bytes: Duration,
    /// Runs only while we wait for the network. The time that the component or the caller of the
    /// host takes between two reads is not Homer's silence.
    pause: Pin<Box<Sleep>>,
    waiting: bool,
    /// Counts the chunks that are received ahead.
    unread: UnreadBytes,
}

/// Where the chunks come from.
enum Source {
    /// From the connection, on request.
    Connection(Incoming),
    /// From a task that receives while the component computes. It ends when this value is dropped.
    Ahead(Receiver<(Chunk, Unread)>),
    /// The body has ended.
    Ended,
}

impl Source {
    /// Starts the task that receives ahead.
    fn ahead(&mut self, unread: UnreadBytes) {
        let (send, receive) = mpsc::channel(CHUNKS_AHEAD);
        if let Self::Connection(mut incoming) = std::mem::replace(self, Self::Ahead(receive)) {
            tokio::spawn(async move {
                loop {
                    let chunk = tokio::select! {
                        chunk = incoming.frame() => chunk,
                        // The body was dropped. Dropping `incoming` closes the connection.
                        () = send.closed() => return,
                    };
                    let is_end = chunk.is_none();
                    let mut held = Unread::new(&unread);
                    let data = chunk
                        .as_ref()
                        .and_then(|chunk| chunk.as_ref().ok()?.data_ref());
                    held.set(data.map_or(0, Bytes::len));
                    if send.send((chunk, held)).await.is_err() || is_end {
                        return;
                    }
                }
            });
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let chunk = match self {
            Self::Connection(incoming) => ready!(Pin::new(incoming).poll_frame(cx)),
            // The task ended without the end of the body, so its runtime was shut down.
            Self::Ahead(chunks) => match ready!(chunks.poll_recv(cx)) {
                Some((chunk, _)) => chunk,
                None => return Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
            },
            Self::Ended => None,
        };
        if chunk.is_none() {
            *self = Self::Ended;
        }
        Poll::Ready(chunk.map(|chunk| chunk.map_err(|error| error::of_body(&error))))
    }
}

impl LimitedBody {
    pub(super) fn new(
        incoming: Incoming,
        limit: u64,
        between_bytes: Duration,
        unread: &UnreadBytes,
    ) -> Self {
        Self {
            source: Source::Connection(incoming),
            received: 0,
            limit,
            between_bytes,
            pause: Box::pin(tokio::time::sleep(between_bytes)),
            waiting: false,
            unread: unread.clone(),
        }
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.source.poll(cx) {
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    let until = Instant::now() + self.between_bytes;
                    self.pause.as_mut().reset(until);
                }
                ready!(self.pause.as_mut().poll(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(frame))) => {
                self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.received > self.limit {
                    return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(self.limit)))));
                }
                self.waiting = false;
                if self.received >= READ_AHEAD_THRESHOLD
                    && matches!(self.source, Source::Connection(_))
                {
                    let unread = self.unread.clone();
                    self.source.ahead(unread);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Connection(incoming) => incoming.is_end_stream(),
            // Not known before the task has passed on the end.
            Source::Ahead(_) => false,
            Source::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Connection(incoming) => incoming.size_hint(),
            Source::Ahead(_) => SizeHint::default(),
            Source::Ended => SizeHint::with_exact(0),
        }
    }
}
