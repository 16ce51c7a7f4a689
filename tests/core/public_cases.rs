//! Cases from public reports, each made anew: the report says what really happened.

use homer_export::CaptureReport;

use crate::{recordings, report};

/// The report on a case; its Call-ID is the name of the file.
fn case(name: &str) -> CaptureReport {
    let capture = recordings::capture(&format!("public/{name}"));
    report::analyze(&capture, &[&format!("{name}@public.example")])
}

/// The findings of a case: packet and code.
fn findings(report: &CaptureReport) -> Vec<(u64, &str)> {
    let found = report.findings.iter();
    found.map(|it| (it.packet, it.code.as_str())).collect()
}

/// The rows of a case: packet, part and status or method.
fn rows(report: &CaptureReport) -> Vec<(u64, Option<u32>, &str)> {
    let rows = report.ladder.iter();
    rows.map(|it| (it.packet, it.part, it.line.split(' ').next().unwrap()))
        .collect()
}

/// irontec/sngrep #174, #85; sipcapture/heplify #168: 183 and 200 in one payload.
#[test]
fn public_case_tcp_two_in_one() {
    let report = case("tcp-two-in-one");
    assert_eq!(report.sip_messages, 6);
    assert_eq!((report.packets, report.other_packets), (5, 0));
    assert_eq!(report.final_status, Some(200));
    assert!(report.complete);
    assert_eq!(report.ended_with.as_deref(), Some("BYE"));
    assert_eq!(findings(&report), []);
    assert_eq!(
        rows(&report),
        [
            (1, None, "INVITE"),
            (2, Some(1), "183"),
            (2, Some(2), "200"),
            (3, None, "ACK"),
            (4, None, "BYE"),
            (5, None, "200"),
        ]
    );
}

/// irontec/sngrep #466: two requests with two Call-IDs in one payload.
#[test]
fn public_case_tcp_subscribe_and_register() {
    let report = case("tcp-subscribe-and-register");
    assert_eq!((report.sip_messages, report.final_status), (3, Some(202)));
    assert_eq!(
        report.other_call_ids,
        ["two-in-one-register@public.example"]
    );
}

/// sipcapture/homer #604, #639: an INVITE that is cut off within its Identity.
#[test]
fn public_case_invite_cut_in_header() {
    let report = case("invite-cut-in-header");
    assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
    assert_eq!(findings(&report), [(1, "message-truncated")]);
}

/// sipcapture/heplify #313, freeswitch/sofia-sip #318: only the first segment was captured.
#[test]
fn public_case_tcp_first_segment() {
    let report = case("tcp-first-segment");
    assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
    assert_eq!(findings(&report), [(1, "message-truncated")]);
    assert!(report.complete);
}

/// irontec/sngrep #106: CR LF CR LF before each message.
#[test]
fn public_case_keep_alive_before_message() {
    let report = case("keep-alive-before-message");
    assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
    assert!(report.complete);
    assert_eq!(findings(&report), []);
    assert!(rows(&report).iter().all(|(_, part, _)| part.is_none()));
}

/// i-p-tel/sipdroid #425, #587; pjsip/pjproject #1030: 180 and 200 without To tag.
#[test]
fn public_case_to_tag_missing() {
    let report = case("to-tag-missing");
    assert_eq!((report.sip_messages, report.final_status), (6, Some(200)));
    let missing = [2, 3, 6].map(|packet| (packet, "tag-missing"));
    assert_eq!(findings(&report), missing);
}

/// asterisk/asterisk #1748: a BYE without From tag, and 481.
#[test]
fn public_case_bye_without_from_tag() {
    let report = case("bye-without-from-tag");
    assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
    assert_eq!(findings(&report), [(6, "tag-missing")]);
}

/// onsip/SIP.js #56, #132; versatica/JsSIP #193: Content-Type twice, and 400.
#[test]
fn public_case_content_type_twice() {
    let report = case("content-type-twice");
    assert_eq!((report.sip_messages, report.final_status), (3, Some(400)));
    assert_eq!(findings(&report), [(1, "header-repeated")]);
}

/// RFC 4475 §3.1.1.2: control characters after backslashes in a quoted string are allowed.
#[test]
fn public_case_quoted_pair() {
    let report = case("quoted-pair");
    assert_eq!((report.sip_messages, report.final_status), (2, Some(200)));
    assert_eq!(findings(&report), []);
}

/// OpenSIPS/opensips #3119: a user part with question marks, which RFC 3261 §25.1 allows.
#[test]
fn public_case_question_mark_in_user() {
    let report = case("question-mark-in-user");
    assert_eq!((report.sip_messages, report.final_status), (7, Some(200)));
    assert_eq!(findings(&report), []);
    assert!(
        report.ladder[5].line.contains("203.0.113.20"),
        "{}",
        report.ladder[5].line
    );
}
