//! The order of requests, what ends an export, and the text of every failure of the transport.

use std::sync::OnceLock;

use homer_export::export::PcapStream;
use homer_export::pcap::Scanner;
use homer_export::query::ParameterNames;
use homer_export::transport::{ResponseHead, TransportError};
use homer_export::{CallId, CaptureReport, Config, ExportError, Query, Window};

use crate::recordings::capture;
use crate::replay::{Reaction, Replay};

const URL: (&str, &str) = ("HOMER_URL", "http://homer:9080");
const H: &str = "http://homer:9080";

fn query() -> Query {
    let call_id = CallId::parse("udp-normal-1@192.0.2.10").unwrap();
    let names = &ParameterNames::WIT;
    let window = Window::new(1_795_168_800_000, 1_795_169_100_000, 24, names).unwrap();
    Query::new(vec![call_id], window).unwrap()
}

/// Exports to the end.
fn export(
    replay: &mut Replay,
    query: &Query,
    vars: &[(&str, &str)],
) -> Result<(Vec<u8>, CaptureReport), ExportError> {
    let config = Config::from_vars(vars.iter().copied().chain([URL]))?;
    let mut stream = PcapStream::open(query, &config, replay)?;
    let mut bytes = Vec::new();
    loop {
        let more = stream.read(1000)?;
        if more.is_empty() {
            return Ok((bytes, stream.report()));
        }
        bytes.extend(more);
    }
}

/// The requests of an export, and the case that it ends in.
fn order(reactions: Vec<Reaction>, vars: &[(&str, &str)]) -> (Vec<String>, String) {
    let mut replay = Replay::new(reactions);
    let outcome = match export(&mut replay, &query(), vars) {
        Ok((_, report)) => format!("{} from {}", report.packets, report.profile),
        Err(error) => error.case().to_string(),
    };
    (replay.requests, outcome)
}

/// The recorded call: 7 packets, 3,311 bytes.
fn call() -> Vec<u8> {
    static CALL: OnceLock<Vec<u8>> = OnceLock::new();
    CALL.get_or_init(|| capture("export-ok-auth-token")).clone()
}

fn empty() -> Reaction {
    Reaction::empty()
}

fn unknown_endpoint() -> Reaction {
    Reaction::json(404, "{\"message\":\"Not Found\"}")
}

fn unknown_profile() -> Reaction {
    Reaction::recorded("export-bad-profile")
}

#[test]
fn export_searches_every_profile() {
    let found = Reaction::capture(call());
    // All are searched, because Homer spreads one call over several profiles.
    let all = &["v3 1_call", "v3 1_registration", "v3 1_default"][..];
    // The request for the second profile is sent before the response to the first one arrives.
    let first_two = &["v3 1_call", "v3 1_registration"][..];
    for (reactions, requests, outcome) in [
        (vec![found.clone(), empty()], all, "7 from 1_call"),
        (
            vec![empty(), found.clone(), empty()],
            all,
            "7 from 1_registration",
        ),
        (
            vec![empty(), unknown_profile(), found.clone()],
            all,
            "7 from 1_default",
        ),
        (vec![empty()], all, "nothing-captured"),
        // Some profile was searched, so that "nothing captured" is true.
        (vec![unknown_profile(), empty()], all, "nothing-captured"),
        // None was searched.
        (vec![unknown_profile()], all, "rejected"),
        // The profile that failed may have the call, so that "nothing captured" is untrue.
        (
            vec![empty(), Reaction::json(500, "{}"), empty()],
            all,
            "rejected",
        ),
        // The same credential would be refused again.
        (vec![Reaction::json(401, "{}")], first_two, "unauthorized"),
        (
            vec![Reaction::Failure(TransportError::ConnectionRefused)],
            first_two,
            "unreachable",
        ),
        (
            vec![Reaction::Unsent(TransportError::RequestDenied)],
            &first_two[..1],
            "denied",
        ),
        // By its Content-Length, so that the profile certainly has the call.
        (
            vec![
                Reaction::Failure(TransportError::BodyTooLarge { limit: 1 }),
                found,
            ],
            first_two,
            "too-large",
        ),
    ] {
        assert_eq!(
            order(reactions, &[]),
            (
                requests.iter().map(ToString::to_string).collect(),
                outcome.to_string()
            )
        );
    }
}

