//! Every code of a cause, with a call that has this cause, and a similar one that does not.

use homer_export::CaptureReport;
use homer_export::report::CAUSE_CODES;

use crate::capture::{CALL_ID, Capture, Sent, healthy};
use crate::made_calls::{
    TIMER_A_MS, TIMER_E_MS, ack_to_contact, again, attempt, causes, challenged, crossing_bye,
    later, offer_again, refused_call, report_of, within,
};
use crate::report::analyze;

/// A call with a cause, and a similar one without it.
type Case = (Vec<Sent>, Vec<Sent>);

/// Defines a test for each row, and the list of their codes.
macro_rules! cause_table {
    ($($test:ident: $code:literal, $case:expr;)*) => {
        $(
            #[test]
            fn $test() {
                check($code, $case);
            }
        )*

        const TABLE: &[(&str, fn() -> Case)] = &[$(($code, || $case)),*];
    };
}

#[track_caller]
fn check(code: &str, (shown, innocent): Case) {
    let report = report_of(shown);
    let cause = report.causes.iter().find(|cause| cause.code == code);
    let cause = cause.unwrap_or_else(|| panic!("{code}: {:?}", report.causes));
    assert!(!cause.packets.is_empty(), "{cause:?}");
    let is_likely = cause.certainty == "likely";
    // What else would fit is said, and only then.
    let has_other = ["as well", "may also", "unless"]
        .iter()
        .any(|words| cause.text.contains(words));
    assert_eq!(is_likely, has_other, "{cause:?}");
    let report = report_of(innocent);
    assert!(report.outcome.is_some());
    assert!(!causes(&report).contains(&code), "{:?}", report.causes);
}

#[test]
fn cause_table_has_every_code() {
    let codes: Vec<&str> = TABLE.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, CAUSE_CODES);
    for (number, code) in CAUSE_CODES.iter().enumerate() {
        assert!(!CAUSE_CODES[..number].contains(code), "{code}");
    }
}

#[test]
fn cause_page_lists_every_code() {
    let mut page = "# Causes\n\n\
        The report says why a call ended as it did, as far as its messages show it: at most eight \
        causes,\nthe most likely one first. A call that went well has none, or only causes that \
        inform, such as\n`hold`. A cause is `certain` if the messages prove it, and `likely` if \
        they fit it; the text of a\nlikely one says what else would fit. Codes never change. The \
        texts are examples.\n\n\
        `tests/core/cause/table.rs` checks this page; `BLESS=1 cargo test -p homer-export \
        cause_page` writes\nit.\n\n\
        | code | text | certainty | next step |\n|---|---|---|---|\n"
        .to_string();
    for (code, case) in TABLE {
        let report = report_of(case().0);
        let cause = report.causes.iter().find(|cause| cause.code == *code);
        let cause = cause.unwrap();
        page += &format!(
            "| `{code}` | {} | {} | {} |\n",
            cause.text, cause.certainty, cause.next_step
        );
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/causes.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), page);
}

/// A call that is refused with this status, and one that is cancelled while the phone rings.
fn status(status: &str) -> Case {
    let mut cancelled = refused_call("487 Request Terminated", "");
    let mut cancel = healthy()[0].clone();
    cancel.replace("INVITE sip", "CANCEL sip");
    cancel.replace("1 INVITE", "1 CANCEL");
    cancel.time_us += 100_000;
    cancelled.push(cancel);
    // The same status to another carrier, after which the call succeeds, is innocent too.
    let retried = [attempt("z9hG4bK0", status, 0), later(1)].concat();
    assert_eq!(causes(&report_of(retried)), [] as [&str; 0]);
    (refused_call(status, ""), cancelled)
}

/// The healthy call with one text replaced in one message.
fn with(packet: usize, old: &str, new: &str) -> Vec<Sent> {
    let mut sent = healthy();
    sent[packet - 1].replace(old, new);
    sent
}

