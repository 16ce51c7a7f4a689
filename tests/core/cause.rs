//! The causes of made calls: what each of them takes, and what it says.

use crate::capture::{CALLEE, CALLER, Sent, healthy};
use crate::made_calls::{
    TIMER_A_MS, TIMER_E_MS, again, attempt, causes, challenged, later, offer_again, outcome,
    refused, report_of, texts, within,
};

#[test]
fn cause_is_named_by_the_final_status() {
    for (status, code) in [
        ("486 Busy Here", "busy"),
        ("600 Busy Everywhere", "busy"),
        ("603 Decline", "declined"),
        ("607 Unwanted", "declined"),
        ("608 Rejected", "declined"),
        ("404 Not Found", "not-found"),
        ("410 Gone", "not-found"),
        ("484 Address Incomplete", "not-found"),
        ("604 Does Not Exist Anywhere", "not-found"),
        ("430 Flow Failed", "unavailable"),
        ("480 Temporarily Unavailable", "unavailable"),
        ("403 Forbidden", "forbidden"),
        ("415 Unsupported Media Type", "not-acceptable-media"),
        ("488 Not Acceptable Here", "not-acceptable-media"),
        ("606 Not Acceptable", "not-acceptable-media"),
        ("400 Bad Request", "bad-request"),
        ("420 Bad Extension", "bad-request"),
        ("421 Extension Required", "bad-request"),
        ("423 Interval Too Brief", "bad-request"),
        ("494 Security Agreement Required", "bad-request"),
        ("482 Loop Detected", "loop"),
        ("483 Too Many Hops", "too-many-hops"),
        ("408 Request Timeout", "gateway-timeout"),
        ("504 Server Time-out", "gateway-timeout"),
        ("500 Server Internal Error", "server-failure"),
        ("502 Bad Gateway", "server-failure"),
        ("503 Service Unavailable", "overload"),
    ] {
        let report = refused(status, "");
        assert_eq!(outcome(&report), "refused", "{status}");
        assert_eq!(causes(&report)[0], code, "{status}");
        let text = format!("{status} from {CALLEE}");
        assert_eq!(texts(&report)[0], text);
        assert_eq!(report.causes[0].packets, [1, 3], "{status}");
        assert_eq!(report.causes[0].certainty, "certain");
        // A later attempt succeeds.
        let report = report_of([attempt("z9hG4bK0", status, 0), later(1)].concat());
        assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    }
}

#[test]
fn cause_has_q850_warning_and_retry_after() {
    let report = refused(
        "503 Out of trunks",
        "Reason: SIP;cause=503, Q.850;cause=34;text=\"x\"\r\nWarning: 399 gw \"no trunk\"\r\n\
         Retry-After: 30 (later)\r\n",
    );
    assert_eq!(
        texts(&report),
        [
            "503 Service Unavailable (\"Out of trunks\" in the message) from 192.0.2.20:5060, \
             Q.850 cause 34, no circuit or channel available, Warning 399, Retry-After 30 s"
        ]
    );
    let summary = refused("486 Busy Here", "Reason: Q.850 ;cause=17\r\n").summary();
    let start = "refused: 486 Busy Here from 192.0.2.20:5060 after 0.700 s (Q.850 cause 17, user \
                 busy); 3 packets in ";
    assert!(summary.starts_with(start), "{summary}");
    // Neither a cause without number nor one of another protocol.
    let summary = refused("486 Busy Here", "Reason: SIP;cause=17\r\nReason: Q.850\r\n").summary();
    assert!(!summary.contains("Q.850"), "{summary}");
    // A reason phrase cannot forge our text.
    let summary = refused("486 x; completed: \u{1b}[2J", "").summary();
    let start = "refused: 486 Busy Here (\"x; completed: \u{fffd}[2J\" in the message) from";
    assert!(summary.starts_with(start), "{summary}");
}

