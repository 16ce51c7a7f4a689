//! The two ends of the window, as they are typed.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use homer_export::query::{ParameterNames, Timestamp, parse_instant};
use homer_export::{ExportError, Window};

/// The names of the two flags.
const NAMES: ParameterNames = ParameterNames::COMMAND_LINE;

/// The day of all calls in the demo.
const DEMO_DAY: (&str, &str) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");

const HOUR_MS: i64 = 3_600_000;

/// `--from` and `--to`.
#[derive(Debug, Args)]
pub(crate) struct Times {
    /// Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)
    #[cfg_attr(feature = "demo", arg(required_unless_present = "demo"))]
    #[cfg_attr(not(feature = "demo"), arg(required = true))]
    // `-2h` begins with a dash and is not a flag.
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,

    /// End of the window, in the same forms [default: now]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
}

/// The two ends of the window in Unix milliseconds. Only their syntax has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    from_ms: i64,
    to_ms: i64,
    /// Whether `--to` was given or has a default other than now.
    has_end: bool,
}

impl Times {
    /// The two ends, relative to the current time.
    ///
    /// # Errors
    /// `invalid-request` if one end is not a time. The text names the flag.
    pub(crate) fn parse(&self, is_demo: bool) -> Result<Ends, ExportError> {
        let (from, to) = if is_demo { DEMO_DAY } else { ("", "now") };
        let now = now_ms();
        let end = |name: &str, given: &Option<String>, default| {
            parse_instant(name, given.as_deref().unwrap_or(default), now)
        };
        Ok(Ends {
            from_ms: end(NAMES.from, &self.from, from)?,
            to_ms: end(NAMES.to, &self.to, to)?,
            has_end: is_demo || self.to.is_some(),
        })
    }
}

impl Ends {
    /// The window, at most `max_hours` long.
    ///
    /// # Errors
    /// `invalid-request` as [`Window::new`]. If the window is too long because it ends now, the
    /// text says so.
    pub(crate) fn window(self, max_hours: u32) -> Result<Window, ExportError> {
        Window::new(self.from_ms, self.to_ms, max_hours, &NAMES).map_err(|mut error| {
            let hour_later = self.from_ms.saturating_add(HOUR_MS);
            let starts_well = Window::new(self.from_ms, hour_later, max_hours, &NAMES).is_ok();
            if !self.has_end && starts_well && hour_later < self.to_ms {
                error.message_mut().push_str(&format!(
                    ". {to} was not given, so the window ends now; to look at an earlier time, \
                     give {to} as well, for example {to} {}",
                    Timestamp::from_ms(hour_later),
                    to = NAMES.to
                ));
            }
            error
        })
    }
}

/// The current time in Unix milliseconds.
fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
