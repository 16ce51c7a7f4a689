use homer_export::finding::Finding;
use homer_export::query::ParameterNames;
use homer_export::report::{Cause, LadderEntry, MediaQuality};
use homer_export::{CaptureReport, Window};
use homer_host::{FoundCall, FoundCalls, UnsearchedPart};

use super::{Page, calls, view};

const PLAIN: Page = Page {
    width: 100,
    has_colors: false,
};

fn entry(packet: u64, ends: (&str, &str), line: &str) -> LadderEntry {
    LadderEntry {
        packet,
        after_us: Some(packet * 1_500_000),
        source: ends.0.to_string(),
        destination: ends.1.to_string(),
        directed: true,
        line: line.to_string(),
        call: Some(0),
        ..LadderEntry::default()
    }
}

/// Another copy of the message in packet `first`.
fn copy(packet: u64, first: u64, ends: (&str, &str), line: &str) -> LadderEntry {
    LadderEntry {
        repeats: Some(first),
        ..entry(packet, ends, line)
    }
}

fn report(ladder: Vec<LadderEntry>) -> CaptureReport {
    CaptureReport {
        sip_messages: ladder.len() as u64,
        call_ids: vec!["one@h".to_string()],
        ladder,
        ..CaptureReport::default()
    }
}

fn plain(report: &CaptureReport) -> String {
    view(report, "call.pcap", "5a", PLAIN)
}

/// The lines from the heading of the ladder on.
#[track_caller]
fn ladder(report: &CaptureReport, page: Page) -> Vec<String> {
    let text = view(report, "call.pcap", "5a", page);
    let at = text.find("  seconds ").unwrap_or_else(|| panic!("{text}"));
    text[at..].lines().map(str::to_string).collect()
}

#[track_caller]
fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        let columns = console::measure_text_width(line);
        assert!(columns <= width, "{columns} columns: {line}");
    }
}

#[test]
fn view_begins_with_the_verdict() {
    let mut report = report(vec![entry(1, ("a:1", "b:2"), "INVITE sip:bob@h")]);
    report.outcome = Some("refused".into());
    report.outcome_text = Some("486 Busy Here from b:2".into());
    report.causes = vec![Cause {
        code: "busy".into(),
        text: "The callee is busy.".into(),
        packets: vec![2, 3],
        certainty: "certain".into(),
        next_step: "Call again later.".into(),
    }];
    report.incomplete_reasons = vec!["no-bye: no BYE".into()];
    report.warnings = vec!["two agents".into()];
    report.quality = vec![MediaQuality {
        source: "a:2".into(),
        destination: "b:3".into(),
        max_loss_percent: Some(1.5),
        mos_estimated: Some(3.25),
        ..MediaQuality::default()
    }];
    let text = plain(&report);
    let expected = "refused: 486 Busy Here from b:2
  busy (certain) The callee is busy. [packets 2, 3]
    Next: Call again later.

call.pcap: 0 packets in 0 bytes, from profile ; 1 SIP message; no protocol violations
sha256 5a
";
    assert!(text.starts_with(expected), "{text}");
    let end = "
  incomplete no-bye: no BYE
  warning two agents
  quality a:2 -> b:3: loss at most 1.5 %, MOS 3.2 (estimated)";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn ladder_draws_arrows_between_participants() {
    let report = report(vec![
        entry(1, ("a:1", "b:2"), "INVITE sip:bob@h"),
        entry(2, ("b:2", "c:3"), "INVITE sip:bob@h"),
        entry(3, ("c:3", "a:1"), "200 OK"),
    ]);
    let expected = "

  A  a:1
  B  b:2
  C  c:3

  seconds   packet  A                                      B                                      C
    1.500        1  |---------- INVITE sip:bob@h --------->|                                      |
    3.000        2  |                                      |---------- INVITE sip:bob@h --------->|
    4.500        3  |<--------------------------------- 200 OK -----------------------------------|\
        ";
    let text = plain(&report);
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn ladder_names_calls_if_there_are_several() {
    let mut report = report(vec![
        entry(1, ("a:1", "b:2"), "INVITE sip:bob@h"),
        entry(2, ("b:2", "a:1"), "486 Busy Here"),
        entry(3, ("b:2", "a:1"), "SIP/2.0"),
    ]);
    report.call_ids.push("two@h".into());
    report.ladder[1].call = Some(1);
    report.ladder[2].call = None;
    let text = plain(&report);
    assert!(
        text.contains("\n  call a  one@h\n  call b  two@h\n"),
        "{text}"
    );
    let calls: Vec<String> = ladder(&report, PLAIN)
        .iter()
        .map(|line| line[..25].trim_end().to_string())
        .collect();
    assert_eq!(
        calls,
        [
            "  seconds   packet  call",
            "    1.500        1  a",
            "    3.000        2  b",
            "    4.500        3  ?",
        ]
    );
}

#[test]
fn ladder_numbers_the_messages_of_a_packet() {
    let mut report = report(vec![
        entry(12, ("a:1", "b:2"), "180 Ringing"),
        entry(12, ("a:1", "b:2"), "200 OK"),
    ]);
    report.ladder[0].part = Some(1);
    report.ladder[1].part = Some(2);
    let lines = ladder(&report, PLAIN);
    assert!(
        lines[1].starts_with("   18.000     12.1  |-"),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].starts_with("   18.000     12.2  |-"),
        "{}",
        lines[2]
    );
}

