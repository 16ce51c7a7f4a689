//! An instant, written as RFC 3339.

use core::fmt;

use time::OffsetDateTime;

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
