//! A point in time as a person writes it: Unix milliseconds, RFC 3339, or relative to now.

use alloc::format;
use alloc::string::String;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ParameterNames, Window};
use crate::error::ExportError;
use crate::text::quoted;

/// Characters of an unreadable time that an error shows. The longest RFC 3339 time has 35.
const MAX_QUOTED: usize = 64;

/// Parses a point in time into Unix milliseconds. `name` is what the reader calls the parameter,
/// and `now_ms` the current Unix time in milliseconds, because the core has no clock.
///
/// | form | examples |
/// |---|---|
/// | Unix milliseconds, as digits | `1795168800000` |
/// | RFC 3339 with an offset | `2026-11-20T10:00:00Z`, `2026-11-20T11:00:00.250+01:00` |
/// | now, and relative to it in `d`, `h`, `m`, `s` | `now`, `-2h`, `-1d12h`, `+30s`, `now-30m` |
///
/// Fractions below a millisecond are rounded down. [`Window::new`] checks the range afterwards, so
/// that digits in another unit get its explanation.
///
/// # Errors
/// `invalid-request` for any other text. A date or time without an offset is refused with both of
/// its readings, because a wrong guess would search the wrong hours without notice.
///
/// # Examples
/// ```
/// use homer_export::query::parse_instant;
///
/// let now = 1_795_168_800_000;
/// assert_eq!(parse_instant("from_ts", "2026-11-20T11:00:00+01:00", now)?, now);
/// assert_eq!(parse_instant("from_ts", "-2h", now)?, now - 7_200_000);
/// # Ok::<(), homer_export::ExportError>(())
/// ```
pub fn parse_instant(name: &str, text: &str, now_ms: i64) -> Result<i64, ExportError> {
    let text = text.trim();
    // A sign alone belongs to a time relative to now; `Window::new` explains negative numbers.
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(ms);
    }
    let relative = text.strip_prefix("now").unwrap_or(text);
    let parsed = match relative.as_bytes().first() {
        None if !text.is_empty() => Some(now_ms),
        Some(b'-') => duration_ms(&relative[1..]).map(|ms| now_ms.saturating_sub(ms)),
        Some(b'+') => duration_ms(&relative[1..]).map(|ms| now_ms.saturating_add(ms)),
        _ => rfc3339_ms(text),
    };
    parsed.ok_or_else(|| ExportError::InvalidRequest(refusal(name, text)))
}

/// The window between two times in any form of [`parse_instant`], at most `max_hours` long.
///
/// # Errors
/// `invalid-request` as [`parse_instant`] and [`Window::new`].
pub fn parse_window(
    from: &str,
    to: &str,
    now_ms: i64,
    max_hours: u32,
    names: &ParameterNames,
) -> Result<Window, ExportError> {
    let from_ms = parse_instant(names.from, from, now_ms)?;
    let to_ms = parse_instant(names.to, to, now_ms)?;
    Window::new(from_ms, to_ms, max_hours, names)
}

fn rfc3339_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    // Rounds down, also before 1970.
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// A duration such as `1d12h` in milliseconds.
fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let unit_ms = match unit.as_bytes().first()? {
            b'd' => 86_400_000,
            b'h' => 3_600_000,
            b'm' => 60_000,
            b's' => 1000,
            _ => return None,
        };
        let number: i64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit_ms)?)?;
        rest = unit.get(1..)?;
    }
    (!text.is_empty()).then_some(total)
}

/// Why a text is not a time, and what to write instead.
fn refusal(name: &str, text: &str) -> String {
    let shown = quoted(text, MAX_QUOTED);
    match as_utc(text) {
        Some((written, ms)) => format!(
            "{name} is {shown}, which has no time zone, so it can mean two times: for UTC write \
             {written}Z ({ms}); for local time write its offset from UTC, for example \
             {written}+01:00 where it is one hour ahead"
        ),
        None => format!(
            "{name} is {shown}, which is not a time; use Unix milliseconds (1795168800000), RFC \
             3339 with an offset (2026-11-20T10:00:00Z), or a time relative to now (now, -2h, \
             -1d12h; units d, h, m, s)"
        ),
    }
}

/// A date, or a date with a time of day, without an offset: as RFC 3339 writes it before the
/// offset, and its Unix milliseconds if it is UTC.
fn as_utc(text: &str) -> Option<(String, i64)> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        // Without seconds, as people write a time of day.
        Some((date, time)) if time.len() == 5 => (date, format!("{time}:00")),
        Some((date, time)) => (date, String::from(time)),
        None => (text, String::from("00:00:00")),
    };
    let written = format!("{date}T{time}");
    let ms = rfc3339_ms(&format!("{written}Z"))?;
    Some((written, ms))
}
