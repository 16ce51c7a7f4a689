use std::time::{Duration, Instant};

use fake_homer::{API_TOKEN, large_capture};
use homer_export::{Credential, ExportError};
use homer_host::{Exporter, Failure, Policy, WaitingFor};

use host_test::calls::{
    CALL, assert_alive, error, error_of, export, homer, in_one_profile, policy, recorded,
};
use host_test::server::{CAPTURE_HEAD, Server, Then, chunk, whole};

/// A policy with short timeouts.
fn hasty(url: &str) -> Policy {
    let mut policy = policy(url);
    // Long enough for a busy machine.
    policy.limits.first_byte = Duration::from_secs(1);
    policy.limits.between_bytes = Duration::from_secs(1);
    policy
}

#[tokio::test]
async fn request_is_one_that_homer_understands() {
    let server = Server::start(whole(&recorded("export-ok-auth-token")), Then::Serve).await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    export(&exporter, &in_one_profile(CALL)).await.unwrap();
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<String> = head.lines().map(str::to_lowercase).collect();
    assert_eq!(
        lines.remove(0),
        "post /api/v3/export/call/messages/pcap http/1.1"
    );
    lines.sort();
    let host = server.url.strip_prefix("http://").unwrap();
    let expected = [
        format!("auth-token: {API_TOKEN}"),
        format!("content-length: {}", body.len()),
        "content-type: application/json".to_string(),
        format!("host: {host}"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn connection_is_kept_alive_for_the_next_export() {
    let server = Server::start(whole(&recorded("export-ok-auth-token")), Then::Serve).await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    for _ in 0..3 {
        assert_alive(&exporter).await;
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 3));
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Server::start(whole(&recorded("export-ok-auth-token")), Then::Serve).await;
    let response = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}/x?s=1\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let server = Server::start(response, Then::Serve).await;
    // Not even to an origin that the policy allows.
    let mut both = policy(&server.url);
    both.allowed.extend(policy(&elsewhere.url).allowed);
    let ExportError::Rejected { status, message } = error(both).await else {
        panic!("followed")
    };
    assert_eq!(status, 307);
    assert!(
        message.contains(&format!(
            "redirect (HTTP 307) to \"{}/x\". Redirects are not followed",
            elsewhere.url
        )),
        "{message}"
    );
    assert_eq!((server.requests().len(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn endless_body_is_stopped_by_the_limit() {
    // A capture without end: the records of a call are repeated.
    let capture = recorded("export-ok-auth-token");
    let records = chunk(&capture[24..].repeat(100));
    let head = [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..24])].concat();
    let server = Server::misbehaving_once(head, Then::Repeat(records)).await;
    let mut policy = policy(&server.url);
    policy.limits.response_bytes = 5_000_000;
    let exporter = Exporter::new(policy).unwrap();
    let ExportError::TooLarge {
        limit,
        seen,
        message,
    } = error_of(&exporter).await
    else {
        panic!("not too large")
    };
    assert_eq!((limit, seen), (5_000_000, 5_000_001));
    assert!(
        message.starts_with("the capture is larger than the host's limit of 5000000 bytes; "),
        "{message}"
    );
    server.client_left().await;
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn endless_body_is_stopped_by_the_deadline() {
    let capture = recorded("export-ok-auth-token");
    let head = [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..24])].concat();
    let server = Server::misbehaving_once(head, Then::Repeat(chunk(&capture[24..]))).await;
    let mut policy = policy(&server.url);
    policy.limits.deadline = Duration::from_millis(2000);
    let exporter = Exporter::new(policy).unwrap();
    let begin = Instant::now();
    let ExportError::TimedOut(why) = error_of(&exporter).await else {
        panic!("not timed out")
    };
    assert!(why.contains("2000 ms"), "{why}");
    assert!(begin.elapsed() < Duration::from_secs(10));
    server.client_left().await;
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn content_length_over_the_limit_is_refused_at_once() {
    let server = Server::start(
        "HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n",
        Then::Hold,
    )
    .await;
    let mut policy = policy(&server.url);
    policy.limits.response_bytes = 1000;
    assert!(matches!(
        error(policy).await,
        ExportError::TooLarge { limit: 1000, .. }
    ));
}

#[tokio::test]
async fn endless_silence_is_stopped_by_the_first_byte_timeout() {
    let server = Server::misbehaving_once("", Then::Hold).await;
    let exporter = Exporter::new(hasty(&server.url)).unwrap();
    let ExportError::TimedOut(why) = error_of(&exporter).await else {
        panic!("not timed out")
    };
    assert!(why.contains("did not start its response within"), "{why}");
    assert_eq!(
        server.requests().len(),
        1,
        "a request that timed out was repeated"
    );
    server.client_left().await;
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn endless_pause_is_stopped_by_the_between_bytes_timeout() {
    let capture = recorded("export-ok-auth-token");
    let server = Server::misbehaving_once(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat(),
        Then::Hold,
    )
    .await;
    let exporter = Exporter::new(hasty(&server.url)).unwrap();
    let mut export = exporter.open(&in_one_profile(CALL)).await.unwrap();
    assert_eq!(export.next().await.unwrap().unwrap().len(), 2000);
    let failure = export.next().await.unwrap_err();
    assert!(
        matches!(
            &failure,
            Failure::Export(ExportError::TimedOut(why)) if why.contains("within its response")
        ),
        "{failure}"
    );
    drop(export);
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn pause_of_the_caller_does_not_count_as_homers() {
    // The rest arrives after 2.5 s. The caller asks for it after 2 s and waits for half a second,
    // which is below the limit of 1 s.
    let capture = recorded("export-ok-auth-token");
    let rest = [&chunk(&capture[2000..])[..], b"0\r\n\r\n"].concat();
    let begun = [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat();
    let server = Server::start(begun, Then::Later(Duration::from_millis(2500), rest)).await;
    let exporter = Exporter::new(hasty(&server.url)).unwrap();
    let mut export = exporter.open(&in_one_profile(CALL)).await.unwrap();
    assert_eq!(export.next().await.unwrap().unwrap().len(), 2000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(export.next().await.unwrap().unwrap().len(), 1311);
    assert_eq!(export.finish().await.unwrap().packets, 7);
}

#[tokio::test]
async fn end_that_is_not_proven_is_a_success_with_a_warning() {
    let capture = recorded("export-ok-auth-token");
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n",
    ] {
        let server = Server::start([head.as_bytes(), &capture].concat(), Then::Close).await;
        let (bytes, completed) = export(
            &Exporter::new(policy(&server.url)).unwrap(),
            &in_one_profile(CALL),
        )
        .await
        .unwrap();
        assert_eq!(bytes, capture);
        let warning = "the response had neither a Content-Length nor chunked encoding, so nothing \
            proves that the capture is complete; packets at its end may be missing";
        assert_eq!(completed.report.warnings, [warning]);
    }
}

#[tokio::test]
async fn credential_that_a_server_echoes_is_redacted() {
    let body = format!("{{\"message\":\"bad header auth-token: {API_TOKEN}\"}}");
    let response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::start(response, Then::Close).await;
    let ExportError::Rejected { message, .. } = error(policy(&server.url)).await else {
        panic!("not rejected")
    };
    assert!(
        message.contains("bad header auth-token: [credential]\")"),
        "{message}"
    );
}

#[tokio::test]
async fn credential_that_is_a_word_does_not_garble_the_text() {
    let body = "{\"message\":\"the token is wrong\"}";
    let response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::start(response, Then::Close).await;
    let mut policy = policy(&server.url);
    policy.allowed[0].credential = Some(Credential::api_token("Auth-Token", "the").unwrap());
    let url = &server.url;
    let expected =
        format!("Homer at {url} rejected the request (HTTP 400: \"[credential] token is wrong\")");
    assert_eq!(error(policy).await.message(), expected);
}

#[tokio::test]
async fn slow_error_body_does_not_use_up_cpu_time() {
    // One byte at a time, faster than the allowed pause and slower than a tick of the sandbox.
    let server = Server::start(
        "HTTP/1.1 500 Oh\r\nContent-Length: 9000\r\n\r\n",
        Then::Drip(Duration::from_millis(11)),
    )
    .await;
    let mut policy = policy(&server.url);
    policy.limits.cpu = Duration::from_millis(500);
    policy.limits.deadline = Duration::from_secs(3);
    assert!(matches!(error(policy).await, ExportError::TimedOut(_)));
}

#[tokio::test]
async fn long_error_body_is_rejected_and_not_too_large() {
    let response = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5000\r\n\r\n{}",
        "x".repeat(5000)
    );
    let server = Server::start(response, Then::Close).await;
    let mut policy = policy(&server.url);
    policy.limits.response_bytes = 3000;
    assert!(matches!(
        error(policy).await,
        ExportError::Rejected { status: 502, .. }
    ));
}

#[tokio::test]
async fn exports_over_the_limit_wait_in_a_queue() {
    let (_homer, url) = homer().await;
    let mut policy = policy(&url);
    policy.limits.concurrent_exports = 2;
    policy.limits.small_export = Duration::ZERO;
    policy.limits.deadline = Duration::from_secs(20);
    let exporter = Exporter::new(policy).unwrap();
    let first = exporter.open(&in_one_profile(CALL)).await.unwrap();
    let _second = exporter.open(&in_one_profile(CALL)).await.unwrap();
    // The third one waits until one of them has ended.
    let request = in_one_profile(CALL);
    let told = std::cell::RefCell::new(Vec::new());
    let mut third = std::pin::pin!(
        exporter.open_with_progress(&request, |waiting| told.borrow_mut().push(waiting))
    );
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut third)
            .await
            .is_err()
    );
    assert_eq!(*told.borrow(), [WaitingFor::Turn { at_once: 2 }]);
    // A fourth one that gives up does not block the queue.
    assert!(
        tokio::time::timeout(Duration::from_millis(50), exporter.open(&request))
            .await
            .is_err()
    );
    drop(first);
    third.await.unwrap();
    assert_eq!(
        *told.borrow(),
        [WaitingFor::Turn { at_once: 2 }, WaitingFor::Homer]
    );
}

#[tokio::test]
async fn body_cut_at_a_record_boundary_is_detected_by_its_framing() {
    // Three complete records, but the last chunk is missing.
    let capture = recorded("export-ok-auth-token");
    let mut boundary = 24;
    for _ in 0..3 {
        boundary += 16
            + u32::from_le_bytes(capture[boundary + 8..boundary + 12].try_into().unwrap()) as usize;
    }
    let server = Server::start(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..boundary])].concat(),
        Then::Close,
    )
    .await;
    let ExportError::InvalidResponse(why) = error(policy(&server.url)).await else {
        panic!("accepted as complete")
    };
    assert!(
        why.contains("was cut off: the connection was closed before its end"),
        "{why}"
    );

    // The same bytes with the last chunk are a complete capture of three packets.
    let server = Server::start(whole(&capture[..boundary]), Then::Close).await;
    let (_, completed) = export(
        &Exporter::new(policy(&server.url)).unwrap(),
        &in_one_profile(CALL),
    )
    .await
    .unwrap();
    assert_eq!(completed.report.packets, 3);

    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        capture.len()
    );
    let server = Server::start(
        [head.as_bytes(), &capture[..boundary]].concat(),
        Then::Close,
    )
    .await;
    assert!(matches!(
        error(policy(&server.url)).await,
        ExportError::InvalidResponse(_)
    ));
}

