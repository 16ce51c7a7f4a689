//! What std would bring: an allocator, a panic handler, and the component model's `cabi_realloc`.
//!
//! Without std the components import nothing but what they use; with it the `wasi:cli` imports for standard streams,
//! terminals and exit would come along (wasm.md §1).

use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
use core::arch::wasm32::{u8x16_bitmask, u8x16_ne, v128_load};
use core::panic::PanicInfo;

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A panic is a bug of ours: it ends in a trap, and the text goes nowhere, since it could hold what nobody may see.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The canonical ABI's allocation function: what the host calls to place lists and strings into this memory.
///
/// # Safety
/// The caller is generated code of the canonical ABI: `old` is null with `old_len` 0, or an allocation made here with
/// these `old_len` and `align`; `align` is a power of two.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    if new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let Ok(layout) = Layout::from_size_align(new_len, align) else { core::arch::wasm32::unreachable() };
    let new = if old_len == 0 {
        // SAFETY: the layout's size is not zero.
        unsafe { alloc(layout) }
    } else {
        // SAFETY: `old` was allocated here with `old_len` and `align`, by this function's contract; that layout is valid
        // since it was used before, and the new size is neither zero nor too large for `align`, as `layout` proves.
        unsafe { realloc(old, Layout::from_size_align_unchecked(old_len, align), new_len) }
    };
    if new.is_null() {
        handle_alloc_error(layout);
    }
    new
}

/// Compares memory: the one function of the C library that compiled slices call and this target's compiler runtime lacks. Sixteen
/// bytes at a time: header fields are compared in every message.
///
/// # Safety
/// As in C: `a` and `b` point to `len` readable bytes each.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    let mut at = 0;
    while at + 16 <= len {
        // SAFETY: the sixteen bytes from `at` on lie below `len`, so they are readable by this function's contract; loads of
        // vectors ask for no alignment.
        let (a, b) = unsafe { (v128_load(a.add(at).cast()), v128_load(b.add(at).cast())) };
        let differ = u8x16_bitmask(u8x16_ne(a, b));
        if differ != 0 {
            at += differ.trailing_zeros() as usize;
            break;
        }
        at += 16;
    }
    while at < len {
        // SAFETY: `at` is below `len`, so both bytes are readable by this function's contract.
        let (a, b) = unsafe { (*a.add(at), *b.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}