#[test]
fn export_tries_homer_7_and_then_homer_11() {
    let found = Reaction::capture(call());
    // The second request is sent beside the first one, before either is known to fail.
    let v3 = ["v3 1_call", "v3 1_registration"];
    let v4 = ["v4 1_call", "v4 1_registration"];
    let all_v4 = ["v4 1_call", "v4 1_registration", "v4 1_default"];
    let unknown = [unknown_endpoint(), unknown_endpoint()];
    for (reactions, api, requests, outcome) in [
        (
            [&unknown[..], &[found.clone(), empty()]].concat(),
            "auto",
            [&v3[..], &all_v4].concat(),
            "7 from 1_call",
        ),
        (
            unknown.to_vec(),
            "auto",
            [&v3[..], &v4].concat(),
            "rejected",
        ),
        (
            [&unknown[..], &[empty()]].concat(),
            "auto",
            [&v3[..], &all_v4].concat(),
            "nothing-captured",
        ),
        (unknown.to_vec(), "7", v3.to_vec(), "rejected"),
        (vec![found, empty()], "11", all_v4.to_vec(), "7 from 1_call"),
        (unknown.to_vec(), "11", v4.to_vec(), "rejected"),
    ] {
        assert_eq!(
            order(reactions, &[("HOMER_API", api)]),
            (
                requests.iter().map(ToString::to_string).collect(),
                outcome.to_string()
            )
        );
    }
}

#[test]
fn export_reports_the_api_version_and_the_profile() {
    let mut replay = Replay::new([
        unknown_endpoint(),
        unknown_endpoint(),
        Reaction::capture(call()),
        empty(),
    ]);
    let (bytes, report) = export(&mut replay, &query(), &[]).unwrap();
    assert_eq!(
        (bytes, report.api, report.profile.as_str()),
        (call(), 11, "1_call")
    );
}

