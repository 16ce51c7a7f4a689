use homer_export::sip::{escape, hex_dump, redact};
use homer_export::text::{is_unprintable, quoted};
use proptest::prelude::*;

use crate::capture::{Capture, healthy};
use crate::report;

#[track_caller]
fn assert_redacted(message: &str, expected: &str, what: &[&str]) {
    let mut bytes = message.as_bytes().to_vec();
    assert_eq!(redact(&mut bytes), what, "{message}");
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(message.len(), expected.len());
}

#[test]
fn redact_hides_values_of_a_digest_and_leaves_its_names() {
    assert_redacted(
        "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"bob\", realm=\"a, b\",\r\n \
         response=\"abc123\" , qop=auth, odd\r\nX: 1\r\n",
        "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"***\", realm=\"** *\",\r\n \
         response=\"******\" , qop=****, ***\r\nX: 1\r\n",
        &["Authorization"],
    );
    assert_redacted(
        "proxy-authorization :Digest x=secret",
        "proxy-authorization :Digest ********",
        &["Authorization"],
    );
    assert_redacted(
        "Authentication-Info: rspauth=\"77\", nc=1\n",
        "Authentication-Info: rspauth=\"**\", nc=*\n",
        &["Authorization"],
    );
}

#[test]
fn redact_hides_all_values_of_other_schemes() {
    assert_redacted(
        "Authorization: Basic Ym9iOnB3=\r\n",
        "Authorization: Basic *********\r\n",
        &["Authorization"],
    );
    assert_redacted(
        "Authorization: Bearer a.b.c\r\n",
        "Authorization: Bearer *****\r\n",
        &["Authorization"],
    );
    // Without a known scheme, the whole value may be secret.
    assert_redacted(
        "Authorization: s3cret\r\n",
        "Authorization: ******\r\n",
        &["Authorization"],
    );
    assert_redacted(
        "Authorization: Own s3cret==\r\n",
        "Authorization: *** ********\r\n",
        &["Authorization"],
    );
    assert_redacted("Authorization:", "Authorization:", &["Authorization"]);
}

#[test]
fn redact_hides_identity_tokens_and_passwords_in_uris() {
    assert_redacted(
        "Identity: ey.J0;info=<x>\r\ny: abc\r\n",
        "Identity: **************\r\ny: ***\r\n",
        &["Identity"],
    );
    assert_redacted(
        "INVITE sip:bob:s3cret@h SIP/2.0\r\nTo: <SIPS:a:b@h>, <sip:c@h:5060>\r\n",
        "INVITE sip:bob:******@h SIP/2.0\r\nTo: <SIPS:a:*@h>, <sip:c@h:5060>\r\n",
        &["password in a URI"],
    );
    assert_redacted(
        "To: sip:bob:s3@cret@h",
        "To: sip:bob:*******@h",
        &["password in a URI"],
    );
}

#[test]
fn redact_hides_keys_of_media() {
    assert_redacted(
        "v=0\r\na=crypto:1 AES_CM_128 inline:WVNf|2^20|1:4\r\na=crypto:2 odd\r\na=key-mgmt:mikey \
         AQ\r\nk=base64:abc\r\na=ice-pwd:xyz\r\na=ice-ufrag:u\r\n",
        "v=0\r\na=crypto:1 AES_CM_128 inline:*************\r\na=crypto:* ***\r\na=key-mgmt:***** \
         **\r\nk=**********\r\na=ice-pwd:***\r\na=ice-ufrag:u\r\n",
        &["a=crypto", "a=key-mgmt", "k=", "a=ice-pwd"],
    );
}

#[test]
fn redact_finds_secrets_in_logs_and_unusual_places() {
    for line in [
        "12:00:01 DEBUG Authorization: Digest username=\"a\", response=\"s3cret\"",
        "> Authorization: Digest response=\"s3cret\"",
        "{\"Authorization\": \"Digest response=s3cret\"}",
        "INVITE x\\r\\nProxy-Authorization: Digest response=\\\"s3cret\\\"",
        "Via: x\r\n Authorization: Digest response=\"s3cret\"",
        "\r\n\r\n a=crypto:1 X inline:s3cret",
        "WWW-Authenticate: Digest nonce=\"1\", ik=\"s3cret\", ck=\"s3cret\"",
        "a=acap:1 crypto:1 AES_CM_128 inline:s3cret",
        "a=acap:2 key-mgmt:mikey s3cret",
        "A=Crypto :1 s3cret",
        "To: sip:al@ice:s3cret@h",
        "To: sip:alice:my s3cret@host",
        "To: <sip:alice:pa\"s3cret@h>",
        "To: sip:alice;password=s3cret@h",
        "Refer-To: <sip:x@y?Authorization=Digest%20response%3Ds3cret>",
        "Refer-To: <sip:x@y?Identity=s3cret>",
        "\u{0}\u{1}Authorization: s3cret",
    ] {
        let mut bytes = line.as_bytes().to_vec();
        let what = redact(&mut bytes);
        assert_eq!(bytes.len(), line.len());
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            !text.contains("s3cret") && !what.is_empty(),
            "{line}: {text}"
        );
    }
}

