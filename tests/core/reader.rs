//! Reading parts of a capture: pages of the ladder, and the comparison of two calls.

use std::collections::BTreeMap;

use homer_export::reader::{
    CallComparison, CaptureReader, Found, LadderPage, LadderQuery, MAX_COMPARISON, MAX_PAGE,
    MessageQuery, Reading,
};
use homer_export::report::rows;
use homer_export::{CallId, ExportError};
use proptest::prelude::*;

use crate::capture::{BEGIN_US, CALL_ID, Capture, Sent, healthy};
use crate::made_calls::{TIMER_A_MS, again, challenged, refused_call};
use crate::{recordings, report};

fn page(capture: &[u8], query: LadderQuery) -> Result<LadderPage, ExportError> {
    let mut reader = CaptureReader::new(Reading::Ladder(query))?;
    for chunk in capture.chunks(4000) {
        reader.feed(chunk)?;
    }
    match reader.finish()? {
        Found::Ladder(page) => Ok(page),
        other => panic!("{other:?}"),
    }
}

/// The rows of a page: its lines but those with the names.
fn lines(page: &LadderPage) -> Vec<String> {
    let (_, rows) = page.text.split_once("CSeq):\n").unwrap_or_default();
    rows.lines().map(String::from).collect()
}

/// The rows of all pages, and the number of pages. Each page must be in its limit.
fn all_pages(capture: &[u8], query: &LadderQuery) -> (Vec<String>, usize) {
    let (mut rows, mut pages, mut query) = (Vec::new(), 0, query.clone());
    loop {
        let page = page(capture, query.clone()).unwrap();
        pages += 1;
        assert!(page.text.len() <= MAX_PAGE || page.rows == 1, "{page:?}");
        assert_eq!(page.rows_before, rows.len() as u64);
        let of_page = lines(&page);
        assert_eq!(of_page.len(), page.rows as usize, "{}", page.text);
        rows.extend(of_page);
        let Some(next) = page.next_packet else {
            assert_eq!(page.matching_rows, rows.len() as u64);
            return (rows, pages);
        };
        let next = (next, page.next_part.unwrap_or(1));
        assert!(next > (query.from_packet.max(1), query.from_part.max(1)));
        (query.from_packet, query.from_part) = next;
    }
}

/// Calls like the healthy one, one after the other, each with a Call-ID of its own.
fn many_calls(count: u64) -> Vec<u8> {
    let mut capture = Capture::new();
    for number in 0..count {
        for mut message in healthy() {
            // Of the same length, so that lengths stay right.
            message.replace(CALL_ID, &format!("{number:04}@192.0.2.10"));
            message.time_us += number * 100_000_000;
            capture.record(message.time_us, &message.frame());
        }
    }
    capture.bytes
}

#[test]
fn ladder_page_has_the_rows_of_the_report_with_letters_and_a_legend() {
    let mut sent = healthy();
    sent.extend(again(&sent[0], &TIMER_A_MS[..2]));
    sent.sort_by_key(|sent| sent.time_us);
    let page = page(&Capture::messages(&sent), LadderQuery::default()).unwrap();
    assert_eq!(
        page.text,
        "Participants: A = 192.0.2.10:5060, B = 192.0.2.20:5060\n\
         Messages (packet, seconds, from > to, message, CSeq):\n\
         1 0.000 A > B INVITE sip:bob@192.0.2.20 (1 INVITE) x3\n\
         2 0.001 B > A 100 Trying (1 INVITE)\n\
         4 0.700 B > A 180 Ringing (1 INVITE)\n\
         6 4.000 B > A 200 OK (1 INVITE)\n\
         7 4.100 A > B ACK sip:bob@192.0.2.20 (1 ACK)\n\
         8 64.000 A > B BYE sip:bob@192.0.2.20 (2 BYE)\n\
         9 64.010 B > A 200 OK (2 BYE)\n"
    );
    let numbers = (
        page.rows,
        page.matching_rows,
        page.packets,
        page.next_packet,
    );
    assert_eq!(numbers, (7, 7, 9, None));
}

