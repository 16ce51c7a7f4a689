//! The differences between two calls, the most telling ones first.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::media::Medium;
use super::message_facts::MessageFacts;
use crate::report::quoted_from_message;

/// Most characters shown of a value.
const MAX_VALUE_CHARS: usize = 80;

/// Most elements that a list names, inclusive.
const MAX_NAMED: usize = 6;

/// How much a difference tells about why one call works and the other does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// How the calls ended.
    Outcome,
    /// What both sides agree on: codecs, protocols, directions.
    Media,
    /// Header fields that demand something of the receiver, or that explain a rejection.
    Demand,
    /// Where the message sequences part.
    Order,
    /// Other header fields that only one call has.
    Presence,
    /// Broken rules.
    Rules,
    Timing,
    /// Values that a device or its configuration determines.
    Value,
    /// Addresses and hops.
    Path,
    /// Values that usually differ from call to call.
    Other,
}

/// The differences found so far, in the order of their weight.
#[derive(Debug, Default)]
pub(super) struct Differences(pub(super) Vec<(Weight, String)>);

/// Header fields that demand something of the receiver, or that explain a rejection.
const DEMANDS: [&str; 14] = [
    "require",
    "proxy-require",
    "unsupported",
    "content-encoding",
    "content-disposition",
    "reason",
    "warning",
    "retry-after",
    "min-se",
    "min-expires",
    "privacy",
    "proxy-authorization",
    "authorization",
    "p-asserted-identity",
];

/// Header fields whose value is a list of tokens, which are compared each for itself.
const LISTS: [&str; 11] = [
    "require",
    "proxy-require",
    "unsupported",
    "supported",
    "allow",
    "allow-events",
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "privacy",
];

/// Header fields whose value a device or its configuration determines.
const VALUES: [&str; 14] = [
    "user-agent",
    "server",
    "content-type",
    "content-disposition",
    "session-expires",
    "min-se",
    "min-expires",
    "expires",
    "reason",
    "warning",
    "retry-after",
    "organization",
    "p-early-media",
    "max-forwards",
];

/// Header fields whose values differ from call to call, or that other differences cover.
const OF_ONE_CALL: [&str; 24] = [
    "via",
    "from",
    "to",
    "call-id",
    "cseq",
    "contact",
    "route",
    "record-route",
    "content-length",
    "date",
    "timestamp",
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "identity",
    "identity-info",
    "rseq",
    "rack",
    "session-id",
    "p-charging-vector",
    "p-asserted-identity",
    "p-preferred-identity",
];

impl Differences {
    pub(super) fn add(&mut self, weight: Weight, text: String) {
        let at = self.0.partition_point(|(earlier, _)| *earlier <= weight);
        self.0.insert(at, (weight, text));
    }

    /// Adds a difference if the values differ.
    pub(super) fn values(&mut self, weight: Weight, what: &str, a: &str, b: &str) {
        if a != b {
            let shown = |value: &str| match value {
                "" => "none".to_string(),
                value => quoted(value),
            };
            self.add(weight, format!("{what}: A {}, B {}", shown(a), shown(b)));
        }
    }

    /// Compares two messages. `what` says which they are.
    pub(super) fn messages(&mut self, what: &str, a: &MessageFacts, b: &MessageFacts) {
        self.uris(what, a, b);
        for (own, other, name) in [(a, b, "A"), (b, a, "B")] {
            for field in &own.fields {
                if other.field(&field.name).is_some() {
                    continue;
                }
                let weight = match DEMANDS.contains(&field.name.as_str()) {
                    true => Weight::Demand,
                    false => Weight::Presence,
                };
                let value = own.value(&field.name).unwrap_or_default();
                let has_value = !OF_ONE_CALL.contains(&field.name.as_str());
                let value = match value {
                    value if has_value => format!(": {}", quoted(value)),
                    _ => String::new(),
                };
                let field = display_name(&field.name);
                self.add(weight, format!("{what}: only {name} has {field}{value}"));
            }
        }
        for field in &a.fields {
            let name = field.name.as_str();
            let Some(other) = b.field(name) else {
                continue;
            };
            if LISTS.contains(&name) {
                let weight = match DEMANDS.contains(&name) {
                    true => Weight::Demand,
                    false => Weight::Value,
                };
                let what = format!("{what}, {}", display_name(name));
                self.lists(weight, &what, &field.elements(), &other.elements());
                continue;
            }
            let (a, b) = (field.values.join(", "), other.values.join(", "));
            if matches!(name, "via" | "route" | "record-route") {
                let (a, b) = (field.elements().len(), other.elements().len());
                if a != b {
                    let name = display_name(name);
                    let text = format!("{what}, number of {name} values: A {a}, B {b}");
                    self.add(Weight::Path, text);
                }
            } else if !OF_ONE_CALL.contains(&name) {
                let weight = match VALUES.contains(&name) {
                    true if DEMANDS.contains(&name) => Weight::Demand,
                    true => Weight::Value,
                    false => Weight::Other,
                };
                let what = format!("{what}, {}", display_name(name));
                self.values(weight, &what, &a, &b);
            }
        }
        self.media(what, a.media.as_deref(), b.media.as_deref());
    }

