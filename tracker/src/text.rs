//! What JavaScript passes in, and reading it.
//!
//! One buffer holds the record of a call: JavaScript fills it right before, and each function only reads it. Passing
//! text through wasm-bindgen itself costs an allocator and twice the glue, for the sake of a copy that nobody needs.
//! The buffer's parts are atomic so that no unsafe code is needed; without threads that is a plain load.
//!
//! Behind the record stands a NUL, which is no part of it: reading an escape looks two bytes ahead, and what an earlier
//! call left there may be hexadecimal digits.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How much `js/wasm.js` may write, which has the same number. Beyond any address and any page's cookies.
pub const CAPACITY: usize = 65_535;

static INPUT: [AtomicU8; CAPACITY] = [const { AtomicU8::new(0) }; CAPACITY];

/// Where the record begins in memory.
pub fn address() -> *const u8 {
    INPUT.as_ptr().cast()
}

/// Puts a record into the buffer, as JavaScript would, and returns its length.
#[cfg(feature = "std")]
pub fn fill(record: &str) -> u16 {
    let mut length = 0;
    let mut places = INPUT.iter();
    for (byte, place) in record.bytes().zip(&mut places) {
        place.store(byte, Relaxed);
        length += 1;
    }
    if let Some(end) = places.next() {
        end.store(0, Relaxed);
    }
    length
}

/// A piece of the record: the places where it begins and ends there, 16 bits each. WebAssembly returns one number at a
/// time; a slice is two and takes a detour through memory, at twice the code.
#[must_use]
#[derive(Clone, Copy)]
pub struct Text(u32);

impl Text {
    /// The whole record, `length` bytes long.
    pub fn record(length: u16) -> Self {
        Self::between(0, length)
    }

    fn between(begin: u16, end: u16) -> Self {
        Self(u32::from(begin) << 16 | u32::from(end))
    }

    fn begin(self) -> u16 {
        (self.0 >> 16) as u16
    }

    fn end(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.begin() >= self.end()
    }

    /// What stands before the first `separator`; all of it if there is none.
    pub fn head(self, separator: u8) -> Self {
        let mut end = self.begin();
        while end < self.end() && byte_at(end) != separator {
            end += 1;
        }
        Self::between(self.begin(), end)
    }

    /// What stands behind the first `separator`; nothing if there is none.
    pub fn tail(self, separator: u8) -> Self {
        Self::between(self.head(separator).end().saturating_add(1), self.end())
    }

    /// Takes the head off the front, and the separator with it.
    pub fn next(&mut self, separator: u8) -> Self {
        let head = self.head(separator);
        *self = self.tail(separator);
        head
    }

    /// Finds the first `name=value` among pairs with `&` between them; empty if there is none.
    pub fn pair(self, name: Self) -> Self {
        let mut rest = self;
        while !rest.is_empty() {
            let pair = rest.next(b'&');
            if pair.head(b'=').reads_like(name) {
                return pair;
            }
        }
        rest
    }

    /// Whether both read the same once they are decoded.
    pub fn reads_like(mut self, mut other: Self) -> bool {
        while !self.is_empty() {
            if other.is_empty() || self.take_decoded() != other.take_decoded() {
                return false;
            }
        }
        other.is_empty()
    }

    /// At most its first `length` bytes.
    #[inline(never)] // smaller by 30 bytes
    pub fn at_most(self, length: u16) -> Self {
        let end = self.begin().saturating_add(length);
        Self::between(self.begin(), self.end().min(end))
    }

    /// Takes the byte at the front off; 0 at the end.
    pub fn take(&mut self) -> u8 {
        let byte = byte_at(self.begin());
        *self = Self::between(self.begin().saturating_add(1), self.end());
        byte
    }

    /// Takes one byte of percent-encoded text off, as `URLSearchParams` reads it: `+` is a space, and what is no valid
    /// escape stands for itself.
    pub fn take_decoded(&mut self) -> u8 {
        let byte = self.take();
        if byte == b'+' {
            return b' ';
        }
        let mut rest = *self;
        let (high, low) = (hexadecimal(rest.take()), hexadecimal(rest.take()));
        if byte != b'%' || high > 15 || low > 15 {
            return byte;
        }
        *self = rest;
        high << 4 | low
    }
}

#[cfg(feature = "debug")]
impl std::fmt::Display for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = *self;
        let mut bytes = Vec::new();
        while !rest.is_empty() {
            bytes.push(rest.take());
        }
        formatter.write_str(&String::from_utf8_lossy(&bytes))
    }
}

/// The value of a hexadecimal digit; more than 15 if it is none.
fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' | b'a'..=b'f' => (digit | 32) - b'a' + 10,
        _ => u8::MAX,
    }
}

/// The byte of the record at `place`; 0 behind it.
fn byte_at(place: u16) -> u8 {
    INPUT.get(usize::from(place)).map_or(0, |byte| byte.load(Relaxed))
}
