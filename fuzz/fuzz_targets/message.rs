//! Any message: no panic, offsets within it, no session description beyond it, and the same
//! whatever came before.
#![no_main]

use homer_export::sip::{Reader, Sdp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Two messages, the second after the first and alone.
    let (first, bytes) = bytes.split_at(bytes.len() / 2);
    let mut reader = Reader::default();
    reader.read(first, true, &mut |_, _| {});
    let [mut offsets, mut alone] = [Vec::new(), Vec::new()];
    let read = reader.read(bytes, true, &mut |at, flaw| offsets.push((at, flaw)));
    assert_eq!(read, Reader::default().read(bytes, true, &mut |at, flaw| alone.push((at, flaw))));
    assert_eq!(offsets, alone);
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
