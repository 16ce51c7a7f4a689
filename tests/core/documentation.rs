//! Statements of `docs/limits.md` that follow from constants of the library.

use homer_export::CallId;
use homer_export::config::setting::{self, DEFAULT_TEXT_INLINE_BYTES, MAX_MESSAGE_BYTES};
use homer_export::export::{MAX_HELD_BYTES, MAX_OPEN_EXCHANGES};
use homer_export::homer::response::MAX_ERROR_BODY;
use homer_export::homer::search::MAX_RESPONSE;
use homer_export::homer::v11;
use homer_export::pcap::MAX_CAPTURED_LEN;
use homer_export::query::{MAX_CALL_IDS, MAX_FILTERS, MAX_PROFILES};
use homer_export::report::{MAX_FINDINGS, MAX_FINDINGS_OF_A_KIND};
use homer_export::search::{MAX_CALLS, MAX_REQUESTS, MAX_TEXT};
use homer_export::transport::{BETWEEN_BYTES_TIMEOUT_MS, CONNECT_TIMEOUT_MS};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

#[test]
fn documentation_of_limits_has_the_values_of_the_code() {
    let page = include_str!("../../docs/limits.md");
    let seconds = |ms: u64| ms / 1000;
    let default = |setting: &setting::Setting| setting.default_integer();
    for row in [
        format!("| Call-IDs in one request (command line and `homer-host`) | {MAX_CALL_IDS} |"),
        format!("| Length of a Call-ID | {} characters |", CallId::MAX_CHARS),
        format!("| Search profiles in one request | {MAX_PROFILES} |"),
        format!(
            "| Nodes in one request, and excluded IP addresses in one request | {MAX_FILTERS} each |"
        ),
        format!(
            "| Length of the time window | {} hours; `HOMER_MAX_WINDOW_HOURS` |",
            default(&setting::MAX_WINDOW_HOURS)
        ),
        format!(
            "| Wait for a connection, including name lookup and TLS | {} s |",
            seconds(CONNECT_TIMEOUT_MS)
        ),
        format!(
            "| Wait for the first byte of a response | {} s; `HOMER_TIMEOUT_MS` |",
            seconds(default(&setting::TIMEOUT_MS))
        ),
        format!(
            "| Pause within a response | {} s |",
            seconds(BETWEEN_BYTES_TIMEOUT_MS)
        ),
        format!(
            "| Duration of an export, including its wait in the queue | {} s; \
             `HOMER_EXPORT_DEADLINE_MS` |",
            seconds(default(&setting::EXPORT_DEADLINE_MS))
        ),
        format!(
            "| Concurrent exports in one program, and their requests | {}; `HOMER_MAX_CONCURRENT`;",
            default(&setting::MAX_CONCURRENT)
        ),
        format!("| Concurrent requests of one export | {MAX_OPEN_EXCHANGES}, and 1 once"),
        format!(
            "| Captures of all profiles but the first one with packets | {} MiB together |",
            MAX_HELD_BYTES as u64 / MIB
        ),
        format!(
            "| Size of a capture in the two programs | {} GiB; `HOMER_EXPORT_MAX_BYTES` |",
            default(&setting::EXPORT_MAX_BYTES) / KIB / MIB
        ),
        format!(
            "| Size of a capture returned by `export-pcap` | {} MiB; `HOMER_MAX_BYTES` |",
            default(&setting::MAX_BYTES) / MIB
        ),
        format!(
            "| Length of a packet record | {} MiB |",
            u64::from(MAX_CAPTURED_LEN) / MIB
        ),
        format!(
            "| Text of an error response that is read, and that is quoted | {} KiB, 200 characters |",
            MAX_ERROR_BODY as u64 / KIB
        ),
        format!("| Requests to Homer, without a login | {MAX_REQUESTS} |"),
        format!(
            "| Calls in a result | {},{:03} |",
            MAX_CALLS / 1000,
            MAX_CALLS % 1000
        ),
        format!("| Text in a condition of the filter | {MAX_TEXT} characters |"),
        format!(
            "| Response of Homer | {} MiB, and 12 MiB together |",
            MAX_RESPONSE as u64 / MIB
        ),
        format!("| Findings | {MAX_FINDINGS}, and {MAX_FINDINGS_OF_A_KIND} with the same code |"),
        format!(
            "| Capture that `auto` embeds in a result | {} KiB; `HOMER_MAX_INLINE_BYTES` |",
            default(&setting::MAX_INLINE_BYTES) / KIB
        ),
        format!(
            "| Capture in any message | {} MiB; `HOMER_MAX_READ_BYTES` |",
            MAX_MESSAGE_BYTES / MIB
        ),
        format!(
            "up to {} KiB (`HOMER_MAX_INLINE_BYTES`",
            DEFAULT_TEXT_INLINE_BYTES / KIB
        ),
        format!(
            "at most {},{:03} rows",
            v11::MAX_ROWS / 1000,
            v11::MAX_ROWS % 1000
        ),
    ] {
        assert!(page.contains(&row), "docs/limits.md does not say: {row}");
    }
}
