//! Homer's search for messages, as homer-app 1.5.20 behaves (docs/homer.md §13).
//!
//! It does not imitate `smartinput`, escapes in a pattern, and the order of a real database, which
//! is none.

use serde_json::{Value, json};

use super::row::{NODE, Row};

/// Most rows in a response, inclusive, whatever `limit` says (recording `find-limit-1`).
const ROW_LIMIT: usize = 200;

/// What a fake Homer does with searches. Exports are not affected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchBehavior {
    /// It answers them.
    #[default]
    Answers,
    /// Its data database is down, so they find nothing (recording `db-data-down-search`).
    DatabaseDown,
    /// A proxy in front of it allows exports only, and answers them with 403.
    Forbidden,
    /// Each takes this number of milliseconds.
    Slow(u64),
}

/// What Homer does with a search.
#[derive(Debug)]
pub(super) enum Answer {
    /// Returns these rows.
    Rows(Vec<Value>),
    /// Rejects the form of the request.
    BadRequest,
    /// Its handler crashes.
    Crash,
}

impl Answer {
    /// The status and the body of the response. `None` if the connection is closed without one.
    pub(super) fn response(self) -> Option<(u16, String)> {
        match self {
            // HTTP 201, as Homer sends it.
            Self::Rows(rows) => {
                let total = rows.len();
                let body = json!({"data": rows, "keys": [], "total": total});
                Some((201, body.to_string()))
            }
            Self::BadRequest => {
                let body = r#"{"data":{},"message":"request format is not correct"}"#;
                Some((400, body.to_string()))
            }
            Self::Crash => None,
        }
    }
}

/// Answers a search over some rows.
pub(super) fn answer<'r>(rows: impl Iterator<Item = &'r Row>, body: &[u8]) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Answer::BadRequest;
    };
    let param = &body["param"];
    // Homer decodes these into Go types: numbers and a truth value.
    let is_number = |value: &Value| value.is_null() || value.is_i64();
    let time = &body["timestamp"];
    if !is_number(&param["limit"])
        || !is_number(&time["from"])
        || !is_number(&time["to"])
        || !(param["orlogic"].is_null() || param["orlogic"].is_boolean())
    {
        return Answer::BadRequest;
    }
    let Some(search) = param["search"].as_object() else {
        return Answer::Rows(Vec::new());
    };
    // Homer truncates both ends to the second.
    let second = |value: &Value| value.as_i64().unwrap_or(0).div_euclid(1000);
    let window = second(&time["from"]).saturating_mul(1_000_000)
        ..=second(&time["to"]).saturating_mul(1_000_000);
    let nodes = param["location"]["node"].as_array();
    let is_other_node = nodes.is_some_and(|nodes| {
        !nodes.is_empty() && !nodes.iter().any(|node| node.as_str() == Some(NODE))
    });
    let joins_with_or = param["orlogic"].as_bool().unwrap_or_default();
    let mut wanted = Vec::new();
    for (profile, conditions) in search {
        // Homer asserts this type in Go without a check (recording `find-object`).
        let Some(conditions) = conditions.as_array() else {
            return Answer::Crash;
        };
        let conditions = conditions.iter().filter_map(Condition::parse).collect();
        wanted.push((profile.as_str(), conditions));
    }
    let is_wanted = |row: &&Row| {
        window.contains(&row.time_us)
            && wanted
                .iter()
                .any(|(profile, conditions): &(&str, Vec<Condition>)| {
                    *profile == row.profile && all_hold(conditions, joins_with_or, row)
                })
    };
    let found: Vec<&Row> = match is_other_node {
        true => Vec::new(),
        false => rows.filter(is_wanted).take(ROW_LIMIT).collect(),
    };
    match found.iter().any(|row| row.crashes) {
        true => Answer::Crash,
        false => Answer::Rows(found.into_iter().map(Row::to_json).collect()),
    }
}

/// Whether a row meets the conditions, or one of them if they are joined with OR. A field that
/// Homer does not know is no condition (recording `find-unknown-field`).
fn all_hold(conditions: &[Condition], joins_with_or: bool, row: &Row) -> bool {
    let mut results = conditions
        .iter()
        .filter_map(|condition| condition.holds_for(row))
        .peekable();
    match joins_with_or && results.peek().is_some() {
        true => results.any(|holds| holds),
        false => results.all(|holds| holds),
    }
}

/// A condition as homer-app makes SQL of it.
struct Condition {
    name: String,
    comparison: Comparison,
}

enum Comparison {
    /// The SQL is not valid, so the query finds nothing.
    Invalid,
    /// With a wildcard.
    Like(String),
    /// One of several values.
    In(Vec<String>),
}

impl Condition {
    /// `None` for an element without name and value, which Homer passes over.
    fn parse(element: &Value) -> Option<Self> {
        let name = element["name"].as_str()?.to_string();
        let value = element["value"].as_str()?;
        // Homer rewrites these characters before it compares.
        let sanitized = |value: &str| value.replace('&', "&amp;").replace('\'', "&#39;");
        let comparison = match (value.contains('%'), value.contains(';')) {
            // `LIKE ANY ('{?}')`.
            (true, true) if name.contains('.') => Comparison::Invalid,
            (true, _) => Comparison::Like(sanitized(value)),
            (false, _) => Comparison::In(value.split(';').map(sanitized).collect()),
        };
        Some(Self { name, comparison })
    }

    /// Whether a row meets it. `None` if Homer does not know the field.
    fn holds_for(&self, row: &Row) -> Option<bool> {
        let field = row.field(&self.name)?;
        Some(match &self.comparison {
            Comparison::Invalid => false,
            Comparison::Like(pattern) => like(pattern.as_bytes(), field.as_bytes()),
            Comparison::In(values) => values.contains(&field),
        })
    }
}

/// PostgreSQL's LIKE, without its escape character. It is case-sensitive.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'%', rest)), _) => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
        (Some((b'_', rest)), Some((_, text))) => like(rest, text),
        (Some((wanted, rest)), Some((found, text))) if wanted == found => like(rest, text),
        _ => false,
    }
}
