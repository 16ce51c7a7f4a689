//! The calls of the demo that begin with an INVITE.

use super::Scene;
use super::message::{Address, Message};

const ALICE: Address = Address::sip([192, 0, 2, 10]);
const BOB: Address = Address::sip([192, 0, 2, 20]);
/// Bob's second phone.
const BOB_2: Address = Address::sip([192, 0, 2, 30]);
const PROXY: Address = Address::sip([198, 51, 100, 1]);

/// When a request is sent if it gets no response, in milliseconds: timer A (RFC 3261 §17.1.1.2).
const TIMER_A_MS: [u64; 7] = [0, 500, 1500, 3500, 7500, 15_500, 31_500];

/// When a 2xx is sent if it gets no ACK, in milliseconds (RFC 3261 §13.3.1.4).
const TIMER_2XX_MS: [u64; 11] = [
    0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
];

/// Alice's INVITE to Bob.
fn invite(to: Address) -> Message {
    let uri = match to {
        PROXY => "sip:bob@example.com".to_string(),
        _ => format!("sip:bob@{to}"),
    };
    Message::request((ALICE, to), &format!("INVITE {uri}"), 1, "invite").sdp(&ALICE.host())
}

/// Bob's answer to an INVITE.
fn answer(invite: &Message) -> Message {
    invite.response("200 OK").tagged("b1").sdp(&BOB.host())
}

/// A request of Alice within the call.
fn request(method: &str, cseq: u32) -> Message {
    let line = format!("{method} sip:bob@{BOB}");
    Message::request((ALICE, BOB), &line, cseq, &method.to_lowercase()).tagged("b1")
}

/// A call until the ACK.
fn begin(scene: &mut Scene, invite: &Message, answer: &Message) {
    scene.send(0, invite);
    scene.send(12, &invite.response("100 Trying"));
    scene.send(310, &invite.response("180 Ringing").tagged("b1"));
    scene.send(2900, answer);
    scene.send(2960, &request("ACK", 1));
}

/// Alice hangs up.
fn end(scene: &mut Scene, at_ms: u64, cseq: u32) {
    let bye = request("BYE", cseq);
    scene.send(at_ms, &bye);
    scene.send(at_ms + 25, &bye.response("200 OK"));
}

pub(super) fn dead_peer(scene: &mut Scene) {
    scene.send_each(&TIMER_A_MS, &invite(BOB));
}

pub(super) fn busy(scene: &mut Scene) {
    let invite = invite(PROXY);
    let forwarded = invite.forwarded(BOB, "proxy");
    let busy = forwarded
        .response("486 Busy Here")
        .tagged("b1")
        .field("Reason: Q.850;cause=17;text=\"User busy\"");
    let ack =
        |ends, branch| Message::request(ends, "ACK sip:bob@example.com", 1, branch).tagged("b1");
    scene.send(0, &invite);
    scene.send(3, &invite.response("100 Trying"));
    scene.send(8, &forwarded);
    scene.send(160, &busy);
    scene.send(163, &ack((PROXY, BOB), "proxy"));
    scene.send(165, &busy.returned());
    scene.send(190, &ack((ALICE, PROXY), "invite"));
}

pub(super) fn lost_ack(scene: &mut Scene) {
    let invite = invite(BOB);
    scene.send(0, &invite);
    scene.send(12, &invite.response("100 Trying"));
    scene.send(310, &invite.response("180 Ringing").tagged("b1"));
    let times = TIMER_2XX_MS.map(|after_ms| 2900 + after_ms);
    scene.send_each(&times, &answer(&invite));
}

pub(super) fn private_media(scene: &mut Scene) {
    let invite = invite(BOB);
    let answer = invite.response("200 OK").tagged("b1").sdp("10.0.0.5");
    begin(scene, &invite, &answer);
    end(scene, 19_000, 2);
}

