//! Causes within a dialog, and those of registrations.

use crate::capture::{CALL_ID, CALLEE, healthy};
use crate::made_calls::{
    causes, crossing_bye, offer_again, outcome, registration, report_of, texts, within,
};

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
    sent.extend(crossing_bye());
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
        let sent = [
            registration(1, 0, granted),
            registration(2, after_s, granted),
        ]
        .concat();
        let report = report_of(sent);
        assert_eq!(outcome(&report), "succeeded");
        assert_eq!(causes(&report), expected, "{granted} {after_s}");
        let text = report.outcome_text.unwrap();
        assert!(text.ends_with("after 1 earlier request"), "{text}");
    }
}

#[test]
fn cause_bye_unknown_dialog_names_the_farthest_hop_and_the_number() {
    let proxy = "192.0.2.50:5060".parse().unwrap();
    let mut sent = healthy();
    sent[6].replace("200 OK", "481 Call/Transaction Does Not Exist");
    let mut far = sent[5..].to_vec();
    for message in &mut far {
        message.replace("z9hG4bK3", "z9hG4bKfar");
    }
    (sent[5].to, sent[6].from) = (proxy, proxy);
    (far[0].from, far[1].to) = (proxy, proxy);
    far[0].time_us += 1000;
    far[1].time_us -= 1000;
    sent.extend(far);
    let report = report_of(sent);
    let start = format!("{CALLEE} does not know the dialog of the BYE");
    assert!(
        texts(&report)[0].starts_with(&start),
        "{:?}",
        texts(&report)
    );
    let mut sent = healthy();
    for message in &mut sent[5..] {
        message.replace("2 BYE", "1 BYE");
    }
    sent[6].replace("200 OK", "481 Call/Transaction Does Not Exist");
    let end = ": its CSeq is not higher than that of packet 1";
    let report = report_of(sent);
    assert!(texts(&report)[0].ends_with(end), "{:?}", texts(&report));
}

#[test]
fn cause_transfer_whose_notify_is_on_another_leg_or_comes_first() {
    let fields = "Event: refer\r\nContent-Type: message/sipfrag\r\n";
    let refer = within("REFER", "202 Accepted", "", "", 10_000);
    let notify = within("NOTIFY", "200 OK", fields, "SIP/2.0 200 OK\r\n", 10_500);
    // Before the 202.
    let mut sent = [healthy(), refer.clone(), notify.clone()].concat();
    sent[8].time_us += 2_000_000;
    assert_eq!(causes(&report_of(sent)), ["transfer-succeeded"]);
    // On the other leg of a B2BUA that keeps the Call-ID.
    let mut other = notify.clone();
    for message in &mut other {
        message.replace("tag=aaa", "tag=sss");
        message.replace("tag=bbb", "tag=ttt");
        (message.from, message.to) = (message.to, "192.0.2.60:5060".parse().unwrap());
    }
    let sent = [healthy(), refer.clone(), other].concat();
    assert_eq!(causes(&report_of(sent)), ["transfer-succeeded"]);
    // A NOTIFY before the REFER belongs to something else.
    let early = within("NOTIFY", "200 OK", fields, "SIP/2.0 200 OK\r\n", 9_000);
    let sent = [healthy(), early, refer.clone()].concat();
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
    // The first transfer fails and the second one succeeds; a challenge is no failure.
    let busy = within(
        "NOTIFY",
        "200 OK",
        fields,
        "SIP/2.0 486 Busy Here\r\n",
        10_500,
    );
    let challenge = within("REFER", "407 Proxy Authentication Required", "", "", 11_000);
    let again = within("REFER", "202 Accepted", "", "", 12_000);
    let done = within("NOTIFY", "200 OK", fields, "SIP/2.0 200 OK\r\n", 13_000);
    let report = report_of([healthy(), refer, busy, challenge, again, done].concat());
    assert_eq!(causes(&report), ["transfer-failed", "transfer-succeeded"]);
    assert_eq!(report.causes[0].packets, [6, 8]);
    assert_eq!(report.causes[1].packets, [12, 14]);
}

