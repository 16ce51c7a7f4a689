//! The report's records, the only place in Rust where their fields are listed
//! (wit/homer-capture.wit).
//!
//! The doc comments of the fields are published three times: here, in the JSON Schema, and in the
//! WIT. A test compares them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::finding::Finding;
use crate::homer::Api;
use crate::homer::v11::MAX_ROWS;
use crate::pcap::Stats;
use crate::record::record;

record! {
    ($, convert_capture_report)
    /// The report on a capture file.
    ///
    /// Texts from messages have control characters, invisible ones and invalid UTF-8 replaced by
    /// U+FFFD.
    ///
    /// # Examples
    /// ```
    /// use homer_export::CaptureReport;
    ///
    /// let report = CaptureReport {
    ///     size_bytes: 1234,
    ///     packets: 3,
    ///     sip_messages: 3,
    ///     profile: "1_call".to_string(),
    ///     outcome: Some("refused".to_string()),
    ///     outcome_text: Some("404 Not Found from 192.0.2.20:5060".to_string()),
    ///     final_status: Some(404),
    ///     ended_with: Some("404".to_string()),
    ///     ended_by: Some("192.0.2.20:5060".to_string()),
    ///     ..CaptureReport::default()
    /// };
    /// assert_eq!(
    ///     report.summary(),
    ///     "refused: 404 Not Found from 192.0.2.20:5060; 3 packets in 1234 bytes, from profile \
    ///      1_call; 3 SIP messages; no protocol violations"
    /// );
    /// ```
    pub struct CaptureReport {
        /// Size of the capture file in bytes.
        pub size_bytes: u64,
        /// Number of packet records in the capture file.
        pub packets: u64,
        /// Number of packets that are SIP messages.
        pub sip_messages: u64,
        /// Number of packets that are not SIP messages.
        pub other_packets: u64,
        /// Kinds of packets that are not SIP messages, such as RTCP as JSON or log lines, with the
        /// number of each.
        pub others: Vec<Count>,
        /// Number of packets dated 1970, because Homer had no capture time for them.
        pub undated_packets: u64,
        /// Earliest capture time of all packets not dated 1970, as Unix time in microseconds;
        /// absent if there is no such packet.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub first_packet_us: Option<u64>,
        /// Latest capture time of all packets not dated 1970, as Unix time in microseconds; absent
        /// if there is no such packet.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub last_packet_us: Option<u64>,
        /// The first of Homer's search profiles that contributed packets, such as `1_call`.
        pub profile: String,
        /// Homer's search profiles that were searched, in this order, with the number of packets
        /// that each one contributed. A packet that two profiles have is in the capture once.
        pub profiles: Vec<ProfilePackets>,
        /// Version of Homer's API that returned the capture: 7 or 11.
        pub api: u8,
        /// Call-IDs of the SIP messages, in order of appearance. After the first 256, only
        /// requested ones are added.
        pub call_ids: Vec<String>,
        /// Requested Call-IDs that no SIP message has. Final once the whole capture has been read.
        pub missing_call_ids: Vec<String>,
        /// Call-IDs that appear in the capture but were not requested: Homer adds the calls that it
        /// correlates with a requested one, usually other legs of it.
        pub other_call_ids: Vec<String>,
        /// Warnings about the capture as a whole.
        pub warnings: Vec<String>,
        /// Addresses with ports that sent or received SIP messages, in order of appearance; at most
        /// 32.
        pub participants: Vec<String>,
        /// Transports that the topmost Via fields name, such as UDP, in order of appearance; at
        /// most 32. The file does not show the transport really used: Homer writes every packet as
        /// UDP.
        pub transports: Vec<String>,
        /// Number of requests for each method, in order of appearance; at most 32 methods.
        pub requests: Vec<Count>,
        /// Number of responses for each status code, in order of appearance; at most 32 codes.
        pub responses: Vec<Count>,
        /// Number of messages that were sent again: the same bytes between the same addresses, 50
        /// ms to 40 s after the copy before.
        pub retransmissions: u64,
        /// Number of messages that two capture agents saw: the same bytes between the same
        /// addresses, less than 50 ms after the copy before.
        pub duplicates: u64,
        /// How the call ended: `completed`, `answered`, `refused`, `auth-failed`, `cancelled`,
        /// `redirected`, `no-response`, `no-final-response`, `unacknowledged`, `succeeded` or
        /// `not-captured`. Taken from the first requested call that has messages; absent if there
        /// is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub outcome: Option<String>,
        /// One sentence on the outcome, to be read after its code; absent if `outcome` is.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub outcome_text: Option<String>,
        /// Why the call of `outcome` ended so, as far as its messages show it, the most likely
        /// cause first; at most 8. Empty if the call went well.
        pub causes: Vec<Cause>,
        /// How each requested call ended and why, in the order of the request, if several Call-IDs
        /// were requested; without those in `missing_call_ids`. Empty if one was requested: then
        /// `outcome`, `outcome_text`, `final_status` and `causes` say it.
        pub verdicts: Vec<CallVerdict>,
        /// Status code of the final response to the initial request, taken from the first requested
        /// call that has one; absent if there is none. The caller's own leg decides; a 2xx takes
        /// precedence over the rejection of another fork. After a challenge, redirection or other
        /// rejection, the response to the next attempt counts. Of the refreshes of a registration
        /// or subscription, the last one counts.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub final_status: Option<u16>,
        /// Microseconds from the call's first request to its first ringing response (180 to 189);
        /// absent if there is none, or if a packet is dated 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ringing_after_us: Option<u64>,
        /// Microseconds from the call's first request to the response in `final_status`; absent if
        /// there is none, or if a packet is dated 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub final_after_us: Option<u64>,
        /// Whether the capture contains every requested call from start to end: the initial
        /// request, its final response and, if an INVITE was answered, a BYE and its final
        /// response.
        pub complete: bool,
        /// Reasons why the capture is incomplete, each in the form "code: sentence"; empty if it is
        /// complete. Codes: `no-initial-request`, `no-final-response`, `no-bye`, `no-bye-response`,
        /// `call-id-missing`, `row-limit`, `not-examined`.
        pub incomplete_reasons: Vec<String>,
        /// How the call ended: `BYE`, `CANCEL`, or the status code that rejected the INVITE; absent
        /// if the capture does not show it, or if the call does not begin with an INVITE.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ended_with: Option<String>,
        /// Address and port of the participant that ended the call; absent if `ended_with` is, or
        /// if the file does not say who sent the message.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ended_by: Option<String>,
        /// Whether the capture exceeds what a report keeps track of. The counts of retransmissions,
        /// duplicates, requests and responses, and the lists of Call-IDs, participants, transports
        /// and `quality`, are then incomplete.
        pub counts_truncated: bool,
        /// SIP messages in the order of the file: the first 100 and the last 100.
        pub ladder: Vec<LadderEntry>,
        /// Number of SIP messages that are omitted in the middle of `ladder`.
        pub ladder_elided: u64,
        /// Quality of the media streams for which the capture has RTCP reports, in order of
        /// appearance; at most 32. RTP itself is not captured.
        pub quality: Vec<MediaQuality>,
        /// Broken rules of SIP, SDP, IP and pcap, in the order of the packets: at most 100, and at
        /// most 20 with the same code.
        pub findings: Vec<Finding>,
        /// Number of broken rules that are omitted from `findings`.
        pub findings_elided: u64,
    }
}

