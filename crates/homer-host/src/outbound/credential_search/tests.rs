use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::{CredentialSearch, MIN_RUN};

const MARK: &str = "[credential]";

fn redacted(text: &str, credential: &str) -> String {
    let search = CredentialSearch::new(&[credential.to_string()], MIN_RUN).unwrap();
    String::from_utf8(search.redact(text.as_bytes())).unwrap()
}

/// A credential in which no part of eight characters occurs twice, with the alphabet of base64.
fn credential(length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 12_345_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(ALPHABET[(state >> 58) as usize])
    };
    (0..length).map(|_| next()).collect()
}

/// A JSON web token as Homer issues it: 285 characters.
fn homer_jwt() -> String {
    let claims = format!(
        "{{\"username\":\"admin\",\"exp\":4000000000,\"params\":\"{}\"}}",
        "x".repeat(100)
    );
    let jwt = format!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(claims),
        credential(43)
    );
    let missing = 285 - jwt.len();
    jwt + &credential(200)[..missing]
}

type Form = (&'static str, fn(&str) -> String);

/// The forms in which a server may send a credential back.
fn forms() -> Vec<Form> {
    fn each(text: &str, escape: impl Fn(&mut String, u16)) -> String {
        text.encode_utf16()
            .fold(String::new(), |mut escaped, unit| {
                escape(&mut escaped, unit);
                escaped
            })
    }
    fn percent(text: &str) -> String {
        text.bytes().fold(String::new(), |mut escaped, byte| {
            let _ = write!(escaped, "%{byte:02X}");
            escaped
        })
    }
    fn json(text: &str) -> String {
        let quoted = serde_json::to_string(text).unwrap();
        quoted.trim_matches('"').to_string()
    }
    vec![
        ("raw", str::to_string),
        ("upper case", str::to_uppercase),
        ("JSON", json),
        ("JSON, with slashes escaped", |text| {
            json(text).replace('/', "\\/")
        }),
        ("JSON twice", |text| json(&json(text))),
        ("JSON, numeric", |text| {
            each(text, |escaped, unit| {
                let _ = write!(escaped, "\\u{unit:04x}");
            })
        }),
        ("percent", percent),
        ("percent twice", |text| percent(&percent(text))),
        ("percent within JSON", |text| json(&percent(text))),
        ("HTML, numeric", |text| {
            each(text, |escaped, unit| {
                let _ = write!(escaped, "&#{unit};");
            })
        }),
        ("hexadecimal", |text| {
            text.bytes().fold(String::new(), |mut escaped, byte| {
                let _ = write!(escaped, "{byte:02x}");
                escaped
            })
        }),
        ("base64", |text| BASE64_STANDARD.encode(text)),
        ("base64 for URLs", |text| {
            BASE64_URL_SAFE_NO_PAD.encode(text)
        }),
        ("base64, behind one byte", |text| {
            BASE64_STANDARD.encode(format!(":{text}"))
        }),
        ("base64, behind two bytes", |text| {
            BASE64_STANDARD.encode(format!("u:{text}"))
        }),
        ("base64 in lines", |text| {
            let encoded = BASE64_STANDARD.encode(text);
            let lines: Vec<_> = encoded.as_bytes().chunks(10).collect();
            String::from_utf8(lines.join(&b"\r\n"[..])).unwrap()
        }),
        ("zero-width spaces", |text| {
            let chars: Vec<_> = text.chars().map(String::from).collect();
            chars.join("\u{200b}")
        }),
        ("tags, escaped for JSON", |text| {
            let chars: Vec<_> = text.chars().map(String::from).collect();
            chars.join("\\udb40\\udc61")
        }),
    ]
}

/// The longest part of `credential` that remains in `text`.
fn remains(text: &str, credential: &str) -> usize {
    let mut best = 0;
    for start in 0..credential.len() {
        while credential
            .get(start..=start + best)
            .is_some_and(|part| text.contains(part))
        {
            best += 1;
        }
    }
    best
}

#[test]
fn credential_is_found_in_each_form() {
    for length in [8, 9, 10, 11, 12, 20, 43, 80, 285, 1000, 2000] {
        let credential = credential(length);
        for (name, form) in forms() {
            // An "=" at the end of base64 carries nothing.
            let text = redacted(&format!("<{}>", form(&credential)), &credential);
            let left = text.replace(MARK, "").replace('=', "");
            // The first and the last character of base64 also depend on what is beside them.
            assert!(left.len() <= 8, "{name}, {length}: {left}");
            assert!(text.contains(MARK), "{name}, {length}: {text}");
        }
    }
}

#[test]
fn credential_is_found_at_each_offset() {
    let jwt = homer_jwt();
    assert_eq!(jwt.len(), 285);
    let lengths = [8, 9, 16, 43, 80, 200, 500, 1000, 2000];
    for credential in lengths.map(credential).into_iter().chain([jwt]) {
        let search = CredentialSearch::new(std::slice::from_ref(&credential), MIN_RUN).unwrap();
        for offset in 0..=220 {
            let text = format!("{}{credential} end", "x".repeat(offset));
            let redacted = String::from_utf8(search.redact(text.as_bytes())).unwrap();
            let expected = format!("{}{MARK} end", "x".repeat(offset));
            assert_eq!(redacted, expected, "{offset}");
        }
    }
}

#[test]
fn credential_is_found_in_each_form_wherever_the_form_is_cut() {
    let credential = credential(20);
    let search = CredentialSearch::new(std::slice::from_ref(&credential), MIN_RUN).unwrap();
    for (name, form) in forms() {
        let text = form(&credential);
        // Less than a part, and the half of an escape.
        let most = text.len().div_ceil(credential.len()) * MIN_RUN;
        let ends = (0..text.len()).filter(|end| text.is_char_boundary(*end));
        for piece in ends.flat_map(|at| [&text[..at], &text[at..]]) {
            let redacted = String::from_utf8(search.redact(piece.as_bytes())).unwrap();
            let left = redacted.replace(MARK, "");
            assert!(left.len() < most, "{name}: {piece} -> {redacted}");
        }
    }
}

#[test]
fn credential_is_found_across_blocks() {
    let credential = credential(2000);
    for offset in [63_000, 64_512, 65_500, 65_536, 66_560, 131_000] {
        let text = format!("{}{credential} end", " ".repeat(offset));
        let expected = format!("{}{MARK} end", " ".repeat(offset));
        assert_eq!(redacted(&text, &credential), expected, "{offset}");
    }
}

#[test]
fn credential_without_an_end_is_found() {
    for length in [8, 16, 80, 285] {
        let credential = credential(length);
        for cut in 1..=length {
            for part in [&credential[..cut], &credential[length - cut..]] {
                let text = redacted(&format!("token {part} is wrong"), &credential);
                let longest = if cut < MIN_RUN { cut } else { 0 };
                assert!(
                    remains(&text, &credential) <= longest.max(3),
                    "{cut}: {text}"
                );
            }
        }
    }
}

#[test]
fn credential_that_is_cut_off_at_the_end_of_a_text_is_found() {
    let credential = credential(80);
    for end in ["", "\"}", "\"}]", "...", "\" }\n"] {
        for length in 4..=80 {
            let text = format!("{{\"message\":\"bad token {}{end}", &credential[..length]);
            let text = redacted(&text, &credential);
            let expected = format!("{{\"message\":\"bad token {MARK}{end}");
            assert_eq!(text, expected, "{length}");
        }
    }
}

#[test]
fn credential_with_escapes_is_found_as_the_request_has_it() {
    for credential in [
        "pass\"w\\ord-\u{e9}-secret",
        "100%25 %41%42%43 sure",
        "\\u0041\\u0042 & &amp; \\n",
        "tab\there and there",
    ] {
        for (name, form) in forms() {
            if name == "upper case" {
                continue;
            }
            let text = redacted(&format!("<{}>", form(credential)), credential);
            assert!(remains(&text, credential) < MIN_RUN, "{name}: {text}");
        }
    }
}

#[test]
fn short_credential_is_found_as_a_whole() {
    assert_eq!(
        redacted("the password is p4ss", "p4ss"),
        format!("the password is {MARK}")
    );
    assert_eq!(redacted("p4s 4ss", "p4ss"), "p4s 4ss");
    assert_eq!(redacted("a\\\"b", "a\"b"), MARK);
}

#[test]
fn text_without_the_credential_is_not_changed() {
    let credential = credential(80);
    let text = format!("{} and {}", &credential[..7], &credential[20..27]);
    assert_eq!(redacted(&text, &credential), text);
    assert_eq!(
        redacted("100% of \\ & nothing", &credential),
        "100% of \\ & nothing"
    );
    assert!(CredentialSearch::new(&[String::new()], MIN_RUN).is_none());
}

#[test]
fn rows_of_a_search_keep_words_that_a_credential_contains() {
    let search = CredentialSearch::new(&["sipcapture-2026-secret".to_string()], 16).unwrap();
    let row = b"{\"callid\":\"1@sipcapture.example\"}";
    assert_eq!(search.redact(row), row);
    let echo = b"{\"callid\":\"sipcapture-2026-secre\"}";
    assert_eq!(search.redact(echo), b"{\"callid\":\"[credential]\"}");
}
