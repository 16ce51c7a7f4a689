//! Redacted captures: what must be gone from them, and what must not have changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use homer_export::CaptureReport;
use homer_export::pcap::{Error, Scanner};
use homer_export::redact::{Key, RedactionSummary, Redactor, Scope};
use homer_export::sip::Content;
use proptest::prelude::*;

use crate::capture::{CALLEE, CALLER, Capture, Sent, healthy, udp};
use crate::{recordings, report};

fn key(seed: u8) -> Key {
    Key::new(&[seed; 32]).unwrap()
}

fn scopes() -> [Scope; 3] {
    [
        Scope::Secrets,
        Scope::Numbers(key(1)),
        Scope::Addresses(key(1)),
    ]
}

fn redact_in_chunks(capture: &[u8], scope: &Scope, size: usize) -> (Vec<u8>, RedactionSummary) {
    let mut redactor = Redactor::new(scope, Content::Redact).hashed();
    let mut redacted = Vec::new();
    for chunk in capture.chunks(size) {
        redactor.push(chunk, &mut redacted).unwrap();
    }
    (redacted, redactor.summary())
}

fn redact(capture: &[u8], scope: &Scope) -> Vec<u8> {
    redact_in_chunks(capture, scope, capture.len()).0
}

/// Every recorded capture, those of public cases, and a generated one, each once.
fn captures() -> Vec<(String, Vec<u8>)> {
    let mut captures = recordings::captures();
    captures.extend(recordings::public_captures());
    captures.push(("healthy".to_string(), Capture::messages(&healthy())));
    captures.push(("planted".to_string(), Capture::messages(&planted().0)));
    let mut known = std::collections::HashSet::new();
    captures.retain(|(_, bytes)| known.insert(bytes.clone()));
    captures
}

/// Checks that two sequences are the same but for the names of their values.
#[track_caller]
fn assert_renamed<T: Clone + Eq + Hash + std::fmt::Debug>(old: &[T], new: &[T], context: &str) {
    assert_eq!(old.len(), new.len(), "{context}");
    let mut forward = HashMap::new();
    let mut back = HashMap::new();
    for (old, new) in old.iter().zip(new) {
        assert_eq!(
            forward.entry(old.clone()).or_insert(new.clone()),
            new,
            "{context}: {old:?}"
        );
        assert_eq!(
            back.entry(new.clone()).or_insert(old.clone()),
            old,
            "{context}: {new:?}"
        );
    }
}

/// What a report says, except for names.
fn outline(report: &CaptureReport) -> impl PartialEq + std::fmt::Debug + use<> {
    let ladder: Vec<_> = report
        .ladder
        .iter()
        .map(|entry| {
            let what = entry.line.split(' ').next().unwrap_or_default().to_string();
            let place = (entry.packet, entry.part, entry.after_us, entry.directed);
            (place, what, entry.cseq.clone(), entry.call, entry.repeats)
        })
        .collect();
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.packet, finding.offset, finding.code.clone()))
        .collect();
    let sizes = (report.packets, report.size_bytes, report.call_ids.len());
    (ladder, findings, sizes, report.counts_truncated)
}

#[test]
fn redacted_captures_have_the_same_messages_and_findings() {
    for (name, capture) in captures() {
        let before = report::analyze(&capture, &["any"]);
        for scope in scopes() {
            let context = format!("{name}, {}", scope.level().name());
            let redacted = redact(&capture, &scope);
            assert_eq!(redacted.len(), capture.len(), "{context}");
            let after = report::analyze(&redacted, &["any"]);
            assert_eq!(outline(&after), outline(&before), "{context}");
            assert_renamed(&before.call_ids, &after.call_ids, &context);
            let ends = |report: &CaptureReport| -> Vec<(String, String)> {
                let ends = report.ladder.iter();
                ends.map(|entry| (entry.source.clone(), entry.destination.clone()))
                    .collect()
            };
            assert_renamed(&ends(&before), &ends(&after), &context);
        }
    }
}

