//! Secrets that `redact` recognizes by their shape, and innocent values that look like them.

use std::time::{Duration, Instant};

use homer_export::sip::{Content, redact, redact_with};

use crate::capture::{Capture, healthy};
use crate::report;

/// A part of every planted secret, with letters that no base64 or hexadecimal check rules out.
const SECRET: &str = "5ECR3Tz";

#[track_caller]
fn redacted(message: &[u8]) -> (String, Vec<&'static str>) {
    let mut bytes = message.to_vec();
    let kinds = redact(&mut bytes);
    assert_eq!(bytes.len(), message.len());
    (String::from_utf8_lossy(&bytes).into_owned(), kinds)
}

#[track_caller]
fn assert_hidden(message: &str) {
    let message = message.replace("SECRET", SECRET);
    let (text, kinds) = redacted(message.as_bytes());
    assert!(!text.contains(SECRET), "{message}\n{text}");
    assert!(!kinds.is_empty(), "{message}");
}

#[track_caller]
fn assert_kept(message: &str) {
    assert_eq!(redacted(message.as_bytes()), (message.to_string(), vec![]));
}

#[test]
fn redact_hides_credentials_under_any_field_name() {
    for line in [
        "X-Original-Auth: Digest username=\"bob\", response=\"SECRET\", nc=1",
        "Authorisation: Digest response=\"SECRET\"",
        "X-A: Digest realm=\"a\", cnonce=\"SECRET\"",
        "nonce=\"1\", response=\"SECRET\", qop=auth",
        "rspauth=SECRET",
        "X-Log: response='SECRET'",
        "{\"response\":\"5ec12345678901234567890123456789SECRET\"}"
            .replace("SECRET", "ab")
            .as_str(),
        "X-Auth: Basic Ym9iOjVFQ1IzVHo=",
        "X-Auth: Bearer SECRET.abc",
        "Auth\u{0}orization: SECRET",
        "A\u{0}u\u{0}t\u{0}h\u{0}o\u{0}r\u{0}i\u{0}z\u{0}a\u{0}t\u{0}i\u{0}o\u{0}n\u{0}:\u{0}SECRET",
        "Refer-To: <sip:x@y?%41uthorization=SECRET>",
        "Refer-To: <sip:x@y?Authorization=Digest%20response%3D%22SECRET%22>",
    ] {
        let line = line.to_string();
        let message = format!("INVITE sip:b@h SIP/2.0\r\n{line}\r\n\r\n");
        let (text, kinds) = redacted(message.replace("SECRET", SECRET).as_bytes());
        assert!(
            !text.contains(SECRET) && !text.contains("Ym9i"),
            "{line}: {text}"
        );
        assert!(!text.contains("5ec1234567"), "{text}");
        assert!(!kinds.is_empty(), "{line}");
    }
}

#[test]
fn redact_hides_the_rest_of_a_line_that_an_earlier_segment_began() {
    assert_hidden("CR3T-SECRET\", uri=\"sip:h\"\r\nContent-Length: 0\r\n\r\n");
    assert_hidden("oken SECRET\r\n\r\nv=0\r\n");
    let (text, kinds) = redacted(b"onse=\"5e\"\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\r\n");
    assert_eq!(
        text,
        "********\"*\"\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\r\n".replacen(
            "********\"*\"",
            "*****\"**\"",
            1
        )
    );
    assert_eq!(kinds, ["rest of a line"]);
    for whole in [
        "12:00:01 started\r\nINFO: x\r\n",
        "2026-11-20 10:00 started\r\nINFO: x\r\n",
        "{\"a\": 1,\r\n\"b\": 2}\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\n",
        "ACK sip:h SIP/2.0\r\nVia: x\r\n\r\n",
        "a log line",
    ] {
        assert_kept(whole);
    }
}

