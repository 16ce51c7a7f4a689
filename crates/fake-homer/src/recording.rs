//! One recorded exchange with a real Homer: a JSON file and, for a capture, the body beside it.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde_json::Value;

/// One recorded exchange.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name, which is the name of its file.
    pub name: String,
    /// The JSON body of the request, or null if it had none.
    pub request_body: Value,
    /// The HTTP status of the response, or 0 if Homer closed the connection without one.
    pub status: u16,
    /// The header fields of the response.
    pub response_headers: Vec<(String, String)>,
    /// The body of the response.
    pub body: Bytes,
}

impl Recording {
    /// Parses the text of a JSON file. `body_file` is the content of the body file that it names.
    ///
    /// # Errors
    /// If the JSON is not a recording.
    pub fn parse(json: &str, body_file: Option<&[u8]>) -> Result<Self> {
        let value: Value = serde_json::from_str(json).context("not JSON")?;
        let name = value["name"].as_str().context("no name")?.to_string();
        let response = &value["response"];
        let status = response["status"].as_u64().unwrap_or_default();
        let response_headers = response["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|field| {
                Some((
                    field[0].as_str()?.to_string(),
                    field[1].as_str()?.to_string(),
                ))
            })
            .collect();
        let body = match (body_file, response["body_text"].as_str()) {
            (Some(bytes), _) => Bytes::copy_from_slice(bytes),
            (None, Some(text)) => Bytes::copy_from_slice(text.as_bytes()),
            (None, None) => Bytes::new(),
        };
        Ok(Self {
            name,
            request_body: value["request"]["body"].clone(),
            status: status.try_into().context("status out of range")?,
            response_headers,
            body,
        })
    }

    /// The profile and the Call-IDs of the request, if it was an export of the usual shape.
    pub fn search(&self) -> Option<(&str, Vec<&str>)> {
        let (profile, criteria) = self.request_body["param"]["search"]
            .as_object()?
            .iter()
            .next()?;
        let call_ids = criteria["callid"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        Some((profile, call_ids))
    }

    /// Whether the response was chunked, as captures are.
    pub fn is_chunked(&self) -> bool {
        self.response_headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
        })
    }
}
