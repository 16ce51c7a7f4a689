//! A reply's body, held to the policy's limits.

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

use super::fault;

/// Bytes after which a body is received ahead of the component: from there on it pays to have a
/// task for that.
const AHEAD_FROM: u64 = 512 * 1024;

/// Pieces that are received ahead, each no longer than what is read from a connection at once:
/// `Limits::response_header_bytes`, which bounds that buffer.
const PIECES_AHEAD: usize = 8;

/// A piece of a reply as it comes from the network; none at its end.
type Piece = Option<Result<Frame<Bytes>, hyper::Error>>;

/// Counts bytes against a limit, and time between pieces against another.
pub(super) struct LimitedBody {
    source: Source,
    seen: u64,
    limit: u64,
    between_bytes: Duration,
    /// Runs while the network is waited for, and not while the component or the host's caller takes
    /// its time with what came: none of that is Homer's silence.
    pause: Pin<Box<Sleep>>,
    waiting: bool,
}

/// Where pieces come from.
enum Source {
    /// From the connection, when they are asked for.
    Connection(Incoming),
    /// From a task that receives while the component computes, which ends with this.
    Ahead(Receiver<Piece>),
    /// All have come.
    Ended,
}

impl Source {
    /// Begins to receive ahead.
    fn ahead(&mut self) {
        let (send, receive) = mpsc::channel(PIECES_AHEAD);
        if let Self::Connection(mut incoming) = std::mem::replace(self, Self::Ahead(receive)) {
            tokio::spawn(async move {
                loop {
                    let piece = tokio::select! {
                        piece = incoming.frame() => piece,
                        // Nobody wants more: the connection closes with `incoming`.
                        () = send.closed() => return,
                    };
                    let is_end = piece.is_none();
                    if send.send(piece).await.is_err() || is_end {
                        return;
                    }
                }
            });
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = match self {
            Self::Connection(incoming) => ready!(Pin::new(incoming).poll_frame(cx)),
            // A task that ended without the end was ended with its runtime.
            Self::Ahead(pieces) => match ready!(pieces.poll_recv(cx)) {
                Some(piece) => piece,
                None => return Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
            },
            Self::Ended => None,
        };
        if piece.is_none() {
            *self = Self::Ended;
        }
        Poll::Ready(piece.map(|piece| piece.map_err(|error| fault::of_body(&error))))
    }
}

impl LimitedBody {
    pub(super) fn new(incoming: Incoming, limit: u64, between_bytes: Duration) -> Self {
        Self {
            source: Source::Connection(incoming),
            seen: 0,
            limit,
            between_bytes,
            pause: Box::pin(tokio::time::sleep(between_bytes)),
            waiting: false,
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
                self.seen += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.seen > self.limit {
                    return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(self.limit)))));
                }
                self.waiting = false;
                if self.seen >= AHEAD_FROM && matches!(self.source, Source::Connection(_)) {
                    self.source.ahead();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Connection(incoming) => incoming.is_end_stream(),
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
