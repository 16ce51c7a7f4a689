//! Replacements for std: an allocator, a panic handler, and the component model's `cabi_realloc`.
//!
//! Without std, the components import only what they use. With std, they would also import the
//! `wasi:cli` interfaces for standard streams, terminals and exit (docs/wasm.md §1).

use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
use core::panic::PanicInfo;

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A panic is a bug of ours and ends in a trap. Its text is dropped, because it could contain a
/// secret.
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