/// Requests that get no response: sent again, and the same as two capture agents see it.
fn peer_silent() -> Case {
    let mut sent = healthy()[..1].to_vec();
    sent.extend(again(&healthy()[0], &TIMER_A_MS));
    let mut agents = healthy()[..3].to_vec();
    agents.extend(agents.clone().iter().flat_map(|sent| again(sent, &[500])));
    (sent, agents)
}

fn peer_stopped() -> Case {
    let mut sent = healthy()[..6].to_vec();
    sent.extend(again(&healthy()[5], &TIMER_E_MS));
    // The response was lost once.
    let mut late = healthy();
    late.extend(again(&healthy()[5], &[500]));
    late[6].time_us += 600_000;
    (sent, late)
}

/// A 200 that is sent again, with this ACK; and with one that fits.
fn unacknowledged(ack: Option<(&str, &str)>) -> Case {
    let mut sent = healthy()[..4].to_vec();
    sent.extend(again(&healthy()[3], &TIMER_E_MS));
    let own = ack_to_contact();
    let fits = [sent.clone(), vec![own.clone()]].concat();
    if let Some((old, new)) = ack {
        let mut ack = own;
        ack.replace(old, new);
        sent.push(ack);
    }
    (sent, fits)
}

const CHALLENGE: &str = "realm=\"a\", nonce=\"1\"";

fn auth_loop() -> Case {
    let first = challenged("z9hG4bK0", 0, "", CHALLENGE);
    let second = challenged("z9hG4bK1", 500, CHALLENGE, CHALLENGE);
    let mut accepted = later(1);
    for message in &mut accepted[..4] {
        message.replace("z9hG4bK1", "z9hG4bK9");
    }
    let healed = [first.clone(), second.clone(), accepted].concat();
    ([first, second].concat(), healed)
}

fn auth_not_attempted() -> Case {
    let first = challenged("z9hG4bK0", 0, "", CHALLENGE);
    let retried = [first.clone(), later(1)].concat();
    (first, retried)
}

fn early_media() -> Case {
    let mut sent = healthy();
    sent[3].replace("200 OK", "183 Session Progress");
    sent.truncate(4);
    // Media before the answer, and then the answer.
    let mut answered = healthy();
    let mut early = with(4, "200 OK", "183 Session Progress")[3].clone();
    early.time_us -= 1_000_000;
    answered.push(early);
    (sent, answered)
}

/// The other side does not know the call; the session had this time to live.
fn lost_call(session: &str) -> Case {
    let call = |status: &str| {
        let mut sent = healthy()[..5].to_vec();
        sent[3].replace("Content-Type", &format!("{session}Content-Type"));
        sent.extend(within("INFO", status, "", "", 200_000));
        sent
    };
    (call("481 Call/Transaction Does Not Exist"), call("200 OK"))
}

/// A transfer with this status in its NOTIFY.
fn transfer(fragment: &str) -> Case {
    let call = |fragment: &str| {
        let fields = "Event: refer\r\nContent-Type: message/sipfrag\r\n";
        let mut sent = healthy();
        sent.extend(within("REFER", "202 Accepted", "", "", 10_000));
        sent.extend(within("NOTIFY", "200 OK", fields, fragment, 11_000));
        sent
    };
    (call(fragment), call("SIP/2.0 180 Ringing\r\n"))
}

/// A REGISTER with this Contact, which the registrar grants for a minute, this long after the call
/// began.
fn register(number: u64, contact: &str, after_s: u64) -> Vec<Sent> {
    let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
    sent[0].replace("INVITE sip", "REGISTER sip");
    sent[0].replace("Contact: <sip:192.0.2.30>", contact);
    sent[1].replace("Contact: <sip:192.0.2.30>", "Contact: <sip:a@h>;expires=60");
    for message in &mut sent {
        message.replace("1 INVITE", &format!("{number} REGISTER"));
        message.replace("z9hG4bK1", &format!("z9hG4bKr{number}"));
        message.time_us += after_s * 1_000_000;
    }
    sent[1].time_us = sent[0].time_us + 1000;
    sent
}

