//! The records of `homer:capture/homer-search`, the only place in Rust where their fields are
//! listed (wit/homer-capture.wit). A test compares the doc comments with those in the WIT.

use alloc::string::String;
use alloc::vec::Vec;

use crate::record::record;

record! {
    ($, convert_call_filter)
    /// Which calls to search for. A call must meet every condition that is given.
    #[derive(Eq)]
    pub struct CallFilterFields {
        /// Start of the window, Unix time in milliseconds, UTC, inclusive.
        pub from_ts: i64,
        /// End of the window, Unix time in milliseconds, UTC, inclusive.
        pub to_ts: i64,
        /// User in the From header field. Telephone numbers of six digits or more are compared by
        /// their end, without `+`, `00` or a national `0`. `*` stands for any text.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub caller: Option<String>,
        /// User in the To header field, as in `caller`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub callee: Option<String>,
        /// Caller or callee, as in `caller`. Not together with either of them.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub party: Option<String>,
        /// Method of the request that the call begins with; INVITE if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub method: Option<String>,
        /// Final status of the call, such as `486`, or a class of them, such as `4xx`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<String>,
        /// IP address that sent the request, without a port.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// IP address that received the request, without a port.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub destination: Option<String>,
        /// User-Agent header field of the request, case-sensitive. `*` stands for any text.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub user_agent: Option<String>,
        /// Beginning of the Call-ID, case-sensitive.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub callid_prefix: Option<String>,
    }
}

record! {
    ($, convert_found_call)
    /// A call that Homer holds. All texts but the Call-ID have control characters replaced, and
    /// are cut after 200 characters.
    pub struct FoundCall {
        /// Call-ID, exactly as Homer stores it.
        pub callid: String,
        /// Capture time of the request, Unix time in milliseconds, UTC; absent if Homer has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub first_ts: Option<i64>,
        /// User in the From header field.
        pub caller: String,
        /// User in the To header field.
        pub callee: String,
        /// Method of the request.
        pub method: String,
        /// Status of the final response to the request. A 2xx takes precedence over the rejection
        /// of another fork, and the response to a further attempt over a challenge. Absent if Homer
        /// holds no final response, or if it could not be looked up.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<u16>,
        /// Address and port that sent the request.
        pub source: String,
        /// Address and port that received the request.
        pub destination: String,
        /// Database node of Homer that holds the request.
        pub node: String,
        /// User-Agent header field of the request; empty if it has none.
        pub user_agent: String,
        /// What Homer correlates the call by, if it differs from the Call-ID: usually the Call-ID
        /// of the other leg. Absent otherwise.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub correlation_id: Option<String>,
    }
}

record! {
    ($, convert_unsearched_part)
    /// A part of the window that could not be searched, or not completely.
    pub struct UnsearchedPart {
        /// Start of the part, Unix time in milliseconds, UTC, inclusive.
        pub from_ts: i64,
        /// End of the part, Unix time in milliseconds, UTC, inclusive.
        pub to_ts: i64,
        /// One sentence that says why, and what to do.
        pub why: String,
    }
}

record! {
    ($, convert_found_calls)
    /// The calls that a search found, and what it could not search.
    pub struct FoundCalls {
        /// Calls in the order of their first message, each once; at most 1,000.
        pub calls: Vec<FoundCall>,
        /// Whether the whole window was searched: `unsearched` is empty, and the final status of
        /// every call was looked up.
        pub complete: bool,
        /// Parts of the window that could not be searched, in the order of time.
        pub unsearched: Vec<UnsearchedPart>,
        /// Number of calls whose final status could not be looked up, because a limit was reached
        /// or Homer failed. With a condition on the status, these calls are left out.
        pub unknown_statuses: u32,
        /// Number of requests that were sent to Homer, without a login; at most 64.
        pub requests: u32,
        /// Whether the search stopped at a limit: 64 requests or 1,000 calls.
        pub limit_reached: bool,
    }
}

/// Implements [`Convert`](crate::record::Convert) between the records of the search and the types
/// of `$bindings`, a module of generated bindings that is in scope: the filter to the library, the
/// results to the bindings.
#[macro_export]
macro_rules! search_to_bindings {
    ($bindings:ident) => {
        $crate::convert_call_filter!($bindings::CallFilter => $crate::search::CallFilterFields);
        $crate::convert_found_calls!($crate::search::FoundCalls => $bindings::FoundCalls);
        $crate::convert_found_call!($crate::search::FoundCall => $bindings::FoundCall);
        $crate::convert_unsearched_part!(
            $crate::search::UnsearchedPart => $bindings::UnsearchedPart
        );
    };
}

/// The same for a host: the filter to the bindings, the results to the library.
#[macro_export]
macro_rules! search_from_bindings {
    ($bindings:ident) => {
        $crate::convert_call_filter!($crate::search::CallFilterFields => $bindings::CallFilter);
        $crate::convert_found_calls!($bindings::FoundCalls => $crate::search::FoundCalls);
        $crate::convert_found_call!($bindings::FoundCall => $crate::search::FoundCall);
        $crate::convert_unsearched_part!(
            $bindings::UnsearchedPart => $crate::search::UnsearchedPart
        );
    };
}
