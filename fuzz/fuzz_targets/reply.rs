//! Any reply: one of the outcomes, a bounded text of one line, and never our credential in it.
#![no_main]

use homer_export::Config;
use homer_export::homer::login;
use homer_export::homer::reply::{self, Head, Refusal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, Option<&str>, Option<&str>, &[u8])| {
    let (status, content_type, location, body) = input;
    let vars = [("HOMER_URL", "http://homer"), ("HOMER_API_TOKEN", "s3cret-token")];
    let config = Config::from_vars(vars).expect("valid");
    let head = Head {
        status,
        content_type: content_type.map(String::from),
        location: location.map(String::from),
        ..Head::default()
    };
    let _ = login::token(&head, body);
    let refusal = match reply::refusal(&head, body, &config) {
        Refusal::Nothing => None,
        Refusal::UnknownProfile(error) | Refusal::UnknownEndpoint(error) | Refusal::Failed(error) => Some(error),
    };
    for error in refusal.into_iter().chain([reply::not_a_capture(&head, body, &config)]) {
        let text = error.message();
        assert!(text.chars().count() < 1000 && !text.contains(['\n', '\r', '\0']), "{text:?}");
        assert!(!text.contains("s3cret-token"), "{text:?}");
    }
});
