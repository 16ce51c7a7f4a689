//! Breaks each rule once in a healthy call: exactly that finding is reported. Healthy calls have no
//! findings.

use homer_export::finding::{Finding, Rule};

use crate::capture::{CALL_ID, Capture, Sent, healthy, udp};
use crate::{recordings, report};

/// The findings after a change to the healthy call: packet, offset, code.
fn findings(change: impl FnOnce(&mut Vec<Sent>)) -> Vec<(u64, Option<u32>, String)> {
    let mut sent = healthy();
    change(&mut sent);
    of(&Capture::messages(&sent))
}

fn of(capture: &[u8]) -> Vec<(u64, Option<u32>, String)> {
    let found = report::analyze(capture, &[CALL_ID]).findings;
    for Finding {
        packet, text, rule, ..
    } in &found
    {
        assert!(
            !text.contains("alice") && !text.is_empty() && !rule.is_empty(),
            "packet {packet}: {text}, {rule}"
        );
    }
    found
        .into_iter()
        .map(|finding| (finding.packet, finding.offset, finding.code))
        .collect()
}

#[track_caller]
fn assert_found(
    code: &str,
    packet: u64,
    offset: Option<usize>,
    change: impl FnOnce(&mut Vec<Sent>),
) {
    let offset = offset.map(|offset| offset as u32);
    assert_eq!(findings(change), [(packet, offset, code.to_string())]);
}

/// Where a text of the healthy call's message begins.
fn at(packet: usize, text: &str) -> Option<usize> {
    Some(healthy()[packet - 1].find(text))
}

#[test]
fn finding_none_in_a_healthy_call() {
    assert_eq!(findings(|_| {}), []);
}

#[test]
fn finding_none_in_any_recorded_healthy_call() {
    for (name, capture) in recordings::captures() {
        // Not a healthy call: its 180 is a copy of the INVITE, without a To tag.
        let expected = match name.ends_with("odd-fields") {
            true => one(3, "tag-missing"),
            false => vec![],
        };
        assert_eq!(of(&capture), expected, "{name}");
    }
}

#[test]
fn finding_start_line_malformed() {
    for line in [
        "BYE sip:bob@192.0.2.20",
        "BYE  sip:bob@192.0.2.20 SIP/2.0",
        "BYE sip:bob@192.0.2.20 SIP/3.0",
        "BYE <sip:bob smith> SIP/2.0",
    ] {
        let found = findings(|sent| sent[5].replace("BYE sip:bob@192.0.2.20 SIP/2.0", line));
        assert_eq!(
            found,
            [(6, Some(0), "start-line-malformed".to_string())],
            "{line}"
        );
    }
}

#[test]
fn finding_status_line_malformed() {
    for line in [
        "SIP/2.0 2000 OK",
        "SIP/2.0 700 OK",
        "SIP/2.0 OK",
        "SIP/2.0  100 Trying",
    ] {
        let found = findings(|sent| sent[1].replace("SIP/2.0 100 Trying", line));
        assert_eq!(
            found,
            [(2, Some(0), "start-line-malformed".to_string())],
            "{line}"
        );
    }
}

#[test]
fn finding_header_without_colon() {
    assert_found("header-without-colon", 1, at(1, "Max-Forwards"), |sent| {
        sent[0].replace(
            "Max-Forwards: 70\r\n",
            "no colon here\r\nMax-Forwards: 70\r\n",
        );
    });
}

#[test]
fn finding_header_name_malformed() {
    assert_found("header-name-malformed", 5, at(5, "Max-Forwards"), |sent| {
        sent[4].replace("Max-Forwards: 70\r\n", "X Odd: 1\r\nMax-Forwards: 70\r\n");
    });
}

#[test]
fn finding_bare_lf() {
    let end = at(2, "Call-ID").unwrap() + "Call-ID: ".len() + CALL_ID.len();
    assert_found("bare-lf", 2, Some(end), |sent| {
        sent[1].replace(&format!("{CALL_ID}\r\n"), &format!("{CALL_ID}\n"));
    });
    // One finding, however many lines there are.
    let all = findings(|sent| sent[1].message.retain(|byte| *byte != b'\r'));
    assert_eq!(all.len(), 1, "{all:?}");
}

#[test]
fn finding_bare_cr() {
    let end = at(2, "To:").unwrap() + "To: ".len();
    assert_found("bare-cr", 2, Some(end), |sent| {
        sent[1].replace("To: <sip", "To: \r<sip")
    });
}

#[test]
fn finding_control_byte() {
    for byte in [0, 7, 0x1b, 0x7f] {
        let end = at(1, "Alice").unwrap();
        assert_found("control-byte", 1, Some(end), |sent| {
            sent[0].replace_bytes("Alice", &[byte, b'l'])
        });
    }
}

#[test]
fn finding_none_for_a_control_byte_after_a_backslash_in_quotation_marks() {
    for text in [
        "\"BEL:\\\u{7}\\\0 DEL:\\\u{7f}\" <sip:u@h>",
        "\"A\r\n B\\\u{7}\" <sip:u@h>",
    ] {
        assert_eq!(address(text), [], "{text:?}");
    }
    for text in [
        // Outside of quotation marks, after a backslash that is itself escaped, and elsewhere.
        "A\\\u{7} <sip:u@h>",
        "\"A\\\\\u{7}\" <sip:u@h>",
        "\"A\\\u{7}\u{7}\" <sip:u@h>",
        "\"A\\\"\" B\\\u{7} <sip:u@h>",
    ] {
        let found = address(text);
        assert_eq!(
            (found.len(), found[0].2.as_str()),
            (1, "control-byte"),
            "{text:?}"
        );
    }
}

