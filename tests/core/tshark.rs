//! Compares our parser with Wireshark's, message by message, for every recorded capture and a
//! generated one. Skipped if tshark is not installed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::capture::{Capture, healthy};
use crate::{random_calls, recordings, report};

/// What both parsers say about a packet.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    source: String,
    destination: String,
    /// Method or status code.
    what: String,
    call_id: String,
    cseq: String,
}

const FIELDS: [&str; 11] = [
    "frame.number",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "sip.Method",
    "sip.Status-Code",
    "sip.Call-ID",
    "sip.CSeq",
];

/// What tshark says about each packet of a capture file; none for a packet that is not SIP. None at
/// all if tshark is not installed.
fn tshark(capture: &[u8]) -> Option<Vec<Option<Seen>>> {
    let mut command = Command::new("tshark");
    command.args([
        "-r",
        "-",
        "-n",
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=f",
    ]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(why) => {
            assert!(
                std::env::var_os("HOMER_REQUIRE_TSHARK").is_none(),
                "cannot run tshark: {why}"
            );
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    let bytes = capture.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "tshark: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(packet).collect())
}

fn packet(line: &str) -> Option<Seen> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [
        _,
        ip_source,
        ip_destination,
        ip6_source,
        ip6_destination,
        source_port,
        destination_port,
        method,
        status,
        call_id,
        cseq,
    ] = fields[..]
    else {
        panic!("{line}");
    };
    let what = if method.is_empty() { status } else { method };
    if what.is_empty() {
        return None;
    }
    let (source, destination) = match (ip_source, ip6_source) {
        (source, "") => (
            format!("{source}:{source_port}"),
            format!("{ip_destination}:{destination_port}"),
        ),
        ("", source) => (
            format!("[{source}]:{source_port}"),
            format!("[{ip6_destination}]:{destination_port}"),
        ),
        // In Homer's IPv6 in IPv4, nobody knows which address is the source.
        (v4, v6) => (v4.to_string(), v6.to_string()),
    };
    let [what, call_id, cseq] = [what, call_id, cseq].map(str::to_string);
    Some(Seen {
        source,
        destination,
        what,
        call_id,
        cseq,
    })
}

/// What our report says about each packet.
fn ours(capture: &[u8]) -> Vec<Option<Seen>> {
    let report = report::analyze(capture, &["any"]);
    assert_eq!(report.ladder_elided, 0);
    let mut packets: Vec<Option<Seen>> = (0..report.packets).map(|_| None).collect();
    // tshark reads one message in a datagram, even if Via names TCP and the payload holds several;
    // tests/core/stream.rs compares the others with the same messages in datagrams of their own.
    let first_of_its_packet = report
        .ladder
        .into_iter()
        .filter(|entry| entry.part.is_none_or(|part| part == 1));
    for entry in first_of_its_packet {
        packets[entry.packet as usize - 1] = Some(Seen {
            source: entry.source,
            destination: entry.destination,
            what: entry.line.split(' ').next().unwrap().to_string(),
            call_id: report.call_ids[entry.call.unwrap() as usize].clone(),
            cseq: entry.cseq,
        });
    }
    packets
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn tshark_reads_every_message_as_we_do() {
    let mut captures: Vec<(String, Vec<u8>)> = Vec::new();
    let mut distinct = BTreeSet::new();
    let mut public = recordings::public_captures();
    // tshark does not recognize a message after line ends, which RFC 3261 §7.5 says to ignore, and
    // reads a CSeq above 2^31, which §8.1.1.5 forbids.
    let is_read_otherwise =
        |name: &str| matches!(name, "keep-alive-before-message" | "cseq-2e31-options");
    public.retain(|(name, _)| !is_read_otherwise(name));
    let random = random_calls::captures(200);
    for (name, capture) in recordings::captures()
        .into_iter()
        .chain(public)
        .chain(random)
    {
        if distinct.insert(capture.clone()) {
            captures.push((name, capture));
        }
    }
    assert!(
        captures.len() > 25,
        "only {} different captures",
        captures.len()
    );
    let mut compact = healthy();
    compact[1].replace("Call-ID: ", "i:");
    compact[1].replace("CSeq: ", "cseq: ");
    compact[1].replace("Via:", "v:");
    compact[1].replace(";tag=aaa", "\r\n ;tag=aaa");
    captures.push(("healthy".to_string(), Capture::messages(&compact)));

    // All captures in one file, since tshark takes a second to start.
    let mut whole = Capture::new().bytes;
    for (_, capture) in &captures {
        whole.extend(&capture[24..]);
    }
    let Some(theirs) = tshark(&whole) else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    let mut theirs = theirs.into_iter();
    let mut messages = 0;
    for (name, capture) in &captures {
        for (number, ours) in ours(capture).into_iter().enumerate() {
            messages += usize::from(ours.is_some());
            let mut theirs = theirs.next();
            // RFC 3261 §8.1.1.5 forbids this number, so that we show no CSeq. tshark does.
            if let Some(Some(seen)) = &mut theirs
                && seen.cseq == "2164992235 OPTIONS"
            {
                seen.cseq.clear();
            }
            assert_eq!(Some(ours), theirs, "packet {} of {name}", number + 1);
        }
    }
    assert_eq!(theirs.next(), None);
    assert!(messages > 200, "only {messages} messages");
}