#[tokio::test]
async fn body_cut_within_a_record_is_invalid_even_if_its_framing_is_complete() {
    let capture = recorded("export-ok-auth-token");
    let server = Server::start(whole(&capture[..3000]), Then::Close).await;
    let why = format!(
        "the response of Homer at {} is cut short: it ends after 3000 bytes, 311 bytes before the \
         end of packet record 7; it was discarded. Try again",
        server.url
    );
    assert_eq!(
        error(policy(&server.url)).await,
        ExportError::InvalidResponse(why)
    );
}

#[tokio::test]
async fn response_that_is_not_a_capture_is_invalid() {
    for (body, why) in [
        (
            &b"<!DOCTYPE html><title>Sign in</title>"[..],
            "a sign-on page \"Sign in\" (application/octet-stream); expected a capture file",
        ),
        (
            b"{\"message\":\"no luck\"}",
            "with JSON (\"no luck\"); expected a capture file",
        ),
        (
            b"",
            "with an empty body (application/octet-stream); expected a capture file",
        ),
        (
            b"\x0a\x0d\x0d\x0aabcdefghijklmnopqrst",
            "a pcapng file; expected a pcap file",
        ),
        (b"\xd4\xc3\xb2\xa1\x02", "cut short: it ends after 5 bytes"),
    ] {
        let server = Server::start(
            [
                CAPTURE_HEAD.as_bytes(),
                &if body.is_empty() { vec![] } else { chunk(body) },
                b"0\r\n\r\n",
            ]
            .concat(),
            Then::Close,
        )
        .await;
        let ExportError::InvalidResponse(text) = error(policy(&server.url)).await else {
            panic!("{why}")
        };
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn header_section_over_the_limit_is_invalid() {
    let response = |bytes: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nX-Big: {}\r\nContent-Length: 0\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    let large = Server::start(response(1_000_000), Then::Close).await;
    let ExportError::InvalidResponse(why) = error(policy(&large.url)).await else {
        panic!("accepted")
    };
    assert!(why.contains("is larger than the host accepts"), "{why}");
    let small = Server::start(response(1000), Then::Close).await;
    let ExportError::InvalidResponse(why) = error(policy(&small.url)).await else {
        panic!("accepted")
    };
    assert!(why.contains("an empty body"), "{why}");
}

#[tokio::test]
async fn closed_connection_is_invalid_and_not_retried() {
    let server = Server::start("", Then::Close).await;
    let ExportError::InvalidResponse(why) = error(policy(&server.url)).await else {
        panic!("accepted")
    };
    assert!(
        why.contains("closed the connection without a response"),
        "{why}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn refused_connection_is_unreachable() {
    // A port that was free a moment ago, so nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let why = format!(
        "{url} refused the connection; check that Homer is running and that HOMER_URL has the \
         right port"
    );
    assert_eq!(error(policy(&url)).await, ExportError::Unreachable(why));
}

#[tokio::test]
async fn dropped_export_ends_its_request() {
    let capture = recorded("export-ok-auth-token");
    let server = Server::start(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture)].concat(),
        Then::Hold,
    )
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    let export = exporter.open(&in_one_profile(CALL)).await.unwrap();
    drop(export);
    tokio::time::timeout(Duration::from_secs(5), server.client_left())
        .await
        .unwrap();

    // Also one that is still waiting for its response.
    let silent = Server::start("", Then::Hold).await;
    let exporter = Exporter::new(policy(&silent.url)).unwrap();
    let left = tokio::time::timeout(
        Duration::from_millis(200),
        exporter.open(&in_one_profile(CALL)),
    )
    .await;
    assert!(left.is_err());
    tokio::time::timeout(Duration::from_secs(5), silent.client_left())
        .await
        .unwrap();
}

