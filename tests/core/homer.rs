use homer_export::homer::response::{self, NoCapture};
use homer_export::homer::{Api, HomerServer, LoginType, login, v7};
use homer_export::query::ParameterNames;
use homer_export::transport::ResponseHead;
use homer_export::{CallId, Config, ExportError, Query, Window};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::recordings::exchange;

fn homer(vars: &[(&str, &str)]) -> HomerServer {
    Config::from_vars(
        vars.iter()
            .copied()
            .chain([("HOMER_URL", "http://homer:9080")]),
    )
    .unwrap()
    .homer
}

fn query(call_ids: &[&str]) -> Query {
    let call_ids = call_ids
        .iter()
        .map(|id| CallId::parse(id).unwrap())
        .collect();
    Query::new(
        call_ids,
        Window::new(
            1_795_168_800_000,
            1_795_169_100_000,
            24,
            &ParameterNames::WIT,
        )
        .unwrap(),
    )
    .unwrap()
}

/// Head and body of a recorded response.
pub(crate) fn recorded(name: &str) -> (ResponseHead, Vec<u8>) {
    let exchange = exchange(name);
    let response = &exchange["response"];
    let field = |wanted: &str| {
        let fields = response["headers"].as_array().unwrap().iter();
        fields
            .filter(|f| f[0].as_str().unwrap().eq_ignore_ascii_case(wanted))
            .map(|f| f[1].as_str().unwrap().to_string())
            .next()
    };
    let head = ResponseHead {
        status: response["status"].as_u64().unwrap() as u16,
        content_type: field("content-type"),
        content_length: field("content-length").map(|length| length.parse().unwrap()),
        ..ResponseHead::default()
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
fn failed(head: &ResponseHead, body: &[u8], homer: &HomerServer, expected: ExportError) {
    assert!(!response::is_capture(head));
    assert_eq!(
        response::no_capture(head, body, homer),
        NoCapture::Failed(expected)
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
        let request = v7::export_request(&homer(&[]).base_url, &query, &query.profiles()[0]);
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
    let request = v7::export_request(&homer(&[]).base_url, &query, &query.profiles()[2]);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "search": {"1_default": {"callid": ["a"]}},
        "location": {"node": ["localnode"]},
        "whitelist": ["192.0.2.1"],
    });
    assert_eq!(body["param"], expected);
}

#[test]
fn response_without_credentials_is_unauthorized_on_every_version() {
    for (name, said) in [
        ("authz-none", "HTTP 400: \"missing or malformed jwt\""),
        ("v1_4_40-authz-none", "HTTP 401: \"Login required\""),
        (
            "authz-garbage-bearer",
            "HTTP 401: \"invalid or expired jwt\"",
        ),
    ] {
        let (head, body) = recorded(name);
        let why = format!(
            "Homer at http://homer:9080 requires a credential ({said}), and none is configured; \
             set HOMER_API_TOKEN, HOMER_JWT, or HOMER_USERNAME and HOMER_PASSWORD"
        );
        failed(&head, &body, &homer(&[]), ExportError::Unauthorized(why));
    }
}

#[test]
fn response_to_a_refused_credential_names_the_causes_that_fit() {
    let (head, body) = recorded("authz-auth-token-wrong");
    let why = "Homer at http://homer:9080 refused the API token (HTTP 400: \"missing or malformed \
               jwt\"). Likely causes: token access is off (api_settings.enable_token_access in \
               Homer's configuration, off by default); the token is wrong, expired or inactive; \
               Homer expects another header field (HOMER_TOKEN_HEADER); or Homer's configuration \
               database is down";
    failed(
        &head,
        &body,
        &homer(&[("HOMER_API_TOKEN", "s3cret")]),
        ExportError::Unauthorized(why.to_string()),
    );

    let (head, body) = recorded("authz-garbage-bearer");
    let why = "Homer at http://homer:9080 refused the JSON web token (HTTP 401: \"invalid or \
               expired jwt\"). Likely causes: the token has expired (by default 20 hours after \
               login), or another Homer issued it; log in again and update HOMER_JWT";
    failed(
        &head,
        &body,
        &homer(&[("HOMER_CREDENTIAL_KIND", "jwt")]),
        ExportError::Unauthorized(why.to_string()),
    );
}

#[test]
fn login_is_the_recorded_one() {
    let recorded = &exchange("auth-ok")["request"];
    let request = login::login_request(
        &homer(&[]).base_url,
        "admin",
        "sipcapture",
        LoginType::Internal,
    );
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
    assert_eq!(login::token(&head, body.as_bytes()).unwrap(), "a.b.c");
    // HOMER 11, from its source.
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let body = b"{\"success\":true,\"data\":{\"token\":\"d.e.f\",\"user\":{}}}";
    assert_eq!(login::token(&head, body).unwrap(), "d.e.f");
    for body in [
        "{\"token\":\"\"}",
        "{\"token\":\"a\\r\\nb\"}",
        "{\"token\":7}",
        "{}",
        "<html>",
        "",
    ] {
        assert!(login::token(&head, body.as_bytes()).is_none(), "{body}");
    }
    let head = ResponseHead {
        status: 401,
        ..head
    };
    assert!(login::token(&head, b"{\"token\":\"a\"}").is_none());
}

#[test]
fn login_that_is_refused_names_the_causes() {
    let homer = homer(&[("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")]);
    for name in ["auth-wrong-password", "auth-unknown-user"] {
        let (head, body) = recorded(name);
        let why = "Homer at http://homer:9080 refused the login (HTTP 401: \"incorrect password\"). \
                   Likely causes: the user name or password is wrong; Homer's configuration \
                   database is down, which looks the same; or the tokens that Homer issues \
                   expire immediately (auth_settings.token_expire)";
        assert_eq!(
            login::error(&head, &body, &homer),
            ExportError::Unauthorized(why.to_string())
        );
    }
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let why = "the login at http://homer:9080 returned HTTP 200 without a token; check that \
               HOMER_URL points to Homer";
    assert_eq!(
        login::error(&head, b"{}", &homer),
        ExportError::InvalidResponse(why.to_string())
    );
}

#[test]
fn response_with_an_unknown_profile_lets_the_next_one_be_asked() {
    let (head, body) = recorded("export-bad-profile");
    let NoCapture::UnknownProfile(error) = response::no_capture(&head, &body, &homer(&[])) else {
        panic!("not unknown")
    };
    let message = "Homer at http://homer:9080 has none of the requested search profiles (HTTP \
                   400: \"invalid search profile key: \\\"1_nope\\\"\"); request other profiles, or \
                   check Homer's configuration database: while it is down, Homer knows no profile";
    assert_eq!(
        error,
        ExportError::Rejected {
            status: 400,
            message: message.to_string()
        }
    );
}

#[test]
fn response_that_holds_our_credential_does_not_show_it() {
    let head = ResponseHead {
        status: 400,
        ..ResponseHead::default()
    };
    let homer = homer(&[("HOMER_API_TOKEN", "s3cret")]);
    let NoCapture::Failed(error) =
        response::no_capture(&head, b"{\"message\":\"no s3cret here\"}", &homer)
    else {
        panic!()
    };
    assert!(
        error
            .message()
            .contains("HTTP 400: \"no [credential] here\""),
        "{error}"
    );
    let error = response::not_a_capture(
        &ResponseHead {
            status: 200,
            ..head
        },
        b"{\"message\":\"s3cret\"}",
        &homer,
    );
    assert!(
        error
            .message()
            .ends_with("with JSON (\"[credential]\"); expected a capture file"),
        "{error}"
    );
    // Wherever it stands: found by fuzzing (fuzz/regressions/response).
    for (content_type, content_encoding) in [(Some("text/s3cret"), None), (None, Some("s3cret"))] {
        let head = ResponseHead {
            status: 200,
            content_type: content_type.map(String::from),
            content_encoding: content_encoding.map(String::from),
            ..ResponseHead::default()
        };
        let NoCapture::Failed(refused) = response::no_capture(&head, b"", &homer) else {
            panic!()
        };
        let error = response::not_a_capture(&head, b"xxxx", &homer);
        assert!(
            !refused.message().contains("s3cret") && !error.message().contains("s3cret"),
            "{refused} {error}"
        );
    }
}

#[test]
fn response_is_quoted_to_a_bound_and_never_half_a_credential() {
    let homer = homer(&[("HOMER_API_TOKEN", "s3cret")]);
    let said = |message: String| {
        let head = ResponseHead {
            status: 400,
            ..ResponseHead::default()
        };
        let body = format!("{{\"message\":\"{message}\"}}");
        let NoCapture::Failed(error) = response::no_capture(&head, body.as_bytes(), &homer) else {
            panic!()
        };
        error.message().to_string()
    };
    assert!(said("x".repeat(500)).contains(&format!("HTTP 400: \"{}…\")", "x".repeat(200))));
    assert!(!said(format!("{}s3cret", "x".repeat(197))).contains("s3c"));
}

#[test]
fn response_to_a_profile_named_jwt_is_no_matter_of_credentials() {
    let head = ResponseHead {
        status: 400,
        ..ResponseHead::default()
    };
    let body = br#"{"message":"invalid search profile key: \"1_jwt\""}"#;
    assert!(matches!(
        response::no_capture(&head, body, &homer(&[])),
        NoCapture::UnknownProfile(_)
    ));
}

#[test]
fn response_that_other_homers_send_for_nothing_is_empty() {
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
        let head = ResponseHead {
            status,
            ..ResponseHead::default()
        };
        assert_eq!(
            response::no_capture(&head, body.as_bytes(), &homer(&[])),
            NoCapture::Empty,
            "{body}"
        );
    }
}