#[test]
fn ladder_pages_have_each_row_of_every_recording_once() {
    let captures = recordings::captures().into_iter();
    for (name, capture) in captures.chain(recordings::public_captures()) {
        let report = report::analyze(&capture, &["a"]);
        if report.ladder_elided > 0 {
            continue;
        }
        let (lines, _) = all_pages(&capture, &LadderQuery::default());
        let rows = rows(&report.ladder);
        assert_eq!(lines.len(), rows.len(), "{name}");
        for (line, row) in lines.iter().zip(&rows) {
            let packet = row.packet();
            assert!(line.starts_with(&format!("{packet} ")), "{name}: {line}");
            assert!(line.contains(&row.entry.line), "{name}: {line}");
        }
    }
}

#[test]
fn ladder_pages_mark_legs_and_keep_their_letters() {
    let capture = many_calls(60);
    let (lines, pages) = all_pages(&capture, &LadderQuery::default());
    assert_eq!(lines.len(), 7 * 60);
    assert!(pages > 2, "{pages}");
    // The 27th call, wherever its page begins.
    let line = &lines[26 * 7];
    assert_eq!(
        line,
        "183 2600.000 aa A > B INVITE sip:bob@192.0.2.20 (1 INVITE)"
    );
    let from = LadderQuery {
        from_packet: 183,
        ..LadderQuery::default()
    };
    let text = page(&capture, from).unwrap().text;
    assert!(
        text.contains("\nCalls: aa = \"0026@192.0.2.10\", ab = "),
        "{text}"
    );
}

#[test]
fn ladder_filters_by_range_method_status_and_call_id() {
    let capture = many_calls(3);
    let packets = |query: LadderQuery| -> Vec<u64> {
        let page = page(&capture, query).unwrap();
        let lines = lines(&page);
        let number = |line: &String| line.split(' ').next().unwrap().parse().unwrap();
        lines.iter().map(number).collect()
    };
    let all = LadderQuery::default;
    let some = |text: &str| Some(text.to_string());
    let range = LadderQuery {
        from_packet: 6,
        to_packet: Some(9),
        ..all()
    };
    assert_eq!(packets(range), [6, 7, 8, 9]);
    // A request, and the response to it; models write methods in lower case.
    let bye = LadderQuery {
        method: some("bye"),
        ..all()
    };
    assert_eq!(packets(bye), [6, 7, 13, 14, 20, 21]);
    let ringing = LadderQuery {
        status: some("180"),
        ..all()
    };
    assert_eq!(packets(ringing), [3, 10, 17]);
    let accepted = LadderQuery {
        status: some("2xx"),
        method: some("INVITE"),
        ..all()
    };
    assert_eq!(packets(accepted), [4, 11, 18]);
    let second = LadderQuery {
        only_callid: some("0001@192.0.2.10"),
        ..all()
    };
    assert_eq!(packets(second), [8, 9, 10, 11, 12, 13, 14]);
    let none = LadderQuery {
        only_callid: some("0001@192.0.2.1"),
        ..all()
    };
    assert!(packets(none).is_empty());
}

#[test]
fn ladder_with_findings_only_has_those_of_the_report() {
    // One that is known at once, and one that is known at the end: a response without its request.
    let mut sent = healthy();
    sent[1].replace("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nbroken line");
    sent.remove(5);
    let capture = Capture::messages(&sent);
    let report = report::analyze(&capture, &[CALL_ID]);
    let found: Vec<u64> = report.findings.iter().map(|it| it.packet).collect();
    assert_eq!(found, [2, 6], "{:?}", report.findings);
    let query = LadderQuery {
        call_ids: vec![CALL_ID.to_string()],
        findings_only: true,
        ..LadderQuery::default()
    };
    let of_two = page(&capture, query.clone()).unwrap();
    assert_eq!(
        lines(&of_two),
        [
            format!(
                "2 0.001 B > A 100 Trying (1 INVITE) [{}]",
                report.findings[0].code
            ),
            "6 64.010 B > A 200 OK (2 BYE) [response-without-request]".to_string(),
        ]
    );
    let healthy = Capture::messages(&healthy());
    let none = page(&healthy, query).unwrap();
    assert_eq!(
        (none.rows, none.matching_rows, none.text.as_str()),
        (0, 0, "")
    );
}

