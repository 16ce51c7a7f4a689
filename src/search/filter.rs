//! Which calls to search for.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::IpAddr;

use super::number::party_pattern;
use super::{CallFilterFields, Pattern};
use crate::error::ExportError;
use crate::homer::search::Row;
use crate::query::{ParameterNames, Profile, Window};
use crate::text::quoted;

/// Longest text in a filter, in characters, inclusive. Longer than any Call-ID or User-Agent that
/// a person types.
pub const MAX_TEXT: usize = 256;

/// Characters of an invalid value that an error shows.
const MAX_QUOTED: usize = 64;

/// Which calls to search for: `homer:capture/homer-search.call-filter`, parsed. A call must meet
/// every condition.
///
/// # Examples
/// ```
/// use homer_export::query::ParameterNames;
/// use homer_export::search::{CallFilter, CallFilterFields};
///
/// let fields = CallFilterFields {
///     from_ts: 1_795_168_800_000,
///     to_ts: 1_795_169_100_000,
///     party: Some("+49 170 1234567".to_string()),
///     status: Some("4xx".to_string()),
///     ..CallFilterFields::default()
/// };
/// let filter = CallFilter::parse(&fields, 24, &ParameterNames::WIT)?;
/// assert_eq!(filter.profile()?.as_str(), "1_call");
/// # Ok::<(), homer_export::ExportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFilter {
    pub(super) window: Window,
    pub(super) caller: Option<Pattern>,
    pub(super) callee: Option<Pattern>,
    pub(super) party: Option<Pattern>,
    pub(super) method: String,
    pub(super) status: Option<StatusPattern>,
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) user_agent: Option<Pattern>,
    pub(super) call_id: Option<Pattern>,
}

impl CallFilter {
    /// All calls that begin with an INVITE in a window.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            caller: None,
            callee: None,
            party: None,
            method: "INVITE".to_string(),
            status: None,
            source: None,
            destination: None,
            user_agent: None,
            call_id: None,
        }
    }

    /// Parses the record of the contract. The window is at most `max_hours` long.
    ///
    /// # Errors
    /// `invalid-request` as [`Window::new`]; if `party` is given together with `caller` or
    /// `callee`; or if a value is empty, longer than [`MAX_TEXT`], contains a control character, or
    /// is not a method, a status, or an IP address where one is expected.
    pub fn parse(
        fields: &CallFilterFields,
        max_hours: u32,
        names: &ParameterNames,
    ) -> Result<Self, ExportError> {
        let window = Window::new(fields.from_ts, fields.to_ts, max_hours, names)?;
        let party = |name: &str, text: &Option<String>| {
            Ok::<_, ExportError>(given(name, text)?.map(party_pattern))
        };
        if fields.party.is_some() && (fields.caller.is_some() || fields.callee.is_some()) {
            return invalid(
                "party matches the caller or the callee, so it cannot be combined with either; \
                 give party alone, or caller and callee"
                    .to_string(),
            );
        }
        let mut filter = Self::new(window);
        filter.caller = party("caller", &fields.caller)?;
        filter.callee = party("callee", &fields.callee)?;
        filter.party = party("party", &fields.party)?;
        if let Some(method) = given("method", &fields.method)? {
            filter.method = parse_method(method)?;
        }
        filter.status = given("status", &fields.status)?
            .map(StatusPattern::parse)
            .transpose()?;
        filter.source = given("source", &fields.source)?
            .map(|text| ip("source", text))
            .transpose()?;
        filter.destination = given("destination", &fields.destination)?
            .map(|text| ip("destination", text))
            .transpose()?;
        filter.user_agent = given("user_agent", &fields.user_agent)?.map(Pattern::parse);
        filter.call_id = given("callid_prefix", &fields.callid_prefix)?.map(Pattern::prefix);
        Ok(filter)
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The search profile in which a new Homer stores requests with the filter's method
    /// (docs/homer.md §4).
    pub fn profile(&self) -> Result<Profile, ExportError> {
        Profile::parse(match self.method.as_str() {
            "INVITE" | "ACK" | "BYE" | "CANCEL" | "UPDATE" | "PRACK" | "REFER" | "INFO"
            | "NOTIFY" => "1_call",
            "REGISTER" => "1_registration",
            _ => "1_default",
        })
    }

    /// The window to search, in Unix seconds.
    pub(super) fn window_s(&self) -> (i64, i64) {
        let (from, to) = self.window.for_homer();
        (from.div_euclid(1000), to.div_euclid(1000))
    }

    /// Whether a row is a request that the filter asks for.
    pub(super) fn matches_request(&self, row: &Row) -> bool {
        let is_at = |wanted: Option<IpAddr>, text: &str| {
            wanted.is_none_or(|ip| text.parse::<IpAddr>().is_ok_and(|found| found == ip))
        };
        // A row without a time was found by Homer in the window.
        let range = self.window.from_ms()..=self.window.to_ms();
        row.method == self.method
            && row.time_ms().is_none_or(|ms| range.contains(&ms))
            && self.matches_parties(row)
            && self
                .user_agent
                .as_ref()
                .is_none_or(|p| p.matches(&row.user_agent))
            && is_at(self.source, &row.source_ip)
            && is_at(self.destination, &row.destination_ip)
    }

    /// Whether a request or a response belongs to a call of the wanted parties and Call-ID.
    pub(super) fn matches_parties(&self, row: &Row) -> bool {
        let matches = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        matches(&self.call_id, &row.sid)
            && matches(&self.caller, &row.from_user)
            && matches(&self.callee, &row.to_user)
            && (matches(&self.party, &row.from_user) || matches(&self.party, &row.to_user))
    }
}

