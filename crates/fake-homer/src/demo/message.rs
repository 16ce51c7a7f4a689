//! A SIP message, described by what matters in a call; the rest follows from it.

use std::fmt;

/// An IPv4 address with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: [u8; 4],
    pub(super) port: u16,
}

impl Address {
    /// A SIP address: port 5060.
    pub(super) const fn sip(host: [u8; 4]) -> Self {
        Self { host, port: 5060 }
    }

    /// Another port of the same host.
    pub(super) const fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The address without its port.
    pub(super) fn host(self) -> String {
        self.host.map(|byte| byte.to_string()).join(".")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host(), self.port)
    }
}

/// A request or a response.
#[derive(Clone, Debug)]
pub(super) struct Message {
    from: Address,
    to: Address,
    /// Method and URI, or status code and reason phrase.
    line: String,
    is_response: bool,
    transport: &'static str,
    /// The Via values, the topmost first.
    vias: Vec<(Address, String)>,
    cseq: String,
    /// Values of From and To.
    parties: (String, String),
    fields: Vec<String>,
    content: String,
}

impl Message {
    /// A request of Alice to Bob outside of a dialog. `line` has method and URI. The branch is
    /// unique within the call.
    pub(super) fn request(ends: (Address, Address), line: &str, cseq: u32, branch: &str) -> Self {
        let method = line.split(' ').next().unwrap_or_default();
        let mut request = Self {
            from: ends.0,
            to: ends.1,
            line: line.to_string(),
            is_response: false,
            transport: "UDP",
            vias: vec![(ends.0, branch.to_string())],
            cseq: format!("{cseq} {method}"),
            parties: (
                "\"Alice\" <sip:alice@example.com>;tag=a1".to_string(),
                "\"Bob\" <sip:bob@example.com>".to_string(),
            ),
            fields: Vec::new(),
            content: String::new(),
        };
        if ["INVITE", "REGISTER", "REFER", "NOTIFY"].contains(&method) {
            request.fields.push(format!("Contact: <sip:{}>", ends.0));
        }
        request
    }

    /// The response to a request, on the way back.
    pub(super) fn response(&self, line: &str) -> Self {
        let mut response = Self {
            from: self.to,
            to: self.from,
            line: line.to_string(),
            is_response: true,
            fields: Vec::new(),
            content: String::new(),
            ..self.clone()
        };
        if line.starts_with('2') && self.cseq.ends_with("INVITE") {
            response.fields.push(format!("Contact: <sip:{}>", self.to));
        }
        response
    }

    /// The same message over TCP.
    pub(super) fn over_tcp(mut self) -> Self {
        self.transport = "TCP";
        self
    }

    /// The same message with a tag in To.
    pub(super) fn tagged(mut self, tag: &str) -> Self {
        self.parties.1.push_str(&format!(";tag={tag}"));
        self
    }

    /// The same request in the opposite direction of the dialog: of Bob to Alice.
    pub(super) fn reversed(mut self) -> Self {
        self.parties = (self.parties.1, self.parties.0);
        self
    }

    /// The same request of Alice for herself, as a registration is.
    pub(super) fn for_herself(mut self) -> Self {
        self.parties.1 = "\"Alice\" <sip:alice@example.com>".to_string();
        self
    }

    /// The same message with one more header field.
    pub(super) fn field(mut self, field: &str) -> Self {
        self.fields.push(field.to_string());
        self
    }

    /// The same message with a session description: audio at this address.
    pub(super) fn sdp(self, host: &str) -> Self {
        let content = format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        );
        self.content("application/sdp", &content)
    }

    /// The same message with content.
    pub(super) fn content(mut self, media_type: &str, content: &str) -> Self {
        self.fields.push(format!("Content-Type: {media_type}"));
        self.content = content.to_string();
        self
    }

    /// A request as a proxy forwards it from where it received it.
    pub(super) fn forwarded(&self, to: Address, branch: &str) -> Self {
        let mut forwarded = self.clone();
        (forwarded.from, forwarded.to) = (self.to, to);
        forwarded.vias.insert(0, (self.to, branch.to_string()));
        forwarded
    }

    /// A response as a proxy forwards it: to the next Via.
    pub(super) fn returned(&self) -> Self {
        let mut returned = self.clone();
        returned.vias.remove(0);
        returned.from = self.to;
        returned.to = returned.vias.first().map_or(self.to, |via| via.0);
        returned
    }

    pub(super) fn from(&self) -> Address {
        self.from
    }

    pub(super) fn to(&self) -> Address {
        self.to
    }

    /// The message as it is sent.
    pub(super) fn text(&self, call_id: &str) -> String {
        let mut text = match self.is_response {
            true => format!("SIP/2.0 {}\r\n", self.line),
            false => format!("{} SIP/2.0\r\n", self.line),
        };
        let mut field = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        for (address, branch) in &self.vias {
            let transport = self.transport;
            field(
                "Via",
                &format!("SIP/2.0/{transport} {address};branch=z9hG4bK-{branch}"),
            );
        }
        if !self.is_response {
            field("Max-Forwards", &(71 - self.vias.len()).to_string());
        }
        field("From", &self.parties.0);
        field("To", &self.parties.1);
        field("Call-ID", call_id);
        field("CSeq", &self.cseq);
        for line in &self.fields {
            text.push_str(&format!("{line}\r\n"));
        }
        let len = self.content.len();
        text.push_str(&format!("Content-Length: {len}\r\n\r\n{}", self.content));
        text
    }
}
