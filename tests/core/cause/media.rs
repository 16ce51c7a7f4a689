//! Causes that session descriptions and Contact show.

use crate::capture::{CALLER, Sent, healthy};
use crate::made_calls::{causes, offer_again, outcome, refused, refused_call, report_of, texts};

#[test]
fn cause_media() {
    // 198.51.100.0/24 and the like stand for public addresses.
    let private = |at: usize, address: &str| {
        let mut sent = healthy();
        let own = if at == 0 { "192.0.2.10" } else { "192.0.2.20" };
        sent[at].replace(&format!("c=IN IP4 {own}"), &format!("c=IN IP4 {address}"));
        sent
    };
    for address in [
        "10.0.0.5",
        "172.16.9.9",
        "192.168.1.2",
        "100.64.0.1",
        "169.254.1.1",
        "127.0.0.1",
        "0.0.0.0",
    ] {
        for at in [0, 3] {
            let report = report_of(private(at, address));
            assert_eq!(causes(&report), ["private-media-address"], "{address}");
            assert_eq!(report.causes[0].packets, [at as u64 + 1]);
            assert_eq!(report.causes[0].certainty, "likely");
        }
    }
    for address in ["203.0.113.9", "172.32.0.1", "100.128.0.1"] {
        assert_eq!(
            causes(&report_of(private(0, address))),
            [] as [&str; 0],
            "{address}"
        );
    }
    // A device in the same private network, a hold, and ICE.
    let mut local = private(0, "10.0.0.5");
    for message in &mut local {
        message.replace("192.0.2.10:5060", "10.0.0.5:5060");
        for end in [&mut message.from, &mut message.to] {
            if end.to_string() == CALLER {
                *end = "10.0.0.5:5060".parse().unwrap();
            }
        }
    }
    assert_eq!(causes(&report_of(local)), [] as [&str; 0]);
    let mut hold = private(0, "0.0.0.0");
    hold[0].replace("a=sendrecv", "a=inactive");
    assert_eq!(causes(&report_of(hold)), [] as [&str; 0]);
    let mut ice = private(0, "10.0.0.5");
    ice[0].replace(
        "a=sendrecv",
        "a=candidate:1 1 UDP 1 203.0.113.9 4000 typ host",
    );
    assert_eq!(causes(&report_of(ice)), [] as [&str; 0]);

    let mut rejected = healthy();
    rejected[3].replace("m=audio 40000", "m=audio 0");
    let report = report_of(rejected.clone());
    assert_eq!(causes(&report), ["media-rejected"]);
    assert!(
        texts(&report)[0].ends_with("the offer has \"0 8\""),
        "{:?}",
        texts(&report)
    );
    // A stream that was not offered either.
    rejected[0].replace("m=audio 40000", "m=audio 0");
    assert_eq!(causes(&report_of(rejected)), [] as [&str; 0]);
    assert_eq!(
        causes(&refused("488 Not Acceptable Here", "")),
        ["not-acceptable-media", "no-common-codec"]
    );
}

#[test]
fn cause_early_media_only() {
    let mut sent = healthy();
    sent[3].replace("200 OK", "183 Session Progress");
    sent.truncate(4);
    assert_eq!(causes(&report_of(sent.clone())), ["early-media-only"]);
    let mut answered = healthy();
    let mut early = sent[3].clone();
    early.time_us -= 1_000_000;
    answered.push(early);
    assert_eq!(causes(&report_of(answered)), [] as [&str; 0]);
}

#[test]
fn cause_nat_contact() {
    let contact = |at: usize, contact: &str| {
        let mut sent = healthy();
        let field = format!("Contact: {contact}\r\nContent-Type");
        sent[at].replace("Content-Type", &field);
        sent
    };
    for uri in [
        "<sip:a@10.0.0.5:5060;transport=udp>",
        "sip:192.168.1.2;x=y",
        "<sip:a@[fd00::1]>",
    ] {
        assert_eq!(
            causes(&report_of(contact(0, uri))),
            ["nat-contact"],
            "{uri}"
        );
    }
    for uri in [
        "<sip:a@192.0.2.10>",
        "<sip:10.0.0.5@example.net>",
        "\"10.0.0.5\" <sip:a@h>",
    ] {
        assert_eq!(
            causes(&report_of(contact(0, uri))),
            [] as [&str; 0],
            "{uri}"
        );
    }
    // Requests to the callee are answered in spite of its Contact.
    let report = report_of(contact(3, "<sip:b@10.0.0.6>"));
    assert_eq!(causes(&report), [] as [&str; 0]);
    // They do not arrive.
    let report = report_of(contact(3, "<sip:b@10.0.0.6>")[..5].to_vec());
    assert_eq!(causes(&report), ["nat-contact"]);
}