#[test]
fn ladder_continues_within_a_packet_of_many_messages() {
    // One payload of a stream with more messages than a page has rows.
    let mut all = healthy()[0].clone();
    all.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let one = all.message.clone();
    for number in 0..140 {
        let text = String::from_utf8(one.clone()).unwrap();
        let other = text.replace("z9hG4bK1", &format!("z9hG4bK{number:03}"));
        all.message.extend(other.into_bytes());
    }
    let (lines, pages) = all_pages(&Capture::messages(&[all]), &LadderQuery::default());
    assert_eq!((lines.len(), pages), (141, 2));
    assert!(lines[140].starts_with("1.141 "), "{}", lines[140]);
}

#[test]
fn ladder_of_200000_messages_is_read_in_chunks() {
    // 28,572 calls of 7 messages, of which one is in memory at a time.
    let mut reader = CaptureReader::new(Reading::Ladder(LadderQuery {
        from_packet: 190_000,
        status: Some("180".to_string()),
        ..LadderQuery::default()
    }))
    .unwrap();
    reader.feed(&Capture::new().bytes).unwrap();
    let template = Capture::messages(&healthy());
    let records = &template[24..];
    let at = records
        .windows(CALL_ID.len())
        .enumerate()
        .filter(|(_, part)| *part == CALL_ID.as_bytes())
        .map(|(at, _)| at);
    let places: Vec<usize> = at.collect();
    let mut call = records.to_vec();
    for number in 0..28_572 {
        // As long as `made@192.0.2.10`.
        let id = format!("{number:06}@192.0.10");
        for at in &places {
            call[*at..at + CALL_ID.len()].copy_from_slice(&id.as_bytes()[..CALL_ID.len()]);
        }
        reader.feed(&call).unwrap();
    }
    let Found::Ladder(page) = reader.finish().unwrap() else {
        panic!("no page");
    };
    assert_eq!((page.packets, page.matching_rows), (200_004, 28_572));
    assert_eq!(page.rows_before, 27_143);
    assert!(
        page.text.len() <= MAX_PAGE && page.rows > 50,
        "{}",
        page.rows
    );
    let next = page.next_packet.unwrap();
    assert_eq!((next - 3) % 7, 0);
}

#[test]
fn ladder_query_that_is_malformed_is_refused_before_a_byte_is_read() {
    let some = |text: &str| Some(text.to_string());
    let all = LadderQuery::default;
    for (query, why) in [
        (
            LadderQuery {
                status: some("busy"),
                ..all()
            },
            "status is \"busy\"; expected a status from 100 to 699 (486) or a class (4xx)",
        ),
        (
            LadderQuery {
                status: some("7xx"),
                ..all()
            },
            "status is \"7xx\"; expected a status from 100 to 699 (486) or a class (4xx)",
        ),
        (
            LadderQuery {
                method: some(" "),
                ..all()
            },
            "method is empty; leave it out, or pass a value",
        ),
        (
            LadderQuery {
                from_packet: 9,
                to_packet: Some(8),
                ..all()
            },
            "to_packet 8 is before from_packet 9; pass the same number or a later one",
        ),
    ] {
        let error = CaptureReader::new(Reading::Ladder(query)).unwrap_err();
        assert_eq!(error, ExportError::InvalidRequest(why.to_string()));
    }
    assert!(CaptureReader::new(Reading::Ladder(all())).is_ok());
}

#[test]
fn reader_of_an_incomplete_capture_fails() {
    let capture = recordings::capture("export-ok-auth-token");
    let cut = page(&capture[..capture.len() - 1], LadderQuery::default()).unwrap_err();
    assert!(matches!(cut, ExportError::InvalidResponse(_)), "{cut}");
    let other = page(b"<html>, which is no capture", LadderQuery::default()).unwrap_err();
    assert!(matches!(other, ExportError::InvalidResponse(_)), "{other}");
}

fn compare(a: &[Sent], b: &[Sent]) -> CallComparison {
    compare_captures(
        (&Capture::messages(a), CALL_ID),
        (&Capture::messages(b), CALL_ID),
    )
}

