//! Calls made from the healthy one, and what their report says.

use homer_export::CaptureReport;

use crate::capture::{BEGIN_US, CALL_ID, Capture, Sent, healthy};
use crate::report::analyze;

/// The report on these messages, sorted by time.
pub(crate) fn report_of(mut sent: Vec<Sent>) -> CaptureReport {
    sent.sort_by_key(|sent| sent.time_us);
    analyze(&Capture::messages(&sent), &[CALL_ID])
}

/// A message that is sent again at these times in milliseconds after the first.
pub(crate) fn again(sent: &Sent, after_ms: &[u64]) -> Vec<Sent> {
    let later = |ms: &u64| Sent {
        time_us: sent.time_us + ms * 1000,
        ..sent.clone()
    };
    after_ms.iter().map(later).collect()
}

/// Timer A doubles, and timer E stops doubling at 4 s (RFC 3261 §17.1.1.2, §17.1.2.2).
pub(crate) const TIMER_A_MS: [u64; 6] = [500, 1500, 3500, 7500, 15_500, 31_500];

pub(crate) const TIMER_E_MS: [u64; 10] = [
    500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
];

/// An attempt before a call: its INVITE, and the response to it.
pub(crate) fn attempt(branch: &str, status: &str, at_ms: u64) -> Vec<Sent> {
    let (mut invite, mut response) = (healthy()[0].clone(), healthy()[2].clone());
    response.replace("180 Ringing", status);
    for message in [&mut invite, &mut response] {
        message.replace("z9hG4bK1", branch);
    }
    invite.time_us = healthy()[0].time_us + at_ms * 1000;
    response.time_us = invite.time_us + 20_000;
    vec![invite, response]
}

/// The healthy call, some seconds later.
pub(crate) fn later(seconds: u64) -> Vec<Sent> {
    let mut sent = healthy();
    for message in &mut sent {
        message.time_us += seconds * 1_000_000;
    }
    sent
}

/// The codes of the causes.
pub(crate) fn causes(report: &CaptureReport) -> Vec<&str> {
    report
        .causes
        .iter()
        .map(|cause| cause.code.as_str())
        .collect()
}

pub(crate) fn outcome(report: &CaptureReport) -> &str {
    report.outcome.as_deref().unwrap_or_default()
}

/// The texts of the causes.
pub(crate) fn texts(report: &CaptureReport) -> Vec<&str> {
    report
        .causes
        .iter()
        .map(|cause| cause.text.as_str())
        .collect()
}

/// A call with this final response, which may have further header fields.
pub(crate) fn refused_call(status: &str, fields: &str) -> Vec<Sent> {
    let mut sent = healthy()[..3].to_vec();
    sent[2].replace("180 Ringing", status);
    sent[2].replace("Content-Length", &format!("{fields}Content-Length"));
    sent
}

/// The report on a call with this final response.
pub(crate) fn refused(status: &str, fields: &str) -> CaptureReport {
    report_of(refused_call(status, fields))
}

/// An attempt that is challenged, with credentials if there is a nonce for them.
pub(crate) fn challenged(
    branch: &str,
    at_ms: u64,
    credentials: &str,
    challenge: &str,
) -> Vec<Sent> {
    let mut sent = attempt(branch, "401 Unauthorized", at_ms);
    let max = "Max-Forwards";
    if !credentials.is_empty() {
        sent[0].replace(
            max,
            &format!("Authorization: Digest {credentials}\r\n{max}"),
        );
    }
    let field = format!("WWW-Authenticate: Digest {challenge}\r\nContent-Length");
    sent[1].replace("Content-Length", &field);
    sent
}

/// A transaction within the call, after its start.
pub(crate) fn within(
    method: &str,
    status: &str,
    fields: &str,
    body: &str,
    at_ms: u64,
) -> Vec<Sent> {
    let (mut request, mut response) = (healthy()[5].clone(), healthy()[6].clone());
    request.replace("BYE sip", &format!("{method} sip"));
    let length = format!("{fields}Content-Length: {}\r\n\r\n{body}", body.len());
    request.replace("Content-Length: 0\r\n\r\n", &length);
    response.replace("200 OK", status);
    for message in [&mut request, &mut response] {
        message.replace("2 BYE", &format!("{at_ms} {method}"));
        message.replace("z9hG4bK3", &format!("z9hG4bK{method}{at_ms}"));
    }
    request.time_us = BEGIN_US + at_ms * 1000;
    response.time_us = request.time_us + 1000;
    vec![request, response]
}

/// A re-INVITE of the caller with this SDP, which the callee accepts.
pub(crate) fn offer_again(sdp: &[(&str, &str)], status: &str, at_ms: u64) -> Vec<Sent> {
    let mut sent = vec![healthy()[0].clone(), healthy()[3].clone()];
    sent[1].replace("200 OK", status);
    sent[0].replace(
        "To: <sip:bob@example.net>",
        "To: <sip:bob@example.net>;tag=bbb",
    );
    for (number, message) in sent.iter_mut().enumerate() {
        message.replace("z9hG4bK1", &format!("z9hG4bKre{at_ms}"));
        message.replace("1 INVITE", &format!("{at_ms} INVITE"));
        message.time_us = BEGIN_US + (at_ms + number as u64) * 1000;
    }
    for (old, new) in sdp {
        sent[0].replace(old, new);
    }
    sent
}

/// The ACK of the healthy call, sent to the Contact of the 200.
pub(crate) fn ack_to_contact() -> Sent {
    let mut ack = healthy()[4].clone();
    ack.replace("ACK sip:bob@192.0.2.20", "ACK sip:192.0.2.30");
    ack
}

/// The callee's BYE to the healthy call with its response, which crosses that of the caller.
pub(crate) fn crossing_bye() -> Vec<Sent> {
    let mut sent = healthy()[5..].to_vec();
    for message in &mut sent {
        message.replace("tag=aaa", "tag=x");
        message.replace("tag=bbb", "tag=aaa");
        message.replace("tag=x", "tag=bbb");
        message.replace("z9hG4bK3", "z9hG4bKother");
        (message.from, message.to) = (message.to, message.from);
        message.time_us -= 5000;
    }
    sent
}

/// A registration with this CSeq number that was granted after `after_s` seconds, with a header
/// field in its response.
pub(crate) fn registration(number: u64, after_s: u64, granted: &str) -> Vec<Sent> {
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
}
