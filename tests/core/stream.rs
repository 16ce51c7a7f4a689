//! Payloads that hold several messages, or a part of one: segments of a stream (RFC 3261 §18.3).

use homer_export::CaptureReport;
use proptest::prelude::*;

use crate::capture::{BEGIN_US, CALL_ID, CALLEE, CALLER, Capture, Sent, healthy};
use crate::report;

/// The healthy call over a stream transport.
fn over(transport: &str) -> Vec<Sent> {
    let mut sent = healthy();
    for message in &mut sent {
        message.replace("SIP/2.0/UDP", &format!("SIP/2.0/{transport}"));
    }
    sent
}

fn analyze(sent: &[Sent]) -> CaptureReport {
    report::analyze(&Capture::messages(sent), &[CALL_ID])
}

/// What a report says about each message: packet, part, method or status.
fn rows(report: &CaptureReport) -> Vec<(u64, Option<u32>, String)> {
    let row = |line: &str| line.split(' ').next().unwrap().to_string();
    let rows = report.ladder.iter();
    rows.map(|it| (it.packet, it.part, row(&it.line))).collect()
}

fn codes(report: &CaptureReport) -> Vec<(u64, Option<u32>, &str)> {
    let found = report.findings.iter();
    found
        .map(|it| (it.packet, it.offset, it.code.as_str()))
        .collect()
}

/// Replaces messages by one payload with all of them.
fn join(sent: &mut Vec<Sent>, range: std::ops::Range<usize>, between: &[u8]) {
    let messages: Vec<Vec<u8>> = sent
        .drain(range.start + 1..range.end)
        .map(|it| it.message)
        .collect();
    for message in messages {
        sent[range.start].message.extend(between);
        sent[range.start].message.extend(message);
    }
}

/// Splits a message into several payloads, some microseconds apart.
fn split(sent: &mut Vec<Sent>, index: usize, at: &[usize]) {
    let whole = sent.remove(index);
    let mut start = 0;
    for (number, end) in at.iter().copied().chain([whole.message.len()]).enumerate() {
        let mut part = whole.clone();
        part.message = whole.message[start..end].to_vec();
        part.time_us += number as u64;
        sent.insert(index + number, part);
        start = end;
    }
}

/// The values of a report that must not depend on the payloads.
fn outcome(report: &CaptureReport) -> impl PartialEq + std::fmt::Debug {
    (
        report.sip_messages,
        report.other_packets,
        report.final_status,
        report.complete,
        report.ended_by.clone(),
        (report.requests.clone(), report.responses.clone()),
        (report.retransmissions, report.duplicates),
        report.findings.clone(),
    )
}

#[test]
fn payload_with_several_messages_has_a_row_for_each() {
    for transport in ["TCP", "TLS", "WS", "wss", "SCTP", "UDP"] {
        for between in [&b""[..], b"\r\n\r\n", b"\n"] {
            let mut sent = over(transport);
            join(&mut sent, 1..4, between);
            let report = analyze(&sent);
            assert_eq!(codes(&report), [], "{transport}");
            assert_eq!((report.packets, report.sip_messages), (5, 7));
            assert!(report.complete);
            let expected = [
                (2, Some(1), "100"),
                (2, Some(2), "180"),
                (2, Some(3), "200"),
            ];
            let expected = expected.map(|(packet, part, line)| (packet, part, line.to_string()));
            assert_eq!(rows(&report)[1..4], expected);
        }
    }
}

#[test]
fn payload_with_a_finding_in_its_second_message_has_the_offset_in_the_payload() {
    let mut sent = over("TCP");
    let first = sent[1].message.len();
    let at = first + sent[2].find("Content-Length");
    sent[2].replace("Content-Length: 0", "Content-Length: x");
    join(&mut sent, 1..3, b"");
    let expected = (2, Some(at as u32), "content-length-malformed");
    assert_eq!(codes(&analyze(&sent)), [expected]);
    // A malformed start line after the first message.
    let mut sent = over("TCP");
    sent[5].replace("BYE sip", "BYE  sip");
    let at = sent[4].message.len() as u32;
    join(&mut sent, 4..6, b"");
    let report = analyze(&sent);
    assert_eq!(report.sip_messages, 7);
    assert_eq!(codes(&report), [(5, Some(at), "start-line-malformed")]);
}

