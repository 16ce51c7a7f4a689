//! What a capture holds: `homer:capture/types.capture-report`, and its JSON (the same names in snake_case).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use crate::homer::Api;
use crate::homer::v11::MAX_ROWS;
use crate::pcap::Tally;
use crate::query::{CallId, Utc, quoted};

/// What a capture file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// Bytes of the capture file.
    pub size_bytes: u64,
    /// Packet records.
    pub packets: u64,
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
    /// Call-IDs that were asked for, and that no packet carries.
    pub missing_call_ids: Vec<String>,
    /// Texts about the capture as a whole.
    pub warnings: Vec<String>,
}

impl CaptureReport {
    /// From a scan's count, the profile that answered, and the API's generation.
    pub fn new(tally: Tally, profile: &str, api: Api) -> Self {
        let mut warnings = Vec::new();
        if tally.undated_packets > 0 {
            warnings.push(format!(
                "{} of {} packets are dated 1970: Homer had no capture time for them",
                tally.undated_packets, tally.packets
            ));
        }
        if api == Api::V11 && tally.packets >= MAX_ROWS {
            warnings.push(format!(
                "HOMER 11 puts at most {MAX_ROWS} rows into a capture and does not say when it leaves some out; this one has {} \
                 packets, so that some are probably missing: narrow the window",
                tally.packets
            ));
        }
        Self {
            size_bytes: tally.size_bytes,
            packets: tally.packets,
            undated_packets: tally.undated_packets,
            first_packet_us: tally.first_packet_us,
            last_packet_us: tally.last_packet_us,
            profile: profile.to_string(),
            api: api.number(),
            missing_call_ids: Vec::new(),
            warnings,
        }
    }

    /// One line for a person: `7 packets in 3311 bytes, 2026-11-20T10:00:00Z to …, from profile 1_call`.
    pub fn summary(&self) -> String {
        let noun = if self.packets == 1 { "packet" } else { "packets" };
        let mut text = format!("{} {noun} in {} bytes", self.packets, self.size_bytes);
        if let (Some(first), Some(last)) = (self.first_packet_us, self.last_packet_us) {
            text.push_str(&format!(", {} to {}", utc(first), utc(last)));
        }
        text.push_str(&format!(", from profile {}", self.profile));
        if !self.missing_call_ids.is_empty() {
            let missing: Vec<String> = self.missing_call_ids.iter().map(|id| quoted(id, CallId::MAX_CHARS)).collect();
            text.push_str(&format!("; nothing of {}", missing.join(", ")));
        }
        for warning in &self.warnings {
            text.push_str(&format!("; {warning}"));
        }
        text
    }

    /// The report in JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "size_bytes": self.size_bytes,
            "packets": self.packets,
            "undated_packets": self.undated_packets,
            "first_packet_us": self.first_packet_us,
            "last_packet_us": self.last_packet_us,
            "profile": self.profile,
            "api": self.api,
            "missing_call_ids": self.missing_call_ids,
            "warnings": self.warnings,
        })
    }
}

fn utc(us: u64) -> Utc {
    Utc::from_us(i64::try_from(us).unwrap_or(i64::MAX))
}
