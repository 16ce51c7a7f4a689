use homer_export::CaptureReport;
use homer_export::homer::Api;
use homer_export::pcap::{Scanner, Tally};
use serde_json::json;

use crate::recordings;

fn report(name: &str) -> CaptureReport {
    let mut scanner = Scanner::new();
    scanner.scan(&recordings::capture(name)).unwrap();
    CaptureReport::new(scanner.finish().unwrap(), "1_call", Api::V7)
}

#[test]
fn report_sums_up_in_one_line() {
    assert_eq!(
        report("export-ok-auth-token").summary(),
        "7 packets in 3311 bytes, 2026-11-20T10:00:00.123456Z to 2026-11-20T10:01:37.394456Z, from profile 1_call"
    );
}

#[test]
fn report_warns_of_undated_packets() {
    let report = report("v1_5_10-odd-fields");
    assert_eq!(report.warnings, ["2 of 4 packets are dated 1970: Homer had no capture time for them"]);
    assert!(
        report
            .summary()
            .ends_with("from profile 1_call; 2 of 4 packets are dated 1970: Homer had no capture time for them")
    );
}

#[test]
fn report_in_json_has_the_contracts_names() {
    let expected = json!({
        "size_bytes": 24, "packets": 0, "undated_packets": 0, "first_packet_us": null, "last_packet_us": null,
        "profile": "1_call", "api": 7, "missing_call_ids": [], "warnings": [],
    });
    assert_eq!(report("export-unknown-callid").to_json(), expected);
}

#[test]
fn report_warns_where_homer_11_may_have_left_rows_out() {
    let warnings = |packets, api| CaptureReport::new(Tally { packets, ..Tally::default() }, "1_call", api).warnings;
    assert_eq!(warnings(9_999, Api::V11), [] as [&str; 0]);
    assert_eq!(warnings(10_000, Api::V7), [] as [&str; 0]);
    let warning = "HOMER 11 puts at most 10000 rows into a capture and does not say when it leaves some out; this one has 10000 \
        packets, so that some are probably missing: narrow the window";
    assert_eq!(warnings(10_000, Api::V11), [warning]);
}

#[test]
fn report_names_the_calls_that_are_missing() {
    let report = CaptureReport { missing_call_ids: vec!["a@b".into(), "c".into()], ..report("export-ok-auth-token") };
    assert!(report.summary().ends_with("from profile 1_call; nothing of \"a@b\", \"c\""), "{}", report.summary());
}
