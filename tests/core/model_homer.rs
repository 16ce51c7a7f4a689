//! A model of Homer 7's search, as homer-app 1.5.20 behaves, and of HOMER 11's, as its source says
//! (docs/homer.md §13).

use std::collections::HashSet;

use homer_export::query::Timestamp;
use homer_export::transport::{
    OutboundRequest, OutboundResponse, ResponseBody, ResponseHead, Transport, TransportError,
};
use serde_json::{Value, json};

/// A row of Homer's database.
#[derive(Clone, Debug)]
pub(crate) struct ModelRow {
    pub(crate) profile: &'static str,
    /// Capture time, Unix time in microseconds.
    pub(crate) time_us: i64,
    pub(crate) sid: String,
    pub(crate) method: String,
    pub(crate) cseq: String,
    pub(crate) from_user: String,
    pub(crate) to_user: String,
    pub(crate) user_agent: String,
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) node: &'static str,
    /// Without a port, so that it crashes the handler.
    pub(crate) crashes: bool,
}

impl ModelRow {
    /// An INVITE from `alice` to `bob`.
    pub(crate) fn invite(sid: &str, time_us: i64) -> Self {
        Self {
            profile: "1_call",
            time_us,
            sid: sid.to_string(),
            method: "INVITE".to_string(),
            cseq: "1 INVITE".to_string(),
            from_user: "alice".to_string(),
            to_user: "bob".to_string(),
            user_agent: "Softphone/1.0".to_string(),
            source: "192.0.2.10".to_string(),
            destination: "192.0.2.20".to_string(),
            node: "localnode",
            crashes: false,
        }
    }