#[test]
fn finding_not_utf8() {
    for (packet, old, new, field) in [
        (1, "Alice", &b"\xe9"[..], "From"),
        (1, "\"Alice\"", b"\"A\r\n \xe9\"", "From"),
        (2, "Trying", b"Essai\xe9", "the start line"),
    ] {
        let mut sent = healthy();
        sent[packet - 1].replace_bytes(old, new);
        let report = report::analyze(&Capture::messages(&sent), &[CALL_ID]);
        let text = format!("header is not valid UTF-8: byte 0xe9 in {field}");
        assert_eq!(report.findings[0].text, text);
    }
    let end = at(1, "Alice").unwrap();
    assert_found("not-utf8", 1, Some(end), |sent| {
        sent[0].replace_bytes("Alice", b"\xe9lise")
    });
    assert_eq!(
        findings(|sent| sent[0].replace("Alice", "Élise Звонок")),
        []
    );
}

#[test]
fn finding_content_length_mismatch() {
    for length in ["19", "99999"] {
        let found = findings(|sent| {
            sent[2].replace("Content-Length: 0", &format!("Content-Length: {length}"))
        });
        assert_eq!(found, [(3, None, "content-length-mismatch".to_string())]);
    }
    let longer = findings(|sent| sent[2].message.extend(b"body"));
    assert_eq!(longer, [(3, None, "content-length-mismatch".to_string())]);
    // A TCP segment may contain part of a message, or several messages.
    assert_eq!(
        findings(|sent| {
            sent[2].replace("SIP/2.0/UDP", "SIP/2.0/TCP");
            sent[2].message.extend(b"body");
        }),
        []
    );
    // Capture servers remove bytes from binary bodies.
    assert_eq!(
        findings(|sent| {
            sent[2].replace(
                "Content-Length: 0",
                "Content-Type: multipart/mixed;boundary=b\r\nContent-Length: 9",
            );
            sent[2].message.extend(b"body");
        }),
        []
    );
    // Padding that agents append is not part of the body.
    assert_eq!(findings(|sent| sent[2].message.extend(b"\r\n\0")), []);
}

#[test]
fn finding_none_about_the_length_of_a_truncated_message() {
    let sent = healthy();
    let mut capture = Capture::new();
    let frame = sent[0].frame();
    capture.cut_record(sent[0].time_us, &frame[..frame.len() - 30], frame.len());
    for message in &sent[1..] {
        capture.record(message.time_us, &message.frame());
    }
    assert_eq!(of(&capture.bytes), []);
}

#[test]
fn finding_content_length_malformed() {
    assert_found(
        "content-length-malformed",
        3,
        at(3, "Content-Length"),
        |sent| {
            sent[2].replace("Content-Length: 0", "Content-Length: none");
        },
    );
}

#[test]
fn finding_content_length_missing_on_a_stream_transport() {
    for transport in ["TCP", "tls"] {
        assert_found("content-length-missing", 3, None, |sent| {
            sent[2].replace("SIP/2.0/UDP", &format!("SIP/2.0/{transport}"));
            sent[2].replace("Content-Length: 0\r\n", "");
        });
    }
    assert_eq!(
        findings(|sent| sent[2].replace("Content-Length: 0\r\n", "")),
        []
    );
}

#[test]
fn finding_content_length_repeated() {
    assert_found(
        "content-length-repeated",
        3,
        at(3, "Content-Length").map(|at| at + 19),
        |sent| {
            sent[2].replace("Content-Length: 0\r\n", "Content-Length: 0\r\nl: 5\r\n");
        },
    );
    assert_eq!(
        findings(|sent| sent[2].replace("Content-Length: 0\r\n", "Content-Length: 0\r\nl: 0\r\n")),
        []
    );
}

#[test]
fn finding_mandatory_field_missing() {
    for (packet, field) in [
        (1, "Max-Forwards: 70\r\n"),
        (5, "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK2\r\n"),
        (4, "To: <sip:bob@example.net>;tag=bbb\r\n"),
    ] {
        let found = findings(|sent| sent[packet - 1].replace(field, ""));
        assert_eq!(
            found,
            [(packet as u64, None, "mandatory-field-missing".to_string())],
            "{field}"
        );
    }
    let report = report::analyze(
        &Capture::messages(&{
            let mut sent = healthy();
            sent[4].replace("Max-Forwards: 70\r\n", "");
            sent[4].replace("CSeq: 1 ACK\r\n", "");
            sent
        }),
        &[CALL_ID],
    );
    assert_eq!(
        report.findings[0].text,
        "missing header fields: CSeq, Max-Forwards"
    );
}

/// One finding without offset.
fn one(packet: u64, code: &str) -> Vec<(u64, Option<u32>, String)> {
    vec![(packet, None, code.to_string())]
}

