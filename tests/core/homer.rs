use homer_export::homer::reply::{self, Head, Refusal};
use homer_export::homer::{Api, login, nothing_captured, v7};
use homer_export::{CallId, Config, ExportError, Query, Window};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::recordings::exchange;

fn config(vars: &[(&str, &str)]) -> Config {
    Config::from_vars(
        vars.iter()
            .copied()
            .chain([("HOMER_URL", "http://homer:9080")]),
    )
    .unwrap()
}

fn query(call_ids: &[&str]) -> Query {
    let call_ids = call_ids
        .iter()
        .map(|id| CallId::parse(id).unwrap())
        .collect();
    Query::new(
        call_ids,
        Window::new(1_795_168_800_000, 1_795_169_100_000, 24).unwrap(),
    )
    .unwrap()
}

/// Head and body of a recorded reply.
pub(crate) fn recorded(name: &str) -> (Head, Vec<u8>) {
    let exchange = exchange(name);
    let response = &exchange["response"];
    let field = |wanted: &str| {
        let fields = response["headers"].as_array().unwrap().iter();
        fields
            .filter(|f| f[0].as_str().unwrap().eq_ignore_ascii_case(wanted))
            .map(|f| f[1].as_str().unwrap().to_string())
            .next()
    };
    let head = Head {
        status: response["status"].as_u64().unwrap() as u16,
        content_type: field("content-type"),
        content_length: field("content-length").map(|length| length.parse().unwrap()),
        ..Head::default()
    };
    (
        head,
        response["body_text"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec(),
    )
}

#[track_caller]
fn failed(head: &Head, body: &[u8], config: &Config, expected: ExportError) {
    assert!(!head.announces_capture());
    assert_eq!(
        reply::refusal(head, body, config),
        Refusal::Failed(expected)
    );
}

#[test]
fn request_is_the_recorded_one() {
    for (name, ids) in [
        ("export-ok-auth-token", &["udp-normal-1@192.0.2.10"][..]),
        (
            "export-b2bua-both",
            &["b2bua-leg-a@192.0.2.10", "b2bua-leg-b@192.0.2.30"],
        ),
        ("export-callid-awkward-1", &["quote\"back\\slash@h"]),
        ("export-callid-awkward-2", &["Ünïcode-звонок@h"]),
    ] {
        let recorded = &exchange(name)["request"];
        let query = query(ids);
        let request = v7::export_request(&config(&[]).homer, &query, &query.profiles()[0]);
        assert_eq!(request.path, recorded["path"].as_str().unwrap());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["param"], recorded["body"]["param"], "{name}");
        // The end lies one second later than asked for (homer.md §1.5).
        assert_eq!(
            body["timestamp"],
            json!({"from": 1_795_168_800_000_i64, "to": 1_795_169_101_000_i64})
        );
    }
}

#[test]
fn request_carries_filters_only_where_asked_for() {
    let query = query(&["a"])
        .with_nodes(vec!["localnode".into()])
        .unwrap()
        .without_ips(vec!["192.0.2.1".into()])
        .unwrap();
    let request = v7::export_request(&config(&[]).homer, &query, &query.profiles()[2]);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "search": {"1_default": {"callid": ["a"]}},
        "location": {"node": ["localnode"]},
        "whitelist": ["192.0.2.1"],
    });
    assert_eq!(body["param"], expected);
}

#[test]
fn reply_without_credentials_is_unauthorized_on_every_version() {
    for (name, said) in [
        ("authz-none", "HTTP 400: missing or malformed jwt"),
        ("v1_4_40-authz-none", "HTTP 401: Login required"),
        ("authz-garbage-bearer", "HTTP 401: invalid or expired jwt"),
    ] {
        let (head, body) = recorded(name);
        let why = format!(
            "Homer at http://homer:9080 wants credentials ({said}) and none are configured; set HOMER_API_TOKEN, \
             HOMER_JWT, or HOMER_USERNAME and HOMER_PASSWORD"
        );
        failed(&head, &body, &config(&[]), ExportError::Unauthorized(why));
    }
}

