//! The findings of a report: the first ones in full, the others as a number.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};

/// Most findings in a report, inclusive.
pub const MAX_FINDINGS: usize = 100;

/// Most findings with the same code in a report, inclusive. A device that omits a header field
/// omits it in every message, and would otherwise displace all other findings.
pub const MAX_FINDINGS_OF_A_KIND: usize = 20;

/// Findings in the order of packets.
#[derive(Clone, Debug, Default)]
pub(super) struct FindingList {
    kept: Vec<(u64, Option<u32>, Rule)>,
    elided: u64,
    /// Codes of the findings since the last call of [`Self::take_latest`], each once.
    latest: Vec<&'static str>,
}

impl FindingList {
    /// Adds a finding at its place by packet number.
    pub(super) fn push(&mut self, packet: u64, offset: Option<usize>, rule: Rule) {
        if !self.latest.contains(&rule.code()) {
            self.latest.push(rule.code());
        }
        let same_code = self
            .kept
            .iter()
            .filter(|(.., other)| other.code() == rule.code())
            .count();
        if same_code >= MAX_FINDINGS_OF_A_KIND {
            self.elided += 1;
            return;
        }
        // Offsets stay below the size of a packet record, which is 32 bits.
        let offset = offset.and_then(|offset| u32::try_from(offset).ok());
        // Nearly always at the end: only unmatched responses are known late. (Sorting once at the
        // end instead would add 10 KB of sort routines to the component.)
        let at = self
            .kept
            .partition_point(|(earlier, ..)| *earlier <= packet);
        self.kept.insert(at, (packet, offset, rule));
        // The last one goes: early packets are more likely to show the cause.
        if self.kept.len() > MAX_FINDINGS {
            self.kept.pop();
            self.elided += 1;
        }
    }

    /// The codes of the findings since the last call, whether or not they are kept.
    pub(super) fn take_latest(&mut self) -> Vec<&'static str> {
        core::mem::take(&mut self.latest)
    }

    /// The findings, and the number of omitted ones.
    pub(super) fn finish(self) -> (Vec<Finding>, u64) {
        let findings = self.kept.iter().map(|(packet, offset, rule)| Finding {
            packet: *packet,
            offset: *offset,
            code: rule.code().to_string(),
            text: rule.text(),
            rule: rule.reference().to_string(),
        });
        (findings.collect(), self.elided)
    }
}
