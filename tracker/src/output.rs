//! Where a function's text is left for JavaScript to read.
//!
//! One buffer for all calls: a page has one thread, and `js/wasm.js` reads each text before it calls again. State is
//! that text and its length. The parts are atomic so that no unsafe code is needed; without threads that is a plain
//! load or store.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use crate::text::Text;

/// Enough for the longest line there can be, see `tests/core.rs`. It is zeroed memory: nothing in the file.
pub const CAPACITY: usize = 192 * 1024;

static TEXT: [AtomicU8; CAPACITY] = [const { AtomicU8::new(0) }; CAPACITY];

static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Where the text begins in memory.
pub fn address() -> *const u8 {
    TEXT.as_ptr().cast()
}

/// Ends the text and returns its length in bytes; the next byte begins another one.
pub fn finish() -> usize {
    LENGTH.swap(0, Relaxed)
}

/// Writes one byte.
#[inline(never)] // inlined it is a fifth of the file
pub fn byte(byte: u8) {
    let length = LENGTH.load(Relaxed);
    if let Some(place) = TEXT.get(length) {
        place.store(byte, Relaxed);
        LENGTH.store(length + 1, Relaxed);
    }
}

/// Writes text as it is.
pub fn text(text: &[u8]) {
    text.iter().copied().for_each(byte);
}

/// Copies a piece of the record.
pub fn copy(mut text: Text) {
    while !text.is_empty() {
        byte(text.take());
    }
}

/// Writes a byte as two hexadecimal digits.
pub fn hexadecimal(number: u8) {
    for digit in [number >> 4, number & 15] {
        byte(digit + if digit < 10 { b'0' } else { b'A' - 10 });
    }
}

/// Writes a number in decimal.
pub fn decimal(number: u32) {
    if number >= 10 {
        decimal(number / 10);
    }
    byte(b'0' + (number % 10) as u8);
}

/// The text so far.
#[cfg(feature = "debug")]
pub fn so_far() -> String {
    read(LENGTH.load(Relaxed))
}

/// The first `length` bytes as text, as JavaScript would read them.
#[cfg(feature = "std")]
pub fn read(length: usize) -> String {
    let written = TEXT.iter().take(length);
    let bytes: Vec<u8> = written.map(|byte| byte.load(Relaxed)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
