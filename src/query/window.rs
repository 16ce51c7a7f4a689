//! A window of time in Unix milliseconds, and how it is written and rounded.

use alloc::format;
use alloc::string::String;
use core::fmt;

use time::OffsetDateTime;

use crate::ExportError;

/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;

/// Milliseconds in a minute.
const MINUTE_MS: i64 = 60_000;

/// Smallest and largest value taken for Unix milliseconds, inclusive: March 1973 to the year 5138.
/// Seconds stay below, microseconds and nanoseconds above, for all times at which there was SIP
/// (homer.md §12.3).
const PLAUSIBLE_MS: core::ops::RangeInclusive<i64> = 100_000_000_000..=100_000_000_000_000;

/// A window of time, both ends inclusive; the start is before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from_ms: i64,
    to_ms: i64,
}

impl Window {
    /// Takes two times in Unix milliseconds, UTC, at most `max_hours` apart (inclusive).
    ///
    /// # Errors
    /// `invalid-request` if a value looks like seconds, microseconds or nanoseconds (the text has
    /// the value in milliseconds), if the start is not before the end, or if the window is longer
    /// than `max_hours`.
    pub fn new(from_ms: i64, to_ms: i64, max_hours: u32) -> Result<Self, ExportError> {
        let refuse = |why: String| Err(ExportError::InvalidRequest(why));
        for (name, value) in [("from_ts", from_ms), ("to_ts", to_ms)] {
            if let Some(why) = not_milliseconds(name, value) {
                return refuse(why);
            }
        }
        if from_ms >= to_ms {
            return refuse(format!(
                "the window is {}: from_ts {} is not before to_ts {}; {}",
                if from_ms == to_ms {
                    "empty"
                } else {
                    "reversed"
                },
                Timestamp::from_ms(from_ms),
                Timestamp::from_ms(to_ms),
                if from_ms == to_ms {
                    "widen it"
                } else {
                    "swap them"
                },
            ));
        }
        let length = to_ms - from_ms;
        if length > i64::from(max_hours) * HOUR_MS {
            return refuse(format!(
                "the window is {} hours and {} minutes long, at most {max_hours} hours are taken; narrow it, or let the \
                 operator raise HOMER_MAX_WINDOW_HOURS",
                length / HOUR_MS,
                // Rounded up, so that a window a little too long does not read as one that is not.
                (length % HOUR_MS + MINUTE_MS - 1) / MINUTE_MS,
            ));
        }
        Ok(Self { from_ms, to_ms })
    }

    /// The start, Unix milliseconds, inclusive.
    pub fn from_ms(self) -> i64 {
        self.from_ms
    }

    /// The end, Unix milliseconds, inclusive.
    pub fn to_ms(self) -> i64 {
        self.to_ms
    }

    /// The window to send to Homer, in milliseconds. Homer cuts both ends down to the whole second
    /// (recording `mapping-no-correlation-exact-ms`: two of seven messages lost), so the start is
    /// floored as it would do anyway, and the end is moved to one second after the next whole
    /// second.
    pub fn for_homer(self) -> (i64, i64) {
        const SECOND_MS: i64 = 1000;
        let floor = |ms: i64| ms - ms.rem_euclid(SECOND_MS);
        let ceil = |ms: i64| floor(ms + SECOND_MS - 1);
        (floor(self.from_ms), ceil(self.to_ms) + SECOND_MS)
    }
}

impl fmt::Display for Window {
    /// For a sentence: `2026-11-20T10:00:00Z and 2026-11-20T10:05:00Z`, to be put after "between".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} and {}",
            Timestamp::from_ms(self.from_ms),
            Timestamp::from_ms(self.to_ms)
        )
    }
}

/// Why `value` is not Unix milliseconds, or none if it can be.
fn not_milliseconds(name: &str, value: i64) -> Option<String> {
    if PLAUSIBLE_MS.contains(&value) {
        return None;
    }
    // One notch of the scale down or up; a value that is none of them is no time at which there was
    // SIP.
    let (unit, in_ms) = match value {
        ..100_000_000 => {
            return Some(format!(
                "{name} {value} is not a Unix time in milliseconds; a time today has 13 digits, for example 1795168800000"
            ));
        }
        100_000_000..100_000_000_000 => ("seconds", value * 1000),
        100_000_000_000..100_000_000_000_000_000 => ("microseconds", value / 1000),
        _ => ("nanoseconds", value / 1_000_000),
    };
    Some(format!(
        "{name} {value} looks like {unit}; times are Unix milliseconds, so pass {in_ms} ({})",
        Timestamp::from_ms(in_ms)
    ))
}

/// A time in UTC as RFC 3339 writes it, with as many decimals of the second as it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Unix time in microseconds.
    us: i64,
}

impl Timestamp {
    /// From Unix milliseconds.
    pub fn from_ms(ms: i64) -> Self {
        Self {
            us: ms.saturating_mul(1000),
        }
    }

    /// From Unix microseconds.
    pub fn from_us(us: i64) -> Self {
        Self { us }
    }

    /// From the time of a packet record, Unix microseconds.
    pub(crate) fn of_packet(us: u64) -> Self {
        Self {
            us: i64::try_from(us).unwrap_or(i64::MAX),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND_US: i64 = 1_000_000;
        let Ok(t) = OffsetDateTime::from_unix_timestamp(self.us.div_euclid(SECOND_US)) else {
            return write!(f, "{} µs after 1970", self.us);
        };
        let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            t.hour(),
            t.minute(),
            t.second()
        )?;
        match self.us.rem_euclid(SECOND_US) {
            0 => {}
            us if us % 1000 == 0 => write!(f, ".{:03}", us / 1000)?,
            us => write!(f, ".{us:06}")?,
        }
        f.write_str("Z")
    }
}