#[test]
fn ladder_folds_retransmissions_and_duplicates() {
    let (there, back) = (("a:1", "b:2"), ("b:2", "a:1"));
    let report = report(vec![
        entry(1, there, "INVITE sip:bob@h"),
        copy(2, 1, there, "INVITE sip:bob@h"),
        entry(3, back, "100 Trying"),
        copy(4, 1, there, "INVITE sip:bob@h"),
    ]);
    let lines = ladder(&report, PLAIN);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].contains("- INVITE sip:bob@h ×3 -"), "{}", lines[1]);
}

#[test]
fn ladder_folds_copies_of_an_omitted_message() {
    let there = ("a:1", "b:2");
    let mut report = report(vec![
        entry(1, there, "INVITE sip:bob@h"),
        entry(2, there, "ACK sip:bob@h"),
        copy(7, 4, there, "INFO sip:bob@h"),
        copy(8, 4, there, "INFO sip:bob@h"),
    ]);
    report.ladder_elided = 5;
    let lines = ladder(&report, PLAIN);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[3].contains("5 messages omitted here"), "{}", lines[3]);
    assert!(
        lines[4].contains("- INFO sip:bob@h ×2 (again, first in 4) -"),
        "{}",
        lines[4]
    );
}

#[test]
fn ladder_keeps_apart_what_one_packet_holds() {
    // Both messages of packet 1 are sent again in packet 2.
    let there = ("a:1", "b:2");
    let report = report(vec![
        entry(1, there, "180 Ringing"),
        entry(1, there, "200 OK"),
        copy(2, 1, there, "180 Ringing"),
        copy(2, 1, there, "200 OK"),
    ]);
    let lines = ladder(&report, PLAIN);
    assert!(lines[1].contains(" 180 Ringing ×2 "), "{lines:?}");
    assert!(lines[2].contains(" 200 OK ×2 "), "{lines:?}");
}

#[test]
fn ladder_states_what_is_omitted_in_the_middle() {
    let there = ("a:1", "b:2");
    let mut report = report(vec![
        entry(1, there, "INVITE sip:b@h"),
        entry(2, there, "INFO sip:b@h"),
        entry(9, there, "BYE sip:b@h"),
    ]);
    report.ladder_elided = 6;
    let lines = ladder(&report, PLAIN);
    let gap = "      ...  6 messages omitted here; the file has them";
    assert_eq!(lines[3], gap);
    // Also if all later messages are folded into earlier rows.
    report.ladder[2] = copy(9, 1, there, "INVITE sip:b@h");
    let lines = ladder(&report, PLAIN);
    assert_eq!((lines.len(), lines[3].as_str()), (4, gap));
}

