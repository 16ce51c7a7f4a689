//! The window in which to export a call that was found.

use super::FoundCall;
use crate::query::Window;

/// What a suggested window adds before and after a call, in milliseconds. The clocks of capture
/// agents differ by less, and Homer compares whole seconds.
pub(super) const MARGIN_MS: i64 = 5000;

/// How long a call may take to be within its window, in milliseconds: an hour. Few are longer, and
/// the report of one that is says that its end is missing.
const DURATION_MS: i64 = 3_600_000;

const SECOND_MS: i64 = 1000;
const HOUR_MS: i64 = 3_600_000;

/// The window in which to export a call that a search found: from 5 s before its first message to
/// one hour after it, but at most `max_hours` long. It begins and ends on a whole second. A call
/// without a time gets the window that was searched.
///
/// # Examples
/// ```
/// use homer_export::Window;
/// use homer_export::query::ParameterNames;
/// use homer_export::search::{FoundCall, export_window};
///
/// let (from, to) = (1_795_168_800_000, 1_795_255_200_000);
/// let searched = Window::new(from, to, 24, &ParameterNames::WIT)?;
/// let call = FoundCall {
///     first_ts: Some(from + 60_250),
///     ..FoundCall::default()
/// };
/// let window = export_window(&call, searched, 24);
/// assert_eq!((window.from_ms(), window.to_ms()), (from + 55_000, from + 3_660_000));
/// # Ok::<(), homer_export::ExportError>(())
/// ```
pub fn export_window(call: &FoundCall, searched: Window, max_hours: u32) -> Window {
    let Some(first_ms) = call.first_ts else {
        return searched;
    };
    let whole = |ms: i64| ms - ms.rem_euclid(SECOND_MS);
    let from = whole(first_ms.saturating_sub(MARGIN_MS));
    let longest = from.saturating_add(i64::from(max_hours) * HOUR_MS);
    let to = whole(first_ms.saturating_add(DURATION_MS)).min(longest);
    searched.with_ends(from, to)
}