record! {
    ($, convert_call_verdict)
    /// How one of several requested calls ended, and why.
    pub struct CallVerdict {
        /// The requested Call-ID.
        pub call_id: String,
        /// How the call ended: one of the codes of `outcome` in the report.
        pub outcome: String,
        /// One sentence on the outcome, to be read after its code.
        pub outcome_text: String,
        /// Status code of the final response to the initial request, as in the report's
        /// `final_status`; absent if there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub final_status: Option<u16>,
        /// Why the call ended so, the most likely cause first; at most 8. Empty if it went well.
        pub causes: Vec<Cause>,
    }
}

record! {
    ($, convert_cause)
    /// Why a call ended as it did. docs/causes.md lists all codes.
    pub struct Cause {
        /// Code of the cause, such as `busy`. Codes never change.
        pub code: String,
        /// One sentence that says what the messages show. Text from a message is quoted.
        pub text: String,
        /// Numbers of the packet records that support the cause, at most 10.
        pub packets: Vec<u64>,
        /// `certain` if the messages prove the cause, `likely` if they fit it.
        pub certainty: String,
        /// One sentence that says what to check next, and where.
        pub next_step: String,
    }
}

record! {
    ($, convert_profile_packets)
    /// What a search profile contributed to the capture.
    pub struct ProfilePackets {
        /// Key of the profile, such as `1_call`.
        pub profile: String,
        /// Number of packet records in the capture file that come from this profile.
        pub packets: u64,
    }
}

record! {
    ($, convert_count)
    /// A number of packets of the same kind.
    pub struct Count {
        /// Name of the kind, such as `INVITE`, `200` or `RTCP as JSON`.
        pub name: String,
        /// Number of packets of this kind.
        pub count: u64,
    }
}

record! {
    ($, convert_ladder_entry)
    /// One SIP message in the ladder.
    pub struct LadderEntry {
        /// Number of the packet record, counted from 1; the first one if several hold the message.
        pub packet: u64,
        /// Number of the message among those that begin in the same packet, counted from 1; absent
        /// if the packet has one message.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub part: Option<u32>,
        /// Microseconds from the earliest packet to this one; absent if this one is dated 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub after_us: Option<u64>,
        /// Address and port of the sender; without the port if `directed` is false.
        pub source: String,
        /// Address and port of the receiver; without the port if `directed` is false.
        pub destination: String,
        /// Whether the file says which of the two addresses is the sender. It does not for messages
        /// between an IPv4 and an IPv6 address; `source` is then the IPv4 address.
        pub directed: bool,
        /// Method and URI of a request (`INVITE sip:bob@example.net`), or status code and reason
        /// phrase of a response (`180 Ringing`), cut after 160 bytes. A password and header fields
        /// in the URI are replaced by `***`. Of a malformed start line without `SIP/2.0`, only the
        /// first word is given.
        pub line: String,
        /// Sequence number and method in CSeq, such as `1 INVITE`; empty if CSeq is missing or
        /// malformed.
        pub cseq: String,
        /// Index of the message's Call-ID in `call_ids`, counted from 0; absent if the message has
        /// no Call-ID, or one that is not in that list.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub call: Option<u32>,
        /// Number of the earlier packet with the same bytes between the same addresses, if this one
        /// is a retransmission or duplicate of it; absent otherwise.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub repeats: Option<u64>,
    }
}

