//! Cases from public reports, each made anew: the report says what really happened.
//!
//! `tests/data/public/expected.json` says for each case where it comes from, and what the report has
//! to say.

use std::collections::BTreeSet;

use homer_export::CaptureReport;
use serde_json::Value;

use crate::{recordings, report};

/// The report on a case; its Call-ID is the name of the file.
fn case(name: &str) -> CaptureReport {
    let capture = recordings::capture(&format!("public/{name}"));
    report::analyze(&capture, &[&format!("{name}@public.example")])
}

/// Defines a test for each case, and the list of their names.
macro_rules! public_cases {
    ($($test:ident: $name:literal;)*) => {
        $(
            #[test]
            fn $test() {
                assert_as_expected($name);
            }
        )*

        const CASES: &[&str] = &[$($name),*];
    };
}

public_cases! {
    public_case_as_expected_sample_cancel_unanswered: "sample-cancel-unanswered";
    public_case_as_expected_two_agents_clocks_apart: "two-agents-clocks-apart";
    public_case_as_expected_seen_twice_at_once: "seen-twice-at-once";
    public_case_as_expected_fork_retagged: "fork-retagged";
    public_case_as_expected_sbc_keeps_call_id: "sbc-keeps-call-id";
    public_case_as_expected_cseq_2e31_options: "cseq-2e31-options";
    public_case_as_expected_tcp_two_in_one: "tcp-two-in-one";
    public_case_as_expected_tcp_subscribe_and_register: "tcp-subscribe-and-register";
    public_case_as_expected_same_cseq_retry_refused: "same-cseq-retry-refused";
    public_case_as_expected_password_guessed: "password-guessed";
    public_case_as_expected_invite_lost_486: "invite-lost-486";
    public_case_as_expected_ack_cseq_wrong: "ack-cseq-wrong";
    public_case_as_expected_bye_without_from_tag: "bye-without-from-tag";
    public_case_as_expected_to_tag_missing: "to-tag-missing";
    public_case_as_expected_content_type_twice: "content-type-twice";
    public_case_as_expected_invite_cut_in_header: "invite-cut-in-header";
    public_case_as_expected_tcp_first_segment: "tcp-first-segment";
    public_case_as_expected_quoted_pair: "quoted-pair";
    public_case_as_expected_question_mark_in_user: "question-mark-in-user";
    public_case_as_expected_upper_case_names: "upper-case-names";
    public_case_as_expected_keep_alive_before_message: "keep-alive-before-message";
    public_case_as_expected_bye_wrong_from_tag: "bye-wrong-from-tag";
    public_case_as_expected_t38_refused: "t38-refused";
}

fn expected() -> Value {
    recordings::json("public/expected")
}

#[test]
fn public_cases_are_all_tested() {
    let expected = expected();
    let expected: BTreeSet<&str> = expected
        .as_object()
        .unwrap()
        .keys()
        .map(|it| &**it)
        .collect();
    assert_eq!(expected, CASES.iter().copied().collect());
    let captures = recordings::public_captures();
    let captures: BTreeSet<&str> = captures.iter().map(|(name, _)| &**name).collect();
    // A case whose packets are in two profiles has two files, and tests of its own.
    let in_one_profile = |name: &&&str| !name.starts_with("transfer-notify-elsewhere");
    let captures: BTreeSet<&str> = captures.iter().filter(in_one_profile).copied().collect();
    assert_eq!(captures, expected);
}

/// Compares the report on a case with what it has to say.
#[track_caller]
fn assert_as_expected(name: &str) {
    let report = case(name);
    let json = report.to_json();
    let expected = &expected()[name];
    let with_findings: BTreeSet<u64> = report.findings.iter().map(|it| it.packet).collect();
    let warnings = report.warnings.join(" ");
    let text = |value: &Value| value.as_str().unwrap().to_string();
    for (key, value) in expected.as_object().unwrap() {
        let list = || value.as_array().unwrap().iter();
        let is_met = match key.as_str() {
            "call_id" | "cause" | "source" => true,
            "messages" => json["sip_messages"] == *value,
            "findings_on" => list().all(|it| with_findings.contains(&it.as_u64().unwrap())),
            "hint_on" => with_findings.contains(&value.as_u64().unwrap()) || !warnings.is_empty(),
            "no_findings" => report.findings.is_empty(),
            "no_code" => list().all(|code| {
                let mut reasons = report.incomplete_reasons.iter();
                reasons.all(|reason| !reason.starts_with(&format!("{}:", text(code))))
            }),
            "warnings_with" => list().all(|it| warnings.contains(&text(it))),
            "warnings_without" => list().all(|it| !warnings.contains(&text(it))),
            "ladder_has" => value.as_object().unwrap().iter().all(|(packet, text)| {
                report.ladder.iter().any(|entry| {
                    entry.packet.to_string() == *packet
                        && entry.line.contains(text.as_str().unwrap())
                })
            }),
            key => json[key] == *value,
        };
        assert!(is_met, "{name}: {key} is not {value}: {json}");
    }
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
