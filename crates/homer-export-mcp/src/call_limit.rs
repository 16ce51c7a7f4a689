//! How many calls the server handles at a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::request::Parts;
use hyper::body::{Body, Frame, SizeHint};
use rmcp::model::Extensions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::held_bytes::{HeldBytes, HeldLimit};

/// Calls at a time, inclusive. Calls that wait for one of the exporter's permits count, and so do
/// those whose HTTP response is still being sent: both hold memory. Further calls get the error
/// `busy`.
pub(crate) const MAX_CALLS: usize = 64;

/// The limit. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct CallLimit {
    calls: Arc<Semaphore>,
    bytes: HeldLimit,
}

/// The permission to handle one call. It ends when its last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct CallPermit {
    _permit: Arc<OwnedSemaphorePermit>,
    response: Arc<Mutex<HeldBytes>>,
}

impl CallPermit {
    /// Reserves room for the bytes of the response, until the permit ends. Whether there is room.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        let mut response = self.response.lock().unwrap_or_else(PoisonError::into_inner);
        response.add(bytes)
    }
}

impl CallLimit {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            bytes: HeldLimit::default(),
        }
    }

    /// Counts the bytes of a capture that is held in memory, from 0 on.
    pub(crate) fn hold(&self) -> HeldBytes {
        self.bytes.hold()
    }

    /// A permit, if one is left. Nobody waits here: a client would not know why.
    pub(crate) fn try_acquire(&self) -> Option<CallPermit> {
        let permit = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        Some(CallPermit {
            _permit: Arc::new(permit),
            response: Arc::new(Mutex::new(self.bytes.hold())),
        })
    }

    /// The permit for a call in this MCP request. Over HTTP the transport has acquired one already,
    /// or has found none left; over standard input this is the place.
    pub(crate) fn permit_of(&self, extensions: &Extensions) -> Option<CallPermit> {
        match extensions.get::<Parts>() {
            Some(request) => request.extensions.get::<CallPermit>().cloned(),
            None => self.try_acquire(),
        }
    }

    /// How many permits are left.
    #[cfg(test)]
    pub(crate) fn available(&self) -> usize {
        self.calls.available_permits()
    }
}

/// The body of an HTTP response that holds its call's permit.
///
/// The call ends long before its response has been sent: with 64 slow readers, responses of 8 MiB
/// each stay in memory. So the permit belongs to the body, and is free once hyper has sent the body
/// or given it up.
pub(crate) struct PermitBody<B> {
    body: B,
    _permit: Option<CallPermit>,
}

impl<B> PermitBody<B> {
    pub(crate) fn new(body: B, permit: Option<CallPermit>) -> Self {
        Self {
            body,
            _permit: permit,
        }
    }
}

impl<B: Body + Unpin> Body for PermitBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
