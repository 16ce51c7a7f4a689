//! What a capture holds: `homer:capture/types.capture-report`, and its JSON (the same names in
//! snake_case).

mod analyzer;
mod call;
mod json;
mod ladder;
mod repeats;
mod transactions;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use twox_hash::XxHash64;

use crate::finding::{Finding, Rule};
use crate::homer::Api;
use crate::homer::v11::MAX_ROWS;
use crate::pcap::Stats;
use crate::query::{CallId, Timestamp};
use crate::text::quoted;

pub use analyzer::Analyzer;
pub use json::MAX_JSON;
pub use ladder::LadderEntry;

/// Findings in a report, inclusive.
pub const MAX_FINDINGS: usize = 100;

/// Findings with one code, inclusive: a device that leaves something out does so in every message.
pub const MAX_FINDINGS_OF_A_KIND: usize = 20;

/// Bytes of a method or transport that are remembered.
const MAX_NAME: usize = 32;

/// What a capture file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Bytes of the capture file.
    pub size_bytes: u64,
    /// Packet records.
    pub packets: u64,
    /// Those that are SIP messages.
    pub sip_messages: u64,
    /// The others.
    pub other_packets: u64,
    /// What the others are: RTCP as JSON, log lines, and so on.
    pub others: Vec<Count>,
    /// Packet records dated 1970: Homer had no capture time for them.
    pub undated_packets: u64,
    /// Earliest time of the other packets, Unix time in microseconds.
    pub first_packet_us: Option<u64>,
    /// Latest time of the other packets, Unix time in microseconds.
    pub last_packet_us: Option<u64>,
    /// The search profile that answered.
    pub profile: String,
    /// The generation of Homer's API that answered.
    pub api: u8,
    /// Call-IDs of the SIP messages, in the order in which they appear: those asked for, and others
    /// up to 256.
    pub call_ids: Vec<String>,
    /// Call-IDs that were asked for, and that no packet carries.
    pub missing_call_ids: Vec<String>,
    /// Those of `call_ids` that were not asked for: Homer correlates.
    pub other_call_ids: Vec<String>,
    /// Texts about the capture as a whole.
    pub warnings: Vec<String>,
    /// Addresses with ports that messages ran between, in the order in which they appear, at most
    /// 32.
    pub participants: Vec<String>,
    /// Transports that the topmost Via fields name. The transport as captured is not in the file:
    /// Homer writes all as UDP.
    pub transports: Vec<String>,
    /// Requests by method, in the order in which they appear.
    pub requests: Vec<Count>,
    /// Responses by status, in the order in which they appear.
    pub responses: Vec<Count>,
    /// Messages that were sent again: the same bytes between the same addresses.
    pub retransmissions: u64,
    /// Messages that came again too soon for that: captured by two agents.
    pub duplicates: u64,
    /// Status of the final answer to the first request of the first call, of those asked for, that
    /// has one; a 2xx on any hop before a refusal, and what came of a challenge, a redirection or
    /// another refusal before those.
    pub final_status: Option<u16>,
    /// Microseconds from the call's first request to the first 18x.
    pub ringing_after_us: Option<u64>,
    /// Microseconds from the call's first request to that final answer.
    pub final_after_us: Option<u64>,
    /// Whether the capture has all of the calls that were asked for: first request, final answer,
    /// and for an answered INVITE a BYE with its answer.
    pub complete: bool,
    /// Why not: a code, a colon, a sentence. Empty if complete.
    pub incomplete_reasons: Vec<String>,
    /// `BYE`, `CANCEL`, or the status that refused the INVITE; none if the call has not ended, or
    /// is no INVITE.
    pub ended_with: Option<String>,
    /// The address that sent it; none if the file does not say.
    pub ended_by: Option<String>,
    /// Whether the capture has more than a report keeps track of, so that counts of
    /// retransmissions, requests, responses, and lists of calls and addresses, are lower bounds.
    pub counts_truncated: bool,
    /// One entry per SIP message: the first 100 and the last 100.
    pub ladder: Vec<LadderEntry>,
    /// Messages left out in the middle of `ladder`.
    pub ladder_elided: u64,
    /// What is odd, in the order of packets, at most 100, and 20 with one code.
    pub findings: Vec<Finding>,
    /// Findings beyond those in `findings`.
    pub findings_elided: u64,
}