#[test]
fn export_logs_in_first() {
    let login = [("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "p")];
    let token = Reaction::json(201, "{\"token\":\"a.b.c\"}");
    let mut replay = Replay::new([token, Reaction::capture(call()), empty()]);
    export(&mut replay, &query(), &login).unwrap();
    let profiles = ["v3 1_call", "v3 1_registration", "v3 1_default"];
    assert_eq!(replay.requests, [&["login"][..], &profiles].concat());
    assert!(
        replay
            .fields
            .contains(&("Authorization".to_string(), "Bearer a.b.c".to_string()))
    );

    let refused = order(vec![Reaction::recorded("auth-wrong-password")], &login);
    assert_eq!(
        refused,
        (vec!["login".to_string()], "unauthorized".to_string())
    );
}

#[test]
fn export_sends_the_credential_and_the_length() {
    let mut replay = Replay::of_first_profile(Reaction::capture(call()));
    export(&mut replay, &query(), &[("HOMER_API_TOKEN", "s3cret")]).unwrap();
    let field = |name: &str| {
        let fields = replay.fields.iter().filter(|(other, _)| other == name);
        fields.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(field("Auth-Token"), ["s3cret"]);
    assert_eq!(field("content-type"), ["application/json"]);
    assert_eq!(field("content-length").len(), 1);
}

/// Where the host cannot add it, the component sends the credential for a proxy itself.
#[test]
fn export_sends_the_credential_for_a_proxy() {
    let mut replay = Replay::new([Reaction::capture(call())]);
    let vars = [
        ("HOMER_API_TOKEN", "s3cret"),
        ("HOMER_PROXY_USERNAME", "u"),
        ("HOMER_PROXY_PASSWORD", "p"),
    ];
    export(&mut replay, &query(), &vars).unwrap();
    for (name, value) in [("Auth-Token", "s3cret"), ("Authorization", "Basic dTpw")] {
        let field = (name.to_string(), value.to_string());
        assert!(replay.fields.contains(&field), "{:?}", replay.fields);
    }
}

#[test]
fn export_compares_the_length_that_was_announced() {
    let with_length = |length| {
        let head = ResponseHead {
            status: 200,
            content_length: Some(length),
            ..ResponseHead::default()
        };
        export(
            &mut Replay::of_first_profile(Reaction::new(head, call())),
            &query(),
            &[],
        )
    };
    assert_eq!(with_length(3311).unwrap().0, call());
    for length in [3310, 3312] {
        let why = format!(
            "the response of Homer at {H} has 3311 bytes, expected {length} (Content-Length); the \
             capture is not complete and was discarded. Try again"
        );
        assert_eq!(
            with_length(length).unwrap_err(),
            ExportError::InvalidResponse(why)
        );
    }
}

#[test]
fn export_of_anything_but_a_capture_is_invalid() {
    let invalid = |body: &[u8]| {
        let head = ResponseHead {
            status: 200,
            content_type: Some("text/plain".into()),
            ..ResponseHead::default()
        };
        match export(
            &mut Replay::of_first_profile(Reaction::new(head, body)),
            &query(),
            &[],
        ) {
            Err(ExportError::InvalidResponse(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(invalid(b"SSH-2.0-x").contains("(text/plain, first bytes 53 53 48 2d 32 2e 30 2d)"));
    assert!(invalid(b"").contains("with an empty body (text/plain)"));
    assert!(invalid(b"{\"message\":\"no luck\"}").contains("with JSON (\"no luck\")"));
    assert!(invalid(b"<html>").contains("with a web page (text/plain)"));
    // A capture that ends within a record, at every offset.
    for end in 25..call().len() {
        let result = export(
            &mut Replay::new([Reaction::capture(&call()[..end])]),
            &query(),
            &[],
        );
        assert_eq!(result.is_ok(), is_boundary(end), "{end}");
    }
}

/// Whether a packet record of the recorded call ends at this offset.
fn is_boundary(offset: usize) -> bool {
    let mut scanner = Scanner::new();
    scanner.scan(&call()[..offset]).is_ok() && scanner.finish().is_ok()
}

#[test]
fn export_repeats_an_error() {
    let chunks = vec![
        Ok(call()[..2000].to_vec()),
        Err(TransportError::ConnectionClosed),
    ];
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let mut replay = Replay::new([Reaction::Response(head, chunks)]);
    let config = Config::from_vars([URL]).unwrap();
    let mut stream = PcapStream::open(&query(), &config, &mut replay).unwrap();
    while stream.read(u32::MAX).is_ok() {}
    let error = stream.read(1).unwrap_err();
    assert_eq!(
        (error.case(), stream.read(1).unwrap_err()),
        ("invalid-response", error.clone())
    );
}

#[test]
fn export_buffers_up_to_a_limit() {
    let buffer = |limit, overflow: fn(u64) -> Result<(), ExportError>| {
        let config = Config::from_vars([URL]).unwrap();
        let mut replay = Replay::of_first_profile(Reaction::capture(call()));
        PcapStream::open(&query(), &config, &mut replay)
            .unwrap()
            .buffer(limit, overflow)
    };
    let sha256 = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f";
    let capture = buffer(3311, |_| panic!("it fits")).unwrap();
    assert_eq!(
        (capture.chunks.unwrap().concat(), capture.sha256.as_str()),
        (call(), sha256)
    );
    let capture = buffer(3310, |_| Ok(())).unwrap();
    assert_eq!((capture.chunks, capture.sha256.as_str()), (None, sha256));
    let refused = buffer(3310, |seen| {
        Err(ExportError::nothing_captured(seen.to_string()))
    });
    assert_eq!(refused.unwrap_err(), ExportError::nothing_captured("3311"));
}

#[test]
fn export_in_one_piece_ends_above_its_limit() {
    let read_all = |limit| {
        let config = Config::from_vars([URL]).unwrap();
        let mut replay = Replay::of_first_profile(Reaction::capture(call()));
        PcapStream::open(&query(), &config, &mut replay)
            .unwrap()
            .read_all(limit)
    };
    assert_eq!(read_all(3311).unwrap(), call());
    let message = "the capture is larger than the limit of 3310 bytes; narrow the window, or ask \
        the operator to raise HOMER_MAX_BYTES (hosts that pass values as JSON fail at about 2.8 MB)";
    let expected = ExportError::TooLarge {
        limit: 3310,
        seen: 3311,
        message: message.to_string(),
    };
    assert_eq!(read_all(3310).unwrap_err(), expected);
}

/// Every failure that a transport reports, with the text before a response and the text within one.
fn failures() -> Vec<(TransportError, ExportError, ExportError)> {
    use ExportError as E;
    use TransportError as T;

    let same = |error: T, text: E| (error, text.clone(), text);
    let invalid = |text: &str| E::InvalidResponse(text.to_string());
    let crash = "as Homer does when a request crashes its handler";
    vec![
        same(
            T::FieldForbidden {
                name: "auth-token".into(),
            },
            E::Misconfigured(
                "this host does not let the component send the header field auth-token; let the \
                 host add it, or allow the component to"
                    .into(),
            ),
        ),
        same(
            T::RequestUnsupported,
            E::Misconfigured(format!(
                "this host does not accept a request to {H}; check HOMER_URL"
            )),
        ),
        same(
            T::Abandoned,
            E::InvalidResponse(format!(
                "this host abandoned the request to {H} without giving a reason; see its log"
            )),
        ),
        same(
            T::RequestDenied,
            E::Denied(format!(
                "the host's policy denied the request to {H}; allow this origin in the host, or \
                 correct HOMER_URL"
            )),
        ),
        same(
            T::AddressDenied,
            E::Denied(format!(
                "the host's policy denied the IP address of {H}; allow it in the host, or correct \
                 HOMER_URL"
            )),
        ),
        same(
            T::NameNotFound,
            E::Unreachable(
                "the name \"homer\" cannot be resolved; check HOMER_URL and the DNS server".into(),
            ),
        ),
        same(
            T::ConnectionRefused,
            E::Unreachable(format!(
                "{H} refused the connection; check that Homer is running and that HOMER_URL has \
                 the right port"
            )),
        ),
        same(
            T::ConnectTimeout,
            E::Unreachable(format!(
                "no connection to {H} within 10000 ms; check the address, the route and firewalls"
            )),
        ),
        same(
            T::NoRoute,
            E::Unreachable(format!(
                "no route to {H}; check the address, the route and firewalls"
            )),
        ),
        same(
            T::UntrustedCertificate,
            E::Unreachable(format!(
                "the certificate of {H} is not trusted, or is for another name; make the host \
                 trust its certificate authority (HOMER_CA_FILE), or use the name in the \
                 certificate"
            )),
        ),
        same(
            T::TlsFailed,
            E::Unreachable(format!(
                "TLS with {H} failed; check that its port serves HTTPS. If it serves plain HTTP, \
                 HOMER_URL must begin with http://"
            )),
        ),
        (
            T::ReadTimeout,
            E::TimedOut(format!(
                "Homer at {H} did not start its response within 1500 ms. Homer keeps working on \
                 the request, so do not repeat it immediately; narrow the window, or raise \
                 HOMER_TIMEOUT_MS"
            )),
            E::TimedOut(format!(
                "Homer at {H} paused for more than 30000 ms within its response; the partial \
                 capture was discarded. Try again later"
            )),
        ),
        (
            T::ConnectionClosed,
            invalid(&format!(
                "Homer at {H} closed the connection without a response, as it does when a request \
                 crashes its handler. The request is not repeated; check Homer's log, and that \
                 HOMER_URL points to Homer"
            )),
            invalid(&format!(
                "the response of Homer at {H} was cut off: the connection was closed before its \
                 end; the partial capture was discarded. Try again"
            )),
        ),
        (
            T::NotHttp,
            invalid(&format!(
                "{H} sent no readable HTTP response, or closed the connection without one, \
                 {crash}; check that its port serves HTTP, that HOMER_URL has the right scheme, \
                 and Homer's log"
            )),
            invalid(&format!(
                "the response of Homer at {H} was cut off: the connection was closed before its \
                 end; the partial capture was discarded. Try again"
            )),
        ),
        (
            T::Unknown,
            invalid(&format!(
                "{H} sent no readable HTTP response, or closed the connection without one, \
                 {crash}; check that its port serves HTTP, that HOMER_URL has the right scheme, \
                 and Homer's log"
            )),
            invalid(&format!(
                "the response of Homer at {H} was cut off: the connection failed; the partial \
                 capture was discarded. Try again"
            )),
        ),
        same(
            T::HeaderTooLarge,
            invalid(&format!(
                "the header section of the response from {H} is larger than the host accepts; \
                 check that HOMER_URL points to Homer"
            )),
        ),
        same(
            T::BodyTooLarge { limit: 1000 },
            E::TooLarge {
                limit: 1000,
                seen: 1001,
                message: "the capture is larger than the host's limit of 1000 bytes; narrow the \
                    window, or ask the operator to raise HOMER_EXPORT_MAX_BYTES"
                    .into(),
            },
        ),
        same(
            T::HostFailed {
                reason: "no\r\nmemory for [s3cret-token]".into(),
            },
            invalid(&format!(
                "the host failed in the exchange with {H}: \"no  memory for [[credential]]\""
            )),
        ),
    ]
}

#[test]
fn export_has_a_text_for_every_failure_of_the_transport() {
    let vars = [
        ("HOMER_TIMEOUT_MS", "1500"),
        ("HOMER_API_TOKEN", "s3cret-token"),
    ];
    for (failure, before, within) in failures() {
        let mut replay = Replay::new([Reaction::Failure(failure.clone())]);
        assert_eq!(
            export(&mut replay, &query(), &vars).unwrap_err(),
            before,
            "{failure:?}"
        );
        // Never repeated: Homer may still be working on the first request.
        let profiles = ["v3 1_call", "v3 1_registration", "v3 1_default"];
        assert_eq!(replay.requests, profiles[..replay.requests.len()]);

        let chunks = vec![Ok(call()[..2000].to_vec()), Err(failure.clone())];
        let head = ResponseHead {
            status: 200,
            ..ResponseHead::default()
        };
        let mut replay = Replay::new([Reaction::Response(head, chunks)]);
        assert_eq!(
            export(&mut replay, &query(), &vars).unwrap_err(),
            within,
            "{failure:?}"
        );
    }
}