#[test]
fn finding_tag_missing_in_from() {
    for packet in [5, 6] {
        let found = findings(|sent| sent[packet - 1].replace(";tag=aaa", ""));
        assert_eq!(found[0], one(packet as u64, "tag-missing")[0]);
    }
    let found = findings(|sent| sent[5].replace(";tag=aaa", ";tag="));
    assert_eq!(found[0], one(6, "tag-missing")[0]);
    // A response copies From, so that the request has the finding.
    let found = findings(|sent| {
        for message in &mut sent[..5] {
            message.replace(";tag=aaa", "");
        }
    });
    let missing = found.iter().filter(|found| found.2 == "tag-missing");
    let packets: Vec<u64> = missing.map(|found| found.0).collect();
    assert_eq!(packets, [1, 5]);
}

#[test]
fn finding_tag_missing_in_to() {
    for packet in [3, 4, 7] {
        let found = findings(|sent| sent[packet - 1].replace(";tag=bbb", ""));
        assert!(
            found.contains(&one(packet as u64, "tag-missing")[0]),
            "{found:?}"
        );
    }
    assert_eq!(
        findings(|sent| {
            for message in &mut sent[5..] {
                message.replace(";tag=bbb", "");
            }
        }),
        [one(6, "tag-missing"), one(7, "tag-missing")].concat()
    );
    // A callee without a tag gets requests without one (RFC 3261 §12.2.1.1).
    let found = findings(|sent| {
        for message in &mut sent[2..] {
            message.replace(";tag=bbb", "");
        }
    });
    let packets: Vec<u64> = found.iter().map(|found| found.0).collect();
    assert_eq!(packets, [3, 4, 7]);
}

#[test]
fn finding_header_repeated() {
    for (field, again) in [
        ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\n"),
        (
            "Content-Type: application/sdp\r\n",
            "c: application/sdp\r\n",
        ),
        ("Call-ID: made@192.0.2.10\r\n", "i: other@192.0.2.10\r\n"),
        ("CSeq: 1 INVITE\r\n", "CSEQ: 2 INVITE\r\n"),
        (
            "To: <sip:bob@example.net>\r\n",
            "t: <sip:bob@example.net>\r\n",
        ),
    ] {
        let at = healthy()[0].find(field) + field.len();
        assert_found("header-repeated", 1, Some(at), |sent| {
            sent[0].replace(field, &format!("{field}{again}"));
        });
    }
    // Lists may stand in several lines.
    for field in [
        "Via: SIP/2.0/UDP h;branch=z9hG4bK",
        "Contact: <sip:a@h>",
        "Allow: BYE",
    ] {
        let end = format!("{field}\r\nContent-Type");
        assert_eq!(findings(|sent| sent[0].replace("Content-Type", &end)), []);
    }
}

#[test]
fn finding_contact_missing() {
    for packet in [1, 4] {
        let found = findings(|sent| sent[packet - 1].replace("Contact: <sip:192.0.2.30>\r\n", ""));
        assert_eq!(found, one(packet as u64, "contact-missing"));
    }
    assert_eq!(findings(|sent| sent[0].replace("Contact", "m")), []);
    // A rejection needs none.
    assert_eq!(
        findings(|sent| {
            sent[3].replace("200 OK", "486 Busy Here");
            sent[3].replace("Contact: <sip:192.0.2.30>\r\n", "");
        }),
        []
    );
}

/// The codes at an address in place of the caller's, in the INVITE.
fn address(address: &str) -> Vec<(u64, Option<u32>, String)> {
    findings(|sent| {
        for message in sent {
            message.replace("\"Alice\" <sip:alice@example.net>", address);
        }
    })
    .into_iter()
    .filter(|(packet, ..)| *packet == 1)
    .collect()
}

#[test]
fn finding_quotes_unbalanced() {
    for text in [
        "\"Mr. User <sip:u@h>",
        "\"A\\\" <sip:u@h>",
        "A \"B\" \"C <sip:u@h>",
    ] {
        let at = at(1, "From").map(|at| at as u32);
        let expected = [(1, at, "quotes-unbalanced".to_string())];
        assert_eq!(address(text), expected, "{text}");
    }
    for text in [
        "\"A \\\" B\" <sip:u@h>",
        "\"\" <sip:u@h>",
        "\"A, <B>\" <sip:u@h>",
    ] {
        assert_eq!(address(text), [], "{text}");
    }
    assert_found("quotes-unbalanced", 4, at(4, "Contact"), |sent| {
        sent[3].replace("Contact: <", "Contact: \"Bob <");
    });
}

#[test]
fn finding_address_malformed() {
    for text in [
        "Watson < sip:u@h>",
        "<sip:u@h >",
        "<sip:u u@h>",
        "<sip:u@h",
        "Bell, Alexander <sip:u@h>",
        "sip:u, v@h",
        "sip:u u@h",
        "Alice sip:u@h",
        "<sip:u@h>, <sip:v@h>",
    ] {
        let at = at(1, "From").map(|at| at as u32);
        let expected = [(1, at, "address-malformed".to_string())];
        assert_eq!(address(text), expected, "{text}");
    }
    for text in [
        "Alice B.  <sip:u,v@h>",
        "sip:u@h ",
        "sip:u@h",
        "<sip:u@h> ",
        "<sip:u@h?Subject=a,b>",
        "caller<sip:u@h>",
        "<sip:u@h> ; x = \"a, <b\"",
    ] {
        assert_eq!(address(text), [], "{text}");
    }
    // Contact is a list.
    assert_eq!(
        findings(|sent| {
            sent[0].replace(
                "Contact: <",
                "Contact: \"A, B\" <sip:a@h> ; q = 0.3, sip:b@h;q=1, <",
            );
        }),
        []
    );
    assert_found("address-malformed", 1, at(1, "Contact"), |sent| {
        sent[0].replace("Contact: <", "Contact: <sip:a@h>, < ");
    });
}