    /// A response to this request, so many microseconds later.
    pub(crate) fn response(&self, status: u16, after_us: i64) -> Self {
        Self {
            time_us: self.time_us + after_us,
            method: status.to_string(),
            user_agent: "Server/2.0".to_string(),
            source: self.destination.clone(),
            destination: self.source.clone(),
            ..self.clone()
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        Some(match name {
            "sid" => &self.sid,
            "data_header.from_user" => &self.from_user,
            "data_header.to_user" => &self.to_user,
            "data_header.method" => &self.method,
            "data_header.user_agent" => &self.user_agent,
            "protocol_header.srcIp" => &self.source,
            "protocol_header.dstIp" => &self.destination,
            _ => return None,
        })
    }

    /// The row as HOMER 11 returns it.
    fn to_lake_json(&self) -> Value {
        let is_response = self.method.starts_with(|c: char| c.is_ascii_digit());
        let method = self.cseq.split_once(' ').unwrap().1;
        json!({
            "uuid": "1", "session_id": self.sid, "caller": self.from_user, "callee": self.to_user,
            "timestamp": Timestamp::from_us(self.time_us).to_string(),
            "src_ip": self.source, "dst_ip": self.destination, "src_port": 5060, "dst_port": 5060,
            "method": method, "cseq_method": method,
            "response_code": if is_response { &*self.method } else { "" },
            "protocol": 17, "node_id": self.node, "cid": self.sid,
            "payload": "INVITE sip:secret", "data_extra": {"a": [1.5]},
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "sid": self.sid, "callid": self.sid, "method": self.method, "cseq": self.cseq,
            "from_user": self.from_user, "to_user": self.to_user, "user_agent": self.user_agent,
            "srcIp": self.source, "srcPort": 5060, "dstIp": self.destination, "dstPort": 5060,
            "create_date": self.time_us / 1000, "timeSeconds": self.time_us / 1_000_000,
            "timeUseconds": self.time_us % 1_000_000, "node": self.node, "protocol": 17,
            "correlation_id": self.sid, "captureId": "2001", "uuid": 1,
        })
    }
}

/// A search that the model has received.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedSearch {
    pub(crate) profile: String,
    /// `name=value` for each condition.
    pub(crate) conditions: Vec<String>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// A Homer that holds some rows.
#[derive(Default)]
pub(crate) struct ModelHomer {
    pub(crate) rows: Vec<ModelRow>,
    pub(crate) received: Vec<ReceivedSearch>,
    /// Whether it is a HOMER 11.
    pub(crate) is_homer_11: bool,
    /// Whether its data database is down: every search finds nothing.
    pub(crate) database_down: bool,
    /// The field whose conditions it ignores, as it does with a name that it does not know.
    pub(crate) ignored_field: Option<&'static str>,
    /// What happens to the requests from this one on, counted from 1.
    pub(crate) fails_from: Option<(usize, TransportError)>,
}

impl ModelHomer {
    pub(crate) fn new(rows: impl IntoIterator<Item = ModelRow>) -> Self {
        Self {
            rows: rows.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The rows that one node returns: at most 200, in the order of the database.
    fn search(&self, search: &ReceivedSearch, node: &str) -> Vec<&ModelRow> {
        let (from_us, to_us) = (
            search.from_ms.div_euclid(1000) * 1_000_000,
            search.to_ms.div_euclid(1000) * 1_000_000,
        );
        let conditions: Vec<ModelCondition> = search
            .conditions
            .iter()
            .map(|condition| ModelCondition::parse(condition))
            .filter(|condition| self.ignored_field != Some(&*condition.name))
            .collect();
        let rows = self.rows.iter().filter(|row| {
            row.node == node
                && row.profile == search.profile
                && (from_us..=to_us).contains(&row.time_us)
                && conditions.iter().all(|condition| condition.holds_for(row))
        });
        rows.take(200).collect()
    }
}

impl ModelHomer {
    fn answer_as_homer_11(&mut self, body: &Value) -> OutboundResponse<ModelBody> {
        // Unlike Homer 7, these are texts; members that it does not know are ignored.
        let text = |name: &str| body.get(name).map(|value| value.as_str().unwrap());
        let number = |name: &str| text(name).map(|text| text.parse::<i64>().unwrap());
        let (from_ms, to_ms) = (
            number("from").unwrap_or(0),
            number("to").unwrap_or(i64::MAX / 1000),
        );
        let limit = body["limit"]
            .as_u64()
            .map_or(50, |limit| usize::try_from(limit).unwrap());
        self.received.push(ReceivedSearch {
            profile: format!(
                "{}_{}",
                body["proto_type"],
                text("transaction_type").unwrap_or("call")
            ),
            conditions: vec![body.to_string()],
            from_ms,
            to_ms,
        });
        let matches = |name: &str, field: &str| match text(name) {
            Some(value) if value.contains('%') => like(value.as_bytes(), field.as_bytes()),
            Some(value) => value == field,
            None => true,
        };
        let mut rows: Vec<&ModelRow> = self.rows.iter().collect();
        // The suffix of a B2BUA is left out of what is looked for.
        let call_id = text("call_id");
        rows.retain(|row| {
            (from_ms * 1000..=to_ms * 1000).contains(&row.time_us)
                && call_id.is_none_or(|id| [id, id.trim_end_matches("_b2b-1")].contains(&&*row.sid))
                && matches("from_user", &row.from_user)
                && matches("to_user", &row.to_user)
                && matches("src_ip", &row.source)
                && matches("dst_ip", &row.destination)
                // The method of a response is that of its request.
                && matches("method", row.cseq.split_once(' ').unwrap().1)
        });
        rows.sort_by_key(|row| std::cmp::Reverse(row.time_us));
        rows.truncate(limit);
        let rows: Vec<Value> = rows.iter().map(|row| row.to_lake_json()).collect();
        let body = json!({
            "success": true, "data": {"count": rows.len(), "rows": rows, "columns": null},
        });
        OutboundResponse {
            head: ResponseHead {
                status: 200,
                ..ResponseHead::default()
            },
            body: ModelBody(body.to_string().into_bytes()),
        }
    }
}

/// A condition as homer-app makes SQL of it.
struct ModelCondition {
    name: String,
    comparison: Comparison,
}

enum Comparison {
    /// The SQL is not valid, so the query finds nothing.
    Invalid,
    Like(String),
    In(HashSet<String>),
}

impl ModelCondition {
    fn parse(condition: &str) -> Self {
        let (name, value) = condition.split_once('=').unwrap();
        let sanitized = |value: &str| value.replace('&', "&amp;").replace('\'', "&#39;");
        let comparison = match (value.contains('%'), value.contains(';')) {
            // `LIKE ANY ('{?}')`.
            (true, true) if name.contains('.') => Comparison::Invalid,
            (true, _) => Comparison::Like(sanitized(value)),
            (false, _) => Comparison::In(value.split(';').map(sanitized).collect()),
        };
        Self {
            name: name.to_string(),
            comparison,
        }
    }

    fn holds_for(&self, row: &ModelRow) -> bool {
        // A field that Homer does not know is no condition.
        row.field(&self.name)
            .is_none_or(|field| match &self.comparison {
                Comparison::Invalid => false,
                Comparison::Like(pattern) => like(pattern.as_bytes(), field.as_bytes()),
                Comparison::In(values) => values.contains(field),
            })
    }
}

/// PostgreSQL's LIKE, without its escape character.
pub(crate) fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'%', rest)), _) => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
        (Some((b'_', rest)), Some((_, text))) => like(rest, text),
        (Some((wanted, rest)), Some((found, text))) if wanted == found => like(rest, text),
        _ => false,
    }
}