#[test]
fn ladder_without_direction_has_no_arrowheads() {
    let entry = LadderEntry {
        directed: false,
        ..entry(1, ("192.0.2.1", "2001:db8::1"), "200 OK")
    };
    let lines = ladder(&report(vec![entry]), PLAIN);
    assert!(
        !lines[1].contains(['<', '>']) && lines[1].contains("- 200 OK -"),
        "{lines:?}"
    );
}

#[test]
fn ladder_of_five_participants_has_columns_in_80_columns() {
    let names = ["a:1", "b:2", "c:3", "d:4", "e:5"];
    let hops = names.windows(2).enumerate();
    let report = report(
        hops.map(|(at, ends)| entry(at as u64, (ends[0], ends[1]), "INVITE sip:bob@h"))
            .collect(),
    );
    let page = Page::new(Some(80), false);
    let lines = ladder(&report, page);
    assert!(lines[1].contains("|-- INVITE -->|"), "{lines:?}");
    assert_fits(&lines.join("\n"), 80);
    // A page is never narrower than 60 columns, where letters take the place of the columns.
    let lines = ladder(&report, Page::new(Some(20), false));
    assert!(lines[1].ends_with(" A -> B  INVITE sip:bob@h"), "{lines:?}");
}

#[test]
fn view_fits_the_page_whatever_the_messages() {
    let long = format!("INVITE sip:{}", "ü試".repeat(80));
    for participants in 1..40 {
        let name = |number: usize| {
            format!(
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:{number:04x}]:50{:02}",
                number % 60
            )
        };
        let ladder = (0..80)
            .map(|at| {
                let packet = if at < 40 { at } else { 9_999_900 + at };
                let ends = (
                    &*name(at % participants),
                    &*name((at * 7 + 3) % participants),
                );
                LadderEntry {
                    call: Some(at as u32 % 40),
                    ..entry(packet as u64, ends, &long)
                }
            })
            .collect();
        let mut report = report(ladder);
        report.call_ids = (0..40)
            .map(|at| format!("{at}{}", "x".repeat(90)))
            .collect();
        report.ladder_elided = 1_000_000;
        let words = format!("{} {}", "word ".repeat(50), "x".repeat(300));
        report.outcome = Some("refused".into());
        report.outcome_text = Some(words.clone());
        report.causes = vec![Cause {
            code: "busy".into(),
            text: words.clone(),
            packets: (1_000_000..1_000_010).collect(),
            certainty: "likely".into(),
            next_step: words.clone(),
        }];
        report.incomplete_reasons = vec![format!("no-bye: {words}")];
        report.warnings = vec![words];
        report.findings = vec![Finding {
            packet: 1,
            offset: Some(7),
            code: "control-byte".into(),
            text: "the header has a control byte ".repeat(9),
            rule: "RFC 3261 §25.1".into(),
        }];
        report.transports = vec!["TLS".into(); 30];
        for columns in [60, 80, 100, 250] {
            for has_colors in [false, true] {
                let page = Page::new(Some(columns), has_colors);
                assert_fits(&view(&report, "call.pcap", "5a", page), columns.into());
            }
        }
    }
}

#[test]
fn view_has_colors_only_on_request() {
    let mut report = report(vec![
        entry(1, ("a:1", "b:2"), "INVITE sip:b@h"),
        entry(2, ("b:2", "a:1"), "486 Busy Here"),
    ]);
    report.incomplete_reasons = vec!["no-bye: x".into()];
    let colored = Page::new(None, true);
    let text = view(&report, "call.pcap", "5a", colored);
    assert!(!plain(&report).contains('\x1b'));
    assert_eq!(text.matches("\x1b[31m").count(), 2);
    assert_eq!(console::strip_ansi_codes(&text), plain(&report));
}