pub(super) fn lossy_media(scene: &mut Scene) {
    let invite = invite(BOB);
    begin(scene, &invite, &answer(&invite));
    let (alice, bob) = (ALICE.with_port(40_001), BOB.with_port(40_001));
    // Every five seconds, Alice reports what she sent, and Bob what he received of it 70 ms later.
    for (number, lost) in [0_u32, 8, 33, 20].into_iter().enumerate() {
        let number = number as u32 + 1;
        let at_ms = u64::from(number) * 5000 + 3000;
        let sent = 250 * number;
        let seconds = 3_926_000_000 + 5 * number;
        scene.rtcp(
            at_ms,
            alice,
            bob,
            &format!(
                concat!(
                    r#"{{"sender_information":{{"ntp_timestamp_sec":{},"ntp_timestamp_usec":0,"#,
                    r#""rtp_timestamp":{},"packets":{},"octets":{}}},"ssrc":168427530,"type":200,"#,
                    r#""report_count":0,"report_blocks":[]}}"#,
                ),
                seconds,
                sent * 160,
                sent,
                sent * 160,
            ),
        );
        scene.rtcp(
            at_ms + 1070,
            bob,
            alice,
            &format!(
                concat!(
                    r#"{{"ssrc":336860180,"type":201,"report_count":1,"report_blocks":[{{"#,
                    r#""source_ssrc":168427530,"fraction_lost":{},"packets_lost":{},"#,
                    r#""highest_seq_no":{},"ia_jitter":{},"lsr":{},"dlsr":65536}}]}}"#,
                ),
                lost,
                lost + number,
                sent,
                24 * number,
                (seconds & 0xffff) << 16,
            ),
        );
    }
    end(scene, 25_000, 2);
}

pub(super) fn unknown_dialog(scene: &mut Scene) {
    let invite = invite(BOB);
    begin(scene, &invite, &answer(&invite));
    let bye = request("BYE", 2);
    scene.send(61_000, &bye);
    scene.send(61_025, &bye.response("481 Call/Transaction Does Not Exist"));
}

pub(super) fn transfer(scene: &mut Scene) {
    let invite = invite(BOB);
    begin(scene, &invite, &answer(&invite));
    let refer = request("REFER", 2).field("Refer-To: <sip:carol@example.com>");
    scene.send(15_000, &refer);
    scene.send(15_020, &refer.response("202 Accepted"));
    for (cseq, state, status) in [
        (1, "active;expires=60", "100 Trying"),
        (2, "terminated;reason=noresource", "503 Service Unavailable"),
    ] {
        let line = format!("NOTIFY sip:alice@{ALICE}");
        let notify = Message::request((BOB, ALICE), &line, cseq, &format!("notify{cseq}"))
            .tagged("b1")
            .reversed()
            .field("Event: refer")
            .field(&format!("Subscription-State: {state}"))
            .content(
                "message/sipfrag;version=2.0",
                &format!("SIP/2.0 {status}\r\n"),
            );
        let at_ms = 14_060 + u64::from(cseq) * 1000;
        scene.send(at_ms, &notify);
        scene.send(at_ms + 15, &notify.response("200 OK"));
    }
    end(scene, 20_000, 3);
}

pub(super) fn two_in_one(scene: &mut Scene) {
    let invite = invite(BOB).over_tcp();
    let ringing = invite.response("180 Ringing").tagged("b1");
    scene.send(0, &invite);
    scene.send(12, &invite.response("100 Trying"));
    // TCP puts what is sent at once into one segment.
    scene.send_together(310, &[&ringing, &answer(&invite)]);
    scene.send(340, &request("ACK", 1).over_tcp());
    let bye = request("BYE", 2).over_tcp();
    scene.send(42_000, &bye);
    scene.send(42_025, &bye.response("200 OK"));
}

pub(super) fn forked(scene: &mut Scene) {
    let invite = invite(PROXY);
    scene.send(0, &invite);
    scene.send(3, &invite.response("100 Trying"));
    let forks = [
        invite.forwarded(BOB, "fork1"),
        invite.forwarded(BOB_2, "fork2"),
    ];
    for (fork, tag) in forks.iter().zip(["b1", "b2"]) {
        let ringing = fork.response("180 Ringing").tagged(tag);
        scene.send(8, fork);
        scene.send(210, &ringing);
        scene.send(213, &ringing.returned());
    }
    let [answering, ringing] = &forks;
    let answer = answer(answering);
    scene.send(4100, &answer);
    scene.send(4103, &answer.returned());
    // The other phone stops ringing.
    let other = |method: &str| {
        let line = format!("{method} sip:bob@example.com");
        Message::request((PROXY, BOB_2), &line, 1, "fork2")
    };
    let cancel = other("CANCEL");
    scene.send(4105, &cancel);
    scene.send(4120, &cancel.response("200 OK").tagged("b2"));
    scene.send(
        4125,
        &ringing.response("487 Request Terminated").tagged("b2"),
    );
    scene.send(4128, &other("ACK").tagged("b2"));
    scene.send(4160, &request("ACK", 1));
    end(scene, 33_000, 2);
}

pub(super) fn cut_by_window(scene: &mut Scene) {
    let invite = invite(BOB);
    begin(scene, &invite, &answer(&invite));
    // The day ends after ten minutes, and Homer looks 200 s further.
    end(scene, 25 * 60_000, 2);
}
