//! A condition on the rows of a search: what Homer is asked, and the check that it complied.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Pattern;
use crate::error::ExportError;
use crate::homer::HomerServer;
use crate::homer::search::{Condition, Row};

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    CallId,
    FromUser,
    ToUser,
    Method,
    UserAgent,
    Source,
    Destination,
}

impl Field {
    /// What Homer calls it.
    fn name(self) -> &'static str {
        match self {
            Self::CallId => "sid",
            Self::FromUser => "data_header.from_user",
            Self::ToUser => "data_header.to_user",
            Self::Method => "data_header.method",
            Self::UserAgent => "data_header.user_agent",
            Self::Source => "protocol_header.srcIp",
            Self::Destination => "protocol_header.dstIp",
        }
    }

    fn of(self, row: &Row) -> &str {
        match self {
            Self::CallId => &row.sid,
            Self::FromUser => &row.from_user,
            Self::ToUser => &row.to_user,
            Self::Method => &row.method,
            Self::UserAgent => &row.user_agent,
            Self::Source => &row.source_ip,
            Self::Destination => &row.destination_ip,
        }
    }
}

/// A condition on a field: one of several alternatives.
#[derive(Clone, Debug)]
pub(super) struct FieldCondition {
    field: Field,
    /// What Homer was asked for. It may match more than the filter.
    asked: Asked,
}

#[derive(Clone, Debug)]
enum Asked {
    Pattern(Pattern),
    AnyOf(Vec<String>),
}

impl FieldCondition {
    /// The condition that Homer is asked for to find a pattern.
    pub(super) fn new(field: Field, pattern: &Pattern) -> Self {
        Self {
            field,
            asked: Asked::Pattern(pattern.for_homer()),
        }
    }

    /// The condition that the field has exactly this address.
    pub(super) fn ip(field: Field, ip: IpAddr) -> Self {
        Self::new(field, &Pattern::exact(&ip.to_string()))
    }

    /// The condition that the field has one of these values, each of which
    /// [`Pattern::exact_value`] has returned.
    pub(super) fn any_of(field: Field, values: Vec<String>) -> Self {
        Self {
            field,
            asked: Asked::AnyOf(values),
        }
    }

    pub(super) fn for_homer(&self) -> Condition {
        Condition {
            name: self.field.name(),
            value: match &self.asked {
                Asked::Pattern(pattern) => pattern.value(),
                Asked::AnyOf(values) => values.join(";"),
            },
        }
    }

    fn holds_for(&self, row: &Row) -> bool {
        let value = self.field.of(row);
        match &self.asked {
            Asked::Pattern(pattern) => pattern.matches(value),
            Asked::AnyOf(values) => values.iter().any(|wanted| wanted == value),
        }
    }
}

/// Checks that Homer complied with the conditions and the window, both in Unix seconds.
///
/// Homer ignores a condition on a field that it does not know, and then returns all rows (recording
/// `find-unknown-field`). They must never become results.
///
/// # Errors
/// `invalid-response` if a row does not meet a condition or lies outside of the window.
pub(super) fn check_rows(
    rows: &[Row],
    conditions: &[FieldCondition],
    from_s: i64,
    to_s: i64,
    homer: &HomerServer,
) -> Result<(), ExportError> {
    const SECOND_MS: i64 = 1000;
    for row in rows {
        if let Some(broken) = conditions
            .iter()
            .find(|condition| !condition.holds_for(row))
        {
            return Err(ExportError::InvalidResponse(format!(
                "{homer} returned rows that do not meet the condition on {}, so it ignores that \
                 condition; leave it out of the filter, or check Homer's mapping of the profile",
                broken.field.name()
            )));
        }
        // A row without a time cannot be checked.
        let seconds = row.time_ms().map(|ms| ms.div_euclid(SECOND_MS));
        if seconds.is_some_and(|second| !(from_s..=to_s).contains(&second)) {
            return Err(ExportError::InvalidResponse(format!(
                "{homer} returned rows from outside of the window that was searched; check that \
                 HOMER_URL points to Homer"
            )));
        }
    }
    Ok(())
}