    fn uris(&mut self, what: &str, a: &MessageFacts, b: &MessageFacts) {
        self.values(
            Weight::Value,
            &format!("{what}, parameters of the Request-URI"),
            &a.uri_parameters,
            &b.uri_parameters,
        );
        self.values(
            Weight::Path,
            &format!("{what}, host of the Request-URI"),
            &a.host,
            &b.host,
        );
        // Calls to the same number show nothing here. Another form of number often explains a 404.
        let weight = match number_form(&a.user) == number_form(&b.user) {
            true => Weight::Other,
            false => Weight::Demand,
        };
        self.values(
            weight,
            &format!("{what}, user of the Request-URI"),
            &a.user,
            &b.user,
        );
    }

    /// Compares two lists whose order does not matter.
    pub(super) fn lists(&mut self, weight: Weight, what: &str, a: &[String], b: &[String]) {
        let only = |own: &[String], other: &[String]| -> Vec<String> {
            let missing = own.iter().filter(|it| !other.contains(it));
            missing.cloned().collect()
        };
        let (only_a, only_b) = (only(a, b), only(b, a));
        let parts: Vec<String> = [("A", only_a), ("B", only_b)]
            .into_iter()
            .filter(|(_, only)| !only.is_empty())
            .map(|(name, only)| format!("only {name} has {}", named(&only)))
            .collect();
        if !parts.is_empty() {
            self.add(weight, format!("{what}: {}", parts.join("; ")));
        }
    }

    fn media(&mut self, what: &str, a: Option<&[Medium]>, b: Option<&[Medium]>) {
        let (a, b) = match (a, b) {
            (None, None) => return,
            (Some(_), None) | (None, Some(_)) => {
                let name = if a.is_some() { "A" } else { "B" };
                let text = format!("{what}: only {name} has a session description");
                return self.add(Weight::Media, text);
            }
            (Some(a), Some(b)) => (a, b),
        };
        if a.len() != b.len() {
            let kinds = |media: &[Medium]| {
                let kinds: Vec<String> = media.iter().map(|it| it.kind.clone()).collect();
                named(&kinds)
            };
            let text = format!("{what}, media: A {}, B {}", kinds(a), kinds(b));
            self.add(Weight::Media, text);
        }
        for (a, b) in a.iter().zip(b) {
            self.medium(&format!("{what}, {}", quoted(&a.kind)), a, b);
        }
    }

    fn medium(&mut self, what: &str, a: &Medium, b: &Medium) {
        let weight = Weight::Media;
        self.values(weight, &format!("{what}, kind"), &a.kind, &b.kind);
        let before = self.0.len();
        self.lists(weight, &format!("{what}, codecs"), &a.codecs, &b.codecs);
        if self.0.len() == before && a.codecs != b.codecs {
            let (a, b) = (named(&a.codecs), named(&b.codecs));
            self.add(weight, format!("{what}, order of codecs: A {a}; B {b}"));
        }
        self.values(
            weight,
            &format!("{what}, protocol"),
            &a.protocol,
            &b.protocol,
        );
        if a.is_rejected != b.is_rejected {
            let name = if a.is_rejected { "A" } else { "B" };
            self.add(weight, format!("{what}: only {name} rejects it (port 0)"));
        }
        self.values(
            weight,
            &format!("{what}, direction"),
            &a.direction,
            &b.direction,
        );
        let attributes = |medium: &Medium| -> Vec<String> {
            medium.attributes.iter().map(ToString::to_string).collect()
        };
        let (of_a, of_b) = (attributes(a), attributes(b));
        self.lists(weight, &format!("{what}, attributes"), &of_a, &of_b);
        let (kind_a, kind_b) = (a.address_kind(), b.address_kind());
        self.values(weight, &format!("{what}, kind of address"), kind_a, kind_b);
        let weight = Weight::Value;
        self.values(
            weight,
            &format!("{what}, ptime"),
            &a.packet_time,
            &b.packet_time,
        );
        let what_parameters = format!("{what}, parameters of codecs");
        self.lists(weight, &what_parameters, &a.parameters, &b.parameters);
        self.values(
            Weight::Path,
            &format!("{what}, address"),
            &a.address,
            &b.address,
        );
    }
}

/// The first elements of a list, in quotation marks.
fn named(list: &[String]) -> String {
    let mut names: Vec<String> = list.iter().take(MAX_NAMED).map(|it| quoted(it)).collect();
    match list.len().saturating_sub(MAX_NAMED) {
        0 if list.is_empty() => "none".to_string(),
        0 => names.join(", "),
        more => {
            names.push(format!("{more} more"));
            names.join(", ")
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    quoted_from_message(text.as_bytes(), MAX_VALUE_CHARS)
}

/// The form of a number or name: whether it has a plus sign, and how many digits; letters count
/// alike.
fn number_form(user: &str) -> (bool, bool, usize) {
    let digits = user.trim_start_matches('+');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let len = if is_number { digits.len() } else { 0 };
    (user.starts_with('+'), is_number, len)
}

/// The name of a header field as it is usually written, in quotation marks if it is an unusual one.
fn display_name(name: &str) -> String {
    match name {
        "call-id" => "Call-ID".to_string(),
        "cseq" => "CSeq".to_string(),
        "min-se" => "Min-SE".to_string(),
        "www-authenticate" => "WWW-Authenticate".to_string(),
        "rseq" => "RSeq".to_string(),
        "rack" => "RAck".to_string(),
        name => {
            let is_usual = name.len() <= 40
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_usual {
                return quoted(name);
            }
            let mut starts = true;
            let upper = |c: char| {
                let shown = if starts { c.to_ascii_uppercase() } else { c };
                starts = c == '-';
                shown
            };
            name.chars().map(upper).collect()
        }
    }
}
