//! What JavaScript calls.
//!
//! Arguments that are text come as one record (see [`crate::text`]) of `length` bytes: a line for each, in the order
//! that each function names; none can contain a line break, which browsers take out of addresses and titles. A function
//! that makes text leaves it in [`output`] and returns its length in bytes, 0 if there is none. Read it before the next
//! call. The bodies of requests are JSON.stringify's: built here they were 390 bytes more.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::text::{self, Text};
use crate::{cookie, output, referral, retry};

/// Where the record of the next call is to be written: at most [`text::CAPACITY`] bytes of UTF-8.
#[wasm_bindgen]
pub fn input_address() -> *const u8 {
    text::address()
}

/// Where the text of the last call begins in memory.
#[wasm_bindgen]
pub fn output_address() -> *const u8 {
    output::address()
}

/// What there is to report and to remember of a landing. Nothing if it carries no referral parameter; else what to
/// remember ([`referral::landing`]), and in the lines behind it the partner's code: nothing there if it is no click to
/// report ([`referral::is_click`]). Lines taken: the page's address, the parameter's names (`|` between), and what was
/// remembered last.
#[wasm_bindgen]
pub fn landing(length: u16) -> usize {
    let mut known = Text::record(length);
    let url = known.next(b'\n');
    let names = known.next(b'\n');
    let parameter = referral::find(url, names);
    #[cfg(feature = "debug")]
    crate::explain::landing(url, names, known, parameter);
    if !parameter.is_empty() {
        referral::landing(url, parameter);
        output::byte(b'\n');
        if referral::is_click(parameter, known, names) {
            referral::partner(parameter);
        }
    }
    output::finish()
}

/// The line that sets a cookie, and in the next one the domain that it names, see [`cookie::line`]. Lines taken: its name,
/// its value, the page's host name.
#[wasm_bindgen]
pub fn cookie_line(length: u16, days: u32, labels: u32, secure: bool) -> usize {
    let mut host = Text::record(length);
    let name = host.next(b'\n');
    let value = host.next(b'\n');
    cookie::line(name, value, host, days, labels, secure);
    #[cfg(feature = "debug")]
    crate::explain::cookie(name, days);
    output::finish()
}

/// Milliseconds until a request is sent again; 0 if its answer is final. See [`retry::delay`].
#[wasm_bindgen]
pub fn retry_delay(status: u32, attempt: u32) -> u32 {
    let delay = retry::delay(status, attempt);
    #[cfg(feature = "debug")]
    crate::explain::retry(status, attempt, delay);
    delay
}
