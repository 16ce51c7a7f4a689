//! The final status of a call, from the rows of its responses.

use alloc::vec::Vec;

use crate::homer::search::Row;

/// The smallest and largest final status code, inclusive (RFC 3261 §7.2).
pub(super) const FINAL: core::ops::RangeInclusive<u16> = 200..=699;

/// How long a call may ring, in seconds: longer than Timer C of RFC 3261 §16.6, which is above
/// three minutes. Its final response is looked for in this time after its request.
pub(super) const RINGING_S: i64 = 300;

/// The status of the final response to the request that begins a call, or `None` if no row is one.
///
/// `request` is that request, and `rows` are rows of the same call. A 2xx takes precedence over the
/// rejection of another fork. Of the other responses, the last one to the sender of the request
/// counts, because it answers the last attempt; a challenge (401, 407) counts only if nothing else
/// is there.
pub(super) fn final_status(request: &Row, rows: &[&Row]) -> Option<u16> {
    let mut finals: Vec<(&Row, u16)> = rows
        .iter()
        .filter(|row| answers(row, &request.method))
        .filter_map(|row| Some((*row, row.status().filter(|code| FINAL.contains(code))?)))
        .collect();
    finals.sort_by_key(|(row, _)| row.time_ms());
    let success = finals.iter().find(|(_, code)| code / 100 == 2);
    if let Some((_, code)) = success {
        return Some(*code);
    }
    let to_sender = |(row, _): &&(&Row, u16)| row.destination_ip == request.source_ip;
    let is_challenge = |code: u16| matches!(code, 401 | 407);
    let last = |mut codes: Vec<u16>| {
        let rejection = codes.iter().rfind(|code| !is_challenge(**code)).copied();
        rejection.or_else(|| codes.pop())
    };
    let own: Vec<u16> = finals.iter().filter(to_sender).map(|(_, c)| *c).collect();
    last(own).or_else(|| last(finals.iter().map(|(_, code)| *code).collect()))
}

/// Whether a response answers a request with this method, as its CSeq says.
fn answers(row: &Row, method: &str) -> bool {
    // A row without CSeq is malformed; the call may be looked for because of that.
    let in_cseq = row.cseq.split_ascii_whitespace().next_back();
    in_cseq.is_none_or(|in_cseq| in_cseq == method)
}