#[test]
fn cause_of_a_refused_call_names_the_farthest_hop() {
    let proxy = "192.0.2.50:5060".parse().unwrap();
    let mut sent = healthy()[..3].to_vec();
    sent[2].replace("180 Ringing", "486 Busy Here");
    let mut far = [sent[0].clone(), sent[2].clone()];
    for message in &mut far {
        message.replace("z9hG4bK1", "z9hG4bKfar");
    }
    (far[0].from, far[1].to) = (proxy, proxy);
    far[0].time_us += 10_000;
    far[1].time_us -= 10_000;
    (sent[0].to, sent[2].from) = (proxy, proxy);
    sent.extend(far);
    let report = report_of(sent);
    assert_eq!(
        report.outcome_text.unwrap(),
        format!("486 Busy Here from {CALLEE} after 0.700 s")
    );
    assert_eq!(report.ended_by.as_deref(), Some("192.0.2.50:5060"));
}

#[test]
fn cause_peer_silent_needs_a_peer_that_never_responds() {
    let call = healthy();
    let mut sent = vec![call[0].clone()];
    sent.extend(again(&call[0], &TIMER_A_MS));
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("no-response", vec!["peer-silent"])
    );
    assert_eq!(report.causes[0].certainty, "certain");
    assert_eq!(
        report.outcome_text.as_deref(),
        Some("the INVITE to 192.0.2.20:5060 was sent 7 times and got no response")
    );
    // Sent twice: it fits, but is not certain. Sent once: nothing is known.
    let report = report_of(sent[..2].to_vec());
    assert_eq!(report.causes[0].certainty, "likely");
    let report = report_of(sent[..1].to_vec());
    assert_eq!((outcome(&report), causes(&report)), ("no-response", vec![]));
    // It responded after some retransmissions.
    let mut late = again(&call[0], &[500, 1500]);
    late.extend(later(2));
    late[2].time_us = call[0].time_us;
    let report = report_of(late);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // The next carrier responds.
    let mut dead = sent;
    for message in &mut dead {
        message.replace("z9hG4bK1", "z9hG4bK0");
        message.to = "192.0.2.77:5060".parse().unwrap();
    }
    dead.extend(later(40));
    let report = report_of(dead);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // Two agents saw a request that was sent once.
    let mut twice = healthy()[..3].to_vec();
    twice.extend(healthy()[..3].iter().flat_map(|sent| again(sent, &[800])));
    assert_eq!(causes(&report_of(twice)), [] as [&str; 0]);
}

#[test]
fn cause_peer_stopped_needs_a_request_without_response() {
    let mut sent = healthy()[..6].to_vec();
    sent.extend(again(&sent[5], &TIMER_E_MS));
    let report = report_of(sent);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("answered", vec!["peer-stopped"])
    );
    assert!(
        report
            .outcome_text
            .unwrap()
            .ends_with(", which got no final response")
    );
    // It was sent again because the first response was lost.
    let mut sent = healthy();
    sent.extend(again(&sent[5], &[500]));
    sent.extend(again(&sent[6], &[500]));
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

#[test]
fn cause_of_an_unacknowledged_call() {
    let mut sent = healthy()[..4].to_vec();
    sent.extend(again(&sent[3], &TIMER_E_MS));
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("unacknowledged", vec!["ack-missing"])
    );
    let ack = healthy()[4].clone();
    for (old, new, why) in [
        ("1 ACK", "7 ACK", "has CSeq 7, while the INVITE has 1"),
        (
            "z9hG4bK2",
            "z9hG4bK1",
            "has the branch of the INVITE, as only the ACK of a refusal may",
        ),
        ("tag=bbb", "tag=zzz", "has another To tag than the response"),
    ] {
        let mut wrong = ack.clone();
        wrong.replace(old, new);
        let report = report_of([sent.clone(), vec![wrong]].concat());
        assert_eq!(
            (outcome(&report), causes(&report)),
            ("unacknowledged", vec!["ack-mismatch"])
        );
        assert!(texts(&report)[0].contains(why), "{:?}", texts(&report));
    }
    // The ACK fits; it was lost at first.
    let report = report_of([sent.clone(), vec![ack]].concat());
    assert_eq!((outcome(&report), causes(&report)), ("answered", vec![]));
    // The ACK takes another way, and the 200 was sent once.
    let mut sent = healthy();
    sent.remove(4);
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

