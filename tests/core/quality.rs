//! The quality of media streams, from RTCP rows.

use homer_export::CaptureReport;
use homer_export::report::MAX_JSON;

use crate::capture::{BEGIN_US, CALL_ID, Capture, udp};
use crate::{recordings, report};

const A: &str = "192.0.2.10:40001";
const B: &str = "192.0.2.20:40001";

/// A report on RTCP rows: milliseconds, sender, receiver, JSON.
fn report(rows: &[(u64, &str, &str, String)]) -> CaptureReport {
    let mut capture = Capture::new();
    for (ms, from, to, json) in rows {
        let frame = udp(from.parse().unwrap(), to.parse().unwrap(), json.as_bytes());
        capture.record(BEGIN_US + ms * 1000, &frame);
    }
    report::analyze(&capture.bytes, &[CALL_ID])
}

/// A sender report without report blocks.
fn sender(ssrc: u32, ntp_sec: u32, packets: u32) -> String {
    format!(
        r#"{{"sender_information":{{"ntp_timestamp_sec":{ntp_sec},"ntp_timestamp_usec":2147483648,
        "octets":0,"rtp_timestamp":0,"packets":{packets}}},"ssrc":{ssrc},"type":200,
        "report_count":0,"report_blocks":null}}"#
    )
}

/// A receiver report with one block.
fn receiver(ssrc: u32, source: u32, block: &str) -> String {
    format!(
        r#"{{"ssrc":{ssrc},"type":201,"report_count":1,
        "report_blocks":[{{"source_ssrc":{source},{block}}}]}}"#
    )
}

#[test]
fn quality_of_recorded_rtcp_has_only_what_the_rows_state() {
    let capture = recordings::capture("export-rtcp-log");
    let report = report::analyze(&capture, &["rtcp-log-call@192.0.2.10"]);
    // The packet of 192.0.2.10 says what it sent, and what it received from 192.0.2.20.
    let [sent, received] = &report.quality[..] else {
        panic!("{:?}", report.quality);
    };
    assert!(sent.source.starts_with("192.0.2.10:"), "{}", sent.source);
    assert_eq!(
        (
            sent.ssrc,
            sent.packets_sent,
            sent.reports,
            sent.loss_percent
        ),
        (Some(1_234_567), Some(500), 0, None)
    );
    assert!(received.source.starts_with("192.0.2.20:"));
    assert_eq!(
        (received.ssrc, received.packets_sent, received.reports),
        (None, None, 1)
    );
    assert_eq!(
        (
            received.packets_lost,
            received.loss_percent,
            received.jitter
        ),
        (Some(0), Some(0.0), Some(12))
    );
    // Without LSR there is no round trip, and without a round trip no score.
    assert_eq!(
        (
            received.round_trip_ms,
            received.mos_estimated,
            received.mos_measured
        ),
        (None, None, None)
    );
    assert!(!report.summary().contains("RTP loss"));
}

#[test]
fn quality_has_the_round_trip_of_a_report_that_names_a_sender_report() {
    // LSR is the middle of the NTP timestamp; DLSR is 0.5 s.
    let lsr = (3_926_000_000_u32 << 16) | 0x8000;
    let named =
        format!(r#""fraction_lost":26,"packets_lost":40,"ia_jitter":80,"lsr":{lsr},"dlsr":32768"#);
    let other = r#""fraction_lost":0,"packets_lost":41,"ia_jitter":40,"lsr":77,"dlsr":32768"#;
    let report = report(&[
        (0, A, B, sender(7, 3_926_000_000, 500)),
        (540, B, A, receiver(9, 7, &named)),
        (5000, A, B, sender(7, 3_926_000_005, 750)),
        (5540, B, A, receiver(9, 7, other)),
    ]);
    let [stream] = &report.quality[..] else {
        panic!("{:?}", report.quality);
    };
    assert_eq!(
        (
            stream.source.as_str(),
            stream.destination.as_str(),
            stream.ssrc,
            stream.reports
        ),
        (A, B, Some(7), 2)
    );
    assert_eq!(
        (
            stream.packets_sent,
            stream.packets_lost,
            stream.loss_percent,
            stream.max_loss_percent
        ),
        (Some(750), Some(41), Some(0.0), Some(10.16))
    );
    assert_eq!(
        (stream.jitter, stream.max_jitter, stream.round_trip_ms),
        (Some(40), Some(80), Some(40))
    );
    // R = 93.2 - 0.48 - 95 * 10.16 / 35.26 = 65.35, which is a score of 3.37.
    assert_eq!(
        (stream.mos_estimated, stream.mos_measured),
        (Some(3.37), None)
    );
    let summary = report.summary();
    let loss = "RTP loss of up to 10.2 % from 192.0.2.10:40001 to 192.0.2.20:40001";
    assert_eq!(summary.matches(loss).count(), 1, "{summary}");
}

#[test]
fn quality_takes_the_measured_score_from_an_extended_report() {
    let json = r#"{"ssrc":9,"type":207,"extended_report_information":{"type":7,"identifier":7,
        "loss_rate":3,"round_trip_delay":120,"MOS_LQ":41,"MOS_CQ":38}}"#;
    let report = report(&[(0, B, A, json.to_string())]);
    let stream = &report.quality[0];
    assert_eq!((stream.source.as_str(), stream.ssrc), (A, Some(7)));
    assert_eq!(
        (
            stream.mos_measured,
            stream.mos_estimated,
            stream.round_trip_ms
        ),
        (Some(3.8), None, Some(120))
    );
}

#[test]
fn quality_ignores_malformed_rows() {
    let rows = [
        r#"{"report_blocks":["#,
        r#"{"report_blocks":[{"fraction_lost":300}]}"#,
        r#"{"report_blocks":{}}"#,
        r#"{"report_blocks":[]}"#,
    ];
    let rows = rows.map(|json| (0, A, B, json.to_string()));
    let report = report(&rows);
    assert_eq!((report.quality, report.other_packets), (vec![], 4));
}

#[test]
fn quality_is_limited_to_32_streams() {
    let rows: Vec<_> = (0..40)
        .map(|source| (0, A, B, receiver(1, source, r#""fraction_lost":1"#)))
        .collect();
    let over = report(&rows);
    assert_eq!((over.quality.len(), over.counts_truncated), (32, true));
    let full = report(&rows[..32]);
    assert_eq!((full.quality.len(), full.counts_truncated), (32, false));
    // The report for a model says what it leaves out.
    let short = over.truncated_to(1200);
    assert!(short.quality.len() < 32 && over.truncated_to(MAX_JSON).quality.len() >= 10);
    assert!(
        short
            .warnings
            .iter()
            .any(|it| it.starts_with("quality has only")),
        "{:?}",
        short.warnings
    );
}
