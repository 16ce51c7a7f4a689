use homer_export::CaptureReport;
use homer_export::pcap::Scanner;
use serde_json::json;

use crate::recordings;

fn report(name: &str) -> CaptureReport {
    let mut scanner = Scanner::new();
    scanner.scan(&recordings::capture(name)).unwrap();
    CaptureReport::new(scanner.finish().unwrap(), "1_call", 7)
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
        "profile": "1_call", "api": 7, "warnings": [],
    });
    assert_eq!(report("export-unknown-callid").to_json(), expected);
}
