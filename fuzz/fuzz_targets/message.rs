//! Any message: no panic, findings inside the message, and the same result whatever was parsed
//! before it.
#![no_main]

use homer_export::sip::{Parser, Sdp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Two messages: the second one is parsed after the first, and by a new parser.
    let (first, bytes) = bytes.split_at(bytes.len() / 2);
    let mut parser = Parser::default();
    parser.parse(first, true, &mut |_, _| {});
    let [mut findings, mut alone] = [Vec::new(), Vec::new()];
    let parsed = parser.parse(bytes, true, &mut |at, rule| findings.push((at, rule)));
    assert_eq!(
        parsed,
        Parser::default().parse(bytes, true, &mut |at, rule| alone.push((at, rule)))
    );
    assert_eq!(findings, alone);
    if let Some(message) = parsed {
        assert!(
            message.body_offset <= bytes.len() && message.content().len() <= message.body.len()
        );
        if let Err((at, rule)) = Sdp::parse(message.content()) {
            findings.push((Some(message.body_offset + at), rule));
        }
    }
    for (at, rule) in findings {
        assert!(
            at.is_none_or(|at| at <= bytes.len()),
            "{rule:?} at {at:?} of {}",
            bytes.len()
        );
        assert!(!rule.text().is_empty());
    }
});
