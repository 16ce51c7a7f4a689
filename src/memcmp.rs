//! `memcmp` for the components: the one C function that compiled slice comparisons call and that
//! the compiler runtime of `wasm32-wasip2` lacks without std.
//!
//! The function of wasi-libc would work as well, but it compares byte by byte. This one makes the
//! report of a large capture faster, because header fields are compared in every message
//! (`cargo bench -p benches --bench throughput`).

use core::arch::wasm32::{u8x16_bitmask, u8x16_ne, v128_load};

/// Compares memory as in C, 16 bytes at a time, or 8 or 4 if there are fewer. The last step may
/// include bytes that were compared before.
///
/// # Safety
/// As in C: `a` and `b` point to `len` readable bytes each.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    let mut at = 0;
    if len >= 16 {
        loop {
            // SAFETY: the sixteen bytes from `at` on lie below `len`, so they are readable by this
            // function's contract; loads of vectors ask for no alignment.
            let (a16, b16) = unsafe { (v128_load(a.add(at).cast()), v128_load(b.add(at).cast())) };
            let differ = u8x16_bitmask(u8x16_ne(a16, b16));
            if differ != 0 {
                at += differ.trailing_zeros() as usize;
                // SAFETY: `at` is the index of one of those sixteen bytes.
                return unsafe { i32::from(*a.add(at)) - i32::from(*b.add(at)) };
            }
            if at + 16 == len {
                return 0;
            }
            at = (at + 16).min(len - 16);
        }
    }
    if len >= 8 {
        for at in [0, len - 8] {
            // SAFETY: the eight bytes from `at` on lie below `len`, so they are readable by this
            // function's contract; unaligned reads ask for no more.
            let (a8, b8) = unsafe {
                (
                    a.add(at).cast::<u64>().read_unaligned(),
                    b.add(at).cast::<u64>().read_unaligned(),
                )
            };
            if a8 != b8 {
                // The first byte in memory counts most.
                return if a8.swap_bytes() < b8.swap_bytes() {
                    -1
                } else {
                    1
                };
            }
        }
        return 0;
    }
    if len >= 4 {
        for at in [0, len - 4] {
            // SAFETY: as above, with four bytes.
            let (a4, b4) = unsafe {
                (
                    a.add(at).cast::<u32>().read_unaligned(),
                    b.add(at).cast::<u32>().read_unaligned(),
                )
            };
            if a4 != b4 {
                return if a4.swap_bytes() < b4.swap_bytes() {
                    -1
                } else {
                    1
                };
            }
        }
        return 0;
    }
    while at < len {
        // SAFETY: `at` is below `len`, so both bytes are readable by this function's contract.
        let (a1, b1) = unsafe { (*a.add(at), *b.add(at)) };
        if a1 != b1 {
            return i32::from(a1) - i32::from(b1);
        }
        at += 1;
    }
    0
}
