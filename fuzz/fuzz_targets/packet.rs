//! Any packet: no panic, and a payload inside the packet.
#![no_main]

use homer_export::packet::Packet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Packet::Udp { payload, .. } = Packet::parse(1, bytes) {
        let within = bytes.as_ptr_range();
        assert!(within.contains(&payload.as_ptr()) || payload.is_empty());
        assert!(payload.len() + 42 <= bytes.len());
    }
});