#[test]
fn view_lists_findings_with_their_rule() {
    let mut report = report(vec![entry(1, ("a:1", "b:2"), "200 OK")]);
    report.findings.push(Finding {
        packet: 1,
        offset: Some(7),
        code: "bare-lf".into(),
        text: "a line".into(),
        rule: "RFC".into(),
    });
    report.findings_elided = 4;
    let text = plain(&report);
    assert!(
        text.ends_with("\n\n5 findings:\n  bare-lf packet 1, byte 7: a line (RFC)\n  and 4 more"),
        "{text}"
    );
}

#[test]
fn view_of_a_capture_without_messages_has_no_ladder() {
    assert_eq!(
        plain(&CaptureReport::default()),
        "call.pcap: 0 packets in 0 bytes, from profile ; 0 SIP messages\nsha256 5a"
    );
}

fn found(callid: &str) -> FoundCalls {
    let call = FoundCall {
        callid: callid.to_string(),
        first_ts: Some(1_795_168_800_123),
        caller: "+491705550123".to_string(),
        callee: "a-long-name-of-a-callee@pbx".to_string(),
        method: "INVITE".to_string(),
        status: Some(486),
        source: "192.0.2.10:5060".to_string(),
        destination: "[2001:db8::1234:5678]:5060".to_string(),
        ..FoundCall::default()
    };
    FoundCalls {
        calls: vec![call],
        complete: true,
        ..FoundCalls::default()
    }
}

fn window() -> Window {
    let (from, to) = (1_795_168_800_000, 1_795_172_400_000);
    Window::new(from, to, 24, &ParameterNames::COMMAND_LINE).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn calls_fit_the_page_and_are_complete_elsewhere() {
    let found = found(&"x".repeat(60));
    for columns in [100, 132] {
        let page = Page::new(Some(columns), false);
        let text = calls::view(&found, window(), None, Some(page));
        assert_fits(&text, columns.into());
        let row = text.lines().nth(1).unwrap_or_default();
        assert!(row.contains('~') && row.contains(" 486 "), "{row}");
        // All of the page is used.
        assert_eq!(console::measure_text_width(row), usize::from(columns));
    }
    let text = calls::view(&found, window(), None, None);
    let row = text.lines().nth(1).unwrap_or_default();
    assert!(
        row.ends_with(&"x".repeat(60)) && !row.contains('~'),
        "{row}"
    );
}

#[test]
fn calls_on_a_narrow_page_have_fewer_columns() {
    let found = found(&"x".repeat(60));
    for (columns, heading) in [
        (
            93,
            "# TIME CALLER CALLEE METHOD STATUS SOURCE DESTINA~ CALL-ID",
        ),
        (83, "# TIME CALLER CALLEE METHOD STATUS SOURCE CALL-ID"),
        (66, "# TIME CALLER CALLEE STATUS CALL-ID"),
        (60, "# TIME CALLER CALLEE STATUS"),
    ] {
        let page = Page::new(Some(columns), false);
        let text = calls::view(&found, window(), None, Some(page));
        assert_fits(&text, columns.into());
        let first: Vec<&str> = text
            .lines()
            .take(1)
            .flat_map(str::split_whitespace)
            .collect();
        assert_eq!(first.join(" "), heading);
    }
}

#[test]
fn calls_say_what_could_not_be_searched_or_looked_up() {
    let mut found = found("a@b");
    let complete = "1 call between 2026-11-20T10:00:00Z and 2026-11-20T11:00:00Z; the whole window \
        was searched.";
    let text = calls::view(&found, window(), Some("homer-export a@b"), Some(PLAIN));
    assert!(text.contains(complete), "{text}");
    assert!(text.ends_with("\n  homer-export a@b"), "{text}");
    found.unknown_statuses = 2;
    found.unsearched = vec![UnsearchedPart {
        from_ts: 1_795_168_800_000,
        to_ts: 1_795_168_860_000,
        why: "the limit was\u{1b} reached".to_string(),
    }];
    let text = calls::view(&found, window(), None, Some(PLAIN));
    for line in [
        "  not searched 2026-11-20T10:00:00Z to 2026-11-20T10:01:00Z: the limit was\\x1b reached\n",
        "  unknown status the final status of 2 of the calls could not be looked up;",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
