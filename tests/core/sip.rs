use homer_export::finding::Rule;
use homer_export::sip::{CSeq, Message, Parser, Sdp, StartLine, Via};
use proptest::prelude::*;

fn read(text: &str) -> Option<Message<'_>> {
    Parser::default().parse(text.as_bytes(), true, &mut |_, _| {})
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.map(|bytes| std::str::from_utf8(bytes).unwrap())
}

#[test]
fn message_has_the_fields_that_identify_calls() {
    let message = read(
        "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/TLS a:5061;rport;branch=z9hG4bK1;received=::1, \
         SIP/2.0/UDP b;branch=z9hG4bK0\r\n\
         Via: SIP/2.0/UDP c;branch=z9hG4bK9\r\nFrom: \"A \\\" <x>;tag=no\" \
         <sip:a@h;tag=uri>;x=1;tag=aaa\r\nTo: sip:b@h;tag=bbb\r\n\
         Call-ID: a@b\r\nCSeq: 7   INVITE\r\nContent-Type: application/sdp;charset=utf-8\r\n\
         Content-Length: 4\r\n\r\nbody",
    )
    .unwrap();
    assert_eq!(
        message.start,
        StartLine::Request {
            method: b"INVITE",
            uri: b"sip:bob@h"
        }
    );
    assert_eq!(
        message.via,
        Some(Via {
            transport: b"TLS",
            branch: Some(b"z9hG4bK1")
        })
    );
    assert_eq!(
        (text(message.from_tag), text(message.to_tag)),
        (Some("aaa"), Some("bbb"))
    );
    assert_eq!(text(message.call_id), Some("a@b"));
    assert_eq!(
        message.cseq,
        Some(CSeq {
            number: 7,
            method: b"INVITE"
        })
    );
    assert_eq!(
        (message.content_length, message.is_sdp(), message.body),
        (Some(4), true, &b"body"[..])
    );
}

#[test]
fn message_is_parsed_in_compact_form_in_any_case_and_folded() {
    let message = read(
        "SIP/2.0 180 Ringing\r\nv: SIP / 2.0 / UDP a;BRANCH=z9hG4bK1\r\nF:\r\n sip:a@h\r\n\
         \t;tag=aaa\r\nT : <sip:b@h>;TAG = bbb\r\n\
         I:a@b\r\ncSEQ: 1 INVITE\r\nC: text/plain\r\nL: 0\r\n\r\n",
    )
    .unwrap();
    assert_eq!(
        message.start,
        StartLine::Response {
            status: 180,
            reason: b"Ringing"
        }
    );
    assert_eq!(
        message.via,
        Some(Via {
            transport: b"UDP",
            branch: Some(b"z9hG4bK1")
        })
    );
    assert_eq!(
        (text(message.from_tag), text(message.to_tag)),
        (Some("aaa"), Some("bbb"))
    );
    assert_eq!(
        (
            text(message.call_id),
            message.content_length,
            message.is_sdp()
        ),
        (Some("a@b"), Some(0), false)
    );
}

#[test]
fn message_call_id_is_found_in_every_form() {
    for (message, id) in [
        (
            "INVITE sip:a SIP/2.0\r\nVia: x\r\nCall-ID: a@b\r\n\r\n",
            Some("a@b"),
        ),
        ("\r\n\r\nINVITE sip:a SIP/2.0\ni:a@b\n\n", Some("a@b")),
        ("SIP/2.0 200 OK\r\nCALL-id \t:  a@b \r\n", Some("a@b")),
        ("SIP/2.0 200\r\nCall-ID:\r\n a@b\r\n", Some("a@b")),
        (
            "INVITE sip:a SIP/2.0\r\nno colon\r\nCall-ID: a:b\r\n",
            Some("a:b"),
        ),
        (
            "INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\nCall-ID: in-the-body\r\n",
            None,
        ),
        ("INVITE sip:a SIP/2.0\r\nX-Call-ID: other\r\n", None),
    ] {
        assert_eq!(text(read(message).unwrap().call_id), id, "{message}");
    }
}