#[test]
fn cause_of_a_failed_authentication() {
    let first = challenged("z9hG4bK0", 0, "", "realm=\"a\", nonce=\"1\"");
    let report = report_of(first.clone());
    let expected = ("auth-failed", vec!["auth-not-attempted"]);
    assert_eq!((outcome(&report), causes(&report)), expected);
    for (credentials, challenge, why) in [
        (
            "username=\"u\", realm=\"a\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\"",
            "user name or password is probably wrong",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\", stale=true",
            "calls the nonce stale",
        ),
        (
            "username=\"u\", realm=\"b\", nonce=\"1\"",
            "realm=\"a\", nonce=\"2\"",
            "for another realm",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"0\"",
            "realm=\"a\", nonce=\"2\"",
            "have another nonce",
        ),
        (
            "username=\"u\", realm=\"a\", nonce=\"1\", algorithm=SHA-256",
            "realm=\"a\", nonce=\"2\"",
            "use another algorithm",
        ),
    ] {
        let second = challenged("z9hG4bK1", 500, credentials, challenge);
        let report = report_of([first.clone(), second.clone()].concat());
        let expected = ("auth-failed", vec!["auth-loop"]);
        assert_eq!((outcome(&report), causes(&report)), expected, "{why}");
        assert!(texts(&report)[0].contains(why), "{:?}", texts(&report));
        // The next attempt succeeds.
        let mut success = later(1);
        for message in &mut success[..4] {
            message.replace("z9hG4bK1", "z9hG4bK9");
        }
        let report = report_of([first.clone(), second, success].concat());
        assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    }
    // 403 after credentials, and without.
    let mut second = challenged("z9hG4bK1", 500, "realm=\"a\", nonce=\"1\"", "");
    second[1].replace("401 Unauthorized", "403 Forbidden");
    let report = report_of([first, second].concat());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("auth-failed", vec!["forbidden"])
    );
    assert_eq!(outcome(&refused("403 Forbidden", "")), "refused");
}

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
fn cause_bye_unknown_dialog() {
    let mut sent = healthy();
    sent[6].replace("200 OK", "481 Call/Transaction Does Not Exist");
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["bye-unknown-dialog"])
    );
    assert!(texts(&report)[0].ends_with("; its tags are those of the dialog"));
    // Both sides hang up at once.
    let mut other = healthy()[5..].to_vec();
    for message in &mut other {
        message.replace("tag=aaa", "tag=x");
        message.replace("tag=bbb", "tag=aaa");
        message.replace("tag=x", "tag=bbb");
        message.replace("z9hG4bK3", "z9hG4bKother");
        (message.from, message.to) = (message.to, message.from);
        message.time_us -= 5000;
    }
    sent.extend(other);
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

