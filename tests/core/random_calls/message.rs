//! SIP messages on the links of a path, with what they mean for the call.

use std::net::SocketAddr;

use crate::capture::{CALL_ID, Sent};

/// What a message is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request that starts the call, with or without credentials.
    Initial {
        credentials: bool,
    },
    Provisional,
    /// The final response to the request that starts the call.
    Final(u16),
    /// The ACK of a 2xx.
    Ack,
    /// The ACK of a rejection.
    RejectionAck,
    Cancel,
    CancelResponse,
    Bye,
    ByeResponse(u16),
    /// A request within the dialog, or a response to one.
    Within,
}

/// What a message is, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct What {
    pub(super) kind: Kind,
    /// Number of the link; 0 is the caller's own.
    pub(super) link: usize,
    /// Number of the attempt.
    pub(super) attempt: usize,
}

/// A message that may be sent several times.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its number among all different messages.
    pub(super) id: usize,
    pub(super) what: What,
    /// The time is set when it is sent.
    pub(super) sent: Sent,
}

/// Two neighbors on the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) number: usize,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

impl Link {
    pub(super) fn reversed(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            ..self
        }
    }
}

/// The tags of a request, and who sends it.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) from: (&'static str, String),
    /// Empty tag: none.
    pub(super) to: (&'static str, String),
}

impl Ends {
    /// The same dialog, seen from the other side.
    pub(super) fn reversed(&self) -> Self {
        Self {
            from: self.to.clone(),
            to: self.from.clone(),
        }
    }
}

/// A request on one link, and what its responses repeat.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) link: Link,
    pub(super) vias: String,
    pub(super) ends: Ends,
    pub(super) cseq: String,
}

fn address(user: &str, tag: &str) -> String {
    match tag {
        "" => format!("<sip:{user}@example.net>"),
        tag => format!("<sip:{user}@example.net>;tag={tag}"),
    }
}

fn fields(vias: &str, ends: &Ends, to_tag: &str, cseq: &str) -> String {
    let from = address(ends.from.0, &ends.from.1);
    let to = address(ends.to.0, to_tag);
    format!("{vias}From: {from}\r\nTo: {to}\r\nCall-ID: {CALL_ID}\r\nCSeq: {cseq}\r\n")
}

fn sdp(host: SocketAddr) -> String {
    let ip = host.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP \
         8\r\n"
    )
}

/// A message whose body, if it has one, is the sender's SDP.
fn text(head: &str, has_sdp: bool, sender: SocketAddr) -> Vec<u8> {
    let body = if has_sdp { sdp(sender) } else { String::new() };
    let contact = match has_sdp {
        true => format!("Contact: <sip:bob@{sender}>\r\nContent-Type: application/sdp\r\n"),
        false => String::new(),
    };
    let len = body.len();
    format!("{head}{contact}Content-Length: {len}\r\n\r\n{body}").into_bytes()
}

/// What a request says apart from its transaction.
pub(super) struct Line<'a> {
    pub(super) method: &'a str,
    pub(super) number: u64,
    /// Further header fields.
    pub(super) fields: &'a str,
    pub(super) has_sdp: bool,
}

impl Request {
    pub(super) fn new(
        (id, what): (usize, What),
        link: Link,
        line: &Line<'_>,
        vias: String,
        ends: &Ends,
    ) -> Self {
        let Line { method, number, .. } = line;
        let cseq = format!("{number} {method}");
        let user = ends.to.0;
        let hops = 70 - vias.matches("Via").count();
        let head = format!(
            "{method} sip:{user}@{} SIP/2.0\r\nMax-Forwards: {hops}\r\n{}{}",
            link.to,
            fields(&vias, ends, &ends.to.1, &cseq),
            line.fields,
        );
        let sent = Sent {
            time_us: 0,
            from: link.from,
            to: link.to,
            message: text(&head, line.has_sdp, link.from),
        };
        Self {
            message: Message { id, what, sent },
            link,
            vias,
            ends: ends.clone(),
            cseq,
        }
    }

    /// The ACK of a rejection, or a CANCEL: the same transaction with another method.
    pub(super) fn same_branch(&self, id: usize, kind: Kind, method: &str, to_tag: &str) -> Self {
        let number = self.cseq.split(' ').next().unwrap();
        let mut ends = self.ends.clone();
        ends.to.1 = to_tag.to_string();
        let what = What {
            kind,
            ..self.message.what
        };
        // It is sent to the next neighbor only, and has no other Via.
        let top = self.vias.split_inclusive("\r\n").next().unwrap();
        let line = Line {
            method,
            number: number.parse().unwrap(),
            fields: "",
            has_sdp: false,
        };
        Self::new((id, what), self.link, &line, top.to_string(), &ends)
    }

    /// A response to it. An empty tag is the one of the request.
    pub(super) fn response(&self, id: usize, kind: Kind, status: &str, to_tag: &str) -> Message {
        let tag = if to_tag.is_empty() {
            &self.ends.to.1
        } else {
            to_tag
        };
        let head = format!(
            "SIP/2.0 {status}\r\n{}",
            fields(&self.vias, &self.ends, tag, &self.cseq)
        );
        let has_sdp = self.cseq.ends_with("INVITE") && status.starts_with('2');
        let back = self.link.reversed();
        let what = What {
            kind,
            ..self.message.what
        };
        let sent = Sent {
            time_us: 0,
            from: back.from,
            to: back.to,
            message: text(&head, has_sdp, back.from),
        };
        Message { id, what, sent }
    }
}
