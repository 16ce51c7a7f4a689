//! A window of time in Unix milliseconds.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;

use super::Timestamp;
use crate::error::ExportError;

/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;

/// Milliseconds in a minute.
const MINUTE_MS: i64 = 60_000;

/// Milliseconds in a second.
const SECOND_MS: i64 = 1000;

/// The values that are accepted as Unix milliseconds, inclusive: March 1973 to the year 5138.
///
/// For every time since SIP exists, the value in seconds lies below this range and the values in
/// microseconds and nanoseconds lie above it (docs/homer.md §12.3).
const PLAUSIBLE_MS: RangeInclusive<i64> = 100_000_000_000..=100_000_000_000_000;

/// What the caller calls the parameters of a window, so that an error names what they typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterNames {
    /// The start.
    pub from: &'static str,
    /// The end.
    pub to: &'static str,
    /// How to allow a longer window.
    pub raise_limit: &'static str,
}

impl ParameterNames {
    /// The parameters of the WIT functions.
    pub const WIT: Self = Self {
        from: "from-ts",
        to: "to-ts",
        raise_limit: "ask the operator to raise HOMER_MAX_WINDOW_HOURS",
    };

    /// The arguments of the MCP tools.
    pub const MCP: Self = Self {
        from: "from_ts",
        to: "to_ts",
        ..Self::WIT
    };

    /// The flags of the command line, whose user is the operator.
    pub const COMMAND_LINE: Self = Self {
        from: "--from",
        to: "--to",
        raise_limit: "raise the limit with --max-window-hours",
    };
}

/// A window of time. Both ends are inclusive, and the start is before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from_ms: i64,
    to_ms: i64,
}

impl Window {
    /// A window between two times in Unix milliseconds, UTC, at most `max_hours` long (inclusive).
    ///
    /// # Errors
    /// `invalid-request` if a value looks like seconds, microseconds or nanoseconds (the text then
    /// contains the value in milliseconds), if the start is not before the end, or if the window is
    /// longer than `max_hours`.
    pub fn new(
        from_ms: i64,
        to_ms: i64,
        max_hours: u32,
        names: &ParameterNames,
    ) -> Result<Self, ExportError> {
        let invalid = |why: String| Err(ExportError::InvalidRequest(why));
        // Before the order of the ends: with two different units, the window would look reversed.
        for (name, value) in [(names.from, from_ms), (names.to, to_ms)] {
            if let Some(why) = unit_hint(name, value) {
                return invalid(why);
            }
        }
        // Homer returns an empty file for a reversed window (recording `export-from-after-to`).
        if from_ms >= to_ms {
            let (problem, advice) = match from_ms == to_ms {
                true => ("empty", "widen it"),
                false => ("reversed", "swap its ends"),
            };
            return invalid(format!(
                "the window is {problem}: {} {} is not before {} {}; {advice}",
                names.from,
                Timestamp::from_ms(from_ms),
                names.to,
                Timestamp::from_ms(to_ms),
            ));
        }
        // Cannot overflow, because both ends are plausible.
        let length = to_ms - from_ms;
        if length > i64::from(max_hours) * HOUR_MS {
            return invalid(format!(
                "the window from {} {} to {} {} is {} h {} min long; the maximum is {max_hours} h. \
                 Narrow it, request its parts one after the other (halves: {}), or {}",
                names.from,
                Timestamp::from_ms(from_ms),
                names.to,
                Timestamp::from_ms(to_ms),
                length / HOUR_MS,
                // Rounded up, so that a window just over the limit does not look like one at it.
                (length % HOUR_MS + MINUTE_MS - 1) / MINUTE_MS,
                halves(from_ms, to_ms),
                names.raise_limit,
            ));
        }
        Ok(Self { from_ms, to_ms })
    }

    /// A window with other ends, which the caller made from valid ones. Ends that are no window
    /// leave it as it is.
    pub(crate) fn with_ends(self, from_ms: i64, to_ms: i64) -> Self {
        match from_ms < to_ms {
            true => Self { from_ms, to_ms },
            false => self,
        }
    }

    /// The start in Unix milliseconds, inclusive.
    pub fn from_ms(self) -> i64 {
        self.from_ms
    }

    /// The end in Unix milliseconds, inclusive.
    pub fn to_ms(self) -> i64 {
        self.to_ms
    }

    /// The window to send to Homer, in Unix milliseconds.
    ///
    /// Homer rounds both ends down to the whole second (docs/homer.md §1.5; recording
    /// `mapping-no-correlation-exact-ms`, which lost two of seven messages). So the start is
    /// rounded down here as well, and the end is rounded up, plus one second.
    ///
    /// The additional second keeps the end inclusive. Homer compares microseconds: a message at
    /// 10:00:05.000400 belongs to the millisecond 10:00:05.000, but lies after an end of 10:00:05,
    /// which rounding up leaves as it is. The next end that Homer can tell apart is one second
    /// later. For an end with a fraction, the second is only a margin.
    pub fn for_homer(self) -> (i64, i64) {
        let floor = |ms: i64| ms - ms.rem_euclid(SECOND_MS);
        let ceil = |ms: i64| floor(ms + SECOND_MS - 1);
        (floor(self.from_ms), ceil(self.to_ms) + SECOND_MS)
    }
}

impl fmt::Display for Window {
    /// For a sentence, after "between": `2026-11-20T10:00:00Z and 2026-11-20T10:05:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (
            Timestamp::from_ms(self.from_ms),
            Timestamp::from_ms(self.to_ms),
        );
        write!(f, "{from} and {to}")
    }
}

/// Why `value` cannot be Unix milliseconds, or `None` if it can.
fn unit_hint(name: &str, value: i64) -> Option<String> {
    if PLAUSIBLE_MS.contains(&value) {
        return None;
    }
    // Homer itself returns an empty file for another unit (recordings `export-seconds-not-ms`,
    // `export-micros`).
    let (unit, in_ms) = match value {
        // Not a time since SIP exists, in any unit.
        ..100_000_000 => {
            return Some(format!(
                "{name} is {value}, which is not a Unix time in milliseconds; a current time has \
                 13 digits, for example 1795168800000"
            ));
        }
        100_000_000..100_000_000_000 => ("seconds", value * 1000),
        100_000_000_000..100_000_000_000_000_000 => ("microseconds", value / 1000),
        _ => ("nanoseconds", value / 1_000_000),
    };
    Some(format!(
        "{name} is {value}, which looks like {unit}; expected Unix milliseconds, so use {in_ms} \
         ({})",
        Timestamp::from_ms(in_ms)
    ))
}

/// The halves of a window that is too long, for a sentence.
fn halves(from_ms: i64, to_ms: i64) -> String {
    // On a whole second, so that the times are short.
    let middle = from_ms + (to_ms - from_ms) / 2;
    let middle = Timestamp::from_ms(middle - middle.rem_euclid(SECOND_MS));
    let (from, to) = (Timestamp::from_ms(from_ms), Timestamp::from_ms(to_ms));
    format!("{from} to {middle} and {middle} to {to}")
}