#[test]
fn message_with_a_malformed_start_line_is_recognized_by_its_header() {
    let message = read("INVITE sip:a\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n\r\n").unwrap();
    assert_eq!(
        (message.start, text(message.call_id)),
        (StartLine::Malformed, Some("a@b"))
    );
    for other in [
        "",
        "\r\n\r\n",
        "{\"report_count\": 1}",
        "<14>Nov 20 10:30:02 sbc kamailio[811]: INFO: Call-ID: a@b",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "nonsense\r\nCall-ID: a@b\r\n\r\n",
        "Call-ID: start-line\r\nCSeq: 1 INVITE\r\n",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn message_content_is_cut_at_its_length() {
    let message = read("BYE sip:a SIP/2.0\r\nl: 2\r\n\r\nbody").unwrap();
    assert_eq!(
        (message.content(), message.body),
        (&b"bo"[..], &b"body"[..])
    );
    let message = read("BYE sip:a SIP/2.0\r\nl: 9\r\n\r\nbody").unwrap();
    assert_eq!(message.content(), b"body");
}

#[test]
fn message_with_an_unclosed_display_name_has_no_tag() {
    let message =
        read("BYE sip:a SIP/2.0\r\nFrom: \"A <sip:a@h>;tag=x\r\nTo: <sip:b@h;tag=y\r\n\r\n")
            .unwrap();
    assert_eq!((message.from_tag, message.to_tag), (None, None));
}

#[test]
fn parser_does_not_confuse_a_field_with_a_cached_start_of_it() {
    let mut parser = Parser::default();
    let mut to_tag = |text: &str| {
        let message = parser.parse(text.as_bytes(), true, &mut |_, _| {}).unwrap();
        message
            .to_tag
            .map(|tag| std::str::from_utf8(tag).unwrap().to_string())
    };
    let start = "BYE sip:bob@example.net SIP/2.0\r\nTo: <sip:bob@example.net>;tag=one";
    // The field is cut off, whole, folded, whole again, and longer.
    assert_eq!(to_tag(start).unwrap(), "one");
    assert_eq!(
        to_tag(&format!("{start}\r\nCall-ID: a@b\r\n\r\n")).unwrap(),
        "one"
    );
    assert_eq!(
        to_tag(&format!("{start}\r\n two\r\nCall-ID: a@b\r\n\r\n")).unwrap(),
        "one\r\n two"
    );
    assert_eq!(
        to_tag(&format!("{start}\r\nCall-ID: a@b\r\n\r\n")).unwrap(),
        "one"
    );
    assert_eq!(
        to_tag(&format!("{start}two\r\nCall-ID: a@b\r\n\r\n")).unwrap(),
        "onetwo"
    );
}

#[test]
fn sdp_counts_media() {
    let sdp = Sdp::parse(
        b"v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\nm=audio 4 RTP/AVP 0\nc=IN IP4 h\nm=video \
         0/2 RTP/AVP 96\n\n",
    );
    assert_eq!(sdp, Ok(Sdp { media: 2 }));
    assert_eq!(Sdp::parse(b"v=0\r\n"), Ok(Sdp { media: 0 }));
}

#[test]
fn sdp_without_connection_for_a_medium_has_its_offset() {
    let body = b"v=0\r\nm=audio 4 RTP/AVP 0\r\nm=video 5 RTP/AVP 96\r\nc=IN IP4 h\r\n";
    assert_eq!(Sdp::parse(body), Err((5, Rule::SdpConnectionMissing)));
}

proptest! {
    /// Any bytes after a start line: never a panic, and offsets inside the message.
    #[test]
    fn message_of_any_bytes_does_not_panic(
        lines in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    &b"Call-ID: a@b"[..], b"CSeq: 1 BYE", b"Via: SIP/2.0/TCP h;branch=z9hG4bK",
                    b"From: \"\\", b"To: <;tag=",
                    b"Content-Length: 9", b"l:", b" folded", b"c: application/sdp", b"", b"v=0",
                    b"m=", b":",
                ]).prop_map(<[u8]>::to_vec),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..20,
        ),
        end in prop::sample::select(vec![&b"\r\n"[..], b"\n", b"\r"]),
        start in prop::sample::select(
            vec![&b"BYE sip:a SIP/2.0"[..], b"SIP/2.0 200 OK", b"SIP", b""],
        ),
    ) {
        let mut bytes = start.to_vec();
        for line in lines {
            bytes.extend(end);
            bytes.extend(line);
        }
        let len = bytes.len();
        let mut offsets = Vec::new();
        let mut on_finding = |at, rule: Rule| offsets.push((at, rule.text(), rule.reference()));
        let parsed = Parser::default().parse(&bytes, true, &mut on_finding);
        if let Some(message) = parsed {
            prop_assert!(message.body_offset <= len);
            prop_assert!(message.body.len() <= len);
            if let Err((at, rule)) = Sdp::parse(message.content()) {
                offsets.push((Some(message.body_offset + at), rule.text(), rule.reference()));
            }
        }
        for (at, text, rule) in offsets {
            prop_assert!(at.is_none_or(|at| at <= len));
            prop_assert!(!text.is_empty() && !rule.is_empty());
        }
    }

    /// A message is parsed alike after any other messages.
    #[test]
    fn parser_result_does_not_depend_on_earlier_messages(
        messages in prop::collection::vec(
            (
                prop::sample::select(vec!["BYE sip:a@example.net SIP/2.0", "SIP/2.0 200 OK", "SIP",
                "BYE"]),
                prop::collection::vec(
                    prop::sample::select(vec![
                        "Call-ID: a@example.net", "Call-ID: a@example.net0", "i: b@example.net",
                        "CSeq: 1 BYE", "CSeq: 1 nonsense 2",
                        "Via: SIP/2.0/TCP 192.0.2.10:5060;branch=z9hG4bK1", "Via: SIP/2.0/TCP \
                         192.0.2.10:5060;branch=z9hG4bK12",
                        "From: <sip:a@example.net>;tag=1", "To: \"B\" <sip:b@example.net>;tag=2",
                        "To: \"B\" <sip:b@example.net>",
                        "Content-Length: 9", "Content-Length: 10", "Content-Type: application/sdp",
                        " ;tag=folded", "\tfolded",
                        "Content-Encoding: identity", "Max-Forwards: 70", "Subject: \u{fc}\u{7}",
                        "Not a field", "Not a name: x", "",
                    ]),
                    0..12,
                ),
                prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r"]),
                0..40_usize,
            ),
            1..12,
        ),
    ) {
        let mut parser = Parser::default();
        for (start, lines, end, cut) in messages {
            let text = format!("{start}{end}{}{end}", lines.join(end));
            let bytes = &text.as_bytes()[..text.len() - cut.min(text.len())];
            let [mut findings, mut fresh_findings] = [Vec::new(), Vec::new()];
            let message = parser.parse(bytes, cut == 0, &mut |at, rule| findings.push((at, rule)));
            let mut on_finding = |at, rule| fresh_findings.push((at, rule));
            let fresh = Parser::default().parse(bytes, cut == 0, &mut on_finding);
            prop_assert_eq!(message, fresh);
            prop_assert_eq!(findings, fresh_findings);
        }
    }
}