record! {
    ($, convert_media_quality)
    /// The quality of the RTP packets in one direction, as RTCP reports state it. What they do not
    /// state is absent.
    pub struct MediaQuality {
        /// Address and RTCP port of the sender of the RTP packets.
        pub source: String,
        /// Address and RTCP port of their receiver, which reports on them.
        pub destination: String,
        /// Synchronization source of the RTP packets.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ssrc: Option<u32>,
        /// Number of the receiver's reports in the capture.
        pub reports: u64,
        /// Number of RTP packets sent, according to the sender.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub packets_sent: Option<u64>,
        /// Number of RTP packets lost, according to the receiver.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub packets_lost: Option<u64>,
        /// Percentage of packets lost between the last report and the one before.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub loss_percent: Option<f64>,
        /// Percentage of packets lost between two reports, the highest of the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_loss_percent: Option<f64>,
        /// Interarrival jitter in the last report, in units of the RTP timestamp: for most
        /// telephony codecs, 8 units are 1 ms.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub jitter: Option<u32>,
        /// The highest interarrival jitter of the call, in the same units.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_jitter: Option<u32>,
        /// The longest round trip of the call in milliseconds: between capture agent and receiver,
        /// calculated from LSR and DLSR (RFC 3550 §6.4.1), or between sender and receiver, as the
        /// receiver measured it (RFC 3611 §4.7.3).
        #[serde(skip_serializing_if = "Option::is_none")]
        pub round_trip_ms: Option<u32>,
        /// The lowest mean opinion score of the call, estimated from loss and delay by the E-model
        /// (ITU-T G.107) for the codec G.711, 1 to 4.5. Absent unless a report gives both.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub mos_estimated: Option<f64>,
        /// The lowest mean opinion score that the receiver measured, 1 to 5 (RFC 3611 §4.7.5).
        #[serde(skip_serializing_if = "Option::is_none")]
        pub mos_measured: Option<f64>,
    }
}

impl ProfilePackets {
    /// A number of packets from the profile with this key.
    pub fn new(profile: &str, packets: u64) -> Self {
        Self {
            profile: profile.to_string(),
            packets,
        }
    }
}

impl CaptureReport {
    /// The report on a file whose packets were not analyzed: its size, packets and times.
    pub fn without_analysis(stats: &Stats, profiles: &[ProfilePackets], api: Api) -> Self {
        let mut report = Self::of_file(stats, profiles, api);
        report.incomplete_reasons.push(
            "not-examined: the packets were not analyzed because HOMER_REPORT is off; all counts \
             except size and packets are 0"
                .to_string(),
        );
        report
    }

    /// The part of a report that the scan of the file provides.
    pub(super) fn of_file(stats: &Stats, profiles: &[ProfilePackets], api: Api) -> Self {
        // The first one with packets. Before the first packet it is the first one.
        let first = profiles
            .iter()
            .find(|profile| profile.packets > 0)
            .or(profiles.first());
        let mut report = Self {
            size_bytes: stats.size_bytes,
            packets: stats.packets,
            undated_packets: stats.undated_packets,
            first_packet_us: stats.first_packet_us,
            last_packet_us: stats.last_packet_us,
            profile: first.map(|first| first.profile.clone()).unwrap_or_default(),
            profiles: profiles.to_vec(),
            api: api.number(),
            ..Self::default()
        };
        if stats.undated_packets > 0 {
            report.warnings.push(format!(
                "{} of {} packets are dated 1970 because Homer had no capture time for them",
                stats.undated_packets, stats.packets
            ));
        }
        if let Some(full) = report.profile_at_row_limit() {
            let warning = format!(
                "HOMER 11 exports at most {MAX_ROWS} rows and does not say when it omits some; \
                 this capture has {} packets of profile {}, so some are probably missing: narrow \
                 the window",
                full.packets, full.profile
            );
            report.warnings.push(warning);
        }
        report
    }

    /// A profile that may have more packets than HOMER 11 has exported.
    // HOMER 11 cuts an export off silently (docs/homer.md §9.5). At exactly the limit, nobody can
    // know whether rows are missing.
    pub(super) fn profile_at_row_limit(&self) -> Option<&ProfilePackets> {
        let mut profiles = self.profiles.iter();
        profiles.find(|profile| self.api == Api::V11.number() && profile.packets >= MAX_ROWS)
    }
}