fn registrations(after_s: u64) -> Vec<Sent> {
    let contact = "Contact: <sip:a@192.0.2.10>";
    [register(1, contact, 0), register(2, contact, after_s)].concat()
}

/// The healthy call with a payload before its BYE.
fn with_payload(payload: &[u8]) -> Vec<Sent> {
    let mut sent = healthy();
    let mut other = sent[4].clone();
    other.message = payload.to_vec();
    sent.insert(5, other);
    sent
}

/// The healthy call over TCP, whose INVITE lacks its last bytes.
fn cut_by(bytes: usize) -> Vec<Sent> {
    let mut sent = healthy();
    for message in &mut sent {
        message.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    }
    let len = sent[0].message.len() - bytes;
    sent[0].message.truncate(len);
    sent
}

fn media_changes(sdp: &[(&str, &str)]) -> Case {
    let call = |sdp| [healthy(), offer_again(sdp, "200 OK", 10_000)].concat();
    (call(sdp), call(&[]))
}

fn resume() -> Case {
    let hold = [("a=sendrecv", "a=sendonly")];
    let held = [healthy(), offer_again(&hold, "200 OK", 10_000)].concat();
    let resumed = [held.clone(), offer_again(&[], "200 OK", 20_000)].concat();
    (resumed, held)
}

fn glare() -> Case {
    let update = |status| [healthy(), within("UPDATE", status, "", "", 10_000)].concat();
    (
        update("491 Request Pending"),
        update("500 Server Internal Error"),
    )
}

/// The BYE gets 481; and the same after the other side has hung up as well.
fn bye_unknown_dialog() -> Case {
    let sent = with(7, "200 OK", "481 Call/Transaction Does Not Exist");
    let both = [sent.clone(), crossing_bye()].concat();
    (sent, both)
}

/// The caller's Contact has this address.
fn contact(address: &str) -> Vec<Sent> {
    with(
        1,
        "Contact: <sip:192.0.2.30>",
        &format!("Contact: <sip:{address}>"),
    )
}

/// A request is missing; or all of them, since the agent sees one direction.
fn lost_packets() -> Case {
    let mut lost = healthy();
    lost.remove(5);
    let mut one_direction = healthy();
    one_direction.retain(|sent| sent.message.starts_with(b"SIP/2.0"));
    (lost, one_direction)
}

fn media_rejected() -> Case {
    let shown = with(4, "m=audio 40000", "m=audio 0");
    let mut not_offered = shown.clone();
    not_offered[0].replace("m=audio 40000", "m=audio 0");
    (shown, not_offered)
}

/// 488 to an offer; and to an INVITE without one.
fn no_common_codec() -> Case {
    let shown = refused_call("488 Not Acceptable Here", "");
    let mut without = shown.clone();
    without[0].replace("application/sdp", "text/plain");
    (shown, without)
}