#[test]
fn reply_to_a_refused_credential_names_the_causes_that_fit() {
    let (head, body) = recorded("authz-auth-token-wrong");
    let why = "Homer at http://homer:9080 refused the API token (HTTP 400: missing or malformed jwt). Likely causes: token \
        access is off (Homer's api_settings.enable_token_access, off as shipped), the token is wrong, expired or inactive, \
        Homer expects another header field (HOMER_TOKEN_HEADER), or Homer's configuration database is down";
    failed(
        &head,
        &body,
        &config(&[("HOMER_API_TOKEN", "s3cret")]),
        ExportError::Unauthorized(why.to_string()),
    );

    let (head, body) = recorded("authz-garbage-bearer");
    let why = "Homer at http://homer:9080 refused the JSON web token (HTTP 401: invalid or expired jwt). Likely causes: it \
        has expired (20 hours after login unless configured), or another Homer issued it; log in again and set HOMER_JWT anew";
    failed(
        &head,
        &body,
        &config(&[("HOMER_CREDENTIAL_KIND", "jwt")]),
        ExportError::Unauthorized(why.to_string()),
    );
}

#[test]
fn login_is_the_recorded_one() {
    let recorded = &exchange("auth-ok")["request"];
    let request = login::login_request(&config(&[]).homer, "admin", "sipcapture");
    assert_eq!(request.path, recorded["path"].as_str().unwrap());
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        recorded["body"]
    );
}

#[test]
fn login_finds_the_token_in_both_places() {
    let (head, body) = recorded("auth-ok");
    assert_eq!(head.status, 201);
    let body = String::from_utf8(body).unwrap().replace("<JWT>", "a.b.c");
    assert_eq!(
        login::token(&head, body.as_bytes()).as_deref(),
        Some("a.b.c")
    );
    // HOMER 11, from its source.
    let head = Head {
        status: 200,
        ..Head::default()
    };
    let body = b"{\"success\":true,\"data\":{\"token\":\"d.e.f\",\"user\":{}}}";
    assert_eq!(login::token(&head, body).as_deref(), Some("d.e.f"));
    for body in [
        "{\"token\":\"\"}",
        "{\"token\":\"a\\r\\nb\"}",
        "{\"token\":7}",
        "{}",
        "<html>",
        "",
    ] {
        assert_eq!(login::token(&head, body.as_bytes()), None, "{body}");
    }
    assert_eq!(
        login::token(
            &Head {
                status: 401,
                ..head
            },
            b"{\"token\":\"a\"}"
        ),
        None
    );
}

#[test]
fn login_that_is_refused_names_the_causes() {
    let config = config(&[("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")]);
    for name in ["auth-wrong-password", "auth-unknown-user"] {
        let (head, body) = recorded(name);
        let why = "Homer at http://homer:9080 refused the login (HTTP 401: incorrect password). Likely causes: user name or \
            password is wrong, Homer's configuration database is down (it answers the same then), or the tokens it issues \
            expire at once (auth_settings.token_expire)";
        assert_eq!(
            login::failure(&head, &body, &config),
            ExportError::Unauthorized(why.to_string())
        );
    }
    let head = Head {
        status: 200,
        ..Head::default()
    };
    let why = "Homer at http://homer:9080 answered the login with HTTP 200 and no token; is HOMER_URL the address of a Homer?";
    assert_eq!(
        login::failure(&head, b"<html>", &config),
        ExportError::InvalidResponse(why.to_string())
    );
}

#[test]
fn reply_with_an_unknown_profile_lets_the_next_one_be_asked() {
    let (head, body) = recorded("export-bad-profile");
    let Refusal::UnknownProfile(error) = reply::refusal(&head, &body, &config(&[])) else {
        panic!("not unknown")
    };
    let message = "Homer at http://homer:9080 knows none of the search profiles asked for (HTTP 400: invalid search profile \
        key: \"1_nope\"); name others, or check Homer's configuration database: while it is down, no profile is known";
    assert_eq!(
        error,
        ExportError::Rejected {
            status: 400,
            message: message.to_string()
        }
    );
}

