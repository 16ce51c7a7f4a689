//! Any message: no panic, offsets within it, no session description beyond it, and the same when it comes again.
#![no_main]

use homer_export::sip::{Reader, Sdp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::default();
    let mut offsets = Vec::new();
    let read = reader.read(bytes, true, &mut |at, flaw| offsets.push((at, flaw)));
    let mut again = Vec::new();
    assert_eq!(reader.read(bytes, true, &mut |at, flaw| again.push((at, flaw))), read);
    assert_eq!(again, offsets);
    if let Some(message) = read {
        assert!(message.body_offset <= bytes.len() && message.content().len() <= message.body.len());
        if let Err((at, flaw)) = Sdp::read(message.content()) {
            offsets.push((Some(message.body_offset + at), flaw));
        }
    }
    for (at, flaw) in offsets {
        assert!(at.is_none_or(|at| at <= bytes.len()), "{flaw:?} at {at:?} of {}", bytes.len());
        assert!(!flaw.text().is_empty());
    }
});