#[test]
fn redact_hides_tokens_by_their_form() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI1RUNSM1R6In0.SECRETsignature";
    for line in [
        format!("X-Info: {jwt}"),
        format!("Contact: <sip:a@h;x={jwt}>"),
        format!("{{\"jwt\":\"{jwt}\"}}"),
        format!("GET /?a={jwt}&b=1 HTTP/1.1"),
        // Cut off by the end of a segment.
        "X-Info: eyJhbGciOiJIUzI1NSECRET".to_string(),
    ] {
        assert_hidden(&line);
    }
    assert_kept("X-Info: eyJ.a");
    assert_kept("Call-ID: keyJohnsonAndSons.1234567890@h");
    assert_kept("Reason: Q.850;cause=57;text=\"Bearer capability not authorized\"");
    assert_kept("Subject: basic training, digest of it, a token of love");
    assert_kept("X-Call: Basic abcdefgh");
}

#[test]
fn redact_hides_values_of_secret_names() {
    for line in [
        "X-Auth-Token: SECRET and more",
        "X-API-Key: SECRET",
        "x_api_key : SECRET",
        "Client-Secret: SECRET",
        "X-Password: SECRET",
        "Cookie: sid=SECRET; a=b",
        "Set-Cookie: sid=SECRET; Path=/",
        "X-Session-Key: SECRET",
        "Session-ID: SECRET",
        "X-Amz-Signature: SECRET",
        "Contact: <sip:a@h;pn-provider=apns;pn-prid=SECRET;pn-param=x>",
        "Contact: <sip:a@h>;token=SECRET",
        "Contact: <sip:a@h;access_token=SECRET>",
        "Refer-To: <tel:+4930123;postd=SECRET>",
        "Call-Info: <https://h/x?X-Amz-Signature=SECRET&y=1>",
        "{\"password\": \"a \\\" SECRET\", \"a\": 1}",
        "{\"turn\": {\"credential\":\"SECRET\"}}",
        "{\\\"api_key\\\":\\\"SECRET\\\"}",
        "<password>SECRET</password>",
        "<account pwd='SECRET'/>",
        "pwd=SECRET",
        "db_passwd : SECRET",
        "12:00:01 DEBUG X-Auth-Token: SECRET",
        "X-Auth-Token: SECRET\r\n SIP/2.0",
        "X-Auth-Token : SECRET SIP/2.0",
        "X: password=\"SECRET with blanks\"",
        "X: a%3Dtoken%3DSECRET",
        "{\"line\":\"\\u0070assword=SECRET\"}",
    ] {
        assert_hidden(line);
    }
    let (text, kinds) = redacted(format!("CLIENT_RANDOM {0} {0}", "0123abcd".repeat(4)).as_bytes());
    let stars = "*".repeat(32);
    assert_eq!(text, format!("CLIENT_RANDOM {stars} {stars}"));
    assert_eq!(kinds, ["TLS key"]);
    let name = format!("X: {}=1", "a_token=b;".repeat(3));
    assert_eq!(
        redacted(name.as_bytes()).0,
        "X: a_token=*;a_token=*;a_token=*;=1"
    );
}

#[test]
fn redact_keeps_what_only_looks_secret() {
    for line in [
        "INVITE sip:bob@h;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKtoken1\r\n",
        "From: \"Secret Agent\" <sip:a@h>;tag=token-secret",
        "Call-ID: password-session-token@h",
        "Contact: <sip:a@h;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>;+sip.instance=\"x\"",
        "Session-Expires: 1800;refresher=uac",
        "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
        "P-Asserted-Identity: \"Bob\" <sip:bob@h>",
        "a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B",
        "a=setup:actpass",
        "a=ice-ufrag:F7gI",
        "WWW-Authenticate: Digest realm=\"h\", nonce=\"5ECR3T\", qop=\"auth\"",
        "Content-Disposition: session;handling=required",
        "Supported: timer, 100rel, replaces",
        "Warning: 399 h \"no response from h\"",
        "Accept: application/sdp, application/dtmf-relay",
        "s=Session SDP",
        "Retry-After: 30 (response to overload)",
        "Record-Route: <sip:192.0.2.1:5060;lr>,<sip:192.0.2.2:5060;lr>",
        "{\"response\": 200, \"report_count\": 1}",
        "Contact: <https://example.net/a@b>",
        "Security-Client: digest;q=0.1",
        "m=audio 49170 RTP/AVP 0 101",
        "User-to-User: 56a390f3d2b7310023a2;encoding=hex",
        "a=rtpmap:101 telephone-event/8000",
        "Alert-Info: <http://h/signal.wav>",
    ] {
        assert_kept(line);
    }
}