/// How many there are of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of what.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl CaptureReport {
    /// Of a file whose packets have not been looked into.
    pub fn without_analysis(stats: &Stats, profile: &str, api: Api) -> Self {
        let mut report = Self::of_file(stats, profile, api);
        report.incomplete_reasons.push(
            "not-examined: the packets were not looked into, since HOMER_REPORT is off; all counts but those of bytes and \
             packets are 0"
                .to_string(),
        );
        report
    }

    /// With what the scan has counted alone.
    fn of_file(stats: &Stats, profile: &str, api: Api) -> Self {
        let mut warnings = Vec::new();
        if stats.undated_packets > 0 {
            warnings.push(format!(
                "{} of {} packets are dated 1970: Homer had no capture time for them",
                stats.undated_packets, stats.packets
            ));
        }
        if api == Api::V11 && stats.packets >= MAX_ROWS {
            warnings.push(format!(
                "HOMER 11 puts at most {MAX_ROWS} rows into a capture and does not say when it leaves some out; this one has {} \
                 packets, so that some are probably missing: narrow the window",
                stats.packets
            ));
        }
        Self {
            size_bytes: stats.size_bytes,
            packets: stats.packets,
            undated_packets: stats.undated_packets,
            first_packet_us: stats.first_packet_us,
            last_packet_us: stats.last_packet_us,
            profile: profile.to_string(),
            api: api.number(),
            warnings,
            ..Self::default()
        }
    }

    /// One line for a person: `7 packets in 3311 bytes, 2026-11-20T10:00:00Z to …, from profile
    /// 1_call; 7 SIP messages, …`.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} in {} bytes",
            counted(self.packets, "packet"),
            self.size_bytes
        );
        if let (Some(first), Some(last)) = (self.first_packet_us, self.last_packet_us) {
            text.push_str(&format!(
                ", {} to {}",
                Timestamp::of_packet(first),
                Timestamp::of_packet(last)
            ));
        }
        text.push_str(&format!(", from profile {}", self.profile));
        if self.sip_messages > 0 {
            text.push_str(&format!(
                "; {}: {}",
                counted(self.sip_messages, "SIP message"),
                self.outcome()
            ));
        }
        if self.other_packets > 0 {
            let kinds: Vec<String> = self
                .others
                .iter()
                .map(|kind| format!("{} {}", kind.count, kind.name))
                .collect();
            text.push_str(&format!(
                "; {}: {}",
                counted(self.other_packets, "other packet"),
                kinds.join(", ")
            ));
        }
        if !self.other_call_ids.is_empty() {
            text.push_str(&format!("; also of {}", listed(&self.other_call_ids)));
        }
        for because in &self.incomplete_reasons {
            let code = because.split(':').next().unwrap_or_default();
            text.push_str(&format!("; incomplete, {code}"));
        }
        match self.findings.len() as u64 + self.findings_elided {
            0 if self.sip_messages > 0 => text.push_str("; nothing odd found"),
            0 => {}
            findings => text.push_str(&format!("; {}", counted(findings, "finding"))),
        }
        if !self.missing_call_ids.is_empty() {
            text.push_str(&format!("; nothing of {}", listed(&self.missing_call_ids)));
        }
        for warning in &self.warnings {
            text.push_str(&format!("; {warning}"));
        }
        text
    }

    /// How the call went: `final status 200 after 4.250 s, ended with BYE from 192.0.2.10:5060`.
    pub fn outcome(&self) -> String {
        let mut text = match (self.final_status, self.final_after_us) {
            (None, _) => "no final status".to_string(),
            (Some(status), None) => format!("final status {status}"),
            (Some(status), Some(after)) => {
                format!("final status {status} after {}", seconds(after))
            }
        };
        if let Some(ringing) = self.ringing_after_us {
            text.push_str(&format!(" (ringing after {})", seconds(ringing)));
        }
        if let Some(with) = &self.ended_with {
            text.push_str(&format!(", ended with {with}"));
        }
        if let Some(by) = &self.ended_by {
            text.push_str(&format!(" from {by}"));
        }
        text
    }
}

/// What is odd, in the order of packets: the first of it, and how much there was.
#[derive(Clone, Debug, Default)]
struct Findings {
    kept: Vec<(u64, Option<u32>, Rule)>,
    elided: u64,
}

impl Findings {
    fn push(&mut self, packet: u64, offset: Option<usize>, flaw: Rule) {
        let alike = self
            .kept
            .iter()
            .filter(|(.., other)| other.code() == flaw.code())
            .count();
        if alike >= MAX_FINDINGS_OF_A_KIND {
            self.elided += 1;
            return;
        }
        let offset = offset.and_then(|offset| u32::try_from(offset).ok());
        // Nearly always at the end. (A sort at the end would bring 10 KB into the component.)
        let at = self
            .kept
            .partition_point(|(earlier, ..)| *earlier <= packet);
        self.kept.insert(at, (packet, offset, flaw));
        if self.kept.len() > MAX_FINDINGS {
            self.kept.pop();
            self.elided += 1;
        }
    }

    fn finish(self) -> (Vec<Finding>, u64) {
        let findings = self.kept.iter().map(|(packet, offset, flaw)| Finding {
            packet: *packet,
            offset: *offset,
            code: flaw.code().to_string(),
            text: flaw.text(),
            rule: flaw.rule().to_string(),
        });
        (findings.collect(), self.elided)
    }
}

/// Microseconds as seconds with three digits behind the point.
fn seconds(us: u64) -> String {
    format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1000)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The first Call-IDs for a sentence.
fn listed(call_ids: &[String]) -> String {
    const FEW: usize = 5;
    let first: Vec<String> = call_ids
        .iter()
        .take(FEW)
        .map(|id| quoted(id, CallId::MAX_CHARS))
        .collect();
    match call_ids.len().saturating_sub(FEW) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// Captured bytes as text: control characters and what is not UTF-8 replaced by U+FFFD.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        }));
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}
