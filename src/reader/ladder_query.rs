//! Which rows of the ladder to read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ExportError;
use crate::record::record;
use crate::report::WatchedMessage;
use crate::sip::StartLine;
use crate::text::quoted;

/// Most characters of a wrong value that an error repeats.
const MAX_ECHO_CHARS: usize = 64;

record! {
    ($, convert_ladder_query)
    /// Which rows of the ladder to read. A row must meet every condition that is given.
    #[derive(Eq)]
    pub struct LadderQuery {
        /// The Call-IDs that were requested. Findings then are those of the report.
        pub call_ids: Vec<String>,
        /// Number of the first packet record, counted from 1; 0 counts as 1.
        pub from_packet: u64,
        /// Number of the first message in that packet, counted from 1; 0 counts as 1.
        pub from_part: u32,
        /// Number of the last packet record, inclusive; absent for the end of the capture.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub to_packet: Option<u64>,
        /// Method of the requests, and of the responses to them.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub method: Option<String>,
        /// Status code of the responses, such as `486`, or a class of them, such as `4xx`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<String>,
        /// Call-ID of the messages.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub only_callid: Option<String>,
        /// Whether to leave out messages without findings.
        pub findings_only: bool,
    }
}

/// A [`LadderQuery`] whose values are valid.
#[derive(Clone, Debug)]
pub(super) struct LadderFilter {
    /// The place of the first row: packet, and message in it.
    pub(super) from: (u64, u32),
    pub(super) to_packet: u64,
    method: Option<String>,
    status: Option<StatusFilter>,
    only_callid: Option<String>,
    pub(super) findings_only: bool,
}

#[derive(Clone, Copy, Debug)]
enum StatusFilter {
    Code(u16),
    Class(u16),
}

impl LadderFilter {
    /// # Errors
    /// `invalid-request` if a condition is empty or malformed.
    pub(super) fn parse(query: &LadderQuery) -> Result<Self, ExportError> {
        let given = |name: &str, value: &Option<String>| match value.as_deref().map(str::trim) {
            Some("") => Err(ExportError::InvalidRequest(format!(
                "{name} is empty; leave it out, or pass a value"
            ))),
            other => Ok(other.map(String::from)),
        };
        let from = (query.from_packet.max(1), query.from_part.max(1));
        let to_packet = query.to_packet.unwrap_or(u64::MAX);
        if to_packet < from.0 {
            return Err(ExportError::InvalidRequest(format!(
                "to_packet {to_packet} is before from_packet {}; pass the same number or a later \
                 one",
                from.0
            )));
        }
        Ok(Self {
            from,
            to_packet,
            method: given("method", &query.method)?,
            status: given("status", &query.status)?
                .map(|status| StatusFilter::parse(&status))
                .transpose()?,
            only_callid: given("only_callid", &query.only_callid)?,
            findings_only: query.findings_only,
        })
    }

    /// Whether it has a condition on what a message says.
    pub(super) fn is_on_content(&self) -> bool {
        self.method.is_some() || self.status.is_some() || self.only_callid.is_some()
    }

    /// Whether a message meets the conditions, except those on its place.
    pub(super) fn accepts(&self, watched: &WatchedMessage<'_>) -> bool {
        let message = watched.message;
        let has_method = |method: &String| {
            let found = message.method().unwrap_or_default();
            found.eq_ignore_ascii_case(method.as_bytes())
        };
        let has_status = |filter: StatusFilter| match message.start {
            StartLine::Response { status, .. } => filter.accepts(status),
            _ => false,
        };
        let has_call_id = |id: &String| message.call_id == Some(id.as_bytes());
        self.method.as_ref().is_none_or(has_method)
            && self.status.is_none_or(has_status)
            && self.only_callid.as_ref().is_none_or(has_call_id)
            && (!self.findings_only || !watched.codes.is_empty())
    }
}

impl StatusFilter {
    fn parse(text: &str) -> Result<Self, ExportError> {
        let number = |text: &str| text.parse::<u16>().ok();
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let filter = match class {
            Some(class) => number(class)
                .filter(|it| (1..7).contains(it))
                .map(Self::Class),
            None => number(text)
                .filter(|it| (100..700).contains(it))
                .map(Self::Code),
        };
        filter.ok_or_else(|| {
            ExportError::InvalidRequest(format!(
                "status is {}; expected a status from 100 to 699 (486) or a class (4xx)",
                quoted(text, MAX_ECHO_CHARS)
            ))
        })
    }

    fn accepts(self, status: u16) -> bool {
        match self {
            Self::Code(code) => status == code,
            Self::Class(class) => status / 100 == class,
        }
    }
}