#[test]
fn redaction_does_not_depend_on_chunks() {
    let capture = Capture::messages(&planted().0);
    let scope = Scope::Addresses(key(1));
    let (whole, summary) = redact_in_chunks(&capture, &scope, capture.len());
    for size in [1, 7, 16, 24, 100, 1000] {
        let result = redact_in_chunks(&capture, &scope, size);
        assert_eq!(result, (whole.clone(), summary.clone()), "chunks of {size}");
    }
}

const FIELDS: [&str; 14] = [
    "frame.number",
    "frame.len",
    "frame.cap_len",
    "frame.protocols",
    "ip.checksum.status",
    "udp.checksum.status",
    "sip.Method",
    "sip.Status-Code",
    "sip.CSeq",
    "sip.Content-Length",
    "sdp.media",
    "sip.response-request",
    "_ws.malformed",
    "sip.Call-ID",
];

/// What tshark says about each packet of a capture; none if tshark is not installed.
fn tshark(capture: &[u8]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args(["-r", "-", "-T", "fields"]);
    command.args([
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
    ]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(why) => {
            let required = std::env::var_os("HOMER_REQUIRE_TSHARK").is_some();
            assert!(!required, "cannot run tshark: {why}");
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    let bytes = capture.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "tshark: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let packets = text
        .lines()
        .map(|line| line.split('\t').map(str::to_string).collect());
    Some(packets.collect())
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn tshark_dissects_redacted_captures_as_before() {
    // All captures in one file, since tshark takes a second to start.
    let mut whole = Capture::new().bytes;
    for (_, capture) in captures() {
        whole.extend(&capture[24..]);
    }
    let Some(before) = tshark(&whole) else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    assert!(before.len() > 300, "only {} packets", before.len());
    for scope in scopes() {
        let after = tshark(&redact(&whole, &scope)).unwrap();
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(&after) {
            // IPv4 headers whose checksum was not computed are corrected.
            for (field, (before, after)) in FIELDS.iter().zip(before.iter().zip(after)) {
                let is_name = *field == "sip.Call-ID";
                let is_corrected = *field == "ip.checksum.status" && before == "0";
                let context = format!("{field}, {}, {:?}", scope.level().name(), after);
                assert!(
                    is_name || is_corrected || before == after,
                    "{context}: {before}"
                );
            }
        }
        let call_ids = |packets: &[Vec<String>]| -> Vec<String> {
            packets.iter().map(|packet| packet[13].clone()).collect()
        };
        assert_renamed(&call_ids(&before), &call_ids(&after), scope.level().name());
    }
}

/// Something planted, and the scope from which on it must be gone.
struct Plant {
    text: String,
    /// 0 for secrets, 1 for numbers, 2 for addresses.
    from: usize,
}

/// A capture of messages in which secrets, numbers and addresses are hidden in all encodings.
fn planted() -> (Vec<Sent>, Vec<Plant>) {
    let mut plants = Vec::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut messages = Vec::new();
    let percent = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02X}")).collect() };
    let json = |text: &str| -> String { text.bytes().map(|b| format!("\\u{b:04x}")).collect() };
    for round in 0..70_u32 {
        let secret = format!("S3c{:x}", next());
        let number = format!("49{:011}", next() % 100_000_000_000);
        // Octets of three digits: short addresses may be pseudonyms of each other.
        let octet = |random: u64| 128 + random % 96;
        let address = format!(
            "1{:02}.{}.{}.{}",
            30 + next() % 35,
            octet(next()),
            octet(next()),
            octet(next())
        );
        let ipv6 = format!(
            "2001:{:x}:{:x}::{:x}",
            0x1000 + next() % 0xf000,
            0x1000 + next() % 0xf000,
            0x1000 + next() % 0xf000
        );
        let secret_line = match round % 14 {
            0 => format!("Authorization: Digest username=\"{number}\", response=\"{secret}\""),
            1 => format!("X-Auth-Token: {secret}"),
            2 => format!("Contact: <sip:{number}:{secret}@{address}:5060>"),
            3 => format!("Refer-To: <sip:x@h?Authorization=Digest%20response%3D%22{secret}%22>"),
            4 => format!("X-J: {{\"password\":\"{}\"}}", json(&secret)),
            5 => format!("X-P: token%3D{}", percent(&secret)),
            6 => format!(
                "X-B: {}",
                BASE64.encode(format!("X-Api-Key: {secret}").as_bytes())
            ),
            7 => format!(
                "X-H: {}",
                HEXLOWER.encode(format!("password={secret}").as_bytes())
            ),
            8 => format!(
                "X-H: {}",
                HEXUPPER.encode(format!("cookie: {secret}").as_bytes())
            ),
            9 => format!("X-J: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{secret}"),
            10 => format!("Call-Info: <https://bob:{secret}@example.net/x>"),
            11 => format!(
                "X-A: Basic {}",
                BASE64.encode(format!("bob:{secret}").as_bytes())
            ),
            12 => format!("Contact: <sip:a@h;pn-prid={secret}>"),
            _ => format!("Session-ID: {secret}"),
        };
        let number_line = match round % 10 {
            0 => format!("P-Asserted-Identity: \"{number}\" <tel:+{number}>"),
            1 => format!("X-P: sip%3A{}%40example.net", percent(&number)),
            2 => format!("X-J: {{\"caller\":\"{}\",\"to\":{number}}}", json(&number)),
            3 => format!(
                "X-B: {}",
                BASE64.encode(format!("sip:{number}@h").as_bytes())
            ),
            4 => format!(
                "User-to-User: {};encoding=hex",
                HEXLOWER.encode(format!("tel:{number}").as_bytes())
            ),
            5 => format!("Diversion: <sip:+{number};phone-context=+{number}@h>;reason=busy"),
            6 => format!("Subject: please call {number} or +{number}!"),
            7 => format!("X-Cid: call{number}@h"),
            8 => format!("X-J: {{\\\"dest\\\":\\\"{number}\\\"}}"),
            _ => {
                format!("History-Info: <sip:{number}@h?Reason=SIP%3Btext%3D%22{number}%22>;index=1")
            }
        };
        let address_line = match round % 8 {
            0 => format!("Contact: <sip:a@{address}:5060>, <sip:b@[{ipv6}]:5060>"),
            1 => format!("X-P: {}", percent(&format!("sip:a@{address}"))),
            2 => format!("X-J: {{\"ip\":\"{}\",\"v6\":\"{ipv6}\"}}", json(&address)),
            3 => format!(
                "X-B: {}",
                BASE64.encode(format!("received={address};x").as_bytes())
            ),
            4 => format!(
                "X-H: {}",
                HEXLOWER.encode(format!("c=IN IP6 {ipv6}").as_bytes())
            ),
            5 => format!("Record-Route: <sip:{address};lr;maddr={address}>"),
            6 => format!("X-Host: ec2-{}.example.net", address.replace('.', "-")),
            _ => format!("Warning: 399 {address} \"no route to {ipv6}.\""),
        };
        let body = format!(
            "v=0\r\no={number} 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio 40000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{secret}\r\n\
             a=candidate:1 1 UDP 2130706431 {ipv6} 8998 typ host\r\n"
        );
        let message = format!(
            "INVITE sip:{number}@{address}?X-Ref={secret} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:5060;\
             branch=z9hG4bK{round};received={address}\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@example.net>;tag=a{round}\r\nTo: <sip:bob@example.net>\r\n\
             Call-ID: {round}-{number}@{address}\r\nCSeq: 1 INVITE\r\nContact: <sip:{address}>\r\n\
             {secret_line}\r\n{number_line}\r\n{address_line}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        messages.push(Sent {
            time_us: crate::capture::BEGIN_US + u64::from(round) * 1_000_000,
            from: format!("{address}:5060").parse().unwrap(),
            to: CALLEE.parse().unwrap(),
            message: message.into_bytes(),
        });
        for (from, text) in [(0, secret), (1, number), (2, address), (2, ipv6)] {
            plants.push(Plant { text, from });
        }
    }
    (messages, plants)
}

/// All forms in which a planted text may survive.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.to_string()];
    forms.push(text.bytes().map(|b| format!("%{b:02X}")).collect());
    forms.push(text.bytes().map(|b| format!("\\u{b:04x}")).collect());
    forms.push(HEXLOWER.encode(text.as_bytes()));
    forms.push(HEXUPPER.encode(text.as_bytes()));
    forms.push(text.replace('.', "-"));
    // In base64, a text has three forms. Their first and last digits depend on what is around it.
    for shift in 0..3 {
        let padded = format!("{}{text}", "x".repeat(shift));
        let encoded = BASE64.encode(padded.as_bytes());
        let end = padded.len() * 8 / 6;
        forms.push(encoded[shift * 8 / 6 + usize::from(shift > 0)..end].to_string());
    }
    let mut forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
    if let Ok(IpAddr::V4(address)) = text.parse() {
        forms.push(address.octets().to_vec());
    }
    forms
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

#[test]
fn nothing_planted_survives_in_any_form() {
    let (messages, plants) = planted();
    assert!(plants.len() >= 200);
    let capture = Capture::messages(&messages);
    for (level, scope) in scopes().iter().enumerate() {
        let redacted = redact(&capture, scope);
        for plant in &plants {
            for form in forms(&plant.text) {
                let survives = contains(&redacted, &form);
                let form = String::from_utf8_lossy(&form).into_owned();
                let name = scope.level().name();
                assert!(
                    !(survives && plant.from <= level),
                    "{name}: {} as {form}",
                    plant.text
                );
            }
            // What is not in the scope is still there.
            let stays = plant.from > level;
            assert_eq!(
                contains(&redacted, plant.text.as_bytes()),
                stays,
                "{}",
                plant.text
            );
        }
    }
}

/// A message with one header line, redacted.
fn line(scope: &Scope, text: &str) -> String {
    let mut call = healthy();
    call.truncate(1);
    call[0].replace("Max-Forwards: 70", &format!("Max-Forwards: 70\r\n{text}"));
    let redacted = redact(&Capture::messages(&call), scope);
    let redacted = String::from_utf8_lossy(&redacted).into_owned();
    let start = redacted.find("Max-Forwards: 70\r\n").unwrap() + 18;
    redacted[start..start + text.len()].to_string()
}

#[test]
fn a_number_has_one_pseudonym_in_every_spelling() {
    let scope = Scope::Numbers(key(1));
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let expected = digits(&line(&scope, "Z: 4930123456"));
    assert_ne!(expected, "4930123456");
    for text in [
        "Z: +49-30-123456",
        "Z: +49 30 123456",
        "Z: <tel:+49.30.123456;x=y>",
        "Z: <sip:+4930123456@h>",
        "Z: <sips:4930123456;user=phone@h>",
        "Z: \"+49 (30) 123456\" <sip:h>",
        "Z: %34930123456",
        "Z: {\"a\":\"\\u0034930123456\"}",
        "Z: sip%3A4930123456%40h",
    ] {
        let redacted = line(&scope, text);
        let decoded = redacted.replace("\\u00", "%");
        let decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy();
        assert_eq!(digits(&decoded), expected, "{text}: {redacted}");
        let shape = |text: &str| text.len();
        assert_eq!(shape(text), shape(&redacted));
    }
    // Another number, and another key.
    assert_ne!(digits(&line(&scope, "Z: 4930123457")), expected);
    assert_ne!(
        digits(&line(&Scope::Numbers(key(2)), "Z: 4930123456")),
        expected
    );
}

#[test]
fn names_keep_their_form() {
    let scope = Scope::Numbers(key(1));
    let redacted = line(
        &scope,
        "From: \"Élise d'Arc-2\" <sip:Elise.d-Arc_2@example.net>;tag=a",
    );
    let initial = redacted.chars().nth(7).unwrap();
    assert!(
        initial.len_utf8() == 2 && initial.is_alphabetic(),
        "{redacted}"
    );
    assert!(redacted.ends_with("@example.net>;tag=a"), "{redacted}");
    assert!(
        !redacted.contains("Arc") && !redacted.contains("lise"),
        "{redacted}"
    );
    for text in [
        "CSeq: 1234567890 INVITE",
        "Expires: 4294967295",
        "X: anonymous",
        "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1",
        "X: 1795168800.123456",
        "X: {\"ssrc\": 1234567890, \"octets\":1234567890}",
        "Contact: <sip:192.0.2.10:5060>",
        "a=ssrc:1234567890 cname:x",
        "t=2873397496 2873404696",
    ] {
        assert_eq!(line(&scope, text), text);
    }
}

#[test]
fn addresses_keep_their_prefix_their_range_and_their_length() {
    let scope = Scope::Addresses(key(1));
    let one = line(&scope, "X: 203.113.100.17 203.113.100.18 203.113.99.17");
    let words: Vec<&str> = one[3..].split(' ').collect();
    let prefix = |text: &str, octets: usize| -> String {
        text.split('.').take(octets).collect::<Vec<_>>().join(".")
    };
    assert_eq!(prefix(words[0], 3), prefix(words[1], 3));
    assert_eq!(prefix(words[0], 2), prefix(words[2], 2));
    assert_ne!(words[0], words[1]);
    for (range, text) in [
        ("10.", "10.20.30.40"),
        ("192.168.", "192.168.7.20"),
        ("172.", "172.20.7.20"),
        ("169.254.", "169.254.7.20"),
        ("fe80::", "fe80::1a2b:3c4d"),
        ("fd", "fd12:3456::1"),
        ("2", "2001:db8::a:b"),
    ] {
        let redacted = line(&scope, &format!("X: [{text}]"));
        assert!(redacted.starts_with(&format!("X: [{range}")), "{redacted}");
        assert_ne!(redacted, format!("X: [{text}]"));
        let parsed: IpAddr = redacted[4..redacted.len() - 1].parse().unwrap();
        if let IpAddr::V4(address) = parsed {
            assert!(address.is_private() || address.is_link_local(), "{address}");
        }
    }
    for text in [
        "X: 127.0.0.1 0.0.0.0 255.255.255.255 224.0.1.75 ::1 :: ff02::1",
        "X: 1.2.3 12:34:56 300.1.1.1",
        "a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B",
    ] {
        assert_eq!(line(&scope, text), text);
    }
    // The packet and the text have the same pseudonym.
    let capture = Capture::messages(&healthy());
    let report = report::analyze(&redact(&capture, &scope), &["any"]);
    let source = report.ladder[0].source.clone();
    let via = line(&scope, &format!("X: {}", CALLER));
    assert_eq!(via, format!("X: {source}"));
}

#[test]
fn a_call_id_is_found_under_its_pseudonym() {
    let scope = Scope::Addresses(key(1));
    let redacted = redact(&Capture::messages(&healthy()), &scope);
    let mut redactor = Redactor::new(&scope, Content::Redact);
    let call_id = redactor.field_value("Call-ID", crate::capture::CALL_ID);
    assert_ne!(call_id, crate::capture::CALL_ID);
    let report = report::analyze(&redacted, &[&call_id]);
    assert_eq!(
        (report.call_ids, report.missing_call_ids),
        (vec![call_id], vec![])
    );
}

#[test]
fn summary_names_what_could_not_be_read() {
    let from: SocketAddr = CALLER.parse().unwrap();
    let to: SocketAddr = CALLEE.parse().unwrap();
    let mut capture = Capture::new();
    let message = |fields: &str, body: &str| {
        format!("INFO sip:a@h SIP/2.0\r\nCSeq: 1 INFO\r\n{fields}\r\n\r\n{body}").into_bytes()
    };
    for payload in [
        message("Content-Type: application/ISUP", "\u{1}\u{2}"),
        message("Content-Encoding: gzip", "\u{1}\u{2}"),
        message("Content-Type: application/pkcs7-mime", "x"),
        message("Content-Type: application/x", "\u{1}"),
        message("X-Token: abc", ""),
    ] {
        capture.record(1_000_000, &udp(from, to, &payload));
    }
    let tcp = crate::capture::ip(from.ip(), to.ip(), 6, &[0; 40]);
    capture.record(1_000_000, &tcp);
    capture.record(1_000_000, &[0; 30]);
    capture.cut_record(1_000_000, &udp(from, to, &message("A: b", "")), 900);
    let (redacted, summary) = redact_in_chunks(&capture.bytes, &Scope::Secrets, 100);
    assert_eq!(redacted.len(), capture.bytes.len());
    assert_eq!(
        serde_json::to_value(&summary).unwrap(),
        serde_json::json!({
            "level": "secrets",
            "content_shown": false,
            "key_id": null,
            "packets": 8,
            "packets_changed": 1,
            "redacted": [{"name": "token", "count": 1}],
            "not_redacted": [
                {"name": "ISUP body", "count": 1},
                {"name": "encoded body", "count": 1},
                {"name": "encrypted body", "count": 1},
                {"name": "binary data", "count": 1},
                {"name": "TCP or SCTP segment", "count": 1},
                {"name": "packet that is not UDP over IP", "count": 1},
                {"name": "packet that the capture cut off", "count": 1},
            ],
            "original_size_bytes": capture.bytes.len(),
            "original_sha256":
                HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(&capture.bytes)),
        })
    );
}

