//! The HTTP around a message: who is let in, and how it is answered (MCP, basic/transports,
//! "Streamable HTTP").

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::message::RpcError;
use crate::CallerPolicy;
use crate::http_auth::page_may_read;

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `POST`, for instance.
    pub method: String,
    /// Header fields, names in any case.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// The values of a field.
    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a field that may come once: another reader between the client and us might take
    /// the other one.
    ///
    /// # Errors
    /// A text, if it comes more than once, or with bytes beyond ASCII.
    pub(super) fn sole(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(format!("the header field {name} comes twice"));
        }
        let Some(value) = value else { return Ok(None) };
        match core::str::from_utf8(value) {
            Ok(text) if text.is_ascii() => Ok(Some(text.trim())),
            _ => Err(format!(
                "the header field {name} has characters beyond ASCII"
            )),
        }
    }

    /// Whether a list of media types, such as `Accept`, has one of these in it.
    fn lists(&self, name: &str, types: &[&str]) -> bool {
        let values = self
            .all(name)
            .filter_map(|value| core::str::from_utf8(value).ok());
        values.flat_map(|value| value.split(',')).any(|entry| {
            let essence = entry.split(';').next().unwrap_or_default().trim();
            types
                .iter()
                .any(|known| essence.eq_ignore_ascii_case(known))
        })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub fields: Vec<(&'static str, String)>,
    /// What follows them.
    pub body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// All of it.
    Text(String),
    /// The base64 of the capture goes between these two.
    Capture {
        /// What goes before.
        head: String,
        /// What goes behind.
        tail: String,
    },
}

impl Reply {
    /// A status alone.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            fields: vec![],
            body: Body::Empty,
        }
    }

    pub(super) fn json(status: u16, body: Body) -> Self {
        // A capture is nobody's to keep on the way.
        let fields = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ];
        Self {
            status,
            fields: fields.map(|(name, value)| (name, value.to_string())).into(),
            body,
        }
    }

    /// An error of JSON-RPC.
    pub(super) fn error(status: u16, id: &Value, error: &RpcError) -> Self {
        let mut shown = json!({ "code": error.code, "message": error.message });
        if let Some(data) = &error.data {
            shown["data"] = data.clone();
        }
        Self::json(
            status,
            Body::Text(json!({ "jsonrpc": "2.0", "id": id, "error": shown }).to_string()),
        )
    }

    /// A refusal before anything of the protocol is looked at.
    pub fn refusal(status: u16, text: &str) -> Self {
        let fields = vec![("content-type", "text/plain; charset=utf-8".to_string())];
        Self {
            status,
            fields,
            body: Body::Text(format!("{text}\n")),
        }
    }

    /// Lets a page of this origin read the answer.
    pub(super) fn for_page(mut self, origin: &str) -> Self {
        self.fields.extend(page_may_read(origin));
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

/// Whether a request may go on to be read.
///
/// # Errors
/// The refusal.
pub(super) fn admit(http_auth: &CallerPolicy, head: &Head) -> Result<(), Reply> {
    http_auth
        .gate(&head.method, |name| head.all(name).collect::<Vec<_>>())
        .map_err(|gate| {
            let fields = gate
                .fields
                .iter()
                .map(|(name, value)| (*name, (*value).to_string()));
            match gate.text {
                "" => Reply {
                    fields: fields.collect(),
                    ..Reply::empty(gate.status)
                },
                text => {
                    let mut refusal = Reply::refusal(gate.status, text);
                    refusal.fields.extend(fields);
                    refusal
                }
            }
        })?;
    if head.method != "POST" {
        let text = "MCP is spoken by POST here: there are no sessions, and no streams of events";
        return Err(Reply::refusal(405, text).with("allow", "POST"));
    }
    if !head.lists("content-type", &["application/json"]) {
        return Err(Reply::refusal(
            415,
            "a request is JSON: Content-Type has to be application/json",
        ));
    }
    if head.all("accept").next().is_some()
        && !head.lists("accept", &["application/json", "application/*", "*/*"])
    {
        return Err(Reply::refusal(
            406,
            "answers are JSON: Accept has to list application/json",
        ));
    }
    Ok(())
}
