//! RTCP reports as capture agents store them in Homer: a JSON object for each RTCP packet.
//!
//! heplify, captagent, rtpengine and reSIProcate write the same keys. The values are those of the
//! fields in RFC 3550 §6.4 and RFC 3611 §4.7. Agents written in Go write 0 for what the RTCP packet
//! did not have, so that a 0 counts as absent wherever the RFCs give it no meaning.

use alloc::vec::Vec;

use serde_json::Value;

/// Longest JSON that is read, in bytes, inclusive. A packet has at most 31 report blocks
/// (RFC 3550 §6.4.1), of some 150 bytes as JSON.
const MAX_JSON_BYTES: usize = 8 * 1024;

/// Block type of VoIP metrics (RFC 3611 §4.7).
const VOIP_METRICS: u8 = 7;

/// The parts of an RTCP packet that say something about quality.
///
/// They are read from a [`Value`], since deserializers derived for these structs would make the
/// component larger by a quarter.
#[derive(Debug, Default)]
pub(crate) struct Rtcp {
    /// The synchronization source that sent the packet.
    pub(crate) ssrc: Option<u32>,
    sender: Option<SenderInformation>,
    blocks: Vec<ReportBlock>,
    voip_metrics: Option<VoipMetrics>,
}

/// What the sender of a stream says about it (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderInformation {
    ntp_timestamp_sec: u32,
    /// The lower half of the timestamp, whatever its name says: units of 2^-32 s.
    ntp_timestamp_usec: u32,
    /// Number of RTP packets sent so far.
    pub(crate) packets: Option<u32>,
}

/// What a receiver says about a stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReportBlock {
    /// The synchronization source of the stream.
    pub(crate) source_ssrc: Option<u32>,
    /// Packets lost since the report before, in units of 1/256 of those expected.
    pub(crate) fraction_lost: Option<u8>,
    packets_lost: Option<u32>,
    /// Interarrival jitter in units of the RTP timestamp.
    pub(crate) jitter: Option<u32>,
    lsr: u32,
    dlsr: u32,
}

/// What a receiver measured of a stream (RFC 3611 §4.7).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VoipMetrics {
    /// The synchronization source of the stream.
    pub(crate) source_ssrc: Option<u32>,
    round_trip_delay: u32,
    mos_lq: Option<u8>,
    mos_cq: Option<u8>,
}

impl Rtcp {
    /// Reads the JSON of an RTCP packet. None if it is malformed, has another form, or is too long.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        if json.len() > MAX_JSON_BYTES {
            return None;
        }
        let packet: Value = serde_json::from_slice(json).ok()?;
        let mut rtcp = Self {
            ssrc: number(&packet, "ssrc")?,
            ..Self::default()
        };
        if let Some(sender) = member(&packet, "sender_information") {
            let sender = SenderInformation::read(sender)?;
            let is_sent = sender.ntp_timestamp_sec != 0 || sender.packets.unwrap_or_default() != 0;
            rtcp.sender = is_sent.then_some(sender);
        }
        if let Some(blocks) = member(&packet, "report_blocks") {
            for block in blocks.as_array()? {
                rtcp.blocks.push(ReportBlock::read(block)?);
            }
        }
        let metrics = member(&packet, "report_blocks_xr")
            .or_else(|| member(&packet, "extended_report_information"));
        if let Some(metrics) = metrics {
            rtcp.voip_metrics = VoipMetrics::read(metrics)?;
        }
        Some(rtcp)
    }

    /// The sender's own report, if the packet has one.
    pub(crate) fn sender(&self) -> Option<&SenderInformation> {
        self.sender.as_ref()
    }

    /// The reports on streams that the sender of the packet receives.
    pub(crate) fn blocks(&self) -> &[ReportBlock] {
        &self.blocks
    }

    /// The measurements of a stream that the sender of the packet receives.
    pub(crate) fn voip_metrics(&self) -> Option<&VoipMetrics> {
        self.voip_metrics.as_ref()
    }
}

/// A member of an object; None if it is null or missing.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member of an object that is a number. The outer option is None if it is something else, or a
/// number that the field of the RTCP packet cannot hold.
fn number<T: TryFrom<i64>>(object: &Value, name: &str) -> Option<Option<T>> {
    match member(object, name) {
        None => Some(None),
        Some(value) => T::try_from(value.as_i64()?).ok().map(Some),
    }
}

impl SenderInformation {
    fn read(object: &Value) -> Option<Self> {
        Some(Self {
            ntp_timestamp_sec: number(object, "ntp_timestamp_sec")?.unwrap_or_default(),
            ntp_timestamp_usec: number(object, "ntp_timestamp_usec")?.unwrap_or_default(),
            packets: number(object, "packets")?,
        })
    }

    /// The middle 32 bits of the NTP timestamp, by which a report block names this report.
    pub(crate) fn middle_of_ntp(&self) -> u32 {
        (self.ntp_timestamp_sec << 16) | (self.ntp_timestamp_usec >> 16)
    }
}

