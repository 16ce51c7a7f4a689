//! The parts of a window that could not be searched.

use alloc::string::String;
use alloc::vec::Vec;

use super::UnsearchedPart;

/// Adds a part, or extends the last one if it ends here for the same reason.
pub(super) fn note(parts: &mut Vec<UnsearchedPart>, from_s: i64, to_s: i64, why: String) {
    let (from_ts, to_ts) = (from_s.saturating_mul(1000), to_s.saturating_mul(1000));
    if let Some(last) = parts.last_mut()
        && last.to_ts == from_ts
        && last.why == why
    {
        last.to_ts = to_ts;
        return;
    }
    parts.push(UnsearchedPart {
        from_ts,
        to_ts,
        why,
    });
}

/// The parts in the order of time, with those joined that overlap for the same reason.
pub(super) fn merged(mut parts: Vec<UnsearchedPart>) -> Vec<UnsearchedPart> {
    parts.sort_by_key(|part| (part.from_ts, part.to_ts));
    let mut merged: Vec<UnsearchedPart> = Vec::new();
    for part in parts {
        match merged.iter_mut().rfind(|last| last.why == part.why) {
            Some(last) if part.from_ts <= last.to_ts => last.to_ts = last.to_ts.max(part.to_ts),
            _ => merged.push(part),
        }
    }
    merged
}