#[test]
fn request_to_homer_11_has_its_shape() {
    let query = query(&["a", "b"])
        .without_ips(vec!["192.0.2.1".into()])
        .unwrap();
    let homer = homer(&[]);
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
    let why = "the server at http://homer:9080 is a HOMER 11, which cannot search selected \
               nodes; remove the node names";
    assert_eq!(error, ExportError::InvalidRequest(why.to_string()));
    assert!(
        Api::V7
            .export_request(&homer, &nodes, &nodes.profiles()[0])
            .is_ok()
    );
}

/// HOMER 11 would silently use the first 50 (docs/homer.md §9.5).
#[test]
fn request_to_homer_11_has_at_most_50_call_ids() {
    let ids: Vec<String> = (0..51).map(|n| format!("id-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let homer = homer(&[]);
    let of = |ids: &[&str], api: Api| {
        let query = query(ids);
        api.export_request(&homer, &query, &query.profiles()[0])
    };
    let why = "the server at http://homer:9080 is a HOMER 11, which searches at most 50 Call-IDs, \
               and the request has 51; export them in several requests";
    assert_eq!(
        of(&ids, Api::V11).unwrap_err(),
        ExportError::InvalidRequest(why.to_string())
    );
    assert!(of(&ids[..50], Api::V11).is_ok());
    assert!(of(&ids, Api::V7).is_ok());
}

/// From HOMER 11's source (docs/homer.md §9.5).
#[test]
fn login_at_homer_11_has_its_type_and_its_causes() {
    let base_url = homer(&[]).base_url;
    let request = login::login_request(&base_url, "u", "p", LoginType::Ldap);
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        json!({"username": "u", "password": "p", "type": "ldap"})
    );

    let login = homer(&[("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")]);
    let at = |status, body: &str| {
        let head = ResponseHead {
            status,
            ..ResponseHead::default()
        };
        login::error(&head, body.as_bytes(), &login)
    };
    let why = "Homer at http://homer:9080 refused the login (HTTP 401: \"Invalid credentials\"). Likely \
               causes: the user name or password is wrong; the user is in an LDAP directory \
               (HOMER_LOGIN_TYPE=ldap, only for HOMER 11); Homer's configuration database is down, \
               which looks the same; or the tokens that Homer issues expire immediately \
               (auth_settings.token_expire)";
    assert_eq!(
        at(401, "{\"error\":\"Invalid credentials\"}"),
        ExportError::Unauthorized(why.to_string())
    );
    let why = "Homer at http://homer:9080 accepts no login with a password (HTTP 403: \"Password \
               login is disabled\"); use HOMER_API_TOKEN or HOMER_JWT instead of HOMER_USERNAME and \
               HOMER_PASSWORD";
    assert_eq!(
        at(403, "{\"error\":\"Password login is disabled\"}"),
        ExportError::Unauthorized(why.to_string())
    );
    let why = "Homer at http://homer:9080 refuses every export of a user who still has the default \
               password (HTTP 403: \"Password change required\"); change it in Homer's web interface, \
               and then in HOMER_PASSWORD";
    for body in [
        "{\"error\":{\"status\":403,\"detail\":\"Password change required\"}}",
        "{\"error\":\"Password change required\"}",
    ] {
        assert_eq!(at(403, body), ExportError::Unauthorized(why.to_string()));
    }
}

/// Some handlers of HOMER 11 write an error and go on (docs/homer.md §9.5).
#[test]
fn response_of_homer_11_with_two_errors_is_the_first() {
    let body = "{\"error\":{\"status\":500,\"detail\":\"Query failed\"}}\n{\"error\":{\"status\":400,\
                \"detail\":\"No exportable SIP payload in result set\"}}";
    let head = ResponseHead {
        status: 500,
        ..ResponseHead::default()
    };
    let message =
        "Homer at http://homer:9080, or a proxy in front of it, failed (HTTP 500: \"Query \
                   failed\"); try again later and check Homer's log"
            .to_string();
    let status = 500;
    failed(
        &head,
        body.as_bytes(),
        &homer(&[]),
        ExportError::Rejected { status, message },
    );
}

#[test]
fn nothing_captured_by_homer_11_names_its_nodes() {
    let error = response::nothing_captured(&query(&["a"]), &homer(&[]), Api::V11);
    assert!(
        error.message().ends_with(
            "(2) none of HOMER 11's nodes is connected, or its database is down, which looks the \
             same: export a call that you know exists"
        ),
        "{error}"
    );
}

#[test]
fn response_with_an_error_is_rejected() {
    let rejected = |status, message: &str| ExportError::Rejected {
        status,
        message: message.to_string(),
    };
    let (head, body) = recorded("export-malformed-json");
    let why = "Homer at http://homer:9080 rejected the request (HTTP 400: \"request format is not correct\")";
    failed(&head, &body, &homer(&[]), rejected(400, why));

    let (head, body) = recorded("http-404-api-authorized");
    let why = "http://homer:9080 has no export endpoint of Homer 7 or HOMER 11 (HTTP 404: \"Not \
               Found\"); check HOMER_URL, especially its path";
    assert_eq!(
        response::no_capture(&head, &body, &homer(&[])),
        NoCapture::UnknownEndpoint(rejected(404, why))
    );

    let why = "Homer at http://homer:9080, or a proxy in front of it, failed (HTTP 503: \"db data \
               retrieve error\"); try again later and check Homer's log";
    let head = ResponseHead {
        status: 503,
        ..ResponseHead::default()
    };
    failed(
        &head,
        b"{\"message\":\"db data retrieve error\"}",
        &homer(&[]),
        rejected(503, why),
    );

    let why = "http://homer:9080 returned a redirect (HTTP 302) to \"https://www.example/x\". \
               Redirects are not followed, so that the credential does not go to another server; \
               set HOMER_URL to Homer's own address";
    let location = Some("https://user:s3cret@www.example/x?state=s3cret".into());
    let head = ResponseHead {
        status: 302,
        location,
        ..ResponseHead::default()
    };
    failed(&head, b"", &homer(&[]), rejected(302, why));
}

#[test]
fn response_that_no_homer_sends_is_invalid() {
    let why = "http://homer:9080 returned HTTP 204, which Homer never returns for an export; \
               check that HOMER_URL points to Homer";
    failed(
        &ResponseHead {
            status: 204,
            ..ResponseHead::default()
        },
        b"",
        &homer(&[]),
        ExportError::InvalidResponse(why.to_string()),
    );

    let head = ResponseHead {
        status: 200,
        content_encoding: Some("gzip".into()),
        ..ResponseHead::default()
    };
    let why = "the response of http://homer:9080 has the content coding gzip, which was not \
               requested; turn off compression for this path in the proxy in front of Homer";
    failed(
        &head,
        b"\x1f\x8b",
        &homer(&[]),
        ExportError::InvalidResponse(why.to_string()),
    );
}

#[test]
fn response_of_status_200_is_judged_by_its_bytes() {
    let head = |kind: &str| ResponseHead {
        status: 200,
        content_type: Some(kind.to_string()),
        ..ResponseHead::default()
    };
    for kind in [
        "application/octet-stream",
        "application/cap",
        "text/html",
        "",
    ] {
        assert!(response::is_capture(&head(kind)));
    }
    let h = "http://homer:9080";
    for (kind, body, why) in [
        (
            "text/html; charset=utf-8",
            &b"\n<!DOCTYPE html><p>Welcome"[..],
            format!(
                "{h} returned HTTP 200 with a web page (\"text/html; charset=utf-8\"); expected a \
                 capture file. Either a login page or proxy is in front of Homer, or HOMER_URL \
                 does not point to Homer"
            ),
        ),
        (
            "application/json",
            b"{\"data\":{},\"message\":\"no\\r\\nluck\"}",
            format!(
                "Homer at {h} returned HTTP 200 with JSON (\"no  luck\"); expected a capture file"
            ),
        ),
        (
            "application/json",
            b"{\"total\":0}",
            format!(
                "Homer at {h} returned HTTP 200 with JSON (application/json); expected a capture \
                 file"
            ),
        ),
        (
            "application/octet-stream",
            b"",
            format!(
                "Homer at {h} returned HTTP 200 with an empty body (application/octet-stream); \
                 expected a capture file"
            ),
        ),
        (
            "text/plain",
            b"proto:UDP 2026",
            format!(
                "{h} returned HTTP 200 with unknown content (text/plain, first bytes 70 72 6f 74 \
                 6f 3a 55 44); expected a capture file. Check that HOMER_URL points to Homer"
            ),
        ),
    ] {
        assert_eq!(
            response::not_a_capture(&head(kind), body, &homer(&[])),
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
        (
            "{\"error\":\"Invalid credentials\"}",
            Some("Invalid credentials"),
        ),
        ("{\"message\":7}", None),
        ("{\"message\":\"partial_file", None),
        ("<html>", None),
        ("", None),
    ] {
        assert_eq!(
            response::message(body.as_bytes()).as_deref(),
            message,
            "{body}"
        );
    }
}

#[test]
fn nothing_captured_names_call_window_and_both_causes() {
    let expected = "Homer at http://homer:9080 returned an empty capture for Call-ID \
                    \"nobody@nowhere\" between 2026-11-20T10:00:00Z and 2026-11-20T10:05:00Z \
                    (profiles 1_call, 1_registration, 1_default). Possible causes: (1) the \
                    Call-ID, which is case-sensitive, or the window is wrong: check both and \
                    widen the window; (2) Homer's database is down, which looks the same: export \
                    a call that you know exists";
    let error = response::nothing_captured(&query(&["nobody@nowhere"]), &homer(&[]), Api::V7);
    assert_eq!(error, ExportError::nothing_captured(expected));
}

proptest! {
    /// Any response gives one of the outcomes, with a bounded text of one line that never contains
    /// our credential.
    #[test]
    fn response_of_any_kind_has_a_text_fit_to_be_shown(
        status in any::<u16>(),
        content_type in prop::option::of("(s3cret-token|[ -~\\n]){0,9}"),
        location in prop::option::of("(s3cret-token|https://|[a-z@/?#\\r]){0,9}"),
        field in prop::option::of("(s3cret-token|Basic |Digest |realm=\"|[ -~]){0,200}"),
        body in prop_oneof![
            "(s3cret-token|\\PC|\\n){0,300}".prop_map(String::into_bytes),
            "<(title>|h1>|s3cret-token|sign in|[a-z<> ]|\\n){0,300}".prop_map(String::into_bytes),
            "(s3cret-token|[a-z \\\\]){0,300}".prop_map(|text| format!("{{\"message\":\"{text}\"}}").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..100),
        ],
    ) {
        let homer = homer(&[("HOMER_API_TOKEN", "s3cret-token")]);
        let head = ResponseHead {
            status,
            content_type,
            location,
            www_authenticate: field.clone(),
            server: field.clone(),
            retry_after: field,
            ..ResponseHead::default()
        };
        let _ = login::token(&head, &body);
        let refusal = match response::no_capture(&head, &body, &homer) {
            NoCapture::Empty => None,
            NoCapture::UnknownProfile(error) | NoCapture::UnknownEndpoint(error) | NoCapture::Failed(error) => Some(error),
        };
        for error in refusal.into_iter().chain([response::not_a_capture(&head, &body, &homer)]) {
            let text = error.message();
            prop_assert!(text.chars().count() < 1000 && !text.contains(char::is_control), "{text:?}");
            prop_assert!(!text.contains("s3cret-token"), "{text:?}");
        }
    }
}