#[test]
fn cause_transfer() {
    let transfer = |refer: &str, fragments: &[&str]| {
        let mut sent = healthy();
        sent.extend(within("REFER", refer, "", "", 10_000));
        for (number, fragment) in fragments.iter().enumerate() {
            let fields = "Event: refer\r\nContent-Type: message/sipfrag;version=2.0\r\n";
            let at_ms = 11_000 + number as u64 * 1000;
            sent.extend(within("NOTIFY", "200 OK", fields, fragment, at_ms));
        }
        report_of(sent)
    };
    let trying = "SIP/2.0 100 Trying\r\n";
    let report = transfer("202 Accepted", &[trying, "SIP/2.0 200 OK\r\n"]);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["transfer-succeeded"])
    );
    let report = transfer("202 Accepted", &[trying, "SIP/2.0 486 Busy Here\r\n"]);
    assert_eq!(causes(&report), ["transfer-failed"]);
    assert!(
        texts(&report)[0].ends_with("says 486 Busy Here"),
        "{:?}",
        texts(&report)
    );
    let report = transfer("603 Decline", &[]);
    assert_eq!(causes(&report), ["transfer-failed"]);
    // Its result is not known.
    assert_eq!(
        causes(&transfer("202 Accepted", &[trying])),
        [] as [&str; 0]
    );
    // A NOTIFY of something else.
    let mut sent = healthy();
    sent.extend(within("NOTIFY", "200 OK", "Event: dialog\r\n", "", 11_000));
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_glare() {
    let mut sent = healthy();
    sent.extend(within("UPDATE", "491 Request Pending", "", "", 10_000));
    assert_eq!(causes(&report_of(sent.clone())), ["glare"]);
    sent.extend(within("UPDATE", "200 OK", "", "", 12_000));
    let report = report_of(sent);
    assert!(texts(&report)[0].ends_with("it was sent again and succeeded"));
    let mut sent = healthy();
    sent.extend(within("UPDATE", "200 OK", "", "", 10_000));
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_registration_removed() {
    let register = |fields: &str| {
        let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
        sent[0].replace("INVITE sip", "REGISTER sip");
        sent[0].replace("Contact: <sip:192.0.2.30>", fields);
        for message in &mut sent {
            message.replace("1 INVITE", "1 REGISTER");
        }
        report_of(sent)
    };
    for fields in [
        "Contact: *\r\nExpires: 0",
        "Contact: <sip:a@192.0.2.10>;expires=0",
        "Contact: <sip:a@192.0.2.10>\r\nExpires: 0",
    ] {
        let report = register(fields);
        assert_eq!(outcome(&report), "succeeded", "{fields}");
        assert_eq!(causes(&report), ["registration-removed"], "{fields}");
    }
    for fields in [
        "Expires: 0",
        "Contact: <sip:a@192.0.2.10>",
        "Contact: <sip:a@192.0.2.10>;expires=60",
        "Contact: <sip:a@192.0.2.10>;expires=60\r\nExpires: 0",
        "Contact: <sip:b@192.0.2.10>;expires=0, <sip:a@192.0.2.10>\r\nExpires: 3600",
    ] {
        let report = register(fields);
        assert_eq!(
            (outcome(&report), causes(&report)),
            ("succeeded", vec![]),
            "{fields}"
        );
    }
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
fn cause_of_an_end_without_bye() {
    let lost = |session: &str, at_ms: u64, status: &str| {
        let mut sent = healthy()[..5].to_vec();
        sent[3].replace("Content-Type", &format!("{session}Content-Type"));
        sent.extend(within("INFO", status, "", "", at_ms));
        report_of(sent)
    };
    let unknown = "481 Call/Transaction Does Not Exist";
    let report = lost("", 200_000, unknown);
    assert_eq!(outcome(&report), "answered");
    assert_eq!(causes(&report), ["bye-unknown-dialog", "bye-missing"]);
    let report = lost("Session-Expires: 90;refresher=uas\r\n", 200_000, unknown);
    assert_eq!(
        causes(&report),
        ["bye-unknown-dialog", "session-timer-expired"]
    );
    let report = lost("x: 1800\r\n", 200_000, unknown);
    assert_eq!(causes(&report), ["bye-unknown-dialog", "bye-missing"]);
    let report = lost("Session-Expires: 90\r\n", 200_000, "200 OK");
    assert_eq!(causes(&report), [] as [&str; 0]);
}

#[test]
fn cause_registration_expired() {
    let register = |number: u64, after_s: u64, granted: &str| {
        let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
        sent[0].replace("INVITE sip", "REGISTER sip");
        sent[1].replace("Content-Type", &format!("{granted}\r\nContent-Type"));
        for message in &mut sent {
            message.replace("1 INVITE", &format!("{number} REGISTER"));
            message.replace("z9hG4bK1", &format!("z9hG4bKr{number}"));
            message.time_us += after_s * 1_000_000;
        }
        sent[1].time_us = sent[0].time_us + 1000;
        sent
    };
    for (granted, after_s, expected) in [
        ("Expires: 60", 90, &["registration-expired"][..]),
        (
            "Contact: <sip:a@h>;expires=60",
            90,
            &["registration-expired"],
        ),
        ("Expires: 60", 55, &[]),
        (
            "Contact: <sip:a@h>;expires=60, <sip:b@h>;expires=600",
            90,
            &[],
        ),
        ("X: y", 90, &[]),
    ] {
        let sent = [register(1, 0, granted), register(2, after_s, granted)].concat();
        let report = report_of(sent);
        assert_eq!(outcome(&report), "succeeded");
        assert_eq!(causes(&report), expected, "{granted} {after_s}");
        let text = report.outcome_text.unwrap();
        assert!(text.ends_with("after 1 earlier request"), "{text}");
    }
}

#[test]
fn cause_lost_packets() {
    let mut sent = healthy();
    sent.remove(5);
    let report = report_of(sent);
    assert_eq!(causes(&report), ["lost-packets"]);
    assert_eq!(report.causes[0].packets, [6]);
    assert!(
        texts(&report)[0].contains("within 59.910 s before it"),
        "{:?}",
        texts(&report)
    );
    // An agent that sees one direction only.
    let mut sent = healthy();
    sent.retain(|sent| sent.from.to_string() == CALLEE);
    let report = report_of(sent);
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("not-captured", vec![])
    );
}

#[test]
fn cause_of_a_challenge_on_another_hop_names_its_packet() {
    let mut sent = attempt("z9hG4bK1", "401 Unauthorized", 0);
    sent[1].replace("z9hG4bK1", "z9hG4bKother");
    let report = report_of(sent.clone());
    assert_eq!(causes(&report)[0], "auth-not-attempted");
    assert_eq!(report.causes[0].packets, [2]);
    // The credentials are there, but the capture does not show the challenge to them in full.
    sent[0].replace(
        "Max-Forwards",
        "Authorization: Digest realm=\"a\"\r\nMax-Forwards",
    );
    let report = report_of(sent);
    assert_eq!(outcome(&report), "auth-failed");
    assert!(!causes(&report).iter().any(|code| code.starts_with("auth-")));
}

#[test]
fn cause_of_a_challenged_refresh_is_not_that_of_the_ones_before() {
    let register = |mut sent: Vec<Sent>, number: u64| {
        sent[0].replace("INVITE sip", "REGISTER sip");
        for message in &mut sent {
            message.replace("1 INVITE", &format!("{number} REGISTER"));
        }
        sent
    };
    let (credentials, challenge) = ("realm=\"a\", nonce=\"1\"", "realm=\"a\", nonce=\"1\"");
    let first = register(challenged("z9hG4bKr1", 0, "", challenge), 1);
    let mut second = register(challenged("z9hG4bKr2", 100, credentials, challenge), 2);
    second[1].replace("401 Unauthorized", "200 OK");
    let last = register(challenged("z9hG4bKr3", 50_000, "", challenge), 3);
    let report = report_of([first.clone(), second.clone(), last].concat());
    let expected = ("auth-failed", vec!["auth-not-attempted"]);
    assert_eq!((outcome(&report), causes(&report)), expected);
    assert_eq!(report.causes[0].packets, [5, 6]);
    let report = report_of([first, second].concat());
    assert_eq!((outcome(&report), causes(&report)), ("succeeded", vec![]));
    assert_eq!(report.final_status, Some(200));
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