#[test]
fn finding_request_uri_in_angle_brackets() {
    assert_found("address-malformed", 6, Some(4), |sent| {
        sent[5].replace("BYE sip:bob@192.0.2.20", "BYE <sip:bob@192.0.2.20>")
    });
}

#[test]
fn finding_cseq_malformed() {
    for cseq in ["1ACK", "one ACK", "2147483648 ACK", "1 ", "1 A/K"] {
        let found = findings(|sent| sent[4].replace("CSeq: 1 ACK", &format!("CSeq: {cseq}")));
        assert_eq!(
            found,
            [(
                5,
                at(5, "CSeq").map(|at| at as u32),
                "cseq-malformed".to_string()
            )],
            "{cseq}"
        );
    }
}

#[test]
fn finding_cseq_method_mismatch() {
    // In the request itself.
    assert_found("cseq-method-mismatch", 5, None, |sent| {
        sent[4].replace("CSeq: 1 ACK", "CSeq: 1 INVITE")
    });
    // In the response to it.
    assert_found("cseq-method-mismatch", 7, None, |sent| {
        sent[6].replace("CSeq: 2 BYE", "CSeq: 2 INVITE")
    });
}

#[test]
fn finding_cseq_not_increased() {
    // The number of the INVITE again, and a lower one.
    assert_found("cseq-not-increased", 6, None, |sent| {
        for message in &mut sent[5..] {
            message.replace("2 BYE", "1 BYE");
        }
    });
    assert_found("cseq-not-increased", 6, None, |sent| {
        for message in &mut sent[..5] {
            message.replace("CSeq: 1", "CSeq: 7");
        }
    });
    // A gap is allowed. The other side counts on its own.
    let gap = |sent: &mut Vec<Sent>| {
        for message in &mut sent[5..] {
            message.replace("2 BYE", "900 BYE");
        }
    };
    assert_eq!(findings(gap), []);
    let callee = |sent: &mut Vec<Sent>| {
        for message in &mut sent[5..] {
            message.replace("tag=aaa", "tag=x");
            message.replace("tag=bbb", "tag=aaa");
            message.replace("tag=x", "tag=bbb");
            message.replace("2 BYE", "1 BYE");
            std::mem::swap(&mut message.from, &mut message.to);
        }
    };
    assert_eq!(findings(callee), []);
    // A request that was overtaken on its way.
    let overtaken = |sent: &mut Vec<Sent>| {
        let mut info = sent[5..].to_vec();
        for message in &mut info {
            message.replace("2 BYE", "3 INFO");
            message.replace("z9hG4bK3", "z9hG4bK4");
            message.time_us -= 100_000;
        }
        info[0].replace("BYE sip", "INFO sip");
        sent.splice(5..5, info);
    };
    assert_eq!(findings(overtaken), []);
    // Another agent saw the call, and its clock is an hour ahead.
    let seen_again = |sent: &mut Vec<Sent>| {
        let mut info = sent[5..].to_vec();
        for message in &mut info {
            message.replace("2 BYE", "2 INFO");
            message.replace("z9hG4bK3", "z9hG4bK4");
            message.time_us -= 10_000_000;
        }
        info[0].replace("BYE sip", "INFO sip");
        for message in &mut sent[5..] {
            message.replace("2 BYE", "3 BYE");
        }
        sent.splice(5..5, info);
        let mut again = sent.clone();
        for message in &mut again {
            message.time_us += 3_600_000_000;
        }
        sent.extend(again);
    };
    assert_eq!(findings(seen_again), []);
    // The number is that of another dialog: another fork accepted as well.
    let fork = |sent: &mut Vec<Sent>| {
        let mut other = vec![
            sent[3].clone(),
            sent[4].clone(),
            sent[5].clone(),
            sent[6].clone(),
        ];
        for message in &mut other {
            message.replace("tag=bbb", "tag=ccc");
            message.time_us = sent[4].time_us + 1;
        }
        for message in &mut other[1..] {
            message.replace("z9hG4bK", "z9hG4bKfork");
        }
        for message in &mut other[2..] {
            message.replace("2 BYE", "2 INFO");
        }
        other[2].replace("BYE sip", "INFO sip");
        sent.splice(5..5, other);
    };
    assert_eq!(findings(fork), []);
}

