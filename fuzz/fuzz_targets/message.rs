//! Any message: no panic, offsets within it, and no session description beyond it.
#![no_main]

use homer_export::sip::{Message, Sdp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut offsets = Vec::new();
    let read = Message::read(bytes, true, &mut |at, flaw| offsets.push((at, flaw)));
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
