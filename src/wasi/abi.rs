//! What std would bring: an allocator, a panic handler, and the component model's `cabi_realloc`.
//!
//! Without std the components import nothing but what they use; with it the `wasi:cli` imports for
//! standard streams, terminals and exit would come along (wasm.md §1).

use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
use core::arch::wasm32::{u8x16_bitmask, u8x16_ne, v128_load};
use core::panic::PanicInfo;

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A panic is a bug of ours: it ends in a trap, and the text goes nowhere, since it could hold what
/// nobody may see.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The canonical ABI's allocation function: what the host calls to place lists and strings into
/// this memory.
///
/// # Safety
/// The caller is generated code of the canonical ABI: `old` is null with `old_len` 0, or an
/// allocation made here with these `old_len` and `align`; `align` is a power of two.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_len: usize,
    align: usize,
    new_len: usize,
) -> *mut u8 {
    if new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let Ok(layout) = Layout::from_size_align(new_len, align) else {
        core::arch::wasm32::unreachable()
    };
    let new = if old_len == 0 {
        // SAFETY: the layout's size is not zero.
        unsafe { alloc(layout) }
    } else {
        // SAFETY: `old` was allocated here with `old_len` and `align`, by this function's contract;
        // that layout is valid since it was used before, and the new size is neither zero nor too
        // large for `align`, as `layout` proves.
        unsafe {
            realloc(
                old,
                Layout::from_size_align_unchecked(old_len, align),
                new_len,
            )
        }
    };
    if new.is_null() {
        handle_alloc_error(layout);
    }
    new
}

/// Compares memory: the one function of the C library that compiled slices call and this target's
/// compiler runtime lacks. Sixteen bytes at a time, or eight, the last of them together with some
/// that have been compared: header fields are compared in every message.
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
                // SAFETY: of those sixteen bytes, one that differs.
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