#[test]
fn payload_of_a_datagram_is_not_split_without_a_second_message() {
    // The body of a NOTIFY is a start line, and Content-Length is wrong (RFC 3420).
    let mut sent = healthy();
    sent[2].message.extend(b"SIP/2.0 486 Busy Here\r\n");
    let report = analyze(&sent);
    assert_eq!(report.sip_messages, 7);
    assert_eq!(codes(&report), [(3, None, "content-length-mismatch")]);
    // Its body is a whole message, as in a test of RFC 4475 §3.1.1.11.
    let mut sent = over("TCP");
    let inner = String::from_utf8(sent[2].message.clone()).unwrap();
    let length = format!(
        "Content-Type: message/sip\r\nContent-Length: {}",
        inner.len()
    );
    sent[2].replace("Content-Length: 0", &length);
    sent[2].message.extend(inner.as_bytes());
    let report = analyze(&sent);
    assert_eq!((report.sip_messages, codes(&report)), (7, vec![]));
}

#[test]
fn message_that_ends_in_its_header_is_a_finding() {
    for (transport, cut) in [("UDP", 12), ("TCP", 12), ("UDP", 30), ("TCP", 2)] {
        let mut sent = over(transport);
        let len = sent[4].message.len();
        sent[4].message.truncate(len - cut);
        let report = analyze(&sent);
        assert_eq!(codes(&report), [(5, None, "message-truncated")]);
        assert_eq!((report.sip_messages, report.complete), (7, true));
        assert_eq!(
            report.findings[0].text,
            "message ends within its header: the empty line is missing"
        );
    }
}

#[test]
fn message_that_ends_in_its_body_is_a_finding_on_a_stream() {
    let mut sent = over("TCP");
    let len = sent[3].message.len();
    sent[3].message.truncate(len - 40);
    let report = analyze(&sent);
    assert_eq!(codes(&report), [(4, None, "message-truncated")]);
    assert_eq!(
        report.findings[0].text,
        "message ends within its body: Content-Length is 104, but the body has 64 bytes"
    );
    // A datagram has its length, and servers remove bytes from binary bodies.
    sent[3].replace("SIP/2.0/TCP", "SIP/2.0/UDP");
    // The media that are cut off are not missing.
    let report = analyze(&sent);
    assert_eq!(codes(&report), [(4, None, "content-length-mismatch")]);
    sent[3].replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    sent[3].replace("application/sdp", "application/isup");
    assert_eq!(codes(&analyze(&sent)), []);
}

#[test]
fn message_that_the_capture_cut_off_is_no_finding() {
    let sent = over("TCP");
    for cut in [30, 150] {
        let mut capture = Capture::new();
        let frame = sent[0].frame();
        capture.cut_record(sent[0].time_us, &frame[..frame.len() - cut], frame.len());
        for message in &sent[1..] {
            capture.record(message.time_us, &message.frame());
        }
        let report = report::analyze(&capture.bytes, &[CALL_ID]);
        assert_eq!((codes(&report), report.sip_messages), (vec![], 7));
    }
}

#[test]
fn multipart_body_is_cut_off_without_its_last_delimiter() {
    let body = "--b\r\nContent-Type: application/isup\r\n\r\nxxxx\r\n--b--\r\n";
    for (cut, expected) in [(0, vec![]), (3, vec![(1, None, "message-truncated")])] {
        let mut sent = over("TCP");
        let header = sent[0].find("Content-Type");
        sent[0].message.truncate(header);
        let length = body.len() + 7;
        let text = format!(
            "Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {length}\r\n\r\n{}",
            &body[..body.len() - cut]
        );
        sent[0].message.extend(text.as_bytes());
        assert_eq!(codes(&analyze(&sent)), expected, "{cut}");
    }
}

