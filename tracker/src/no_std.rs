//! What a crate without the standard library must bring: an allocator and an end for panics.
//!
//! wasm-bindgen links the `alloc` crate, so there must be an allocator. Nothing here asks it for memory.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::panic::PanicInfo;
use core::ptr::null_mut;

#[global_allocator]
static NO_MEMORY: NoMemory = NoMemory;

struct NoMemory;

// SAFETY: it hands out no block, so there is none to be valid.
#[expect(unsafe_code, reason = "the trait is unsafe")]
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        null_mut()
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}

/// Nothing in the crate panics on purpose. Should it happen, the call ends with an exception that `js/core.js`
/// catches.
#[panic_handler]
fn end(_: &PanicInfo) -> ! {
    wasm32::unreachable()
}