#[test]
fn cause_glare_names_the_pending_request() {
    let mut sent = healthy();
    let mut other = offer_again(&[], "200 OK", 10_000);
    for message in &mut other {
        message.replace("tag=aaa", "tag=x");
        message.replace("tag=bbb", "tag=aaa");
        message.replace("tag=x", "tag=bbb");
        (message.from, message.to) = (message.to, message.from);
    }
    other[1].time_us += 500_000;
    sent.extend(other);
    sent.extend(offer_again(&[], "491 Request Pending", 10_100));
    let report = report_of(sent);
    assert_eq!(causes(&report)[0], "glare");
    assert_eq!(report.causes[0].packets, [6, 7, 8]);
    assert_eq!(
        texts(&report)[..1],
        [
            "192.0.2.20:5060 rejected the INVITE in packet 7 (491 Request Pending), because its own \
          INVITE in packet 6 was pending; the capture has no later one that succeeded"
        ]
    );
}

#[test]
fn cause_registration_expired_is_likely_if_a_number_is_missing() {
    let register = |number, after_s| registration(number, after_s, "Expires: 60");
    for (number, certainty) in [(2, "certain"), (3, "likely")] {
        let report = report_of([register(1, 0), register(number, 90)].concat());
        assert_eq!(causes(&report), ["registration-expired"]);
        assert_eq!(report.causes[0].certainty, certainty);
    }
}

#[test]
fn cause_bye_unknown_dialog_needs_a_subscription_that_goes_on() {
    let subscription = |expires: &str| {
        let mut sent = healthy()[..1].to_vec();
        sent.push(healthy()[3].clone());
        sent[0].replace("INVITE sip", "SUBSCRIBE sip");
        sent[0].replace("Contact", &format!("Expires: {expires}\r\nContact"));
        for message in &mut sent {
            message.replace("1 INVITE", "1 SUBSCRIBE");
        }
        sent.extend(within(
            "NOTIFY",
            "481 Call/Transaction Does Not Exist",
            "",
            "",
            9_000,
        ));
        report_of(sent)
    };
    let report = subscription("600");
    assert_eq!(causes(&report), ["bye-unknown-dialog"]);
    assert!(texts(&report)[0].ends_with("; its tags are those of the dialog"));
    assert_eq!(causes(&subscription("0")), [] as [&str; 0]);
}

#[test]
fn cause_session_timer_expired_while_the_capture_goes_on() {
    let call = |refresh_s: Option<u64>, other_s: u64, session: &str| {
        let mut sent = healthy()[..5].to_vec();
        sent[3].replace("Content-Type", &format!("{session}Content-Type"));
        if let Some(after) = refresh_s {
            let mut update = within("UPDATE", "200 OK", "", "", after * 1000);
            update[1].replace("Content-Length", &format!("{session}Content-Length"));
            sent.extend(update);
        }
        // Another call, which Homer correlates.
        let mut other = within("OPTIONS", "200 OK", "", "", other_s * 1000);
        for message in &mut other {
            message.replace(CALL_ID, "other@192.0.2.10");
        }
        sent.extend(other);
        report_of(sent)
    };
    let timer = "Session-Expires: 90;refresher=uac\r\n";
    let report = call(None, 200, timer);
    assert_eq!(outcome(&report), "answered");
    assert_eq!(causes(&report), ["session-timer-expired"]);
    assert_eq!(report.causes[0].certainty, "likely");
    assert_eq!(
        causes(&call(Some(45), 200, timer)),
        ["session-timer-expired"]
    );
    // Refreshed in time, the capture ends before, or the session has no timer.
    for (refresh_s, other_s, timer) in [
        (Some(45), 130, timer),
        (None, 90, timer),
        (None, 200, ""),
        (Some(150), 200, timer),
    ] {
        let report = call(refresh_s, other_s, timer);
        assert_eq!(causes(&report), [] as [&str; 0], "{refresh_s:?} {other_s}");
    }
}