#[test]
fn redact_hides_userinfo_in_any_uri() {
    for line in [
        "Call-Info: <https://bob:SECRET@h/x>",
        "Call-Info: <http://SECRET@h>",
        "X: postgres://bob:SECRET@h:5432/db",
        "X: turn:bob:SECRET@h:3478",
        "X: sip%3Abob%3ASECRET%40h",
        "X: https%3A%2F%2Fbob%3ASECRET%40h",
        "Contact: <SIPS:bob:SECRET@h>",
        "INVITE sip:a@h;password=SECRET SIP/2.0",
        "SIP/2.0 302 Moved to sip:a:SECRET@h",
        "{\"to\":\"sip:bob:SECRET@h\",\"from\":\"sip:a@h\"}",
    ] {
        assert_hidden(line);
    }
    let (text, _) = redacted(b"INVITE sip:a@h;password=ab SIP/2.0");
    assert_eq!(text, "INVITE sip:a@h;password=** SIP/2.0");
    let (text, _) = redacted(b"{\"a\":\"sip:b:c@h\",\"d\":\"sip:e@h:5060\"}");
    assert_eq!(text, "{\"a\":\"sip:b:*@h\",\"d\":\"sip:e@h:5060\"}");
}

#[test]
fn ladder_hides_what_a_message_hides() {
    let mut call = healthy();
    call[0].replace(
        "sip:bob@192.0.2.20 ",
        "sip:a@h;password=5ECR3T;pn-prid=5ECR3T ",
    );
    call[1].replace("100 Trying", "100 see sip:a:5ECR3T@h, response=\"5ECR3T\"");
    let json = report::analyze(&Capture::messages(&call), &["made"]).to_json();
    let json = json.to_string();
    assert!(
        !json.contains("5ECR3T") && json.contains("see sip:a:******@h"),
        "{json}"
    );
}

#[test]
fn redact_hides_media_keys_in_any_encoding() {
    for line in [
        "{\"sdp\":\"v=0\\r\\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\\r\\na=x\"}",
        "{\"sdp\":\"v=0\\r\\na=ice-pwd:SECRET\\r\\n\"}",
        "<crypto key-params='inline:SECRET'/>",
        "a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAASECRET",
        "mikey AQAFgM0XflABAAAAAAAAAAAAAASECRET",
        "v=0\r\nk=clear:SECRET",
    ] {
        assert_hidden(line);
    }
    let (text, _) = redacted(b"{\"sdp\":\"a=crypto:1 X inline:key\\r\\na=sendrecv\"}");
    assert_eq!(
        text,
        "{\"sdp\":\"a=crypto:1 X inline:***\\r\\na=sendrecv\"}"
    );
}

#[test]
fn redact_looks_into_base64_and_hexadecimal() {
    use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    let text = b"X-Auth-Token: 5ECR3Tz-and-more";
    for encoded in [
        BASE64.encode(text),
        BASE64URL_NOPAD.encode(text),
        HEXLOWER.encode(text),
        HEXUPPER.encode(text),
    ] {
        let line = format!("User-to-User: {encoded};encoding=x");
        let (masked, kinds) = redacted(line.as_bytes());
        assert_eq!(kinds, ["token"], "{line}");
        let stars = masked.matches('*').count();
        assert!(stars >= 16, "{masked}");
    }
}