impl ReportBlock {
    fn read(object: &Value) -> Option<Self> {
        // A signed number of 24 bits, which some agents write without its sign.
        let lost: Option<i64> = number(object, "packets_lost")?;
        let lost = lost.filter(|lost| *lost < 0x80_0000);
        Some(Self {
            source_ssrc: number(object, "source_ssrc")?,
            fraction_lost: number(object, "fraction_lost")?,
            packets_lost: lost.and_then(|lost| lost.try_into().ok()),
            jitter: number(object, "ia_jitter")?,
            lsr: number(object, "lsr")?.unwrap_or_default(),
            dlsr: number(object, "dlsr")?.unwrap_or_default(),
        })
    }

    /// Number of packets lost so far. None if it is negative, as it is if packets arrived twice.
    pub(crate) fn packets_lost(&self) -> Option<u32> {
        self.packets_lost
    }

    /// The last sender report that the receiver got ([`SenderInformation::middle_of_ntp`]), and the
    /// microseconds from it to this report. None if it got none.
    pub(crate) fn last_sender_report(&self) -> Option<(u32, u64)> {
        // The delay has units of 2^-16 s.
        let delay_us = (u64::from(self.dlsr) * 1_000_000) >> 16;
        (self.lsr != 0).then_some((self.lsr, delay_us))
    }
}

impl VoipMetrics {
    /// Reads an extended report. The inner option is None if it has no VoIP metrics.
    fn read(object: &Value) -> Option<Option<Self>> {
        let kind: Option<u8> = number(object, "type")?;
        if kind != Some(VOIP_METRICS) {
            return Some(None);
        }
        let source_ssrc: Option<u32> = number(object, "id")?;
        Some(Some(Self {
            source_ssrc: source_ssrc.or(number(object, "identifier")?),
            round_trip_delay: number(object, "round_trip_delay")?.unwrap_or_default(),
            mos_lq: number(object, "MOS_LQ")?,
            mos_cq: number(object, "MOS_CQ")?,
        }))
    }

    /// Round trip between the two ends of the stream, in milliseconds.
    pub(crate) fn round_trip_ms(&self) -> Option<u32> {
        (self.round_trip_delay != 0).then_some(self.round_trip_delay)
    }

    /// The mean opinion score in tenths, 10 to 50: of the conversation, or else of listening.
    pub(crate) fn mos_tenths(&self) -> Option<u8> {
        // 127 stands for "not available".
        let valid = |mos: Option<u8>| mos.filter(|mos| (10..=50).contains(mos));
        valid(self.mos_cq).or(valid(self.mos_lq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtcp_of_heplify_has_only_what_the_packet_had() {
        // As heplify writes a receiver report: sender and extended report are zeros.
        let json = br#"{"sender_information":{"ntp_timestamp_sec":0,"ntp_timestamp_usec":0,
            "rtp_timestamp":0,"packets":0,"octets":0},"ssrc":7,"type":202,"report_count":1,
            "report_blocks":[{"source_ssrc":9,"fraction_lost":64,"packets_lost":16777215,
            "highest_seq_no":1,"ia_jitter":80,"lsr":0,"dlsr":0}],"report_blocks_xr":{"type":0,
            "id":0,"fraction_lost":0,"round_trip_delay":0},"sdes_ssrc":7}"#;
        let rtcp = Rtcp::parse(json).unwrap_or_default();
        assert_eq!(rtcp.ssrc, Some(7));
        assert!(rtcp.sender().is_none() && rtcp.voip_metrics().is_none());
        let block = rtcp.blocks().first().copied().unwrap_or_default();
        assert_eq!(
            (block.source_ssrc, block.fraction_lost),
            (Some(9), Some(64))
        );
        // 2^24 - 1 is -1: a packet arrived twice.
        assert_eq!(
            (block.packets_lost(), block.last_sender_report()),
            (None, None)
        );
    }

    #[test]
    fn rtcp_of_captagent_has_the_measured_score() {
        let json = br#"{"ssrc":7,"type":207,"extended_report_information":{"type":7,
            "identifier":9,"round_trip_delay":120,"MOS_LQ":41,"MOS_CQ":127}}"#;
        let rtcp = Rtcp::parse(json).unwrap_or_default();
        let metrics = rtcp.voip_metrics().copied().unwrap_or_default();
        assert_eq!(metrics.source_ssrc, Some(9));
        assert_eq!(
            (metrics.round_trip_ms(), metrics.mos_tenths()),
            (Some(120), Some(41))
        );
    }

    #[test]
    fn rtcp_that_is_malformed_or_too_long_is_not_read() {
        for json in [
            "",
            "{\"report_blocks\":",
            "{\"report_blocks\":7}",
            "{\"report_blocks\":[{\"fraction_lost\":256}]}",
            "{\"ssrc\":-1}",
        ] {
            assert!(Rtcp::parse(json.as_bytes()).is_none(), "{json}");
        }
        let of_len = |len: usize| alloc::format!("{{}}{}", " ".repeat(len - 2));
        assert!(Rtcp::parse(of_len(MAX_JSON_BYTES).as_bytes()).is_some());
        assert!(Rtcp::parse(of_len(MAX_JSON_BYTES + 1).as_bytes()).is_none());
    }
}
