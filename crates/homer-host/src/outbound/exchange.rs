//! The requests of one instance: how many there are, how many are under way, and what the host
//! noticed about their responses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use super::Outbound;
use super::hashed_body::{HashedBody, HashedResponse, LastResponse};
use super::measured_body::MeasuredBody;
use super::unread::UnreadBytes;
use crate::permit::Meter;

/// How long a request waits for an earlier one that the component has dropped: Wasmtime ends it in
/// the background.
const END_OF_DROPPED: Duration = Duration::from_secs(1);

/// What the host noticed about the transfers of one instance, and the component cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransferNotes {
    /// The last capture had neither a Content-Length nor chunked encoding, as HTTP/1.0 servers and
    /// some proxies send it (docs/homer.md §7). Then only the closed connection shows its end (RFC
    /// 9112 §6.3, item 8), and a cut between two packet records cannot be detected.
    pub(crate) end_unproven: bool,
}

/// The way out of one instance: the shared one, and the notes about its transfers.
pub(crate) struct InstanceOutbound {
    shared: Arc<Outbound>,
    // Shared with the requests under way, which outlive the calls that started them.
    end_unproven: Arc<AtomicBool>,
    /// The number of requests of this instance so far.
    requests: AtomicU32,
    /// Most requests of this instance, inclusive.
    max_requests: u32,
    /// One permit for each exchange that may be open, from the request to the end of the response.
    open: Arc<Semaphore>,
    unread: UnreadBytes,
    /// Learns what the requests cost. `None` if there may be none.
    meter: Option<Meter>,
    /// The last response, if responses are hashed.
    last_response: Option<LastResponse>,
}

impl InstanceOutbound {
    /// For an export, which needs fewer requests than a search. Without a meter, the instance may
    /// send none.
    pub(crate) fn new(shared: &Arc<Outbound>, meter: Option<Meter>) -> Self {
        let limits = &shared.limits;
        Self {
            max_requests: meter.as_ref().map_or(0, |_| limits.export_requests),
            open: Arc::new(Semaphore::new(limits.open_requests)),
            shared: Arc::clone(shared),
            end_unproven: Arc::default(),
            requests: AtomicU32::new(0),
            unread: UnreadBytes::default(),
            meter,
            last_response: None,
        }
    }

    /// From now on, hashes each response that may be a capture.
    pub(crate) fn hash_responses(&mut self) {
        self.last_response = Some(LastResponse::default());
    }

    /// The last response that was received to its end, if responses are hashed.
    pub(crate) fn last_response(&self) -> Option<HashedResponse> {
        self.last_response.as_ref()?.get()
    }

    /// Sets the number of requests that this instance may send, inclusive.
    pub(crate) fn allow_requests(&mut self, max_requests: u32) {
        self.max_requests = max_requests;
    }

    /// What was noticed until now.
    pub(crate) fn notes(&self) -> TransferNotes {
        TransferNotes {
            end_unproven: self.end_unproven.load(Ordering::Relaxed),
        }
    }

    /// The bytes of responses that the host holds for the instance.
    pub(crate) fn unread(&self) -> &UnreadBytes {
        &self.unread
    }
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for InstanceOutbound {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&self.shared.forbidden)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let shared = Arc::clone(&self.shared);
        let end_unproven = Arc::clone(&self.end_unproven);
        let unread = self.unread.clone();
        let meter = self.meter.clone();
        let last_response = self.last_response.clone();
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        let (limit, open) = (self.max_requests, Arc::clone(&self.open));
        Box::new(async move {
            let Some(meter) = meter.filter(|_| before < limit) else {
                let why = format!("more than {limit} requests of one export or search");
                return Err(Error::InternalError(Some(why)));
            };
            let permit = tokio::time::timeout(END_OF_DROPPED, open.acquire_owned()).await;
            let Ok(Ok(permit)) = permit else {
                let limit = shared.limits.open_requests;
                let why = format!("more than {limit} requests of one export or search at a time");
                return Err(Error::InternalError(Some(why)));
            };
            meter.sent();
            let sent = shared.send(request, options, &end_unproven, &unread).await;
            // After a timeout, Homer works on.
            if !matches!(sent, Err(Error::ConnectionReadTimeout)) {
                meter.responds();
            }
            let response = sent?;
            // A quick error proves nothing: an overloaded server sends one as well.
            let response = match response.status().is_success() {
                true => response.map(|body| MeasuredBody::new(body, meter).boxed_unsync()),
                false => response,
            };
            let last = last_response.filter(|_| response.status() == StatusCode::OK);
            let response = match last {
                Some(last) => response.map(|body| HashedBody::new(body, last).boxed_unsync()),
                None => response,
            };
            let response = response.map(|body| {
                let open = Some(permit);
                OpenBody { body, open }.boxed_unsync()
            });
            // wasmtime-wasi-http polls this for as long as the response is read. hyper's client
            // runs the connection in a task of its own, so there is nothing to do.
            let nothing_more: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, nothing_more))
        })
    }
}

/// The body of a response, whose exchange counts as open until it ends or is dropped.
struct OpenBody {
    body: WasiBody,
    open: Option<OwnedSemaphorePermit>,
}

impl Body for OpenBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if matches!(frame, None | Some(Err(_))) {
            self.open = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
