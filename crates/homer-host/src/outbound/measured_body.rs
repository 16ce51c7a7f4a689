//! A response body whose size is reported to the queue of exports.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::admission::SMALL_BYTES;
use crate::permit::Meter;

/// A body that tells what it costs: once when it exceeds [`SMALL_BYTES`], or once at its end.
pub(super) struct MeasuredBody {
    inner: WasiBody,
    /// `None` once it has told.
    meter: Option<Meter>,
    received: u64,
}

impl MeasuredBody {
    pub(super) fn new(inner: WasiBody, meter: Meter) -> Self {
        Self {
            inner,
            meter: Some(meter),
            received: 0,
        }
    }

    fn tell(&mut self, ended: bool) {
        if self.received > SMALL_BYTES {
            if let Some(meter) = self.meter.take() {
                meter.received(self.received);
            }
        } else if ended && let Some(meter) = self.meter.take() {
            meter.response_ended(self.received);
        }
    }
}

impl Body for MeasuredBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
        let length = data.and_then(Frame::data_ref).map_or(0, Bytes::len);
        self.received += length as u64;
        match &frame {
            // It broke off, which proves nothing.
            Some(Err(_)) => self.meter = None,
            // A reader that knows the end by the length does not ask for it.
            Some(Ok(_)) => {
                let ended = self.inner.is_end_stream();
                self.tell(ended);
            }
            None => self.tell(true),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