#[test]
fn segments_are_joined() {
    let whole = analyze(&over("TCP"));
    let len = over("TCP")[0].message.len();
    // Within the start line, the header, its last line end, and the body.
    for at in [
        vec![1],
        vec![10],
        vec![3, 20],
        vec![100],
        vec![len - 120],
        vec![len - 5],
        vec![150, 200, len - 1],
    ] {
        let mut sent = over("TCP");
        split(&mut sent, 0, &at);
        let report = analyze(&sent);
        assert_eq!(outcome(&report), outcome(&whole), "{at:?}");
        assert_eq!(report.packets, 7 + at.len() as u64);
        assert_eq!(report.ladder[0].packet, 1);
        assert_eq!(report.ladder[1].packet, 2 + at.len() as u64);
    }
}

#[test]
fn segments_are_joined_whatever_comes_between() {
    let whole = analyze(&over("TCP"));
    let mut sent = over("TCP");
    split(&mut sent, 0, &[150]);
    // A message of the other direction, and one on another connection.
    let early = sent.remove(2);
    sent.insert(1, early);
    sent[1].time_us = BEGIN_US;
    let mut other = sent[0].clone();
    other.to = "192.0.2.30:5060".parse().unwrap();
    other.message = b"\r\n\r\n".to_vec();
    sent.insert(1, other);
    let report = analyze(&sent);
    assert_eq!((report.other_packets, report.sip_messages), (1, 7));
    assert_eq!(codes(&report), []);
    assert_eq!(report.ladder[0].line, whole.ladder[0].line);
    assert!(report.complete);
}

#[test]
fn segments_that_were_captured_twice_are_joined() {
    for order in [[0, 0, 1, 1], [0, 1, 0, 1]] {
        let mut sent = over("TCP");
        split(&mut sent, 0, &[150]);
        sent[1].time_us = sent[0].time_us;
        let parts = [sent.remove(0), sent.remove(0)];
        sent.splice(0..0, order.map(|part| parts[part].clone()));
        let report = analyze(&sent);
        assert_eq!((report.sip_messages, report.duplicates), (8, 1));
        assert_eq!((codes(&report), report.other_packets), (vec![], 0));
    }
}

#[test]
fn segment_holds_the_end_of_one_message_and_the_start_of_the_next() {
    let whole = analyze(&over("TCP"));
    let mut sent = over("TCP");
    join(&mut sent, 1..4, b"");
    let first = over("TCP")[1].message.len();
    let second = over("TCP")[2].message.len();
    // Cut within the method of the second and third message, and within their headers.
    for at in [
        vec![first + 3],
        vec![first + second + 9],
        vec![first + 30, first + second + 100],
    ] {
        let mut sent = sent.clone();
        split(&mut sent, 1, &at);
        let report = analyze(&sent);
        assert_eq!(outcome(&report), outcome(&whole), "{at:?}");
    }
    let mut cut = sent.clone();
    split(&mut cut, 1, &[first + 30]);
    let rows = rows(&analyze(&cut));
    let expected = [(2, Some(1), "100"), (2, Some(2), "180"), (3, None, "200")];
    let expected = expected.map(|(packet, part, line)| (packet, part, line.to_string()));
    assert_eq!(rows[1..4], expected);
}

#[test]
fn start_line_that_is_cut_off_after_a_message_is_a_finding() {
    let mut sent = over("TCP");
    let at = sent[4].message.len() as u32;
    sent[4].message.extend(b"BYE sip:bob@exam");
    let report = analyze(&sent);
    assert_eq!(codes(&report), [(5, Some(at), "message-truncated")]);
    assert_eq!(report.sip_messages, 7);
}

#[test]
fn segment_is_not_joined_with_another_message_or_a_keep_alive() {
    for next in [None, Some(&b"\r\n\r\n"[..])] {
        let mut sent = over("TCP");
        let len = sent[4].message.len();
        sent[4].message.truncate(len - 2);
        if let Some(next) = next {
            let mut keep_alive = sent[4].clone();
            keep_alive.message = next.to_vec();
            sent.insert(5, keep_alive);
        }
        let report = analyze(&sent);
        assert_eq!(codes(&report), [(5, None, "message-truncated")]);
        assert_eq!(report.other_packets, u64::from(next.is_some()));
    }
}

