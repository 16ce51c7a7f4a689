//! A response body that is hashed on its way to the component.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use wasmtime_wasi_http::{Error, WasiBody};

/// A response that was received to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashedResponse {
    /// Length of its body in bytes.
    pub(crate) size_bytes: u64,
    /// SHA-256 of its body.
    pub(crate) sha256: [u8; 32],
}

/// The last response of an instance that was received to its end.
#[derive(Clone, Default)]
pub(super) struct LastResponse(Arc<Mutex<Option<HashedResponse>>>);

impl LastResponse {
    pub(super) fn get(&self) -> Option<HashedResponse> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, response: HashedResponse) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    }
}

/// A response body whose hash becomes known at its end.
pub(super) struct HashedBody {
    inner: WasiBody,
    hash: Sha256,
    size_bytes: u64,
    last: LastResponse,
}

impl HashedBody {
    pub(super) fn new(inner: WasiBody, last: LastResponse) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            size_bytes: 0,
            last,
        }
    }
}

impl Body for HashedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.hash.update(data);
                    self.size_bytes += data.len() as u64;
                }
            }
            None => {}
            Some(Err(_)) => return Poll::Ready(frame),
        }
        // A body with a Content-Length may not be read beyond its last byte.
        if frame.is_none() || self.inner.is_end_stream() {
            self.last.set(HashedResponse {
                size_bytes: self.size_bytes,
                sha256: self.hash.clone().finalize().into(),
            });
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
