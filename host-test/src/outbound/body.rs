//! A reply's body, held to the policy's limits.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

use super::fault;

/// Counts bytes against a limit, and time between pieces against another.
pub(super) struct LimitedBody {
    incoming: Incoming,
    seen: u64,
    limit: u64,
    between_bytes: Duration,
    /// Runs while the network is waited for, and not while the component or the host's caller takes its time with what came:
    /// none of that is Homer's silence.
    pause: Pin<Box<Sleep>>,
    waiting: bool,
}

impl LimitedBody {
    pub(super) fn new(incoming: Incoming, limit: u64, between_bytes: Duration) -> Self {
        Self {
            incoming,
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
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
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(fault::of_body(&error)))),
            Poll::Ready(Some(Ok(frame))) => {
                self.seen += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.seen > self.limit {
                    return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(self.limit)))));
                }
                self.waiting = false;
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