#[test]
fn reply_that_holds_our_credential_does_not_show_it() {
    let head = Head {
        status: 400,
        ..Head::default()
    };
    let config = config(&[("HOMER_API_TOKEN", "s3cret")]);
    let Refusal::Failed(error) =
        reply::refusal(&head, b"{\"message\":\"no s3cret here\"}", &config)
    else {
        panic!()
    };
    assert!(
        error.message().contains("HTTP 400: no [credential] here"),
        "{error}"
    );
    let error = reply::not_a_capture(
        &Head {
            status: 200,
            ..head
        },
        b"{\"message\":\"s3cret\"}",
        &config,
    );
    assert!(
        error
            .message()
            .ends_with("JSON instead of a capture file: [credential]"),
        "{error}"
    );
    // Wherever it stands: found by fuzzing (fuzz/regressions/reply).
    for (content_type, content_encoding) in [(Some("text/s3cret"), None), (None, Some("s3cret"))] {
        let head = Head {
            status: 200,
            content_type: content_type.map(String::from),
            content_encoding: content_encoding.map(String::from),
            ..Head::default()
        };
        let Refusal::Failed(refused) = reply::refusal(&head, b"", &config) else {
            panic!()
        };
        let error = reply::not_a_capture(&head, b"xxxx", &config);
        assert!(
            !refused.message().contains("s3cret") && !error.message().contains("s3cret"),
            "{refused} {error}"
        );
    }
}

#[test]
fn reply_is_quoted_to_a_bound_and_never_half_a_credential() {
    let config = config(&[("HOMER_API_TOKEN", "s3cret")]);
    let said = |message: String| {
        let head = Head {
            status: 400,
            ..Head::default()
        };
        let body = format!("{{\"message\":\"{message}\"}}");
        let Refusal::Failed(error) = reply::refusal(&head, body.as_bytes(), &config) else {
            panic!()
        };
        error.message().to_string()
    };
    assert!(said("x".repeat(500)).contains(&format!("HTTP 400: {}…)", "x".repeat(200))));
    assert!(!said(format!("{}s3cret", "x".repeat(197))).contains("s3c"));
}

#[test]
fn reply_to_a_profile_named_jwt_is_no_matter_of_credentials() {
    let head = Head {
        status: 400,
        ..Head::default()
    };
    let body = br#"{"message":"invalid search profile key: \"1_jwt\""}"#;
    assert!(matches!(
        reply::refusal(&head, body, &config(&[])),
        Refusal::UnknownProfile(_)
    ));
}

#[test]
fn reply_that_other_homers_send_for_nothing_is_nothing() {
    // Homer 7.0 to 7.6, and HOMER 11; both from their source.
    for (status, body) in [
        (
            404,
            "{\"statusCode\":404,\"error\":\"Not Found\",\"message\":\"data was not found\"}",
        ),
        (
            400,
            "{\"error\":{\"type\":\"t\",\"title\":\"T\",\"status\":400,\"detail\":\"No exportable SIP payload in result set\"}}",
        ),
    ] {
        let head = Head {
            status,
            ..Head::default()
        };
        assert_eq!(
            reply::refusal(&head, body.as_bytes(), &config(&[])),
            Refusal::Nothing,
            "{body}"
        );
    }
}

