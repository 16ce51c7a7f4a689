//! A point in time as a person writes it, for `--from` and `--to`.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The current time in Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Parses Unix milliseconds, an RFC 3339 time, `now`, or a time relative to now such as `-2h`,
/// `-1d12h` or `+30s`.
///
/// # Errors
/// A text that shows the accepted forms.
pub(crate) fn parse(text: &str, now_ms: i64) -> Result<i64, String> {
    if text == "now" {
        return Ok(now_ms);
    }
    // This includes a negative number without a unit. `Window` rejects it with an error that
    // explains the units.
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(ms);
    }
    if let Some(past) = text.strip_prefix('-') {
        return Ok(now_ms.saturating_sub(duration_ms(past).ok_or_else(|| forms(text))?));
    }
    if let Some(future) = text.strip_prefix('+') {
        return Ok(now_ms.saturating_add(duration_ms(future).ok_or_else(|| forms(text))?));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| forms(text))?;
    // Rounds down, also before 1970.
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|_| forms(text))
}

fn forms(text: &str) -> String {
    format!(
        "{text:?} is not a time; use Unix milliseconds (1795168800000), RFC 3339 with an offset \
         (2026-11-20T10:00:00Z), or a time relative to now (now, -2h, -1d12h)"
    )
}

/// A duration such as `1d12h` in milliseconds. The units are `d`, `h`, `m` and `s`.
fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b'd' => 86_400_000,
            b'h' => 3_600_000,
            b'm' => 60_000,
            b's' => 1000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::parse;

    const NOW: i64 = 1_795_168_800_000;

    #[test]
    fn instant_accepts_every_form() {
        for (text, ms) in [
            ("1795168800123", 1_795_168_800_123),
            ("1795168800", 1_795_168_800),
            ("-5", -5),
            ("now", NOW),
            ("-2h", NOW - 7_200_000),
            ("-1d12h", NOW - 129_600_000),
            ("-1h30m5s", NOW - 5_405_000),
            ("+30s", NOW + 30_000),
            ("2026-11-20T10:00:00Z", NOW),
            ("2026-11-20T11:00:00.250+01:00", NOW + 250),
        ] {
            assert_eq!(parse(text, NOW), Ok(ms), "{text}");
        }
    }

    #[test]
    fn instant_rejects_anything_else() {
        for text in [
            "",
            "-",
            "+",
            "yesterday",
            "-2w",
            "-h",
            "--2h",
            "2026-11-20",
            "2026-11-20T10:00:00",
            "-99999999999999999d",
        ] {
            match parse(text, NOW) {
                Ok(ms) => panic!("{text} was parsed as {ms}"),
                Err(why) => assert!(
                    why.starts_with(&format!("{text:?} is not a time; ")),
                    "{why}"
                ),
            }
        }
    }
}
