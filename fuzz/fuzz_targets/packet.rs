//! Any packet: no panic, and a payload and Call-ID that are parts of it.
#![no_main]

use homer_export::{packet, sip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let within = |part: &[u8], whole: &[u8]| whole.as_ptr_range().start <= part.as_ptr() && part.len() <= whole.len();
    if let Some(payload) = packet::udp_payload(1, bytes) {
        assert!(within(payload, bytes));
        if let Some(id) = sip::call_id(payload) {
            assert!(within(id, payload));
        }
    }
    let _ = sip::call_id(bytes);
});