#[test]
fn redact_hides_pem_and_base64_parts() {
    assert_hidden(
        "-----BEGIN RSA PRIVATE KEY-----\r\nMIISECRET\r\nSECRET==\r\n-----END RSA PRIVATE KEY-----",
    );
    assert_hidden(
        "{\"key\":\"-----BEGIN PRIVATE KEY-----\\nSECRET\\n-----END PRIVATE KEY-----\\n\"}",
    );
    let message = "INVITE sip:h SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n\
                   --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                   SECRET\r\nSECRET\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n";
    let (text, kinds) = redacted(message.as_bytes());
    assert_eq!(kinds, ["base64 part"]);
    assert_eq!(text, message.replace("SECRET", "******"));
    assert_kept("-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\nA: b\r\n");
}

#[test]
fn redact_hides_texts_and_digits_unless_asked_to_show_them() {
    let message = |body: &str| {
        format!(
            "MESSAGE sip:b@h SIP/2.0\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let info = |content_type: &str, body: &str| {
        format!(
            "INFO sip:b@h SIP/2.0\r\nCSeq: 2 INFO\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // The second message, on a stream, has a start line that follows the length, not the text.
    let stream = message("Your code is 5ECR3Tz\r\nACK sip:a SIP/2.0\r\n\r\n5ECR3Tz")
        + &info("application/sdp", "v=0\r\n");
    for (message, hidden, kind) in [
        (
            message("Your code is 5ECR3Tz"),
            "5ECR3Tz",
            "text of a MESSAGE",
        ),
        (stream, "5ECR3Tz", "text of a MESSAGE"),
        (
            info("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"),
            "=7",
            "DTMF digits",
        ),
        (info("application/dtmf", "7"), "\n7", "DTMF digits"),
        ("Signal= 7\r\n".to_string(), "7", "DTMF digits"),
        (
            "<kpml-response digits=\"777\"/>".to_string(),
            "7",
            "DTMF digits",
        ),
    ] {
        let (text, kinds) = redacted(message.as_bytes());
        assert!(!text.contains(hidden), "{text}");
        assert_eq!(kinds, [kind]);
        assert_eq!(text.contains("v=0"), message.contains("v=0"));
        assert_eq!(
            text.contains("Duration=160"),
            message.contains("Duration=160")
        );
        let mut bytes = message.clone().into_bytes();
        assert!(redact_with(&mut bytes, Content::Show).is_empty());
        assert_eq!(bytes, message.as_bytes());
    }
}

#[test]
fn redact_of_hostile_lines_takes_linear_time() {
    for unit in [
        "sip:",
        "sip:@",
        "token",
        "token ",
        "\"token\":1,",
        "token:",
        "basic+",
        "basic ",
        "bearer ",
        "eyJ",
        "eyJ.",
        "://",
        "://@",
        "response",
        "response=",
        "digest ",
        "authenticate:",
        "ik=",
        "%41",
        "%25",
        "\\\\",
        "\\u0041",
        "QUFB",
        "4141",
        "-----BEGIN ",
        "signal=",
        "inline:",
        "mikey ",
        "identity",
        "cookie=\"",
        "password=\\\"",
        " token",
        "session-id:",
        "\u{0}a",
        "SIP/2.0",
        "--\r\n",
        "a\r\n",
        "Content-Type: multipart/x\r\n\r\n--\r\n",
        "\n ",
        "=\"a",
    ] {
        let line = unit.repeat(100_000 / unit.len());
        let begin = Instant::now();
        for prefix in ["", "X: ", "\"", &" ".repeat(20_000)] {
            redact(&mut format!("{prefix}{line}").into_bytes());
        }
        let limit = Duration::from_secs(4);
        assert!(begin.elapsed() < limit, "{unit:?}: {:?}", begin.elapsed());
    }
}
