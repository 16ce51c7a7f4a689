//! Causes that a final response names: refusals by their status, and authentication.

use crate::capture::{CALLEE, Sent, healthy};
use crate::made_calls::{
    TIMER_A_MS, again, attempt, causes, challenged, later, outcome, refused, refused_call,
    report_of, texts,
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
    let summary = refused("486 x\" from 1.1.1.1 \\", "").summary();
    let start =
        "refused: 486 Busy Here (\"x\\\" from 1.1.1.1 \\\\\" in the message) from 192.0.2.20";
    assert!(summary.starts_with(start), "{summary}");
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
fn cause_has_the_q850_cause_beside_isup() {
    // SIP-I: the REL is binary, and Reason says the same (RFC 6432).
    let isup = "Content-Type: application/ISUP;version=itu-t92+\r\n";
    let report = refused(
        "480 Temporarily Unavailable",
        &format!("{isup}Reason: Q.850;cause=19\r\n"),
    );
    assert_eq!(causes(&report), ["unavailable"]);
    assert!(texts(&report)[0].ends_with(", Q.850 cause 19, no answer from user"));
    let mut sent = healthy();
    sent[5].replace(
        "Max-Forwards",
        "Reason: Q.850;cause=16;text=\"x\"\r\nMax-Forwards",
    );
    let report = report_of(sent);
    let summary = report.summary();
    let end = "ended with BYE from 192.0.2.10:5060 (Q.850 cause 16, normal call clearing); ";
    assert!(summary.contains(end), "{summary}");
    assert_eq!(causes(&report), [] as [&str; 0]);
    // An announcement before the refusal.
    let mut sent = healthy();
    sent[3].replace("200 OK", "183 Session Progress");
    sent[3].replace("Contact", "Reason: Q.850;cause=1\r\nContact");
    sent.truncate(4);
    let early = " opened media before an answer (Q.850 cause 1, unallocated number), and the call";
    let report = report_of(sent);
    assert!(texts(&report)[0].contains(early), "{:?}", texts(&report));
}

#[test]
fn cause_names_the_status_that_a_proxy_changed() {
    let proxy = "192.0.2.50:5060".parse().unwrap();
    let call = |far_status: &str| {
        let mut near = refused_call("500 Server Internal Error", "");
        let fields = "Reason: Q.850;cause=34\r\nWarning: 399 gw \"x\"\r\nRetry-After: 10\r\n";
        let mut far = refused_call(far_status, fields);
        far.remove(1);
        for message in &mut far {
            message.replace("z9hG4bK1", "z9hG4bKfar");
        }
        (near[0].to, near[1].from, near[2].from) = (proxy, proxy, proxy);
        (far[0].from, far[1].to) = (proxy, proxy);
        far[0].time_us += 10;
        far[1].time_us -= 10;
        near.extend(far);
        report_of(near)
    };
    let report = call("503 Out of trunks");
    assert_eq!(causes(&report), ["server-failure"]);
    assert_eq!(
        texts(&report),
        [
            "500 Server Internal Error from 192.0.2.50:5060, after 503 Service Unavailable (\"Out \
             of trunks\" in the message) from 192.0.2.20:5060, Q.850 cause 34, no circuit or \
             channel available, Warning 399, Retry-After 10 s"
        ]
    );
    assert_eq!(report.causes[0].packets, [1, 5, 4]);
    // The other branch was cancelled.
    let report = call("487 Request Terminated");
    assert_eq!(
        texts(&report),
        ["500 Server Internal Error from 192.0.2.50:5060"]
    );
}

#[test]
fn cause_of_a_refusal_is_not_the_carrier_that_did_not_respond() {
    let mut dead = healthy()[..1].to_vec();
    dead.extend(again(&healthy()[0], &TIMER_A_MS[..3]));
    for message in &mut dead {
        message.replace("z9hG4bK1", "z9hG4bK0");
        message.to = "192.0.2.77:5060".parse().unwrap();
    }
    for (status, expected) in [
        ("486 Busy Here", &["busy"][..]),
        ("408 Request Timeout", &["peer-silent", "gateway-timeout"]),
    ] {
        let next = attempt("z9hG4bK1", status, 5000);
        let report = report_of([dead.clone(), next].concat());
        assert_eq!(
            (outcome(&report), causes(&report)),
            ("refused", expected.to_vec())
        );
    }
}

#[test]
fn cause_auth_loop_says_what_to_check() {
    let first = challenged("z9hG4bK0", 0, "", "realm=\"a\", nonce=\"1\"");
    let next_step = |credentials: &str, challenge: &str, has_first: bool| {
        let second = challenged("z9hG4bK1", 500, credentials, challenge);
        let first = if has_first { first.clone() } else { vec![] };
        let report = report_of([first, second].concat());
        assert_eq!(causes(&report), ["auth-loop"]);
        let cause = &report.causes[0];
        (cause.text.clone(), cause.next_step.clone())
    };
    let (used, new) = ("realm=\"a\", nonce=\"1\"", "realm=\"a\", nonce=\"2\"");
    let (_, step) = next_step(used, new, true);
    assert!(step.starts_with("Compare user name"), "{step}");
    let (_, step) = next_step(used, "realm=\"a\", nonce=\"2\", stale=TRUE", true);
    assert!(
        step.starts_with("Check how long the server accepts a nonce"),
        "{step}"
    );
    let (_, step) = next_step("realm=\"a\", nonce=\"0\"", new, true);
    assert!(
        step.starts_with("Check why the device does not take"),
        "{step}"
    );
    // Without the challenge, nothing is known about realm and nonce.
    let (text, _) = next_step(used, new, false);
    assert!(
        text.contains("the capture does not show the challenge"),
        "{text}"
    );
}