#[test]
fn redactor_overwrites_what_is_beyond_the_largest_packet() {
    let from: SocketAddr = CALLER.parse().unwrap();
    let frame = udp(from, from, &b"secret=5ECR3T;".repeat(30_000));
    let mut capture = Capture::new();
    capture.record(1_000_000, &frame).record(2_000_000, b"next");
    for size in [1000, capture.bytes.len()] {
        let (redacted, summary) = redact_in_chunks(&capture.bytes, &Scope::Secrets, size);
        assert_eq!(redacted.len(), capture.bytes.len());
        assert!(!contains(&redacted, b"5ECR3T") && redacted.ends_with(b"next"));
        assert_eq!(summary.packets, 2);
    }
}

#[test]
fn redactor_returns_nothing_of_what_is_no_capture() {
    let mut capture = Capture::messages(&healthy());
    let end = capture.len();
    capture.extend([0; 16]);
    let cases: [(&[u8], Error); 2] = [
        (b"{\"error\":\"Authorization: x\"}", Error::NotPcap),
        (b"{\"er", Error::NotPcap),
    ];
    for (bytes, expected) in cases {
        let mut redactor = Redactor::new(&Scope::Secrets, Content::Redact);
        let mut redacted = Vec::new();
        assert_eq!(redactor.push(bytes, &mut redacted), Err(expected));
        assert_eq!(redactor.push(&capture, &mut redacted), Err(expected));
        assert!(redacted.is_empty());
    }
    let mut scanner = Scanner::new();
    let expected = scanner.scan(&capture).unwrap_err();
    let mut redactor = Redactor::new(&Scope::Secrets, Content::Redact);
    let mut redacted = Vec::new();
    redactor.push(&capture[..end], &mut redacted).unwrap();
    assert_eq!(redacted.len(), end);
    assert_eq!(redactor.push(&capture[end..], &mut redacted), Err(expected));
}