fn compare_captures(a: (&[u8], &str), b: (&[u8], &str)) -> CallComparison {
    let ids = [a.1, b.1].map(|id| CallId::parse(id).unwrap());
    let mut reader = CaptureReader::new(Reading::Comparison(ids)).unwrap();
    reader.feed(a.0).unwrap();
    reader.next_capture().unwrap();
    reader.feed(b.0).unwrap();
    match reader.finish().unwrap() {
        Found::Comparison(comparison) => {
            assert!(
                comparison.text.len() <= MAX_COMPARISON,
                "{}",
                comparison.text
            );
            comparison
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn comparison_of_a_recorded_call_with_itself_finds_no_difference() {
    let mut compared = 0;
    for (name, capture) in recordings::captures() {
        let report = report::analyze(&capture, &["none"]);
        for id in report
            .call_ids
            .iter()
            .filter(|id| CallId::parse(id).is_ok())
        {
            let comparison = compare_captures((&capture, id), (&capture, id));
            assert_eq!(comparison.differences, 0, "{name}: {}", comparison.text);
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn comparison_finds_a_planted_difference() {
    let with = |change: &dyn Fn(&mut Vec<Sent>)| {
        let mut sent = healthy();
        change(&mut sent);
        compare(&sent, &healthy())
    };
    for (change, expected) in [
        (
            &(|sent: &mut Vec<Sent>| sent[0].replace("Max-", "Require: 100rel\r\nMax-"))
                as &dyn Fn(&mut Vec<Sent>),
            "1. Initial INVITE: only A has Require: \"100rel\"\n",
        ),
        (
            &|sent| sent[0].replace("RTP/AVP 0 8", "RTP/AVP 8 9"),
            "1. Initial INVITE, \"audio\", codecs: only A has \"G722\"; only B has \"PCMU\"\n",
        ),
        (
            &|sent| sent[3].replace("RTP/AVP 0 8", "RTP/AVP 8 0"),
            "1. Final response, \"audio\", order of codecs: A \"PCMA\", \"PCMU\"; B \"PCMU\", \
             \"PCMA\"\n",
        ),
        (
            &|sent| sent[0].replace("a=sendrecv", "a=sendonly"),
            "1. Initial INVITE, \"audio\", direction: A \"sendonly\", B \"sendrecv\"\n",
        ),
        (
            &|sent| sent[0].replace("c=IN IP4 192.0.2.10", "c=IN IP4 10.0.0.100"),
            "2. Initial INVITE, \"audio\", kind of address: A \"private IPv4\", B \"IPv4\"\n",
        ),
        (
            &|sent| sent[0].replace("sip:bob@192.0.2.20", "sip:+49301234@192.0.2.20"),
            "1. Initial INVITE, user of the Request-URI: A \"+49301234\", B \"bob\"\n",
        ),
        (
            &|sent| {
                sent.remove(2);
            },
            "1. Ringing response: only B has one\n",
        ),
        (
            &|sent| sent[2].time_us = BEGIN_US + 3_900_000,
            "1. Time to ringing: A 3.900 s, B 0.700 s\n",
        ),
        (
            &|sent| sent[3].replace("Contact", "s: x\r\nServer: b2b\r\nContact"),
            "1. Final response: only A has Subject: \"x\"\n2. Final response: only A has Server: \
             \"b2b\"\n",
        ),
    ] {
        let found = with(change);
        assert!(found.text.contains(expected), "{}", found.text);
    }
}

#[test]
fn comparison_says_why_a_call_fails_that_works_elsewhere() {
    let refused = refused_call(
        "488 Not Acceptable Here",
        "Warning: 304 x \"media type\"\r\n",
    );
    let found = compare(&refused, &healthy());
    let text = &found.text;
    assert!(
        text.starts_with("Call A \"made@192.0.2.10\": refused: 488 Not Acceptable Here"),
        "{text}"
    );
    for expected in [
        "1. Final status: A \"488\", B \"200\"\n",
        "only A has Warning: \"304 x \\\"media type\\\"\"\n",
        "Messages on the caller's hop: the same 2 messages up to 100, then A 488; B 180, 200, \
         ACK, BYE, 200\n",
        "Final response: only B has a session description\n",
    ] {
        assert!(text.contains(expected), "{expected}{text}");
    }
    // The other way round, the same.
    assert_eq!(compare(&healthy(), &refused).differences, found.differences);
}

#[test]
fn comparison_of_recorded_calls_shows_status_and_order() {
    let busy = recordings::capture("public/invite-lost-486");
    let normal = recordings::capture("export-ok-auth-token");
    let id = |capture: &[u8]| report::analyze(capture, &["x"]).call_ids[0].clone();
    let (a, b) = (id(&busy), id(&normal));
    let found = compare_captures((&busy, &a), (&normal, &b));
    let expected = "1. Final status: A \"486\", B \"200\"\n";
    assert!(found.text.contains(expected), "{}", found.text);
}

#[test]
fn comparison_tells_no_secret() {
    let credentials = "username=\"alice\", nonce=\"n0nce\", response=\"5ecre7\"";
    let mut sent = challenged("z9hG4bKc", 0, "", "realm=\"a\", nonce=\"n0nce\"");
    let mut second = challenged("z9hG4bKd", 100, credentials, "realm=\"a\", nonce=\"x\"");
    second[0].replace("1 INVITE", "2 INVITE");
    second[0].replace("sip:bob@", "sip:bob:pa55word@");
    second[0].replace(
        "a=sendrecv",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k3y",
    );
    second[0].replace("Max-", "Identity: t0ken\r\nMax-");
    sent.extend(second);
    let text = compare(&sent, &healthy()).text;
    assert!(text.contains("only A has Authorization\n"), "{text}");
    for secret in ["5ecre7", "pa55word", "k3y", "t0ken"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn comparison_needs_exactly_two_captures() {
    let ids = ["a", "b"].map(|id| CallId::parse(id).unwrap());
    let capture = recordings::capture("export-ok-auth-token");
    let mut one = CaptureReader::new(Reading::Comparison(ids.clone())).unwrap();
    one.feed(&capture).unwrap();
    assert!(matches!(one.finish(), Err(ExportError::InvalidRequest(_))));
    let mut three = CaptureReader::new(Reading::Comparison(ids)).unwrap();
    three.feed(&capture).unwrap();
    three.next_capture().unwrap();
    three.feed(&capture).unwrap();
    let error = three.next_capture().unwrap_err();
    assert!(matches!(error, ExportError::InvalidRequest(_)), "{error}");
    let message = MessageQuery {
        packet: 1,
        ..MessageQuery::default()
    };
    let mut message = CaptureReader::new(Reading::Message(message)).unwrap();
    assert!(message.next_capture().is_err());
}

/// Every kind of reading.
fn readings() -> Vec<Reading> {
    let ids = [CALL_ID, "b"].map(|id| CallId::parse(id).unwrap());
    let findings = LadderQuery {
        findings_only: true,
        ..LadderQuery::default()
    };
    vec![
        Reading::Ladder(LadderQuery::default()),
        Reading::Ladder(findings),
        Reading::Message(MessageQuery {
            packet: 2,
            ..MessageQuery::default()
        }),
        Reading::Comparison(ids),
    ]
}

proptest! {
    #[test]
    fn reader_bears_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for reading in readings() {
            let mut reader = CaptureReader::new(reading).unwrap();
            let _ = reader.feed(&Capture::new().bytes).and_then(|()| reader.feed(&bytes));
            let _ = reader.next_capture();
            let _ = reader.finish();
        }
    }

    #[test]
    fn ladder_pages_have_each_row_once_whatever_the_messages(
        changes in prop::collection::vec((0..7_usize, 0..2000_usize, any::<u8>()), 0..60),
        payloads in prop::collection::vec(0..7_usize, 0..200),
    ) {
        let mut sent = healthy();
        for (at, offset, byte) in changes {
            let message = &mut sent[at].message;
            let offset = offset % message.len();
            message[offset] = byte;
        }
        let mut sent: Vec<Sent> = payloads.iter().map(|at| sent[*at].clone()).collect();
        for (number, message) in sent.iter_mut().enumerate() {
            message.time_us = BEGIN_US + number as u64 * 60_000_000;
        }
        let capture = Capture::messages(&sent);
        let (rows, _) = all_pages(&capture, &LadderQuery::default());
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &rows {
            *numbers.entry(row.split(' ').next().unwrap()).or_default() += 1;
        }
        prop_assert!(numbers.values().all(|count| *count == 1), "{rows:?}");
        for findings_only in [false, true] {
            let query = LadderQuery { findings_only, ..LadderQuery::default() };
            all_pages(&capture, &query);
        }
        let comparison = compare_captures((&capture, CALL_ID), (&capture, CALL_ID));
        prop_assert_eq!(comparison.differences, 0);
    }
}