/// A final status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPattern {
    /// One status code, 200 to 699.
    Code(u16),
    /// A class, by its first digit, 2 to 6.
    Class(u16),
}

impl StatusPattern {
    /// Parses a status code, such as `486`, or a class, such as `4xx`.
    ///
    /// # Errors
    /// `invalid-request` for anything else, and for a provisional status, because a call does not
    /// end with one.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let is_digits = text.bytes().all(|b| b.is_ascii_digit());
        let parsed = match class {
            Some(digit) => digit.parse().ok().map(Self::Class),
            None if is_digits => text.parse().ok().map(Self::Code),
            None => None,
        };
        match parsed {
            Some(Self::Class(2..=6) | Self::Code(200..=699)) => {
                Ok(parsed.unwrap_or(Self::Class(2)))
            }
            _ => invalid(format!(
                "status is {}; expected a final status from 200 to 699 (486) or a class (4xx)",
                quoted(text, MAX_QUOTED)
            )),
        }
    }

    /// Whether a final status is the wanted one.
    pub fn matches(self, status: u16) -> bool {
        match self {
            Self::Code(code) => status == code,
            Self::Class(class) => status / 100 == class,
        }
    }

    /// The pattern of the responses' status, which Homer stores as their method.
    pub(super) fn pattern(self) -> Pattern {
        match self {
            Self::Code(code) => Pattern::exact(&code.to_string()),
            Self::Class(class) => Pattern::prefix(&class.to_string()),
        }
    }
}

fn given<'a>(name: &str, text: &'a Option<String>) -> Result<Option<&'a str>, ExportError> {
    let Some(text) = text.as_deref() else {
        return Ok(None);
    };
    if text.trim().is_empty() {
        return invalid(format!("{name} is empty; leave it out, or give a value"));
    }
    let chars = text.chars().count();
    if chars > MAX_TEXT {
        return invalid(format!(
            "{name} has {chars} characters; the maximum is {MAX_TEXT}"
        ));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{name} contains a control character"));
    }
    Ok(Some(text.trim()))
}

fn parse_method(text: &str) -> Result<String, ExportError> {
    // A token of RFC 3261 §25.1 in capital letters, as all methods are.
    let method = text.to_ascii_uppercase();
    if method.len() <= 32 && method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(method);
    }
    invalid(format!(
        "method is {}; expected a SIP method, for example INVITE",
        quoted(text, MAX_QUOTED)
    ))
}

fn ip(name: &str, text: &str) -> Result<IpAddr, ExportError> {
    text.parse().map_err(|_| {
        ExportError::InvalidRequest(format!(
            "{name} is {}; expected an IPv4 or IPv6 address without a port",
            quoted(text, MAX_QUOTED)
        ))
    })
}

fn invalid<T>(why: String) -> Result<T, ExportError> {
    Err(ExportError::InvalidRequest(why))
}
