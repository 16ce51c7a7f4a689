//! Any response without a capture: one of the outcomes, a bounded text of one line, and never our
//! credential in it.
#![no_main]

use homer_export::Config;
use homer_export::homer::login;
use homer_export::homer::response::{self, NoCapture};
use homer_export::transport::ResponseHead;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, Option<&str>, Option<&str>, &[u8])| {
    let (status, content_type, location, body) = input;
    let vars = [
        ("HOMER_URL", "http://homer"),
        ("HOMER_API_TOKEN", "s3cret-token"),
    ];
    let homer = Config::from_vars(vars).expect("valid").homer;
    let head = ResponseHead {
        status,
        content_type: content_type.map(String::from),
        location: location.map(String::from),
        www_authenticate: location.map(String::from),
        server: location.map(String::from),
        retry_after: location.map(String::from),
        ..ResponseHead::default()
    };
    let _ = login::token(&head, body);
    let error = match response::no_capture(&head, body, &homer) {
        NoCapture::Empty => None,
        NoCapture::UnknownProfile(error)
        | NoCapture::UnknownEndpoint(error)
        | NoCapture::Failed(error) => Some(error),
    };
    let other = response::not_a_capture(&head, body, &homer);
    for error in error.into_iter().chain([other]) {
        let text = error.message();
        assert!(text.chars().count() < 1000, "{text:?}");
        assert!(!text.contains(['\n', '\r', '\0']), "{text:?}");
        assert!(!text.contains("s3cret-token"), "{text:?}");
    }
});
