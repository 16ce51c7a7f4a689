//! The header fields and the session description of one message, without its secrets.

use alloc::string::String;
use alloc::vec::Vec;

use super::media::Medium;
use crate::report::{each_field, each_value, shown_start_line};
use crate::sip::{Parser, StartLine, redact};

/// Most header fields that are compared, inclusive. A message has 10 to 30.
const MAX_FIELDS: usize = 100;

/// Bytes kept of a value.
const MAX_VALUE: usize = 256;

/// Bytes of a message that are kept until it is read, inclusive.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// The compact forms of header field names (RFC 3261 §7.3.3 and the IANA registry).
const COMPACT: [(u8, &str); 19] = [
    (b'a', "accept-contact"),
    (b'b', "referred-by"),
    (b'c', "content-type"),
    (b'd', "request-disposition"),
    (b'e', "content-encoding"),
    (b'f', "from"),
    (b'i', "call-id"),
    (b'j', "reject-contact"),
    (b'k', "supported"),
    (b'l', "content-length"),
    (b'm', "contact"),
    (b'n', "identity-info"),
    (b'o', "event"),
    (b'r', "refer-to"),
    (b's', "subject"),
    (b't', "to"),
    (b'u', "allow-events"),
    (b'v', "via"),
    (b'x', "session-expires"),
];

/// What a message says.
#[derive(Debug, Default)]
pub(super) struct MessageFacts {
    pub(super) fields: Vec<Field>,
    /// The start line without secrets.
    pub(super) start_line: String,
    /// User part and host of the Request-URI; empty in a response.
    pub(super) user: String,
    pub(super) host: String,
    /// Parameters of the Request-URI, such as `transport=tcp`.
    pub(super) uri_parameters: String,
    /// None if there is no session description.
    pub(super) media: Option<Vec<Medium>>,
}

/// A header field; several with one name are one, with all of their values.
#[derive(Debug)]
pub(super) struct Field {
    /// The name in lower case, never in compact form.
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl MessageFacts {
    /// Reads a message, which may be cut off.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        redact(&mut bytes);
        let mut facts = Self::default();
        let mut parser = Parser::default();
        let Some(message) = parser.parse(&bytes, false, &mut |_, _| {}) else {
            return facts;
        };
        facts.start_line = shown_start_line(message.start_line, message.start);
        if let StartLine::Request { uri, .. } = message.start {
            facts.set_uri(&text(uri));
        }
        let header = bytes.get(..message.body_offset).unwrap_or_default();
        each_field(header, b"abcdefghijklmnopqrstuvwxyz", |name, value| {
            facts.add(name, value);
        });
        facts.media = message
            .session_description()
            .map(|(_, sdp)| Medium::all(sdp));
        facts
    }

    fn set_uri(&mut self, uri: &str) {
        let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (host, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        self.user = user.into();
        self.host = host.into();
        self.uri_parameters = parameters.into();
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = match name {
            [letter] => (COMPACT.iter())
                .find(|(compact, _)| *compact == letter.to_ascii_lowercase())
                .map_or_else(|| text(name), |(_, name)| String::from(*name)),
            name => text(name).to_ascii_lowercase(),
        };
        let value = text(value);
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            if field.values.len() < MAX_FIELDS {
                field.values.push(value);
            }
        } else if self.fields.len() < MAX_FIELDS {
            let values = [value].into();
            self.fields.push(Field { name, values });
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The first value of a field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let first = self.field(name)?.values.first()?;
        Some(first.as_str())
    }
}

impl Field {
    /// The comma-separated elements of all values, in lower case, each once.
    pub(super) fn elements(&self) -> Vec<String> {
        let mut elements: Vec<String> = Vec::new();
        for value in &self.values {
            each_value(value.as_bytes(), |element| {
                let element = text(element).to_ascii_lowercase();
                if !element.is_empty() && !elements.contains(&element) {
                    elements.push(element);
                }
            });
        }
        elements
    }
}

/// Bytes as text on one line, cut after 256 bytes.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_VALUE).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ")
}
