//! Causes that lie between the participants: requests and ACKs that did not arrive.

use crate::capture::{CALLEE, CALLER, healthy};
use crate::made_calls::{
    TIMER_A_MS, TIMER_E_MS, ack_to_contact, again, causes, later, offer_again, outcome, report_of,
    texts,
};

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
    // After two copies, the ACK may have arrived without being captured.
    let report = report_of(sent[..6].to_vec());
    assert_eq!(causes(&report), ["ack-missing"]);
    assert_eq!(report.causes[0].certainty, "likely");
    let ack = ack_to_contact();
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
    // It goes elsewhere: the callee gives up and hangs up.
    let mut bye = healthy()[5..].to_vec();
    for message in &mut bye {
        message.replace("tag=aaa", "tag=x");
        message.replace("tag=bbb", "tag=aaa");
        message.replace("tag=x", "tag=bbb");
        (message.from, message.to) = (message.to, message.from);
    }
    let with = |uri: &str| {
        let mut ack = ack_to_contact();
        ack.replace("sip:192.0.2.30", uri);
        report_of([sent.clone(), vec![ack], bye.clone()].concat())
    };
    let report = with("sip:192.0.2.31");
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("unacknowledged", vec!["ack-mismatch"])
    );
    let why = "has another Request-URI than the Contact of the response";
    assert!(texts(&report)[0].contains(why), "{:?}", texts(&report));
    let report = with("sip:192.0.2.30");
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // A proxy changed the URI of an ACK that arrived.
    let mut late = healthy();
    late.extend(again(&late[3], &[500, 1500]));
    let report = report_of(late);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // The same URI in another spelling.
    let report = with("SIP:192.0.2.30:5060;transport=udp");
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
    // The ACK takes another way, and the 200 was sent once.
    let mut sent = healthy();
    sent.remove(4);
    let report = report_of(sent);
    assert_eq!((outcome(&report), causes(&report)), ("completed", vec![]));
}

#[test]
fn cause_lost_packets() {
    let mut sent = healthy();
    sent.remove(5);
    let report = report_of(sent);
    assert_eq!(causes(&report), ["lost-packets"]);
    assert_eq!(report.causes[0].packets, [6]);
    assert!(
        texts(&report)[0].contains("; the gap before it is 59.910 s; "),
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
fn cause_peer_stopped_of_a_request_that_timed_out() {
    let mut sent = healthy();
    sent[6].replace("200 OK", "408 Request Timeout");
    let report = report_of(sent);
    assert_eq!(causes(&report), ["peer-stopped"]);
    assert_eq!(report.causes[0].packets, [6, 7]);
    assert_eq!(
        texts(&report),
        [
            "the BYE in packet 6 timed out: 192.0.2.20:5060 responded 408 Request Timeout instead of \
          the other side"
        ]
    );
}

#[test]
fn cause_peer_silent_needs_more_than_responses_that_the_agent_does_not_see() {
    // One direction: the INVITE was sent again, and its ACK shows that it was answered.
    let mut sent = healthy();
    sent.extend(again(&sent[0], &TIMER_A_MS[..2]));
    sent.retain(|sent| sent.from.to_string() == CALLER);
    assert_eq!(causes(&report_of(sent.clone())), [] as [&str; 0]);
    // Without the ACK and the BYE, no one answered.
    sent.retain(|sent| sent.message.starts_with(b"INVITE"));
    assert_eq!(causes(&report_of(sent)), ["peer-silent"]);
}

#[test]
fn cause_lost_packets_of_responses() {
    // An INVITE that was acknowledged, although no response to it is there; the BYE got one.
    let mut sent = healthy();
    sent.drain(1..4);
    let report = report_of(sent.clone());
    assert_eq!(causes(&report), ["lost-packets"]);
    assert_eq!(report.causes[0].packets, [1, 2]);
    // The agent sees no message of that side.
    sent.pop();
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_ack_missing_within_a_call() {
    let change = offer_again(&[], "200 OK", 10_000);
    let mut sent = [healthy(), change.clone()].concat();
    sent.extend(again(&change[1], &TIMER_E_MS));
    let report = report_of(sent.clone());
    assert_eq!(
        (outcome(&report), causes(&report)),
        ("completed", vec!["ack-missing"])
    );
    assert_eq!(report.causes[0].packets, [6, 7, 17]);
    let mut ack = healthy()[4].clone();
    ack.replace("1 ACK", "10000 ACK");
    ack.time_us = change[1].time_us + 5_000_000;
    sent.push(ack);
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
    // The agent does not see the ACK, but the 200 was sent once.
    assert_eq!(
        causes(&report_of([healthy(), change].concat())),
        [] as [&str; 0]
    );
}

#[test]
fn cause_peer_stopped_is_likely_if_no_message_of_the_peer_is_there() {
    // The BYE belongs to a dialog, so that the callee has responded before.
    let mut sent = healthy()[5..6].to_vec();
    sent.extend(again(&healthy()[5], &TIMER_E_MS));
    let report = report_of(sent);
    assert_eq!(causes(&report), ["peer-stopped"]);
    assert_eq!(report.causes[0].certainty, "likely");
    let end = "; an agent that does not see its messages fits as well";
    assert!(texts(&report)[0].ends_with(end), "{:?}", texts(&report));
}