#[test]
fn finding_ack_without_invite() {
    assert_found("ack-without-invite", 5, None, |sent| {
        sent[4].replace("1 ACK", "7 ACK")
    });
    let report = report::analyze(
        &recordings::capture("public/ack-cseq-wrong"),
        &["ack-cseq-wrong@public.example"],
    );
    assert_eq!(
        report.findings[0].text,
        "ACK has CSeq 100, which no INVITE of its dialog has; the accepted one has 101"
    );
    // The re-INVITE that it acknowledges was not captured.
    let later = |sent: &mut Vec<Sent>| {
        let mut ack = sent[4].clone();
        ack.replace("1 ACK", "2 ACK");
        ack.replace("z9hG4bK2", "z9hG4bK9");
        ack.time_us += 1_000_000;
        sent.insert(5, ack);
        for message in &mut sent[6..] {
            message.replace("2 BYE", "3 BYE");
        }
    };
    assert_eq!(findings(later), []);
    // The response that names its dialog was not.
    assert_eq!(
        findings(|sent| {
            sent[4].replace("1 ACK", "7 ACK");
            sent.remove(3);
        }),
        []
    );
}

#[test]
fn finding_not_sip() {
    let with = |payload: &[u8]| {
        let mut sent = healthy();
        let mut other = sent[4].clone();
        other.message = payload.to_vec();
        sent.insert(5, other);
        of(&Capture::messages(&sent))
    };
    for payload in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\x80\x00\x01\x02\x03\x04\x05\x06",
        b"{\"a\": 1}",
    ] {
        assert_eq!(with(payload), one(6, "not-sip"), "{payload:?}");
    }
    for payload in [
        &b"\r\n\r\n"[..],
        b"\0\0\0\0",
        b"jaK",
        // A STUN request (RFC 5626 §3.5.2).
        b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl",
        b"{\"report_count\": 1}",
        b"{\"CORRELATION_ID\":\"x\",\"MOS\":4.3}",
    ] {
        assert_eq!(with(payload), [], "{payload:?}");
    }
}

#[test]
fn finding_branch_without_cookie() {
    for (branch, code) in [
        (";branch=3", "branch-without-cookie"),
        ("", "branch-without-cookie"),
    ] {
        assert_found(code, 6, None, |sent| {
            for message in &mut sent[5..] {
                message.replace(";branch=z9hG4bK3", branch);
            }
        });
    }
}

#[test]
fn finding_call_id_changed() {
    assert_found("call-id-changed", 7, None, |sent| {
        sent[6].replace(CALL_ID, "another@192.0.2.20")
    });
}

#[test]
fn finding_tag_changed_in_a_response() {
    assert_found("tag-changed", 2, None, |sent| {
        sent[1].replace("tag=aaa", "tag=axa")
    });
    assert_found("tag-changed", 7, None, |sent| {
        sent[6].replace("tag=bbb", "tag=bxb")
    });
}

#[test]
fn finding_tag_changed_within_a_dialog() {
    assert_found("tag-changed", 6, None, |sent| {
        for message in &mut sent[5..] {
            message.replace("tag=bbb", "tag=bxb");
        }
    });
    // The callee hangs up: the tags change places.
    let callee = findings(|sent| {
        for message in &mut sent[5..] {
            message.replace("tag=aaa", "tag=x");
            message.replace("tag=bbb", "tag=aaa");
            message.replace("tag=x", "tag=bbb");
            std::mem::swap(&mut message.from, &mut message.to);
        }
    });
    assert_eq!(callee, []);
}

#[test]
fn finding_none_about_tags_of_a_leg_captured_in_one_direction() {
    // A B2BUA that keeps the Call-ID, with tags of its own on its second leg.
    let both_legs = |sent: &mut Vec<Sent>| {
        let mut second = sent.clone();
        for message in &mut second {
            message.time_us += 100;
            message.replace("tag=aaa", "tag=ccc");
            message.replace("z9hG4bK", "z9hG4bKsecond");
            let text = String::from_utf8(message.message.clone()).unwrap();
            message.message = text.replace("tag=bbb", "tag=ddd").into_bytes();
            let move_to = |end: &mut std::net::SocketAddr| {
                *end = match end.to_string().as_str() {
                    "192.0.2.10:5060" => "192.0.2.20:5070".parse().unwrap(),
                    _ => "192.0.2.30:5060".parse().unwrap(),
                };
            };
            move_to(&mut message.from);
            move_to(&mut message.to);
        }
        sent.extend(second);
        sent.sort_by_key(|message| message.time_us);
    };
    assert_eq!(findings(both_legs), []);
    // Its responses were not captured.
    let one_direction = |sent: &mut Vec<Sent>| {
        both_legs(sent);
        sent.retain(|message| message.from.ip().to_string() != "192.0.2.30");
    };
    assert_eq!(findings(one_direction), []);
    // A wrong tag of the sender is certain even so.
    let wrong = findings(|sent| {
        one_direction(sent);
        let bye = sent.iter_mut().filter(|it| it.message.starts_with(b"BYE"));
        bye.last().unwrap().replace("tag=ccc", "tag=cxc");
    });
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert_eq!(wrong[0].2, "tag-changed");
}