/// The healthy call, with a REGISTER before it.
fn with_register() -> (Vec<Sent>, usize) {
    let mut sent = over("TCP");
    let mut register = sent[0].clone();
    register.message = format!(
        "REGISTER sip:bob@192.0.2.20:5060 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10:5060;\
         branch=z9hG4bKr\r\nFrom: <sip:alice@192.0.2.10>;tag=r\r\nTo: <sip:alice@192.0.2.10>\r\n\
         Call-ID: {CALL_ID}-r\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes();
    register.time_us -= 100_000;
    let len = register.message.len();
    sent.insert(0, register);
    (sent, len)
}

#[test]
fn segments_of_a_register_are_joined_wherever_they_are_cut() {
    let (sent, len) = with_register();
    let whole = analyze(&sent);
    assert_eq!((codes(&whole), whole.sip_messages), (vec![], 8));
    for at in 1..len {
        // Two segments; three, of which the second has one byte or a few; one byte in the first.
        for at in [vec![at], vec![at, at + 1], vec![at, at + 3], vec![1, at]] {
            if at.iter().any(|at| *at >= len) || at == [1, 1] {
                continue;
            }
            let mut sent = sent.clone();
            split(&mut sent, 0, &at);
            let report = analyze(&sent);
            assert_eq!(outcome(&report), outcome(&whole), "{at:?}");
            assert_eq!(report.packets, 8 + at.len() as u64);
        }
    }
}

#[test]
fn segments_of_one_byte_are_joined() {
    let (sent, len) = with_register();
    let whole = analyze(&sent);
    let mut sent = sent;
    let all: Vec<usize> = (1..len).collect();
    split(&mut sent, 0, &all);
    assert_eq!(outcome(&analyze(&sent)), outcome(&whole));
}

#[test]
fn status_line_is_joined_wherever_it_is_cut() {
    let sent = over("TCP");
    let whole = analyze(&sent);
    for at in 1..20 {
        let mut sent = sent.clone();
        split(&mut sent, 3, &[at]);
        assert_eq!(outcome(&analyze(&sent)), outcome(&whole), "{at}");
    }
}

#[test]
fn text_like_a_start_line_is_not_joined_with_what_does_not_continue_it() {
    let cut = "REGISTER sip:bob@192.0.2.20:5";
    let texts = [cut, "REGI", "S", "SIP/2.0 2", "HELLO", "ACK"];
    for next in [None, Some("\r\n\r\n"), Some("jaK"), Some("")] {
        for text in texts {
            let mut sent = over("TCP");
            let mut other = sent[0].clone();
            for payload in [next, Some(text)].into_iter().flatten() {
                other.message = payload.as_bytes().to_vec();
                sent.insert(0, other.clone());
            }
            // The INVITE follows in the same stream.
            let report = analyze(&sent);
            let others = 1 + u64::from(next.is_some());
            let counts = (report.sip_messages, report.other_packets, report.complete);
            assert_eq!(counts, (7, others, true), "{text:?} {next:?}");
            let is_short = text.len() <= 4;
            let expected = match is_short {
                true => vec![],
                false => vec![(1, None, "not-sip")],
            };
            assert_eq!(codes(&report), expected, "{text:?} {next:?}");
            // Nothing follows.
            let report = analyze(&sent[..1]);
            assert_eq!(
                (report.sip_messages, report.other_packets),
                (0, 1),
                "{text:?}"
            );
        }
    }
}

#[test]
fn start_line_that_comes_too_late_is_not_joined() {
    let (mut sent, _) = with_register();
    split(&mut sent, 0, &[29]);
    sent[0].time_us -= 6_000_000;
    let report = analyze(&sent);
    assert_eq!(report.other_packets, 1);
    let expected = [(1, None, "not-sip"), (2, Some(0), "start-line-malformed")];
    let mut found = codes(&report);
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn line_end_is_joined_only_if_the_header_goes_on() {
    // A cut header, then a keep-alive of one line end, then another message.
    let mut sent = over("TCP");
    let len = sent[4].message.len();
    sent[4].message.truncate(len - 12);
    let mut keep_alive = sent[4].clone();
    keep_alive.message = b"\r\n".to_vec();
    sent.insert(5, keep_alive);
    let mut next = sent[0].clone();
    next.time_us = sent[5].time_us;
    next.replace("INVITE", "OPTIONS");
    next.replace("INVITE", "OPTIONS");
    sent.insert(6, next);
    let report = analyze(&sent);
    assert_eq!((report.sip_messages, report.other_packets), (8, 1));
    assert!(codes(&report).contains(&(5, None, "message-truncated")));
}

#[test]
fn report_in_the_middle_includes_a_message_that_waits() {
    let mut sent = over("TCP");
    split(&mut sent, 0, &[150]);
    let report = analyze(&sent[..1]);
    assert_eq!((report.sip_messages, report.other_packets), (1, 0));
    assert_eq!(codes(&report), [(1, None, "message-truncated")]);
}

#[test]
fn messages_that_wait_are_bounded() {
    // The rest comes after more packets than may wait.
    let mut sent = over("TCP");
    let len = sent[0].message.len();
    split(&mut sent, 0, &[len - 20]);
    let mut other = sent[0].clone();
    other.from = "192.0.2.30:5060".parse().unwrap();
    other.message = b"\r\n\r\n".to_vec();
    for _ in 0..100 {
        sent.insert(1, other.clone());
    }
    let report = analyze(&sent);
    let expected = [(1, None, "message-truncated"), (102, None, "not-sip")];
    assert_eq!(codes(&report), expected);
    assert_eq!((report.sip_messages, report.other_packets), (7, 101));
}

#[test]
fn message_in_pieces_of_one_byte_takes_linear_time() {
    let begin = format!(
        "INVITE sip:bob@192.0.2.20 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK1\r\n\
         Call-ID: {CALL_ID}\r\nX: "
    );
    let piece = |bytes: &[u8]| Sent {
        time_us: BEGIN_US,
        from: CALLER.parse().unwrap(),
        to: CALLEE.parse().unwrap(),
        message: bytes.to_vec(),
    };
    let mut sent = vec![piece(begin.as_bytes())];
    sent.extend((0..200_000).map(|number| piece(&[b'\n', b'x', b':'][number % 3..][..1])));
    let started = std::time::Instant::now();
    let report = analyze(&sent);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert_eq!(report.packets, 200_001);
}

#[test]
fn start_lines_that_nothing_continues_take_linear_time() {
    let piece = |bytes: &str| Sent {
        time_us: BEGIN_US,
        from: CALLER.parse().unwrap(),
        to: CALLEE.parse().unwrap(),
        message: bytes.as_bytes().to_vec(),
    };
    for pieces in [&["REGISTER sip:", "x", "y", "z"][..], &["A", "AC"], &["S"]] {
        let sent: Vec<Sent> = pieces
            .iter()
            .cycle()
            .take(20_000)
            .map(|it| piece(it))
            .collect();
        let started = std::time::Instant::now();
        let report = analyze(&sent);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        assert_eq!((report.sip_messages, report.other_packets), (0, 20_000));
    }
}

proptest! {
    /// However a stream is cut into segments, the report says the same about the call.
    #[test]
    fn segments_of_any_size_say_the_same(sizes in prop::collection::vec(20..400_usize, 40)) {
        // All messages of each direction in a row, as long as the other direction is silent.
        let sent = over("TCP");
        let whole = analyze(&sent);
        let mut streams: Vec<Sent> = Vec::new();
        for message in sent {
            match streams.last_mut().filter(|last| last.from == message.from) {
                Some(last) => last.message.extend(message.message),
                None => streams.push(message),
            }
        }
        let mut sizes = sizes.into_iter().cycle();
        let mut segments = Vec::new();
        for stream in streams {
            let mut rest = &stream.message[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(sizes.next().unwrap().min(rest.len()));
                let mut segment = stream.clone();
                segment.message = piece.to_vec();
                segments.push(segment);
                rest = after;
            }
        }
        let report = analyze(&segments);
        prop_assert_eq!(outcome(&report), outcome(&whole));
    }
}
