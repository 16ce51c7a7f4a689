//! A condition on the rows of a search: what Homer is asked, and the check that it complied.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Pattern;
use crate::error::ExportError;
use crate::homer::HomerServer;
use crate::homer::search::{Condition, Field, Row};

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

    pub(super) fn field(&self) -> Field {
        self.field
    }

    pub(super) fn for_homer(&self) -> Condition {
        Condition {
            field: self.field,
            value: match &self.asked {
                Asked::Pattern(pattern) => pattern.value(),
                Asked::AnyOf(values) => values.join(";"),
            },
        }
    }

    pub(super) fn holds_for(&self, row: &Row) -> bool {
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