#[test]
fn finding_none_about_a_tag_that_an_ack_names() {
    // The second attempt of a leg has another tag, and its INVITE was not captured; the callee
    // hangs up.
    let found = |tag_of_ack: &str| {
        findings(|sent| {
            let mut leg = sent.clone();
            for message in &mut leg {
                message.time_us += 100;
                message.replace("tag=aaa", "tag=ccc");
                message.replace("z9hG4bK", "z9hG4bKsecond");
                let text = String::from_utf8(message.message.clone()).unwrap();
                message.message = text.replace("tag=bbb", "tag=ddd").into_bytes();
            }
            leg[4].replace("tag=ccc", tag_of_ack);
            for message in &mut leg[5..] {
                message.replace("tag=ccc", "tag=ddd");
                message.replace(">;tag=ddd\r\nCall-ID", ">;tag=eee\r\nCall-ID");
                (message.from, message.to) = (message.to, message.from);
            }
            sent.extend(leg);
            sent.sort_by_key(|message| message.time_us);
        })
    };
    assert_eq!(found("tag=eee"), []);
    assert_eq!(found("tag=ccc"), one(12, "tag-changed"));
}

#[test]
fn finding_sdp_unreadable() {
    let body = |packet: usize| healthy()[packet - 1].find("v=0");
    for (old, new, offset) in [
        ("v=0", "V=0", 0),
        ("s=-", "s -", "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\n".len()),
        (
            "m=audio 40000 RTP/AVP 0 8",
            "m=audio forty RTP/AVP 0 8",
            healthy()[0].find("m=audio") - body(1),
        ),
    ] {
        let found = findings(|sent| {
            sent[0].replace(old, new);
            let length = sent[0].message.len() - sent[0].find("\r\n\r\n") - 4;
            let said = healthy()[0].message.len() - healthy()[0].find("\r\n\r\n") - 4;
            sent[0].replace(
                &format!("Content-Length: {said}"),
                &format!("Content-Length: {length}"),
            );
        });
        assert_eq!(
            found,
            [(
                1,
                Some((body(1) + offset) as u32),
                "sdp-unreadable".to_string()
            )],
            "{new}"
        );
    }
}

#[test]
fn finding_sdp_connection_missing() {
    assert_found("sdp-connection-missing", 1, at(1, "m=audio"), |sent| {
        sent[0].replace("c=IN IP4 192.0.2.10", "b=IN IP4 192.0.2.10");
    });
    // The medium has its own connection, or is rejected and needs none.
    assert_eq!(
        findings(|sent| {
            sent[3].replace("c=IN IP4 192.0.2.20\r\n", "");
            sent[3].replace("a=sendrecv\r\n", "c=IN IP4 192.0.2.20\r\na=sendrecv\r\n");
        }),
        []
    );
    assert_eq!(
        findings(|sent| {
            sent[3].replace("c=IN IP4", "b=IN IP4");
            sent[3].replace("m=audio 40000", "m=audio 00000");
        }),
        []
    );
}

#[test]
fn finding_sdp_media_missing_in_an_answer() {
    assert_found("sdp-media-missing", 4, None, |sent| {
        sent[3].replace(
            "m=audio 40000 RTP/AVP 0 8\r\n",
            "a=audio 40000 RTP/AVP 0 8\r\n",
        );
    });
}

/// Puts the SDP of a message into a multipart body, beside this part.
fn into_multipart(sent: &mut Sent, part: &[u8], end: &str) {
    let body = sent.message.split_off(sent.find("v=0"));
    let start = sent.find("Content-Type");
    sent.message.truncate(start);
    let mut parts = b"--b1\r\nContent-Type: application/SDP;charset=x\r\n\r\n".to_vec();
    parts.extend(body);
    parts.extend(b"\r\n--b1\r\n");
    parts.extend(part);
    parts.extend(end.as_bytes());
    let header = format!(
        "c: multipart/mixed; boundary=\"b1\"\r\nContent-Length: {}\r\n\r\n",
        parts.len()
    );
    sent.message.extend(header.as_bytes());
    sent.message.extend(parts);
}

/// The metadata of SIPREC (RFC 7866).
const METADATA: &[u8] = b"Content-Type: application/rs-metadata+xml\r\n\r\n<recording/>";

#[test]
fn finding_sdp_in_a_multipart_body() {
    let end = "\r\n--b1--\r\n";
    // A recording session with two streams, of which the answer has one (RFC 7866 §7.1).
    let siprec = |streams: usize, end: &str| {
        findings(|sent| {
            for at in [0, 3] {
                into_multipart(
                    &mut sent[at],
                    METADATA,
                    if at == 0 { "\r\n--b1--" } else { end },
                );
            }
            let stream = "m=audio 40000 RTP/AVP 0 8\r\n";
            let length = sent[0].message.len() - sent[0].find("\r\n\r\n") - 4;
            sent[0].replace(stream, &stream.repeat(streams));
            let new = length + (streams - 1) * stream.len();
            sent[0].replace(&format!("Length: {length}"), &format!("Length: {new}"));
        })
    };
    assert_eq!(siprec(1, end), []);
    assert_eq!(siprec(2, end), one(4, "sdp-media-missing"));
    // The offset is that in the payload.
    let mut wrong = healthy();
    into_multipart(&mut wrong[0], METADATA, end);
    wrong[0].replace("s=-", "s -");
    let at = wrong[0].find("s -") as u32;
    let expected = [(1, Some(at), "sdp-unreadable".to_string())];
    assert_eq!(of(&Capture::messages(&wrong)), expected);
    // Other parts lose bytes in the database (docs/homer.md §6).
    let mut isup = healthy();
    into_multipart(
        &mut isup[0],
        b"Content-Type: application/ISUP\r\n\r\n\x01\x11",
        end,
    );
    isup[0].replace_bytes("\x01\x11", b"\x01");
    assert_eq!(of(&Capture::messages(&isup)), []);
    // Two descriptions, of which the receiver reads one, and a part in another encoding.
    for part in [
        &b"Content-Type: application/sdp\r\n\r\nbroken"[..],
        b"Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0wDQo=",
    ] {
        let found = findings(|sent| into_multipart(&mut sent[0], part, end));
        assert_eq!(found, [], "{part:?}");
    }
    // One within another one, as in an emergency call (RFC 6442).
    let nested = b"Content-Type: multipart/related;boundary=b2\r\n\r\n--b2\r\n\
        Content-Type: application/sdp\r\n\r\nbroken\r\n--b2--";
    let mut sent = healthy();
    into_multipart(&mut sent[0], nested, end);
    sent[0].replace("application/SDP", "text/plain");
    let found = of(&Capture::messages(&sent));
    assert_eq!(found[0].2, "sdp-unreadable");
}

