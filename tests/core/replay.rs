//! A transport that plays prepared responses and remembers what it was asked.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use homer_export::transport::{
    OutboundRequest, OutboundResponse, ResponseBody, ResponseHead, Transport, TransportError,
};
use serde_json::Value;

use crate::recordings;

/// What happens to one request.
#[derive(Clone)]
pub(crate) enum Reaction {
    /// A response, whose body arrives in these chunks.
    Response(ResponseHead, Vec<Result<Vec<u8>, TransportError>>),
    /// No response.
    Failure(TransportError),
    /// The request cannot be sent.
    Unsent(TransportError),
}

impl Reaction {
    /// A response with a body in one chunk.
    pub(crate) fn new(head: ResponseHead, body: impl Into<Vec<u8>>) -> Self {
        Self::Response(head, vec![Ok(body.into())])
    }

    /// A response of this status with a JSON body.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let content_type = Some("application/json".to_string());
        Self::new(
            ResponseHead {
                status,
                content_type,
                ..ResponseHead::default()
            },
            body,
        )
    }

    /// A capture, as Homer sends it: without a length.
    pub(crate) fn capture(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(
            ResponseHead {
                status: 200,
                ..ResponseHead::default()
            },
            bytes,
        )
    }

    /// The capture of a profile without packets: the file header alone.
    pub(crate) fn empty() -> Self {
        Self::recorded("export-unknown-callid")
    }

    /// The response in a recording in `tests/data`.
    pub(crate) fn recorded(name: &str) -> Self {
        let exchange = recordings::exchange(name);
        let response = &exchange["response"];
        // Homer closed the connection, or did not accept it.
        match response["transport_error"].as_str() {
            None => {}
            Some(why) if why.starts_with("RemoteDisconnected") => {
                return Self::Failure(TransportError::ConnectionClosed);
            }
            Some(why) if why.starts_with("ConnectionRefused") => {
                return Self::Failure(TransportError::ConnectionRefused);
            }
            Some(why) => panic!("{name}: {why}"),
        }
        let (head, text) = crate::homer::recorded(name);
        match response["body_file"].as_str() {
            Some(file) => Self::new(
                head,
                recordings::capture(file.strip_suffix(".pcap").unwrap()),
            ),
            None => Self::new(head, text),
        }
    }
}

/// Plays reactions in the order of the requests, the last one again and again.
#[derive(Default)]
pub(crate) struct Replay {
    reactions: VecDeque<Reaction>,
    /// The requests so far: `login`, or the API's version and the profile, for instance `v3
    /// 1_call`.
    pub(crate) requests: Vec<String>,
    /// Header fields of the last request.
    pub(crate) fields: Vec<(String, String)>,
    /// Exchanges that are open, and the most that were.
    open: Rc<Cell<(usize, usize)>>,
}

impl Replay {
    pub(crate) fn new(reactions: impl IntoIterator<Item = Reaction>) -> Self {
        Self {
            reactions: reactions.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A Homer whose first profile has this capture, and whose others are empty.
    pub(crate) fn of_first_profile(reaction: Reaction) -> Self {
        Self::new([reaction, Reaction::empty()])
    }

    /// Exchanges that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.get().0
    }

    /// The most exchanges that were open at a time.
    pub(crate) fn most_open(&self) -> usize {
        self.open.get().1
    }
}

/// An exchange, from its request until its body is dropped.
pub(crate) struct Exchange(Rc<Cell<(usize, usize)>>);

impl Exchange {
    fn begin(open: &Rc<Cell<(usize, usize)>>) -> Self {
        let (now, most) = open.get();
        open.set((now + 1, most.max(now + 1)));
        Self(Rc::clone(open))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let (now, most) = self.0.get();
        self.0.set((now - 1, most));
    }
}

impl Transport for Replay {
    type Body = Chunks;
    type Pending = (Reaction, Exchange);

    fn start(&mut self, request: &OutboundRequest<'_>) -> Result<Self::Pending, TransportError> {
        self.requests.push(describe(request));
        self.fields = request.fields.to_vec();
        let reaction = match self.reactions.len() {
            1 => self.reactions.front().cloned(),
            _ => self.reactions.pop_front(),
        };
        match reaction.unwrap() {
            Reaction::Unsent(error) => Err(error),
            reaction => Ok((reaction, Exchange::begin(&self.open))),
        }
    }

    fn receive(
        &mut self,
        (reaction, exchange): Self::Pending,
    ) -> Result<OutboundResponse<Chunks>, TransportError> {
        match reaction {
            Reaction::Response(head, chunks) => Ok(OutboundResponse {
                head,
                body: Chunks(chunks.into(), exchange),
            }),
            Reaction::Failure(error) | Reaction::Unsent(error) => Err(error),
        }
    }
}

fn describe(request: &OutboundRequest<'_>) -> String {
    let body: Value = serde_json::from_slice(request.body).unwrap();
    match request.path {
        "/api/v3/auth" => "login".to_string(),
        "/api/v3/export/call/messages/pcap" => {
            let search = body["param"]["search"].as_object().unwrap();
            format!("v3 {}", search.keys().next().unwrap())
        }
        "/api/v3/search/call/data" => {
            let search = body["param"]["search"].as_object().unwrap();
            format!("search {}", search.keys().next().unwrap())
        }
        "/api/v4/transactions/export/pcap" => {
            format!(
                "v4 {}_{}",
                body["proto_type"],
                body["event_type"].as_str().unwrap()
            )
        }
        path => panic!("no request of ours goes to {path}"),
    }
}

/// A body in chunks, read as a stream: never more than was asked for.
pub(crate) struct Chunks(
    VecDeque<Result<Vec<u8>, TransportError>>,
    #[expect(dead_code, reason = "counts the exchange until it is dropped")] Exchange,
);

impl ResponseBody for Chunks {
    fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError> {
        match self.0.pop_front() {
            None => Ok(Vec::new()),
            Some(Err(error)) => Err(error),
            Some(Ok(bytes)) if bytes.is_empty() => self.read(max),
            Some(Ok(mut bytes)) => {
                if bytes.len() as u64 > max {
                    self.0.push_front(Ok(bytes.split_off(max as usize)));
                }
                Ok(bytes)
            }
        }
    }
}
