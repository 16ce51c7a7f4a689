//! Times as people write them.

use homer_export::query::{ParameterNames, Timestamp, parse_instant, parse_window};
use homer_export::{ExportError, Window};
use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NOW: i64 = 1_795_168_800_000;

#[track_caller]
fn refused(text: &str, why: &str) {
    assert_eq!(
        parse_instant("from_ts", text, NOW),
        Err(ExportError::InvalidRequest(why.to_string()))
    );
}

#[test]
fn instant_accepts_every_form() {
    for (text, ms) in [
        ("1795168800123", 1_795_168_800_123),
        // `Window` explains the unit.
        ("1795168800", 1_795_168_800),
        ("-5", -5),
        ("now", NOW),
        (" now ", NOW),
        ("-2h", NOW - 7_200_000),
        ("now-2h", NOW - 7_200_000),
        ("-30m", NOW - 1_800_000),
        ("-1d", NOW - 86_400_000),
        ("-1d12h", NOW - 129_600_000),
        ("-1h30m5s", NOW - 5_405_000),
        ("+30s", NOW + 30_000),
        ("2026-11-20T10:00:00Z", NOW),
        ("2026-11-20T11:00:00.250+01:00", NOW + 250),
        ("2026-11-20T10:00:00.0009Z", NOW),
        ("1969-12-31T23:59:59.9999Z", -1),
    ] {
        assert_eq!(parse_instant("from_ts", text, NOW), Ok(ms), "{text}");
    }
}

#[test]
fn instant_refuses_what_is_no_time() {
    for text in [
        "",
        "-",
        "+",
        "now-",
        "nowhere",
        "yesterday",
        "-2w",
        "-h",
        "--2h",
        "-2h ago",
        "-1é",
        "2026-13-01T00:00:00Z",
        "-99999999999999999d",
        "20/11/2026",
    ] {
        refused(
            text,
            &format!(
                "from_ts is \"{text}\", which is not a time; use Unix milliseconds \
                 (1795168800000), RFC 3339 with an offset (2026-11-20T10:00:00Z), or a time \
                 relative to now (now, -2h, -1d12h; units d, h, m, s)"
            ),
        );
    }
}

#[test]
fn instant_without_a_zone_is_refused_with_both_readings() {
    for (text, written, ms) in [
        ("2026-11-20T10:00:00", "2026-11-20T10:00:00", NOW),
        ("2026-11-20 10:00:00", "2026-11-20T10:00:00", NOW),
        ("2026-11-20 10:00", "2026-11-20T10:00:00", NOW),
        ("2026-11-20", "2026-11-20T00:00:00", NOW - 36_000_000),
    ] {
        refused(
            text,
            &format!(
                "from_ts is \"{text}\", which has no time zone, so it can mean two times: for UTC \
                 write {written}Z ({ms}); for local time write its offset from UTC, for example \
                 {written}+01:00 where it is one hour ahead"
            ),
        );
        // What it tells the reader to write is accepted.
        assert_eq!(parse_instant("x", &format!("{written}Z"), NOW), Ok(ms));
        assert_eq!(
            parse_instant("x", &format!("{written}+01:00"), NOW),
            Ok(ms - 3_600_000)
        );
    }
}

#[test]
fn instant_names_the_parameter_of_its_reader() {
    let error = parse_window("noon", "now", NOW, 24, &ParameterNames::COMMAND_LINE).unwrap_err();
    assert!(error.message().starts_with("--from is \"noon\""), "{error}");
    let error = parse_window("-1h", "noon", NOW, 24, &ParameterNames::MCP).unwrap_err();
    assert!(error.message().starts_with("to_ts is \"noon\""), "{error}");
    // The digits of seconds are read, and then explained.
    let error = parse_window("1795168800", "now", NOW, 24, &ParameterNames::MCP).unwrap_err();
    assert_eq!(
        error.message(),
        "from_ts is 1795168800, which looks like seconds; expected Unix milliseconds, so use \
         1795168800000 (2026-11-20T10:00:00Z)"
    );
}

#[test]
fn instant_window_over_the_limit_is_refused_with_halves() {
    let names = &ParameterNames::MCP;
    let error = parse_window("-2d", "now", NOW, 24, names).unwrap_err();
    assert_eq!(
        error.message(),
        "the window from from_ts 2026-11-18T10:00:00Z to to_ts 2026-11-20T10:00:00Z is 48 h 0 min \
         long; the maximum is 24 h. Narrow it, request its parts one after the other (halves: \
         2026-11-18T10:00:00Z to 2026-11-19T10:00:00Z and 2026-11-19T10:00:00Z to \
         2026-11-20T10:00:00Z), or ask the operator to raise HOMER_MAX_WINDOW_HOURS"
    );
    assert_eq!(
        parse_window("-1d", "now", NOW, 24, names),
        Window::new(NOW - 86_400_000, NOW, 24, names)
    );
}

proptest! {
    #[test]
    fn instant_parse_never_panics(text in "\\PC{0,40}") {
        let _ = parse_instant("x", &text, NOW);
    }

    /// What we print is read again as the same time.
    #[test]
    fn instant_reads_what_timestamp_writes(ms in -62_000_000_000_000_i64..253_000_000_000_000) {
        let text = Timestamp::from_ms(ms).to_string();
        prop_assert_eq!(parse_instant("x", &text, NOW), Ok(ms));
    }

    /// RFC 3339 is read as the `time` crate reads it, with any offset.
    #[test]
    fn instant_agrees_with_the_time_crate(
        second in -62_000_000_000_i64..253_000_000_000,
        minutes in -1439_i32..1440,
    ) {
        let utc = Timestamp::from_ms((second + i64::from(minutes) * 60) * 1000).to_string();
        let (sign, size) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        let text = utc.replace('Z', &format!("{sign}{:02}:{:02}", size / 60, size % 60));
        let theirs = OffsetDateTime::parse(&text, &Rfc3339).map(|time| time.unix_timestamp());
        prop_assert_eq!(theirs, Ok(second));
        prop_assert_eq!(parse_instant("x", &text, NOW), Ok(second * 1000));
    }

    /// A relative time is the sum of its parts, in any order.
    #[test]
    fn instant_relative_is_the_sum_of_its_parts(d in 0..999_i64, h in 0..99_i64, m in 0..99_i64) {
        let ms = d * 86_400_000 + h * 3_600_000 + m * 60_000;
        prop_assert_eq!(parse_instant("x", &format!("-{d}d{h}h{m}m"), NOW), Ok(NOW - ms));
        prop_assert_eq!(parse_instant("x", &format!("now+{m}m{d}d{h}h"), NOW), Ok(NOW + ms));
    }
}