#[test]
fn finding_response_without_request() {
    assert_found("response-without-request", 6, None, |sent| {
        drop(sent.remove(5))
    });
    // Many proxies do not trace the CANCEL that they send themselves.
    assert_eq!(
        findings(|sent| {
            sent[2].replace("180 Ringing", "200 OK");
            sent[2].replace("1 INVITE", "1 CANCEL");
        }),
        []
    );
    // If the start of the call is missing, responses to it are no finding.
    assert_eq!(findings(|sent| drop(sent.drain(..1))), []);
}

#[test]
fn finding_ip_length_wrapped() {
    let mut capture = Capture::with_snaplen(262_144);
    for (number, message) in healthy().iter_mut().enumerate() {
        if number == 0 {
            let long = format!("X-Long: {}\r\nMax-Forwards", "x".repeat(70_000));
            message.replace("Max-Forwards", &long);
        }
        capture.record(message.time_us, &message.frame());
    }
    assert_eq!(
        of(&capture.bytes),
        [(1, None, "ip-length-wrapped".to_string())]
    );
}

#[test]
fn finding_record_above_snaplen() {
    let mut capture = Capture::with_snaplen(600);
    for message in &mut healthy() {
        if message.message.starts_with(b"ACK") {
            message.replace(
                "Max-Forwards",
                &format!("X-Long: {}\r\nMax-Forwards", "x".repeat(600)),
            );
        }
        capture.record(message.time_us, &message.frame());
    }
    assert_eq!(
        of(&capture.bytes),
        [(5, None, "record-above-snaplen".to_string())]
    );
}

#[test]
fn finding_record_too_long_for_wireshark() {
    let [from, to] = ["[2001:db8::10]:5060", "[2001:db8::20]:5060"].map(|end| end.parse().unwrap());
    for (len, codes) in [
        (262_144, one(1, "not-sip")),
        (
            262_145,
            [one(1, "record-too-long-for-wireshark"), one(1, "not-sip")].concat(),
        ),
    ] {
        let mut capture = Capture::with_snaplen(300_000);
        let frame = udp(from, to, &vec![b'x'; len - 14 - 40 - 8]);
        assert_eq!(frame.len(), len);
        capture.record(crate::capture::BEGIN_US, &frame);
        assert_eq!(of(&capture.bytes), codes);
    }
}

#[test]
fn finding_time_backwards() {
    assert_found("time-backwards", 3, None, |sent| sent[2].time_us -= 699_001);
    // A packet dated 1970 does not count, neither as a step back nor as the one before.
    assert_eq!(findings(|sent| sent[2].time_us = 5), []);
}

#[test]
fn finding_is_not_repeated_for_a_retransmission() {
    assert_found("control-byte", 1, at(1, "Alice"), |sent| {
        sent[0].replace_bytes("Alice", b"\x01");
        let mut again = sent[0].clone();
        again.time_us += 500_000;
        sent.insert(2, again);
    });
}

#[test]
fn finding_list_is_bounded_and_counted() {
    let mut sent = healthy();
    let bye = sent.split_off(5);
    for number in 0..150_u64 {
        let mut options = bye[0].clone();
        options.time_us += number;
        options.replace("BYE sip", "OPTIONS sip");
        options.replace("2 BYE", &format!("{} OPTIONS", number + 2));
        options.replace("Max-Forwards: 70\r\n", "");
        sent.push(options);
    }
    let report = report::analyze(&Capture::messages(&sent), &[CALL_ID]);
    assert_eq!((report.findings.len(), report.findings_elided), (20, 130));
    assert_eq!(report.findings[19].packet, 25);
    // Seven findings in every message: the first hundred are kept.
    for message in &mut sent[5..] {
        message.replace("z9hG4bK", "");
        message.replace("From: ", "no colon\r\nFrom: \x01");
        message.replace("OPTIONS\r\n", "INFO\n");
        message.replace("sip:bob@example.net", "sip:\rbob");
    }
    let report = report::analyze(&Capture::messages(&sent), &[CALL_ID]);
    assert_eq!(
        (report.findings.len(), report.findings_elided),
        (100, 150 * 7 - 100)
    );
    assert!(report.findings.is_sorted_by_key(|finding| finding.packet));
    assert_eq!(report.findings[99].packet, 20);
}

