//! What to export instead of a call that was not found: `homer:capture/types.suggestion`, the only
//! place in Rust where its fields are listed.

use alloc::string::String;

use crate::record::record;

record! {
    ($, convert_suggestion)
    /// What to export instead of a call that was not found.
    #[derive(Eq)]
    pub struct Suggestion {
        /// Call-ID to export.
        pub callid: String,
        /// Start of the window to use, Unix time in milliseconds, UTC, inclusive.
        pub from_ts: i64,
        /// End of the window to use, Unix time in milliseconds, UTC, inclusive.
        pub to_ts: i64,
        /// Homer's search profile that holds the call.
        pub profile: String,
    }
}