cause_table! {
    cause_peer_silent: "peer-silent", peer_silent();
    cause_peer_stopped: "peer-stopped", peer_stopped();
    cause_ack_missing: "ack-missing", unacknowledged(None);
    cause_ack_mismatch: "ack-mismatch", unacknowledged(Some(("1 ACK", "7 ACK")));
    cause_auth_loop: "auth-loop", auth_loop();
    cause_auth_not_attempted: "auth-not-attempted", auth_not_attempted();
    cause_busy: "busy", status("486 Busy Here");
    cause_declined: "declined", status("603 Decline");
    cause_not_found: "not-found", status("404 Not Found");
    cause_unavailable: "unavailable", status("480 Temporarily Unavailable");
    cause_forbidden: "forbidden", status("403 Forbidden");
    cause_not_acceptable_media: "not-acceptable-media", status("488 Not Acceptable Here");
    cause_bad_request: "bad-request", status("400 Bad Request");
    cause_loop: "loop", status("482 Loop Detected");
    cause_too_many_hops: "too-many-hops", status("483 Too Many Hops");
    cause_gateway_timeout: "gateway-timeout", status("408 Request Timeout");
    cause_server_failure: "server-failure", status("500 Server Internal Error");
    cause_overload: "overload", status("503 Service Unavailable");
    cause_private_media_address: "private-media-address", (
        with(1, "c=IN IP4 192.0.2.10", "c=IN IP4 10.0.0.5"),
        with(1, "c=IN IP4 192.0.2.10", "c=IN IP4 203.0.113.5"),
    );
    cause_nat_contact: "nat-contact", (contact("a@10.0.0.5"), contact("10.0.0.5@example.net"));
    cause_media_rejected: "media-rejected", media_rejected();
    cause_no_common_codec: "no-common-codec", no_common_codec();
    cause_media_address_changed: "media-address-changed",
        media_changes(&[("c=IN IP4 192.0.2.10", "c=IN IP4 203.0.113.7")]);
    cause_hold: "hold", media_changes(&[("a=sendrecv", "a=sendonly")]);
    cause_resume: "resume", resume();
    cause_early_media_only: "early-media-only", early_media();
    cause_bye_unknown_dialog: "bye-unknown-dialog", bye_unknown_dialog();
    cause_bye_missing: "bye-missing", lost_call("");
    cause_session_timer_expired: "session-timer-expired", lost_call("Session-Expires: 90\r\n");
    cause_glare: "glare", glare();
    cause_transfer_failed: "transfer-failed", transfer("SIP/2.0 486 Busy Here\r\n");
    cause_transfer_succeeded: "transfer-succeeded", transfer("SIP/2.0 200 OK\r\n");
    cause_registration_expired: "registration-expired", (registrations(90), registrations(55));
    cause_registration_removed: "registration-removed", (
        register(1, "Contact: *\r\nExpires: 0", 0),
        register(1, "Contact: <sip:a@192.0.2.10>\r\nExpires: 60", 0),
    );
    cause_message_truncated: "message-truncated", (cut_by(30), cut_by(0));
    cause_not_sip: "not-sip", (
        with_payload(b"GET / HTTP/1.1\r\n\r\n"),
        with_payload(b"{\"report_count\": 1}"),
    );
    cause_encoding: "encoding", {
        let mut sent = healthy();
        sent[0].replace_bytes("Alice", b"Ren\xe9e");
        (sent, with(1, "Alice", "Renée"))
    };
    cause_lost_packets: "lost-packets", lost_packets();
}

#[test]
fn cause_message_truncated_says_where_and_which() {
    let report = report_of(cut_by(30));
    assert_eq!(report.causes[0].packets, [1]);
    assert_eq!(
        report.causes[0].text,
        "the INVITE in packet 1 ends within its body, which has 74 of the 104 bytes in \
         Content-Length; the capture does not show whether its sender or the capture agent cut it \
         off"
    );
    let report = report_of(cut_by(150));
    let start = "the INVITE in packet 1 ends within its header; the capture";
    assert!(
        report.causes[0].text.starts_with(start),
        "{:?}",
        report.causes
    );
    // A datagram has its own length, so that the finding about it is enough.
    let mut sent = healthy();
    let len = sent[0].message.len() - 30;
    sent[0].message.truncate(len);
    assert_eq!(causes(&report_of(sent)), [] as [&str; 0]);
}

#[test]
fn cause_encoding_names_the_field() {
    for (packet, old, field) in [(1, "Alice", "From"), (3, "Ringing", "the start line")] {
        let mut sent = healthy();
        sent[packet - 1].replace_bytes(old, b"\xfc");
        let report = report_of(sent);
        assert_eq!(causes(&report), ["encoding"]);
        let start = format!("packet {packet} has bytes that are not UTF-8 in {field}: ");
        assert!(
            report.causes[0].text.starts_with(&start),
            "{:?}",
            report.causes
        );
    }
}