#[test]
fn cause_hold_resume_and_moved_media() {
    let with = |changes: &[Vec<Sent>]| report_of([healthy(), changes.concat()].concat());
    let same = offer_again(&[], "200 OK", 10_000);
    assert_eq!(causes(&with(&[same])), [] as [&str; 0]);
    let hold = offer_again(&[("a=sendrecv", "a=sendonly")], "200 OK", 10_000);
    assert_eq!(causes(&with(std::slice::from_ref(&hold))), ["hold"]);
    let resume = offer_again(&[], "200 OK", 20_000);
    let report = with(&[hold, resume]);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["hold", "resume"])
    );
    let old_hold = offer_again(
        &[("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0")],
        "200 OK",
        10_000,
    );
    assert_eq!(causes(&with(&[old_hold])), ["hold"]);
    let moved = [("c=IN IP4 192.0.2.10", "c=IN IP4 203.0.113.7")];
    let report = with(&[offer_again(&moved, "200 OK", 10_000)]);
    assert_eq!(causes(&report), ["media-address-changed"]);
    assert!(texts(&report)[0].contains("from 192.0.2.10 to 203.0.113.7"));
    // It was refused, so that nothing changed.
    let refused = offer_again(&moved, "488 Not Acceptable Here", 10_000);
    assert_eq!(causes(&with(&[refused])), [] as [&str; 0]);
}

#[test]
fn cause_names_the_offered_codecs() {
    let mut sent = healthy();
    let attribute = "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv";
    sent[0].replace("a=sendrecv", attribute);
    sent[3].replace("m=audio 40000", "m=audio 0");
    for message in &mut sent[..1] {
        let body = message.message.len() - message.find("v=0");
        let old = message.find("Content-Length: ");
        let end = old
            + message.message[old..]
                .iter()
                .position(|byte| *byte == b'\r')
                .unwrap();
        let length = format!("Content-Length: {body}");
        message.message.splice(old..end, length.into_bytes());
    }
    let report = report_of(sent);
    assert_eq!(causes(&report), ["media-rejected"]);
    assert!(
        texts(&report)[0].ends_with("\"PCMU PCMA\""),
        "{:?}",
        texts(&report)
    );
}

#[test]
fn cause_of_changed_media_is_none_if_a_proxy_forwards_both_sides() {
    let proxy = "192.0.2.50:5060".parse().unwrap();
    // Both hops of a call and of a re-INVITE that changes nothing.
    let call = [healthy(), offer_again(&[], "200 OK", 10_000)].concat();
    let mut sent = Vec::new();
    for message in call {
        let (mut near, mut far) = (message.clone(), message);
        far.replace("z9hG4bK", "z9hG4bKfar");
        match near.from.to_string() == CALLER {
            true => (near.to, far.from) = (proxy, proxy),
            false => (near.from, far.to) = (proxy, proxy),
        }
        far.time_us += 10;
        sent.extend([near, far]);
    }
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // The re-INVITE leaves out the proxy.
    let mut sent = healthy();
    for message in &mut sent[..5] {
        match message.from.to_string() == CALLER {
            true => message.to = proxy,
            false => message.from = proxy,
        }
    }
    let hold = [("a=sendrecv", "a=sendonly")];
    sent.extend(offer_again(&hold, "200 OK", 10_000));
    assert_eq!(causes(&report_of(sent)), ["hold"]);
}

#[test]
fn cause_nat_contact_is_none_behind_a_proxy_that_has_the_device_in_its_network() {
    let proxy = "203.0.113.1:5060".parse().unwrap();
    let private = "10.0.0.5:5060".parse().unwrap();
    let mut sent = healthy();
    sent[0].replace("Contact: <sip:192.0.2.30>", "Contact: <sip:a@10.0.0.5>");
    let mut near = sent[0].clone();
    near.replace("z9hG4bK1", "z9hG4bK0");
    near.from = private;
    for message in &mut sent {
        match message.from.to_string() == CALLER {
            true => message.from = proxy,
            false => message.to = proxy,
        }
    }
    assert_eq!(causes(&report_of(sent.clone())), ["nat-contact"]);
    sent.insert(0, near);
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_no_common_codec_reads_the_offer_of_a_multipart_body() {
    let mut sent = refused_call("488 Not Acceptable Here", "");
    let at = sent[0].find("v=0");
    let body = sent[0].message.split_off(at);
    let start = sent[0].find("Content-Type");
    sent[0].message.truncate(start);
    let body = String::from_utf8(body).unwrap();
    let parts = format!(
        "--b\r\nContent-Type: application/sdp\r\n\r\n{body}\r\n--b\r\nContent-Type: \
         application/ISUP\r\n\r\n\u{1}\r\n--b--\r\n"
    );
    let rest = format!(
        "Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n{parts}",
        parts.len()
    );
    sent[0].message.extend(rest.as_bytes());
    let report = report_of(sent);
    assert_eq!(causes(&report), ["not-acceptable-media", "no-common-codec"]);
    assert!(
        texts(&report)[1].contains("an offer of \"0 8\";"),
        "{:?}",
        texts(&report)
    );
}
