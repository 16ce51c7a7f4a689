//! A row of Homer's database, as its search returns it: one message without its text.

use std::net::SocketAddr;

use homer_export::packet::Packet;
use homer_export::pcap::RECORD_HEADER_LEN;
use serde_json::{Value, json};

/// The link type of Homer's captures: Ethernet.
const LINK_TYPE_ETHERNET: u16 = 1;

/// A row of Homer's database, for [`Archive::add_rows`](crate::Archive::add_rows). It is found by
/// searches, but it has no packets that could be exported.
///
/// # Examples
/// ```
/// use fake_homer::Row;
///
/// let invite = Row::invite("a84b4c76e66710@pc33", 1_795_168_800_000_000);
/// let busy = invite.response(486, 250_000);
/// assert_eq!((busy.method.as_str(), busy.time_us), ("486", 1_795_168_800_250_000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The search profile that holds it.
    pub profile: String,
    /// Capture time, Unix time in microseconds.
    pub time_us: i64,
    /// Call-ID.
    pub sid: String,
    /// Method of a request, or status of a response.
    pub method: String,
    /// CSeq: number and method.
    pub cseq: String,
    /// User in From.
    pub from_user: String,
    /// User in To.
    pub to_user: String,
    /// User in the Request-URI; empty for a response.
    pub ruri_user: String,
    /// User-Agent; empty if there is none.
    pub user_agent: String,
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Whether the row has no port. Homer's handler crashes on such a row (recording
    /// `find-row-crashes`).
    pub crashes: bool,
}

impl Row {
    /// An INVITE from `alice` to `bob` in the profile `1_call`.
    pub fn invite(sid: &str, time_us: i64) -> Self {
        Self {
            profile: "1_call".to_string(),
            time_us,
            sid: sid.to_string(),
            method: "INVITE".to_string(),
            cseq: "1 INVITE".to_string(),
            from_user: "alice".to_string(),
            to_user: "bob".to_string(),
            ruri_user: "bob".to_string(),
            user_agent: "Softphone/1.0".to_string(),
            source: SocketAddr::from(([192, 0, 2, 10], 5060)),
            destination: SocketAddr::from(([192, 0, 2, 20], 5060)),
            crashes: false,
        }
    }

    /// A response to this request, so many microseconds later.
    pub fn response(&self, status: u16, after_us: i64) -> Self {
        Self {
            time_us: self.time_us + after_us,
            method: status.to_string(),
            ruri_user: String::new(),
            user_agent: String::new(),
            source: self.destination,
            destination: self.source,
            ..self.clone()
        }
    }

    /// The same row without a port, so that Homer's handler crashes on it.
    pub fn crashing(self) -> Self {
        Self {
            crashes: true,
            ..self
        }
    }

    /// The row of a packet record of a call. `None` if it is no SIP message with this Call-ID: RTCP
    /// is in other profiles, and correlated calls have rows of their own.
    pub(super) fn of_record(
        profile: &str,
        call_id: &str,
        time_us: i64,
        record: &[u8],
    ) -> Option<Self> {
        let frame = record.get(RECORD_HEADER_LEN..)?;
        let Packet::Udp { route, payload, .. } = Packet::parse(LINK_TYPE_ETHERNET, frame) else {
            return None;
        };
        let text = String::from_utf8_lossy(payload);
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let (start, fields) = head.split_once("\r\n")?;
        let field = |names: &[&str]| {
            fields.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_wanted = names.iter().any(|n| name.trim().eq_ignore_ascii_case(n));
                is_wanted.then(|| value.trim().to_string())
            })
        };
        if field(&["Call-ID", "i"])? != call_id {
            return None;
        }
        let mut words = start.split(' ');
        let first = words.next()?;
        let (method, ruri_user) = match first == "SIP/2.0" {
            true => (words.next()?, String::new()),
            false => (first, user(words.next()?)),
        };
        Some(Self {
            profile: profile.to_string(),
            time_us,
            sid: call_id.to_string(),
            method: method.to_string(),
            cseq: field(&["CSeq"]).unwrap_or_default(),
            from_user: user(&field(&["From", "f"]).unwrap_or_default()),
            to_user: user(&field(&["To", "t"]).unwrap_or_default()),
            ruri_user,
            user_agent: field(&["User-Agent"]).unwrap_or_default(),
            source: route.source,
            destination: route.destination,
            crashes: false,
        })
    }

    /// The value of the field with this name. `None` if Homer does not know the name.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        Some(match name {
            "sid" | "data_header.callid" => self.sid.clone(),
            "data_header.from_user" => self.from_user.clone(),
            "data_header.to_user" => self.to_user.clone(),
            "data_header.ruri_user" => self.ruri_user.clone(),
            "data_header.method" => self.method.clone(),
            "data_header.cseq" => self.cseq.clone(),
            "data_header.user_agent" => self.user_agent.clone(),
            "protocol_header.srcIp" => self.source.ip().to_string(),
            "protocol_header.srcPort" => self.source.port().to_string(),
            "protocol_header.dstIp" => self.destination.ip().to_string(),
            "protocol_header.dstPort" => self.destination.port().to_string(),
            _ => return None,
        })
    }

    /// The row in a response.
    pub(super) fn to_json(&self) -> Value {
        let is_ipv6 = self.source.is_ipv6();
        json!({
            "sid": self.sid, "callid": self.sid, "correlation_id": self.sid,
            "method": self.method, "cseq": self.cseq,
            "from_user": self.from_user, "to_user": self.to_user, "ruri_user": self.ruri_user,
            "user_agent": self.user_agent,
            "srcIp": self.source.ip().to_string(), "srcPort": self.source.port(),
            "dstIp": self.destination.ip().to_string(), "dstPort": self.destination.port(),
            "create_date": self.time_us.div_euclid(1000),
            "timeSeconds": self.time_us.div_euclid(1_000_000),
            "timeUseconds": self.time_us.rem_euclid(1_000_000),
            "protocol": 17, "protocolFamily": if is_ipv6 { 10 } else { 2 }, "payloadType": 1,
            "node": NODE, "dbnode": NODE, "captureId": "2001",
            "table": format!("hep_proto_{}", self.profile),
        })
    }
}

/// The name of the only database node.
pub(super) const NODE: &str = "localnode";

/// The user of the SIP URI in a header field or a Request-URI; empty if it has none.
fn user(value: &str) -> String {
    let uri = value.split_once("sip:").map_or("", |(_, uri)| uri);
    let end = uri.find(['>', ';', '?']).unwrap_or(uri.len());
    let (user, _) = uri[..end].split_once('@').unwrap_or_default();
    user.to_string()
}