#[test]
fn cause_not_sip_is_one_of_profiles_of_sip_alone() {
    let sent = with_payload(b"GET / HTTP/1.1\r\n\r\n");
    let capture = Capture::messages(&sent);
    assert_eq!(causes(&analyze(&capture, &[CALL_ID])), ["not-sip"]);
    let logs = crate::report::analyze_profile(&capture, &[CALL_ID], "100_default");
    assert_eq!(causes(&logs), [] as [&str; 0]);
    assert_eq!(logs.findings, []);
}

#[test]
fn cause_not_sip_without_a_call() {
    let sent = with_payload(b"GET / HTTP/1.1\r\n\r\n");
    let report = report_of(vec![sent[5].clone()]);
    assert_eq!(
        (report.outcome.as_deref(), causes(&report)),
        (None, vec!["not-sip"])
    );
    let report = report_of(vec![with_payload(b"\r\n")[5].clone()]);
    assert_eq!(causes(&report), [] as [&str; 0]);
}

/// The report on two calls, of which the first one is refused and the second one is healthy.
fn two_calls() -> CaptureReport {
    let mut sent = refused_call("486 Busy Here", "Reason: Q.850;cause=17\r\n");
    for mut message in later(10) {
        message.replace(CALL_ID, "second@192.0.2.10");
        sent.push(message);
    }
    let ids = ["missing@192.0.2.10", CALL_ID, "second@192.0.2.10"];
    analyze(&Capture::messages(&sent), &ids)
}

#[test]
fn verdict_of_each_requested_call() {
    let report = two_calls();
    let verdicts = report.verdicts.iter();
    let verdicts: Vec<_> = verdicts
        .map(|call| {
            (
                call.call_id.as_str(),
                call.outcome.as_str(),
                call.final_status,
            )
        })
        .collect();
    let expected = [
        (CALL_ID, "refused", Some(486)),
        ("second@192.0.2.10", "completed", Some(200)),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(report.verdicts[0].causes, report.causes);
    assert_eq!(report.verdicts[1].causes, []);
    assert_eq!(report.outcome.as_deref(), Some("refused"));
    let text = Some(&report.verdicts[0].outcome_text);
    assert_eq!(report.outcome_text.as_ref(), text);
    let summary = report.summary();
    let start = "refused: 486 Busy Here from 192.0.2.20:5060 after 0.700 s (Q.850 cause 17, user \
                 busy); call \"second@192.0.2.10\" completed: 200 after 4.000 s (ringing after \
                 0.700 s), ended with BYE from 192.0.2.10:5060; ";
    assert!(summary.starts_with(start), "{summary}");
    // One requested call needs no list.
    assert_eq!(report_of(healthy()).verdicts, []);
}

#[test]
fn verdicts_of_many_calls_are_shortened() {
    let ids: Vec<String> = (0..90)
        .map(|number| format!("{number}@192.0.2.10"))
        .collect();
    let mut sent = Vec::new();
    for id in &ids {
        let mut call = refused_call("486 Busy Here", "");
        for message in &mut call {
            message.replace(CALL_ID, id);
        }
        sent.extend(call);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let report = analyze(&Capture::messages(&sent), &ids);
    assert_eq!(report.verdicts.len(), 90);
    assert!(report.summary().contains("; 84 further calls; "));
    let max = homer_export::report::MAX_JSON;
    let short = report.truncated_to(max);
    assert!(short.to_json().to_string().len() <= max);
    assert!(short.verdicts.len() < 90);
    let said = short
        .warnings
        .iter()
        .any(|it| it.starts_with("verdicts has only"));
    assert!(said, "{:?}", short.warnings);
}