/// A body is received ahead of the component from half a megabyte on.
#[tokio::test]
async fn large_body_has_the_same_limits() {
    let capture = large_capture(500);
    let begun = [CAPTURE_HEAD.as_bytes(), &chunk(&capture)].concat();
    let server = |then| Server::start(begun.clone(), then);
    let received = async |mut policy: Policy| {
        policy.limits.between_bytes = Duration::from_secs(1);
        let mut export = Exporter::new(policy)
            .unwrap()
            .open(&in_one_profile(CALL))
            .await
            .unwrap();
        let mut received = 0;
        loop {
            match export.next().await {
                Ok(Some(bytes)) => received += bytes.len(),
                Ok(None) => panic!("accepted as complete"),
                Err(Failure::Export(error)) => return (received, error),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let paused = server(Then::Hold).await;
    let (bytes, error) = received(policy(&paused.url)).await;
    assert!(matches!(error, ExportError::TimedOut(_)), "{error:?}");
    assert_eq!(bytes, capture.len());
    tokio::time::timeout(Duration::from_secs(5), paused.client_left())
        .await
        .unwrap();

    let cut = server(Then::Close).await;
    let (bytes, error) = received(policy(&cut.url)).await;
    assert!(
        matches!(error, ExportError::InvalidResponse(_)),
        "{error:?}"
    );
    assert_eq!(bytes, capture.len());

    let long = server(Then::Hold).await;
    let mut limited = policy(&long.url);
    limited.limits.response_bytes = 1_000_000;
    let (bytes, error) = received(limited).await;
    assert!(
        matches!(
            error,
            ExportError::TooLarge {
                limit: 1_000_000,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(bytes <= 1_000_000);

    // Dropping an export ends its request, whether chunks wait for it or it waits for chunks.
    let records = chunk(&large_capture(100)[24..]);
    for then in [Then::Repeat(records), Then::Hold] {
        let server = server(then).await;
        let mut export = Exporter::new(policy(&server.url))
            .unwrap()
            .open(&in_one_profile(CALL))
            .await
            .unwrap();
        let mut received = 0;
        while received < capture.len() {
            received += export.next().await.unwrap().unwrap().len();
        }
        drop(export);
        tokio::time::timeout(Duration::from_secs(5), server.client_left())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn reset_connection_is_invalid_and_not_retried() {
    let capture = recorded("export-ok-auth-token");
    let begun = [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat();
    for (response, why) in [
        (vec![], "closed the connection without a response"),
        (begun, "was cut off"),
    ] {
        let server = Server::start(response, Then::Reset).await;
        let ExportError::InvalidResponse(text) = error(policy(&server.url)).await else {
            panic!("{why}")
        };
        assert!(text.contains(why), "{text}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn kept_connection_that_was_closed_is_replaced() {
    let response = whole(&recorded("export-ok-auth-token"));
    let server = Server::with_responses(vec![
        (response.clone(), Then::Close),
        (response, Then::Serve),
    ])
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    for _ in 0..3 {
        assert_alive(&exporter).await;
        // Time for the end of the connection to arrive. A request that was already sent would not
        // be sent again.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((server.connections(), server.requests().len()), (2, 3));
}

#[tokio::test]
async fn request_that_was_sent_on_a_kept_connection_is_not_sent_again() {
    // The second request arrives on the connection of the first one, which is then closed. Homer
    // may have begun to work on it.
    let response = whole(&recorded("export-ok-auth-token"));
    let server = Server::with_responses(vec![
        (response.clone(), Then::Serve),
        (vec![], Then::Close),
        (response, Then::Serve),
    ])
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    assert_alive(&exporter).await;
    assert!(matches!(
        error_of(&exporter).await,
        ExportError::InvalidResponse(_)
    ));
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn body_longer_than_its_content_length_is_invalid() {
    let capture = recorded("export-ok-auth-token");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n";
    let server = Server::start([head.as_bytes(), &capture].concat(), Then::Close).await;
    let ExportError::InvalidResponse(text) = error(policy(&server.url)).await else {
        panic!("accepted as complete")
    };
    assert!(
        text.contains("cut short: it ends after 3000 bytes"),
        "{text}"
    );
}

#[tokio::test]
async fn compressed_body_is_invalid() {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\u{b}zz";
    let server = Server::start(head, Then::Close).await;
    let ExportError::InvalidResponse(text) = error(policy(&server.url)).await else {
        panic!("taken")
    };
    assert!(
        text.contains("has the content coding gzip, which was not requested"),
        "{text}"
    );
}

#[tokio::test]
async fn many_concurrent_exports_end_correctly() {
    // 200 concurrent exports: from a fake Homer with a login, from a server that truncates every
    // response, and from one that never responds.
    let (homer, url) = homer().await;
    let capture = recorded("export-ok-auth-token");
    let cut = Server::start(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat(),
        Then::Close,
    )
    .await;
    let silent = Server::start("", Then::Hold).await;
    let with_login = {
        use fake_homer::{PASSWORD, USERNAME};
        let vars = [
            ("HOMER_URL", url.as_str()),
            ("HOMER_USERNAME", USERNAME),
            ("HOMER_PASSWORD", PASSWORD),
        ];
        let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
        Exporter::new(homer_host::HostConfig::from_vars(vars).unwrap().policy()).unwrap()
    };
    let broken = Exporter::new(policy(&cut.url)).unwrap();
    let slow = {
        let mut policy = hasty(&silent.url);
        policy.limits.concurrent_exports = 50;
        Exporter::new(policy).unwrap()
    };
    let exports: Vec<_> = (0..200)
        .map(|n| {
            let (exporter, request) = match n % 4 {
                0 => (with_login.clone(), in_one_profile(CALL)),
                1 => (with_login.clone(), in_one_profile("nobody@nowhere")),
                2 => (broken.clone(), in_one_profile(CALL)),
                _ => (slow.clone(), in_one_profile(CALL)),
            };
            tokio::spawn(async move { (n % 4, export(&exporter, &request).await) })
        })
        .collect();
    for task in exports {
        match task.await.unwrap() {
            (0, Ok((bytes, _))) => assert_eq!(bytes, capture),
            (1, Err(Failure::Export(ExportError::NothingCaptured { .. }))) => {}
            (2, Err(Failure::Export(ExportError::InvalidResponse(_)))) => {}
            (3, Err(Failure::Export(ExportError::TimedOut(_)))) => {}
            (kind, result) => panic!("{kind}: {:?}", result.map(|(bytes, _)| bytes.len())),
        }
    }
    assert_eq!(homer.logins(), 1);
    // Instances that have ended free their memory; 200 instances would have 400 MiB.
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(
            kib < 1024 * 1024,
            "peak memory {kib} KiB, including all other tests of this process"
        );
    }
}