pub(crate) struct ModelBody(Vec<u8>);

impl Transport for ModelHomer {
    type Body = ModelBody;
    type Pending = Result<OutboundResponse<ModelBody>, TransportError>;

    fn start(&mut self, request: &OutboundRequest<'_>) -> Result<Self::Pending, TransportError> {
        Ok(self.answer(request))
    }

    fn receive(
        &mut self,
        pending: Self::Pending,
    ) -> Result<OutboundResponse<ModelBody>, TransportError> {
        pending
    }
}

impl ModelHomer {
    fn answer(
        &mut self,
        request: &OutboundRequest<'_>,
    ) -> Result<OutboundResponse<ModelBody>, TransportError> {
        assert_eq!(request.path, "/api/v3/search/call/data");
        let body: Value = serde_json::from_slice(request.body).unwrap();
        if self.is_homer_11 {
            return Ok(self.answer_as_homer_11(&body));
        }
        let (profile, conditions) = body["param"]["search"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let conditions = conditions.as_array().unwrap().iter().map(|condition| {
            assert_eq!(condition["type"], "string");
            let text = |name: &str| condition[name].as_str().unwrap().to_string();
            format!("{}={}", text("name"), text("value"))
        });
        let search = ReceivedSearch {
            profile: profile.clone(),
            conditions: conditions.collect(),
            from_ms: body["timestamp"]["from"].as_i64().unwrap(),
            to_ms: body["timestamp"]["to"].as_i64().unwrap(),
        };
        self.received.push(search.clone());
        if let Some((number, error)) = &self.fails_from
            && self.received.len() >= *number
        {
            return Err(error.clone());
        }
        let mut nodes: Vec<&str> = self.rows.iter().map(|row| row.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let rows: Vec<&ModelRow> = match self.database_down {
            true => Vec::new(),
            false => nodes
                .iter()
                .flat_map(|node| self.search(&search, node))
                .collect(),
        };
        if rows.iter().any(|row| row.crashes) {
            return Err(TransportError::ConnectionClosed);
        }
        let data: Vec<Value> = rows.iter().map(|row| row.to_json()).collect();
        let total = data.len();
        let body = json!({"data": data, "keys": [], "total": total}).to_string();
        Ok(OutboundResponse {
            head: ResponseHead {
                status: 201,
                ..ResponseHead::default()
            },
            body: ModelBody(body.into_bytes()),
        })
    }
}

impl ResponseBody for ModelBody {
    fn read(&mut self, max: u64) -> Result<Vec<u8>, TransportError> {
        let end = self.0.len().min(usize::try_from(max).unwrap());
        Ok(self.0.drain(..end).collect())
    }
}