proptest! {
    /// Different numbers of one length have different pseudonyms.
    #[test]
    fn numbers_stay_different(one in 1_000_000_u64..9_999_999, other in 1_000_000_u64..9_999_999) {
        let scope = Scope::Numbers(key(1));
        let redacted = line(&scope, &format!("Z: {one} {other}"));
        let words: Vec<&str> = redacted[3..].split(' ').collect();
        prop_assert_eq!(words[0] == words[1], one == other);
    }

    /// Addresses become other addresses of the same length, and different ones stay different.
    #[test]
    fn addresses_stay_different(one in any::<[u8; 4]>(), other in any::<[u8; 4]>()) {
        let scope = Scope::Addresses(key(1));
        let [one, other] = [one, other].map(|octets| std::net::Ipv4Addr::from(octets).to_string());
        let redacted = line(&scope, &format!("Z: {one} {other}"));
        let words: Vec<&str> = redacted[3..].split(' ').collect();
        prop_assert_eq!(words[0] == words[1], one == other);
        prop_assert_eq!(words[0].len(), one.len());
        prop_assert!(words[0].parse::<std::net::Ipv4Addr>().is_ok(), "{}", words[0]);
    }

    /// An IPv6 address has the same pseudonym in the packet and in the text.
    #[test]
    fn ipv6_addresses_agree(groups in prop::array::uniform8(prop_oneof![Just(0), any::<u16>()])) {
        let scope = Scope::Addresses(key(1));
        let address = std::net::Ipv6Addr::from(groups);
        // Mixed notation is written for these alone, and their groups are those of IPv4.
        prop_assume!(!address.to_string().contains('.'));
        let mut capture = Capture::new();
        let end = SocketAddr::new(address.into(), 5060);
        let payload = format!("ACK sip:[{address}] SIP/2.0\r\nCall-ID: {address}\r\nCSeq: 1 ACK\r\n\r\n");
        capture.record(1_000_000, &udp(end, end, payload.as_bytes()));
        let report = report::analyze(&redact(&capture.bytes, &scope), &["any"]);
        prop_assert_eq!(&report.ladder[0].source, &format!("[{}]:5060", report.call_ids[0]));
    }
}