#[test]
fn redact_of_repeated_keywords_is_fast() {
    for text in [
        "sip:",
        "sip:>",
        "SIPS:@>",
        "ik=",
        "password=;",
        "Authorization ",
    ] {
        let mut bytes = text.repeat(250_000 / text.len()).into_bytes();
        assert_eq!(
            redact(&mut bytes),
            if text.starts_with("password") {
                vec!["password"]
            } else {
                vec![]
            },
            "{text}"
        );
    }
}

#[test]
fn redact_leaves_the_rest_alone() {
    let message = "INVITE sip:bob@h:5060 SIP/2.0\r\nWWW-Authenticate: Digest nonce=\"1\"\r\n\
     P-Asserted-Identity: <sip:a@h>\r\nTo: <sip:a@h>;tag=1\r\n\r\nv=0\r\na=sendrecv\r\n";
    assert_redacted(message, message, &[]);
}

#[test]
fn redact_accepts_lines_that_end_in_lf_or_cr_alone() {
    assert_redacted(
        "A: 1\nAuthorization: x\rIdentity: y\n",
        "A: 1\nAuthorization: *\rIdentity: *\n",
        &["Authorization", "Identity"],
    );
}

proptest! {
    /// Any bytes: the length stays, and bytes only change to asterisks.
    #[test]
    fn redact_of_any_bytes_keeps_the_length(lines in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "Authorization: Digest ", "Identity:", "a=crypto:1 x inline:k", "sip:a:b@", " ", "\"",
            ",", "=", "\r\n", "\r", "\n\t",
        ])
            .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ], 0..20)) {
        let original = lines.concat();
        let mut once = original.clone();
        let what = redact(&mut once);
        prop_assert_eq!(once.len(), original.len());
        prop_assert!(once.iter().zip(&original).all(|(new, old)| new == old || *new == b'*'));
        prop_assert!(!what.is_empty() || once == original);
    }

    /// Escaped text has no control characters except its own line breaks.
    #[test]
    fn escape_of_any_bytes_has_no_control_characters(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        prop_assert!(escape(&bytes).chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(hex_dump(&bytes, 0).is_ascii());
    }
}

#[test]
fn escape_shows_every_byte() {
    let text = escape(b"A: \"\\\t\x00\x7f\xc3\xa9\xe9\xe2\x80\xae\r\nB\n");
    assert_eq!(text, "A: \"\\\\\\t\\x00\\x7fé\\xe9\\u{202e}\\r\\n\nB\\n\n");
}

/// A character of each kind that must not be shown as it is.
const UNPRINTABLE: &str = "\u{7f}\u{85}\u{ad}\u{34f}\u{600}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\
     \u{180b}\u{180e}\u{200b}\u{200f}\u{2028}\u{2029}\u{202e}\u{2060}\u{2066}\u{2800}\u{3164}\u{fe00}\
     \u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{1bca0}\u{1d173}\u{e0001}\u{e0041}\u{e0100}";

#[test]
fn unprintable_characters_appear_in_no_output() {
    let shown = escape(UNPRINTABLE.as_bytes());
    assert!(shown.is_ascii(), "{shown}");
    let shown = quoted(UNPRINTABLE, 100);
    assert!(!shown.chars().any(is_unprintable), "{shown:?}");
    let mut call = healthy();
    call[3].replace("200 OK", &format!("200 {UNPRINTABLE}"));
    for message in &mut call {
        message.replace("Call-ID: made", &format!("Call-ID: made{UNPRINTABLE}"));
    }
    let report = report::analyze(&Capture::messages(&call), &["made"]);
    let json = report.to_json().to_string();
    assert!(!json.chars().any(is_unprintable), "{json:?}");
    assert!(report.ladder[3].line.contains("\u{fffd}\u{fffd}"));
}

#[test]
fn hex_dump_has_offsets() {
    assert_eq!(
        hex_dump(b"INVITE sip:bob@h\x00z", 0x20),
        "000020  49 4e 56 49 54 45 20 73 69 70 3a 62 6f 62 40 68  INVITE sip:bob@h\n\
         000030  00 7a                                            .z\n"
    );
    assert_eq!(hex_dump(b"", 0), "");
}

#[test]
fn redact_hides_header_fields_of_a_request_uri() {
    assert_redacted(
        "INVITE sip:a?b:pw@h?X-Token=s3cret SIP/2.0\r\nRefer-To: <sip:h?Replaces=1%40h>\r\n",
        "INVITE sip:a?b:**@h?************** SIP/2.0\r\nRefer-To: <sip:h?Replaces=1%40h>\r\n",
        &["password in a URI", "header fields of a URI"],
    );
    // The user part of `sip:11#0??0@h` has question marks, and the URI has no header fields.
    assert_redacted(
        "BYE sip:11#0??0@h SIP/2.0\r\n",
        "BYE sip:11#0??0@h SIP/2.0\r\n",
        &[],
    );
}
