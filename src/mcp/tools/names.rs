//! The names of the tools. Each tool's description mentions the others.

/// The tool that exports a call.
pub(super) const EXPORT_PCAP: &str = "homer_export_pcap";

/// The tool that finds calls.
pub(super) const FIND_CALLS: &str = "homer_find_calls";

/// The tool that compares two calls.
pub(super) const COMPARE_CALLS: &str = "homer_compare_calls";

/// The tool that shows any part of a call's ladder.
pub(super) const READ_LADDER: &str = "homer_read_ladder";

/// The tool that shows one message of a call.
pub(super) const READ_MESSAGE: &str = "homer_read_message";