#[path = "../../crates/fake-homer/src/large.rs"]
#[expect(unreachable_pub, reason = "it is public where it belongs")]
mod large;

/// Prints how long a capture takes with and without redaction: `cargo test --release -p
/// homer-export throughput -- --ignored --nocapture`.
#[test]
#[ignore = "prints times, which mean nothing in a debug build"]
fn redaction_throughput() {
    // In the one, each call has its own identifiers, of which four hold digits that might be a
    // number; in the other, all messages belong to one call.
    let one_call = recordings::capture("export-ok-auth-token");
    let long_call = [&one_call[..24], &one_call[24..].repeat(3000)].concat();
    throughput("many calls", &large::large_capture(3000));
    throughput("one call", &long_call);
}

#[expect(clippy::print_stdout, reason = "its output is its purpose")]
fn throughput(what: &str, capture: &[u8]) {
    let median = |run: &dyn Fn() -> usize| {
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let begin = std::time::Instant::now();
                assert_eq!(std::hint::black_box(run()), 21_000);
                begin.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[4]
    };
    let analyze = |capture: &[u8]| report::analyze(capture, &["any"]).packets as usize;
    let plain = median(&|| analyze(capture));
    let hashed = median(&|| {
        std::hint::black_box(<sha2::Sha256 as sha2::Digest>::digest(capture));
        analyze(capture)
    });
    println!(
        "{what}, {} bytes: {plain:.1} ms, with SHA-256 {hashed:.1} ms",
        capture.len()
    );
    for scope in scopes() {
        for with_hash in [false, true] {
            let time = median(&|| {
                let mut redactor = Redactor::new(&scope, Content::Redact);
                if with_hash {
                    redactor = redactor.hashed();
                }
                let mut redacted = Vec::with_capacity(capture.len());
                for chunk in capture.chunks(256 * 1024) {
                    redactor.push(chunk, &mut redacted).unwrap();
                }
                analyze(&redacted)
            });
            let base = if with_hash { hashed } else { plain };
            let (name, ratio) = (scope.level().name(), base / time);
            println!("{name}, SHA-256 {with_hash}: {time:.1} ms, {ratio:.2} of the throughput");
        }
    }
}