#[test]
fn finding_none_in_an_sdp_that_is_not_an_answer() {
    // The SDP of a rejection says what would have been accepted.
    assert_eq!(
        findings(|sent| {
            sent[3].replace("200 OK", "488 Not Acceptable Here");
            sent[3].replace(
                "m=audio 40000 RTP/AVP 0 8\r\n",
                "a=audio 40000 RTP/AVP 0 8\r\n",
            );
        }),
        []
    );
    // A compressed body is not parsed.
    assert_eq!(
        findings(|sent| {
            sent[3].replace("Content-Type", "e: gzip\r\nContent-Type");
            sent[3].replace("v=0", "\x1f\x02\x03");
        }),
        []
    );
}

#[test]
fn finding_none_about_sdp_if_a_branch_without_cookie_is_reused() {
    let codes: Vec<_> = findings(|sent| {
        for message in sent.iter_mut() {
            let text = String::from_utf8(message.message.clone()).unwrap();
            let branch = text
                .split(";branch=")
                .nth(1)
                .unwrap()
                .split("\r\n")
                .next()
                .unwrap()
                .to_string();
            message.replace(&format!(";branch={branch}"), "");
        }
        // The callee offers two media with the CSeq of the caller's offer of one, and gets two.
        let (mut offer, mut answer) = (sent[0].clone(), sent[3].clone());
        for message in [&mut offer, &mut answer] {
            message.time_us += 30_000_000;
            message.replace("m=audio", "m=image 0 udptl\r\nm=audio");
            message.replace("Content-Length: 1", "X: 1");
            message.replace("tag=aaa", "tag=x");
        }
        offer.replace(
            "To: <sip:bob@example.net>",
            "To: <sip:bob@example.net>;tag=aaa",
        );
        answer.replace("tag=bbb", "tag=aaa");
        for message in [&mut offer, &mut answer] {
            message.replace("tag=x", "tag=bbb");
            std::mem::swap(&mut message.from, &mut message.to);
        }
        sent.splice(5..5, [offer, answer]);
    })
    .into_iter()
    .map(|(.., code)| code)
    .collect();
    assert!(
        codes.iter().all(|code| code == "branch-without-cookie"),
        "{codes:?}"
    );
}

/// One example of each rule, in the order of the page.
fn every_rule() -> Vec<Rule> {
    use Rule::*;
    let name = |text: &str| text.to_string();
    let rules = vec![
        StartLineMalformed,
        HeaderWithoutColon,
        HeaderNameMalformed,
        BareLf,
        BareCr,
        ControlByte { byte: 0 },
        NotUtf8 {
            byte: 0xe9,
            field: name("Subject"),
        },
        NotSip,
        ContentLengthMismatch {
            header: 193,
            body: 150,
        },
        MessageTruncated { body: None },
        ContentLengthMalformed,
        ContentLengthMissing {
            transport: name("TCP"),
        },
        ContentLengthRepeated {
            first: 0,
            other: 193,
        },
        MandatoryFieldMissing {
            names: name("CSeq, Max-Forwards"),
        },
        HeaderRepeated {
            name: "Content-Type",
        },
        TagMissing { field: "From" },
        ContactMissing,
        QuotesUnbalanced { field: "To" },
        AddressMalformed {
            field: "To",
            why: "the URI contains a blank",
        },
        CSeqMalformed,
        CSeqNotIncreased {
            cseq: 1,
            before: 2,
            packet: 5,
        },
        AckWithoutInvite {
            cseq: 100,
            invite: 101,
        },
        CSeqMethodMismatch {
            cseq: Some(name("INVITE")),
            request: name("BYE"),
        },
        BranchWithoutCookie { missing: false },
        CallIdChanged { request: 6 },
        TagChanged {
            field: "To",
            request: Some(6),
        },
        SdpUnreadable {
            why: "it does not begin with v=0",
        },
        SdpConnectionMissing,
        SdpMediaMissing {
            offered: 2,
            answered: 1,
        },
        ResponseWithoutRequest,
        IpLengthWrapped { len: 70_028 },
        RecordAboveSnaplen {
            len: 70_042,
            snaplen: 65_536,
        },
        RecordTooLongForWireshark { len: 262_186 },
        TimeBackwards { by_us: 12_000 },
    ];
    let codes: Vec<&str> = rules.iter().map(Rule::code).collect();
    assert_eq!(codes, Rule::CODES, "one example of each rule");
    rules
}

#[test]
fn finding_page_lists_every_rule() {
    let mut page = "# Findings\n\n\
        The report lists the rules of SIP, SDP, IP and pcap that a packet breaks. It lists only \
        violations\nthat are certain: a healthy call has no findings. Codes never change. Numbers \
        and names in the texts\nare examples.\n\n\
        `tests/core/finding.rs` checks this page; `BLESS=1 cargo test -p homer-export finding` \
        writes it.\n\n\
        | code | text | rule |\n|---|---|---|\n"
        .to_string();
    for rule in every_rule() {
        page += &format!(
            "| `{}` | {} | {} |\n",
            rule.code(),
            rule.text(),
            rule.reference()
        );
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), page);
}