#[test]
fn request_to_homer_11_has_its_shape() {
    let query = query(&["a", "b"])
        .without_ips(vec!["192.0.2.1".into()])
        .unwrap();
    let homer = config(&[]).homer;
    let request = Api::V11
        .export_request(&homer, &query, &query.profiles()[1])
        .unwrap();
    assert_eq!(request.path, "/api/v4/transactions/export/pcap");
    let expected = json!({
        "session_ids": ["a", "b"], "proto_type": 1, "event_type": "registration", "whitelist": ["192.0.2.1"],
        "timestamp": {"from": 1_795_168_800_000_i64, "to": 1_795_169_101_000_i64},
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        expected
    );

    let nodes = query.with_nodes(vec!["localnode".into()]).unwrap();
    let error = Api::V11
        .export_request(&homer, &nodes, &nodes.profiles()[0])
        .unwrap_err();
    let why = "Homer at http://homer:9080 is a HOMER 11, which cannot be asked for some of its nodes alone; leave them out";
    assert_eq!(error, ExportError::InvalidRequest(why.to_string()));
    assert!(
        Api::V7
            .export_request(&homer, &nodes, &nodes.profiles()[0])
            .is_ok()
    );
}

#[test]
fn reply_with_an_error_is_rejected() {
    let rejected = |status, message: &str| ExportError::Rejected {
        status,
        message: message.to_string(),
    };
    let (head, body) = recorded("export-malformed-json");
    let why =
        "Homer at http://homer:9080 rejected the request (HTTP 400: request format is not correct)";
    failed(&head, &body, &config(&[]), rejected(400, why));

    let (head, body) = recorded("http-404-api-authorized");
    let why = "http://homer:9080 has no export endpoint of Homer 7 or HOMER 11 (HTTP 404: Not Found); check HOMER_URL, in \
        particular its path prefix";
    assert_eq!(
        reply::refusal(&head, &body, &config(&[])),
        Refusal::UnknownEndpoint(rejected(404, why))
    );

    let why = "Homer at http://homer:9080, or a proxy before it, failed (HTTP 502); try again later, and see Homer's log";
    let head = Head {
        status: 502,
        ..Head::default()
    };
    failed(
        &head,
        b"<html>Bad Gateway</html>",
        &config(&[]),
        rejected(502, why),
    );

    let why = "http://homer:9080 answered with a redirect (HTTP 302) to https://sso.example/login, which is not followed so \
        that credentials do not leave for another server; set HOMER_URL to Homer's own address";
    let location = Some("https://user:s3cret@sso.example/login?state=s3cret".into());
    let head = Head {
        status: 302,
        location,
        ..Head::default()
    };
    failed(&head, b"", &config(&[]), rejected(302, why));
}

#[test]
fn reply_that_no_homer_sends_is_broken() {
    let why = "Homer at http://homer:9080 answered HTTP 204, which no Homer does to an export; is HOMER_URL the address of \
        a Homer?";
    failed(
        &Head {
            status: 204,
            ..Head::default()
        },
        b"",
        &config(&[]),
        ExportError::InvalidResponse(why.to_string()),
    );

    let head = Head {
        status: 200,
        content_encoding: Some("gzip".into()),
        ..Head::default()
    };
    let why = "Homer at http://homer:9080 answered with a body encoded as gzip, which was not asked for; a proxy before \
        Homer compresses replies, so turn that off for this path";
    failed(
        &head,
        b"\x1f\x8b",
        &config(&[]),
        ExportError::InvalidResponse(why.to_string()),
    );
}

#[test]
fn reply_of_status_200_is_judged_by_its_bytes() {
    let head = |kind: &str| Head {
        status: 200,
        content_type: Some(kind.to_string()),
        ..Head::default()
    };
    for kind in [
        "application/octet-stream",
        "application/cap",
        "text/html",
        "",
    ] {
        assert!(head(kind).announces_capture());
    }
    let h = "http://homer:9080";
    for (kind, body, why) in [
        (
            "text/html; charset=utf-8",
            &b"\n<!DOCTYPE html><title>Sign in</title>"[..],
            format!(
                "{h} answered HTTP 200 with a web page instead of a capture file (text/html; charset=utf-8): a sign-on page \
                 or proxy stands before Homer, or HOMER_URL is not the address of a Homer"
            ),
        ),
        (
            "application/json",
            b"{\"data\":{},\"message\":\"no\\r\\nluck\"}",
            format!("Homer at {h} answered HTTP 200 with JSON instead of a capture file: no  luck"),
        ),
        (
            "application/json",
            b"{\"total\":0}",
            format!(
                "Homer at {h} answered HTTP 200 with JSON instead of a capture file (application/json)"
            ),
        ),
        (
            "application/octet-stream",
            b"",
            format!(
                "Homer at {h} answered HTTP 200 with an empty body instead of a capture file (application/octet-stream)"
            ),
        ),
        (
            "text/plain",
            b"proto:UDP 2026",
            format!(
                "{h} answered HTTP 200 with something else than a capture file (text/plain, beginning with the bytes 70 72 \
                 6f 74 6f 3a 55 44); is HOMER_URL the address of a Homer?"
            ),
        ),
    ] {
        assert_eq!(
            reply::not_a_capture(&head(kind), body, &config(&[])),
            ExportError::InvalidResponse(why)
        );
    }
}

#[test]
fn message_is_found_in_every_shape() {
    for (body, message) in [
        ("{\"message\":\"Login required\"}", Some("Login required")),
        (
            "{\"data\":{\"n\":[1.5e3,null]},\"message\":\"m\"}",
            Some("m"),
        ),
        (
            "{\"statuscode\":401,\"error\":\"Unauthorized\",\"message\":\"incorrect password\"}",
            Some("incorrect password"),
        ),
        (
            "{\"error\":{\"type\":\"t\",\"title\":\"T\",\"status\":400,\"detail\":\"d\"}}",
            Some("d"),
        ),
        (
            "{\"error\":{\"type\":\"t\",\"status\":400,\"detail\":\"d\"}}",
            Some("d"),
        ),
        ("{\"error\":{\"title\":\"T\"}}{\"data\":[]}", Some("T")),
        ("{\"message\":7}", None),
        ("{\"message\":\"partial_file", None),
        ("<html>", None),
        ("", None),
    ] {
        assert_eq!(
            reply::message(body.as_bytes()).as_deref(),
            message,
            "{body}"
        );
    }
}

#[test]
fn nothing_captured_names_call_window_and_both_causes() {
    let expected = "Homer at http://homer:9080 returned an empty capture for Call-ID \"nobody@nowhere\" between \
        2026-11-20T10:00:00Z and 2026-11-20T10:05:00Z (profiles 1_call, 1_registration, 1_default). Either nothing was \
        captured for it in this window: check the Call-ID, which is case-sensitive, and widen the window. Or Homer cannot \
        reach its own database, which it answers in the same way: check that it finds other calls";
    let error = nothing_captured(&query(&["nobody@nowhere"]), &config(&[]).homer);
    assert_eq!(error, ExportError::NothingCaptured(expected.to_string()));
}

proptest! {
    /// Any reply: one of the outcomes, a bounded text of one line, and never our credential in it.
    #[test]
    fn reply_of_any_kind_has_a_text_fit_to_be_shown(
        status in any::<u16>(),
        content_type in prop::option::of("(s3cret-token|[ -~\\n]){0,9}"),
        location in prop::option::of("(s3cret-token|https://|[a-z@/?#\\r]){0,9}"),
        body in prop_oneof![
            "(s3cret-token|\\PC|\\n){0,300}".prop_map(String::into_bytes),
            "(s3cret-token|[a-z \\\\]){0,300}".prop_map(|text| format!("{{\"message\":\"{text}\"}}").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..100),
        ],
    ) {
        let config = config(&[("HOMER_API_TOKEN", "s3cret-token")]);
        let head = Head { status, content_type, location, ..Head::default() };
        let _ = login::token(&head, &body);
        let refusal = match reply::refusal(&head, &body, &config) {
            Refusal::Nothing => None,
            Refusal::UnknownProfile(error) | Refusal::UnknownEndpoint(error) | Refusal::Failed(error) => Some(error),
        };
        for error in refusal.into_iter().chain([reply::not_a_capture(&head, &body, &config)]) {
            let text = error.message();
            prop_assert!(text.chars().count() < 1000 && !text.contains(char::is_control), "{text:?}");
            prop_assert!(!text.contains("s3cret-token"), "{text:?}");
        }
    }
}
