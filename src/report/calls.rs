//! The calls in a capture: those that were requested, and others that Homer correlates with them
//! (docs/homer.md §5).

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::call::Call;
use super::capture_report::{CallVerdict, CaptureReport};
use super::causes::{causes, causes_without_call};
use super::hash::hash;
use super::outcome::Verdict;
use super::printable::printable;
use crate::query::{CallId, Window};

/// Calls that are kept; beyond that, only requested ones.
const MAX_CALLS: usize = 256;

/// Bytes kept of a Call-ID: those of the longest that can be requested.
const MAX_CALL_ID: usize = 4 * CallId::MAX_CHARS;

/// The calls of a capture, in order of appearance.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    requested: Vec<CallId>,
    /// None if nobody asks what is missing.
    window: Option<Window>,
    calls: Vec<Call>,
    /// Hashes of the Call-IDs, with indexes into `calls`.
    index: HashTable<(u64, u32)>,
    /// Whether a call was left out.
    pub(super) overflowed: bool,
}

impl Calls {
    /// No calls yet, in the capture of these that were requested in this window.
    pub(super) fn new(requested: &[CallId], window: Option<Window>) -> Self {
        Self {
            requested: requested.to_vec(),
            window,
            calls: Vec::new(),
            index: HashTable::new(),
            overflowed: false,
        }
    }

    /// The calls in order of appearance.
    pub(super) fn as_slice(&self) -> &[Call] {
        &self.calls
    }

    /// The call with this index.
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Call> {
        self.calls.get_mut(index as usize)
    }

    /// The index of the call with this Call-ID, which is added if it is new. None if there is no
    /// room for it.
    pub(super) fn index_of(&mut self, id: &[u8]) -> Option<u32> {
        // A Call-ID may be as long as a packet. What cannot be requested need not be kept whole.
        let id = &id[..id.len().min(MAX_CALL_ID)];
        let key = hash(id);
        if let Some((_, at)) = self.index.find(key, |(known, _)| *known == key) {
            // Someone may have made two Call-IDs with the same hash. They are not mixed up: the
            // second one is left out.
            let is_same = self
                .calls
                .get(*at as usize)
                .is_some_and(|call| call.id == id);
            self.overflowed |= !is_same;
            return is_same.then_some(*at);
        }
        // Requested calls always have room, even if 256 correlated ones came first.
        if self.calls.len() >= MAX_CALLS && !self.is_requested(id) {
            self.overflowed = true;
            return None;
        }
        let at = self.calls.len() as u32;
        self.calls.push(Call::new(id, self.is_requested(id)));
        self.index.insert_unique(key, (key, at), |(key, _)| *key);
        Some(at)
    }

    /// Writes the Call-IDs, the outcome, and what is missing into the report.
    /// `two_agents`: whether two capture agents saw every message. `not_sip`: the first packets in
    /// a profile of SIP that are something else.
    pub(super) fn report(&self, report: &mut CaptureReport, two_agents: bool, not_sip: &[u64]) {
        for call in &self.calls {
            let id = printable(&call.id);
            if !self.is_requested(&call.id) {
                report.other_call_ids.push(id.clone());
            }
            report.call_ids.push(id);
        }
        let last_us = report.last_packet_us.unwrap_or_default();
        // With one requested call, its Call-ID need not be repeated in every reason.
        let several = self.requested.len() > 1;
        for requested in &self.requested {
            let Some(call) = self.find(requested) else {
                report.missing_call_ids.push(requested.as_str().to_string());
                continue;
            };
            let leg = call.leg();
            let window = self.window.as_ref();
            let missing = window.and_then(|window| Call::missing_part(&leg, window));
            if let Some(missing) = missing {
                report.incomplete_reasons.push(match several {
                    true => format!("{missing} (Call-ID {})", requested.as_str()),
                    false => missing,
                });
            }
            // Of several calls, the first one with a final response.
            if report.final_status.is_none() {
                Call::report_outcome(&leg, report);
            }
            // They name no call, so that they are mentioned once.
            let is_first = report.outcome.is_none();
            let not_sip_of_call = if is_first { not_sip } else { &[] };
            let verdict = Verdict::of(leg, two_agents);
            let verdict = CallVerdict {
                call_id: requested.as_str().to_string(),
                outcome: verdict.outcome.code().to_string(),
                outcome_text: verdict.text(),
                final_status: verdict.leg.decision.map(|(_, response)| response.status),
                causes: causes(&verdict, &call.faults, not_sip_of_call, last_us),
            };
            if is_first {
                report.outcome = Some(verdict.outcome.clone());
                report.outcome_text = Some(verdict.outcome_text.clone());
                report.causes.clone_from(&verdict.causes);
            }
            if several {
                report.verdicts.push(verdict);
            }
        }
        if report.outcome.is_none() {
            report.causes = causes_without_call(not_sip);
        }
        if !report.missing_call_ids.is_empty() {
            let (missing, requested) = (report.missing_call_ids.len(), self.requested.len());
            report.incomplete_reasons.push(format!(
                "call-id-missing: the capture has no SIP message with {missing} of the {requested} \
                 requested Call-IDs"
            ));
        }
    }

    fn is_requested(&self, id: &[u8]) -> bool {
        self.requested
            .iter()
            .any(|requested| requested.as_str().as_bytes() == id)
    }

    /// The call with a requested Call-ID.
    fn find(&self, requested: &CallId) -> Option<&Call> {
        let id = requested.as_str().as_bytes();
        let key = hash(id);
        let (_, at) = self.index.find(key, |(known, _)| *known == key)?;
        self.calls.get(*at as usize).filter(|call| call.id == id)
    }
}
